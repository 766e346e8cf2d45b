//! Finds the store, or makes it; how it is; and the end of the first load.

use std::sync::Mutex;

use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::client::{Body, Client};
use super::found::Standing;
use super::known::Known;
use super::options::ElasticOptions;
use super::schema::{self, Analysis, INDICES, Names, VERSION};
use super::{CAPABILITIES, Flavour, PREFERRED_ROWS, Store, classify};
use crate::contract::{BackendInfo, Capabilities};
use crate::error::{Error, ErrorKind, Result};
use crate::factory::{Access, BackendConfig};

const OPENING: &str = "opening the store";
const MAKING: &str = "making the store";

/// Attempts to say that the first load is done, while others say it.
const ATTEMPTS: usize = 20;

impl Store {
    /// A backend that has not looked for its store yet.
    pub(super) fn new(
        flavour: Flavour,
        options: ElasticOptions,
        config: &BackendConfig,
    ) -> Result<Self> {
        let capabilities =
            Capabilities { concurrency: options.connections as usize, ..CAPABILITIES };
        Ok(Self {
            flavour,
            info: BackendInfo {
                type_name: flavour.name().into(),
                version: String::new(),
                capabilities,
                preferred_rows: PREFERRED_ROWS,
            },
            client: Client::new(flavour.name(), &options)?,
            names: Names::new(&options.prefix),
            route_by_repo: options.route_by_repo,
            options,
            access: config.access,
            selection: config.selection,
            known: Mutex::new(Known::default()),
        })
    }

    pub(super) async fn ask(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Value> {
        let answer = self.client.send(what, method, path, body).await?;
        Ok(classify::checked(what, answer)?.json())
    }

    /// Whether there is a store.
    pub(super) async fn is_there(&self) -> Result<bool> {
        self.server_version().await?;
        Ok(self.own().await?.is_some())
    }

    /// Finds the store; with [`Access::Write`], makes it where there is none.
    pub(super) async fn open(&mut self) -> Result<()> {
        self.info.version = self.server_version().await?;
        let own = self.own().await?;
        let version =
            own.as_ref().map(|own| own["_source"]["version"].as_u64().unwrap_or(u64::MAX));
        match (version, self.access) {
            (Some(version), _) if version > VERSION => {
                let message = format!(
                    "{OPENING}: its schema has version {version}, this astload knows {VERSION}"
                );
                Err(Error::misconfigured(message).with_hint("use a newer astload"))
            }
            (None, Access::Read) => {
                let name = self.names.alias("store");
                Err(Error::misconfigured(format!("{OPENING}: there is none in {name}"))
                    .with_hint("load something into it first: astload load PATH --to URL"))
            }
            (Some(_), Access::Read) => Ok(()),
            (_, Access::Write) => match self.lacking().await?.is_empty() && version.is_some() {
                true => Ok(()),
                false => self.create().await,
            },
        }
    }

    async fn server_version(&self) -> Result<String> {
        let path = "_nodes?filter_path=cluster_name,nodes.*.version";
        let answer = self.ask(OPENING, Method::Get, path, Body::None).await?;
        let nodes = answer["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
        let mut versions: Vec<&str> = nodes.filter_map(|node| node["version"].as_str()).collect();
        versions.sort_unstable();
        let Some(version) = versions.first().copied() else {
            return Err(Error::misconfigured(format!("{OPENING}: what answers is no cluster"))
                .with_hint("does the URL lead to Elasticsearch or OpenSearch?"));
        };
        let major: u32 =
            version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        let (oldest, newest, other) = match self.flavour {
            Flavour::Elasticsearch => (8, u32::MAX, "opensearch"),
            Flavour::OpenSearch => (2, 6, "elasticsearch"),
        };
        if !(oldest..=newest).contains(&major) {
            let name = self.flavour.name();
            return Err(Error::misconfigured(format!(
                "{OPENING}: the server says that it is version {version}; type {name} needs {oldest} or newer"
            ))
            .with_hint(format!("is it {other}? Then the URL begins with {other}://")));
        }
        Ok(version.to_owned())
    }

    /// The store's own document.
    pub(super) async fn own(&self) -> Result<Option<Value>> {
        let asked = vec![json!({ "_index": self.names.alias("store"), "_id": "store" })];
        match self.documents(OPENING, asked).await {
            Ok(mut found) => Ok(found.pop().flatten()),
            Err(error) if error.message.contains("index_not_found_exception") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Indices that are not there.
    pub(super) async fn lacking(&self) -> Result<Vec<&'static str>> {
        let path = format!("_alias/{}-*", self.options.prefix);
        let answer = self.client.send(OPENING, Method::Get, &path, Body::None).await?;
        let there = match answer.status {
            404 => Value::Null,
            _ => classify::checked(OPENING, answer)?.json(),
        };
        let is_there = |name: &str| {
            !there[self.names.index(name)]["aliases"][self.names.alias(name)].is_null()
        };
        Ok(INDICES.into_iter().filter(|name| !is_there(name)).collect())
    }

    /// Makes what is not there, unless somebody else does so at the same time.
    pub(super) async fn create(&self) -> Result<()> {
        let analysis = self.analysis().await?;
        for (path, body) in schema::requests(&self.names, self.flavour, analysis, &self.options) {
            let body = body.map_or(Body::None, |body| Body::json(&body));
            let answer = self.client.send(MAKING, Method::Put, &path, body).await?;
            let is_there = answer.status == 400
                && answer.json()["error"]["type"] == "resource_already_exists_exception";
            if !is_there {
                classify::checked(MAKING, answer)?;
            }
        }
        let epoch = self.new_epoch();
        let document = json!({ "version": VERSION, "epoch": epoch, "loading": true });
        let index = self.names.alias("store");
        // Where there is one, somebody else made it.
        self.put_guarded(MAKING, &index, "store", None, &document).await.map(drop)
    }

    pub(super) fn new_epoch(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(1, |since| since.as_micros() as u64)
    }

    /// Whether the server has the filters that cut identifiers.
    async fn analysis(&self) -> Result<Analysis> {
        let asked = json!({
            "tokenizer": "whitespace",
            "filter": ["lowercase", {"type": "word_delimiter_graph"}, "flatten_graph"],
            "text": "camelCase",
        });
        let answer = self.client.send(MAKING, Method::Post, "_analyze", Body::json(&asked)).await?;
        Ok(match answer.status {
            200 => Analysis::Words,
            _ => Analysis::Letters,
        })
    }

    /// Ends the first load: what was switched off for it is as it was configured, and all is seen.
    pub(super) async fn settle(&self) -> Result<()> {
        const WHAT: &str = "settling";
        self.client.check_open()?;
        for _ in 0..ATTEMPTS {
            let own = self.own().await?.ok_or_else(|| {
                Error::misconfigured(format!("{WHAT}: the store's own document is gone"))
            })?;
            if own["_source"]["loading"] != true {
                break;
            }
            for name in INDICES {
                let path = format!("{}/_settings", self.names.index(name));
                let body = Body::json(&schema::loaded(name, &self.options));
                self.ask(WHAT, Method::Put, &path, body).await?;
            }
            let mut document = own["_source"].clone();
            document["loading"] = false.into();
            let (index, standing) = (self.names.alias("store"), Standing::of(&own));
            if self.put_guarded(WHAT, &index, "store", Some(&standing), &document).await? {
                break;
            }
        }
        self.refresh(WHAT).await
    }

    /// What was written is seen by searches from now on.
    pub(super) async fn refresh(&self, what: &str) -> Result<()> {
        let path = format!("{}/_refresh", self.names.all());
        self.ask(what, Method::Post, &path, Body::None).await.map(drop)
    }

    /// What the cluster says of itself; an error where nothing can be written.
    pub(super) async fn health(&self) -> Result<Vec<(String, String)>> {
        const WHAT: &str = "health check";
        if let Some(name) = self.lacking().await?.first() {
            let name = self.names.alias(name);
            return Err(Error::misconfigured(format!("{WHAT}: there is no index {name}"))
                .with_hint(
                    "`astload schema apply` makes it anew; what was in it is gone: load again",
                ));
        }
        let path = format!("{}/_settings/index.blocks.*?flat_settings=true", self.names.all());
        let settings = self.ask(WHAT, Method::Get, &path, Body::None).await?;
        for (index, found) in settings.as_object().into_iter().flatten() {
            for (name, value) in found["settings"].as_object().into_iter().flatten() {
                if value == "true" && self.access == Access::Write {
                    let reason = format!(
                        "index [{index}] blocked by: [FORBIDDEN/{}]",
                        match name.as_str() {
                            "index.blocks.read_only_allow_delete" => "12/flood stage/",
                            _ => "8/index write",
                        }
                    );
                    let said = json!({ "type": "cluster_block_exception", "reason": reason });
                    return Err(classify::of_answer(WHAT, 403, &said));
                }
            }
        }
        let path = "_cluster/health?filter_path=status,number_of_nodes";
        let cluster = self.ask(WHAT, Method::Get, path, Body::None).await?;
        let path = "_nodes/stats/fs?filter_path=nodes.*.fs.total,nodes.*.roles";
        let nodes = self.ask(WHAT, Method::Get, path, Body::None).await?;
        let totals = nodes["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values());
        let free = totals.filter_map(|node| {
            let total = &node["fs"]["total"];
            let (free, all) =
                (total["available_in_bytes"].as_f64()?, total["total_in_bytes"].as_f64()?);
            (all > 0.0).then_some(100.0 * free / all)
        });
        let least = free.fold(f64::NAN, f64::min);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if cluster["status"] == "red" {
            return Err(Error::new(ErrorKind::Transient, format!("{WHAT}: the cluster is red"))
                .with_hint("GET _cluster/allocation/explain says why a shard is not there"));
        }
        let mut details = vec![
            ("version".to_owned(), self.info.version.clone()),
            ("cluster".to_owned(), text(&cluster["status"])),
            ("nodes".to_owned(), text(&cluster["number_of_nodes"])),
        ];
        if least.is_finite() {
            details.push(("disk_free".to_owned(), format!("{least:.0} %")));
        }
        Ok(details)
    }
}

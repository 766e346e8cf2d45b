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
use crate::error::{Error, Result};
use crate::factory::{Access, BackendConfig};
use crate::schema_version;

const OPENING: &str = "opening the store";
const MAKING: &str = "making the store";

/// How long the shards of an index may take until they are there, as the server writes it.
const SHARDS: &str = "10s";

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
        if let Some(version) = version {
            schema_version::check(&format!("{OPENING}: it"), version, VERSION, self.access)?;
        }
        match (version, self.access) {
            (None, Access::Read | Access::Drop) => {
                let name = self.names.alias("store");
                Err(Error::misconfigured(format!("{OPENING}: there is none in {name}"))
                    .with_hint("load something into it first: astload load PATH --to URL"))
            }
            (Some(_), Access::Read | Access::Drop) => Ok(()),
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
            .with_hint(format!("is it {other}? Then this is its type, and a URL begins with {other}://")));
        }
        Ok(version.to_owned())
    }

    /// The store's own document.
    pub(super) async fn own(&self) -> Result<Option<Value>> {
        let asked = || vec![json!({ "_index": self.names.alias("store"), "_id": "store" })];
        let mut found = self.documents(OPENING, asked()).await;
        if let Err(error) = &found
            && error.message.contains("no_shard_available_action_exception")
        {
            // Somebody is making the index right now, or its node has just been started.
            let index = self.names.index("store");
            let path = format!("_cluster/health/{index}?wait_for_status=yellow&timeout={SHARDS}");
            self.client.send(OPENING, Method::Get, &path, Body::None).await?;
            found = self.documents(OPENING, asked()).await;
        }
        match found {
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
}

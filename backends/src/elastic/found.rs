//! What the store has of a batch's units and repositories before they are written, as it is at this
//! moment: by their ids, without waiting for a refresh.

use std::collections::{BTreeMap, HashMap};

use astload_model::{Batch, UnitId};
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::bulk::Bulk;
use super::client::Body;
use super::documents::unit_id;
use super::{Store, classify};
use crate::contract::{Origin, RepoState};
use crate::error::{Error, Result};
use crate::verdict::Held;

const WHAT: &str = "writing a batch";

/// Attempts to record what others record at the same time.
const ATTEMPTS: usize = 20;

/// Milliseconds for which a repository is not recorded again where its generation is known.
pub(super) const RECENTLY: u64 = 10_000;

/// A unit as it stands in the store.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) generation: u64,
    pub(super) is_deleted: bool,
    pub(super) repo: String,
    pub(super) path: String,
    pub(super) layer: String,
    /// Names the documents of its nodes.
    pub(super) version: String,
    pub(super) content: String,
    pub(super) nodes: u64,
    pub(super) seq_no: u64,
    pub(super) primary_term: u64,
}

impl Standing {
    pub(super) fn held(&self) -> Held {
        if self.is_deleted { Held::Tombstone } else { Held::Rows }
    }

    /// Of a document that was found.
    pub(super) fn of(document: &Value) -> Self {
        let source = &document["_source"];
        let text = |field: &str| source[field].as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Self {
            generation: number(&source["generation"]),
            is_deleted: source["deleted"].as_bool().unwrap_or_default(),
            repo: text("repo"),
            path: text("path"),
            layer: text("layer"),
            version: text("version"),
            content: text("content"),
            nodes: number(&source["nodes"]),
            seq_no: number(&document["_seq_no"]),
            primary_term: number(&document["_primary_term"]),
        }
    }
}

/// What the store has before a batch is written.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) units: HashMap<UnitId, Standing>,
    /// Changes when somebody collects garbage.
    pub(super) epoch: u64,
}

/// What is recorded of a repository: a generation, and perhaps what is known of where it comes from.
struct Record<'a> {
    repo: &'a str,
    layer: &'a str,
    generation: u64,
    state: Option<&'a RepoState>,
}

impl Record<'_> {
    /// The document that follows what is there; `None` where that will do.
    fn over(&self, old: Option<&Value>) -> Option<Value> {
        let source = old.map(|old| old["_source"].clone()).unwrap_or_default();
        let known = source["generation"].as_u64();
        let is_recent = source["loaded_at"].as_u64().is_some_and(|at| at + RECENTLY > now());
        if self.state.is_none() && is_recent && known.is_some_and(|known| known >= self.generation)
        {
            return None;
        }
        let origin = match self.state.map(|state| state.origin) {
            Some(Origin::Ours) => json!("ours"),
            Some(Origin::Upstream) => json!("upstream"),
            None => source.get("origin").cloned().unwrap_or_else(|| json!("upstream")),
        };
        let root = self.state.and_then(|state| state.root.clone()).map(Value::from);
        let mut document = json!({
            "repo": self.repo, "layer": self.layer, "origin": origin,
            "generation": self.generation.max(known.unwrap_or_default()),
        });
        let loaded_at = match self.state {
            None => Some(now().into()),
            Some(_) => source.get("loaded_at").cloned(),
        };
        for (field, value) in
            [("root", root.or_else(|| source.get("root").cloned())), ("loaded_at", loaded_at)]
        {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                document[field] = value;
            }
        }
        Some(document)
    }
}

/// The id of a repository's document.
fn repo_id(repo: &str, layer: &str) -> String {
    let digest = blake3::hash(format!("{repo}\0{layer}").as_bytes()).to_hex();
    format!("repo.{}", &digest[..32])
}

impl Store {
    /// Documents by their ids, in the order in which they are asked for; `None` where there is none.
    pub(super) async fn documents(
        &self,
        what: &str,
        asked: Vec<Value>,
    ) -> Result<Vec<Option<Value>>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let body = Body::json(&json!({ "docs": asked }));
        let answer = self.client.send(what, Method::Post, "_mget", body).await?;
        let mut answer = classify::checked(what, answer)?.json();
        let Some(documents) = answer["docs"].as_array_mut().map(std::mem::take) else {
            return Err(Error::unexpected(format!("{what}: an answer of another form")));
        };
        let found = |document: Value| match &document["error"] {
            Value::Null => Ok((document["found"] == true).then_some(document)),
            error if error["type"] == "index_not_found_exception" => {
                Err(classify::of_answer(what, 404, error))
            }
            // A shard that is not there now.
            error => Err(classify::of_answer(what, 503, error)),
        };
        documents.into_iter().map(found).collect()
    }

    pub(super) async fn found(&self, batch: &Batch) -> Result<Found> {
        let units = self.names.alias("units");
        let fields =
            ["generation", "deleted", "repo", "path", "layer", "version", "content", "nodes"];
        let unit = |unit: astload_model::Unit<'_>| json!({ "_index": units, "_id": unit_id(unit.id()), "_source": fields });
        let mut asked: Vec<Value> = batch.units().map(unit).collect();
        asked.push(json!({ "_index": self.names.alias("store"), "_id": "store" }));
        let mut found = self.documents(WHAT, asked).await?;
        let epoch = epoch_of(found.pop().flatten())?;
        let standing = |(unit, document): (astload_model::Unit<'_>, Option<Value>)| {
            document.map(|document| (unit.id(), Standing::of(&document)))
        };
        let units = batch.units().zip(found).filter_map(standing).collect();
        Ok(Found { units, epoch })
    }

    /// Records the greatest generation of each repository of a batch. Gives back the epoch, which is
    /// another one once somebody collected garbage.
    pub(super) async fn put_generations(&self, batch: &Batch) -> Result<u64> {
        let mut greatest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for unit in batch.units() {
            let known = greatest.entry((unit.repo(), unit.layer())).or_default();
            *known = unit.generation().unwrap_or_default().max(*known);
        }
        let ids = greatest.keys().map(|(repo, layer)| repo_id(repo, layer));
        let mut found = self.of_store(WHAT, ids.chain(["store".to_owned()])).await?;
        let epoch = epoch_of(found.pop().flatten())?;
        for (((repo, layer), generation), old) in greatest.into_iter().zip(found) {
            let record = Record { repo, layer, generation, state: None };
            self.record(WHAT, record, old).await?;
        }
        Ok(epoch)
    }

    /// Records a repository, and where it comes from.
    pub(super) async fn put_state(&self, what: &str, state: &RepoState) -> Result<()> {
        let RepoState { repo, layer, generation, .. } = state;
        let old = self.of_store(what, [repo_id(repo, layer)]).await?.pop().flatten();
        let record = Record { repo, layer, generation: *generation, state: Some(state) };
        self.record(what, record, old).await
    }

    async fn record(&self, what: &str, record: Record<'_>, mut old: Option<Value>) -> Result<()> {
        let id = repo_id(record.repo, record.layer);
        for _ in 0..ATTEMPTS {
            let Some(document) = record.over(old.as_ref()) else { return Ok(()) };
            let (index, standing) = (self.names.alias("store"), old.as_ref().map(Standing::of));
            if self.put_guarded(what, &index, &id, standing.as_ref(), &document).await? {
                return Ok(());
            }
            old = self.of_store(what, [id.clone()]).await?.pop().flatten();
        }
        Err(Error::transient(format!("{what}: others record the same repository all the time")))
    }

    /// Documents of the index that is about repositories and the store itself.
    async fn of_store(
        &self,
        what: &str,
        ids: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Option<Value>>> {
        let index = self.names.alias("store");
        let asked = ids.into_iter().map(|id| json!({ "_index": index, "_id": id }));
        self.documents(what, asked.collect()).await
    }

    /// Writes a document where nobody wrote it since it was looked at.
    pub(super) async fn put_guarded(
        &self,
        what: &str,
        index: &str,
        id: &str,
        standing: Option<&Standing>,
        document: &Value,
    ) -> Result<bool> {
        let mut bulk = Bulk::default();
        bulk.push(|lines| {
            self.guarded(lines, index, id, standing);
            lines.extend_from_slice(document.to_string().as_bytes());
            lines.push(b'\n');
        });
        match bulk.send(&self.client, what).await?.pop() {
            Some(item) if item.is_done() => Ok(true),
            Some(item) if item.is_conflict() => Ok(false),
            Some(item) => Err(item.as_error(what)),
            None => Ok(false),
        }
    }
}

/// By the store's own document.
fn epoch_of(store: Option<Value>) -> Result<u64> {
    let store = store.ok_or_else(|| {
        Error::misconfigured(format!("{WHAT}: the store's own document is gone"))
            .with_hint("somebody dropped it; `astload schema apply` makes it anew")
    })?;
    Ok(store["_source"]["epoch"].as_u64().unwrap_or_default())
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

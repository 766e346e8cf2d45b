//! What the store has of a batch's units and repositories before they are written, as it is at this
//! moment: by their ids, without waiting for a refresh.

use std::collections::{BTreeMap, HashMap};

use astload_model::{Batch, UnitId};
use elasticsearch::http::Method;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

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

/// How long a repository is not recorded again where its generation is known.
const RECENTLY: u64 = 10_000;

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

/// The id of a repository's document.
fn repo_id(repo: &str, layer: &str) -> String {
    format!("repo.{:016x}", xxh3_64(format!("{repo}\0{layer}").as_bytes()))
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
        let Some(Some(store)) = found.pop() else {
            return Err(Error::misconfigured(format!("{WHAT}: the store's own document is gone"))
                .with_hint("somebody dropped it; `astload schema apply` makes it anew"));
        };
        let epoch = store["_source"]["epoch"].as_u64().unwrap_or_default();
        let standing = |(unit, document): (astload_model::Unit<'_>, Option<Value>)| {
            document.map(|document| (unit.id(), Standing::of(&document)))
        };
        let units = batch.units().zip(found).filter_map(standing).collect();
        Ok(Found { units, epoch })
    }

    /// Records the greatest generation of each repository of a batch.
    pub(super) async fn put_generations(&self, batch: &Batch) -> Result<()> {
        let mut greatest: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for unit in batch.units() {
            let known = greatest.entry((unit.repo(), unit.layer())).or_default();
            *known = unit.generation().unwrap_or_default().max(*known);
        }
        for ((repo, layer), generation) in greatest {
            self.record(WHAT, repo, layer, generation, None).await?;
        }
        Ok(())
    }

    /// Records a repository: a generation, and what is known of where it comes from.
    pub(super) async fn record(
        &self,
        what: &str,
        repo: &str,
        layer: &str,
        generation: u64,
        state: Option<&RepoState>,
    ) -> Result<()> {
        let (index, id) = (self.names.alias("store"), repo_id(repo, layer));
        for _ in 0..ATTEMPTS {
            let asked = vec![json!({ "_index": index, "_id": id })];
            let old = self.documents(what, asked).await?.pop().flatten();
            let source = old.as_ref().map(|old| old["_source"].clone()).unwrap_or_default();
            let known = source["generation"].as_u64();
            let is_recent = source["loaded_at"].as_u64().is_some_and(|at| at + RECENTLY > now());
            if state.is_none() && is_recent && known.is_some_and(|known| known >= generation) {
                return Ok(());
            }
            let origin = match state.map(|state| state.origin) {
                Some(Origin::Ours) => json!("ours"),
                Some(Origin::Upstream) => json!("upstream"),
                None => source.get("origin").cloned().unwrap_or_else(|| json!("upstream")),
            };
            let root = state.and_then(|state| state.root.clone()).map(Value::from);
            let mut document = json!({
                "repo": repo, "layer": layer, "origin": origin,
                "generation": generation.max(known.unwrap_or_default()),
            });
            let loaded_at = match state {
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
            let standing = old.as_ref().map(Standing::of);
            if self.put_guarded(what, &index, &id, standing.as_ref(), &document).await? {
                return Ok(());
            }
        }
        Err(Error::transient(format!("{what}: others record the same repository all the time")))
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

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

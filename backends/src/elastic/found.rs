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
use crate::claim::{LastLoad, RepoClaim};
use crate::contract::{Origin, RepoState};
use crate::error::{Error, Result};
use crate::verdict::Held;

const WHAT: &str = "writing a batch";

/// Attempts to record what others record at the same time.
const ATTEMPTS: usize = 20;

/// Milliseconds for which a repository is not recorded again where its generation is known.
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

/// What is to be recorded of a repository.
enum Record<'a> {
    /// That it was written to, up to this generation.
    Written { repo: &'a str, layer: &'a str, generation: u64 },
    /// That somebody claims it.
    Claimed(&'a RepoClaim),
}

impl Record<'_> {
    fn id(&self) -> String {
        match self {
            Self::Written { repo, layer, .. } => repo_id(repo, layer),
            Self::Claimed(claim) => repo_id(&claim.repo, &claim.layer),
        }
    }

    /// The document that follows what is there; `None` where that will do.
    fn over(&self, old: Option<&Value>) -> Result<Option<Value>> {
        let mut document = old.map(|old| old["_source"].clone()).unwrap_or_default();
        match self {
            Self::Written { repo, layer, generation } => {
                let known = document["generation"].as_u64();
                let written_at = document["written_at"].as_u64();
                let is_recent = written_at.is_some_and(|at| at + RECENTLY > now());
                if is_recent && known.is_some_and(|known| known >= *generation) {
                    return Ok(None);
                }
                if old.is_none() {
                    let origin = Origin::Nobody.name();
                    document = json!({ "repo": repo, "layer": layer, "origin": origin });
                }
                document["generation"] = known.unwrap_or_default().max(*generation).into();
                document["written_at"] = now().into();
            }
            Self::Claimed(claim) => {
                let before = document.clone();
                let recorded = old.map(|_| state_of(&document));
                let state = claim.over(recorded.as_ref())?;
                put_state(&mut document, state);
                if document == before {
                    return Ok(None);
                }
            }
        }
        Ok(Some(document))
    }
}

/// The fields that [`state_of`] reads.
pub(super) const RECORD: [&str; 8] =
    ["repo", "layer", "root", "remote", "origin", "generation", "revision", "loaded_at"];

/// What a repository's document says.
pub(super) fn state_of(source: &Value) -> RepoState {
    let text = |field: &str| source[field].as_str().map(str::to_owned);
    let loaded_at = source["loaded_at"].as_u64().map(|at| at.saturating_mul(1_000));
    RepoState {
        repo: text("repo").unwrap_or_default(),
        layer: text("layer").unwrap_or_default(),
        root: text("root"),
        remote: text("remote"),
        origin: Origin::of_name(source["origin"].as_str().unwrap_or_default()),
        generation: source["generation"].as_u64().unwrap_or_default(),
        last_load: LastLoad::recorded(loaded_at, text("revision")),
        units: 0,
    }
}

/// Has a repository's document say this; what there is not is no field.
pub(super) fn put_state(document: &mut Value, state: RepoState) {
    let (loaded_at, revision) =
        state.last_load.map(|load| (load.at / 1_000, load.revision)).unzip();
    let fields: [(&str, Value); RECORD.len()] = [
        ("repo", state.repo.into()),
        ("layer", state.layer.into()),
        ("root", state.root.into()),
        ("remote", state.remote.into()),
        ("origin", state.origin.name().into()),
        ("generation", state.generation.into()),
        ("revision", revision.flatten().into()),
        ("loaded_at", loaded_at.into()),
    ];
    if !document.is_object() {
        *document = json!({});
    }
    let Some(object) = document.as_object_mut() else { return };
    for (field, value) in fields {
        match value {
            Value::Null => drop(object.remove(field)),
            value => drop(object.insert(field.into(), value)),
        }
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
            self.record(WHAT, Record::Written { repo, layer, generation }, old).await?;
        }
        Ok(epoch)
    }

    /// Records a claim over what is recorded, unless somebody else does so meanwhile.
    pub(super) async fn claim(&self, claim: &RepoClaim) -> Result<()> {
        const WHAT: &str = "claiming a repository";
        let record = Record::Claimed(claim);
        let old = self.of_store(WHAT, [record.id()]).await?.pop().flatten();
        self.record(WHAT, record, old).await
    }

    async fn record(&self, what: &str, record: Record<'_>, mut old: Option<Value>) -> Result<()> {
        let id = record.id();
        for _ in 0..ATTEMPTS {
            let Some(document) = record.over(old.as_ref())? else { return Ok(()) };
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

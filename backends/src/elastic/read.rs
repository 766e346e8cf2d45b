//! Reads back what the store holds.

use astload_model::{Batch, UnitId, UnitName};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::Store;
use super::found::{RECORD, state_of};
use crate::contract::{Reader, RepoState, StoredUnit, UnitFilter};
use crate::error::Result;
use crate::hex::unhex;
use crate::verdict::asked_for;

const WHAT: &str = "reading units";

#[async_trait]
impl Reader for Store {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        const WHAT: &str = "reading repositories";
        self.refresh(WHAT).await?;
        let mut repos = Vec::new();
        let query = json!({ "exists": { "field": "repo" } });
        self.all(WHAT, "store", query, [&["repo", "layer"], &RECORD], |hit| {
            repos.push(state_of(&hit["_source"]));
        })
        .await?;
        for repo in &mut repos {
            let query = json!({ "bool": {
                "filter": [{ "term": { "repo": repo.repo } }, { "term": { "layer": repo.layer } }],
                "must_not": [{ "term": { "deleted": true } }],
            }});
            let counted = self.count(WHAT, "units", query, json!({})).await?;
            repo.units = counted["hits"]["total"]["value"].as_u64().unwrap_or_default();
        }
        Ok(repos)
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        let given = [("repo", &filter.repo), ("layer", &filter.layer)];
        let terms = given.into_iter().filter_map(|(field, value)| {
            value.as_ref().map(|value| json!({ "term": { field: value } }))
        });
        self.stored(WHAT, terms.collect()).await
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        Box::pin(self.read(ids)).await.map(|found| asked_for(found, ids))
    }
}

impl Store {
    /// Units that pass all of these.
    pub(super) async fn stored(&self, what: &str, filter: Vec<Value>) -> Result<Vec<StoredUnit>> {
        self.refresh(what).await?;
        let query = json!({ "bool": {
            "filter": filter, "must_not": [{ "term": { "deleted": true } }],
        }});
        let fields = [
            "repo",
            "path",
            "layer",
            "generation",
            "content_hash",
            "extractor",
            "selection",
            "language",
            "nodes",
            "size_bytes",
        ];
        let mut units = Vec::new();
        self.all(what, "units", query, [&["unit_id"], &fields], |hit| {
            units.push(stored(&hit["_source"]));
        })
        .await?;
        units.sort_by_cached_key(|unit| {
            let UnitName { repo, path, layer } = unit.name.clone();
            (repo, path, layer)
        });
        Ok(units)
    }
}

fn stored(source: &Value) -> StoredUnit {
    let text = |field: &str| source[field].as_str().map(str::to_owned);
    let word = |field: &str| text(field).unwrap_or_default();
    let name = UnitName { repo: word("repo"), path: word("path"), layer: word("layer") };
    StoredUnit {
        id: UnitId::of(&name.repo, &name.path, &name.layer),
        name,
        generation: source["generation"].as_u64().unwrap_or_default(),
        content_hash: source["content_hash"].as_str().and_then(unhex),
        extractor: word("extractor"),
        selection: source["selection"].as_str().and_then(|digest| digest.parse().ok()),
        language: text("language"),
        nodes: source["nodes"].as_u64().unwrap_or_default(),
        size_bytes: source["size_bytes"].as_u64(),
    }
}

//! Manages repositories, and the indices themselves.

use async_trait::async_trait;
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::Store;
use super::bulk::Bulk;
use super::classify;
use super::client::Body;
use super::documents::{tombstone, unit_id};
use super::found::{Standing, put_state, state_of};
use super::schema::{self, Analysis, INDICES, VERSION};
use crate::claim::RepoClaim;
use crate::contract::{Admin, GcReport, Receipt};
use crate::error::{Error, Result};

/// Units that are removed at once.
const AT_ONCE: usize = 1000;

/// Attempts to remove what others write at the same time.
const ATTEMPTS: usize = 8;

#[async_trait]
impl Admin for Store {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        let lacking = self.lacking().await?;
        let all = schema::requests(&self.names, self.flavour, Analysis::Words, &self.options);
        let is_lacking =
            |path: &str| lacking.iter().any(|name| path.ends_with(&self.names.index(name)));
        Ok(all.into_iter().filter(|(path, _)| is_lacking(path)).map(statement).collect())
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        const WHAT: &str = "dropping the store";
        self.access.check_drop()?;
        let own = self.own().await?;
        let version = own.and_then(|own| own["_source"]["version"].as_u64()).unwrap_or(VERSION);
        // Without the store's own document nobody writes any more.
        for name in INDICES {
            let index = self.names.index_of(name, version);
            for path in [index.clone(), format!("_index_template/{index}")] {
                let answer = self.client.send(WHAT, Method::Delete, &path, Body::None).await?;
                if answer.status != 404 {
                    classify::checked(WHAT, answer)?;
                }
            }
        }
        Ok(Vec::new())
    }

    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()> {
        self.check_writable()?;
        self.claim(claim).await
    }

    /// A tombstone keeps the unit's generation: a replay of it loses, a newer one wins.
    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        const WHAT: &str = "removing units";
        self.check_writable()?;
        let mut filter = vec![json!({ "term": { "repo": repo } })];
        if let Some(path) = path {
            filter.push(json!({ "bool": { "should": [
                { "term": { "path.raw": path } }, { "prefix": { "path.raw": format!("{path}/") } },
            ]}}));
        }
        let mut left: Vec<String> =
            self.stored(WHAT, filter).await?.iter().map(|unit| unit_id(unit.id)).collect();
        let mut deleted = 0;
        for _ in 0..ATTEMPTS {
            let mut met = Vec::new();
            for some in left.chunks(AT_ONCE) {
                let (done, others) = self.bury(some, WHAT).await?;
                deleted += done;
                met.extend(others);
            }
            left = met;
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            return Err(Error::transient(format!("{WHAT}: others write them all the time")));
        }
        if path.is_none() {
            self.end_claims(repo, WHAT).await?;
        }
        Ok(Receipt { deleted, ..Receipt::default() })
    }

    async fn gc(&self) -> Result<GcReport> {
        self.check_writable()?;
        self.collect().await
    }
}

/// A request as people write it.
pub(super) fn statement((path, body): (String, Option<Value>)) -> String {
    match body {
        Some(body) => format!("PUT /{path}\n{body:#}"),
        None => format!("PUT /{path}"),
    }
}

impl Store {
    /// Deletes units; gives back how many, and those that somebody wrote meanwhile.
    async fn bury(&self, ids: &[String], what: &str) -> Result<(u64, Vec<String>)> {
        let index = self.names.alias("units");
        let asked = ids.iter().map(|id| json!({ "_index": index, "_id": id })).collect();
        let found = self.documents(what, asked).await?;
        let standing = ids.iter().zip(found).filter_map(|(id, document)| {
            let standing = Standing::of(&document?);
            (!standing.is_deleted).then_some((id, standing))
        });
        let standing: Vec<(&String, Standing)> = standing.collect();
        let mut bulk = Bulk::default();
        for (id, unit) in &standing {
            let Standing { repo, path, layer, generation, .. } = unit;
            let document = tombstone(id, repo, path, layer, *generation);
            bulk.push(|lines| {
                self.guarded(lines, &index, id, Some(unit));
                lines.extend_from_slice(&document);
                lines.push(b'\n');
            });
        }
        let items = bulk.send(&self.client, what).await?;
        let (mut deleted, mut met, mut old) = (0, Vec::new(), Bulk::default());
        for ((id, unit), item) in standing.iter().zip(items) {
            match item {
                item if item.is_done() => {
                    deleted += 1;
                    self.delete_nodes(&mut old, id, &unit.version, unit.nodes as usize, &unit.repo);
                }
                item if item.is_conflict() => met.push((*id).clone()),
                item => return Err(item.as_error(what)),
            }
        }
        self.clean_up(old, what).await;
        Ok((deleted, met))
    }

    async fn end_claims(&self, repo: &str, what: &str) -> Result<()> {
        self.refresh(what).await?;
        let mut layers = Vec::new();
        let query = json!({ "term": { "repo": repo } });
        self.all(what, "store", query, [&["repo", "layer"], &["layer"]], |hit| {
            layers.push(hit["_id"].as_str().unwrap_or_default().to_owned());
        })
        .await?;
        let index = self.names.alias("store");
        for id in layers {
            for _ in 0..ATTEMPTS {
                let asked = vec![json!({ "_index": index, "_id": id })];
                let Some(Some(old)) = self.documents(what, asked).await?.pop() else { break };
                let mut document = old["_source"].clone();
                let mut state = state_of(&document);
                state.end_claim();
                put_state(&mut document, state);
                let standing = Standing::of(&old);
                if self.put_guarded(what, &index, &id, Some(&standing), &document).await? {
                    break;
                }
            }
        }
        Ok(())
    }
}

//! Manages repositories, and the indices themselves.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::Store;
use super::bulk::Bulk;
use super::classify;
use super::client::Body;
use super::documents::{action, tombstone, unit_id};
use super::found::{Standing, now};
use super::schema::{self, Analysis, INDICES};
use crate::contract::{Admin, GcReport, Receipt, RepoState};
use crate::error::{Error, Result};

/// Units that are removed at once, and documents that are deleted at once.
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

    async fn drop_schema(&self) -> Result<()> {
        const WHAT: &str = "dropping the store";
        self.check_writable()?;
        // Without the store's own document nobody writes any more.
        for name in INDICES {
            for path in
                [self.names.index(name), format!("_index_template/{}", self.names.index(name))]
            {
                let answer = self.client.send(WHAT, Method::Delete, &path, Body::None).await?;
                if answer.status != 404 {
                    classify::checked(WHAT, answer)?;
                }
            }
        }
        Ok(())
    }

    async fn put_repo(&self, repo: &RepoState) -> Result<()> {
        const WHAT: &str = "recording a repository";
        self.check_writable()?;
        self.record(WHAT, &repo.repo, &repo.layer, repo.generation, Some(repo)).await
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
            self.forget_root(repo, WHAT).await?;
        }
        Ok(Receipt { deleted, ..Receipt::default() })
    }

    async fn gc(&self) -> Result<GcReport> {
        const WHAT: &str = "collecting garbage";
        self.check_writable()?;
        let before = self.bytes().await?;
        self.next_epoch(WHAT).await?;
        self.refresh(WHAT).await?;
        self.leftovers(WHAT).await?;
        let tombstones = self.tombstones(WHAT).await?;
        let symbols = self.orphans(WHAT).await?;
        self.forget_repos(WHAT).await?;
        self.next_epoch(WHAT).await?;
        self.refresh(WHAT).await?;
        let after = self.bytes().await?;
        Ok(GcReport { tombstones, symbols, bytes: before.saturating_sub(after) })
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

    async fn forget_root(&self, repo: &str, what: &str) -> Result<()> {
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
                if let Some(fields) = document.as_object_mut() {
                    fields.remove("root");
                }
                let standing = Standing::of(&old);
                if self.put_guarded(what, &index, &id, Some(&standing), &document).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whoever writes from now on knows of no symbol that it is there.
    async fn next_epoch(&self, what: &str) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let own = self.own().await?.ok_or_else(|| {
                Error::misconfigured(format!("{what}: the store's own document is gone"))
            })?;
            let mut document = own["_source"].clone();
            document["epoch"] = self.new_epoch().into();
            let (index, standing) = (self.names.alias("store"), Standing::of(&own));
            if self.put_guarded(what, &index, "store", Some(&standing), &document).await? {
                return Ok(());
            }
        }
        Err(Error::transient(format!("{what}: others do the same")))
    }

    /// Deletes documents that are as they were found; says how many.
    async fn delete_found(&self, what: &str, index: &str, found: Vec<Value>) -> Result<u64> {
        let mut deleted = 0;
        let alias = self.names.alias(index);
        for some in found.chunks(AT_ONCE) {
            let asked: Vec<Value> = some
                .iter()
                .map(|hit| json!({ "_index": alias, "_id": hit["_id"], "_source": false }))
                .collect();
            let mut bulk = Bulk::default();
            for document in self.documents(what, asked).await?.into_iter().flatten() {
                let (id, at) = (&document["_id"], Standing::of(&document));
                bulk.push(|lines| {
                    lines.extend_from_slice(
                        format!(
                            "{{\"delete\":{{\"_index\":\"{alias}\",\"_id\":{id},\"if_seq_no\":{},\
                             \"if_primary_term\":{}}}}}\n",
                            at.seq_no, at.primary_term
                        )
                        .as_bytes(),
                    );
                });
            }
            for item in bulk.send(&self.client, what).await? {
                match item {
                    item if item.is_done() => deleted += 1,
                    // Somebody else wrote or deleted it.
                    item if item.is_conflict() || item.is_gone() => {}
                    item => return Err(item.as_error(what)),
                }
            }
        }
        Ok(deleted)
    }

    async fn tombstones(&self, what: &str) -> Result<u64> {
        let mut found = Vec::new();
        let query = json!({ "term": { "deleted": true } });
        self.all(what, "units", query, [&["unit_id"], &["generation"]], |hit| found.push(hit))
            .await?;
        self.delete_found(what, "units", found).await
    }

    /// Symbols that no edge refers to.
    async fn orphans(&self, what: &str) -> Result<u64> {
        let mut used = HashSet::new();
        let query = json!({ "exists": { "field": "symbols" } });
        let sort: [&str; 3] = ["unit_id", "version", "ord"];
        self.all(what, "nodes", query, [&sort, &["edges"]], |hit| {
            for edge in hit["_source"]["edges"]["rows"].as_array().into_iter().flatten() {
                if let Some(key) = edge[9].as_str() {
                    used.insert(astload_model::SymbolId::of(key).to_string());
                }
            }
        })
        .await?;
        let mut found = Vec::new();
        self.all(what, "symbols", json!({ "match_all": {} }), [&["symbol"], &["kind"]], |hit| {
            if hit["_id"].as_str().is_some_and(|id| !used.contains(id)) {
                found.push(hit);
            }
        })
        .await?;
        self.delete_found(what, "symbols", found).await
    }

    /// Documents of versions that do not count: their writers were cut off.
    async fn leftovers(&self, what: &str) -> Result<()> {
        let mut counts = HashMap::new();
        let all = json!({ "match_all": {} });
        self.all(what, "units", all, [&["unit_id"], &["version"]], |hit| {
            let version = hit["_source"]["version"].as_str().unwrap_or_default().to_owned();
            counts.insert(hit["_id"].as_str().unwrap_or_default().to_owned(), version);
        })
        .await?;
        let mut bulk = Bulk::default();
        let alias = self.names.alias("nodes");
        let sort: [&str; 3] = ["unit_id", "version", "ord"];
        let fields = ["unit_id", "version", "repo"];
        let before = now().saturating_sub(self.options.leftover_age().as_millis() as u64);
        let old = json!({ "range": { "at": { "lte": before } } });
        self.all(what, "nodes", old, [&sort, &fields], |hit| {
            let source = &hit["_source"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if counts.get(&text(&source["unit_id"])) != Some(&text(&source["version"])) {
                let routing = self.route_by_repo.then(|| text(&source["repo"]));
                let id = text(&hit["_id"]);
                bulk.push(|lines| action(lines, "delete", &alias, &id, routing.as_deref()));
            }
        })
        .await?;
        self.delete_all(bulk, what).await
    }

    async fn forget_repos(&self, what: &str) -> Result<()> {
        self.refresh(what).await?;
        let mut repos = Vec::new();
        let query = json!({ "exists": { "field": "repo" } });
        self.all(what, "store", query, [&["repo", "layer"], &["repo", "layer"]], |hit| {
            repos.push(hit)
        })
        .await?;
        let mut empty = Vec::new();
        for hit in repos {
            let source = &hit["_source"];
            let query = json!({ "bool": { "filter": [
                { "term": { "repo": source["repo"] } }, { "term": { "layer": source["layer"] } },
            ]}});
            let counted = self.count(what, "units", query, json!({})).await?;
            if counted["hits"]["total"]["value"] == 0 {
                empty.push(hit);
            }
        }
        self.delete_found(what, "store", empty).await.map(drop)
    }
}

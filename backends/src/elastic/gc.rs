//! Collects garbage beside writers: a document is deleted as it was found, unless somebody wrote it since.

use std::collections::{HashMap, HashSet};

use astload_model::SymbolId;
use serde_json::{Value, json};

use super::Store;
use super::bulk::Bulk;
use super::documents::action;
use super::found::{Standing, now};
use crate::contract::GcReport;
use crate::error::{Error, Result};

const WHAT: &str = "collecting garbage";

/// Attempts to say that it is collected, where others say so at the same time.
const ATTEMPTS: usize = 8;

/// Symbols that are asked for at once.
const AT_ONCE: usize = 1000;

impl Store {
    pub(super) async fn collect(&self) -> Result<GcReport> {
        let before = self.bytes().await?;
        self.next_epoch().await?;
        self.refresh(WHAT).await?;
        self.leftovers().await?;
        let tombstones = self.tombstones().await?;
        let symbols = self.orphans().await?;
        self.refresh(WHAT).await?;
        let after = self.bytes().await?;
        Ok(GcReport { tombstones, symbols, bytes: before.saturating_sub(after) })
    }

    /// Whoever writes from now on knows of no symbol that it is there.
    async fn next_epoch(&self) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let own = self.own().await?.ok_or_else(|| {
                Error::misconfigured(format!("{WHAT}: the store's own document is gone"))
            })?;
            let mut document = own["_source"].clone();
            document["epoch"] = self.new_epoch().into();
            let (index, standing) = (self.names.alias("store"), Standing::of(&own));
            if self.put_guarded(WHAT, &index, "store", Some(&standing), &document).await? {
                return Ok(());
            }
        }
        Err(Error::transient(format!("{WHAT}: others do the same")))
    }

    /// Deletes documents, unless somebody wrote them since they were found; says how many.
    async fn delete_found(&self, index: &str, found: &[Value]) -> Result<u64> {
        let alias = self.names.alias(index);
        let mut bulk = Bulk::default();
        for hit in found {
            delete_as_found(&mut bulk, &alias, hit);
        }
        self.deleted(bulk).await
    }

    async fn deleted(&self, bulk: Bulk) -> Result<u64> {
        let mut deleted = 0;
        for item in bulk.send(&self.client, WHAT).await? {
            match item {
                item if item.is_done() => deleted += 1,
                // Somebody else wrote or deleted it.
                item if item.is_conflict() || item.is_gone() => {}
                item => return Err(item.as_error(WHAT)),
            }
        }
        Ok(deleted)
    }

    /// Documents of versions that do not count: their writers were cut off.
    async fn leftovers(&self) -> Result<()> {
        let mut counts = HashMap::new();
        let all = json!({ "match_all": {} });
        self.all(WHAT, "units", all, [&["unit_id"], &["version"]], |hit| {
            counts.insert(text(&hit["_id"]), text(&hit["_source"]["version"]));
        })
        .await?;
        let mut bulk = Bulk::default();
        let alias = self.names.alias("nodes");
        let sort: [&str; 3] = ["unit_id", "version", "ord"];
        let before = now().saturating_sub(self.options.leftover_age().as_millis() as u64);
        let old = json!({ "range": { "at": { "lte": before } } });
        self.all(WHAT, "nodes", old, [&sort, &["unit_id", "version"]], |hit| {
            let source = &hit["_source"];
            if counts.get(&text(&source["unit_id"])) != Some(&text(&source["version"])) {
                delete_as_found(&mut bulk, &alias, &hit);
            }
        })
        .await?;
        self.deleted(bulk).await.map(drop)
    }

    async fn tombstones(&self) -> Result<u64> {
        let mut found = Vec::new();
        let query = json!({ "term": { "deleted": true } });
        self.all(WHAT, "units", query, [&["unit_id"], &["generation"]], |hit| found.push(hit))
            .await?;
        self.delete_found("units", &found).await
    }

    /// Symbols that no edge refers to. A writer that looked for one before it was deleted, and found it,
    /// is either done before the next epoch begins, so that its edges are seen here; or sees that it has
    /// begun, and looks once more.
    async fn orphans(&self) -> Result<u64> {
        let used = self.used(json!({ "exists": { "field": "symbols" } })).await?;
        let mut unused = Vec::new();
        let fields = ["symbol", "kind", "name"];
        self.all(WHAT, "symbols", json!({ "match_all": {} }), [&["symbol"], &fields], |hit| {
            if !used.contains(&symbol_of(&hit)) {
                unused.push(hit);
            }
        })
        .await?;
        drop(used);
        let deleted = self.delete_found("symbols", &unused).await?;
        self.next_epoch().await?;
        if unused.is_empty() {
            return Ok(0);
        }
        self.refresh(WHAT).await?;
        let mut back = 0;
        for some in unused.chunks(AT_ONCE) {
            back += self.bring_back(some).await?;
        }
        Ok(deleted.saturating_sub(back))
    }

    /// Symbols that documents of nodes refer to.
    async fn used(&self, nodes: Value) -> Result<HashSet<SymbolId>> {
        let mut used = HashSet::new();
        let sort: [&str; 3] = ["unit_id", "version", "ord"];
        self.all(WHAT, "nodes", nodes, [&sort, &["symbols"]], |hit| {
            let keys = hit["_source"]["symbols"].as_array().into_iter().flatten();
            used.extend(keys.filter_map(Value::as_str).map(SymbolId::of));
        })
        .await?;
        Ok(used)
    }

    /// Makes deleted symbols again that are referred to after all; says how many.
    async fn bring_back(&self, deleted: &[Value]) -> Result<u64> {
        let keys: Vec<&Value> = deleted.iter().map(|hit| &hit["_source"]["symbol"]).collect();
        let used = self.used(json!({ "terms": { "symbols": keys } })).await?;
        let index = self.names.alias("symbols");
        let mut bulk = Bulk::default();
        for hit in deleted.iter().filter(|hit| used.contains(&symbol_of(hit))) {
            bulk.push(|lines| {
                action(lines, "create", &index, &text(&hit["_id"]), None);
                lines.extend_from_slice(hit["_source"].to_string().as_bytes());
                lines.push(b'\n');
            });
        }
        // Where one is there, its writer made it.
        self.deleted(bulk).await
    }
}

/// Adds the deletion of a document, which is refused where somebody wrote it since it was found.
fn delete_as_found(bulk: &mut Bulk, index: &str, hit: &Value) {
    let routing = match &hit["_routing"] {
        Value::Null => String::new(),
        routing => format!(",\"routing\":{routing}"),
    };
    bulk.push(|lines| {
        lines.extend_from_slice(
            format!(
                "{{\"delete\":{{\"_index\":\"{index}\",\"_id\":{},\"if_seq_no\":{},\
                 \"if_primary_term\":{}{routing}}}}}\n",
                hit["_id"], hit["_seq_no"], hit["_primary_term"]
            )
            .as_bytes(),
        );
    });
}

fn symbol_of(hit: &Value) -> SymbolId {
    SymbolId::of(hit["_source"]["symbol"].as_str().unwrap_or_default())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

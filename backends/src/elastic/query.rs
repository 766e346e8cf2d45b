//! The few questions of the command line, asked of the indices.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use elasticsearch::http::Method;
use serde_json::{Value, json};

use super::Store;
use super::client::Body;
use crate::contract::{
    Enclosing, KindCount, Language, Query, Reference, RepoState, RepoUnits, RowCounts,
    StoreSummary, StoredUnit, SymbolCount,
};
use crate::error::Result;

const SUMMING: &str = "summing up";

/// Longest list of repositories, languages or anything else: both servers refuse to give more at once.
const BUCKETS_MAX: usize = 10_000;

#[async_trait]
impl Query for Store {
    async fn summary(&self, most: usize) -> Result<StoreSummary> {
        self.refresh(SUMMING).await?;
        let mut summary = self.totals().await?;
        if most > 0 {
            self.lists(most, &mut summary).await?;
        }
        Ok(summary)
    }

    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>> {
        // Which end is a whole part of a path is known by its `/`.
        let ends = json!({ "bool": { "should": [
            { "term": { "path.raw": path } },
            { "wildcard": { "path.raw": { "value": format!("*/{}", escaped(path)) } } },
        ]}});
        self.stored("finding a file", vec![ends]).await
    }

    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>> {
        const WHAT: &str = "finding references";
        self.refresh(WHAT).await?;
        let keys = self.named(WHAT, name).await?;
        let query = json!({ "terms": { "symbols": keys } });
        let fields = ["repo", "path", "name", "kind", "ord", "edges", "unit_id", "version"];
        let mut found = Vec::new();
        self.all(WHAT, "nodes", query, [&["unit_id", "version", "ord"], &fields], |hit| {
            let node = &hit["_source"];
            for edge in node["edges"]["rows"].as_array().into_iter().flatten() {
                if edge[9].as_str().is_some_and(|key| keys.contains(key)) {
                    found.push((Place::of(node), reference(node, edge)));
                }
            }
        })
        .await?;
        let mut found = self.that_count(WHAT, found).await?;
        found.sort_by_cached_key(|(_, reference)| {
            let Reference { kind, repo, path, line, column, .. } = reference.clone();
            (kind != "DEFINES", repo, path, line, column)
        });
        found.truncate(most);
        for some in found.chunks_mut(PLACES_AT_ONCE) {
            self.enclose(WHAT, some).await?;
        }
        Ok(found.into_iter().map(|(_, reference)| reference).collect())
    }
}

/// Places whose definitions are looked for at once.
const PLACES_AT_ONCE: usize = 100;

/// Where an edge starts.
struct Place {
    unit: String,
    version: String,
    ord: u64,
}

impl Place {
    fn of(node: &Value) -> Self {
        let ord = node["ord"].as_u64().unwrap_or_default();
        Self { unit: text(&node["unit_id"]), version: text(&node["version"]), ord }
    }

    /// Whether it is at a node or within it.
    fn is_in(&self, node: &Value) -> bool {
        let (start, end) = (node["ord"].as_u64(), node["last"].as_u64());
        node["unit_id"] == *self.unit
            && node["version"] == *self.version
            && start.is_some_and(|start| start <= self.ord)
            && end.is_some_and(|end| self.ord <= end)
    }
}

/// What is recorded of a repository, whose units are counted elsewhere.
fn record(RepoState { repo, root, last_load, .. }: RepoState) -> RepoUnits {
    let (loaded_at, revision) = last_load.map(|load| (load.at, load.revision)).unzip();
    RepoUnits { repo, root, revision: revision.flatten(), loaded_at, units: 0, nodes: 0 }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What of a path would be a pattern.
fn escaped(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, letter| {
        if ['*', '?', '\\'].contains(&letter) {
            text.push('\\');
        }
        text.push(letter);
        text
    })
}

fn reference(node: &Value, edge: &Value) -> Reference {
    let from_one = |value: &Value| {
        value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map(|number| number.saturating_add(1))
    };
    let kind = text(&edge[0]);
    Reference {
        defined: (kind == "DEFINES").then(|| text(&node["kind"])),
        kind,
        symbol: text(&edge[9]),
        repo: text(&node["repo"]),
        path: text(&node["path"]),
        line: from_one(&edge[5]),
        column: from_one(&edge[6]),
        within: None,
    }
}

impl Store {
    /// The keys of symbols that a unit calls so, and the key that is so.
    async fn named(&self, what: &str, name: &str) -> Result<BTreeSet<String>> {
        let mut keys = BTreeSet::from([name.to_owned()]);
        let query = json!({ "term": { "symbol_names": name } });
        let (sort, fields): ([&str; 3], _) = (["unit_id", "version", "ord"], ["edges", "mentions"]);
        self.all(what, "nodes", query, [&sort, &fields], |hit| {
            let rows =
                |list: &str| hit["_source"][list]["rows"].as_array().cloned().unwrap_or_default();
            let edges = rows("edges").into_iter().filter(|edge| edge[11] == name);
            keys.extend(edges.map(|edge| text(&edge[9])));
            let mentions = rows("mentions").into_iter().filter(|mention| mention[2] == name);
            keys.extend(mentions.map(|mention| text(&mention[0])));
        })
        .await?;
        Ok(keys)
    }

    /// Those of versions that count.
    async fn that_count(
        &self,
        what: &str,
        found: Vec<(Place, Reference)>,
    ) -> Result<Vec<(Place, Reference)>> {
        let index = self.names.alias("units");
        let mut units: Vec<String> = found.iter().map(|(place, _)| place.unit.clone()).collect();
        units.sort_unstable();
        units.dedup();
        let mut counts = HashMap::new();
        for some in units.chunks(1000) {
            let asked =
                some.iter().map(|id| json!({ "_index": index, "_id": id, "_source": ["version"] }));
            let documents = self.documents(what, asked.collect()).await?;
            for (id, document) in some.iter().zip(documents) {
                let version = document.map(|document| text(&document["_source"]["version"]));
                counts.insert(id.clone(), version);
            }
        }
        let does = |(place, _): &(Place, Reference)| {
            counts.get(&place.unit).and_then(Option::as_ref) == Some(&place.version)
        };
        Ok(found.into_iter().filter(does).collect())
    }

    /// Finds the definitions around places.
    async fn enclose(&self, what: &str, places: &mut [(Place, Reference)]) -> Result<()> {
        let around = places.iter().map(|(place, _)| {
            json!({ "bool": { "filter": [
                { "term": { "unit_id": place.unit } },
                { "term": { "version": place.version } },
                { "range": { "ord": { "gt": 0, "lte": place.ord } } },
                { "range": { "last": { "gte": place.ord } } },
                { "exists": { "field": "name" } },
            ]}})
        });
        let query = json!({ "bool": { "should": around.collect::<Vec<_>>() } });
        let fields = ["unit_id", "version", "ord", "last", "kind", "name"];
        // In this order the nearest comes last.
        self.all(what, "nodes", query, [&["unit_id", "version", "ord"], &fields], |hit| {
            let node = &hit["_source"];
            for (place, reference) in places.iter_mut().filter(|(place, _)| place.is_in(node)) {
                if reference.defined.is_none() || node["ord"] != place.ord {
                    let name = node["name"].as_str().map(str::to_owned);
                    reference.within = Enclosing::of(name, Some(text(&node["kind"])));
                }
            }
        })
        .await
    }

    async fn totals(&self) -> Result<StoreSummary> {
        let sum = |field: &str| json!({ "sum": { "field": field } });
        let groups = |field: &str| {
            json!({
                "terms": { "field": field, "size": BUCKETS_MAX, "missing": "unknown" },
                "aggs": { "nodes": sum("nodes"), "lines": sum("line_count") },
            })
        };
        let asked = json!({
            "nodes": sum("nodes"), "edges": sum("edges"), "vectors": sum("vectors"),
            "broken": { "filter": { "term": { "has_error": true } } },
            "repos": groups("repo"), "languages": groups("language"),
        });
        let live = json!({ "bool": { "must_not": [{ "term": { "deleted": true } }] } });
        let counted = self.count(SUMMING, "units", live, asked).await?;
        let all = json!({ "match_all": {} });
        let symbols = self.count(SUMMING, "symbols", all, json!({})).await?;
        let whole = |value: &Value| value["value"].as_f64().unwrap_or_default() as u64;
        let found = &counted["aggregations"];
        let buckets = |name: &str| found[name]["buckets"].as_array().cloned().unwrap_or_default();
        let mut recorded = StoreSummary::default();
        recorded.take_repos(crate::contract::Reader::repos(self).await?.into_iter().map(record));
        let last_load = recorded.repos.iter().filter_map(|repo| repo.loaded_at).max();
        let mut recorded: HashMap<String, RepoUnits> =
            recorded.repos.into_iter().map(|repo| (repo.repo.clone(), repo)).collect();
        let mut repo = |bucket: &Value| {
            let repo = text(&bucket["key"]);
            let known = recorded.remove(&repo);
            let known = known.unwrap_or_else(|| record(RepoState::unclaimed(repo, "")));
            let units = bucket["doc_count"].as_u64().unwrap_or_default();
            RepoUnits { units, nodes: whole(&bucket["nodes"]), ..known }
        };
        let language = |bucket: &Value| Language {
            language: text(&bucket["key"]),
            units: bucket["doc_count"].as_u64().unwrap_or_default(),
            nodes: whole(&bucket["nodes"]),
            lines: whole(&bucket["lines"]),
        };
        let mut repos: Vec<RepoUnits> = buckets("repos").iter().map(&mut repo).collect();
        repos.sort_by(|one, other| one.repo.cmp(&other.repo));
        let mut languages: Vec<Language> = buckets("languages").iter().map(language).collect();
        languages.sort_by(|one, other| {
            other.nodes.cmp(&one.nodes).then_with(|| one.language.cmp(&other.language))
        });
        Ok(StoreSummary {
            repos,
            languages,
            units: counted["hits"]["total"]["value"].as_u64().unwrap_or_default(),
            rows: RowCounts {
                nodes: whole(&found["nodes"]),
                edges: whole(&found["edges"]),
                symbols: symbols["hits"]["total"]["value"].as_u64().unwrap_or_default(),
                vectors: whole(&found["vectors"]),
            },
            bytes: self.bytes().await?,
            units_with_errors: found["broken"]["doc_count"].as_u64().unwrap_or_default(),
            last_load,
            ..StoreSummary::default()
        })
    }

    /// The bytes of all indices, without replicas.
    pub(super) async fn bytes(&self) -> Result<u64> {
        let path = format!(
            "{}/_stats/store?filter_path=_all.primaries.store.size_in_bytes",
            self.names.all()
        );
        let stats = self.ask(SUMMING, Method::Get, &path, Body::None).await?;
        Ok(stats["_all"]["primaries"]["store"]["size_in_bytes"].as_u64().unwrap_or_default())
    }

    /// The parts that read whole indices.
    async fn lists(&self, most: usize, summary: &mut StoreSummary) -> Result<()> {
        let most = most.min(BUCKETS_MAX);
        let kinds = json!({ "kinds": { "terms": { "field": "kind", "size": most } } });
        let counted = self.count(SUMMING, "nodes", json!({ "match_all": {} }), kinds).await?;
        let buckets = counted["aggregations"]["kinds"]["buckets"].as_array().cloned();
        let kind = |bucket: &Value| KindCount {
            kind: text(&bucket["key"]),
            nodes: bucket["doc_count"].as_u64().unwrap_or_default(),
        };
        summary.kinds = buckets.unwrap_or_default().iter().map(kind).collect();
        let mut uses: HashMap<String, (String, u64)> = HashMap::new();
        let query = json!({ "exists": { "field": "symbols" } });
        let sort: [&str; 3] = ["unit_id", "version", "ord"];
        self.all(SUMMING, "nodes", query, [&sort, &["edges"]], |hit| {
            for edge in hit["_source"]["edges"]["rows"].as_array().into_iter().flatten() {
                if let (Some(key), true) = (edge[9].as_str(), edge[0] != "DEFINES") {
                    let name = edge[11].as_str().unwrap_or(key);
                    uses.entry(key.to_owned()).or_insert_with(|| (name.to_owned(), 0)).1 += 1;
                }
            }
        })
        .await?;
        let mut symbols: Vec<SymbolCount> = uses
            .into_values()
            .map(|(symbol, references)| SymbolCount { symbol, references })
            .collect();
        symbols.sort_by(|one, other| {
            other.references.cmp(&one.references).then_with(|| one.symbol.cmp(&other.symbol))
        });
        symbols.truncate(most);
        summary.symbols = symbols;
        let broken = json!({ "bool": {
            "filter": [{ "term": { "has_error": true } }],
            "must_not": [{ "term": { "deleted": true } }],
        }});
        let path = self.search_path("units");
        let asked = json!({
            "size": most, "query": broken, "sort": [{ "path.raw": "asc" }], "_source": ["path"],
        });
        let found = self.ask(SUMMING, Method::Post, &path, Body::json(&asked)).await?;
        let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
        summary.errors = hits.iter().map(|hit| text(&hit["_source"]["path"])).collect();
        Ok(())
    }
}

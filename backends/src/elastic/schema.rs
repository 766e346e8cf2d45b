//! The indices: their templates, their mappings, and what makes them.

use astload_model::limits::SYMBOL_MAX;
use serde_json::{Value, json};

use super::Flavour;
use super::options::ElasticOptions;

/// The version of the schema that this build reads and writes.
pub(super) const VERSION: u64 = 3;

/// All indices, without prefix and version.
pub(super) const INDICES: [&str; 4] = ["store", "units", "symbols", "nodes"];

/// The longest text that is indexed whole: a term has 32,766 bytes at most.
const KEYWORD_MAX: u32 = 8191;

/// The names of a store's indices.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The index itself, which an alias leads to.
    pub(super) fn index(&self, name: &str) -> String {
        self.index_of(name, VERSION)
    }

    /// The same of a store whose schema has another version.
    pub(super) fn index_of(&self, name: &str, version: u64) -> String {
        format!("{}-{name}-v{version}", self.prefix)
    }

    /// What everybody calls it.
    pub(super) fn alias(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// All of them, as a path has them.
    pub(super) fn all(&self) -> String {
        INDICES.map(|name| self.index(name)).join(",")
    }
}

/// How identifiers are cut into words: where the server has the filters, `parseHTTPBody` and
/// `parse_http_body` are the same three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Analysis {
    Words,
    /// Letters alone, in lower case, which every server can.
    Letters,
}

/// The template of an index. While it is loaded for the first time, nothing is refreshed or copied.
pub(super) fn template(
    names: &Names,
    name: &str,
    flavour: Flavour,
    analysis: Analysis,
    options: &ElasticOptions,
) -> Value {
    let shards = if name == "nodes" { options.shards } else { 1 };
    let mut settings = json!({
        "index.number_of_shards": shards,
        "index.number_of_replicas": 0,
        "index.refresh_interval": if name == "store" { "1s" } else { "-1" },
        "index.mapping.total_fields.limit": 200,
    });
    if analysis == Analysis::Words {
        settings["index.analysis"] = json!({
            "filter": {"identifier": {
                "type": "word_delimiter_graph", "preserve_original": true,
                "split_on_case_change": true, "split_on_numerics": false,
            }},
            "analyzer": {"identifier": {
                "type": "custom", "tokenizer": "whitespace",
                "filter": ["identifier", "lowercase", "flatten_graph"],
            }},
        });
    }
    json!({
        "index_patterns": [names.index(name)],
        "priority": 500,
        "version": VERSION,
        "template": {
            "settings": settings,
            "aliases": {names.alias(name): {}},
            "mappings": {"dynamic": "strict", "properties": fields(name, flavour, analysis)},
        },
    })
}

fn fields(name: &str, flavour: Flavour, analysis: Analysis) -> Value {
    let keyword = || json!({"type": "keyword", "ignore_above": KEYWORD_MAX});
    // The key of a symbol, which is told from others by all of it.
    let symbol = || json!({"type": "keyword", "ignore_above": SYMBOL_MAX});
    // Kept as it was given, and not searched.
    let kept = || json!({"type": "object", "enabled": false});
    let long = || json!({"type": "long"});
    let date = || json!({"type": "date", "format": "epoch_millis"});
    let analyzer = match analysis {
        Analysis::Words => "identifier",
        Analysis::Letters => "simple",
    };
    let words = || {
        json!({"type": "text", "analyzer": analyzer,
               "fields": {"raw": {"type": "keyword", "ignore_above": KEYWORD_MAX}}})
    };
    let object = || match flavour {
        Flavour::Elasticsearch => json!({"type": "flattened", "ignore_above": KEYWORD_MAX}),
        Flavour::OpenSearch => json!({"type": "flat_object"}),
    };
    match name {
        "store" => json!({
            "version": long(), "epoch": long(), "loading": {"type": "boolean"},
            "repo": keyword(), "layer": keyword(), "root": keyword(), "remote": keyword(),
            "origin": keyword(), "generation": long(), "written_at": date(), "revision": keyword(),
            "loaded_at": date(),
        }),
        "units" => json!({
            "unit_id": keyword(), "repo": keyword(), "path": words(), "layer": keyword(),
            "revision": keyword(), "language": keyword(), "content_hash": keyword(),
            "extractor": keyword(), "generation": long(), "selection": keyword(),
            "size_bytes": long(), "line_count": long(), "position_encoding": long(),
            "flags": long(), "has_error": {"type": "boolean"}, "properties": object(),
            "properties_text": kept(), "nodes": long(), "edges": long(), "vectors": long(),
            "version": keyword(), "content": keyword(), "deleted": {"type": "boolean"},
        }),
        "symbols" => json!({
            "symbol": symbol(), "kind": keyword(), "name": words(),
        }),
        _ => json!({
            "unit_id": keyword(), "version": keyword(), "at": date(),
            "repo": keyword(), "path": words(),
            "language": keyword(), "ord": long(), "last": long(), "parent": long(),
            "label": keyword(), "kind": keyword(), "field": keyword(), "name": words(),
            "text": {"type": "text", "analyzer": analyzer}, "start_byte": long(),
            "end_byte": long(), "start_line": long(), "start_col": long(), "end_line": long(),
            "end_col": long(), "flags": long(), "properties": object(), "properties_text": kept(),
            "uses": object(), "symbols": symbol(), "symbol_names": keyword(),
            "edges": kept(), "mentions": kept(), "vectors": kept(),
        }),
    }
}

/// What makes a store, as requests: a method, a path, and what it says.
pub(super) fn requests(
    names: &Names,
    flavour: Flavour,
    analysis: Analysis,
    options: &ElasticOptions,
) -> Vec<(String, Option<Value>)> {
    let mut all = Vec::new();
    for name in INDICES {
        let template = template(names, name, flavour, analysis, options);
        all.push((format!("_index_template/{}", names.index(name)), Some(template)));
        all.push((names.index(name), None));
    }
    all
}

/// The settings of an index that is loaded.
pub(super) fn loaded(name: &str, options: &ElasticOptions) -> Value {
    let refresh = match name {
        "store" => "1s",
        _ => &options.refresh,
    };
    json!({"index": {"refresh_interval": refresh, "auto_expand_replicas": options.replicas}})
}

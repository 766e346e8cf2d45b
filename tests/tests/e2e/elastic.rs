//! Elasticsearch and OpenSearch as a user meets them: through the binary, on real servers.

use std::time::Duration;

use astload_tests::{Dice, ElasticStore, Finished, Sandbox, corpus};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::edits::edit;
use crate::postgres::equals_a_fresh_load;

/// Rounds of random edits, and after how many each the store is compared with a clean one.
const ROUNDS: usize = 30;
const COMPARED_EVERY: usize = 10;

fn load(sandbox: &Sandbox, store: &ElasticStore, more: &[&str]) -> Finished {
    let url = store.url();
    sandbox.run(&[&["load", "repo", "--quiet", "--to", url.as_str()], more].concat())
}

/// Requires that there is a document for each node of a unit that is there, and no other.
pub(crate) fn has_no_orphans(store: &ElasticStore) {
    store.ask("POST", "astload-nodes,astload-units/_refresh", &Value::Null);
    let counted = store.ask("GET", "astload-nodes/_count", &Value::Null)["count"].clone();
    let sum = json!({ "size": 0, "aggs": { "nodes": { "sum": { "field": "nodes" } } } });
    let summed = store.ask("POST", "astload-units/_search", &sum);
    assert_eq!(counted.as_f64(), summed["aggregations"]["nodes"]["value"].as_f64());
}

#[test]
fn a_loaded_store_answers_every_question() {
    for store in ElasticStore::of_each() {
        let sandbox = Sandbox::with_python();
        load(&sandbox, &store, &[]).exits(0).says("3 units written");
        let url = store.url();
        sandbox
            .run(&["show", &url])
            .exits(0)
            .says("3 units")
            .says("function_definition")
            .says("python");
        sandbox.run(&["tree", "a.py", "--from", &url]).exits(0).says("function_definition");
        sandbox.run(&["refs", "first", "--from", &url]).exits(0).says("DEFINES").says("pkg/c.py");
        load(&sandbox, &store, &[]).exits(0).says("0 units written, 3 skipped");
        equals_a_fresh_load(&sandbox, &url);
        sandbox.run(&["rm", "repo", "pkg", "--from", &url]).exits(0).says("1 unit deleted");
        sandbox.run(&["gc", &url]).exits(0).says("1 tombstone");
        load(&sandbox, &store, &[]).exits(0).says("1 unit written");
        equals_a_fresh_load(&sandbox, &url);
        has_no_orphans(&store);
    }
}

#[test]
fn names_are_found_by_their_parts_where_the_server_can_cut_them() {
    for store in ElasticStore::of_each() {
        let sandbox = Sandbox::with(&[(
            "a.py",
            "def parse_http_body():\n    return 1\n\n\ndef other():\n    return 2\n",
        )]);
        load(&sandbox, &store, &[]).exits(0);
        let asked = json!({ "query": { "match": { "name": "http" } }, "_source": ["name"] });
        let found = store.ask("POST", "astload-nodes/_search", &asked);
        let names = found["hits"]["hits"].as_array().expect("hits").iter();
        let names: Vec<&Value> = names.map(|hit| &hit["_source"]["name"]).collect();
        assert_eq!(names, ["parse_http_body"], "{found}");
        let asked = json!({ "query": { "term": { "uses.DEFINES": "name python other" } } });
        let found = store.ask("POST", "astload-nodes/_search", &asked);
        assert_eq!(found["hits"]["total"]["value"], 1, "{found}");
    }
}

#[test]
fn after_any_edits_a_load_equals_a_clean_one() {
    for store in ElasticStore::of_each() {
        let sandbox = Sandbox::with(&[("always.py", "x = 1\n")]);
        let mut files = corpus::copy(&sandbox, "config/src");
        let mut dice = Dice::seeded(7);
        for round in 1..=ROUNDS {
            for _ in 0..=dice.below(6) {
                edit(&sandbox, &mut files, &mut dice);
            }
            load(&sandbox, &store, &["--allow-mass-delete"]).exits(0);
            if round % COMPARED_EVERY == 0 {
                equals_a_fresh_load(&sandbox, &store.url());
            }
        }
        sandbox.run(&["gc", &store.url()]).exits(0);
        equals_a_fresh_load(&sandbox, &store.url());
        has_no_orphans(&store);
    }
}

#[test]
fn loaders_at_once_and_loaders_that_are_killed_leave_it_whole() {
    for store in ElasticStore::of_each() {
        let sandbox = Sandbox::new();
        corpus::fill(&sandbox, 20, 20);
        let url = store.url();
        let loaders: Vec<_> =
            (0..3).map(|_| sandbox.start(&["load", "repo", "--quiet", "--to", &url])).collect();
        loaders.into_iter().for_each(|loader| drop(loader.finish().exits(0)));
        equals_a_fresh_load(&sandbox, &url);
        for moment in 1..=4 {
            corpus::fill(&sandbox, 30, 20 + moment);
            let mut loader = sandbox.start(&["load", "repo", "--quiet", "--to", &url]);
            loader.wait(Duration::from_millis(40 * moment as u64));
            loader.signal(Signal::KILL);
            drop(loader.finish());
            load(&sandbox, &store, &["--allow-mass-delete"]).exits(0);
            equals_a_fresh_load(&sandbox, &url);
        }
        sandbox.run(&["gc", &url]).exits(0);
        has_no_orphans(&store);
    }
}

#[test]
fn a_schema_is_planned_applied_and_dropped_and_a_store_filled_from_another() {
    for store in ElasticStore::of_each() {
        let (sandbox, url) = (Sandbox::with_python(), store.url());
        sandbox.run(&["schema", "plan", &url]).exits(0).says("PUT /_index_template/");
        sandbox.run(&["schema", "apply", &url]).exits(0);
        sandbox.run(&["schema", "plan", &url]).exits(0).says("-- the schema is up to date");
        sandbox.load("a.db", &[]);
        sandbox.run(&["backfill", "sqlite:a.db", &url]).exits(0).says("3 units");
        sandbox.run(&["verify", "sqlite:a.db", &url]).exits(0).says("no difference");
        sandbox.run(&["schema", "drop", &url]).exits(2).says("holds 3 units");
        sandbox.run(&["schema", "drop", &url, "--yes"]).exits(0).says("dropped");
        sandbox.run(&["show", &url]).exits(1).says("there is no store at");
    }
}

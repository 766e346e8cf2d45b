//! docs/stores/neo4j.md, held against the product and a real server.

use astload_tests::NeoStore;

use super::{all_answer, change, has_the_settings, shop};
use crate::neo4j::everything;

pub(super) const PAGE: &str = "docs/stores/neo4j.md";

#[test]
fn every_question_about_a_neo4j_store_answers() {
    let Some(store) = NeoStore::new() else { return };
    let shop = shop();
    everything(&shop, &store);
    let load = || shop.run(&["load", "repo", "--config", "graph.yaml"]).exits(0);
    load();
    change(&shop);
    load();
    all_answer(PAGE, |cypher| store.ask(cypher));
}

#[test]
fn the_settings_of_neo4j_are_those_of_the_page() {
    has_the_settings(PAGE, "neo4j");
}

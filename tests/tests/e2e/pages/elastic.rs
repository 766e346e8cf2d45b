//! docs/stores/elasticsearch.md, held against the product and real servers.

use astload_tests::ElasticStore;
use astload_tests::page::{Page, Question};
use serde_json::Value;

use super::{change, has_the_settings, shop};

const PAGE: &str = "docs/stores/elasticsearch.md";

/// What each question finds in [`shop`], among other things.
const ANSWERS: [&str; 10] = [
    r#""name":"price_of""#,
    r#""path":"prices.py""#,
    r#""name":"price_of""#,
    r#""name":"total""#,
    r#""key":"price""#,
    r#"{"key":"render","doc_count":2}"#,
    r#""path":"orders.py""#,
    r#""path":"broken.py""#,
    r#""key":"python","doc_count":5"#,
    r#""path":"report.py""#,
];

#[test]
fn every_question_about_an_elastic_store_answers() {
    for store in ElasticStore::of_each() {
        let shop = shop();
        let load = || shop.run(&["load", "repo", "--to", &store.url()]).exits(0);
        load();
        change(&shop);
        load();
        store.ask("POST", "astload-nodes,astload-units/_refresh", &Value::Null);
        let questions = Page::read(PAGE).questions();
        assert_eq!(questions.len(), ANSWERS.len());
        for (Question { asks, answer }, expected) in questions.iter().zip(ANSWERS) {
            let (request, body) = answer.split_once('\n').expect("a line and a body");
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let body = serde_json::from_str(body).expect(asks);
            let found = store.ask(method, path, &body).to_string();
            assert!(found.contains(expected), "{asks} {expected} is not in {found}");
        }
    }
}

#[test]
fn the_settings_of_elasticsearch_are_those_of_the_page() {
    has_the_settings(PAGE, "elasticsearch");
    has_the_settings(PAGE, "opensearch");
}

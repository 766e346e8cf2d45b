//! docs/stores/sqlite.md, held against the product.

use astload_tests::page::{Page, Question};
use astload_tests::store::VIEWS;

use super::{all_answer, change, has_the_settings, shop};

pub(super) const PAGE: &str = "docs/stores/sqlite.md";

#[test]
fn every_question_about_an_sqlite_store_answers() {
    let shop = shop();
    shop.load("a.db", &[]);
    change(&shop);
    shop.load("a.db", &[]);
    let store = shop.store("a.db");
    // As the other store's client prints them.
    all_answer(PAGE, |sql| store.ask(sql).iter().map(|row| row.replace('"', "")).collect());
}

/// Each would read all nodes, or work out a view whole, if it were asked or answered otherwise.
#[test]
fn no_question_reads_all_nodes() {
    let shop = shop();
    shop.load("a.db", &[]);
    shop.run(&["index", "kind", "sqlite:a.db"]).exits(0);
    let store = shop.store("a.db");
    store.forgets_its_size();
    let page = Page::read(PAGE);
    let subquery = page.sql("Right of a LEFT JOIN");
    let answers = page.questions().into_iter().map(|Question { answer, .. }| answer);
    for answer in answers.chain([subquery]) {
        let plan = store.ask(&format!("EXPLAIN QUERY PLAN {answer}"));
        let views = VIEWS.map(|view| format!("MATERIALIZE {view}\""));
        let is_whole = |step: &String| {
            step.contains("SCAN node") || views.iter().any(|view| step.ends_with(view))
        };
        assert!(!plan.iter().any(is_whole), "{answer}: {plan:#?}");
    }
}

#[test]
fn the_subquery_of_the_page_gives_every_node_its_parent() {
    let shop = shop();
    shop.load("a.db", &[]);
    let rows = shop.store("a.db").ask(&Page::read(PAGE).sql("Right of a LEFT JOIN"));
    assert_eq!(rows[..2], ["\"module\"|NULL", "\"import_from_statement\"|\"module\""]);
}

#[test]
fn the_settings_of_sqlite_are_those_of_the_page() {
    has_the_settings(PAGE, "sqlite");
}

#[test]
fn what_drops_an_sqlite_store_leaves_nothing_of_it() {
    let shop = shop();
    shop.load("a.db", &[]);
    shop.run(&["schema", "drop", "sqlite:a.db", "--yes"]).exits(0);
    let store = shop.store("a.db");
    let left = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'";
    assert_eq!(store.number(left), 0);
}

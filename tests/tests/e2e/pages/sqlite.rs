//! docs/stores/sqlite.md, held against the product.

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

//! `astload schema drop`: what astload made is gone, what the user made stays.

use astload_tests::{ElasticStore, Finished, NeoStore, PgStore, Sandbox};
use serde_json::{Value, json};

fn drop(sandbox: &Sandbox, url: &str) -> Finished {
    sandbox.run(&["schema", "drop", url, "--yes"])
}

/// A dropped store takes a load again.
fn is_loaded_again(sandbox: &Sandbox, url: &str) {
    sandbox.run(&["load", "repo", "--quiet", "--to", url]).exits(0).says("3 units written");
}

#[test]
fn sqlite_keeps_tables_and_views_of_the_user() {
    let (sandbox, url) = (Sandbox::with_python(), "sqlite:a.db");
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute(
        "CREATE TABLE my_notes(note); INSERT INTO my_notes VALUES ('precious');
         CREATE TABLE sqliteish(x); CREATE VIEW my_view AS SELECT path FROM units",
    );
    drop(&sandbox, url).exits(0).says("left is what is not astload's").says("table my_notes");
    let store = sandbox.store("a.db");
    assert_eq!(store.texts("SELECT note FROM my_notes"), ["precious"]);
    let left =
        "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";
    assert_eq!(store.texts(left), ["my_notes", "my_view", "sqliteish"]);
    is_loaded_again(&sandbox, url);
    assert_eq!(store.number("SELECT count(*) FROM my_view"), 3);
}

#[test]
fn sqlite_drops_all_where_all_is_its_own() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    assert_eq!(drop(&sandbox, "sqlite:a.db").exits(0).stdout, "dropped\n");
    let all = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    assert_eq!(sandbox.store("a.db").number(all), 0);
    is_loaded_again(&sandbox, "sqlite:a.db");
}

#[test]
fn postgres_keeps_what_is_the_users_and_drops_nothing_that_a_view_of_theirs_needs() {
    let Some(store) = PgStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    is_loaded_again(&sandbox, &url);
    store.psql("CREATE TABLE my_notes(note text); INSERT INTO my_notes VALUES ('precious')");
    store.psql("CREATE VIEW my_view AS SELECT path FROM units");
    drop(&sandbox, &url).exits(1).says("my_view").says("nothing was dropped");
    assert_eq!(store.psql("SELECT count(*) FROM my_view"), "3");
    store.psql("DROP VIEW my_view");
    drop(&sandbox, &url).exits(0).says("left is what is not astload's: table my_notes");
    assert_eq!(store.psql("SELECT note FROM my_notes"), "precious");
    is_loaded_again(&sandbox, &url);
}

#[test]
fn neo4j_keeps_nodes_of_the_user_that_are_called_alike() {
    let Some(store) = NeoStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    is_loaded_again(&sandbox, &url);
    store.ask("CREATE (:Repo {mine: 1}), (:Unit {mine: 2}), (:Code {mine: 3}) RETURN [1] AS row");
    drop(&sandbox, &url).exits(0).says("1 nodes with the label");
    let mine =
        "MATCH (n) WHERE n.mine IS NOT NULL AND (n:Repo OR n:Unit OR n:Code ) RETURN count(n)";
    assert_eq!(store.ask(mine), ["3"]);
    is_loaded_again(&sandbox, &url);
}

#[test]
fn a_store_of_an_older_version_is_refused_and_can_be_dropped() {
    let (sandbox, url) = (Sandbox::with_python(), "sqlite:a.db");
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute(
        "PRAGMA user_version = 1; DROP VIEW mentions; DROP VIEW symbols; DROP TABLE mention;
         CREATE TABLE my_notes(note)",
    );
    is_older_and_dropped(&sandbox, url, "table my_notes");
    if let Some(store) = PgStore::new() {
        is_loaded_again(&sandbox, &store.url());
        store.psql("UPDATE store SET version = 1; CREATE TABLE my_notes(note text)");
        is_older_and_dropped(&sandbox, &store.url(), "table my_notes");
    }
    if let Some(store) = NeoStore::new() {
        is_loaded_again(&sandbox, &store.url());
        store.ask("MATCH (store:AstloadStore ) SET store.version = 1 RETURN [1] AS row");
        store.ask("CREATE (:Repo {mine: 1}) RETURN [1] AS row");
        is_older_and_dropped(&sandbox, &store.url(), "1 nodes with the label");
    }
}

#[test]
fn indices_of_an_older_version_are_dropped_and_others_are_not() {
    for store in ElasticStore::of_each() {
        let sandbox = Sandbox::with_python();
        for name in ["store", "units", "symbols", "nodes"] {
            let alias = format!("astload-{name}").replace("astload", store.prefix());
            let body = json!({ "aliases": { alias: {} } });
            store.ask("PUT", &format!("astload-{name}-v1"), &body);
        }
        let own = json!({ "version": 1, "epoch": 1, "loading": false });
        store.ask("PUT", "astload-store-v1/_doc/store?refresh=true", &own);
        store.ask("PUT", "astload-mine", &json!({}));
        is_older_and_dropped(&sandbox, &store.url(), "");
        let left = store.ask("GET", "astload-*/_alias", &Value::Null);
        let left: Vec<&String> = left.as_object().expect("indices").keys().collect();
        assert_eq!(left, [&format!("{}-mine", store.prefix())]);
        store.ask("DELETE", "astload-mine", &Value::Null);
        is_loaded_again(&sandbox, &store.url());
    }
}

fn is_older_and_dropped(sandbox: &Sandbox, url: &str, left: &str) {
    let refused = sandbox.run(&["show", url]).exits(1).says("has schema version 1");
    refused.says("load into another store, or drop it: astload schema drop");
    sandbox.run(&["schema", "drop", url]).exits(2).says("which would be gone");
    drop(sandbox, url).exits(0).says("dropped").says(left);
    if !left.is_empty() {
        is_loaded_again(sandbox, url);
    }
}

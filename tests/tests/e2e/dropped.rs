//! `astload schema drop`: what astload made is gone, what the user made stays.

use astload_tests::{Finished, NeoStore, PgStore, Sandbox};

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

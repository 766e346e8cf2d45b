//! `astload index`: optional indexes, as a user makes and drops them.

use astload_tests::database::Database;
use astload_tests::process::Finished;
use astload_tests::{ElasticStore, NeoStore, Sandbox};
use serde_json::json;

fn loaded() -> Sandbox {
    let sandbox = Sandbox::with_python();
    sandbox.load("astload.db", &[]);
    sandbox
}

/// Which indexes are made.
fn made(listed: &Finished) -> Vec<(String, bool)> {
    let listed = listed.json();
    let all = listed.as_array().expect("a list");
    let one = |index: &serde_json::Value| {
        assert!(index["bytes"].is_u64() && index["serves"].is_string(), "{index}");
        (index["name"].as_str().expect("a name").to_owned(), index["made"] == true)
    };
    all.iter().map(one).collect()
}

/// Requires that a store lists, makes and drops its indexes, and holds the same with them.
fn comes_and_goes(sandbox: &Sandbox, url: &str) {
    let list = || made(&sandbox.run(&["index", url, "--json"]).exits(0));
    let states = |kind, symbol| vec![("kind".to_owned(), kind), ("symbol".to_owned(), symbol)];
    assert_eq!(list(), states(false, false));
    sandbox.run(&["index", url]).exits(0).says("kind ").says("not made").says("nodes of a kind");
    sandbox.run(&["index", "kind", url]).exits(0).says("index kind made");
    assert_eq!(list(), states(true, false));
    let again = sandbox.run(&["index", "kind", url, "--json"]).exits(0).json();
    assert_eq!((&again["name"], &again["made"]), (&json!("kind"), &json!(true)));
    sandbox.run(&["index", "symbol", url]).exits(0);
    sandbox.run(&["schema", "plan", url]).exits(0).says("the schema is up to date");
    sandbox.write("a.py", "def other():\n    return 1\n");
    sandbox.run(&["load", "repo", "--to", url]).exits(0);
    sandbox.run(&["gc", url]).exits(0);
    assert_eq!(list(), states(true, true));
    sandbox.run(&["index", "kind", url, "--drop"]).exits(0).says("index kind dropped");
    sandbox.run(&["index", "kind", url, "--drop"]).exits(0);
    assert_eq!(list(), states(false, true));
    let unknown = sandbox.run(&["index", "colour", url]).exits(2);
    unknown.says("there is no index `colour`").says("hint: there are kind, symbol");
}

#[test]
fn an_index_of_an_sqlite_store_is_made_and_dropped() {
    let sandbox = loaded();
    comes_and_goes(&sandbox, "sqlite:astload.db");
    sandbox.run(&["schema", "drop", "sqlite:astload.db", "--yes"]).exits(0).says("dropped\n");
    let left = "SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'";
    assert_eq!(sandbox.store("astload.db").number(left), 0);
}

#[test]
fn an_index_of_an_sqlite_store_serves_what_it_is_for() {
    let sandbox = loaded();
    let store = sandbox.store("astload.db");
    for (name, question, uses) in [
        ("symbol", "SELECT path FROM edges WHERE symbol = 'name python top'", "INDEX symbol_key"),
        ("kind", "SELECT count(*) FROM nodes WHERE kind = 'module'", "COVERING INDEX node_kind"),
        ("kind", "SELECT path, name FROM nodes WHERE kind = 'module'", "INDEX node_kind"),
    ] {
        sandbox.run(&["index", name]).exits(0);
        store.forgets_its_size();
        let plan = store.ask(&format!("EXPLAIN QUERY PLAN {question}")).join("\n");
        assert!(plan.contains(uses), "{question}: {plan}");
    }
}

#[test]
fn an_index_that_the_user_made_is_the_same() {
    let sandbox = loaded();
    sandbox.store("astload.db").execute("CREATE INDEX node_kind ON node(kind)");
    let listed = made(&sandbox.run(&["index", "--json"]).exits(0));
    assert_eq!(listed[0], ("kind".to_owned(), true));
}

#[test]
fn an_index_of_a_postgres_store_is_made_and_dropped() {
    let Some(database) = Database::new() else { return };
    for options in ["&schema=shop", "&schema=parts&partitions=2"] {
        let sandbox = Sandbox::with_python();
        let url = database.url("app", "apppw", options);
        sandbox.run(&["load", "repo", "--to", &url]).exits(0);
        comes_and_goes(&sandbox, &url);
        sandbox.run(&["schema", "drop", &url, "--yes"]).exits(0).says("dropped\n");
    }
}

/// What was cut off is there, and no question uses it.
#[test]
fn an_index_of_a_postgres_store_that_was_cut_off_is_made_again() {
    let Some(database) = Database::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), database.url("app", "apppw", ""));
    sandbox.run(&["load", "repo", "--to", &url]).exits(0);
    sandbox.run(&["index", "kind", &url]).exits(0);
    let spoil = "UPDATE pg_index SET indisvalid = false
         WHERE indexrelid = 'astload.node_kind'::regclass";
    database.ask("postgres", "astload", spoil).exits(0);
    let list = || made(&sandbox.run(&["index", &url, "--json"]).exits(0));
    assert!(!list()[0].1, "it counts as made");
    sandbox.run(&["index", "kind", &url]).exits(0);
    assert!(list()[0].1, "it was not made again");
}

#[test]
fn a_store_without_optional_indexes_says_so() {
    let sandbox = Sandbox::with_python();
    let says_so = |url: &str| {
        sandbox.run(&["load", "repo", "--to", url]).exits(0);
        sandbox.run(&["index", url]).exits(0).says("needs no optional indexes");
        assert_eq!(sandbox.run(&["index", url, "--json"]).exits(0).json(), json!([]));
        sandbox
            .run(&["index", "kind", url])
            .exits(2)
            .says("has no optional indexes")
            .says("hint: ");
    };
    if let Some(store) = NeoStore::new() {
        says_so(&store.url());
    }
    for store in ElasticStore::of_each() {
        says_so(&store.url());
    }
}

#[test]
fn an_index_needs_a_store_and_a_name() {
    let sandbox = Sandbox::new();
    for command in [&["index"][..], &["index", "kind"], &["index", "kind", "sqlite:a.db"]] {
        sandbox.run(command).exits(1).says("there is no store at sqlite:");
    }
    sandbox.run(&["index", "--drop"]).exits(2).says("NAME");
    sandbox.run(&["index", "sqlite:a.db", "--drop"]).exits(2).says("needs the name of an index");
    assert!(!sandbox.path("a.db").exists());
    sandbox.run(&["index", "--help"]).exits(0).says("Examples:").says("Ctrl-C");
}

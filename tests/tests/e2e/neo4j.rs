//! Neo4j as a user meets it: through the binary, on a real server.

use std::time::Duration;

use astload_tests::{Dice, Finished, NeoStore, Sandbox, corpus};
use rustix::process::Signal;

use crate::edits::edit;
use crate::postgres::equals_a_fresh_load;

/// Rounds of random edits, and after how many each the store is compared with a clean one.
const ROUNDS: usize = 60;
const COMPARED_EVERY: usize = 10;

fn load(sandbox: &Sandbox, store: &NeoStore, more: &[&str]) -> Finished {
    let url = store.url();
    sandbox.run(&[&["load", "repo", "--quiet", "--to", url.as_str()], more].concat())
}

/// A configuration of one backend that holds everything.
pub(crate) fn everything(sandbox: &Sandbox, store: &NeoStore) {
    let (url, query) =
        store.url().split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("options");
    let prefix = query.strip_prefix("prefix=").expect("a prefix");
    let config = format!(
        "backends:\n  graph: {{type: neo4j, url: \"{url}\", prefix: {prefix}, select: {{}}}}\n"
    );
    std::fs::write(sandbox.path("graph.yaml"), config).expect("written");
}

pub(crate) fn has_no_orphans(store: &NeoStore) {
    for orphans in [
        "MATCH (node:Code) WHERE NOT EXISTS { (:Unit)-[:HAS_CHILD*0..]->(node) } RETURN count(*)",
        "MATCH (unit:Unit) WHERE unit.nodes <> COUNT { (unit)-[:HAS_CHILD*0..]->() } RETURN count(*)",
        "MATCH (vector:Vector) WHERE NOT EXISTS { ()-[:HAS_VECTOR]->(vector) } RETURN count(*)",
        "MATCH (unit:Unit) WHERE unit.writing RETURN count(*)",
    ] {
        assert_eq!(store.ask(orphans), ["0"], "{orphans}");
    }
}

#[test]
fn a_loaded_store_answers_every_question() {
    let Some(store) = NeoStore::new() else { return };
    let sandbox = Sandbox::with_python();
    load(&sandbox, &store, &[]).exits(0).says("3 units written");
    let url = store.url();
    let shown = sandbox.run(&["show", &url]).exits(0);
    assert!(!shown.all().contains("testpassword"), "{}", shown.all());
    shown.says("3 units").says("function_definition").says("python");
    sandbox.run(&["tree", "a.py", "--from", &url]).exits(0).says("function_definition");
    sandbox.run(&["refs", "first", "--from", &url]).exits(0).says("DEFINES").says("pkg/c.py");
    load(&sandbox, &store, &[]).exits(0).says("0 units written, 3 skipped");
    equals_a_fresh_load(&sandbox, &url);
    sandbox.run(&["rm", "repo", "pkg", "--from", &url]).exits(0).says("1 unit deleted");
    sandbox.run(&["gc", &url]).exits(0).says("1 tombstone");
    let paths = "MATCH (unit:Unit) RETURN unit.path ORDER BY unit.path";
    assert_eq!(store.ask(paths), ["a.py", "b.py"]);
    load(&sandbox, &store, &[]).exits(0).says("1 unit written");
    equals_a_fresh_load(&sandbox, &url);
    has_no_orphans(&store);
}

#[test]
fn after_any_edits_a_load_equals_a_clean_one() {
    let Some(store) = NeoStore::new() else { return };
    let sandbox = Sandbox::with(&[("always.py", "x = 1\n")]);
    let mut files = corpus::copy(&sandbox, "config/src");
    assert!(files.len() > 20, "{files:?}");
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

#[test]
fn loaders_at_once_on_one_repository_leave_it_whole() {
    let Some(store) = NeoStore::new() else { return };
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 20, 20);
    let url = store.url();
    for round in 0..2 {
        let loaders: Vec<_> =
            (0..3).map(|_| sandbox.start(&["load", "repo", "--quiet", "--to", &url])).collect();
        loaders.into_iter().for_each(|loader| drop(loader.finish().exits(0)));
        equals_a_fresh_load(&sandbox, &url);
        has_no_orphans(&store);
        corpus::fill(&sandbox, 20, 21 + round);
    }
}

#[test]
fn a_load_that_was_killed_is_completed_by_the_next_one() {
    let Some(store) = NeoStore::new() else { return };
    let sandbox = Sandbox::new();
    let url = store.url();
    let mut killed = 0;
    for moment in 1..=8 {
        corpus::fill(&sandbox, 30, 20 + moment);
        let mut loader = sandbox.start(&["load", "repo", "--quiet", "--to", &url]);
        loader.wait(Duration::from_millis(40 * moment as u64));
        loader.signal(Signal::KILL);
        killed += u32::from(loader.finish().code() == 137);
        load(&sandbox, &store, &["--allow-mass-delete"]).exits(0);
        equals_a_fresh_load(&sandbox, &url);
    }
    assert!(killed > 2, "only {killed} were killed in time");
    has_no_orphans(&store);
}

#[test]
fn a_store_that_holds_everything_is_filled_from_another_one() {
    let Some(store) = NeoStore::new() else { return };
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    everything(&sandbox, &store);
    let to =
        |command: &str| sandbox.run(&[command, "sqlite:a.db", "graph", "--config", "graph.yaml"]);
    to("backfill").exits(0).says("3 units");
    to("verify").exits(0).says("no difference");
    let nodes: i64 = sandbox.store("a.db").number("SELECT count(*) FROM nodes");
    assert_eq!(store.ask("MATCH (node:Code) RETURN count(*)"), [nodes.to_string()]);
    // One changed byte is found, and mended.
    store.ask("MATCH (node:Code) WHERE node.text IS NOT NULL WITH node LIMIT 1 SET node.text = node.text + '!'");
    to("verify").exits(1).says("1 unit");
    has_no_orphans(&store);
}

#[test]
fn a_schema_is_planned_applied_and_dropped() {
    let Some(store) = NeoStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    let plan = sandbox.run(&["schema", "plan", &url]).exits(0).stdout;
    assert_eq!(plan, sandbox.run(&["schema", "plan", "--new", &url]).exits(0).stdout);
    // As somebody else would run it.
    plan.split(';').filter(|one| !one.trim().is_empty()).for_each(|one| drop(store.ask(one)));
    sandbox.run(&["schema", "plan", &url]).exits(0).says("-- the schema is up to date");
    load(&sandbox, &store, &[]).exits(0);
    equals_a_fresh_load(&sandbox, &url);
    let index = url.split_once("prefix=").expect("a prefix").1.to_owned() + "astload_unit_path";
    store.ask(&format!("DROP INDEX {index}"));
    sandbox.run(&["schema", "plan", &url]).exits(0).says(&index);
    sandbox.run(&["schema", "apply", &url]).exits(0);
    sandbox.run(&["schema", "plan", &url]).exits(0).says("-- the schema is up to date");
    sandbox.run(&["schema", "drop", &url]).exits(2).says("holds 3 units, which would be gone");
    sandbox.run(&["schema", "drop", &url, "--yes"]).exits(0).says("dropped");
    sandbox.run(&["show", &url]).exits(1).says("there is no store at");
}

#[test]
fn no_command_tells_the_password_and_what_is_wrong_is_said() {
    let Some(store) = NeoStore::new() else { return };
    let (sandbox, url) = (Sandbox::with_python(), store.url());
    for arguments in [
        &["load", "repo", "--to", &url, "--audit", "log"][..],
        &["load", "repo", "--to", &url, "--json"],
        &["show", &url, "--json"],
        &["tree", "nothing", "--from", &url],
        &["verify", &url, "sqlite:a.db"],
        &["backfill", &url, &url],
        &["schema", "plan", &url],
        &["rm", "repo", "nothing", "--from", &url],
        &["gc", &url],
        &["schema", "drop", &url],
    ] {
        let told = sandbox.run(arguments).all();
        assert!(!told.contains("testpassword"), "{arguments:?}: {told}");
    }
    let load = |to: &str| sandbox.run(&["load", "repo", "--patience", "3s", "--to", to]);
    let told = load(&url.replace("testpassword", "wr0ng-pw")).exits(1);
    assert!(!told.all().contains("wr0ng-pw"), "{}", told.all());
    told.says("refuses this user or password").says("check `user` and `password`");
    let (bolt, http) = (store.port("port"), store.port("http"));
    load(&url.replace(&bolt, &http)).exits(1).says("does not speak Bolt").says("7687");
    load(&url.replace("?prefix", "/nowhere?prefix")).exits(1).says("check `database`");
    load(&url.replace("prefix=", "prefx=")).exits(2).says("did you mean `prefix`?");
    load("bolt://127.0.0.1:1").exits(1).says("does the server run");
}

//! Two stores side by side: `verify` and `backfill`.

use std::time::Duration;

use astload_tests::{Sandbox, corpus};
use rustix::process::Signal;

fn two() -> Sandbox {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--repo", "r"]);
    sandbox.load("b.db", &["--repo", "r"]);
    sandbox
}

fn verify(sandbox: &Sandbox, more: &[&str]) -> astload_tests::Finished {
    sandbox.run(&[&["verify", "sqlite:a.db", "sqlite:b.db"], more].concat())
}

#[test]
fn stores_of_one_source_are_alike() {
    let sandbox = two();
    verify(&sandbox, &[]).exits(0).says("3 units alike, no difference;");
    let json = verify(&sandbox, &["--json"]).exits(0).json();
    assert_eq!((&json["same"], &json["differing"]), (&3.into(), &serde_json::json!([])));
}

#[test]
fn what_was_compared_is_told() {
    let sandbox = two();
    let count =
        |table: &str| sandbox.store("a.db").number(&format!("SELECT count(*) FROM {table}"));
    let (nodes, edges) = (count("nodes"), count("edges"));
    let told = format!("compared {nodes} nodes, {edges} edges, ");
    let told = verify(&sandbox, &[]).exits(0).says(&told);
    told.says(" and 0 vectors of repository r in layer ast\n");
    let json = verify(&sandbox, &["--json"]).exits(0).json();
    assert_eq!((&json["rows"]["nodes"], &json["rows"]["edges"]), (&nodes.into(), &edges.into()));
    let all = serde_json::json!({
        "repo": null, "repos": ["r"], "layers": ["ast"], "select": {"first": {}, "second": {}},
    });
    assert_eq!(json["selection"], all);
    let json = verify(&sandbox, &["--json", "--repo", "r"]).exits(0).json();
    assert_eq!(json["selection"]["repo"], "r");
}

#[test]
fn one_changed_byte_is_found_wherever_it_is() {
    for (change, told) in [
        ("UPDATE node SET name = 'firsT' WHERE name = 'first' AND ord > 0", "r:a.py: nodes["),
        ("UPDATE node SET end_byte = end_byte + 1 WHERE ord = 2", "end_byte: "),
        ("UPDATE unit SET line_count = 99 WHERE path = 'a.py'", "r:a.py: line_count: "),
        ("UPDATE unit SET content_hash = zeroblob(32) WHERE path = 'b.py'", "r:b.py: content_hash"),
        ("UPDATE edge SET flags = flags + 1 WHERE src = 0", "edges, symbols or vectors differ"),
        ("DELETE FROM edge WHERE src = 0", "edges, symbols or vectors differ"),
        ("DELETE FROM unit WHERE path = 'pkg/c.py'", "r:pkg/c.py: only in sqlite:a.db"),
    ] {
        let sandbox = two();
        sandbox.store("b.db").execute(change);
        verify(&sandbox, &[]).exits(1).says(told).says("not alike;");
        let json = verify(&sandbox, &["--json"]).exits(1).json();
        assert!(json["differing"][0]["path"].is_string(), "{change}: {json}");
    }
}

#[test]
fn what_was_written_later_is_no_difference() {
    let sandbox = two();
    sandbox.store("b.db").execute("UPDATE unit SET generation = generation + 1");
    verify(&sandbox, &[]).exits(0);
}

#[test]
fn only_what_both_select_is_compared() {
    let sandbox = Sandbox::with_python();
    sandbox.write("x.js", "function f() { return g(); }\n");
    let all = "  all: {type: sqlite, path: a.db}\n";
    let some =
        "  some: {type: sqlite, path: b.db, select: {languages: [python], flags: [definition]}}\n";
    std::fs::write(sandbox.path("c.yaml"), format!("backends:\n{all}{some}")).expect("written");
    sandbox.run(&["load", "repo", "--config", "c.yaml"]).exits(0);
    let verify = || sandbox.run(&["verify", "all", "some", "--config", "c.yaml"]);
    let told = verify().exits(0).says("3 units alike, no difference;");
    told.says("only what some selects: flags definition; languages python\n");
    sandbox.store("b.db").execute("UPDATE node SET name = 'other' WHERE name = 'first'");
    verify().exits(1).says("repo:a.py: nodes[");
    // Without the configuration nobody knows what was meant to be there.
    sandbox.run(&["verify", "sqlite:a.db", "sqlite:b.db"]).exits(1).says("x.js: only in");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let sandbox = two();
    sandbox.run(&["verify", "sqlite:a.db", "sqlite:none.db"]).exits(1).says("none.db");
    sandbox.run(&["verify", "sqlite:a.db", "warehouse"]).exits(2).says("--config FILE");
    verify(&sandbox, &["--repo", "nobody"]).exits(1).says("neither store has anything");
}

fn backfill(sandbox: &Sandbox, more: &[&str]) -> astload_tests::Finished {
    sandbox.run(&[&["backfill", "sqlite:a.db", "sqlite:b.db"], more].concat())
}

#[test]
fn a_store_is_filled_from_another_and_then_loads_on_as_that_one_would() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    backfill(&sandbox, &["--dry-run"]).exits(0).says("dry run: 3 units would be written");
    assert!(!sandbox.path("b.db").exists());
    backfill(&sandbox, &[]).exits(0).says("3 units sent, 0 there already;");
    verify(&sandbox, &[]).exits(0);
    assert_eq!(sandbox.store("b.db").dump(), sandbox.store("a.db").dump());
    let again = backfill(&sandbox, &["--json"]).exits(0).json();
    assert_eq!((&again["sent"], &again["held"]), (&0.into(), &3.into()));
    sandbox.write("a.py", "def changed():\n    return 1\n");
    let loaded = sandbox.load("b.db", &[]);
    assert_eq!(loaded["units"]["written"], 1, "{loaded}");
}

#[test]
fn only_what_is_lacking_is_sent_and_nothing_newer_is_overwritten() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.load("b.db", &[]);
    sandbox.write("a.py", "def changed():\n    return 1\n");
    sandbox.write("only.py", "x = 1\n");
    sandbox.load("b.db", &[]);
    backfill(&sandbox, &[]).exits(0).says("0 units sent, 3 there already;").says("1 unit it has");
    let changed = "SELECT count(*) FROM nodes WHERE name = 'changed'";
    assert_eq!(sandbox.store("b.db").number(changed), 1);
    sandbox.run(&["backfill", "sqlite:b.db", "sqlite:a.db"]).exits(0);
    verify(&sandbox, &[]).exits(0);
}

#[test]
fn a_store_is_not_filled_from_a_part_or_from_itself() {
    let sandbox = Sandbox::with_python();
    let narrow = "backends:\n  some: {type: sqlite, path: a.db, select: {flags: [definition]}}\n";
    std::fs::write(sandbox.path("c.yaml"), narrow).expect("written");
    sandbox.run(&["load", "repo", "--config", "c.yaml"]).exits(0);
    backfill(&sandbox, &[]).exits(2).says("holds only a part of repo:a.py");
    sandbox.run(&["backfill", "sqlite:a.db", "sqlite:./a.db"]).exits(2).says("the same store");
}

#[test]
fn a_backfill_that_was_killed_goes_on() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 60, 60);
    sandbox.load("a.db", &[]);
    let mut killed = 0;
    for moment in 1..=12 {
        let arguments = ["backfill", "sqlite:a.db", "sqlite:b.db", "--quiet"];
        let mut running = sandbox.start(&arguments);
        running.wait(Duration::from_millis(20 * moment));
        running.signal(Signal::KILL);
        killed += u32::from(running.finish().code() == 137);
    }
    assert!(killed > 0, "it was never killed in time");
    backfill(&sandbox, &[]).exits(0);
    verify(&sandbox, &[]).exits(0);
}

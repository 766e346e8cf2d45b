//! The audit stream: what happens to backends, as JSON lines in a file.

use std::collections::BTreeSet;
use std::fs;

use astload_tests::Sandbox;
use serde_json::Value;

/// What a load does to every store.
const EVENTS: [&str; 8] =
    ["register", "create", "claim_repo", "write", "probe", "health", "settle", "close"];

fn events(sandbox: &Sandbox) -> Vec<Value> {
    let text = fs::read_to_string(sandbox.path("audit.jsonl")).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn kinds(events: &[Value]) -> BTreeSet<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a kind")).collect()
}

#[test]
fn every_write_probe_and_change_of_health_is_a_line() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--to", "sqlite:b.db", "--audit", "audit.jsonl"]);
    let all = events(&sandbox);
    assert!(kinds(&all).is_superset(&BTreeSet::from(EVENTS)), "{all:?}");
    for backend in ["sqlite:a.db", "sqlite:b.db"] {
        let writes = all.iter().filter(|e| e["event"] == "write" && e["backend"] == backend);
        let units: u64 = writes.map(|event| event["units"].as_u64().expect("a number")).sum();
        assert_eq!(units, 3);
        let states = all.iter().filter(|e| e["event"] == "health" && e["backend"] == backend);
        let states: Vec<&str> =
            states.map(|event| event["to"].as_str().expect("a state")).collect();
        assert_eq!(states, ["healthy", "draining", "closed"]);
    }
    assert!(all.iter().all(|event| event["timestamp"].is_string()));
}

#[test]
fn the_stream_is_appended_to_and_tells_of_refusals() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--audit", "audit.jsonl"]);
    let before = events(&sandbox).len();
    sandbox.store("a.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'b.py is not welcome'); END",
    );
    sandbox.write("b.py", "x = 1\n");
    sandbox.load_exits("a.db", &["--audit", "audit.jsonl"], 3);
    let all = events(&sandbox);
    let added = &all[before..];
    let failed = added.iter().find(|e| e["event"] == "write").expect("a write");
    assert!(
        failed["error"].as_str().is_some_and(|error| error.contains("not welcome")),
        "{failed}"
    );
    let buried = added.iter().find(|event| event["event"] == "dead_letter").expect("a letter");
    assert_eq!(buried["unit"], "repo:b.py");
}

#[test]
fn what_a_check_connects_is_on_the_account() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let text = "backends:\n  local: {type: sqlite, path: a.db}\n";
    fs::write(sandbox.path("code.yaml"), text).expect("written");
    sandbox.run(&["check", "code.yaml", "--connect", "--audit", "audit.jsonl"]).exits(0);
    let all = events(&sandbox);
    assert_eq!(kinds(&all), BTreeSet::from(["register", "create", "close"]));
    assert!(all.iter().any(|event| event["backend"] == "local"), "{all:?}");
}

#[test]
fn an_account_that_cannot_be_kept_is_told() {
    let sandbox = Sandbox::with_python();
    let load = ["load", "repo", "--to", "sqlite:a.db", "--audit", "/dev/full"];
    let told = sandbox.run(&load).exits(0).says("error: --audit /dev/full: ").all();
    assert_eq!(told.matches("--audit").count(), 1, "{told}");
}

#[test]
fn a_store_is_no_account() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox
        .run(&["load", "repo", "--to", "sqlite:a.db", "--audit", "a.db"])
        .exits(2)
        .says("--audit a.db: it holds something else than an account");
    sandbox.is_clean("afterwards", "a.db");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_loaded() {
    let sandbox = Sandbox::with_python();
    sandbox
        .run(&["load", "repo", "--audit", "nowhere/audit.jsonl", "--to", "sqlite:a.db"])
        .exits(2)
        .says("--audit nowhere/audit.jsonl: No such file or directory");
    assert!(!sandbox.path("a.db").exists());
}

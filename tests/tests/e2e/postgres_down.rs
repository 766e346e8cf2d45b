//! A server that stops, dies and comes back in the middle of a load.

use astload_tests::{PgServer, PgStore, Running, Sandbox, corpus, wait_until};
use rustix::process::Signal;
use serde_json::Value;

use crate::postgres::{has_no_orphans, is_clean};

pub(crate) const FILES: usize = 150;

/// A repository whose load takes a while.
pub(crate) fn large() -> Sandbox {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, FILES, 60);
    sandbox
}

/// Loads it into the store at a URL and into another one.
pub(crate) fn start(sandbox: &Sandbox, url: &str, patience: &str) -> Running {
    let both = ["--to", url, "--to", "sqlite:beside.db", "--audit", "audit.jsonl"];
    sandbox.start(&[&["load", "repo", "--json", "--patience", patience], &both[..]].concat())
}

pub(crate) fn is_ill(state: &str) -> bool {
    ["degraded", "unavailable"].contains(&state)
}

/// The states of health that a store went through, as the account has them so far.
pub(crate) fn states(sandbox: &Sandbox, store: &str) -> Vec<String> {
    let changes = events(sandbox, "health", store);
    changes.iter().map(|event| event["to"].as_str().expect("a state").to_owned()).collect()
}

/// What the account has so far of one kind about a store.
pub(crate) fn events(sandbox: &Sandbox, kind: &str, store: &str) -> Vec<Value> {
    let account = std::fs::read_to_string(sandbox.path("audit.jsonl")).unwrap_or_default();
    let whole = account.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let events = whole.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_store = |event: &Value| {
        event["event"] == kind && event["backend"].as_str().expect("a name").contains(store)
    };
    events.filter(of_store).collect()
}

/// Waits until the other store has all.
pub(crate) fn the_other_one_is_done(sandbox: &Sandbox) {
    wait_until("the other store is settled", || {
        let beside = sandbox.path("beside.db");
        let index = "SELECT count(*) FROM sqlite_master WHERE name = 'unit_path'";
        beside.exists() && sandbox.store("beside.db").number(index) == 1
    });
}

/// Waits until some of the units are in the store.
fn begun(store: &PgStore) {
    let count = "SELECT count(*) FROM unit";
    wait_until("some units are written", || {
        let said = store.command(count).output().expect("psql runs").stdout;
        let units = String::from_utf8_lossy(&said).trim().parse::<u64>();
        units.is_ok_and(|units| units > 0)
    });
}

#[test]
fn a_server_that_was_killed_and_restarted_gets_the_rest() {
    let Some(server) = PgServer::start() else { return };
    let (store, sandbox) = (server.store(), large());
    let load = start(&sandbox, &store.url(), "60s");
    begun(&store);
    server.signal(Signal::KILL);
    wait_until("it is told to be ill", || states(&sandbox, "postgres").iter().any(|it| is_ill(it)));
    server.restart();
    let report = load.finish().exits(0).json();
    assert_eq!(report["units"]["written"], 2 * FILES, "{report}");
    // It was ill, and is well again by itself; the other one never was.
    let states = [states(&sandbox, "postgres"), states(&sandbox, "sqlite")];
    assert!(!states[1].iter().any(|state| is_ill(state)), "{states:?}");
    assert!(states[0].ends_with(&["draining".into(), "closed".into()]), "{states:?}");
    is_clean(&sandbox, &store);
    has_no_orphans(&store);
}

#[test]
fn a_server_that_stood_still_gets_the_rest() {
    let Some(server) = PgServer::start() else { return };
    let (store, sandbox) = (server.store(), large());
    let mut load = start(&sandbox, &store.url(), "60s");
    begun(&store);
    server.signal(Signal::STOP);
    the_other_one_is_done(&sandbox);
    load.until_told("postgres");
    server.signal(Signal::CONT);
    load.finish().exits(0);
    is_clean(&sandbox, &store);
    has_no_orphans(&store);
}

#[test]
fn a_server_that_died_is_told_and_the_other_store_is_whole() {
    let Some(server) = PgServer::start() else { return };
    let (store, sandbox) = (server.store(), large());
    let load = start(&sandbox, &store.url(), "2s");
    begun(&store);
    server.signal(Signal::KILL);
    let report = load.finish().exits(3).json();
    let [dead, beside] = [0, 1].map(|at| report["backends"][at].clone());
    assert_eq!((&dead["status"], &beside["status"]), (&"incomplete".into(), &"complete".into()));
    assert!(dead["error"]["hint"].is_string(), "{dead}");
    sandbox.is_clean("beside a server that died", "beside.db");
    server.restart();
    // The same command completes it.
    start(&sandbox, &store.url(), "60s").finish().exits(0);
    is_clean(&sandbox, &store);
    has_no_orphans(&store);
}

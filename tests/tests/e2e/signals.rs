//! Ctrl-C, and the signal that asks a service to end.

use astload_tests::{Running, Sandbox, corpus, wait_until};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::json;

/// Files of 60 functions: some batches.
const FILES: usize = 100;

/// A load that has written something, and has much to go.
fn half_way(sandbox: &Sandbox, more: &[&str]) -> Running {
    corpus::fill(sandbox, FILES, 60);
    let running = sandbox.start(&[&["load", "repo", "--jobs", "1"][..], more].concat());
    let place = sandbox.path("astload.db");
    wait_until("units in the store", || {
        let units = || -> rusqlite::Result<i64> {
            let store = Connection::open(&place)?;
            store.query_row("SELECT count(*) FROM units", [], |row| row.get(0))
        };
        place.exists() && units().is_ok_and(|units| units > 0)
    });
    running
}

fn is_stopped_and_completed(signal: Signal) {
    let sandbox = Sandbox::new();
    let running = half_way(&sandbox, &[]);
    running.signal(signal);
    let finished = running.finish().exits(130);
    finished.says("once more stops at once").says("the same command again goes on");
    let store = sandbox.store("astload.db");
    store.is_whole();
    let stored = store.number("SELECT count(*) FROM units");
    assert!(stored < FILES as i64, "it was stopped too late to test anything");
    let report = sandbox.load("astload.db", &[]);
    assert_eq!(report["units"]["skipped"].as_i64(), Some(stored));
    sandbox.is_clean("resumed", "astload.db");
}

#[test]
fn ctrl_c_finishes_the_batch_and_the_next_run_goes_on() {
    is_stopped_and_completed(Signal::INT);
}

#[test]
fn a_request_to_terminate_is_like_ctrl_c() {
    is_stopped_and_completed(Signal::TERM);
}

#[test]
fn a_load_that_was_stopped_says_that_its_backends_are_incomplete() {
    let sandbox = Sandbox::new();
    let running = half_way(&sandbox, &["--json"]);
    running.signal(Signal::INT);
    let report = running.finish().exits(130).json();
    assert_eq!(report["stopped"], true);
    assert_eq!(report["backends"][0]["status"], "incomplete", "{report}");
    let stored = sandbox.store("astload.db").number("SELECT count(*) FROM units");
    assert_eq!(report["units"]["written"].as_i64(), Some(stored), "{report}");
}

#[test]
fn ctrl_c_ends_a_load_that_waits_for_its_input() {
    let sandbox = Sandbox::new();
    let mut running = sandbox.start(&["load", "-", "--json"]);
    running.feed(b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n");
    running.until_told("\n");
    running.signal(Signal::INT);
    running.finish_without_input_end().exits(130);
}

fn line(path: &str) -> String {
    format!("{{\"repo\":\"r\",\"path\":\"{path}\",\"nodes\":[{{\"kind\":\"m\"}}]}}\n")
}

/// A load of a pipe that stays open, from which three lines and a part of a fourth were read.
fn reading_a_pipe(sandbox: &Sandbox, more: &[&str]) -> Running {
    let mut running = sandbox.start(&[&["load", "-"][..], more].concat());
    let lines = [line("a"), line("b"), line("c"), line("d")].concat();
    running.feed(&lines.as_bytes()[..lines.len() - 10]);
    running.until_read();
    running
}

#[test]
fn what_was_read_from_a_pipe_is_written_before_a_load_ends() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Sandbox::new();
        let running = reading_a_pipe(&sandbox, &[]);
        running.signal(signal);
        let told = running.finish_without_input_end().exits(130);
        assert!(!told.all().contains("the same command again goes on"), "{}", told.all());
        told.says("line 4: the input ends inside of it").says(
            "stopped: standard input was read through line 3, and all of that is written; another \
             run needs what comes after it",
        );
        let store = sandbox.store("astload.db");
        store.is_whole();
        assert_eq!(store.paths(), ["a", "b", "c"]);
    }
}

#[test]
fn json_says_how_far_a_pipe_was_read() {
    let sandbox = Sandbox::new();
    let running = reading_a_pipe(&sandbox, &["--json"]);
    running.signal(Signal::TERM);
    let report = running.finish_without_input_end().exits(130).json();
    assert_eq!(report["stopped"], true);
    let through =
        json!({"input": "standard input", "through": 3, "unit": "line", "to_its_end": false});
    assert_eq!(report["read_through"], through);
    let backend = &report["backends"][0];
    assert_eq!((&backend["status"], &backend["units"]["written"]), (&json!("complete"), &json!(3)));
}

#[test]
fn of_a_pipe_that_was_read_and_not_written_it_is_said_that_it_is_needed_again() {
    let sandbox = Sandbox::new();
    sandbox.run_with_input(&["load", "-"], line("old").as_bytes()).exits(0);
    let store = sandbox.store("astload.db");
    store.execute("BEGIN IMMEDIATE");
    let to = ["--to", "sqlite:astload.db?busy_timeout_ms=10", "--patience", "200ms"];
    let running = reading_a_pipe(&sandbox, &to);
    running.signal(Signal::INT);
    let told = running.finish_without_input_end().exits(130);
    told.says("and not all of that is written: another run needs it again");
    store.execute("ROLLBACK");
}

#[test]
fn a_second_ctrl_c_stops_at_once() {
    let sandbox = Sandbox::with_python();
    sandbox.load("astload.db", &[]);
    sandbox.write("a.py", "changed = 1\n");
    let store = sandbox.store("astload.db");
    store.execute("BEGIN IMMEDIATE");
    let url = "sqlite:astload.db?busy_timeout_ms=600000";
    let patience = ["--patience", "10min"];
    let mut running =
        sandbox.start(&[&["load", "repo", "--json", "--to", url], &patience[..]].concat());
    running.until_told("\n");
    running.signal(Signal::INT);
    running.until_told("stopping");
    running.signal(Signal::INT);
    running.finish().exits(130);
    store.execute("ROLLBACK");
    store.is_whole();
}

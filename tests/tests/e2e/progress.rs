//! What whoever waits is told, on a terminal and elsewhere.

use std::io::Write;

use astload_tests::{Sandbox, Terminal};
use rusqlite::Connection;
use serde_json::Value;

const UNIT: &[u8] = b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n";

fn terminal(sandbox: &Sandbox, arguments: &[&str], columns: u16) -> Terminal {
    Terminal::start(sandbox.command(arguments), columns)
}

/// Holds up all who would write to a store, until it is dropped.
fn locked(sandbox: &Sandbox, store: &str) -> Connection {
    let lock = Connection::open(sandbox.path(store)).expect("opened");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    lock
}

#[test]
fn a_terminal_shows_what_is_waited_for_until_the_summary_is_there() {
    let sandbox = Sandbox::new();
    let mut load = terminal(&sandbox, &["load", "-", "--to", "sqlite:a.db"], 100);
    load.until_shown("waiting for units for 1 s");
    load.stdin().write_all(UNIT).expect("taken");
    let (code, shown) = load.finish();
    assert_eq!(code, Some(0), "{shown}");
    // The lines that change are gone when the summary is there.
    let summary = shown.rsplit("\u{1b}[2K").next().expect("the end");
    assert!(summary.contains("1 unit written") && !summary.contains("waiting"), "{shown:?}");
}

#[test]
fn a_backend_that_is_held_up_is_told_and_the_other_is_up_to_date() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.write("a.py", "x = 1\n");
    let lock = locked(&sandbox, "a.db");
    let arguments = ["load", "repo", "--to", "sqlite:a.db", "--to", "sqlite:b.db"];
    let mut load = terminal(&sandbox, &arguments, 40);
    load.until_shown("no write for 3 s: sqli");
    load.until_shown("complete: sqlite:b.db");
    load.until_shown("writing; 3 files read");
    drop(lock);
    let (code, shown) = load.finish();
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn whoever_waits_for_gc_or_rm_sees_for_what() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    for arguments in [&["gc", "sqlite:a.db"][..], &["rm", "repo", "--from", "sqlite:a.db"]] {
        let lock = locked(&sandbox, "a.db");
        let mut waiting = terminal(&sandbox, arguments, 100);
        waiting.until_shown(" for 1 s");
        drop(lock);
        let (code, shown) = waiting.finish();
        assert_eq!(code, Some(0), "{shown}");
    }
}

#[test]
fn json_draws_nothing_on_a_terminal() {
    let sandbox = Sandbox::new();
    let mut load = terminal(&sandbox, &["load", "-", "--to", "sqlite:a.db", "--json"], 100);
    load.stdin().write_all(UNIT).expect("taken");
    load.until_shown("\"phase\":\"reading\"");
    let (code, shown) = load.finish();
    assert_eq!(code, Some(0), "{shown}");
    for line in shown.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    }
}

#[test]
fn what_is_on_a_pipe_gets_a_plain_line_now_and_then() {
    let sandbox = Sandbox::new();
    let mut load = sandbox.start(&["load", "-", "--to", "sqlite:a.db"]);
    load.until_told("waiting for units for 5 s\n");
    assert_eq!(load.told(), "waiting for units for 5 s\n");
    load.feed(UNIT);
    load.finish().exits(0);
}

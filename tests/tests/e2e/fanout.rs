//! Several stores in one load, of which some fail.

use std::fs;

use astload_tests::{Sandbox, corpus};
use rusqlite::Connection;
use serde_json::Value;

use crate::mount::Tmpfs;

const THREE: [&str; 4] = ["--to", "sqlite:b.db", "--to", "sqlite:c.db"];

fn statuses(report: &Value) -> Vec<&str> {
    let backends = report["backends"].as_array().expect("a list");
    backends.iter().map(|backend| backend["status"].as_str().expect("a word")).collect()
}

fn are_equal(sandbox: &Sandbox, stores: &[&str]) {
    let first = sandbox.store(stores[0]);
    assert!(!first.paths().is_empty());
    for other in &stores[1..] {
        first.equals(other, &sandbox.path(other));
    }
}

#[test]
fn three_stores_are_equal() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 60, 10);
    let report = sandbox.load("a.db", &THREE);
    assert_eq!(statuses(&report), ["complete"; 3]);
    are_equal(&sandbox, &["a.db", "b.db", "c.db"]);
}

#[test]
fn a_store_that_fills_its_disk_half_way_stops_no_other_and_is_repaired() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 100, 30);
    let Some(small) = Tmpfs::mount(&sandbox, "small", "2m") else { return };
    let to = ["--to", "sqlite:small/b.db", "--to", "sqlite:c.db"];
    let report = sandbox.load_exits("a.db", &to, 3);
    assert_eq!(statuses(&report), ["complete", "incomplete", "complete"]);
    let error = &report["backends"][1]["error"];
    assert!(error["message"].as_str().is_some_and(|text| text.contains("full")), "{error}");
    assert!(error["hint"].as_str().is_some_and(|text| text.contains("free some space")), "{error}");
    sandbox.store("small/b.db").is_whole();
    small.grow("200m");
    let stored = sandbox.store("small/b.db").number("SELECT count(*) FROM units");
    let of_small = &report["backends"][1]["units"];
    assert_eq!(
        (&of_small["written"], &of_small["missing"]),
        (&stored.into(), &(100 - stored).into())
    );
    assert_eq!(report["units"]["written"], 200 + stored);
    let report = sandbox.load("a.db", &to);
    assert_eq!(statuses(&report), ["complete"; 3]);
    let units = |backend: usize| report["backends"][backend]["units"]["written"].as_i64();
    assert_eq!([units(0), units(1), units(2)], [Some(0), Some(100 - stored), Some(0)]);
    are_equal(&sandbox, &["a.db", "small/b.db", "c.db"]);
}

#[test]
fn the_summary_says_which_store_is_incomplete_and_why() {
    let sandbox = Sandbox::with_python();
    fs::write(sandbox.path("b.db"), "this is no database, it is a text").expect("written");
    let told = sandbox.run(&[&["load", "repo", "--to", "sqlite:a.db"][..], &THREE].concat());
    let told = told.exits(3).says("error: sqlite:b.db is incomplete: ").says("not a database");
    let told = told.says("sqlite:a.db: 3 units written, 0 skipped, 0 deleted, 0 refused\n");
    let told =
        told.says("6 units written, 0 skipped, 0 deleted, 0 failed").says(", in 3 backends\n");
    told.says("hint: choose another file").says("partly done");
}

#[test]
fn a_store_that_cannot_be_reached_at_the_start_stops_no_other() {
    let sandbox = Sandbox::with_python();
    let to = ["--to", "sqlite:nowhere/b.db", "--to", "sqlite:c.db"];
    let report = sandbox.load_exits("a.db", &to, 3);
    assert_eq!(statuses(&report), ["complete", "incomplete", "complete"]);
    assert_eq!(report["units"]["written"], 6);
    fs::create_dir(sandbox.path("nowhere")).expect("a folder");
    let report = sandbox.load("a.db", &to);
    assert_eq!(report["backends"][1]["units"]["written"], 3);
    are_equal(&sandbox, &["a.db", "nowhere/b.db", "c.db"]);
}

#[test]
fn a_store_that_is_locked_all_the_while_stops_no_other() {
    let sandbox = Sandbox::with_python();
    sandbox.load("b.db", &[]);
    sandbox.write("a.py", "changed = 1\n");
    let locker = Connection::open(sandbox.path("b.db")).expect("opened");
    locker.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let to = ["--to", "sqlite:b.db?busy_timeout_ms=100", "--to", "sqlite:c.db"];
    let patience = ["--patience", "1s"];
    let report = sandbox.load_exits("a.db", &[&to[..], &patience].concat(), 3);
    assert_eq!(statuses(&report), ["complete", "incomplete", "complete"], "{report}");
    let report = sandbox.load_exits("a.db", &[&to[..], &patience].concat(), 3);
    assert_eq!(report["units"]["written"], 0, "a.db and c.db have it already: {report}");
    locker.execute_batch("ROLLBACK").expect("released");
    sandbox.load("a.db", &to);
    sandbox.gc("b.db");
    are_equal(&sandbox, &["a.db", "b.db", "c.db"]);
}

#[test]
fn a_stream_goes_to_the_other_stores_too_when_one_is_locked() {
    let sandbox = Sandbox::with_python();
    sandbox.load("b.db", &[]);
    let locker = Connection::open(sandbox.path("b.db")).expect("opened");
    locker.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let line = b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n";
    let locked = "sqlite:b.db?busy_timeout_ms=100";
    let load = ["load", "-", "--json", "--patience", "1s", "--to", "sqlite:a.db", "--to", locked];
    let report = sandbox.run_with_input(&load, line).exits(3).json();
    assert_eq!(statuses(&report), ["complete", "incomplete"], "{report}");
    assert_eq!(sandbox.store("a.db").paths(), ["a"]);
}

#[test]
fn a_store_that_does_not_say_what_it_holds_stops_no_other() {
    let sandbox = Sandbox::with_python();
    sandbox.load("b.db", &[]);
    let change = |statement: &str| {
        let changed = Connection::open(sandbox.path("b.db")).expect("opened");
        changed.execute_batch(statement).expect("changed");
    };
    change("ALTER TABLE unit RENAME COLUMN language TO tongue");
    let lines =
        "{\"repo\":\"r\",\"path\":\"a\",\"content_hash\":\"00\",\"nodes\":[{\"kind\":\"m\"}]}\n"
            .replace("00", &"00".repeat(32));
    let load = ["load", "repo", "-", "--json", "--to", "sqlite:a.db", "--to", "sqlite:b.db"];
    let report = sandbox.run_with_input(&load, lines.as_bytes()).exits(3).json();
    assert_eq!(statuses(&report), ["complete", "incomplete"], "{report}");
    assert_eq!(report["units"]["written"], 4, "{report}");
    let error = &report["backends"][1]["error"]["message"];
    assert!(error.as_str().is_some_and(|text| text.contains("reading units")), "{error}");
    change("ALTER TABLE unit RENAME COLUMN tongue TO language");
    let report = sandbox.run_with_input(&load, lines.as_bytes()).exits(0).json();
    assert_eq!(report["backends"][1]["units"]["written"], 1, "{report}");
    are_equal(&sandbox, &["a.db", "b.db"]);
}

#[test]
fn when_no_store_says_what_it_holds_nothing_is_loaded() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let changed = Connection::open(sandbox.path("a.db")).expect("opened");
    changed.execute_batch("ALTER TABLE unit RENAME COLUMN language TO tongue").expect("changed");
    let report = sandbox.load_exits("a.db", &[], 1);
    assert_eq!(report["units"]["skipped"], 0, "{report}");
    assert_eq!(statuses(&report), ["incomplete"]);
}

#[test]
fn when_no_store_can_be_reached_nothing_counts_as_skipped() {
    let sandbox = Sandbox::with_python();
    let report = sandbox.load_exits("nowhere/a.db", &[], 1);
    assert_eq!((&report["units"]["written"], &report["units"]["skipped"]), (&0.into(), &0.into()));
    let line = b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n";
    let load = ["load", "-", "--json", "--to", "sqlite:nowhere/a.db"];
    let report = sandbox.run_with_input(&load, line).exits(1).json();
    assert_eq!(report["units"]["skipped"], 0);
}

#[test]
fn when_no_store_can_be_reached_the_sources_are_not_blamed() {
    let sandbox = Sandbox::with_python();
    let told = sandbox.run(&["load", "repo", "--to", "sqlite:nowhere/a.db"]).stdout;
    assert!(told.contains("there is no folder nowhere"), "{told}");
    assert!(!told.contains("no file here has a grammar"), "{told}");
}

#[test]
fn the_numbers_of_each_store_add_up_where_one_refuses_units() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--to", "sqlite:b.db"]);
    sandbox.store("b.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'b.py is not welcome'); END",
    );
    for file in ["a.py", "b.py"] {
        sandbox.write(file, "def changed():\n    return 1\n");
    }
    sandbox.write("new.py", "x = 1\n");
    let report = sandbox.load_exits("a.db", &["--to", "sqlite:b.db"], 3);
    let counts = ["written", "skipped", "deleted", "superseded", "refused", "missing"];
    let of =
        |counted: &Value| counts.map(|count| counted["units"][count].as_u64().expect("a number"));
    let [first, second] = [0, 1].map(|at| of(&report["backends"][at]));
    assert_eq!((first, second), ([3, 1, 0, 0, 0, 0], [2, 1, 0, 0, 1, 0]), "{report}");
    assert_eq!(of(&report), [5, 2, 0, 0, 1, 0], "{report}");
    for at in [0, 1] {
        let store = sandbox.store(["a.db", "b.db"][at]);
        let nodes = "SELECT count(*) FROM nodes WHERE path IN ('a.py', 'b.py', 'new.py')";
        let written = report["backends"][at]["nodes"].as_i64().expect("a number");
        let kept = match at {
            0 => 0,
            _ => store.number("SELECT count(*) FROM nodes WHERE path = 'b.py'"),
        };
        assert_eq!(written, store.number(nodes) - kept, "{report}");
    }
    let told =
        sandbox.run(&["load", "repo", "--to", "sqlite:a.db", "--to", "sqlite:b.db"]).exits(3);
    let told = told.says("sqlite:a.db: 0 units written, 4 skipped, 0 deleted, 0 refused\n");
    told.says("sqlite:b.db: 0 units written, 3 skipped, 0 deleted, 1 refused\n");
}

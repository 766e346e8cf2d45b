//! Stores that cannot be written, or not now.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use astload_tests::{Running, Sandbox, corpus, process::Finished};
use rusqlite::Connection;
use rustix::process::Signal;

use crate::mount::Tmpfs;
use crate::nobody;

/// Loads into `a.db`, which is refused before anything is written.
fn refused(sandbox: &Sandbox) -> Finished {
    let finished = sandbox.run(&["load", "repo", "--to", "sqlite:a.db"]);
    let code = finished.code();
    finished.exits(code).says("error: sqlite:a.db is incomplete: ").says("hint: ").exits(1)
}

#[test]
fn a_file_of_another_program_is_refused_and_unharmed() {
    let sandbox = Sandbox::with_python();
    let other = Connection::open(sandbox.path("a.db")).expect("made");
    other.execute_batch("CREATE TABLE precious(x); INSERT INTO precious VALUES (1)").expect("made");
    drop(other);
    let before = fs::read(sandbox.path("a.db")).expect("read");
    refused(&sandbox).says("an SQLite database of another program");
    assert!(before == fs::read(sandbox.path("a.db")).expect("read"), "it was changed");
    sandbox.run(&["show", "sqlite:a.db"]).exits(1).says("another program");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_unharmed() {
    let sandbox = Sandbox::with_python();
    let text = "This is a letter to a friend, and no database at all.\n".repeat(100);
    fs::write(sandbox.path("a.db"), &text).expect("written");
    refused(&sandbox).says("not a database").says("choose another file");
    assert_eq!(fs::read_to_string(sandbox.path("a.db")).expect("read"), text);
}

#[test]
fn a_newer_schema_is_refused_with_the_reason() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute("PRAGMA user_version = 99");
    sandbox.write("a.py", "changed = 1\n");
    refused(&sandbox).says("schema version 99, this astload knows").says("a newer astload");
    for command in [&["show"][..], &["rm", "repo", "--from"], &["gc"]] {
        let arguments = [command, &["sqlite:a.db"]].concat();
        sandbox.run(&arguments).exits(1).says("schema version 99");
    }
}

#[test]
fn a_folder_in_the_place_of_a_store_is_refused() {
    let sandbox = Sandbox::with_python();
    fs::create_dir(sandbox.path("a.db")).expect("a folder");
    refused(&sandbox).says("is a folder").says("sqlite:a.db/code.db");
}

#[test]
fn a_file_that_is_empty_becomes_a_store() {
    let sandbox = Sandbox::with_python();
    fs::write(sandbox.path("a.db"), "").expect("written");
    sandbox.load("a.db", &[]);
}

#[test]
fn a_read_only_store_says_what_to_do_and_keeps_what_it_has() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let before = sandbox.store("a.db").dump();
    sandbox.write("a.py", "changed = 1\n");
    fs::set_permissions(sandbox.path("a.db"), fs::Permissions::from_mode(0o444)).expect("set");
    let url = "sqlite:a.db";
    let Some(finished) = nobody::run(&sandbox, &["load", "repo", "--to", url]) else { return };
    finished.exits(3).says("incomplete").says("hint: make the file and its folder writable");
    assert_eq!(sandbox.store("a.db").dump(), before);
}

#[test]
fn a_read_only_folder_says_what_to_do() {
    let sandbox = Sandbox::with_python();
    fs::create_dir(sandbox.path("closed")).expect("a folder");
    let Some(finished) = nobody::run_where(&sandbox, "closed", 0o555, "sqlite:closed/a.db") else {
        return;
    };
    finished.exits(1).says("sqlite:closed/a.db is incomplete").says("may be written");
}

#[test]
fn a_store_in_a_read_only_place_can_be_shown() {
    let sandbox = Sandbox::with_python();
    fs::create_dir(sandbox.path("closed")).expect("a folder");
    sandbox.load("closed/a.db", &[]);
    fs::set_permissions(sandbox.path("closed"), fs::Permissions::from_mode(0o555)).expect("set");
    let Some(finished) = nobody::run(&sandbox, &["show", "sqlite:closed/a.db"]) else { return };
    finished.exits(0).says("3 units");
}

#[test]
fn a_full_disk_is_a_clear_error_and_the_next_run_completes() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 120, 30);
    let Some(small) = Tmpfs::mount(&sandbox, "small", "3m") else { return };
    let report = sandbox.load_exits("small/a.db", &[], 3);
    assert_eq!(report["backends"][0]["error"]["kind"], "misconfigured", "{report}");
    let store = sandbox.store("small/a.db");
    store.is_whole();
    assert_eq!(report["units"]["written"].as_i64(), Some(store.paths().len() as i64), "{report}");
    drop(store);
    sandbox.run(&["show", "sqlite:small/a.db"]).exits(0);
    small.grow("200m");
    sandbox.load("small/a.db", &[]);
    sandbox.is_clean("completed", "small/a.db");
}

/// A store that another program writes to, with a change to be loaded.
fn locked() -> (Sandbox, Connection) {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.write("a.py", "changed = 1\n");
    let locker = Connection::open(sandbox.path("a.db")).expect("opened");
    locker.execute_batch("BEGIN IMMEDIATE").expect("locked");
    (sandbox, locker)
}

const LOCKED: [&str; 6] =
    ["load", "repo", "--to", "sqlite:a.db?busy_timeout_ms=100", "--patience", "1s"];

#[test]
fn a_store_that_stays_locked_is_a_clear_error() {
    let (sandbox, _locker) = locked();
    let finished = sandbox.run(&LOCKED);
    assert_ne!(finished.code(), 0);
    finished.says("locked").says("hint: another program is writing to the file");
}

#[test]
fn a_store_whose_lock_is_released_in_time_is_loaded() {
    let (sandbox, locker) = locked();
    let mut arguments = LOCKED.to_vec();
    arguments[5] = "100s";
    let mut running = sandbox.start(&[&arguments[..], &["--json"]].concat());
    // It has begun to wait when it tells its progress.
    running.until_told("\n");
    locker.execute_batch("ROLLBACK").expect("released");
    let report = running.finish().exits(0).json();
    assert_eq!(report["units"]["written"], 1);
}

#[test]
fn a_store_is_read_while_another_program_writes() {
    let (sandbox, _locker) = locked();
    sandbox.run(&["show", "sqlite:a.db"]).exits(0).says("3 units");
}

#[test]
fn two_loads_into_one_store_at_once_give_what_one_gives() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 40, 10);
    let start = || sandbox.start(&["load", "repo", "--to", "sqlite:a.db"]);
    let (first, second) = (start(), start());
    first.finish().exits(0);
    second.finish().exits(0);
    sandbox.store("a.db").is_whole();
    sandbox.is_clean("both", "a.db");
}

#[test]
fn a_store_that_cannot_be_read_back_is_no_success() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let changed = rusqlite::Connection::open(sandbox.path("a.db")).expect("opened");
    changed.execute_batch("ALTER TABLE unit RENAME COLUMN line_count TO lines").expect("changed");
    let told = sandbox.run(&["load", "repo", "--to", "sqlite:a.db"]).exits(3);
    told.says("sqlite:a.db does not let itself be read");
}

#[test]
fn a_dry_run_finds_a_store_that_cannot_be_made() {
    let sandbox = Sandbox::with_python();
    let to = ["load", "repo", "--dry-run", "--to", "sqlite:nowhere/a.db"];
    sandbox.run(&to).exits(1).says("there is no folder nowhere");
}

#[test]
fn a_store_with_two_names_is_refused_by_either_and_unharmed() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let before = sandbox.store("a.db").dump();
    fs::hard_link(sandbox.path("a.db"), sandbox.path("b.db")).expect("linked");
    sandbox.write("a.py", "changed = 1\n");
    for url in ["sqlite:a.db", "sqlite:b.db"] {
        let loaded = sandbox.run(&["load", "repo", "--to", url]);
        assert_ne!(loaded.code(), 0);
        loaded.says("has 2 names").says("hint: ").says("-samefile");
        sandbox.run(&["show", url]).exits(1).says("has 2 names");
    }
    assert_eq!(sandbox.store("a.db").dump(), before);
    fs::remove_file(sandbox.path("b.db")).expect("removed");
    sandbox.load("a.db", &[]);
    sandbox.is_clean("one name again", "a.db");
}

#[test]
fn two_ways_to_one_store_are_the_same_store_also_before_it_is_there() {
    let sandbox = Sandbox::with_python();
    fs::create_dir(sandbox.path("sub")).expect("a folder");
    symlink("sub", sandbox.path("link")).expect("a link");
    symlink("sub/a.db", sandbox.path("to-file.db")).expect("a link");
    let absolute = format!("sqlite:{}", sandbox.path("sub/a.db").display());
    for other in ["sqlite:link/a.db", "sqlite:sub/../sub/./a.db", "sqlite:to-file.db", &absolute] {
        let both = ["load", "repo", "--to", "sqlite:sub/a.db", "--to", other];
        sandbox.run(&both).exits(2).says("the same store");
    }
}

/// A command on a store that another program keeps for itself before it is opened.
fn kept_from(command: &[&str]) -> (Running, Connection, Sandbox) {
    let sandbox = Sandbox::with_python();
    let locker = Connection::open(sandbox.path("a.db")).expect("opened");
    locker.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let mut running = sandbox.start(command);
    running.until_told("waiting for the store");
    (running, locker, sandbox)
}

/// The store is opened at once, and soon given up by SQLite itself.
const KEPT: [&str; 6] =
    ["load", "repo", "--to", "sqlite:a.db?busy_timeout_ms=10", "--patience", "100s"];

#[test]
fn a_store_that_cannot_be_opened_yet_is_waited_for() {
    let (running, locker, sandbox) = kept_from(&KEPT);
    locker.execute_batch("ROLLBACK").expect("released");
    running.finish().exits(0).says("3 units written");
    sandbox.is_clean("after waiting", "a.db");
}

#[test]
fn who_waits_for_a_store_to_open_can_be_stopped() {
    let (running, _locker, _sandbox) = kept_from(&KEPT);
    running.signal(Signal::INT);
    running.finish().exits(130);
}

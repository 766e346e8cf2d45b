//! The second load of a repository: what it skips, what it sees.

use std::collections::HashSet;
use std::fs::{self, File, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use astload_tests::{Sandbox, store::assert_same, wait_until};
use serde_json::{Value, json};

/// Dates a file back, so that its stamp is older than the racy second.
fn age(sandbox: &Sandbox, name: &str) {
    set_modified(sandbox, name, SystemTime::now() - Duration::from_secs(3_600));
}

fn set_modified(sandbox: &Sandbox, name: &str, at: SystemTime) {
    let file = File::options().write(true).open(sandbox.file(name)).expect("opened");
    file.set_times(FileTimes::new().set_modified(at).set_accessed(at)).expect("set");
}

fn counts(report: &Value) -> [u64; 4] {
    ["written", "skipped", "deleted", "failed"]
        .map(|count| report["units"][count].as_u64().expect("a number"))
}

/// How many stamps the cache holds.
fn stamps(sandbox: &Sandbox) -> usize {
    let folder = fs::read_dir(sandbox.path("cache/astload/stamps")).into_iter().flatten();
    let files = folder.map(|entry| fs::read(entry.expect("listed").path()).expect("read"));
    let known = |file: Vec<u8>| {
        let text = String::from_utf8(file).expect("text");
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let paths: HashSet<String> =
            lines.filter_map(|line| line["path"].as_str().map(str::to_owned)).collect();
        paths.len()
    };
    files.map(known).sum()
}

#[test]
fn a_second_load_skips_everything_and_changes_nothing() {
    let sandbox = Sandbox::with_python();
    assert_eq!(counts(&sandbox.load("a.db", &[])), [3, 0, 0, 0]);
    let before = sandbox.store("a.db").ask("SELECT * FROM units ORDER BY path");
    let again = sandbox.load("a.db", &[]);
    assert_eq!(counts(&again), [0, 3, 0, 0]);
    assert_eq!(
        (&again["nodes"], &again["backends"][0]["units"]["written"]),
        (&0.into(), &0.into())
    );
    assert_eq!(sandbox.store("a.db").ask("SELECT * FROM units ORDER BY path"), before);
}

#[test]
fn a_touched_file_that_is_equal_is_skipped() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    age(&sandbox, "a.py");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [0, 3, 0, 0]);
}

#[test]
fn changed_added_removed_and_renamed_files_are_seen() {
    let sandbox = Sandbox::with_python();
    sandbox.write("d.py", "d = 4\n");
    sandbox.write("e.py", "e = 5\n");
    sandbox.load("a.db", &[]);
    sandbox.write("a.py", "changed = 1\n");
    sandbox.write("new.py", "new = 1\n");
    sandbox.remove("b.py");
    fs::rename(sandbox.file("d.py"), sandbox.file("renamed.py")).expect("renamed");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [3, 2, 2, 0]);
    let paths = ["a.py", "e.py", "new.py", "pkg/c.py", "renamed.py"];
    assert_eq!(sandbox.store("a.db").paths(), paths);
    sandbox.gc("a.db");
    assert_same("changed", &sandbox.store("a.db").dump(), &sandbox.clean_dump(&[]));
}

#[test]
fn a_change_of_the_same_size_within_the_racy_second_is_seen() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("b.py", "")]);
    let now = SystemTime::now();
    set_modified(&sandbox, "a.py", now);
    sandbox.load("a.db", &[]);
    assert_eq!(stamps(&sandbox), 0, "a fresh file's stamp proves nothing");
    sandbox.write("a.py", "y = 2\n");
    set_modified(&sandbox, "a.py", now);
    assert_eq!(counts(&sandbox.load("a.db", &[])), [1, 1, 0, 0]);
    assert_eq!(sandbox.store("a.db").number("SELECT count(*) FROM nodes WHERE text = 'y'"), 1);
}

/// Loads until the stamps of all files are kept: the racy seconds after their making are over.
fn load_until_stamps_are_kept(sandbox: &Sandbox, files: usize) {
    wait_until("stamps of all files", || {
        sandbox.load("a.db", &[]);
        stamps(sandbox) == files
    });
}

/// The one file of stamps in the cache.
fn cache(sandbox: &Sandbox) -> PathBuf {
    let folder = fs::read_dir(sandbox.path("cache/astload/stamps")).expect("listed");
    folder.map(|entry| entry.expect("listed").path()).next().expect("one")
}

/// Changes a file, and has the cache believe that it read the file as it is now: only a load that
/// trusts the stamp, and does not read the file, can miss the change.
fn change_behind_the_stamp(sandbox: &Sandbox, name: &str) {
    sandbox.write(name, "changed = 1\n");
    let status = rustix::fs::stat(sandbox.file(name)).expect("a file");
    let nanoseconds = |seconds: i64, rest: u64| seconds * 1_000_000_000 + rest as i64;
    let log = fs::read_to_string(cache(sandbox)).expect("read");
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut line = lines.rfind(|line| line["path"] == name).expect("known");
    line["stamp"]["size"] = json!(status.st_size);
    line["stamp"]["modified"] = json!(nanoseconds(status.st_mtime, status.st_mtime_nsec));
    line["stamp"]["changed"] = json!(nanoseconds(status.st_ctime, status.st_ctime_nsec));
    line["stamp"]["inode"] = json!(status.st_ino);
    fs::write(cache(sandbox), format!("{log}\n{line}\n")).expect("written");
}

#[test]
fn a_file_whose_stamp_proves_it_is_not_read_unless_trust_is_denied() {
    let sandbox = Sandbox::with_python();
    load_until_stamps_are_kept(&sandbox, 3);
    change_behind_the_stamp(&sandbox, "a.py");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [0, 3, 0, 0]);
    assert_eq!(counts(&sandbox.load("a.db", &["--no-trust-mtime"])), [1, 2, 0, 0]);
}

#[test]
fn stamps_of_another_version_or_broken_ones_are_ignored() {
    let sandbox = Sandbox::with_python();
    load_until_stamps_are_kept(&sandbox, 3);
    fs::write(cache(&sandbox), "{ broken").expect("written");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [0, 3, 0, 0]);
}

#[test]
fn stamps_do_not_skip_for_a_store_that_is_new() {
    let sandbox = Sandbox::with_python();
    load_until_stamps_are_kept(&sandbox, 3);
    assert_eq!(counts(&sandbox.load("b.db", &[])), [3, 0, 0, 0]);
    assert_same("new", &sandbox.store("a.db").dump(), &sandbox.store("b.db").dump());
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_reading_only() {
    let sandbox = Sandbox::with_python();
    fs::write(sandbox.path("cache"), "a file where a folder should be").expect("written");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [3, 0, 0, 0]);
    assert_eq!(counts(&sandbox.load("a.db", &[])), [0, 3, 0, 0]);
}

#[test]
fn another_choice_of_nodes_extracts_again() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    assert_eq!(counts(&sandbox.load("a.db", &["--nodes", "all"])), [3, 0, 0, 0]);
    let all = sandbox.clean_dump(&["--nodes", "all"]);
    assert_same("all nodes", &sandbox.store("a.db").dump(), &all);
}

#[test]
fn only_the_store_that_lacks_a_unit_is_repaired() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--to", "sqlite:b.db"]);
    sandbox.run(&["rm", "repo", "b.py", "--from", "sqlite:b.db"]).exits(0);
    let report = sandbox.load("a.db", &["--to", "sqlite:b.db"]);
    assert_eq!(counts(&report), [1, 5, 0, 0]);
    let units = [0, 1].map(|backend| report["backends"][backend]["units"]["written"].as_u64());
    assert_eq!(units, [Some(0), Some(1)]);
    assert_same("repaired", &sandbox.store("a.db").dump(), &sandbox.store("b.db").dump());
}

#[test]
fn a_store_that_joins_later_catches_up() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.remove("a.py");
    sandbox.load("a.db", &["--to", "sqlite:b.db"]);
    sandbox.gc("a.db");
    assert_same("joined", &sandbox.store("a.db").dump(), &sandbox.store("b.db").dump());
}

#[test]
fn a_clock_that_was_set_back_does_not_hide_a_change() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    // The store has seen a generation of the year 2255.
    let store = sandbox.store("a.db");
    let future = "SET generation = 9000000000000000";
    store.execute(&format!("UPDATE unit {future}; UPDATE repo {future}"));
    sandbox.write("a.py", "changed = 1\n");
    assert_eq!(counts(&sandbox.load("a.db", &[])), [1, 2, 0, 0]);
    assert_eq!(store.number("SELECT count(*) FROM nodes WHERE text = 'changed'"), 1);
}

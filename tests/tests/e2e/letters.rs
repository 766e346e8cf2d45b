//! Units that a store refuses: listed, shown, replayed, dropped.

use astload_tests::{Sandbox, wait_until};
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

/// A loaded repository whose store refuses `b.py` from now on; every file has changed since.
fn refusing(store: &str) -> Sandbox {
    let sandbox = Sandbox::with_python();
    sandbox.load(store, &[]);
    sandbox.store(store).execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'b.py is not welcome'); END",
    );
    for file in ["a.py", "b.py", "pkg/c.py"] {
        sandbox.write(file, "def changed():\n    return 1\n");
    }
    sandbox
}

fn letters(sandbox: &Sandbox, more: &[&str]) -> Vec<Value> {
    let arguments = [&["dlq", "list", "--json"], more].concat();
    let listed = sandbox.run(&arguments).exits(0).json();
    listed.as_array().expect("a list").clone()
}

#[test]
fn what_a_store_refuses_is_kept_with_the_reason_and_the_rest_is_written() {
    let sandbox = refusing("a.db");
    sandbox
        .run(&["load", "repo", "--to", "sqlite:a.db"])
        .exits(3)
        .says("error: sqlite:a.db refused repo:b.py: writing a batch: b.py is not welcome")
        .says("hint: 1 unit kept with the reason, see `astload dlq list`");
    let changed = "SELECT count(*) FROM nodes WHERE name = 'changed'";
    assert_eq!(sandbox.store("a.db").number(changed), 2);
    let letters = letters(&sandbox, &[]);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["path"], "b.py");
    assert_eq!(letters[0]["backend"], "sqlite:a.db");
    assert_eq!(letters[0]["kind"], "refused");
    assert_eq!(letters[0]["attempts"], 1);
    sandbox
        .run(&["dlq", "show", "b.py"])
        .exits(0)
        .says("error       refused: writing a batch: b.py is not welcome")
        .says(r#""name":"changed""#);
}

#[test]
fn a_replay_leaves_what_is_refused_again_and_takes_the_rest_with_its_generation() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    sandbox
        .run(&["dlq", "replay"])
        .exits(3)
        .says("error: sqlite:a.db refused repo:b.py")
        .says("0 dead letters taken, 1 left");
    let kept = letters(&sandbox, &[]);
    assert_eq!(kept[0]["attempts"], 2);
    sandbox.store("a.db").execute("DROP TRIGGER picky");
    sandbox.run(&["dlq", "replay"]).exits(0).says("1 dead letter taken, 0 left");
    assert_eq!(letters(&sandbox, &[]).len(), 0);
    let generation =
        sandbox.store("a.db").number("SELECT generation FROM units WHERE path = 'b.py'");
    assert_eq!(kept[0]["generation"], generation);
    sandbox.gc("a.db");
    sandbox.is_clean("after the replay", "a.db");
}

#[test]
fn what_is_refused_again_is_left_however_it_was_chosen() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    let chosen = ["dlq", "replay", "--older-than", "1s"];
    wait_until("it is old enough", || letters(&sandbox, &chosen[2..]).len() == 1);
    sandbox.run(&chosen).exits(3).says("0 dead letters taken, 1 left");
    sandbox.store("a.db").execute("DROP TRIGGER picky");
    sandbox.store("a.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'still not wanted'); END",
    );
    let chosen = ["dlq", "replay", "--error", "not welcome", "--json"];
    let replayed = sandbox.run(&chosen).exits(3).json();
    assert_eq!((&replayed["replayed"], &replayed["left"]), (&1.into(), &1.into()));
}

#[test]
fn to_a_store_that_does_not_know_its_repository_no_letter_is_given() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    for file in ["a.db", "a.db-wal", "a.db-shm"] {
        std::fs::remove_file(sandbox.path(file)).ok();
    }
    sandbox
        .run(&["dlq", "replay"])
        .exits(3)
        .says("repo:b.py: sqlite:a.db does not know repo any more")
        .says("0 dead letters taken, 1 left");
    // It is the directory's still.
    sandbox.load("a.db", &[]);
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn the_letter_of_a_file_that_is_gone_is_dropped_by_the_next_load() {
    let sandbox = refusing("a.db");
    sandbox.write("new/b.py", "def new():\n    return 2\n");
    sandbox.store("a.db").execute(
        "CREATE TRIGGER picky_too BEFORE INSERT ON unit WHEN NEW.path = 'new/b.py'
         BEGIN SELECT RAISE(ABORT, 'nor is this one'); END",
    );
    sandbox.load_exits("a.db", &[], 3);
    assert_eq!(letters(&sandbox, &[]).len(), 2);
    // One of them the store never had.
    sandbox.remove("new/b.py");
    sandbox.load_exits("a.db", &[], 3);
    let kept = letters(&sandbox, &[]);
    assert_eq!((kept.len(), &kept[0]["path"]), (1, &"b.py".into()));
    sandbox.remove("b.py");
    sandbox.load("a.db", &[]);
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn what_is_removed_from_a_store_takes_its_letters_along() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    let rm = |path: &[&str]| {
        sandbox.run(&[&["rm", "repo", "--from", "sqlite:./a.db", "--audit", "log"], path].concat())
    };
    rm(&["pkg"]).exits(0).says("1 unit deleted; ");
    rm(&["b.py"]).exits(0).says("1 unit deleted, 1 dead letter dropped; ");
    assert_eq!(letters(&sandbox, &[]).len(), 0);
    let log = std::fs::read_to_string(sandbox.path("log")).expect("an account");
    assert!(log.contains(r#""event":"remove""#), "{log}");
}

#[test]
fn a_replay_is_on_the_account() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    sandbox.store("a.db").execute("DROP TRIGGER picky");
    let told = sandbox.run(&["dlq", "replay", "--audit", "audit.jsonl"]).exits(0);
    told.says("1 dead letter taken, 0 left");
    let audit = std::fs::read_to_string(sandbox.path("audit.jsonl")).expect("an account");
    for event in ["register", "create", "write", "close"] {
        assert!(audit.contains(&format!("\"event\":\"{event}\"")), "{event}: {audit}");
    }
}

#[test]
fn a_load_that_the_store_takes_clears_the_letter() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    assert_eq!(letters(&sandbox, &[]).len(), 1);
    sandbox.store("a.db").execute("DROP TRIGGER picky");
    sandbox.load("a.db", &[]);
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn letters_are_chosen_by_backend_age_error_and_path() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    for chosen in [
        ["--backend", "sqlite:a.db"],
        ["--older-than", "0s"],
        ["--error", "not welcome"],
        ["--path", "b"],
    ] {
        assert_eq!(letters(&sandbox, &chosen).len(), 1, "{chosen:?}");
    }
    for other in [
        ["--backend", "sqlite:b.db"],
        ["--older-than", "1h"],
        ["--error", "syntax"],
        ["--path", "pkg/"],
    ] {
        assert_eq!(letters(&sandbox, &other).len(), 0, "{other:?}");
    }
    sandbox.run(&["dlq", "replay", "--path", "pkg/"]).exits(1).says("no dead letter was chosen");
    sandbox.run(&["dlq", "show", "c.py"]).exits(1).says("no dead letter of c.py");
}

#[test]
fn nothing_is_dropped_that_was_not_chosen() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    sandbox.run(&["dlq", "drop"]).exits(2).says("which ones?").says("or say --all");
    sandbox.run(&["dlq", "drop", "--older-than", "1h"]).exits(0).says("0 dead letters dropped");
    assert_eq!(letters(&sandbox, &[]).len(), 1);
    sandbox.run(&["dlq", "drop", "--all"]).exits(0).says("1 dead letter dropped");
    sandbox.run(&["dlq", "list"]).exits(0).says("no dead letters");
}

#[test]
fn a_letter_survives_a_load_that_is_killed() {
    let sandbox = refusing("a.db");
    sandbox.load("b.db", &[]);
    sandbox.write("b.py", "def changed_again():\n    return 2\n");
    // The second store keeps the load from ending.
    let lock = Connection::open(sandbox.path("b.db")).expect("a store");
    lock.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let running =
        sandbox.start(&["load", "repo", "-q", "--to", "sqlite:a.db", "--to", "sqlite:b.db"]);
    wait_until("there is a letter", || !letters(&sandbox, &[]).is_empty());
    running.signal(Signal::KILL);
    assert_eq!(running.finish().code(), 137);
    let letters = letters(&sandbox, &[]);
    assert_eq!((letters.len(), &letters[0]["path"]), (1, &Value::from("b.py")));
    sandbox.run(&["dlq", "show", "b.py"]).exits(0).says("changed_again");
}

#[test]
fn letters_are_kept_where_somebody_says() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'not welcome'); END",
    );
    sandbox.write("b.py", "def changed():\n    return 1\n");
    sandbox.write("a.py", "def changed():\n    return 1\n");
    let load = ["load", "repo", "--to", "sqlite:a.db", "--dead-letters", "kept"];
    sandbox.run(&load).exits(3).says("see `astload dlq list --dead-letters kept`");
    sandbox.run(&["dlq", "list"]).exits(0).says("no dead letters");
    sandbox.run(&["dlq", "list", "--dead-letters", "kept"]).exits(0).says("1 dead letter");
    sandbox.store("a.db").execute("DROP TRIGGER picky");
    let replay = ["dlq", "replay", "--dead-letters", "kept"];
    sandbox.run(&replay).exits(0).says("1 dead letter taken, 0 left");
}

#[test]
fn rm_drops_letters_where_somebody_says() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &["--dead-letters", "kept"], 3);
    let kept = || letters(&sandbox, &["--dead-letters", "kept"]).len();
    let rm = ["rm", "repo", "b.py", "--from", "sqlite:a.db"];
    sandbox.run(&rm).exits(0).says("1 unit deleted; ");
    assert_eq!(kept(), 1, "they are of another folder");
    let rm = ["rm", "repo", "b.py", "--from", "sqlite:a.db", "--dead-letters", "kept"];
    sandbox.run(&rm).exits(0).says("1 dead letter dropped");
    assert_eq!(kept(), 0);
}

#[test]
fn a_file_that_is_no_letter_is_told_and_the_others_are_listed() {
    let sandbox = refusing("a.db");
    sandbox.load_exits("a.db", &[], 3);
    let shown = sandbox.run(&["dlq", "show", "b.py"]).exits(0).all();
    let file = shown.lines().find_map(|line| line.strip_prefix("file")).expect("a file").trim();
    let bytes = std::fs::read(file).expect("a letter");
    let beside = |name: &str| std::path::Path::new(file).with_file_name(name);
    for (name, content) in [
        ("1.letter", bytes[..bytes.len() - 1].to_vec()),
        ("2.letter", [&bytes[..100], b"?", &bytes[101..]].concat()),
        ("3.letter", b"not at all".to_vec()),
        ("4.letter", Vec::new()),
    ] {
        std::fs::write(beside(name), content).expect("written");
    }
    let listed = sandbox.run(&["dlq", "list"]).exits(3).says("b.py").says("1 dead letter, ");
    for name in ["1.letter", "2.letter", "3.letter", "4.letter"] {
        assert!(listed.all().contains(&format!("{name} cannot be read: ")), "{name}");
    }
    sandbox.load_exits("a.db", &[], 3);
}

#[test]
fn of_a_store_that_refuses_everything_few_units_are_buried() {
    let sandbox = Sandbox::new();
    for file in 0..60 {
        sandbox.write(&format!("{file}.py"), "x = 1\n");
    }
    sandbox.load("a.db", &[]);
    sandbox.store("a.db").execute(
        "CREATE TRIGGER closed BEFORE INSERT ON unit BEGIN SELECT RAISE(ABORT, 'closed'); END",
    );
    for file in 0..60 {
        sandbox.write(&format!("{file}.py"), "x = 2\n");
    }
    sandbox
        .run(&["load", "repo", "--to", "sqlite:a.db"])
        .exits(1)
        .says("units in a row were refused, the last one: writing a batch: closed")
        .says("hint: something else is wrong than the units");
    // A batch of fewer units that was done before may have been believed to be at fault itself.
    let buried = letters(&sandbox, &[]).len();
    assert!(buried < 32, "{buried}");
}

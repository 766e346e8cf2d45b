//! Whatever goes wrong, what a configuration got from elsewhere is neither shown nor kept.

use std::fs;

use astload_tests::{Finished, Running, Sandbox};

const CONFIG: &str = "backends:\n  local: {type: sqlite, path: {env: CODE_DB}}\n";

/// A repository, and a configuration whose only store is at a place that nobody is told.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_python();
    fs::write(sandbox.path("code.yaml"), CONFIG).expect("written");
    sandbox
}

fn run_at(sandbox: &Sandbox, place: &str, arguments: &[&str]) -> Finished {
    let mut command = sandbox.command(arguments);
    command.env("CODE_DB", sandbox.path(place));
    Running::start(command).finish()
}

/// Requires that nothing that was said or written holds the place, or a part of it.
#[track_caller]
fn is_clean(sandbox: &Sandbox, finished: &Finished) {
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap_or_default();
    for said in [finished.all(), audit] {
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn the_folder_of_a_secret_path_is_told_by_no_command() {
    let sandbox = sandbox();
    for (arguments, code) in [
        (&["check", "code.yaml", "--connect"][..], 1),
        (&["check", "code.yaml", "--connect", "--json"], 1),
        (&["load", "repo", "--config", "code.yaml", "--audit", "audit.jsonl"], 1),
        (&["load", "repo", "--config", "code.yaml", "--audit", "audit.jsonl", "--json"], 1),
        (&["load", "repo", "--config", "code.yaml", "--dry-run"], 1),
        (&["load", "repo", "--config", "code.yaml", "--dry-run", "--json"], 1),
    ] {
        let told = run_at(&sandbox, "s3cret/a.db", arguments).exits(code);
        let told = told.says("there is no folder ***");
        is_clean(&sandbox, &told);
    }
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).expect("an account");
    assert!(audit.contains("there is no folder ***"), "{audit}");
}

/// A loaded store at a secret place that from now on refuses `b.py`, and says where it is.
fn refusing() -> Sandbox {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("s3cret")).expect("a folder");
    run_at(&sandbox, "s3cret/a.db", &["load", "repo", "--config", "code.yaml"]).exits(0);
    let place = sandbox.path("s3cret/a.db");
    sandbox.store("s3cret/a.db").execute(&format!(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'b.py'
         BEGIN SELECT RAISE(ABORT, 'b.py is not welcome at {}'); END",
        place.display()
    ));
    for file in ["a.py", "b.py", "pkg/c.py"] {
        sandbox.write(file, "def changed():\n    return 1\n");
    }
    sandbox
}

#[test]
fn what_a_store_says_of_a_refused_unit_is_reported_and_kept_without_the_secret() {
    let sandbox = refusing();
    for more in [&[][..], &["--json"]] {
        let load = ["load", "repo", "--config", "code.yaml", "--audit", "audit.jsonl"];
        let told = run_at(&sandbox, "s3cret/a.db", &[&load, more].concat()).exits(3);
        let told = told.says("b.py is not welcome at ***");
        is_clean(&sandbox, &told);
    }
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).expect("an account");
    for event in ["write", "dead_letter"] {
        let event = format!("\"event\":\"{event}\"");
        let told = |line: &&str| line.contains(&event) && line.contains("is not welcome at ***");
        assert!(audit.lines().any(|line| told(&line)), "{event}: {audit}");
    }
    for arguments in [
        &["dlq", "list"][..],
        &["dlq", "list", "--json"],
        &["dlq", "show", "b.py"],
        &["dlq", "show", "b.py", "--json"],
    ] {
        let told = run_at(&sandbox, "s3cret/a.db", arguments).exits(0);
        is_clean(&sandbox, &told);
    }
}

#[test]
fn a_dead_letter_of_a_secret_place_is_replayed_to_its_store_however_that_is_named() {
    let sandbox = refusing();
    let load = ["load", "repo", "--config", "code.yaml"];
    run_at(&sandbox, "s3cret/a.db", &load).exits(3);
    let replay = ["dlq", "replay", "--config", "code.yaml"];
    let told = run_at(&sandbox, "s3cret/a.db", &replay).exits(3);
    is_clean(&sandbox, &told.says("0 dead letters taken, 1 left"));
    sandbox.store("s3cret/a.db").execute("DROP TRIGGER picky");
    let url = format!("sqlite:{}", sandbox.path("s3cret/a.db").display());
    run_at(&sandbox, "s3cret/a.db", &["dlq", "replay", "--to", &url])
        .exits(0)
        .says("1 dead letter taken, 0 left");
}

#[test]
fn a_store_that_cannot_be_read_back_tells_no_secret() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.path("s3cret")).expect("a folder");
    let load = ["load", "repo", "--config", "code.yaml", "--audit", "audit.jsonl"];
    run_at(&sandbox, "s3cret/a.db", &load).exits(0);
    fs::write(sandbox.path("s3cret/a.db"), "no database at all\n".repeat(2_000)).expect("written");
    for more in [&[][..], &["--json"], &["--dry-run"], &["--dry-run", "--json"]] {
        let told = run_at(&sandbox, "s3cret/a.db", &[&load, more].concat());
        assert_ne!(told.code(), 0, "{}", told.all());
        is_clean(&sandbox, &told.says("not a database"));
    }
}

#[test]
fn who_says_a_password_twice_is_told_so_and_shown_neither() {
    let sandbox = Sandbox::new();
    for url in [
        "postgres://me:one-pw@localhost/db?password=other-pw",
        "neo4j://me:one-pw@localhost/db?password=other-pw",
        "elasticsearch://me:one-pw@localhost?password=other-pw",
        "opensearch+http://me:one-pw@localhost?password=other-pw",
    ] {
        let told = sandbox.run(&["show", url]).exits(2).says("`password` is given twice");
        assert!(!told.all().contains("-pw"), "{}", told.all());
        let two_users = url.replace(":one-pw", "").replace("password=other-pw", "user=you");
        sandbox.run(&["show", &two_users]).exits(2).says("`user` is given twice");
    }
}

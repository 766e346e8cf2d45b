//! What is printed for machines is JSON whatever names are, and steers no terminal on its way.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use astload_tests::{Finished, Sandbox};
use serde_json::{Value, json};

/// A character of each class that a terminal obeys, or that ends a line.
const STEERING: &str =
    "\u{1b}[31m \u{7f} \u{9b}31m \u{85} \u{202e} \u{2066} \u{200f} \u{2028} \u{2029}";

/// A repository whose names and texts have them, and a name that is not UTF-8.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.py", format!("def a():\n    return \"{STEERING}\"\n"));
    sandbox.write(&format!("{STEERING}.py"), "def b():\n    return a()\n");
    sandbox.write(&format!("broken{STEERING}.py"), "x = (\n");
    sandbox.write(&format!("no grammar.{STEERING}"), "");
    let surrogate = sandbox.file("a.py").with_file_name(OsStr::from_bytes(b"\xed\xa0\x80\xff.py"));
    fs::write(surrogate, "x = 1\n").expect("written");
    sandbox
}

/// A unit in which everything that is text has them.
fn unit() -> String {
    let name = format!("name {STEERING}");
    let node = json!({"kind": name, "name": name, "text": name, "field": name});
    json!({"repo": name, "path": name, "language": name, "nodes": [node]}).to_string()
}

/// Requires that every line is a JSON value, and harmless to see.
#[track_caller]
fn values(what: &str, text: &str) -> Vec<Value> {
    let steers = |c: char| c.is_control() || "\u{202e}\u{2066}\u{200f}\u{2028}\u{2029}".contains(c);
    let line = |line: &str| {
        assert!(!line.contains(steers), "{what}: {line:?}");
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error} in {line}"))
    };
    text.split_terminator('\n').map(line).collect()
}

#[track_caller]
fn is_json(arguments: &[&str], finished: &Finished) {
    let what = arguments.join(" ");
    values(&what, &finished.stdout);
    values(&what, &finished.stderr);
}

#[test]
fn every_command_prints_json_whatever_names_are() {
    let sandbox = sandbox();
    let input = unit();
    let loaded =
        sandbox.run_with_input(&["load", "-", "--json", "--to", "sqlite:b.db"], input.as_bytes());
    is_json(&["load", "-"], &loaded.exits(0));
    let loaded =
        sandbox.run(&["load", "repo", "--json", "--to", "sqlite:a.db", "--audit", "audit.jsonl"]);
    let report = loaded.clone().exits(0).json();
    assert_eq!(report["files"].as_array().map(Vec::len), Some(2), "{report}");
    is_json(&["load"], &loaded);
    let audit = fs::read_to_string(sandbox.path("audit.jsonl")).expect("an account");
    values("audit", &audit);
    let path = format!("{STEERING}.py");
    sandbox.store("a.db").execute(&format!(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = '{path}'
         BEGIN SELECT RAISE(ABORT, 'not welcome: {STEERING}'); END"
    ));
    sandbox.write(&path, "def changed():\n    return a()\n");
    fs::create_dir(sandbox.path("journal")).expect("a folder");
    fs::write(sandbox.path("journal/00000000000000000001.journal"), STEERING).expect("written");
    fs::write(sandbox.path(&format!("journal/{STEERING}.journal")), STEERING).expect("written");
    let text = format!("backends:\n  a: {{type: sqlite, path: {:?}, wrong: 1}}\n", STEERING);
    fs::write(sandbox.path("wrong.yaml"), text).expect("written");
    let escaped: String = STEERING.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let text = format!("backends:\n  a: {{type: sqlite, path: \"right {escaped}.db\"}}\n");
    fs::write(sandbox.path("right.yaml"), text).expect("written");
    let steered = format!("sqlite:no {STEERING}/x.db");
    for (arguments, code) in [
        (&["load", "repo", "--to", "sqlite:a.db", "--dry-run"][..], 0),
        (&["load", "repo", "--to", "sqlite:a.db"], 3),
        (&["load", "repo", "--to", &steered], 1),
        (&["show", "sqlite:a.db"], 0),
        (&["show", "sqlite:b.db"], 0),
        (&["show", &steered], 1),
        (&["tree", "a.py", "--from", "sqlite:a.db"], 0),
        (&["tree", &unit_path(), "--from", "sqlite:b.db"], 0),
        (&["tree", STEERING, "--from", "sqlite:b.db"], 1),
        (&["refs", "a", "--from", "sqlite:a.db"], 0),
        (&["refs", STEERING, "--from", "sqlite:a.db"], 1),
        (&["rm", STEERING, "--from", "sqlite:a.db"], 1),
        (&["gc", "sqlite:a.db"], 0),
        (&["backends"], 0),
        (&["dlq", "list"], 0),
        (&["dlq", "show", &path], 0),
        (&["dlq", "replay"], 3),
        (&["dlq", "drop", "--error", STEERING], 0),
        (&["verify", "sqlite:a.db", "sqlite:b.db"], 1),
        (&["backfill", "sqlite:b.db", "sqlite:c.db"], 0),
        (&["schema", "plan", "sqlite:c.db"], 0),
        (&["schema", "apply", "sqlite:c.db"], 0),
        (&["schema", "drop", "sqlite:c.db"], 2),
        (&["schema", "drop", "sqlite:c.db", "--yes"], 0),
        (&["journal", "inspect", "journal"], 0),
        (&["journal", "verify", "journal"], 1),
        (&["journal", "repair", "journal"], 0),
        (&["journal", "inspect", STEERING], 1),
        (&["check", "wrong.yaml"], 1),
        (&["check", "right.yaml", "--connect"], 0),
        (&["check", STEERING], 2),
        (&["config", "show", "right.yaml"], 0),
        (&["load", "repo", "--config", "wrong.yaml"], 2),
    ] {
        let finished = sandbox.run(&[arguments, &["--json"]].concat()).exits(code);
        is_json(arguments, &finished);
    }
    let schema = sandbox.run(&["config", "schema"]).exits(0);
    schema.json();
}

fn unit_path() -> String {
    format!("name {STEERING}")
}

#[test]
fn a_list_of_references_that_was_cut_says_so() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let refs = ["refs", "second", "--from", "sqlite:a.db"];
    let all = sandbox.run(&[&refs[..], &["--json"]].concat()).exits(0);
    let places = all.json().as_array().map_or(0, Vec::len);
    assert!(places > 1 && all.stderr.is_empty(), "{}", all.all());
    let as_many = places.to_string();
    let told = sandbox.run(&[&refs[..], &["--most", &as_many]].concat()).exits(0);
    assert_eq!(told.stderr, "");
    let one = sandbox.run(&[&refs[..], &["--most", "1"]].concat()).exits(0);
    assert_eq!(one.stdout.lines().count(), 1, "{}", one.stdout);
    one.says("there are more places than the 1 shown").says("--most N shows more");
    let one = sandbox.run(&[&refs[..], &["--most", "1", "--json"]].concat()).exits(0);
    assert_eq!(one.json().as_array().map(Vec::len), Some(1));
    assert_eq!(values("refs", &one.stderr)[0]["kind"], "cut");
}

#[test]
fn what_people_see_of_names_steers_no_terminal() {
    let sandbox = sandbox();
    sandbox.run_with_input(&["load", "-", "--to", "sqlite:b.db"], unit().as_bytes()).exits(0);
    for arguments in [
        &["load", "repo", "--to", "sqlite:a.db", "--dry-run"][..],
        &["load", "repo", "--to", "sqlite:a.db"],
        &["show", "sqlite:b.db"],
        &["tree", &unit_path(), "--from", "sqlite:b.db"],
        &["verify", "sqlite:a.db", "sqlite:b.db"],
        &["tree", STEERING, "--from", "sqlite:b.db"],
    ] {
        let said = sandbox.run(arguments).all();
        let steers =
            |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{2028}".contains(c);
        assert!(!said.contains(steers), "{arguments:?}: {said:?}");
    }
}

#[test]
fn what_tree_prints_is_loaded_as_it_was() {
    let sandbox = sandbox();
    sandbox.run(&["load", "repo", "--to", "sqlite:a.db"]).exits(0);
    sandbox.run_with_input(&["load", "-", "--to", "sqlite:a.db"], unit().as_bytes()).exits(0);
    for path in ["a.py", &format!("{STEERING}.py"), &format!("broken{STEERING}.py"), &unit_path()] {
        let printed = sandbox.run(&["tree", path, "--from", "sqlite:a.db", "--json"]).exits(0);
        let load = ["load", "-", "--to", "sqlite:copy.db"];
        sandbox.run_with_input(&load, printed.stdout.as_bytes()).exits(0);
    }
    sandbox.run(&["verify", "sqlite:a.db", "sqlite:copy.db"]).exits(0).says("4 units alike");
}

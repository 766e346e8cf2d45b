//! Loads into the backends of a configuration, each of which may hold a part of the units.

use std::fs;

use astload_tests::Sandbox;
use serde_json::Value;

const TWO: &str = "
defaults: {write: {batch: {rows: 1000}, attempt_timeout: 20s}}
backends:
  all: {type: sqlite, path: all.db}
  python: {type: sqlite, path: python.db, select: {languages: [python]}}
";

fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::with(&[
        ("a.py", "def first(x):\n    return second(x)\n"),
        ("b.go", "package b\n\nfunc second() int { return 1 }\n"),
        ("pkg/c.rs", "fn third() {}\n"),
    ]);
    configure(&sandbox, config);
    sandbox
}

fn configure(sandbox: &Sandbox, config: &str) {
    fs::write(sandbox.path("code.yaml"), config).expect("written");
}

fn load(sandbox: &Sandbox, more: &[&str]) -> Value {
    let arguments = [&["load", "repo", "--json", "--config", "code.yaml"], more].concat();
    sandbox.run(&arguments).exits(0).json()
}

fn written_or_deleted(backend: &Value) -> u64 {
    let count = |what: &str| backend["units"][what].as_u64().expect("a number");
    count("written") + count("deleted")
}

/// Units written or deleted, by backend.
fn changed(report: &Value) -> Vec<(&str, u64)> {
    let backends = report["backends"].as_array().expect("a list").iter();
    let row = |backend: &'static str, units: u64| (backend, units);
    backends
        .map(|backend| match backend["name"].as_str().expect("a name") {
            "all" => row("all", written_or_deleted(backend)),
            "python" => row("python", written_or_deleted(backend)),
            other => panic!("{other}"),
        })
        .collect()
}

#[test]
fn each_backend_gets_what_it_selects_and_what_it_has_is_skipped() {
    let sandbox = sandbox(TWO);
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 3), ("python", 1)]);
    assert_eq!(sandbox.store("all.db").paths(), ["a.py", "b.go", "pkg/c.rs"]);
    assert_eq!(sandbox.store("python.db").paths(), ["a.py"]);
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 0), ("python", 0)]);
    sandbox.write("b.go", "package b\n");
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 1), ("python", 0)]);
    sandbox.remove("a.py");
    assert_eq!(changed(&load(&sandbox, &["--allow-mass-delete"])), [("all", 1), ("python", 1)]);
    assert_eq!(sandbox.store("python.db").paths(), [""; 0]);
}

#[test]
fn a_selection_that_changes_brings_its_backend_to_what_it_selects_now() {
    let sandbox = sandbox(TWO);
    load(&sandbox, &[]);
    configure(&sandbox, &TWO.replace("[python]", "[go, rust]"));
    assert_eq!(changed(&load(&sandbox, &["--allow-mass-delete"])), [("all", 0), ("python", 3)]);
    assert_eq!(sandbox.store("python.db").paths(), ["b.go", "pkg/c.rs"]);
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 0), ("python", 0)]);
    configure(&sandbox, &TWO.replace("select: {languages: [python]}", ""));
    load(&sandbox, &[]);
    sandbox.gc("python.db");
    sandbox.store("all.db").equals("everything again", &sandbox.path("python.db"));
}

#[test]
fn a_selection_by_mistake_empties_no_store_without_consent() {
    let sandbox = sandbox(TWO);
    load(&sandbox, &[]);
    configure(&sandbox, &TWO.replace("[python]", "[ruby]"));
    sandbox
        .run(&["load", "repo", "--config", "code.yaml"])
        .exits(3)
        .says("repo: 1 unit is gone")
        .says("--allow-mass-delete");
    assert_eq!(sandbox.store("python.db").paths(), ["a.py"]);
    sandbox
        .run(&["load", "repo", "--config", "code.yaml", "--allow-mass-delete", "--dry-run", "-v"])
        .exits(0)
        .says("a.py");
    load(&sandbox, &["--allow-mass-delete"]);
    assert_eq!(sandbox.store("python.db").paths(), [""; 0]);
}

#[test]
fn of_the_nodes_a_backend_gets_the_root_and_those_that_it_selects() {
    let sandbox = sandbox(&TWO.replace("{languages: [python]}", "{labels: [Symbol]}"));
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 3), ("python", 3)]);
    let labels = "SELECT DISTINCT label FROM nodes ORDER BY label";
    assert_eq!(sandbox.store("python.db").texts(labels), ["File", "Symbol"]);
    let names = "SELECT name FROM nodes WHERE name IS NOT NULL ORDER BY name";
    let all = sandbox.store("all.db").texts(&names.replace("WHERE", "WHERE label = 'Symbol' AND"));
    assert_eq!(sandbox.store("python.db").texts(names), all);
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 0), ("python", 0)]);
}

#[test]
fn a_repository_that_is_not_selected_leaves_no_trace() {
    let sandbox = sandbox(&TWO.replace("{languages: [python]}", "{repos: ['other/*']}"));
    assert_eq!(changed(&load(&sandbox, &[])), [("all", 3), ("python", 0)]);
    let repos = sandbox.store("python.db").number("SELECT count(*) FROM repo");
    assert_eq!(repos, 0);
}

#[test]
fn units_of_a_stream_are_selected_too() {
    let sandbox = sandbox(TWO);
    let lines = [("a.py", "python", 1), ("b.go", "go", 1), ("c", "", 1)]
        .map(|(path, language, generation)| {
            let language = match language {
                "" => String::new(),
                known => format!(r#""language":"{known}","#),
            };
            format!(
                r#"{{"repo":"s","path":"{path}",{language}"generation":{generation},"nodes":[{{"kind":"module"}}]}}"#
            )
        })
        .join("\n");
    let arguments = ["load", "-", "--json", "--config", "code.yaml"];
    let report = sandbox.run_with_input(&arguments, lines.as_bytes()).exits(0).json();
    assert_eq!(changed(&report), [("all", 3), ("python", 1)]);
    // What was Python is Go now.
    let changed_language =
        lines.replace("python", "go").replace(r#""generation":1"#, r#""generation":2"#);
    sandbox.run_with_input(&arguments, changed_language.as_bytes()).exits(0);
    assert_eq!(sandbox.store("python.db").paths(), [""; 0]);
    assert_eq!(sandbox.store("all.db").paths().len(), 3);
}

#[test]
fn backends_are_chosen_by_name_and_urls_may_join_them() {
    let sandbox = sandbox(TWO);
    let report = load(&sandbox, &["--backend", "python"]);
    assert_eq!(changed(&report), [("python", 1)]);
    assert!(!sandbox.path("all.db").exists());
    sandbox
        .run(&["load", "repo", "--config", "code.yaml", "--backend", "pyton"])
        .exits(2)
        .says("code.yaml has no backend `pyton`")
        .says("hint: it has all, python");
    sandbox.run(&["load", "repo", "--config", "code.yaml", "--to", "sqlite:url.db"]).exits(0);
    assert!(sandbox.path("url.db").exists() && sandbox.path("all.db").exists());
    assert!(!sandbox.path("astload.db").exists(), "the default is for who names none");
}

#[test]
fn one_store_under_two_names_is_refused_before_anything_is_written() {
    let sandbox = sandbox(TWO);
    sandbox
        .run(&["load", "repo", "--config", "code.yaml", "--to", "sqlite:./all.db"])
        .exits(2)
        .says("all and sqlite:./all.db are the same store");
    assert!(!sandbox.path("all.db").exists());
}

#[test]
fn a_configuration_with_problems_loads_nothing_and_shows_them() {
    let sandbox = sandbox(&TWO.replace("path: python.db", "pth: python.db"));
    sandbox
        .run(&["load", "repo", "--config", "code.yaml"])
        .exits(2)
        .says("code.yaml:5:26: unknown field `pth`, did you mean `path`?")
        .says("in code.yaml");
    assert!(!sandbox.path("all.db").exists());
    sandbox.run(&["load", "repo", "--config", "none.yaml"]).exits(2).says("reading none.yaml");
}

#[test]
fn dead_letters_of_a_configured_backend_are_replayed_by_its_name() {
    let sandbox = sandbox(TWO);
    load(&sandbox, &[]);
    sandbox.store("all.db").execute(
        "CREATE TRIGGER picky BEFORE INSERT ON unit WHEN NEW.path = 'a.py'
         BEGIN SELECT RAISE(ABORT, 'a.py is not welcome'); END",
    );
    sandbox.write("a.py", "def changed():\n    return 1\n");
    sandbox.run(&["load", "repo", "--config", "code.yaml"]).exits(3).says("all refused repo:a.py");
    sandbox.store("all.db").execute("DROP TRIGGER picky");
    sandbox
        .run(&["dlq", "replay"])
        .exits(2)
        .says("all is named by a configuration")
        .says("--config FILE");
    sandbox
        .run(&["dlq", "replay", "--config", "code.yaml", "--backend", "all"])
        .exits(0)
        .says("1 dead letter taken, 0 left");
    let changed = "SELECT count(*) FROM nodes WHERE name = 'changed'";
    assert_eq!(sandbox.store("all.db").number(changed), 1);
}

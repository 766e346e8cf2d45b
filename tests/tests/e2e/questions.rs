//! `show`, `tree`, `refs`, `rm`, `gc`, `backends`.

use astload_tests::{Sandbox, process::Finished};
use serde_json::{Value, json};

fn loaded() -> Sandbox {
    let sandbox = Sandbox::with_python();
    sandbox.load("astload.db", &[]);
    sandbox
}

fn answer(arguments: &[&str]) -> Finished {
    loaded().run(arguments)
}

#[test]
fn show_tells_what_is_in_a_store() {
    let told = answer(&["show"]).exits(0).stdout;
    let words = ["3 units", "loaded", "repositories", "repo", "from /", "languages", "python"];
    let more = ["most frequent kinds", "identifier", "most referenced symbols", "first"];
    for word in words.iter().chain(&more) {
        assert!(told.contains(word), "no {word:?} in\n{told}");
    }
}

#[test]
fn show_names_files_with_errors() {
    let sandbox = Sandbox::with(&[("bad.py", "def (\n")]);
    sandbox.load("astload.db", &[]);
    sandbox.run(&["show"]).exits(0).says("1 file with syntax errors").says("bad.py");
}

#[test]
fn show_json_is_one_object() {
    let shown = answer(&["show", "--json"]).exits(0).json();
    assert_eq!(shown["units"], 3);
    assert_eq!(shown["repos"][0]["repo"], "repo");
    assert_eq!(shown["languages"][0]["language"], "python");
    assert_eq!(shown["languages"][0]["lines"], 8);
    assert!(shown["rows"]["nodes"].as_u64() > Some(0) && shown["bytes"].as_u64() > Some(0));
    assert!(shown["kinds"][0]["nodes"].is_u64() && shown["symbols"][0]["references"].is_u64());
}

#[test]
fn show_keeps_its_lists_short() {
    let shown = answer(&["show", "--most", "1", "--json"]).exits(0).json();
    assert_eq!(shown["kinds"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_missing_store_is_an_error_with_what_to_do() {
    let sandbox = Sandbox::new();
    for command in [&["show"][..], &["tree", "a.py"], &["refs", "x"], &["rm", "repo"], &["gc"]] {
        let finished = sandbox.run(command).exits(1);
        finished.says("there is no store at sqlite:astload.db").says("hint: load something");
        assert!(!sandbox.path("astload.db").exists(), "{command:?} made one");
    }
}

#[test]
fn tree_prints_names_and_spans_indented() {
    let told = answer(&["tree", "b.py"]).exits(0).stdout;
    let expected = "\
repo:b.py
module  1:1-3:1
  function_definition second  1:1-2:13
    name: identifier \"second\"  1:5-1:11
    parameters: parameters  1:11-1:14
      identifier \"y\"  1:12-1:13
    body: block  2:5-2:13
      return_statement  2:5-2:13
        identifier \"y\"  2:12-2:13
";
    assert_eq!(told.replace(" [ast]", ""), expected);
}

#[test]
fn tree_at_a_line_prints_what_covers_it() {
    let told = answer(&["tree", "b.py:2"]).exits(0).stdout;
    assert!(told.contains("return_statement") && !told.contains("parameters"), "{told}");
}

#[test]
fn tree_at_a_line_that_is_not_there_says_how_many_there_are() {
    answer(&["tree", "b.py:99999"])
        .exits(1)
        .says("no node of b.py is on line 99999")
        .says("hint: it has");
    answer(&["tree", "b.py:0"]).exits(1).says("lines are counted from 1");
}

#[test]
fn tree_takes_the_end_of_a_path() {
    answer(&["tree", "c.py"]).exits(0).says("pkg/c.py");
}

#[test]
fn tree_does_not_guess_between_files() {
    let sandbox = Sandbox::with(&[("x/a.py", ""), ("y/a.py", "")]);
    sandbox.load("astload.db", &[]);
    let refused = sandbox.run(&["tree", "a.py"]).exits(1);
    refused.says("x/a.py").says("y/a.py").says("hint: write more of the path");
    sandbox.run(&["tree", "y/a.py"]).exits(0);
}

#[test]
fn tree_takes_the_file_whose_whole_path_it_is() {
    let sandbox = Sandbox::with(&[("a.py", "top = 1\n"), ("y/a.py", "")]);
    sandbox.load("astload.db", &[]);
    sandbox.run(&["tree", "a.py"]).exits(0).says("top");
}

#[test]
fn tree_can_be_told_the_repository() {
    let sandbox = loaded();
    sandbox.load("astload.db", &["--repo", "other"]);
    sandbox.run(&["tree", "b.py"]).exits(1).says("--repo");
    sandbox.run(&["tree", "b.py", "--repo", "other"]).exits(0);
}

#[test]
fn tree_of_a_file_that_is_not_there_is_an_error() {
    answer(&["tree", "gone.py:3"]).exits(1).says("no file gone.py").says("hint: ");
}

#[test]
fn tree_json_is_a_unit_that_can_be_loaded_again() {
    let sandbox = loaded();
    let line = sandbox.run(&["tree", "a.py", "--json"]).exits(0).stdout;
    let unit: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!((&unit["repo"], &unit["path"]), (&json!("repo"), &json!("a.py")));
    let load = ["load", "-", "--to", "sqlite:b.db"];
    sandbox.run_with_input(&load, line.as_bytes()).exits(0);
    let again = sandbox.run(&["tree", "a.py", "--json", "--from", "sqlite:b.db"]).exits(0);
    assert_eq!(again.stdout, line);
}

#[test]
fn refs_lists_the_definition_first() {
    let told = answer(&["refs", "first"]).exits(0).stdout;
    let expected =
        "DEFINES  a.py:1:5  function_definition\nCALL     pkg/c.py:4:1\nREF      pkg/c.py:1:15\n";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines[1..].sort();
        lines
    };
    assert_eq!(sorted(&told), sorted(expected));
}

#[test]
fn refs_says_within_what_a_name_is_used() {
    answer(&["refs", "second"]).exits(0).says("CALL     a.py:2:12  in function_definition first");
}

#[test]
fn refs_json_is_a_list() {
    let found = answer(&["refs", "second", "--json"]).exits(0).json();
    assert_eq!(found[0]["kind"], "DEFINES");
    assert_eq!(found[0]["defined"], "function_definition");
    let within = json!({"kind": "function_definition", "name": "first"});
    assert_eq!((&found[1]["defined"], &found[1]["within"]), (&Value::Null, &within));
    assert_eq!((&found[1]["line"], &found[1]["column"]), (&json!(2), &json!(12)));
}

#[test]
fn refs_of_an_unknown_name_is_an_error() {
    answer(&["refs", "nobody"]).exits(1).says("nothing in the store is called nobody");
    assert_eq!(answer(&["refs", "nobody", "--json"]).exits(1).json(), json!([]));
}

#[test]
fn rm_removes_a_file_a_folder_or_all() {
    let sandbox = loaded();
    sandbox.run(&["rm", "repo", "a.py"]).exits(0).says("1 unit deleted");
    assert_eq!(sandbox.store("astload.db").paths(), ["b.py", "pkg/c.py"]);
    sandbox.run(&["rm", "repo", "pkg/"]).exits(0);
    assert_eq!(sandbox.store("astload.db").paths(), ["b.py"]);
    let report = sandbox.run(&["rm", "repo", "--json"]).exits(0).json();
    assert_eq!(report, json!({"deleted": 1, "dead_letters_dropped": 0}));
    assert_eq!(sandbox.store("astload.db").number("SELECT count(*) FROM nodes"), 0);
}

#[test]
fn rm_of_what_is_not_there_is_an_error() {
    answer(&["rm", "nobody"]).exits(1).says("the store has no nobody").says("hint: ");
    let report = answer(&["rm", "repo", "x", "--json"]).exits(1).json();
    assert_eq!(report, json!({"deleted": 0, "dead_letters_dropped": 0}));
}

#[test]
fn what_was_removed_is_loaded_again() {
    let sandbox = loaded();
    let before = sandbox.store("astload.db").dump();
    sandbox.run(&["rm", "repo", "a.py"]).exits(0);
    sandbox.load("astload.db", &[]);
    assert_eq!(sandbox.store("astload.db").dump(), before);
}

#[test]
fn gc_forgets_what_nothing_refers_to() {
    let sandbox = loaded();
    sandbox.run(&["rm", "repo"]).exits(0);
    let report = sandbox.run(&["gc", "--json"]).exits(0).json();
    assert_eq!(report["tombstones"], 3);
    assert!(report["symbols"].as_u64() > Some(0) && report["bytes"].is_u64(), "{report}");
    assert_eq!(sandbox.store("astload.db").number("SELECT count(*) FROM symbols"), 0);
    sandbox.run(&["gc"]).exits(0).says("0 tombstones and 0 symbols forgotten");
}

#[test]
fn backends_lists_types_with_what_they_can_and_take() {
    let finished = Sandbox::new().run(&["backends"]).exits(0);
    finished.says("sqlite ").says("unit atomicity").says("durability").says("busy_timeout_ms");
}

#[test]
fn backends_json_has_a_json_schema() {
    let types = Sandbox::new().run(&["backends", "--json"]).exits(0).json();
    let is_sqlite = |known: &&Value| known["type"]["name"] == "sqlite";
    let sqlite = types.as_array().and_then(|all| all.iter().find(is_sqlite)).expect("it is there");
    assert_eq!(sqlite["type"]["capabilities"]["unit_atomicity"], true);
    let schema = &sqlite["options"];
    assert!(schema["$schema"].as_str().is_some_and(|name| name.contains("json-schema.org")));
    assert_eq!(schema["required"], json!(["path"]));
    assert_eq!(schema["properties"]["busy_timeout_ms"]["default"], 10_000);
}

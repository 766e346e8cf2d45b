//! Lines of streams that are refused: kept, listed, shown, replayed, dropped.

use std::fs;

use astload_tests::{Sandbox, process::Finished};
use serde_json::{Value, json};

use crate::arrow;

const TO: [&str; 2] = ["--to", "sqlite:a.db"];

fn unit(path: &str, more: &Value) -> Value {
    let mut unit = json!({"repo": "r", "path": path, "nodes": [{"kind": "m"}]});
    for (key, value) in more.as_object().expect("an object") {
        unit[key] = value.clone();
    }
    unit
}

fn good(path: &str) -> String {
    format!("{}\n", unit(path, &json!({})))
}

/// A unit that breaks a rule of the model.
fn broken(path: &str) -> String {
    format!("{}\n", unit(path, &json!({"nodes": []})))
}

/// A unit whose generation is not ours.
fn numbered(path: &str) -> String {
    format!("{}\n", unit(path, &json!({"generation": 5})))
}

fn load(sandbox: &Sandbox, lines: &str) -> Finished {
    sandbox.run_with_input(&[&["load", "-"][..], &TO].concat(), lines.as_bytes())
}

fn letters(sandbox: &Sandbox, more: &[&str]) -> Vec<Value> {
    let listed = sandbox.run(&[&["dlq", "list", "--json"], more].concat()).exits(0).json();
    listed.as_array().expect("a list").clone()
}

#[test]
fn they_are_kept_with_their_place_their_text_and_the_reason() {
    let sandbox = Sandbox::new();
    let lines = [&good("a"), "no unit\n", &broken("b"), &numbered("c")].concat();
    fs::write(sandbox.path("u.ndjson"), &lines).expect("written");
    let told = sandbox.run(&[&["load", "u.ndjson"][..], &TO].concat()).exits(3);
    let told = told.says("error: u.ndjson: line 2: the line is no object");
    told.says("hint: 3 refused lines kept with the reason, see `astload dlq list`");
    let kept = letters(&sandbox, &[]);
    let places: Vec<&Value> = kept.iter().map(|letter| &letter["at"]).collect();
    assert_eq!(places, ["line 2", "line 3", "line 4"]);
    assert_eq!((&kept[0]["text"], &kept[0]["unit"]), (&json!("no unit"), &Value::Null));
    assert_eq!(kept[1]["unit"], json!({"repo": "r", "path": "b", "layer": "ast"}));
    for (letter, error) in kept.iter().zip(["no object", "nodes", "has a generation"]) {
        assert!(letter["error"].as_str().is_some_and(|it| it.contains(error)), "{letter}");
        assert_eq!((&letter["input"], &letter["attempts"]), (&json!("u.ndjson"), &json!(1)));
        assert_eq!(letter["backends"], json!(["sqlite:a.db"]));
    }
    for letter in &kept[1..] {
        let text: Value =
            serde_json::from_str(letter["text"].as_str().expect("text")).expect("JSON");
        assert_eq!(text["repo"], "r", "{letter}");
    }
    let listed = sandbox.run(&["dlq", "list"]).exits(0).says("3 refused lines");
    listed.says("u.ndjson").says("line 2");
    sandbox
        .run(&["dlq", "show", "u.ndjson"])
        .exits(0)
        .says("place       line 2")
        .says("\nno unit\n");
    sandbox.run(&["dlq", "show", "c"]).exits(0).says("\"generation\":5");
    assert_eq!(letters(&sandbox, &["--path", "b"]).len(), 1);
    assert_eq!(letters(&sandbox, &["--backend", "sqlite:other.db"]).len(), 0);
}

#[test]
fn a_load_that_reads_the_file_to_its_end_begins_anew() {
    let sandbox = Sandbox::new();
    let write = |lines: &str| fs::write(sandbox.path("u.ndjson"), lines).expect("written");
    let load = [&["load", "u.ndjson"][..], &TO].concat();
    write(&[&broken("a"), &good("b"), "no unit\n"].concat());
    for _ in 0..2 {
        sandbox.run(&load).exits(3);
        assert_eq!(letters(&sandbox, &[]).len(), 2, "the same lines are kept once");
    }
    write(&[&good("a"), &good("b"), "{\"repo\":\"r\",\"pa"].concat());
    sandbox.run(&load).exits(3);
    assert_eq!(letters(&sandbox, &[]).len(), 3, "it may not be all of the file");
    write(&[good("a"), good("b")].concat());
    sandbox.run(&load).exits(0);
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn what_came_through_a_pipe_is_kept_until_it_is_dropped() {
    let sandbox = Sandbox::new();
    let lines = [&good("a"), "no unit\n"].concat();
    load(&sandbox, &lines).exits(0);
    load(&sandbox, &lines).exits(0);
    sandbox.run(&["dlq", "drop"]).exits(2).says("--input");
    sandbox
        .run(&["dlq", "drop", "--error", "something else"])
        .exits(0)
        .says("0 dead letters dropped");
    assert_eq!(letters(&sandbox, &["--input", "standard input"]).len(), 2);
    let drop = ["dlq", "drop", "--input", "standard input"];
    sandbox.run(&drop).exits(0).says("2 dead letters dropped");
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn a_replay_loads_what_is_refused_no_more_and_counts_what_still_is() {
    let sandbox = Sandbox::new();
    load(&sandbox, &[good("a"), numbered("b"), broken("c")].concat()).exits(3);
    let again = sandbox.run(&["dlq", "replay"]).exits(3);
    again.says("0 dead letters taken, 2 left").says("has a generation");
    let attempts: Vec<Value> =
        letters(&sandbox, &[]).iter().map(|letter| letter["attempts"].clone()).collect();
    assert_eq!(attempts, [2, 2]);
    // Now the repository's generations may be anybody's.
    sandbox.run(&["rm", "r", "--from", "sqlite:a.db"]).exits(0);
    sandbox.gc("a.db");
    sandbox.run(&["dlq", "replay"]).exits(3).says("1 dead letter taken, 1 left");
    assert_eq!(sandbox.store("a.db").paths(), ["b"]);
    let left = letters(&sandbox, &[]);
    assert_eq!((left.len(), &left[0]["unit"]["path"]), (1, &json!("c")));
    assert_eq!(left[0]["at"], "line 3", "where it was in the stream");
}

#[test]
fn a_line_whose_unit_was_loaded_since_is_answered() {
    let sandbox = Sandbox::new();
    load(&sandbox, &[good("a"), broken("b")].concat()).exits(3);
    load(&sandbox, &good("b")).exits(0);
    let before = sandbox.store("a.db").dump();
    sandbox.run(&["dlq", "replay"]).exits(0).says("1 dead letter taken, 0 left");
    assert_eq!(sandbox.store("a.db").dump(), before);
}

#[test]
fn a_line_that_is_too_long_to_be_kept_is_cut_and_not_replayed() {
    let sandbox = Sandbox::new();
    let long =
        format!("{{\"repo\":\"r\",\"path\":\"b\",\"nonsense\":\"{}\"}}\n", "x".repeat(2 << 20));
    load(&sandbox, &[good("a"), long].concat()).exits(3);
    let kept = letters(&sandbox, &[]);
    assert_eq!((kept.len(), &kept[0]["cut"]), (1, &json!(true)));
    assert_eq!(kept[0]["text"].as_str().map(str::len), Some(1 << 20));
    sandbox.run(&["dlq", "replay"]).exits(3).says("is not kept whole").says("1 left");
}

#[test]
fn a_row_of_arrow_is_kept_as_a_line() {
    let sandbox = Sandbox::new();
    load(&sandbox, &good("a")).exits(0);
    let stream = arrow::stream([numbered("b"), numbered("c")].concat().as_bytes());
    fs::write(sandbox.path("u.arrow"), stream).expect("written");
    sandbox.run(&[&["load", "u.arrow"][..], &TO].concat()).exits(1);
    let kept = letters(&sandbox, &[]);
    assert_eq!(
        (&kept[0]["at"], &kept[1]["at"]),
        (&json!("batch 0, row 0"), &json!("batch 0, row 1"))
    );
    let text: Value = serde_json::from_str(kept[1]["text"].as_str().expect("text")).expect("JSON");
    assert_eq!((&text["path"], &text["generation"]), (&json!("c"), &json!(5)));
}

#[test]
fn a_dry_run_keeps_none() {
    let sandbox = Sandbox::new();
    let dry = [&["load", "-", "--dry-run"][..], &TO].concat();
    sandbox.run_with_input(&dry, [&good("a"), "no unit\n"].concat().as_bytes()).exits(0);
    assert_eq!(letters(&sandbox, &[]).len(), 0);
}

#[test]
fn a_last_line_that_is_torn_is_told_and_the_stream_is_broken() {
    let sandbox = Sandbox::new();
    let torn = &good("b")[..20];
    let told = load(&sandbox, &[&good("a"), torn].concat()).exits(3);
    told.says("line 2: the input ends inside of it");
    assert_eq!(letters(&sandbox, &[])[0]["text"], torn);
    // A last line may lack its end.
    load(&sandbox, good("c").trim_end()).exits(0);
    assert_eq!(sandbox.store("a.db").paths(), ["a", "c"]);
}

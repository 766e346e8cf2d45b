//! Units that were processed elsewhere: NDJSON and Arrow, from files and standard input.

use std::fs;

use astload_tests::process::Finished;
use astload_tests::{Sandbox, store::assert_same};
use serde_json::{Value, json};

use crate::arrow;

const TO: [&str; 3] = ["--json", "--to", "sqlite:a.db"];

/// A unit with a definition, a call and nested nodes.
fn unit(path: &str) -> Value {
    json!({
        "repo": "r", "path": path, "language": "python",
        "nodes": [{"kind": "module", "start_line": 0, "end_line": 2, "children": [
            {"kind": "function_definition", "name": "main", "start_line": 0, "end_line": 1},
            {"kind": "call", "start_line": 2, "end_line": 2},
        ]}],
        "edges": [
            {"src": 1, "kind": "DEFINES", "symbol": "name python main"},
            {"src": 2, "kind": "CALL", "symbol": "name python main"},
        ],
    })
}

fn with(mut unit: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().expect("an object") {
        unit[key] = value.clone();
    }
    unit
}

fn lines(units: &[Value]) -> Vec<u8> {
    units.iter().map(|unit| format!("{unit}\n")).collect::<String>().into_bytes()
}

fn load(sandbox: &Sandbox, input: &[u8]) -> Finished {
    sandbox.run_with_input(&[&["load", "-"][..], &TO].concat(), input)
}

fn problems(report: &Value) -> Vec<String> {
    let words = |problem: &Value| {
        let known = ["kind", "input", "at", "message"].map(|field| problem[field].as_str());
        known.into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    report["problems"].as_array().expect("a list").iter().map(words).collect()
}

#[test]
fn both_formats_from_files_and_standard_input_give_equal_stores() {
    let sandbox = Sandbox::new();
    let ndjson = lines(&[unit("a.py"), unit("b.py"), unit("c.py")]);
    let arrow = arrow::stream(&ndjson);
    let mut dumps = Vec::new();
    for (name, bytes) in [("u.ndjson", &ndjson), ("u.arrow", &arrow), ("u.jsonl", &ndjson)] {
        fs::write(sandbox.path(name), bytes).expect("written");
        let to = format!("sqlite:{name}.db");
        sandbox.run(&["load", name, "--to", &to]).exits(0);
        dumps.push(sandbox.store(&format!("{name}.db")).dump());
    }
    for (name, bytes) in [("ndjson", &ndjson), ("arrow", &arrow)] {
        let to = format!("sqlite:{name}.stdin.db");
        sandbox.run_with_input(&["load", "-", "--to", &to], bytes).exits(0);
        let to = format!("sqlite:{name}.named.db");
        let named = ["load", "-", "--format", name, "--to", &to];
        sandbox.run_with_input(&named, bytes).exits(0);
        dumps.push(sandbox.store(&format!("{name}.stdin.db")).dump());
        dumps.push(sandbox.store(&format!("{name}.named.db")).dump());
    }
    assert_eq!(dumps[0].iter().filter(|row| row.starts_with("\"nodes\"")).count(), 9);
    for dump in &dumps {
        assert_same("the same units", dump, &dumps[0]);
    }
}

#[test]
fn any_file_is_a_stream_when_its_format_is_named() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("dump.txt"), lines(&[unit("a.py")])).expect("written");
    sandbox.run(&["load", "dump.txt"]).exits(2);
    sandbox.run(&["load", "dump.txt", "--format", "ndjson"]).exits(0);
}

#[test]
fn broken_lines_are_told_by_number_and_the_rest_is_loaded() {
    let sandbox = Sandbox::new();
    let mut input = lines(&[unit("a.py")]);
    input.extend(b"{ not json\n\n");
    input.extend(lines(&[unit("b.py"), with(unit("c.py"), &json!({"nodes": []}))]));
    input.extend(lines(&[with(unit("d.py"), &json!({"nonsense": 1})), unit("e.py")]));
    input.extend(b"\xff\xfe\n");
    let report = load(&sandbox, &input).exits(3).json();
    assert_eq!((&report["units"]["written"], &report["units"]["failed"]), (&json!(3), &json!(4)));
    assert_eq!((&report["refused_lines"], &report["refused_units"]), (&json!(2), &json!(2)));
    let problems = problems(&report);
    for line in [2, 5, 6, 8] {
        let said = format!("line {line}");
        let found = problems.iter().filter(|problem| problem.contains(&said)).count();
        assert_eq!(found, 1, "{said} in {problems:#?}");
    }
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py", "e.py"]);
    let first = &report["problems"][0];
    assert_eq!((&first["kind"], &first["line"]), (&json!("line refused"), &json!(2)), "{first}");
    let of_unit = report["problems"].as_array().expect("a list");
    let of_unit = of_unit.iter().find(|problem| problem["line"] == 5).expect("line 5");
    let unit = [&of_unit["kind"], &of_unit["repo"], &of_unit["path"], &of_unit["layer"]];
    assert_eq!(unit, [&json!("unit refused"), &json!("r"), &json!("c.py"), &json!("ast")]);
}

/// The code of a load of these lines, with more arguments, into a store that holds `held.py`.
fn code_of(input: &[u8], more: &[&str]) -> i32 {
    let sandbox = Sandbox::new();
    load(&sandbox, &lines(&[unit("held.py")])).exits(0);
    sandbox.run_with_input(&[&["load", "-"][..], &TO, more].concat(), input).code()
}

#[test]
fn the_exit_code_says_whether_a_unit_is_missing_and_strictly_whether_anything_is() {
    let good = lines(&[unit("a.py")]);
    let no_unit = [&good[..], b"no unit\n"].concat();
    let breaks_a_rule = lines(&[unit("a.py"), with(unit("c.py"), &json!({"nodes": []}))]);
    let late_name = [&good[..], b"{\"nonsense\": 1, \"path\": \"x\", \"repo\": \"r\"}\n"].concat();
    let of_upstream = lines(&[unit("a.py"), with(unit("b.py"), &json!({"generation": 5}))]);
    for (what, input, code, strictly) in [
        ("all is well", &good, 0, 0),
        ("a line is no unit", &no_unit, 0, 3),
        ("a unit breaks a rule of the model", &breaks_a_rule, 3, 3),
        ("it does so before it is named", &late_name, 3, 3),
        ("a unit breaks a rule of its repository", &of_upstream, 3, 3),
    ] {
        assert_eq!(
            (code_of(input, &[]), code_of(input, &["--strict"])),
            (code, strictly),
            "{what}"
        );
    }
    assert_eq!(code_of(b"no unit\n", &[]), 1, "nothing was loaded");
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("big.py", &"x = 1\n".repeat(100))]);
    let small = ["--max-file-size", "100B"];
    sandbox.load_exits("a.db", &small, 0);
    sandbox.load_exits("a.db", &[&small[..], &["--strict"]].concat(), 3);
}

#[test]
fn a_stream_of_broken_lines_alone_is_not_a_success() {
    let report = load(&Sandbox::new(), b"nonsense\nmore\n").exits(1).json();
    assert_eq!(report["units"]["failed"], 2);
}

#[test]
fn an_empty_stream_is_not_a_success() {
    load(&Sandbox::new(), b"").exits(1);
    load(&Sandbox::new(), &arrow::stream(b"")).exits(1);
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    Sandbox::new().run(&["load", "gone.ndjson"]).exits(2).says("gone.ndjson");
}

/// A stream of three batches of one unit each, cut within the last one, or to less.
fn truncated(keep: impl Fn(&[usize]) -> usize) -> Vec<u8> {
    let batches: Vec<Vec<u8>> = ["a.py", "b.py", "c.py"].map(|path| lines(&[unit(path)])).into();
    let (mut stream, ends) = arrow::batches(&batches);
    stream.truncate(keep(&ends));
    stream
}

#[test]
fn of_a_truncated_arrow_stream_the_whole_batches_are_loaded() {
    let sandbox = Sandbox::new();
    let report = load(&sandbox, &truncated(|ends| ends[2] - 10)).exits(3).json();
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py"]);
    assert_eq!(report["units"]["written"], 2);
    assert!(problems(&report)[0].contains("batch 2"), "{report}");
}

#[test]
fn of_an_arrow_stream_that_breaks_at_once_nothing_is_loaded() {
    let sandbox = Sandbox::new();
    let report = load(&sandbox, &truncated(|ends| ends[0] - 10)).exits(1).json();
    assert!(problems(&report)[0].contains("batch 0"), "{report}");
    load(&sandbox, &truncated(|_| 20)).exits(1);
}

#[test]
fn an_arrow_file_instead_of_a_stream_is_named_as_such() {
    let report = load(&Sandbox::new(), b"ARROW1\0\0and so on").exits(1).json();
    assert!(problems(&report)[0].contains("file"), "{report}");
}

#[test]
fn a_delete_removes_a_unit() {
    let sandbox = Sandbox::new();
    load(&sandbox, &lines(&[unit("a.py"), unit("b.py")])).exits(0);
    let delete = json!({"repo": "r", "path": "a.py", "op": "delete"});
    let report = load(&sandbox, &lines(&[delete])).exits(0).json();
    assert_eq!((&report["units"]["deleted"], &report["units"]["written"]), (&json!(1), &json!(0)));
    assert_eq!(sandbox.store("a.db").paths(), ["b.py"]);
}

#[test]
fn within_one_stream_the_later_line_wins() {
    let sandbox = Sandbox::new();
    let delete = json!({"repo": "r", "path": "a.py", "op": "delete"});
    let other = with(unit("b.py"), &json!({"language": "ruby"}));
    load(&sandbox, &lines(&[unit("a.py"), unit("b.py"), delete, other])).exits(0);
    assert_eq!(
        sandbox.store("a.db").ask("SELECT path, language FROM units"),
        ["\"b.py\"|\"ruby\""]
    );
}

#[test]
fn an_older_generation_is_superseded_and_no_error() {
    let sandbox = Sandbox::new();
    let at = |generation: u64, language: &str| {
        lines(&[with(unit("a.py"), &json!({"generation": generation, "language": language}))])
    };
    load(&sandbox, &at(7, "new")).exits(0);
    load(&sandbox, &at(5, "old")).exits(0);
    assert_eq!(sandbox.store("a.db").ask("SELECT language, generation FROM units"), ["\"new\"|7"]);
    load(&sandbox, &at(8, "newer")).exits(0);
    assert_eq!(sandbox.store("a.db").texts("SELECT language FROM units"), ["newer"]);
}

#[test]
fn what_is_superseded_is_not_counted_as_written() {
    let sandbox = Sandbox::new();
    let at = |generation: u64| lines(&[with(unit("a.py"), &json!({"generation": generation}))]);
    load(&sandbox, &at(7)).exits(0);
    let report = load(&sandbox, &at(5)).exits(0).json();
    assert_eq!(report["units"]["written"], 0, "{report}");
    assert_eq!(report["units"]["superseded"], 1, "{report}");
}

#[test]
fn a_late_replay_does_not_bring_back_what_was_deleted() {
    let sandbox = Sandbox::new();
    let at = |generation: u64| with(unit("a.py"), &json!({"generation": generation}));
    load(&sandbox, &lines(&[at(1)])).exits(0);
    let delete = json!({"repo": "r", "path": "a.py", "op": "delete", "generation": 3});
    load(&sandbox, &lines(&[delete])).exits(0);
    load(&sandbox, &lines(&[at(2)])).exits(0);
    assert!(sandbox.store("a.db").paths().is_empty());
}

#[test]
fn generations_of_ours_and_of_upstream_do_not_mix() {
    let sandbox = Sandbox::new();
    let theirs = with(unit("b.py"), &json!({"generation": 5}));
    let report = load(&sandbox, &lines(&[unit("a.py"), theirs.clone()])).exits(3).json();
    assert_eq!((&report["units"]["written"], &report["units"]["failed"]), (&json!(1), &json!(1)));
    let problem = &problems(&report)[0];
    assert!(problem.contains("b.py") && problem.contains("has a generation"), "{problem}");
    let report = load(&sandbox, &lines(&[theirs])).exits(1).json();
    assert!(problems(&report)[0].contains("has a generation"), "also in the next load");
}

#[test]
fn a_directory_does_not_take_over_a_repository_of_an_upstream() {
    let sandbox = Sandbox::with_python();
    let theirs = with(unit("x.py"), &json!({"generation": 5, "repo": "repo"}));
    load(&sandbox, &lines(&[theirs])).exits(0);
    let refused = sandbox.run(&["load", "repo", "--to", "sqlite:a.db"]).exits(2);
    refused.says("is pushed by an upstream").says("--repo NAME");
}

#[test]
fn a_unit_with_a_content_hash_is_skipped_the_second_time() {
    let sandbox = Sandbox::new();
    let hashed = with(unit("a.py"), &json!({"content_hash": "ab".repeat(32)}));
    load(&sandbox, &lines(&[hashed.clone(), unit("b.py")])).exits(0);
    let report = load(&sandbox, &lines(&[hashed, unit("b.py")])).exits(0).json();
    assert_eq!((&report["units"]["written"], &report["units"]["skipped"]), (&json!(1), &json!(1)));
}

#[test]
fn a_unit_that_was_changed_and_is_not_hashed_is_replaced() {
    let sandbox = Sandbox::new();
    load(&sandbox, &lines(&[unit("a.py")])).exits(0);
    load(&sandbox, &lines(&[with(unit("a.py"), &json!({"language": "new"}))])).exits(0);
    assert_eq!(sandbox.store("a.db").texts("SELECT language FROM units"), ["new"]);
}

#[test]
fn layers_of_one_file_stand_side_by_side() {
    let sandbox = Sandbox::new();
    let scip = with(unit("a.py"), &json!({"layer": "scip"}));
    load(&sandbox, &lines(&[unit("a.py"), scip])).exits(0);
    assert_eq!(sandbox.store("a.db").texts("SELECT layer FROM units ORDER BY 1"), ["ast", "scip"]);
}

#[test]
fn a_dry_run_of_a_stream_makes_no_store() {
    let sandbox = Sandbox::new();
    let dry = [&["load", "-", "--dry-run"][..], &TO].concat();
    let report = sandbox.run_with_input(&dry, &lines(&[unit("a.py")])).exits(0).json();
    assert_eq!(report["plan"]["write"].as_array().map(Vec::len), Some(1));
    assert!(!sandbox.path("a.db").exists());
}

#[test]
fn streams_and_directories_load_together() {
    let sandbox = Sandbox::with_python();
    fs::write(sandbox.path("u.ndjson"), lines(&[unit("a.py")])).expect("written");
    let both = [&["load", "u.ndjson", "repo"][..], &TO].concat();
    assert_eq!(sandbox.run(&both).exits(0).json()["units"]["written"], 4);
}

#[test]
fn a_delete_of_what_no_store_holds_is_harmless() {
    let sandbox = Sandbox::new();
    let delete = json!({"repo": "r", "path": "gone.py", "op": "delete"});
    let report = load(&sandbox, &lines(&[unit("a.py"), delete])).exits(0).json();
    assert_eq!(report["units"]["failed"], 0);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py"]);
}

/// A unit of `a.py` with this content and maybe a generation.
fn version(content: u8, generation: Option<u64>) -> Value {
    let hash = format!("{content:02x}").repeat(32);
    let text = format!("version {content}");
    let changes = json!({
        "content_hash": hash,
        "nodes": [{"kind": "m", "text": text}],
        "symbols": [],
        "edges": [],
        "generation": generation,
    });
    with(unit("a.py"), &changes)
}

fn held(sandbox: &Sandbox) -> Vec<String> {
    sandbox.store("a.db").texts("SELECT text FROM nodes")
}

#[test]
fn of_the_same_content_the_later_generation_stays() {
    let sandbox = Sandbox::new();
    for (content, generation) in [(1, 1), (1, 3), (2, 2)] {
        load(&sandbox, &lines(&[version(content, Some(generation))])).exits(0);
    }
    assert_eq!(held(&sandbox), ["version 1"]);
    let again = load(&sandbox, &lines(&[version(1, Some(3))])).exits(0).json();
    assert_eq!(again["units"]["skipped"], 1);
}

#[test]
fn a_delete_is_never_skipped() {
    let sandbox = Sandbox::new();
    load(&sandbox, &lines(&[version(1, None)])).exits(0);
    let delete =
        json!({"repo": "r", "path": "a.py", "op": "delete", "content_hash": "01".repeat(32)});
    load(&sandbox, &lines(&[delete])).exits(0);
    assert_eq!(held(&sandbox), [""; 0]);
}

#[test]
fn the_later_line_wins_whatever_was_held_before() {
    let delete = json!({"repo": "r", "path": "a.py", "op": "delete"});
    for first in [version(1, None), version(2, None), version(3, None), delete] {
        for last in 1..4 {
            let sandbox = Sandbox::new();
            load(&sandbox, &lines(&[version(2, None)])).exits(0);
            load(&sandbox, &lines(&[first.clone(), version(last, None)])).exits(0);
            assert_eq!(held(&sandbox), [format!("version {last}")], "after {first}");
        }
    }
}

#[test]
fn a_store_that_comes_later_learns_whose_generations_they_are() {
    let sandbox = Sandbox::new();
    let line = lines(&[version(1, None)]);
    let to = |stores: &[&str]| {
        let mut command = vec!["load".to_owned(), "-".to_owned()];
        command
            .extend(stores.iter().flat_map(|store| ["--to".to_owned(), format!("sqlite:{store}")]));
        sandbox.run_with_input(&command, &line)
    };
    to(&["a.db"]).exits(0);
    to(&["a.db", "b.db"]).exits(0);
    to(&["b.db"]).exits(0).says("1 skipped");
}

#[test]
fn a_repository_that_was_streamed_is_no_directory_without_consent() {
    let sandbox = Sandbox::with_python();
    let streamed = with(version(1, None), &json!({"repo": "e", "path": "streamed.py"}));
    load(&sandbox, &lines(&[streamed])).exits(0);
    let told = sandbox.run(&["load", "repo", "--repo", "e", "--to", "sqlite:a.db"]).exits(2);
    told.says("e was loaded from a stream").says("--root-moved");
    assert_eq!(sandbox.store("a.db").paths(), ["streamed.py"]);
}

#[test]
fn a_stream_does_not_change_the_root_of_a_directory() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--repo", "r"]);
    load(&sandbox, &lines(&[version(1, None)])).exits(0);
    let root = "SELECT root FROM repo";
    assert_eq!(sandbox.store("a.db").ask(root).len(), 1);
    assert!(!sandbox.store("a.db").ask(root)[0].contains("null"), "the root is known");
}

#[test]
fn a_load_takes_a_repository_from_a_directory_or_from_streams() {
    let sandbox = Sandbox::with_python();
    sandbox.write("../units.ndjson", lines(&[with(version(1, None), &json!({"repo": "repo"}))]));
    let both = ["load", "repo", "units.ndjson", "--to", "sqlite:a.db"];
    sandbox.run(&both).exits(3).says("belongs to a repository that this load reads");
    let both = ["load", "units.ndjson", "repo", "--to", "sqlite:b.db"];
    sandbox.run(&both).exits(3).says("load the directory by itself");
}

#[test]
fn a_second_stream_of_one_load_keeps_to_whose_generations_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("../up.ndjson", lines(&[version(1, Some(7))]));
    sandbox.write("../ours.ndjson", lines(&[version(2, None)]));
    let load = ["load", "up.ndjson", "ours.ndjson", "--to", "sqlite:a.db"];
    sandbox
        .run(&load)
        .exits(3)
        .says("has no generation, but those of its repository come from upstream");
    assert_eq!(held(&sandbox), ["version 1"]);
}

//! What a load says.

use astload_tests::{Sandbox, wait_until};
use serde_json::{Value, json};

#[test]
fn the_summary_counts_units_and_rows_and_ends_with_a_short_look() {
    let sandbox = Sandbox::with_python();
    let told = sandbox.run(&["load", "repo"]).exits(0).stdout;
    assert!(told.contains("3 units written, 0 skipped, 0 deleted, 0 failed"), "{told}");
    assert!(told.contains("sqlite:astload.db: 3 units, "), "{told}");
    assert!(told.contains("python"), "{told}");
    assert!(sandbox.path("astload.db").is_file(), "the default store is in the current directory");
}

#[test]
fn problems_come_before_the_summary() {
    let sandbox = Sandbox::with(&[("good.py", "x = 1\n"), ("bad.py", "def (\n"), ("x.zig", "")]);
    let told = sandbox.run(&["load", "repo"]).exits(0).stdout;
    let at = |words: &str| told.find(words).unwrap_or_else(|| panic!("no {words:?} in\n{told}"));
    assert!(at("1 file: syntax errors") < at("2 units written"));
    assert!(at("bad.py") < at("2 units written"));
    assert!(at("1 file without a grammar: 1 .zig") < at("2 units written"));
}

#[test]
fn json_has_what_is_promised() {
    let sandbox = Sandbox::with_python();
    let report = sandbox.load("a.db", &["--to", "sqlite:b.db"]);
    let counts = |written: u64| {
        json!({
            "written": written, "skipped": 0, "deleted": 0, "superseded": 0, "refused": 0,
            "missing": 0,
        })
    };
    let mut units = counts(6);
    (units["failed"], units["withheld"]) = (0.into(), 0.into());
    assert_eq!(report["units"], units);
    for count in ["nodes", "edges", "symbols"] {
        assert!(report[count].as_u64() > Some(0), "{count}: {report}");
    }
    assert!(report["seconds"].as_f64() > Some(0.0));
    let backends = report["backends"].as_array().expect("a list");
    let names: Vec<&Value> = backends.iter().map(|backend| &backend["name"]).collect();
    assert_eq!(names, ["sqlite:a.db", "sqlite:b.db"]);
    for backend in backends {
        assert_eq!(backend["status"], "complete");
        assert_eq!(backend["units"], counts(3));
        assert!(backend["seconds"].as_f64() > Some(0.0));
        assert_eq!(backend["error"], Value::Null);
    }
}

#[test]
fn the_counts_of_a_load_are_those_of_the_store() {
    let sandbox = Sandbox::with_python();
    let report = sandbox.load("a.db", &[]);
    let store = sandbox.store("a.db");
    for count in ["nodes", "edges", "symbols"] {
        let stored = store.number(&format!("SELECT count(*) FROM {count}"));
        assert_eq!(report[count].as_i64(), Some(stored), "{count}");
    }
}

#[test]
fn json_is_alone_on_stdout_and_progress_is_json_lines_on_stderr() {
    let sandbox = Sandbox::new();
    let mut running = sandbox.start(&["load", "-", "--json"]);
    running.feed(b"{\"repo\":\"r\",\"path\":\"a\",\"nodes\":[{\"kind\":\"m\"}]}\n");
    running.until_told("\n");
    let finished = running.finish().exits(0);
    assert_eq!(finished.json()["units"]["written"], 1);
    for line in finished.stderr.lines() {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        assert!(line["files"]["done"].is_u64() && line["backends"][0]["lag"].is_u64(), "{line}");
    }
}

#[test]
fn quiet_tells_no_progress() {
    let sandbox = Sandbox::with_python();
    assert_eq!(sandbox.run(&["load", "repo", "--json", "--quiet"]).exits(0).stderr, "");
}

#[test]
fn a_load_that_is_not_watched_by_a_terminal_has_no_control_characters() {
    let sandbox = Sandbox::with_python();
    let all = sandbox.run(&["load", "repo"]).exits(0).all();
    assert!(!all.contains(['\u{1b}', '\r']), "{all:?}");
}

#[test]
fn a_directory_without_anything_to_load_is_not_a_success() {
    let sandbox = Sandbox::with(&[("notes.txt", "hello"), ("other.txt", ""), ("x.zig", "")]);
    let finished = sandbox.run(&["load", "repo"]).exits(1);
    finished.says("nothing was loaded").says("3 files without a grammar: 2 .txt, 1 .zig");
}

#[test]
fn a_second_load_that_only_skips_is_a_success() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    let report = sandbox.load("a.db", &[]);
    assert_eq!((&report["units"]["written"], &report["units"]["skipped"]), (&json!(0), &json!(3)));
}

#[test]
fn a_dry_run_makes_no_store() {
    let sandbox = Sandbox::with_python();
    let finished = sandbox.run(&["load", "repo", "--dry-run", "-v"]).exits(0);
    finished.says("write  a.py").says("dry run: 3 units would be written");
    let summary = sandbox.run(&["load", "repo", "--dry-run"]).exits(0);
    let summary = summary.says("-v names every unit");
    assert!(!summary.all().contains("a.py"), "{}", summary.all());
    assert!(!sandbox.path("astload.db").exists());
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.write("a.py", "changed = 1\n");
    sandbox.remove("b.py");
    let files = || {
        let all = std::fs::read_dir(sandbox.path("")).expect("listed");
        let mut all: Vec<_> = all.map(|entry| entry.expect("listed").file_name()).collect();
        all.sort();
        all
    };
    let (before, listed) = (std::fs::read(sandbox.path("a.db")).expect("read"), files());
    let report = sandbox.load("a.db", &["--dry-run"]);
    assert_eq!(report["plan"], json!({"write": ["a.py"], "delete": ["b.py"]}));
    assert!(before == std::fs::read(sandbox.path("a.db")).expect("read"), "the store changed");
    assert_eq!(listed, files(), "files came or went");
    sandbox.store("a.db").is_whole();
}

#[test]
fn include_and_exclude_narrow_what_is_loaded() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--include", "*.py", "--exclude", "pkg/"]);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py"]);
}

#[test]
fn a_filtered_load_deletes_nothing() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.load("a.db", &["--include", "a.py"]);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py", "pkg/c.py"]);
}

#[test]
fn languages_narrow_what_is_loaded() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n"), ("b.rb", "x = 1\n"), ("c.go", "")]);
    sandbox.load("a.db", &["--languages", "python,ruby"]);
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.rb"]);
}

#[test]
fn a_file_above_the_limit_is_left_out_and_named() {
    let sandbox = Sandbox::with(&[("small.py", "x = 1\n"), ("big.py", &"x = 1\n".repeat(1_000))]);
    let report = sandbox.load("a.db", &["--max-file-size", "5kB"]);
    assert_eq!(report["units"]["failed"], 1);
    assert_eq!(report["files"][0]["path"], "big.py");
    assert_eq!(sandbox.store("a.db").paths(), ["small.py"]);
}

#[test]
fn all_nodes_are_more_than_the_named_ones() {
    let sandbox = Sandbox::with(&[("a.py", "x = (1 + 2)\n")]);
    sandbox.load("named.db", &[]);
    sandbox.load("all.db", &["--nodes", "all"]);
    let tokens = "SELECT count(*) FROM nodes WHERE label = 'Token'";
    assert_eq!(sandbox.store("named.db").number(tokens), 0);
    assert!(sandbox.store("all.db").number(tokens) > 3);
}

#[test]
fn two_directories_are_two_repositories() {
    let sandbox = Sandbox::with_python();
    std::fs::create_dir(sandbox.path("other")).expect("a folder");
    std::fs::write(sandbox.path("other/a.py"), "y = 2\n").expect("written");
    sandbox.run(&["load", "repo", "other"]).exits(0);
    let repos = sandbox.store("astload.db").ask("SELECT repo, count(*) FROM units GROUP BY 1");
    assert_eq!(repos, ["\"other\"|1", "\"repo\"|3"]);
}

#[test]
fn more_than_half_is_deleted_only_with_consent() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &[]);
    sandbox.remove("a.py");
    sandbox.remove("b.py");
    sandbox.write("new.py", "x = 1\n");
    let report = sandbox.load_exits("a.db", &[], 3);
    assert_eq!((&report["units"]["withheld"], &report["units"]["written"]), (&json!(2), &json!(1)));
    let problem = &report["problems"][0];
    assert_eq!((&problem["kind"], &problem["repo"]), (&json!("withheld"), &json!("repo")));
    assert!(problem["hint"].as_str().expect("text").contains("--allow-mass-delete"), "{problem}");
    assert_eq!(sandbox.store("a.db").paths(), ["a.py", "b.py", "new.py", "pkg/c.py"]);
    sandbox.load("a.db", &["--allow-mass-delete"]);
    assert_eq!(sandbox.store("a.db").paths(), ["new.py", "pkg/c.py"]);
}

#[test]
fn another_root_needs_to_be_said_to_hold_the_same_repository() {
    let sandbox = Sandbox::with_python();
    sandbox.load("a.db", &["--repo", "name"]);
    std::fs::rename(sandbox.path("repo"), sandbox.path("moved")).expect("renamed");
    let moved = ["load", "moved", "--repo", "name", "--to", "sqlite:a.db"];
    let refused = sandbox.run(&moved).exits(2);
    refused.says("name was loaded from").says("--root-moved");
    let report = sandbox.run(&[&moved[..], &["--root-moved", "--json"]].concat()).exits(0).json();
    assert_eq!(report["units"]["skipped"], 3);
    sandbox.run(&moved).exits(0);
}

#[test]
fn the_credentials_of_a_remote_are_nowhere() {
    let sandbox = Sandbox::with_python();
    let remote = "https://me:s3cr3t-t0ken@Example.org/org/name.git?private_token=s3cr3t-t0ken";
    sandbox.write(".git/config", format!("[remote \"origin\"]\n\turl = {remote}\n"));
    let told = sandbox.run(&["load", "repo"]).exits(0).all();
    let shown = sandbox.run(&["show", "--json"]).exits(0).all();
    assert!(shown.contains("\"example.org/org/name\""), "{shown}");
    let mut searched = 0;
    for folder in ["", "cache/astload/stamps"] {
        for entry in std::fs::read_dir(sandbox.path(folder)).into_iter().flatten() {
            let path = entry.expect("listed").path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            assert!(!String::from_utf8_lossy(&bytes).contains("s3cr3t"), "{}", path.display());
            searched += 1;
        }
    }
    assert!(searched > 0 && !told.contains("s3cr3t") && !shown.contains("s3cr3t"));
}

#[test]
fn an_empty_directory_deletes_nothing_without_consent() {
    let sandbox = Sandbox::with(&[("a.py", "x = 1\n")]);
    sandbox.load("a.db", &[]);
    sandbox.remove("a.py");
    assert_eq!(sandbox.load_exits("a.db", &[], 3)["units"]["withheld"], 1);
    assert_eq!(sandbox.load("a.db", &["--allow-mass-delete"])["units"]["deleted"], 1);
    assert!(sandbox.store("a.db").paths().is_empty());
}

/// Loads while nobody reads what is printed; gives the exit code.
fn unheard(sandbox: &Sandbox, more: &[&str]) -> Option<i32> {
    let mut command = sandbox.command(&[&["load", "repo", "--quiet"][..], more].concat());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut child = command.stdout(writer).stderr(std::process::Stdio::null()).spawn().expect("it");
    wait_until("its end", || child.try_wait().expect("waited").is_some());
    child.wait().expect("waited").code()
}

#[test]
fn a_load_whose_reader_goes_away_still_completes() {
    let sandbox = Sandbox::with_python();
    assert_eq!(unheard(&sandbox, &[]), Some(0));
    assert_eq!(sandbox.store("astload.db").paths().len(), 3);
}

#[test]
fn a_load_whose_reader_goes_away_still_says_by_its_code_how_it_ended() {
    let sandbox = Sandbox::with_python();
    let to = ["--to", "sqlite:a.db", "--to", "sqlite:nowhere/b.db"];
    assert_eq!(unheard(&sandbox, &to), Some(3));
}

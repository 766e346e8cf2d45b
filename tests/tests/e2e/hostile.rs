//! Source files that are made to cost much: nested, ambiguous, without an end.
//!
//! What each may cost is written in `pipeline/src/source/directory/extract/effort.rs`.

use std::path::Path;

use astload_tests::process::binary;
use astload_tests::{Running, Sandbox};
use rustix::process::Signal;
use serde_json::Value;

/// What a load gets of memory that it may address: a quarter of what the worst of these once took.
const ADDRESSABLE_KB: u32 = 3_000_000;

/// Runs a load with so much memory.
fn load(sandbox: &Sandbox) -> Value {
    let limited = format!(
        "ulimit -v {ADDRESSABLE_KB}; exec \"$0\" load repo --json --jobs 2 --to sqlite:a.db"
    );
    let mut command = sandbox.command_of(Path::new("sh"), &["-c", &limited]);
    command.arg(binary());
    Running::start(command).finish().exits(0).json()
}

fn problem<'r>(report: &'r Value, path: &str, field: &str) -> Option<&'r str> {
    let files = report["files"].as_array().expect("a list");
    files.iter().find(|file| file["path"] == path)?[field].as_str()
}

#[test]
fn files_that_are_ambiguous_at_every_level_take_little_memory_and_stop_nothing() {
    let sandbox = Sandbox::with(&[("good.py", "good = 1\n")]);
    let pieces = [
        ("less.cs", "a<"),
        ("long.cs", "aaaaaaaaaaaa<"),
        ("cast.cs", "(a)&"),
        ("cast.java", "(a)"),
        ("lambda.java", "(a)->"),
        ("less.cpp", "A<B<C<D<"),
        ("cast.cpp", "(a)("),
        ("cast.c", "(a)"),
        ("call.c", "f("),
        ("arrow.ts", "(a)=>"),
        ("less.tsx", "a<"),
        ("object.js", "{a:"),
    ];
    for (name, piece) in pieces {
        sandbox.write(name, piece.repeat((64 << 10) / piece.len()));
    }
    let report = load(&sandbox);
    assert!(sandbox.store("a.db").paths().contains(&"good.py".to_owned()), "{report}");
    for (name, _) in pieces {
        assert!(problem(&report, name, "problem").is_some(), "{name} in {report}");
    }
}

#[test]
fn a_file_that_takes_too_much_memory_is_told_and_not_tried_again_until_it_changes() {
    let sandbox = Sandbox::with(&[("good.py", "good = 1\n")]);
    sandbox.write("bomb.cpp", "A<B<C<D<".repeat(32 << 10));
    let told = |report: &Value| {
        let told = |field| problem(report, "bomb.cpp", field).map(str::to_owned);
        (told("problem"), told("detail"))
    };
    let too_much = Some("took too much memory to parse".to_owned());
    assert_eq!(told(&load(&sandbox)), (too_much.clone(), None));
    for _ in 0..2 {
        let again = Some("as before, and it has not changed".to_owned());
        assert_eq!(told(&load(&sandbox)), (too_much.clone(), again));
    }
    sandbox.write("bomb.cpp", "int a;\n");
    assert_eq!(told(&load(&sandbox)), (None, None));
    assert_eq!(sandbox.store("a.db").paths(), ["bomb.cpp", "good.py"]);
}

#[test]
fn a_signal_ends_a_load_that_parses() {
    let sandbox = Sandbox::new();
    sandbox.write("slow.py", "\\\n".repeat(1 << 20));
    let mut running = sandbox.start(&["load", "repo", "--json"]);
    running.until_told("\"found\":1");
    running.signal(Signal::TERM);
    let report = running.finish().exits(130).json();
    assert_eq!(problem(&report, "slow.py", "problem"), None, "{report}");
}

//! The scripts of `docs/python`, which show how to feed one's own trees.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use astload_tests::{Sandbox, skipped, store::assert_same};

use crate::arrow;

const SCRIPTS: [&str; 2] = ["load_dump.py", "load_arrow.py"];

/// The interpreter that the environment names, else the system's.
fn python() -> PathBuf {
    std::env::var_os("ASTLOAD_TEST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

fn has_pyarrow() -> bool {
    let imported = Command::new(python()).args(["-c", "import pyarrow"]).output();
    if imported.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var_os("ASTLOAD_REQUIRE_PYARROW").is_some_and(|value| value == "1");
    assert!(
        !required,
        "{} has no pyarrow, which ASTLOAD_REQUIRE_PYARROW asks for",
        python().display()
    );
    skipped("no pyarrow; name an interpreter that has it in ASTLOAD_TEST_PYTHON");
    false
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/python").join(name)
}

/// What a script prints for all files of a repository: a sample, and itself.
fn printed(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    for script_name in SCRIPTS {
        sandbox.write(script_name, std::fs::read(script(script_name)).expect("read"));
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let sample = std::fs::read(fixtures.join("languages/python/sample.py")).expect("read");
    sandbox.write("sample.py", sample);
    sandbox.write("empty.py", "");
    let mut command = Command::new(python());
    command.arg("-B").arg(script(name)).args(["example", "sample.py", "empty.py"]).args(SCRIPTS);
    let output = command.current_dir(sandbox.file("")).output().expect("python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    output.stdout
}

/// The store that a script's output becomes.
fn loaded(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let to = format!("sqlite:{name}.db");
    let load = ["load", "-", "--json", "--to", &to];
    let report = sandbox.run_with_input(&load, &printed(sandbox, name)).exits(0).json();
    assert_eq!((&report["units"]["written"], &report["units"]["failed"]), (&4.into(), &0.into()));
    sandbox.store(&format!("{name}.db")).dump()
}

#[test]
fn trees_from_python_are_loaded_through_plain_json() {
    let sandbox = Sandbox::new();
    loaded(&sandbox, "load_dump.py");
    let from = ["--from", "sqlite:load_dump.py.db"];
    let said = sandbox.run(&[&["refs", "transfer"][..], &from].concat()).exits(0);
    said.says("DEFINES  sample.py:");
    let tree = sandbox.run(&[&["tree", "sample.py"][..], &from].concat()).exits(0);
    tree.says("FunctionDef withdraw").says("func: Name \"min\"");
}

#[test]
fn calls_from_python_meet_definitions() {
    let sandbox = Sandbox::new();
    loaded(&sandbox, "load_dump.py");
    let question = "SELECT count(*) FROM edges AS used JOIN edges AS defined USING (symbol_id)
         WHERE used.kind = 'CALL' AND defined.kind = 'DEFINES'";
    assert!(sandbox.store("load_dump.py.db").number(question) > 0);
}

/// The kinds of the nodes of each batch of a stream, a line a batch, as pyarrow reads them.
const KINDS: &str = "
import sys
import pyarrow as pa
for batch in pa.ipc.open_stream(sys.stdin.buffer):
    nodes = batch.column('nodes')
    print(*nodes.flatten().field('kind').to_pylist())
";

#[test]
fn pyarrow_reads_a_stream_whose_batches_change_their_dictionaries() {
    if !has_pyarrow() {
        return;
    }
    // A small batch brings the words that it uses, a large one all that the process has.
    let kinds: Vec<Vec<String>> = [0..400, 3..6, 0..400, 4..9]
        .map(|range| range.map(|kind| format!("kind_{kind:03}")).collect())
        .into();
    let line = |kinds: &Vec<String>| {
        let nodes = kinds.iter().enumerate().map(|(ord, kind)| {
            serde_json::json!({"ord": ord, "parent": (ord > 0).then_some(0), "kind": kind})
        });
        let unit = serde_json::json!({
            "repo": "example", "path": format!("{}.py", kinds.len()), "nodes": nodes.collect::<Vec<_>>(),
        });
        format!("{unit}\n").into_bytes()
    };
    let (stream, _) = arrow::batches(&kinds.iter().map(line).collect::<Vec<_>>());
    let mut reading = Command::new(python())
        .args(["-c", KINDS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    reading.stdin.take().expect("piped").write_all(&stream).expect("it listens");
    let read = reading.wait_with_output().expect("it ends");
    let right: String = kinds.iter().map(|kinds| kinds.join(" ") + "\n").collect();
    assert_eq!(String::from_utf8_lossy(&read.stdout), right);
}

#[test]
fn trees_from_python_through_pyarrow_are_the_same() {
    if has_pyarrow() {
        let sandbox = Sandbox::new();
        let [json, arrow] = SCRIPTS.map(|name| loaded(&sandbox, name));
        assert_same("JSON and Arrow", &json, &arrow);
    }
}

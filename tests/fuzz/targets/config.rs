//! Any bytes as a configuration: no panic, no secret told, and what is shown comes to the same.

#![no_main]

use std::ffi::OsString;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use astload_config::{Config, FileSchema, TypeSchema};
use serde_json::json;

/// What every variable holds, among what a type may want.
const SECRET: &str = "q7Zx9-of-the-environment";

static SCHEMA: LazyLock<FileSchema> = LazyLock::new(|| {
    let schema = json!({
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {"type": "string"},
            "port": {"type": "integer", "minimum": 1},
            "password": {"type": "string", "writeOnly": true},
            "hosts": {"type": "array", "items": {"type": "string", "minLength": 1}},
            "wait": {"type": "string", "format": "human-duration"},
            "durability": {"enum": ["normal", "full"]},
            "tls": {"anyOf": [{"$ref": "#/$defs/Tls"}, {"type": "null"}]},
        },
        "$defs": {"Tls": {"type": "object", "additionalProperties": {"type": ["string", "boolean"]}}},
    });
    let types = vec![TypeSchema { name: "server".into(), schema }];
    FileSchema::new(types).expect("a valid schema")
});

fn read(text: &[u8]) -> Result<Config, String> {
    let environment =
        |_: &str| -> Option<OsString> { Some(format!("pg://me:{SECRET}@host").into()) };
    // A folder that is not there, so that nothing is read besides.
    let path = Path::new("no/such/folder/astload.yaml");
    Config::parse(path, text, &SCHEMA, &environment)
        .map_err(|problems| format!("{problems}{problems:?}"))
}

/// Called once, before the corpus is read: the files that tests found bad, and a good one.
fn begin() {
    let Ok(corpus) = env::var("SEEDS") else { return };
    let good = "defaults: {write: {deadline: 1m}}\nbackends:\n  a:\n    type: server\n    url: {env: URL}\n    \
                password: hunter2\n    tls: {key: {env: KEY}}\n    select: {paths: [\"src/**\"]}\n";
    fs::write(Path::new(&corpus).join("good"), good).expect("the corpus can be written");
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/tests/bad");
    for entry in fs::read_dir(bad).expect("listed").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            fs::copy(&path, Path::new(&corpus).join(entry.file_name())).expect("copied");
        }
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |bytes: &[u8]| {
    // The fuzzer learns from comparisons; what a file itself spells out is no secret of the environment.
    if bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()) {
        return;
    }
    match read(bytes) {
        Err(said) => assert!(!said.contains(SECRET), "a secret is told: {said}"),
        Ok(config) => {
            let shown = config.effective_yaml();
            let said = format!("{config:?}{shown}{}", config.effective());
            assert!(!said.contains(SECRET), "a secret is told: {said}");
            let again = read(shown.as_bytes());
            let again = again.unwrap_or_else(|said| panic!("{shown} is refused: {said}"));
            assert_eq!(again.effective(), config.effective(), "of {shown}");
        }
    }
});

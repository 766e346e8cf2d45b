//! Files with something wrong in them, and what a user sees of it.
//!
//! `ASTLOAD_BLESS=1` writes what is seen anew: read the difference before it is committed. Each
//! `bad/NAME.yaml` is read against two types that are made up; what it refers to is in `bad/files`.

mod types;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use astload_config::Config;

/// What the environment holds, and nobody may see.
const SECRET: &str = "s3cret-of-the-environment";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

fn environment(name: &str) -> Option<OsString> {
    match name {
        "URL" => Some(format!("tcp://me:{SECRET}@host").into()),
        "SECRET" => Some(SECRET.into()),
        "PORT" => Some("7687".into()),
        _ => None,
    }
}

fn bad_files() -> Vec<PathBuf> {
    let listed = fs::read_dir(folder()).expect("listed").map(|entry| entry.expect("listed").path());
    let mut files: Vec<PathBuf> =
        listed.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

/// What a user sees, with places as if they stood in the folder.
fn seen(path: &Path) -> String {
    let text = fs::read(path).expect("read");
    match Config::parse(path, &text, &types::schema(), &environment) {
        Ok(_) => panic!("nothing is wrong with {}", path.display()),
        Err(problems) => problems.to_string().replace(&format!("{}/", folder().display()), ""),
    }
}

#[test]
fn every_bad_file_is_told_as_it_was_read_and_found_good() {
    let files = bad_files();
    assert!(files.len() >= 60, "{} bad files", files.len());
    let bless = std::env::var_os("ASTLOAD_BLESS").is_some_and(|value| value == "1");
    let mut differ = Vec::new();
    for path in files {
        let (seen, expected) = (seen(&path), path.with_extension("txt"));
        if bless {
            fs::write(&expected, &seen).expect("written");
        }
        let expected = fs::read_to_string(expected).unwrap_or_default();
        if seen != expected {
            differ.push(format!("{}\nnow:\n{seen}\nthen:\n{expected}", path.display()));
        }
    }
    assert!(
        differ.is_empty(),
        "{}\nif it is right: ASTLOAD_BLESS=1 cargo test -p astload-config --test bad_files",
        differ.join("\n")
    );
}

#[test]
fn no_bad_file_tells_a_secret() {
    for path in bad_files() {
        let seen = seen(&path);
        for secret in [SECRET, "hunter2", "s3cret-of-a-file"] {
            assert!(!seen.contains(secret), "{}:\n{seen}", path.display());
        }
    }
}

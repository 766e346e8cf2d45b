//! Repositories that are made up.

use std::fs;
use std::path::Path;

use crate::{Dice, Sandbox};

/// Extensions that the made-up files have, all of languages with a grammar.
const EXTENSIONS: [&str; 3] = ["py", "js", "rb"];

/// A made-up path; few enough that edits hit the same file twice.
pub fn path(dice: &mut Dice) -> String {
    let folder = *dice.pick(&["", "lib/", "lib/deep/", "tools/"]);
    let (number, extension) = (dice.below(6), *dice.pick(&EXTENSIONS));
    format!("{folder}f{number}.{extension}")
}

/// A made-up text for a path: a few functions that call each other, and now and then an error.
pub fn text(path: &str, dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(6) {
        let (own, other, number) = (dice.below(9), dice.below(9), dice.below(1_000));
        text += &match path.rsplit('.').next() {
            Some("py") => format!("def f{own}(x):\n    return f{other}(x + {number})\n\n"),
            Some("rb") => format!("def f{own}(x)\n  f{other}(x + {number})\nend\n\n"),
            _ => format!("function f{own}(x) {{ return f{other}(x + {number}); }}\n"),
        };
    }
    if dice.below(12) == 0 {
        text += "((((\n";
    }
    text
}

/// Fills a repository with so many Python files of so many functions each.
pub fn fill(sandbox: &Sandbox, files: usize, functions: usize) {
    for file in 0..files {
        let mut text = String::from("import os\n\n");
        for function in 0..functions {
            let called = (file * 31 + function * 7) % 997;
            text += &format!(
                "def f{file}_{function}(first, second=None):\n    value = g{called}(first) + \
                 {function}\n    if value > second:\n        return [value, first.name]\n    return \
                 g{function}(value)\n\n\n"
            );
        }
        sandbox.write(&format!("d{:02}/m{file}.py", file % 20), text);
    }
}

/// Copies a folder of this repository into that of the sandbox; the paths of its files.
///
/// # Panics
/// Where it cannot be read.
pub fn copy(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut folders, mut files) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
            sandbox.write(&name, fs::read(&path).expect("read"));
            files.push(name);
        }
    }
    // However the file system lists them.
    files.sort();
    files
}

//! How a file tells its language. The tables of the languages are turned around once, because the
//! lookup happens for every file of a tree, most of which are no source at all.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use super::Language;

type Lookup = HashMap<&'static [u8], &'static Language>;

static BY_FILE_NAME: LazyLock<Lookup> = LazyLock::new(|| lookup(|language| language.file_names));
static BY_EXTENSION: LazyLock<Lookup> = LazyLock::new(|| lookup(|language| language.extensions));
static BY_INTERPRETER: LazyLock<Lookup> =
    LazyLock::new(|| lookup(|language| language.interpreters));

fn lookup(keys: fn(&'static Language) -> &'static [&'static str]) -> Lookup {
    Language::all()
        .iter()
        .flat_map(|language| keys(language).iter().map(move |key| (key.as_bytes(), language)))
        .collect()
}

pub(super) fn by_path(path: &Path) -> Option<&'static Language> {
    let file_name = path.file_name()?.as_encoded_bytes();
    if let Some(language) = BY_FILE_NAME.get(file_name) {
        return Some(language);
    }
    let extension = path.extension()?.as_encoded_bytes();
    if let Some(language) = BY_EXTENSION.get(extension) {
        return Some(language);
    }
    // Case matters only where a language says so: `.C` is C++, but `.PY` is still Python.
    if !extension.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    BY_EXTENSION.get(extension.to_ascii_lowercase().as_slice()).copied()
}

pub(super) fn by_shebang(head: &[u8]) -> Option<&'static Language> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let interpreter = interpreter(str::from_utf8(line).ok()?)?;
    // `python3.13` and `ruby-2.7` are read by what reads `python` and `ruby`.
    let unversioned = interpreter.split(|letter: char| letter.is_ascii_digit()).next()?;
    BY_INTERPRETER.get(unversioned.trim_end_matches('-').as_bytes()).copied()
}

/// The name of the program that a shebang line starts.
fn interpreter(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let program = program_name(words.next()?);
    if program != "env" {
        return Some(program);
    }
    while let Some(word) = words.next() {
        match word {
            "-u" | "--unset" | "-C" | "--chdir" => {
                words.next()?;
            }
            _ if word.starts_with('-') || word.contains('=') => {}
            _ => return Some(program_name(word)),
        }
    }
    None
}

fn program_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

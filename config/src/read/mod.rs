//! From files to settings, or to all that is wrong with them. Nothing connects here.
//!
//! Files are parsed and included, their references resolved; each is held against the schema; then
//! come the rules that a schema cannot say; then settings are made.

mod build;
mod files;
mod resolve;
mod rules;

use std::ffi::OsString;
use std::path::Path;

use crate::Config;
use crate::problem::{Problem, Problems};
use crate::schema::FileSchema;
use crate::snippet::{Pointed, snippet};
use crate::source::Span;
pub(crate) use files::FILE_BYTES_MAX;
use files::File;

/// Where the environment is asked: a variable's value, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Something wrong, at a place of a file.
struct Fault {
    file: usize,
    pointed: Pointed,
    message: String,
    hint: Option<String>,
}

impl Fault {
    /// One at a place whose value stays masked.
    fn new(file: usize, span: Span, message: impl Into<String>) -> Self {
        Self { file, pointed: Pointed { span, shown: false }, message: message.into(), hint: None }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, whose value may be shown.
    fn shown(mut self) -> Self {
        self.pointed.shown = true;
        self
    }
}

/// Reads a configuration whose main file has this text.
pub(crate) fn read(
    path: &Path,
    text: &[u8],
    schema: &FileSchema,
    environment: Environment<'_>,
) -> Result<Config, Problems> {
    let mut faults = Vec::new();
    let files = files::read_all(path, text, &mut faults);
    let main = files.first().map(|file| &file.root);
    let defaults = main.and_then(|root| root.entry("defaults")).map(|entry| &entry.value);
    let mut drafts = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let resolving = resolve::Resolving { schema, environment, defaults, number, file };
        drafts.extend(resolving.backends(&mut faults));
    }
    rules::check(&files, defaults, &drafts, schema, &mut faults);
    let config = match faults.is_empty() {
        true => build::config(drafts, defaults, &mut faults),
        false => Config::default(),
    };
    match faults.is_empty() {
        true => Ok(config),
        false => Err(told(&files, faults)),
    }
}

/// Problems by file and place, each told once.
fn told(files: &[File], mut faults: Vec<Fault>) -> Problems {
    faults.sort_by_key(|fault| (fault.file, fault.pointed.span.start));
    faults.dedup_by(|one, other| {
        (one.file, &one.pointed.span, &one.message)
            == (other.file, &other.pointed.span, &other.message)
    });
    let problem = |fault: Fault| {
        let source = &files[fault.file].source;
        let (line, column) = source.place(fault.pointed.span.start);
        Problem {
            file: source.path.clone(),
            line,
            column,
            message: fault.message,
            hint: fault.hint,
            snippet: snippet(source, &fault.pointed),
        }
    };
    Problems::new(faults, problem)
}

//! What is printed, and how a failure is told.

use std::borrow::Cow;
use std::io::{self, Write};

use astload_backends::Error;
use astload_pipeline::load::CannotLoad;
use serde::Serialize;

use super::{FAILED, USAGE};

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    /// Whoever read our output went away: nothing to tell, and nobody to tell it to.
    silent: bool,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: FAILED, silent: false }
    }

    /// Wrong usage.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether there is nobody to tell it to.
    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Tells it, and says with which code to exit.
    pub(super) fn report(&self) -> u8 {
        if self.silent {
            return 0;
        }
        let mut text = format!("error: {}\n", self.message);
        if let Some(hint) = &self.hint {
            text += &format!("hint: {hint}\n");
        }
        tell(&text);
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { hint: error.hint, ..Self::new(error.message) }
    }
}

impl From<CannotLoad> for Failure {
    fn from(error: CannotLoad) -> Self {
        Self { hint: error.hint, ..Self::usage(error.message) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let silent = error.kind() == io::ErrorKind::BrokenPipe;
        Self { silent, ..Self::new(format!("writing the output: {error}")) }
    }
}

/// Prints to standard output. Names come from files: what would steer a terminal is shown instead.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    output.write_all(harmless(text).as_bytes())?;
    Ok(output.flush()?)
}

/// The text with control characters in their escaped form, but for ends of lines and tabs.
fn harmless(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns(c);
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match steers(c) {
        true => c.escape_unicode().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Prints one JSON object to standard output.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// Prints to standard error; where that is gone, nobody is left to be told.
pub(super) fn tell(text: &str) {
    io::stderr().lock().write_all(harmless(text).as_bytes()).ok();
}

/// A count as people write it: `1,234`.
pub(super) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A count with its noun: `1 file`, `2 files`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A name as it stands in a line, which it cannot end.
pub(super) fn one_line(name: &str) -> Cow<'_, str> {
    match name.contains(['\n', '\r', '\t']) {
        true => name.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t").into(),
        false => name.into(),
    }
}

/// Rows of cells, each column as wide as its widest cell; numbers to the right.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (cell, &width) in row.iter().zip(&widths) {
            let cell = one_line(cell);
            let number = cell.starts_with(|c: char| c.is_ascii_digit());
            line += &if number { format!(" {cell:>width$} ") } else { format!(" {cell:<width$} ") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

//! What is printed, and how a failure is told.
//!
//! All that is written to a terminal or a file for people to read goes through [`print()`] and [`tell`],
//! and all JSON through [`print_json`] and [`tell_json`]. Names come from files, and may steer a
//! terminal: people are shown such characters, machines get them as JSON escapes them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::OnceLock;

use astload_backends::Error;
use astload_config::Secrets;
use astload_pipeline::load::CannotLoad;
use serde::Serialize;
use serde_json::{Value, json};

use super::progress::aside;
use super::{FAILED, USAGE};

/// Who reads what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// They read lines.
    People,
    /// They read one JSON value a line.
    Machines,
}

/// Who reads what this process tells.
static AUDIENCE: OnceLock<Audience> = OnceLock::new();

impl Audience {
    /// Decides it for the whole process.
    pub(super) fn settle(json: bool) {
        let audience = if json { Self::Machines } else { Self::People };
        AUDIENCE.set(audience).ok();
    }

    /// Who reads what this process tells.
    pub(super) fn of_process() -> Self {
        AUDIENCE.get().copied().unwrap_or(Self::People)
    }

    /// Text in which nothing steers a terminal any more. Of JSON it is the same value.
    pub(super) fn harmless(self, text: &str) -> Cow<'_, str> {
        if !text.contains(steers) {
            return Cow::Borrowed(text);
        }
        let mut harmless = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            match self {
                _ if !steers(c) => harmless.push(c),
                Self::People => harmless.extend(c.escape_unicode()),
                // Such a character can stand in a JSON string alone, and is always one of four digits.
                Self::Machines => harmless += &format!("\\u{:04x}", u32::from(c)),
            }
        }
        Cow::Owned(harmless)
    }
}

/// Whether a character moves a terminal's cursor, changes its colours or the direction of its text.
fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let ends_a_line = matches!(c, '\u{2028}' | '\u{2029}');
    (c.is_control() && c != '\n' && c != '\t') || turns || ends_a_line
}

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The word for what kind of failure it is.
    kind: &'static str,
    message: String,
    hint: Option<String>,
    code: u8,
    /// Whoever read our output went away: nothing to tell, and nobody to tell it to.
    silent: bool,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { kind: "failed", message: message.into(), hint: None, code: FAILED, silent: false }
    }

    /// Wrong usage.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { kind: "usage", code: USAGE, ..Self::new(message) }
    }

    /// The same, as a backend's type has it.
    pub(super) fn wrong_usage(error: Error) -> Self {
        Self { hint: error.hint, ..Self::usage(error.message) }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn has_hint(&self) -> bool {
        self.hint.is_some()
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
        let Self { kind, message, hint, .. } = self;
        match Audience::of_process() {
            Audience::Machines => {
                let error = json!({ "kind": kind, "message": message, "hint": hint });
                tell_json(&json!({ "error": error }));
            }
            Audience::People => {
                let hint = hint.iter().map(|hint| format!("hint: {hint}\n")).collect::<String>();
                tell(&format!("error: {message}\n{hint}"));
            }
        }
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: error.kind.name(), hint: error.hint, ..Self::new(error.message) }
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

/// Prints lines for people to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write_out(&Audience::People.harmless(text))
}

/// Prints one JSON value, on a line of its own, to standard output.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print_json_lines(&format!("{}\n", json_of(value, serde_json::to_string)?))
}

/// The same, over several lines, as people may want to read it, too.
pub(super) fn print_pretty_json(value: &impl Serialize) -> Result<(), Failure> {
    print_json_lines(&format!("{}\n", json_of(value, serde_json::to_string_pretty)?))
}

/// Prints text that is JSON already.
pub(super) fn print_json_lines(text: &str) -> Result<(), Failure> {
    write_out(&Audience::Machines.harmless(text))
}

fn json_of<T>(value: &T, written: fn(&T) -> serde_json::Result<String>) -> Result<String, Failure> {
    written(value).map_err(|error| Failure::new(format!("writing JSON: {error}")))
}

fn write_out(text: &str) -> Result<(), Failure> {
    aside(|| {
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        Ok(output.flush()?)
    })
}

/// Tells people something on standard error; where that is gone, nobody is left to be told.
pub(super) fn tell(text: &str) {
    Harmless(Audience::People, Stderr).write_all(text.as_bytes()).ok();
}

/// Tells machines something there, on a line of its own.
pub(super) fn tell_json(value: &Value) {
    let line = format!("{value}\n");
    Harmless(Audience::Machines, Stderr).write_all(line.as_bytes()).ok();
}

/// Standard error, where a line that changes makes room for what is written.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// A writer that is given whole texts, and writes each without the secrets that the process knows.
pub(super) struct Discreet<W>(pub(super) W);

impl<W: Write> Write for Discreet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let masked = Secrets::of_process().mask(&String::from_utf8_lossy(bytes));
        self.0.write_all(masked.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A writer that is given whole texts, and writes each harmless to its audience.
pub(super) struct Harmless<W>(pub(super) Audience, pub(super) W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self(audience, inner) = self;
        inner.write_all(audience.harmless(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_logs_is_written_without_the_secrets_that_are_known() {
        Secrets::new(["hunter2-of-a-driver".to_owned()]).remember();
        let mut log = Discreet(Vec::new());
        log.write_all(b"connecting as me:hunter2-of-a-driver\n").expect("written");
        assert_eq!(log.0, b"connecting as me:***\n");
    }

    #[test]
    fn what_steers_a_terminal_is_shown_to_people_and_escaped_for_machines() {
        let steering = ["\u{1b}[31m", "\u{7f}", "\u{9b}31m", "\u{202e}", "\u{2066}", "\u{2028}"];
        for text in steering {
            for audience in [Audience::People, Audience::Machines] {
                let harmless = audience.harmless(text).into_owned();
                assert!(
                    harmless.is_ascii() && !harmless.contains(char::is_control),
                    "{harmless:?}"
                );
            }
            let json = serde_json::to_string(text).expect("JSON");
            let written = Audience::Machines.harmless(&json);
            assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
        }
        assert_eq!(Audience::People.harmless("a\u{7f}b\n\tä"), "a\\u{7f}b\n\tä");
        assert_eq!(Audience::Machines.harmless("\"ä 😀\"\n"), "\"ä 😀\"\n");
    }
}

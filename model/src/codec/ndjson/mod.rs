//! NDJSON: one line, one unit.
//!
//! A line is an object whose fields are the unit's columns and its lists, as in
//! [`schema`](crate::schema). Nodes are flat, or nested through `children` as AST dumps usually
//! are; then `ord`, `parent` and `last` are computed:
//!
//! ```json
//! {"repo":"example","path":"a.py","nodes":[{"kind":"module","children":[{"kind":"pass_statement"}]}]}
//! {"repo":"example","path":"b.py","nodes":[{"kind":"module","parent":null},{"kind":"pass_statement","parent":0}]}
//! {"repo":"example","path":"gone.py","op":"delete"}
//! ```
//!
//! For a reader's comfort an edge may name its symbol (`"symbol": "name python main"`) instead of
//! `dst_symbol`, flags may be lists of names, `op` and `position_encoding` words, hashes are in
//! hexadecimal, `properties` are objects. The order of fields is free.
//!
//! A line that is no JSON or breaks a rule is refused by its number; the other lines are loaded.

mod columns;
mod draft;
mod parse;
mod write;

use std::collections::HashSet;
use std::io::{BufRead, Read};

use parse::{LineParser, Unadded, named};
pub use write::Writer;

use super::{CodecError, Decoded, PROBLEM_TEXT_MAX, Places, Problem, Text, decoded};
use crate::arrow::Intake;
use crate::builder::BatchBuilder;
use crate::ids::UnitId;
use crate::limits;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = limits::UNIT_BYTES_MAX;

/// What is kept of the memory that a long line took.
const LINE_BYTES_KEPT: usize = 64 << 20;

/// A batch is delivered when it has this many rows; a larger unit travels alone.
const BATCH_ROWS: usize = 32_768;

/// … or this many bytes,
const BATCH_BYTES: usize = 8 << 20;

/// … or when this many lines were refused.
const BATCH_PROBLEMS: usize = 1024;

/// What some editors begin a file with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads units from NDJSON, gathered into batches.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: Vec<u8>,
    number: usize,
    parser: LineParser,
    /// A unit that was parsed, but not yet added, for the batch has one of its name or no room.
    pending: Option<UnitId>,
    builder: BatchBuilder,
    /// The line of each unit in the builder.
    lines: Vec<usize>,
    ids: HashSet<UnitId>,
    /// What was refused since the last batch, each with its line.
    problems: Vec<(usize, Problem)>,
    /// The bytes of their texts.
    problem_bytes: usize,
    /// Whether the line that was read last had its end.
    line_ended: bool,
    ended: bool,
    /// Why it ended, until the units before it are delivered.
    error: Option<CodecError>,
}

/// What became of a line.
enum Line {
    Read,
    TooLong,
    End,
}

impl<R: BufRead> Reader<R> {
    /// A reader of lines.
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            number: 0,
            parser: LineParser::default(),
            pending: None,
            builder: BatchBuilder::default(),
            lines: Vec::new(),
            ids: HashSet::new(),
            problems: Vec::new(),
            problem_bytes: 0,
            line_ended: true,
            ended: false,
            error: None,
        }
    }

    fn decode_next(&mut self) -> Option<Decoded> {
        if let Some(id) = self.pending.take() {
            self.add(id);
        }
        while self.pending.is_none()
            && self.builder.rows() < BATCH_ROWS
            && self.builder.bytes() < BATCH_BYTES
            && self.problems.len() < BATCH_PROBLEMS
            && self.problem_bytes < BATCH_BYTES
        {
            match self.read_line() {
                Err(error) => {
                    (self.ended, self.error) = (true, Some(error));
                    break;
                }
                Ok(Line::End) => {
                    self.ended = true;
                    break;
                }
                Ok(Line::TooLong) => {
                    self.parser = LineParser::default();
                    self.refuse(format!("is longer than {LINE_BYTES_MAX} bytes"));
                }
                Ok(Line::Read) if self.line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Line::Read) => match self.parser.parse(&self.line) {
                    Err(what) => self.refuse(what),
                    Ok(name) => match UnitId::of(&name.repo, &name.path, &name.layer) {
                        id if self.ids.contains(&id) => self.pending = Some(id),
                        id => self.add(id),
                    },
                },
            }
        }
        self.deliver()
    }

    /// Adds the unit that was parsed last.
    fn add(&mut self, id: UnitId) {
        match self.parser.finish(&mut self.builder) {
            Ok(()) => {
                self.ids.insert(id);
                self.lines.push(self.number);
            }
            Err(unadded) => {
                self.builder.abandon_unit();
                match unadded {
                    Unadded::Full(_) if !self.builder.is_empty() => self.pending = Some(id),
                    Unadded::Full(full) => self.refuse(full.to_string()),
                    Unadded::Broken(what) => self.refuse(what),
                }
            }
        }
    }

    fn deliver(&mut self) -> Option<Decoded> {
        if self.builder.is_empty() && self.problems.is_empty() {
            return None;
        }
        let intake = Intake::validate(self.builder.finish_numbered());
        let problems = std::mem::take(&mut self.problems);
        self.problem_bytes = 0;
        let lines = Places::Lines(std::mem::take(&mut self.lines));
        self.ids.clear();
        let is_torn = problems.last().is_some_and(|(_, problem)| problem.is_torn);
        // A unit that waits for the next batch is on the line that was read last.
        let read = self.number - usize::from(is_torn || self.pending.is_some());
        Some(decoded(intake, lines, problems, read))
    }

    /// Refuses the line that was read last.
    fn refuse(&mut self, what: String) {
        let at = format!("line {}", self.number);
        let unit = self.parser.name().or_else(|| named(&self.line));
        let line = self.line.trim_ascii();
        // Only the last line may lack its end.
        let is_torn = !self.line_ended && line.starts_with(b"{") && !line.ends_with(b"}");
        let what = if is_torn { format!("the input ends inside of it: {what}") } else { what };
        let text = Text::of(&self.line);
        self.problem_bytes += text.bytes.len();
        self.problems.push((self.number, Problem { at, unit, what, text, is_torn }));
    }

    fn read_line(&mut self) -> Result<Line, CodecError> {
        self.line.clear();
        self.line.shrink_to(LINE_BYTES_KEPT);
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        let ended = self.line.last() == Some(&b'\n');
        self.line_ended = ended;
        if read as u64 == limit && !ended {
            self.line.truncate(PROBLEM_TEXT_MAX + 1);
            self.input.skip_until(b'\n')?;
            self.line_ended = true;
            return Ok(Line::TooLong);
        }
        self.line.truncate(read - usize::from(ended));
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Line::Read)
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Decoded, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let decoded = if self.ended { None } else { self.decode_next() };
        decoded.map(Ok).or_else(|| self.error.take().map(Err))
    }
}

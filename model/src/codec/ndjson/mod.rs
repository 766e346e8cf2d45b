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

use parse::LineParser;
pub use write::Writer;

use super::{CodecError, Decoded, Problem};
use crate::arrow::Intake;
use crate::builder::BatchBuilder;
use crate::ids::UnitId;
use crate::limits;
use crate::number::number;

/// Longest line, in bytes.
pub const LINE_BYTES_MAX: usize = limits::UNIT_BYTES_MAX;

/// A batch is delivered when it has this many rows; a larger unit travels alone.
const BATCH_ROWS: usize = 32_768;

/// … or this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Reads units from NDJSON, gathered into batches.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: Vec<u8>,
    number: usize,
    parser: LineParser,
    /// A unit that was parsed, but not yet added, for the batch has one of its name.
    pending: Option<UnitId>,
    builder: BatchBuilder,
    /// The line of each unit in the builder.
    lines: Vec<usize>,
    ids: HashSet<UnitId>,
    problems: Vec<Problem>,
    ended: bool,
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
            ended: false,
        }
    }

    fn decode_next(&mut self) -> Result<Option<Decoded>, CodecError> {
        if let Some(id) = self.pending.take() {
            self.add(id);
        }
        while self.pending.is_none()
            && self.builder.rows() < BATCH_ROWS
            && self.builder.bytes() < BATCH_BYTES
        {
            match self.read_line()? {
                Line::End => {
                    self.ended = true;
                    break;
                }
                Line::TooLong => self.refuse(format!("is longer than {LINE_BYTES_MAX} bytes")),
                Line::Read if self.line.iter().all(u8::is_ascii_whitespace) => {}
                Line::Read => match self.parser.parse(&self.line) {
                    Err(what) => self.refuse(what),
                    Ok(id) if self.ids.contains(&id) => self.pending = Some(id),
                    Ok(id) => self.add(id),
                },
            }
        }
        Ok(self.deliver())
    }

    /// Adds the unit that was parsed last.
    fn add(&mut self, id: UnitId) {
        match self.parser.finish(&mut self.builder) {
            Ok(()) => {
                self.ids.insert(id);
                self.lines.push(self.number);
            }
            Err(full) => {
                self.builder.abandon_unit();
                self.refuse(full.to_string());
            }
        }
    }

    fn deliver(&mut self) -> Option<Decoded> {
        if self.builder.is_empty() && self.problems.is_empty() {
            return None;
        }
        let intake = Intake::validate(number(self.builder.finish()));
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(intake.refusals.into_iter().map(|(position, refusal)| Problem {
            at: format!("line {}", self.lines[position]),
            what: refusal.to_string(),
            unit: Some(refusal.unit),
        }));
        self.lines.clear();
        self.ids.clear();
        Some(Decoded { batch: intake.batch, problems })
    }

    fn refuse(&mut self, what: String) {
        self.problems.push(Problem { at: format!("line {}", self.number), unit: None, what });
    }

    fn read_line(&mut self) -> Result<Line, CodecError> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(Line::End);
        }
        self.number += 1;
        if read as u64 == limit && self.line.last() != Some(&b'\n') {
            self.line.clear();
            self.skip_line()?;
            return Ok(Line::TooLong);
        }
        Ok(Line::Read)
    }

    fn skip_line(&mut self) -> Result<(), CodecError> {
        loop {
            let buffer = self.input.fill_buf()?;
            let (used, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Decoded, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let decoded = self.decode_next();
        self.ended |= decoded.is_err();
        decoded.transpose()
    }
}

//! How batches cross a process: Arrow IPC streams and NDJSON.

pub mod ipc;
pub mod ndjson;

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};

use crate::arrow::Intake;
use crate::batch::Batch;
use crate::validate::{Refusal, UnitName};

/// Of the text of what was refused, so many bytes are given.
pub const PROBLEM_TEXT_MAX: usize = 1 << 20;

/// What was decoded together.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The units that keep the rules; may be empty.
    pub batch: Batch,
    /// Where each of them stands in the input.
    pub places: Places,
    /// What was refused, in order.
    pub problems: Vec<Problem>,
    /// Lines or batches that were read whole by now.
    pub read: usize,
}

/// Where the units of a batch stand in an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// In these lines.
    Lines(Vec<usize>),
    /// In these rows of a record batch.
    Rows(usize, Vec<usize>),
}

impl Places {
    /// Where the unit at a position stands: `line 17`, `batch 2, row 0`.
    pub fn of(&self, position: usize) -> String {
        match self {
            Self::Lines(lines) => format!("line {}", lines[position]),
            Self::Rows(batch, rows) => format!("batch {batch}, row {}", rows[position]),
        }
    }

    /// What the input is counted in.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Lines(_) => "line",
            Self::Rows(..) => "batch",
        }
    }

    fn number(&self, position: usize) -> usize {
        match self {
            Self::Lines(numbers) | Self::Rows(_, numbers) => numbers[position],
        }
    }

    /// Those of the units that were not refused.
    fn without(self, refused: &[(usize, Refusal)]) -> Self {
        let refused: HashSet<usize> = refused.iter().map(|(position, _)| *position).collect();
        let good = |all: Vec<usize>| {
            let numbered = all.into_iter().enumerate();
            numbered.filter(|(at, _)| !refused.contains(at)).map(|(_, place)| place).collect()
        };
        match self {
            Self::Lines(lines) => Self::Lines(good(lines)),
            Self::Rows(batch, rows) => Self::Rows(batch, good(rows)),
        }
    }
}

/// What was taken in, with what was refused before: each problem with its place in order.
fn decoded(intake: Intake, places: Places, before: Vec<(usize, Problem)>, read: usize) -> Decoded {
    let Intake { batch, refusals, whole } = intake;
    let problem = |(position, refusal): &(usize, Refusal)| {
        let problem = Problem {
            at: places.of(*position),
            what: refusal.to_string(),
            unit: Some(refusal.unit.clone()),
            text: text_of(&whole.slice(*position..*position + 1)),
            is_torn: false,
        };
        (places.number(*position), problem)
    };
    let mut problems: Vec<(usize, Problem)> = refusals.iter().map(problem).chain(before).collect();
    problems.sort_by_key(|(number, _)| *number);
    let problems = problems.into_iter().map(|(_, problem)| problem).collect();
    Decoded { batch, places: places.without(&refusals), problems, read }
}

/// A unit as one line, or the start of a long one.
pub fn text_of(unit: &Batch) -> Text {
    let mut writer = ndjson::Writer::new(Start::default());
    // Nothing fails that only keeps what it is given.
    writer.write(unit).ok();
    let Start { mut bytes, is_cut } = writer.into_inner();
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Text { bytes, is_cut }
}

/// Keeps the start of what is written.
#[derive(Debug, Default)]
struct Start {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PROBLEM_TEXT_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_cut |= bytes.len() > room;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of what was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// A line, without its end.
    pub bytes: Vec<u8>,
    /// Whether the line is longer.
    pub is_cut: bool,
}

impl Text {
    /// The start of a line.
    fn of(line: &[u8]) -> Self {
        let bytes = line[..line.len().min(PROBLEM_TEXT_MAX)].to_vec();
        Self { bytes, is_cut: line.len() > PROBLEM_TEXT_MAX }
    }
}

/// A unit that was refused; the others are unharmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the input: `line 17`, `batch 2, row 0`.
    pub at: String,
    /// The unit, as far as it is known.
    pub unit: Option<UnitName>,
    /// What is wrong, with list and position.
    pub what: String,
    /// The line, or the row as a line.
    pub text: Text,
    /// Whether the input ended inside of it.
    pub is_torn: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Why a stream ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// It could not be read.
    #[error("reading failed: {0}")]
    Read(#[from] std::io::Error),
    /// It could not be written.
    #[error("writing failed: {0}")]
    Write(String),
    /// It is not what it should be; what came before is good.
    #[error("{at}: {what}")]
    Broken {
        /// Where in the input.
        at: String,
        /// What is wrong.
        what: String,
    },
}

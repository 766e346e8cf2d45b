//! How batches cross a process: Arrow IPC streams and NDJSON.

pub mod ipc;
pub mod ndjson;

use std::fmt;

use crate::batch::Batch;
use crate::validate::UnitName;

/// What was decoded together.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The units that keep the rules; may be empty.
    pub batch: Batch,
    /// What was refused, in order.
    pub problems: Vec<Problem>,
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

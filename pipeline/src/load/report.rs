//! What became of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use astload_backends::{Receipt, RowCounts};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::lane::Refused;
use crate::source::directory::ProblemFile;

/// What became of a load.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// Units that at least one backend lacked.
    pub sent: u64,
    /// Units that every backend held already.
    pub skipped: u64,
    /// Units that a source could not give.
    pub unread: u64,
    /// Units that are gone from the source, and that at least one backend was told to delete.
    pub gone: u64,
    /// Units that are gone from the source, and were kept for lack of consent.
    pub withheld: u64,
    /// What `--dry-run` would write and delete, by path.
    pub plan: Option<Plan>,
    /// Files by language.
    pub languages: BTreeMap<&'static str, u64>,
    /// Files without a grammar, by extension.
    pub without_grammar: BTreeMap<String, u64>,
    /// Files of directories that are no unit, or not a good one.
    pub files: Vec<ProblemFile>,
    /// What else went wrong with a source, most important first.
    pub problems: Vec<String>,
    /// Whether a source broke off.
    pub broken: bool,
    /// Whether the user stopped it.
    pub stopped: bool,
    /// One for each `--to`, in order.
    pub backends: Vec<BackendReport>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What would be written and deleted.
#[derive(Debug, Default, Serialize)]
pub struct Plan {
    /// Paths that would be written.
    pub write: Vec<String>,
    /// Paths that would be deleted.
    pub delete: Vec<String>,
}

/// What became of a backend.
#[derive(Debug)]
pub struct BackendReport {
    /// What it is called: its URL, without secrets, or its name.
    pub name: String,
    /// What was written.
    pub receipt: Receipt,
    /// Units that it refused.
    pub refused: Vec<Refused>,
    /// Why it is incomplete, and what can be done.
    pub error: Option<BackendError>,
    /// How long it was written to.
    pub elapsed: Duration,
}

/// Why a backend is incomplete.
#[derive(Debug, Clone, Serialize)]
pub struct BackendError {
    /// The kind.
    pub kind: &'static str,
    /// What happened.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
}

impl From<&astload_backends::Error> for BackendError {
    fn from(error: &astload_backends::Error) -> Self {
        let (message, hint) = (error.message.clone(), error.hint.clone());
        Self { kind: error.kind.name(), message, hint }
    }
}

impl BackendReport {
    /// Whether it has all that was sent.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.refused.is_empty()
    }
}

/// How a load ends, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; single files may have had problems.
    Done,
    /// Nothing was loaded or skipped.
    Nothing,
    /// A backend is incomplete, a source broke off, or deletions lacked consent.
    Partly,
    /// The user stopped it.
    Stopped,
}

impl Outcome {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Nothing => 1,
            Self::Partly => 3,
            Self::Stopped => 130,
        }
    }
}

impl LoadReport {
    /// Units that at least one backend took. Where one is incomplete, the most that any took.
    pub fn written(&self) -> u64 {
        if self.backends.iter().all(BackendReport::is_complete) {
            return self.sent.saturating_sub(self.superseded());
        }
        self.backends.iter().map(|backend| backend.receipt.written).max().unwrap_or(0)
    }

    /// Units that were deleted from at least one backend, counted alike.
    pub fn deleted(&self) -> u64 {
        if self.backends.iter().all(BackendReport::is_complete) {
            return self.gone;
        }
        self.backends.iter().map(|backend| backend.receipt.deleted).max().unwrap_or(0)
    }

    /// Units of which every backend that is complete has a newer version.
    pub fn superseded(&self) -> u64 {
        let complete = self.backends.iter().filter(|backend| backend.is_complete());
        complete.map(|backend| backend.receipt.superseded).min().unwrap_or(0)
    }

    /// Units that are missing somewhere for what they are.
    pub fn failed(&self) -> u64 {
        let refused = self.backends.iter().map(|backend| backend.refused.len() as u64).max();
        self.unread + refused.unwrap_or(0)
    }

    /// The rows of the backend that got most.
    pub fn rows(&self) -> RowCounts {
        let rows = self.backends.iter().map(|backend| backend.receipt.rows);
        rows.max_by_key(|rows| rows.nodes).unwrap_or_default()
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        let incomplete = self.backends.iter().any(|backend| !backend.is_complete());
        let planned = self.plan.as_ref().map_or(0, |plan| plan.write.len() + plan.delete.len());
        if self.stopped {
            Outcome::Stopped
        } else if self.withheld > 0 {
            Outcome::Partly
        } else if self.written()
            + self.superseded()
            + self.skipped
            + self.deleted()
            + planned as u64
            == 0
        {
            Outcome::Nothing
        } else if incomplete || self.broken {
            Outcome::Partly
        } else {
            Outcome::Done
        }
    }
}

impl Serialize for BackendReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("backend", 6)?;
        object.serialize_field("name", &self.name)?;
        let status = match (&self.error, self.refused.is_empty()) {
            (None, true) => "complete",
            _ => "incomplete",
        };
        object.serialize_field("status", status)?;
        object.serialize_field("units", &(self.receipt.written + self.receipt.deleted))?;
        object.serialize_field("seconds", &self.elapsed.as_secs_f64())?;
        object.serialize_field("error", &self.error)?;
        let refused: Vec<String> =
            self.refused.iter().map(|r| format!("{}: {}", r.unit, r.reason)).collect();
        object.serialize_field("refused", &refused)?;
        object.end()
    }
}

impl Serialize for LoadReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.rows();
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                let problem = file.problem.text();
                serde_json::json!({"path": file.path, "problem": problem, "detail": file.detail})
            })
            .collect();
        let mut object = serializer.serialize_struct("load", 13)?;
        object.serialize_field(
            "units",
            &serde_json::json!({
                "written": self.written(),
                "skipped": self.skipped,
                "superseded": self.superseded(),
                "deleted": self.deleted(),
                "failed": self.failed(),
                "withheld": self.withheld,
            }),
        )?;
        object.serialize_field("nodes", &rows.nodes)?;
        object.serialize_field("edges", &rows.edges)?;
        object.serialize_field("symbols", &rows.symbols)?;
        object.serialize_field("vectors", &rows.vectors)?;
        object.serialize_field("seconds", &self.elapsed.as_secs_f64())?;
        object.serialize_field("languages", &self.languages)?;
        object.serialize_field("without_grammar", &self.without_grammar)?;
        object.serialize_field("files", &files)?;
        object.serialize_field("problems", &self.problems)?;
        object.serialize_field("stopped", &self.stopped)?;
        object.serialize_field("plan", &self.plan)?;
        object.serialize_field("backends", &self.backends)?;
        object.end()
    }
}

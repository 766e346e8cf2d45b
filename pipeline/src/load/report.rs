//! What became of a load.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use astload_backends::RowCounts;
use astload_model::UnitName;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::former::Renamed;
use super::problem::LoadProblem;
use super::stream::ReadThrough;
use crate::excerpt::Excerpt;
use crate::lane::Refused;
use crate::source::directory::{FileProblem, ProblemFile, ProblemFiles};

/// What became of a load.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// Lines of streams that are no units.
    pub refused_lines: u64,
    /// Units of streams that break a rule.
    pub refused_units: u64,
    /// How many of both are kept among the dead letters.
    pub kept_lines: u64,
    /// How far the last input was read that cannot be read again.
    pub read_through: Option<ReadThrough>,
    /// Units that are gone from the source, and were kept for lack of consent.
    pub withheld: u64,
    /// What was held under another name, and is removed.
    pub renamed: Vec<Renamed>,
    /// What a user may want to know.
    pub hints: Vec<String>,
    /// What `--dry-run` would write and delete, by path.
    pub plan: Option<Plan>,
    /// Files by language.
    pub languages: BTreeMap<&'static str, u64>,
    /// Files without a grammar, by extension.
    pub without_grammar: BTreeMap<String, u64>,
    /// Files of directories that are no unit, or not a good one.
    pub files: ProblemFiles,
    /// What else went wrong with a source, most important first.
    pub problems: Excerpt<LoadProblem>,
    /// Whether a source broke off.
    pub broken: bool,
    /// Whether all has to be loaded that a source names.
    pub strict: bool,
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
    /// Units that every backend holds already.
    #[serde(skip)]
    pub held: u64,
}

/// What became of a backend.
#[derive(Debug)]
pub struct BackendReport {
    /// What it is called: its URL, without secrets, or its name.
    pub name: String,
    /// What became of the units that it was offered.
    pub units: UnitCounts,
    /// Rows that were written.
    pub rows: RowCounts,
    /// Units that it refused.
    pub refused: Excerpt<Refused>,
    /// Why it is incomplete, and what can be done.
    pub error: Option<BackendError>,
    /// How long it was written to.
    pub elapsed: Duration,
}

/// What became of units. A unit that is offered to a backend counts there exactly once, so the
/// numbers add up to the units that the backend was offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UnitCounts {
    /// They were written.
    pub written: u64,
    /// They were there already, as they are.
    pub skipped: u64,
    /// They are deleted.
    pub deleted: u64,
    /// A newer version of them is there, or was on its way.
    pub superseded: u64,
    /// The backend refused them.
    pub refused: u64,
    /// They were read, and the backend did not take them: it gave out, or the load was stopped.
    pub missing: u64,
}

impl UnitCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Self { written, skipped, deleted, superseded, refused, missing } = self;
        written + skipped + deleted + superseded + refused + missing
    }
}

impl AddAssign for UnitCounts {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.skipped += other.skipped;
        self.deleted += other.deleted;
        self.superseded += other.superseded;
        self.refused += other.refused;
        self.missing += other.missing;
    }
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
    /// Whether it has all that it was offered.
    pub fn is_complete(&self) -> bool {
        self.error.is_none() && self.units.refused == 0 && self.units.missing == 0
    }
}

/// How a load ends, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; lines that are no units and single files may have been left out.
    Done,
    /// Nothing was loaded or skipped.
    Nothing,
    /// A unit or a backend is incomplete, a source broke off, or deletions lacked consent.
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
    /// The sum over all backends: a unit that two of them wrote was written twice.
    pub fn units(&self) -> UnitCounts {
        let mut all = UnitCounts::default();
        self.backends.iter().for_each(|backend| all += backend.units);
        all
    }

    /// The rows that were written, of all backends together.
    pub fn rows(&self) -> RowCounts {
        let mut all = RowCounts::default();
        self.backends.iter().for_each(|backend| all += backend.rows);
        all
    }

    /// Lines, units and files that a source could not give.
    pub fn unread(&self) -> u64 {
        self.refused_lines + self.refused_units + self.files.failures()
    }

    /// What is missing somewhere for what it is: what a source could not give, and what backends
    /// refused.
    pub fn failed(&self) -> u64 {
        self.unread() + self.units().refused
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        let UnitCounts { written, skipped, deleted, superseded, .. } = self.units();
        let planned = self.plan.as_ref().map_or(0, |plan| plan.write.len() + plan.delete.len());
        let is_incomplete = self.backends.iter().any(|backend| !backend.is_complete());
        let is_partly = is_incomplete
            || self.broken
            || self.refused_units > 0
            || self.strict && self.failed() > 0;
        if self.stopped {
            Outcome::Stopped
        } else if self.withheld > 0 {
            Outcome::Partly
        } else if written + skipped + deleted + superseded + planned as u64 == 0 {
            Outcome::Nothing
        } else if is_partly {
            Outcome::Partly
        } else {
            Outcome::Done
        }
    }
}

impl Serialize for BackendReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("backend", 10)?;
        object.serialize_field("name", &self.name)?;
        let status = if self.is_complete() { "complete" } else { "incomplete" };
        object.serialize_field("status", status)?;
        object.serialize_field("units", &self.units)?;
        let RowCounts { nodes, edges, symbols, vectors } = self.rows;
        object.serialize_field("nodes", &nodes)?;
        object.serialize_field("edges", &edges)?;
        object.serialize_field("symbols", &symbols)?;
        object.serialize_field("vectors", &vectors)?;
        object.serialize_field("seconds", &self.elapsed.as_secs_f64())?;
        object.serialize_field("error", &self.error)?;
        let first = self.refused.first().iter();
        let refused = first.map(|Refused { unit, reason }| {
            let UnitName { repo, path, layer } = unit;
            serde_json::json!({ "repo": repo, "path": path, "layer": layer, "message": reason })
        });
        object.serialize_field("refused", &refused.collect::<Vec<_>>())?;
        object.end()
    }
}

impl Serialize for LoadReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (units, rows) = (self.units(), self.rows());
        let file = |(problem, file): (FileProblem, &ProblemFile)| {
            serde_json::json!({
                "kind": problem.word(), "path": file.path, "problem": problem.text(),
                "detail": file.detail,
            })
        };
        let files: Vec<_> = self.files.files().map(file).collect();
        let mut object = serializer.serialize_struct("load", 21)?;
        object.serialize_field(
            "units",
            &serde_json::json!({
                "written": units.written,
                "skipped": units.skipped,
                "deleted": units.deleted,
                "superseded": units.superseded,
                "refused": units.refused,
                "missing": units.missing,
                "failed": self.failed(),
                "withheld": self.withheld,
            }),
        )?;
        object.serialize_field("refused_lines", &self.refused_lines)?;
        object.serialize_field("refused_units", &self.refused_units)?;
        object.serialize_field("kept_lines", &self.kept_lines)?;
        object.serialize_field("read_through", &self.read_through)?;
        object.serialize_field("nodes", &rows.nodes)?;
        object.serialize_field("edges", &rows.edges)?;
        object.serialize_field("symbols", &rows.symbols)?;
        object.serialize_field("vectors", &rows.vectors)?;
        object.serialize_field("seconds", &self.elapsed.as_secs_f64())?;
        object.serialize_field("languages", &self.languages)?;
        object.serialize_field("without_grammar", &self.without_grammar)?;
        object.serialize_field("files", &files)?;
        object.serialize_field("file_count", &self.files.count())?;
        object.serialize_field("problems", &self.problems.first())?;
        object.serialize_field("problem_count", &self.problems.count())?;
        object.serialize_field("renamed", &self.renamed)?;
        object.serialize_field("hints", &self.hints)?;
        object.serialize_field("stopped", &self.stopped)?;
        object.serialize_field("plan", &self.plan)?;
        object.serialize_field("backends", &self.backends)?;
        object.end()
    }
}

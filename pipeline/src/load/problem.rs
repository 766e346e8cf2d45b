//! What went wrong with a source, for people and for machines.

use std::fmt;

use astload_backends::Error;
use serde::Serialize;

use crate::letters::{NamedUnit, RefusedLine};
use crate::source::stream::StreamInput;

/// What went wrong with a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadProblem {
    /// The word for what it is.
    pub kind: &'static str,
    /// The file or stream.
    pub input: Option<String>,
    /// The place in it, as `line 3`.
    pub at: Option<String>,
    /// The number of the line.
    pub line: Option<u64>,
    /// The unit, as far as it is known.
    #[serde(flatten)]
    pub unit: Option<NamedUnit>,
    /// The repository, where it is of all of it.
    #[serde(rename = "repo", skip_serializing_if = "Option::is_none")]
    pub of_repo: Option<String>,
    /// What happened.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
}

impl LoadProblem {
    /// Of a repository.
    pub(super) fn of_repo(kind: &'static str, repo: &str, message: String) -> Self {
        Self { kind, of_repo: Some(repo.to_owned()), message, ..Self::default() }
    }

    /// Of an input.
    pub(super) fn of_input(kind: &'static str, input: &StreamInput, message: &str) -> Self {
        Self { kind, input: Some(input.to_string()), message: message.into(), ..Self::default() }
    }

    /// Of a line that is refused.
    pub(super) fn of_line(input: &StreamInput, refused: &RefusedLine) -> Self {
        let RefusedLine { at, error, unit, .. } = refused;
        let kind = if unit.is_some() { "unit refused" } else { "line refused" };
        Self {
            at: Some(at.clone()),
            line: at.strip_prefix("line ").and_then(|number| number.parse().ok()),
            unit: unit.clone(),
            ..Self::of_input(kind, input, error)
        }
    }

    /// Why a repository was not loaded.
    pub(super) fn not_loaded(repo: &str, error: &Error) -> Self {
        Self {
            hint: error.hint.clone(),
            ..Self::of_repo(error.kind.name(), repo, format!("not loaded: {}", error.message))
        }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What happened, and where; what can be done is told beside it.
impl fmt::Display for LoadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, at, of_repo, message, .. } = self;
        for place in [input, at].into_iter().flatten() {
            write!(f, "{place}: ")?;
        }
        match of_repo {
            Some(repo) => write!(f, "{repo}: {message}"),
            None => f.write_str(message),
        }
    }
}

//! What went wrong with a replay, for people and for machines.

use astload_pipeline::letters::StoredLetter;
use serde_json::{Value, json};

/// What went wrong with a replay.
pub(super) struct Problem<'a> {
    pub(super) kind: &'static str,
    pub(super) letter: Option<&'a StoredLetter>,
    /// The input and the place of a line.
    pub(super) place: Option<(String, String)>,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

impl Problem<'_> {
    pub(super) fn new(kind: &'static str, message: String) -> Self {
        Self { kind, letter: None, place: None, message, hint: None }
    }

    pub(super) fn words(&self) -> String {
        self.message.clone() + &self.hint.iter().map(|hint| format!("; {hint}")).collect::<String>()
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { kind, letter, place, message, hint } = self;
        let (input, at) = place.as_ref().map(|(input, at)| (input, at)).unzip();
        let (letter, file) = letter.map(|stored| (&stored.letter, &stored.path)).unzip();
        json!({
            "kind": kind, "input": input, "at": at, "backend": letter.map(|letter| &letter.backend),
            "repo": letter.map(|letter| &letter.repo), "path": letter.map(|letter| &letter.path),
            "file": file.map(|file| file.to_string_lossy()), "message": message, "hint": hint,
        })
    }
}

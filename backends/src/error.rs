//! One error for all backends. Its kind alone decides what happens next.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use astload_model::UnitId;

/// What a call to a backend gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means for the batch and for the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Unreachable, overloaded, locked, a conflict: the same call may succeed later.
    Transient,
    /// The store will never take this batch as it is; [`Error::rejected`] may say which units.
    Refused,
    /// The batch is larger than the store takes at once.
    TooLarge,
    /// Authentication, rights, schema, version, read-only, full: somebody has to act first.
    Misconfigured,
    /// Everything unknown.
    Unexpected,
}

impl ErrorKind {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Refused => "refused",
            Self::TooLarge => "too large",
            Self::Misconfigured => "misconfigured",
            Self::Unexpected => "unexpected",
        }
    }
}

/// Why a call to a backend failed.
#[derive(Debug)]
pub struct Error {
    /// Decides what happens next.
    pub kind: ErrorKind,
    /// What was attempted and what stood in the way; no secrets.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// When a transient error is worth another attempt.
    pub retry_after: Option<Duration>,
    /// The units that were refused, with the reason, where the store can say.
    pub rejected: Vec<(UnitId, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, hint: None, retry_after: None, rejected: Vec::new(), source: None }
    }

    /// Something in the store's way that somebody has to move.
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misconfigured, message)
    }

    /// Something that nobody thought of.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    /// Units that the store will never take.
    pub fn refused(rejected: Vec<(UnitId, String)>) -> Self {
        let reason = rejected.first().map_or("the batch", |(_, reason)| reason).to_owned();
        Self { rejected, ..Self::new(ErrorKind::Refused, reason) }
    }

    /// The same, with what a person can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

//! One error for all backends. Its kind alone decides what happens next.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use astload_config::Secrets;
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

/// What happens after an error; its kind alone decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The same call again, with growing waits; past the deadline the lane waits, its cursor does
    /// not move.
    Retry,
    /// A few attempts, then the lane pauses: a bug must not fill the dead letters.
    RetryThenPause {
        /// With the first.
        attempts: u32,
    },
    /// Bisected; the units alone go to the dead letters.
    DeadLetter,
    /// Sent again in parts; a single unit is refused.
    Split,
    /// The lane pauses, nothing is lost; a good probe or a changed configuration resumes it.
    Pause,
}

impl ErrorKind {
    /// What happens next.
    pub fn effect(self) -> Effect {
        match self {
            Self::Transient => Effect::Retry,
            Self::Refused => Effect::DeadLetter,
            Self::TooLarge => Effect::Split,
            Self::Misconfigured => Effect::Pause,
            Self::Unexpected => Effect::RetryThenPause { attempts: 3 },
        }
    }

    /// Whether it speaks against the store: a refusal, and what somebody has to set right, show that
    /// it lives.
    pub fn is_fault(self) -> bool {
        match self {
            Self::Transient | Self::Unexpected => true,
            Self::Refused | Self::TooLarge | Self::Misconfigured => false,
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
    /// Whether the store has too much to do, so that fewer calls at a time would help.
    pub overloaded: bool,
    /// The units that were refused, with the reason, where the store can say.
    pub rejected: Vec<(UnitId, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            retry_after: None,
            overloaded: false,
            rejected: Vec::new(),
            source: None,
        }
    }

    /// Something that may be over the next time.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, message)
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

    /// The same, with when another attempt is worth it.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same, of a store that has too much to do.
    #[must_use]
    pub fn for_overload(mut self) -> Self {
        self.overloaded = true;
        self
    }

    /// The same, without secrets, which a store may repeat.
    #[must_use]
    pub fn without(mut self, secrets: &Secrets) -> Self {
        if secrets.is_empty() {
            return self;
        }
        self.message = secrets.mask(&self.message);
        self.hint = self.hint.map(|hint| secrets.mask(&hint));
        for (_, reason) in &mut self.rejected {
            *reason = secrets.mask(reason);
        }
        // The words of a cause are not ours to change.
        self.source = None;
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

//! On which terms a backend is made.

use std::time::Duration;

use astload_config::Secrets;

/// How long it may take to make a backend, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// On which terms a backend is made: what is told of it, what never is, and how long it may take.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What it is called, wherever something is told of it.
    pub name: String,
    /// What nothing that is told of it holds.
    pub secrets: Secrets,
    /// How long connecting and the first probe may take.
    pub patience: Duration,
}

impl Terms {
    /// The usual ones for a backend of this name whose options have these secrets.
    pub fn of(name: impl Into<String>, secrets: &Secrets) -> Self {
        Self { name: name.into(), secrets: secrets.clone(), patience: PATIENCE }
    }

    /// The same, with so much time.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

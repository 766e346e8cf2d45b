//! On which terms a backend is made.
//!
//! A server that starts, or has too much to do, says so when it is opened as it does when it is written
//! to: what is transient is tried again until patience is at its end, and told meanwhile.

use std::time::Duration;

use astload_config::{Secrets, WriteSettings};
use astload_connection::{Backoff, BackoffSettings};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};

/// How long it may take to make a backend, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// On which terms a backend is made: what is told of it, what never is, and how long it may take.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What it is called, wherever something is told of it.
    pub name: String,
    /// What nothing that is told of it holds.
    pub secrets: Secrets,
    /// How long connecting and the first probe may take, with all attempts.
    pub patience: Duration,
    /// How waits between attempts grow.
    pub backoff: BackoffSettings,
    /// Once it is cancelled, nothing is tried again.
    pub stopping: CancellationToken,
}

impl Terms {
    /// The usual ones for a backend of this name whose options have these secrets.
    pub fn of(name: impl Into<String>, secrets: &Secrets) -> Self {
        Self {
            name: name.into(),
            secrets: secrets.clone(),
            patience: PATIENCE,
            backoff: BackoffSettings::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// The same, with so much time.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same, with waits as they are configured for writes.
    #[must_use]
    pub fn configured(self, write: &WriteSettings) -> Self {
        let backoff = BackoffSettings {
            first: write.retry.first.unwrap_or(self.backoff.first),
            longest: write.retry.max.unwrap_or(self.backoff.longest),
        };
        Self { backoff, ..self }
    }

    /// The same, until the token is cancelled.
    #[must_use]
    pub fn until(self, stopping: &CancellationToken) -> Self {
        Self { stopping: stopping.clone(), ..self }
    }

    /// Makes a call until it gives an answer, or an error that waiting does not change.
    ///
    /// # Errors
    /// The last one, without secrets.
    pub async fn patiently<T, F>(&self, what: &str, mut call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.until_its_deadline(what, |deadline| self.timed(what, deadline, call())).await
    }

    /// The same of a call that ends by itself when there is no time left.
    pub(super) async fn until_its_deadline<T, F>(
        &self,
        what: &str,
        mut call: impl FnMut(Instant) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + self.patience;
        let mut backoff = Backoff::new(self.backoff);
        loop {
            let answer = tokio::select! {
                answer = call(deadline) => answer,
                () = self.stopping.cancelled() => return Err(stopped(what)),
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error.without(&self.secrets),
            };
            let wait = backoff.next_wait(error.retry_after);
            if error.kind != ErrorKind::Transient || Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::warn!(backend = self.name, %error, ?wait, "waiting for the store");
            tokio::select! {
                () = sleep(wait) => {}
                () = self.stopping.cancelled() => return Err(stopped(what)),
            }
        }
    }
}

impl Terms {
    /// What a call gives until the deadline of all attempts.
    pub(super) async fn timed<T>(
        &self,
        what: &str,
        deadline: Instant,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let silent = || Error::transient(format!("{what}: no answer for {:?}", self.patience));
        timeout_at(deadline, call).await.unwrap_or_else(|_| Err(silent()))
    }
}

fn stopped(what: &str) -> Error {
    Error::transient(format!("{what}: stopped before there was an answer"))
}

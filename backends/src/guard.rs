//! Everything that protects one write, in order: span, retry, limit, breaker, timeout, backend.
//!
//! So no room is held while waiting to try again, the breaker sees every attempt, and the limiter
//! measures attempts. Retries live here and nowhere else. Health probes go past all of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use astload_config::WriteSettings;
use astload_connection::{
    Backoff, BackoffSettings, Breaker, BreakerSettings, BudgetSettings, Limiter, LimiterSettings,
    RetryBudget,
};
use astload_model::Batch;
use async_trait::async_trait;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};

use crate::contract::{Admin, Backend, BackendInfo, HealthReport, Query, Reader, Receipt};
use crate::error::{Effect, Error, Result};
use crate::indexes::Indexes;

/// How one backend's writes are protected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GuardSettings {
    /// How long one attempt may take.
    pub attempt_timeout: Duration,
    /// How long a write may take with all its attempts.
    pub deadline: Duration,
    /// How waits between attempts grow.
    pub backoff: BackoffSettings,
    /// How many attempts may be made again.
    pub budget: BudgetSettings,
    /// How many attempts may be under way.
    pub limit: LimiterSettings,
    /// When attempts stop for a while.
    pub breaker: BreakerSettings,
}

impl GuardSettings {
    /// What suits a backend that takes so many batches at the same time.
    pub fn for_concurrency(concurrency: usize) -> Self {
        Self {
            attempt_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(120),
            backoff: BackoffSettings::default(),
            budget: BudgetSettings::default(),
            limit: LimiterSettings { min: 1, max: concurrency },
            breaker: BreakerSettings::default(),
        }
    }

    /// The same, with what is configured. More calls at a time than before there are never: the
    /// store would not take them.
    #[must_use]
    pub fn configured(self, write: &WriteSettings) -> Self {
        let (retry, breaker) = (&write.retry, &write.breaker);
        let budget = &retry.budget;
        let most = self.limit.max;
        Self {
            attempt_timeout: write.attempt_timeout.unwrap_or(self.attempt_timeout),
            deadline: write.deadline.unwrap_or(self.deadline),
            backoff: BackoffSettings {
                first: retry.first.unwrap_or(self.backoff.first),
                longest: retry.max.unwrap_or(self.backoff.longest),
            },
            budget: BudgetSettings {
                ratio: budget.ratio.unwrap_or(self.budget.ratio),
                per_second: budget.per_second.unwrap_or(self.budget.per_second),
                most: budget.most.unwrap_or(self.budget.most),
            },
            limit: write.concurrency.map_or(self.limit, |calls| LimiterSettings {
                min: calls.min.min(most),
                max: calls.max.min(most),
            }),
            breaker: BreakerSettings {
                faults: breaker.faults.unwrap_or(self.breaker.faults),
                cooldown: breaker.cooldown.unwrap_or(self.breaker.cooldown),
                cooldown_max: breaker.cooldown_max.unwrap_or(self.breaker.cooldown_max),
            },
        }
    }
}

/// A backend whose writes are protected.
#[derive(Debug)]
pub struct Guarded {
    name: String,
    backend: Arc<dyn Backend>,
    settings: GuardSettings,
    budget: RetryBudget,
    limiter: Limiter,
    breaker: Breaker,
    /// What went wrong last, and what can be done: what an open breaker is asked for.
    last_fault: Mutex<Option<(String, Option<String>)>>,
    stopping: CancellationToken,
}

impl Guarded {
    /// Protects a backend, which is called this name in spans.
    pub fn new(
        name: impl Into<String>,
        backend: Arc<dyn Backend>,
        settings: GuardSettings,
    ) -> Self {
        Self {
            name: name.into(),
            backend,
            settings,
            budget: RetryBudget::new(settings.budget),
            limiter: Limiter::new(settings.limit),
            breaker: Breaker::new(settings.breaker),
            last_fault: Mutex::new(None),
            stopping: CancellationToken::new(),
        }
    }

    /// The same, which makes no attempt again once the token is cancelled.
    #[must_use]
    pub fn until(self, stopping: CancellationToken) -> Self {
        Self { stopping, ..self }
    }

    /// Its circuit breaker.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// What bounds its attempts.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Attempts until one succeeds, fails for good, or the deadline is too near for another.
    async fn retry(&self, batch: &Batch) -> Result<Receipt> {
        let deadline = Instant::now() + self.settings.deadline;
        let mut backoff = Backoff::new(self.settings.backoff);
        self.budget.pay_in();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match self.limit(batch, deadline).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            let may_retry = match error.kind.effect() {
                Effect::Retry => true,
                Effect::RetryThenPause { attempts: most } => attempts < most,
                Effect::DeadLetter | Effect::Split | Effect::Pause => false,
            };
            if !may_retry {
                return Err(error);
            }
            let again = Instant::now() + backoff.next_wait(error.retry_after);
            if again >= deadline || self.budget.take().is_err() {
                return Err(error);
            }
            tracing::debug!(%error, attempts, "trying again");
            tokio::select! {
                () = sleep_until(again) => {}
                () = self.stopping.cancelled() => return Err(error),
            }
        }
    }

    /// One attempt, once there is room for it.
    async fn limit(&self, batch: &Batch, deadline: Instant) -> Result<Receipt> {
        let Ok(slot) = timeout_at(deadline, self.limiter.acquire()).await else {
            let limit = self.limiter.limit();
            return Err(Error::transient(format!(
                "{limit} other writes left no time for this one"
            )));
        };
        let answer = self.break_circuit(batch, deadline).await;
        match &answer {
            Ok(_) => slot.answered(),
            Err(error) if error.overloaded => slot.overloaded(),
            Err(_) => drop(slot),
        }
        answer
    }

    /// One attempt, unless the store failed too often.
    async fn break_circuit(&self, batch: &Batch, deadline: Instant) -> Result<Receipt> {
        let permit = self.breaker.admit().map_err(|rejected| self.is_open(rejected.retry_after))?;
        let answer = self.time_out(batch, deadline).await;
        match &answer {
            Err(error) if error.kind.is_fault() => {
                *self.last_fault() = Some((error.message.clone(), error.hint.clone()));
                permit.failed();
            }
            _ => permit.answered(),
        }
        answer
    }

    fn is_open(&self, retry_after: Duration) -> Error {
        let open = "the circuit breaker is open, for the store failed too often";
        let error = match &*self.last_fault() {
            None => Error::transient(open),
            Some((message, hint)) => {
                let mut error = Error::transient(format!("{message} ({open})"));
                error.hint.clone_from(hint);
                error
            }
        };
        error.with_retry_after(retry_after)
    }

    fn last_fault(&self) -> MutexGuard<'_, Option<(String, Option<String>)>> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One attempt, for as long as it may take. It may have been written when it is given up.
    async fn time_out(&self, batch: &Batch, deadline: Instant) -> Result<Receipt> {
        let left = deadline.saturating_duration_since(Instant::now());
        let most = self.settings.attempt_timeout.min(left);
        timeout(most, self.backend.write_batch(batch)).await.unwrap_or_else(|_| {
            Err(Error::transient(format!("writing a batch: no answer for {:?}", rounded(most)))
                .with_hint("does the server run, and can it keep up? Writing it again is safe"))
        })
    }
}

/// A duration as people want to read it: what a deadline leaves of a timeout has nanoseconds.
fn rounded(duration: Duration) -> Duration {
    let unit = if duration < Duration::from_secs(1) { 1 } else { 100 };
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_add(unit / 2) / unit * unit)
}

#[async_trait]
impl Backend for Guarded {
    fn info(&self) -> &BackendInfo {
        self.backend.info()
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        let span = tracing::info_span!(
            "write_batch",
            backend = %self.name,
            units = batch.len(),
            rows = batch.rows(),
            error = field::Empty,
        );
        let start = Instant::now();
        let written = self.retry(batch).instrument(span.clone()).await;
        let (backend, units, rows) = (&self.name, batch.len(), batch.rows());
        let seconds = start.elapsed().as_secs_f64();
        match &written {
            Ok(_) => {
                tracing::debug!(target: "audit", event = "write", backend, units, rows, seconds)
            }
            Err(error) => {
                span.record("error", field::display(error));
                tracing::debug!(
                    target: "audit", event = "write", backend, units, rows, seconds, %error
                );
            }
        }
        written
    }

    /// A good answer lets an open breaker try a write.
    async fn health_check(&self) -> Result<HealthReport> {
        let health = self.backend.health_check().await;
        if health.is_ok() {
            self.breaker.allow_probe();
        }
        health
    }

    async fn settle(&self) -> Result<()> {
        self.backend.settle().await
    }

    async fn close(&self) -> Result<()> {
        self.backend.close().await
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.backend.reader()
    }

    fn admin(&self) -> Option<&dyn Admin> {
        self.backend.admin()
    }

    fn query(&self) -> Option<&dyn Query> {
        self.backend.query()
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        self.backend.indexes()
    }
}

//! Writes one group, whatever it takes: waits, narrows it down to what is refused, or pauses.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astload_backends::{Backend, Effect, Error, Guarded, Receipt};
use astload_connection::Backoff;
use astload_model::{Batch, UnitId};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Lane, Patience, Refused, stopped};
use crate::excerpt::Excerpt;
use crate::health::Monitor;
use crate::letters::{Letters, Refusal};

/// So many units refused in a row mean that something else is wrong.
pub(super) const REFUSALS_MAX: usize = 32;

/// What the writes of a lane share.
#[derive(Debug)]
pub(super) struct Delivery {
    name: String,
    backend: Arc<Guarded>,
    patience: Patience,
    monitor: Monitor,
    letters: Letters,
    cancelled: CancellationToken,
    progress: Mutex<Progress>,
    /// Units that were refused since one was written.
    refused_in_a_row: AtomicUsize,
}

#[derive(Debug)]
struct Progress {
    /// When something was written last.
    at: Instant,
    refused: Excerpt<Refused>,
}

/// What an answer leaves of a batch.
enum Narrowed {
    /// Its halves: it was not said which units are wrong.
    Halved(Batch, Batch),
    /// Without the units that are named.
    Named(Vec<Refusal>, Batch),
    /// None of it is left.
    Refused(Vec<Refusal>),
}

impl Delivery {
    pub(super) fn of(lane: &Lane) -> Self {
        Self {
            name: lane.name.clone(),
            backend: lane.backend.clone(),
            patience: lane.settings.patience,
            monitor: lane.monitor.clone(),
            letters: lane.letters.clone(),
            cancelled: lane.cancelled.clone(),
            progress: Mutex::new(Progress { at: Instant::now(), refused: Excerpt::default() }),
            refused_in_a_row: AtomicUsize::new(0),
        }
    }

    pub(super) fn take_refused(&self) -> Excerpt<Refused> {
        std::mem::take(&mut self.progress().refused)
    }

    /// Writes all units that the backend takes; those that it refuses go to the dead letters.
    /// What was written is told also where the rest was not.
    pub(super) async fn write(&self, batches: Vec<Batch>) -> (Receipt, Result<(), Error>) {
        let mut receipt = Receipt::default();
        for batch in batches {
            if let Err(error) = self.write_batch(batch, &mut receipt).await {
                return (receipt, Err(error));
            }
        }
        (receipt, Ok(()))
    }

    /// A refused unit is not buried before another was written, or the batch is done: where all are
    /// refused, it is not the units that are wrong.
    async fn write_batch(&self, batch: Batch, receipt: &mut Receipt) -> Result<(), Error> {
        let mut suspects = Vec::new();
        // What is still to be written, the next one last.
        let mut pieces = vec![batch];
        while let Some(piece) = pieces.pop() {
            let error = match self.write_piece(&piece).await {
                Ok(done) => {
                    *receipt += done;
                    self.progress().at = Instant::now();
                    self.refused_in_a_row.store(0, Ordering::Relaxed);
                    self.bury(&mut suspects).await?;
                    self.letters.clear(&piece).await;
                    continue;
                }
                Err(error) => match error.kind.effect() {
                    Effect::DeadLetter | Effect::Split => error,
                    Effect::Retry | Effect::RetryThenPause { .. } | Effect::Pause => {
                        return Err(error);
                    }
                },
            };
            match narrow(&piece, &error) {
                Narrowed::Halved(first, second) => pieces.extend([second, first]),
                Narrowed::Named(refused, rest) => {
                    suspects.extend(refused);
                    pieces.push(rest);
                }
                Narrowed::Refused(refused) => {
                    let alone = refused.len();
                    suspects.extend(refused);
                    let before = self.refused_in_a_row.fetch_add(alone, Ordering::Relaxed);
                    if before + alone >= REFUSALS_MAX {
                        self.pause(too_many(before + alone, error)).await?;
                        self.refused_in_a_row.store(0, Ordering::Relaxed);
                        pieces.extend(suspects.drain(..).map(|suspect| suspect.unit));
                    }
                }
            }
        }
        self.bury(&mut suspects).await
    }

    /// Writes until there is an answer that waiting does not change.
    async fn write_piece(&self, piece: &Batch) -> Result<Receipt, Error> {
        let begun = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            let error = match self.backend.write_batch(piece).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            match error.kind.effect() {
                Effect::DeadLetter | Effect::Split => return Err(error),
                Effect::RetryThenPause { .. } | Effect::Pause => self.pause(error).await?,
                Effect::Retry => {
                    let wait = backoff.next_wait(error.retry_after);
                    let idle = self.progress().at.max(begun).elapsed();
                    let is_over = match self.patience {
                        Patience::GiveUp(patience) => idle.saturating_add(wait) >= patience,
                        Patience::Wait => false,
                    };
                    if is_over || self.cancelled.is_cancelled() {
                        return Err(error);
                    }
                    tracing::warn!(backend = self.name, %error, ?wait, "trying again");
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.cancelled.cancelled() => return Err(stopped()),
                    }
                }
            }
        }
    }

    /// Waits until the backend answers well, or ends the lane.
    pub(super) async fn pause(&self, error: Error) -> Result<(), Error> {
        match self.patience {
            Patience::GiveUp(_) => Err(error),
            Patience::Wait => {
                tracing::error!(backend = self.name, %error, "the lane pauses");
                tokio::select! {
                    () = self.monitor.wait_out(&error.message) => Ok(()),
                    () = self.cancelled.cancelled() => Err(stopped()),
                }
            }
        }
    }

    /// Puts refused units among the dead letters; where there is no room for them, the lane pauses.
    async fn bury(&self, refusals: &mut Vec<Refusal>) -> Result<(), Error> {
        while !refusals.is_empty() {
            let (buried, all) = self.letters.bury(refusals).await;
            for refusal in refusals.drain(..buried) {
                let unit = refusal.name();
                tracing::info!(
                    target: "audit", event = "dead_letter", backend = self.name, %unit,
                    reason = refusal.reason
                );
                self.progress().refused.push(Refused { unit, reason: refusal.reason });
            }
            if let Err(error) = all {
                let message = format!("the dead letters cannot be kept: {error}");
                let hint = match error.raw_os_error() {
                    Some(_) => format!("see to {}", self.letters.folder().display()),
                    None => "`astload dlq list` shows them; replay or drop some".to_owned(),
                };
                self.pause(Error::misconfigured(message).with_hint(hint)).await?;
            }
        }
        Ok(())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(refused: usize, last: Error) -> Error {
    let message = format!("{refused} units in a row were refused, the last one: {last}");
    Error::misconfigured(message).with_hint(
        "something else is wrong than the units: see to the store, its schema and rights",
    )
}

/// What is left of a batch that was refused, or is too large.
fn narrow(batch: &Batch, error: &Error) -> Narrowed {
    let reasons: HashMap<UnitId, &str> =
        error.rejected.iter().map(|(id, reason)| (*id, reason.as_str())).collect();
    let (bad, good): (Vec<usize>, Vec<usize>) =
        (0..batch.len()).partition(|&position| reasons.contains_key(&batch.unit(position).id()));
    if bad.is_empty() && batch.len() > 1 {
        let half = batch.len() / 2;
        return Narrowed::Halved(batch.slice(0..half), batch.slice(half..batch.len()));
    }
    let bad = if bad.is_empty() { vec![0] } else { bad };
    let refusal = |position: usize| {
        let reason = reasons.get(&batch.unit(position).id()).copied().unwrap_or(&error.message);
        Refusal { unit: batch.take(&[position]), kind: error.kind, reason: reason.to_owned() }
    };
    let refused: Vec<Refusal> = bad.iter().map(|&position| refusal(position)).collect();
    match good.is_empty() || refused.len() == batch.len() {
        true => Narrowed::Refused(refused),
        false => Narrowed::Named(refused, batch.take(&good)),
    }
}

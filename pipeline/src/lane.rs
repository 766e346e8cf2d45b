//! Carries batches to one backend.
//!
//! A transient error is tried again until nothing was written for as long as the lane is patient; a
//! refusal costs only the units that are refused; everything else ends the lane, and only it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use astload_backends::{Backend, Error, ErrorKind, Receipt};
use astload_connection::Backoff;
use astload_model::{Batch, UnitId, UnitName};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::channel::{Cargo, Delivery, Lanes};

/// What a lane has done so far, for whoever watches.
#[derive(Debug, Default)]
pub struct LaneProgress {
    /// Batches that were handed to it.
    pub received: AtomicU64,
    /// Batches that it is done with.
    pub finished: AtomicU64,
}

impl LaneProgress {
    /// Batches that wait or are being written.
    pub fn lag(&self) -> u64 {
        let finished = self.finished.load(Ordering::Relaxed);
        self.received.load(Ordering::Relaxed).saturating_sub(finished)
    }
}

/// A unit that a backend will not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The unit.
    pub unit: UnitName,
    /// Why.
    pub reason: String,
}

/// What became of a lane.
#[derive(Debug, Default)]
pub struct LaneReport {
    /// What was written.
    pub receipt: Receipt,
    /// Units that the backend refused.
    pub refused: Vec<Refused>,
    /// Why the lane ended early; `None` where it did not.
    pub error: Option<Error>,
    /// From the start to the end of the lane.
    pub elapsed: Duration,
}

/// A lane that is to run.
#[derive(Debug)]
pub struct Lane {
    /// Which bit it has in [`Cargo::Units`].
    pub index: usize,
    /// The backend that it writes to.
    pub backend: Arc<dyn Backend>,
    /// How long it goes without progress before it is given up.
    pub patience: Duration,
    /// What it has done so far.
    pub progress: Arc<LaneProgress>,
    /// Cancelled: what waits is left.
    pub cancelled: CancellationToken,
}

impl Lane {
    /// Writes what comes until there is no more, settles, and reports.
    pub async fn run(self, mut deliveries: mpsc::Receiver<Arc<Delivery>>) -> LaneReport {
        let start = Instant::now();
        let mut report = LaneReport::default();
        let written = self.write_all(&mut deliveries, &mut report).await;
        report.error = written.err();
        report.elapsed = start.elapsed();
        report
    }

    async fn write_all(
        &self,
        deliveries: &mut mpsc::Receiver<Arc<Delivery>>,
        report: &mut LaneReport,
    ) -> Result<(), Error> {
        while let Some(delivery) = deliveries.recv().await {
            if self.cancelled.is_cancelled() {
                break;
            }
            self.deliver(&delivery.cargo, report).await?;
            self.progress.finished.fetch_add(1, Ordering::Relaxed);
        }
        if self.cancelled.is_cancelled() {
            let stopped = Error::new(ErrorKind::Transient, "stopped before all was written");
            return Err(stopped.with_hint("the same command again goes on where this one ended"));
        }
        self.settle().await
    }

    /// Building indexes may take long; there is no telling how long.
    async fn settle(&self) -> Result<(), Error> {
        self.patiently(Duration::MAX, "settling", || self.backend.settle()).await
    }

    async fn deliver(&self, cargo: &Cargo, report: &mut LaneReport) -> Result<(), Error> {
        match cargo {
            Cargo::Repo(repo) => match self.backend.admin() {
                Some(admin) => {
                    let what = "recording a repository";
                    self.patiently(self.patience, what, || admin.put_repo(repo)).await
                }
                None => Ok(()),
            },
            Cargo::Units(batch, wanted) => self.deliver_units(batch, wanted, report).await,
        }
    }

    async fn deliver_units(
        &self,
        batch: &Batch,
        wanted: &[Lanes],
        report: &mut LaneReport,
    ) -> Result<(), Error> {
        let bit: Lanes = 1 << self.index;
        let wanted = wanted.iter().enumerate();
        let positions: Vec<usize> =
            wanted.filter(|(_, lanes)| *lanes & bit != 0).map(|(position, _)| position).collect();
        if positions.is_empty() {
            return Ok(());
        }
        // Pieces that are still to be written; what is refused or too large comes back smaller.
        let mut pieces = vec![batch.take(&positions)];
        while let Some(piece) = pieces.pop() {
            let write = || self.backend.write_batch(&piece);
            match self.patiently(self.patience, "writing a batch", write).await {
                Ok(receipt) => report.receipt += receipt,
                Err(error) => match error.kind {
                    ErrorKind::Refused | ErrorKind::TooLarge => {
                        pieces.extend(narrow(&piece, error, &mut report.refused));
                    }
                    ErrorKind::Transient | ErrorKind::Misconfigured | ErrorKind::Unexpected => {
                        return Err(error);
                    }
                },
            }
        }
        Ok(())
    }

    /// Repeats a call while its error is transient and patience lasts. One that does not answer for
    /// as long as is waited for it counts as one that failed; it may have been done.
    async fn patiently<T, F>(
        &self,
        most: Duration,
        what: &str,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        let mut last = None;
        loop {
            let left = most.saturating_sub(start.elapsed());
            let error = match tokio::time::timeout(left, call()).await {
                Ok(Err(error)) if error.kind == ErrorKind::Transient => error,
                Ok(done) => return done,
                Err(_) => {
                    let message = format!("{what}: no answer for {most:?}");
                    let silent = || Error::new(ErrorKind::Transient, message);
                    return Err(last.unwrap_or_else(silent));
                }
            };
            let wait = backoff.next_wait(error.retry_after);
            if start.elapsed() + wait >= self.patience || self.cancelled.is_cancelled() {
                return Err(error);
            }
            tracing::warn!(%error, ?wait, "trying again");
            last = Some(error);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancelled.cancelled() => {
                    return Err(Error::new(ErrorKind::Transient, format!("{what}: stopped")));
                }
            }
        }
    }
}

/// What is left of a refused batch: without the units that the backend named, or its two halves.
fn narrow(batch: &Batch, error: Error, refused: &mut Vec<Refused>) -> Vec<Batch> {
    let named = |id: UnitId| error.rejected.iter().find(|(rejected, _)| *rejected == id);
    let (bad, good): (Vec<usize>, Vec<usize>) =
        (0..batch.len()).partition(|&position| named(batch.unit(position).id()).is_some());
    if bad.is_empty() && batch.len() > 1 {
        let half = batch.len() / 2;
        return vec![batch.slice(half..batch.len()), batch.slice(0..half)];
    }
    let bad = if bad.is_empty() { (0..batch.len()).collect() } else { bad };
    for position in bad {
        let unit = batch.unit(position);
        let reason = named(unit.id()).map_or(&error.message, |(_, reason)| reason);
        refused.push(Refused { unit: unit.name(), reason: reason.clone() });
    }
    let good: Vec<usize> = good.into_iter().filter(|_| !error.rejected.is_empty()).collect();
    if good.is_empty() { Vec::new() } else { vec![batch.take(&good)] }
}

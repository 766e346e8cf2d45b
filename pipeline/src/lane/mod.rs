//! Carries batches from the journal to one backend.
//!
//! Small batches are joined up to what the backend likes, and what shares no unit is written at the
//! same time, as far as the guard's limit goes. An error's kind decides: what may succeed later
//! waits, a refusal costs only the units that are refused, what somebody has to set right pauses the
//! lane. Only a lane moves its cursor.

mod claims;
mod deliver;
mod gather;
mod progress;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use astload_backends::{Backend, Effect, Error, Guarded, Receipt};
use astload_config::WriteSettings;
use astload_connection::Backoff;
use astload_model::{Batch, Selection, UnitId, UnitName};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::channel::Lanes;
use crate::excerpt::Excerpt;
use crate::health::{Health, Monitor};
use crate::journal::{AtBound, Retention, Seq, Tail, TailError};
use crate::letters::Letters;
use claims::Claims;
use deliver::Delivery;
use gather::{Gathered, Group, Load};
pub use progress::{LaneProgress, LaneStage};

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
    pub refused: Excerpt<Refused>,
    /// What the journal could not give.
    pub lost: Excerpt<String>,
    /// Why the lane ended early; `None` where it did not.
    pub error: Option<Error>,
    /// From the start to the end of the lane.
    pub elapsed: Duration,
}

/// What a lane does when there is no going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It ends when nothing was written for so long, or somebody has to set something right.
    GiveUp(Duration),
    /// It waits until the backend answers again.
    Wait,
}

/// How a lane carries.
#[derive(Debug, Clone)]
pub struct LaneSettings {
    /// What it does when there is no going on.
    pub patience: Patience,
    /// Rows up to which batches are joined; one of more than twice as many is split.
    pub rows: usize,
    /// The same in bytes.
    pub bytes: usize,
    /// Batches at the same time.
    pub concurrency: usize,
    /// What of the units the backend holds.
    pub selection: Selection,
    /// How much of the journal it may hold back.
    pub retention: Retention,
}

impl LaneSettings {
    /// What suits a backend.
    pub fn for_backend(backend: &dyn Backend, patience: Patience) -> Self {
        let info = backend.info();
        Self {
            patience,
            rows: info.preferred_rows,
            bytes: 16 << 20,
            concurrency: info.capabilities.concurrency,
            selection: Selection::default(),
            retention: Retention::default(),
        }
    }

    /// The same, with what is configured.
    #[must_use]
    pub fn configured(self, write: &WriteSettings, selection: Selection) -> Self {
        let most = self.concurrency;
        let bytes = write.batch.bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            patience: self.patience,
            rows: write.batch.rows.unwrap_or(self.rows),
            bytes: bytes.unwrap_or(self.bytes),
            concurrency: write.concurrency.map_or(most, |calls| calls.max.min(most)),
            selection,
            retention: Retention {
                bytes_max: write.retention.unwrap_or(self.retention.bytes_max),
                at_bound: match write.required {
                    None => self.retention.at_bound,
                    Some(true) => AtBound::Wait,
                    Some(false) => AtBound::Detach,
                },
            },
        }
    }
}

/// A lane that is to run.
#[derive(Debug)]
pub struct Lane {
    /// Its name, which is the backend's.
    pub name: String,
    /// Which bit it has in [`Cargo::Units`](crate::channel::Cargo).
    pub index: usize,
    /// The backend that it writes to.
    pub backend: Arc<Guarded>,
    /// How it carries.
    pub settings: LaneSettings,
    /// Who watches the backend.
    pub monitor: Monitor,
    /// Where the units go that the backend refuses.
    pub letters: Letters,
    /// What it has done so far.
    pub progress: Arc<LaneProgress>,
    /// Cancelled: what waits is left.
    pub cancelled: CancellationToken,
}

impl Lane {
    /// Its bit.
    pub fn bit(&self) -> Lanes {
        1 << self.index
    }

    /// Writes what comes until there is no more, settles, and reports.
    pub async fn run(self, tail: Tail) -> LaneReport {
        let start = Instant::now();
        let mut carrying = Carrying::new(self, tail);
        let error = carrying.carry().await.err();
        carrying.lane.progress.enter(match error {
            None => LaneStage::Done,
            Some(_) => LaneStage::GivenUp,
        });
        LaneReport { error, elapsed: start.elapsed(), ..carrying.report }
    }
}

/// A group, what of it was written, and why not all.
type Written = (Group, (Receipt, Result<(), Error>));

/// How long a call that is no write may take.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// As long as there is patience.
    Patience,
    /// As long as the backend answers its probes: nobody can tell how long an index takes. One that
    /// was away and is back may have forgotten the call.
    Probes,
}

/// A lane that runs.
struct Carrying {
    lane: Lane,
    delivery: Arc<Delivery>,
    tail: Tail,
    gathered: Gathered,
    writes: JoinSet<Written>,
    /// The units that are being written.
    busy: HashSet<UnitId>,
    claims: Claims,
    report: LaneReport,
}

impl Carrying {
    fn new(lane: Lane, tail: Tail) -> Self {
        let delivery = Arc::new(Delivery::of(&lane));
        let gathered = Gathered::new(&lane);
        let (writes, busy, report) = (JoinSet::new(), HashSet::new(), LaneReport::default());
        let claims = Claims::default();
        Self { lane, delivery, tail, gathered, writes, busy, claims, report }
    }

    async fn carry(&mut self) -> Result<(), Error> {
        let carried = self.carry_all().await;
        self.report.refused = self.delivery.take_refused();
        self.report.lost = self.tail.take_lost();
        carried?;
        if self.lane.cancelled.is_cancelled() {
            return Err(stopped());
        }
        self.lane.progress.enter(LaneStage::Indexing);
        self.claim_again().await?;
        let backend = self.lane.backend.clone();
        self.persist("settling", Limit::Probes, || backend.settle()).await
    }

    async fn carry_all(&mut self) -> Result<(), Error> {
        let cancelled = self.lane.cancelled.clone();
        let mut next: Option<Group> = None;
        let mut ended = false;
        loop {
            if let Some(group) = next.take_if(|group| may_begin(&self.writes, &self.busy, group)) {
                self.begin(group).await?;
                continue;
            }
            if ended && next.is_none() && self.writes.is_empty() {
                return Ok(());
            }
            let has_room = self.writes.len() < self.lane.settings.concurrency;
            tokio::select! {
                biased;
                () = cancelled.cancelled() => return self.finish_writes().await,
                Some(written) = self.writes.join_next() => self.absorb(written)?,
                group = self.gathered.next(&mut self.tail), if !ended && next.is_none() && has_room => {
                    match group.map_err(unread)? {
                        Some(group) if group.is_empty() => self.done(&group),
                        Some(group) => next = Some(group),
                        None => ended = true,
                    }
                }
            }
        }
    }

    /// Begins to write what may be written beside what is.
    async fn begin(&mut self, group: Group) -> Result<(), Error> {
        match &group.load {
            Load::Repo(claim) => {
                self.claim(claim).await?;
                self.done(&group);
            }
            Load::Units(batches) => {
                self.busy.extend(ids(batches));
                let (delivery, batches) = (self.delivery.clone(), batches.clone());
                self.writes.spawn(async move { (group, delivery.write(batches).await) });
            }
        }
        Ok(())
    }

    fn absorb(&mut self, written: Result<Written, JoinError>) -> Result<(), Error> {
        let (group, (receipt, written)) = match written {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if let Load::Units(batches) = &group.load {
            for id in ids(batches) {
                self.busy.remove(&id);
            }
        }
        self.report.receipt += receipt;
        written?;
        self.done(&group);
        Ok(())
    }

    /// Moves the cursor.
    fn done(&mut self, group: &Group) {
        if let Load::Units(batches) = &group.load {
            let units: usize = batches.iter().map(Batch::len).sum();
            self.lane.progress.units.fetch_add(units as u64, Ordering::Relaxed);
        }
        for &seq in &group.entries {
            if self.gathered.was_last(seq) {
                self.tail.done(seq);
            }
        }
        self.lane.progress.finished.store(self.tail.cursor(), Ordering::Relaxed);
    }

    /// Lets what is being written come to its end.
    async fn finish_writes(&mut self) -> Result<(), Error> {
        while let Some(written) = self.writes.join_next().await {
            self.absorb(written)?;
        }
        Ok(())
    }

    /// Makes a call that is no write, and makes it again as its error says.
    async fn persist<T, F>(
        &self,
        what: &str,
        limit: Limit,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut failing_since = None;
        let mut backoff = Backoff::default();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let begun = Instant::now();
            let answer = tokio::select! {
                answer = call() => answer,
                why = self.silence(limit) => Err(Error::transient(format!("{what}: {why}"))),
                () = self.lane.cancelled.cancelled() => return Err(stopped()),
            };
            let Err(error) = answer else { return answer };
            match error.kind.effect() {
                Effect::Retry => {}
                Effect::RetryThenPause { attempts: most } if attempts < most => {}
                Effect::RetryThenPause { .. } | Effect::Pause => {
                    self.delivery.pause(error).await?;
                    attempts = 0;
                    continue;
                }
                Effect::DeadLetter | Effect::Split => return Err(error),
            }
            let wait = backoff.next_wait(error.retry_after);
            let since = *failing_since.get_or_insert(match limit {
                Limit::Patience => begun,
                // What it did until then was no failure.
                Limit::Probes => Instant::now(),
            });
            let is_over = match self.lane.settings.patience {
                Patience::GiveUp(patience) => since.elapsed().saturating_add(wait) >= patience,
                Patience::Wait => false,
            };
            if is_over || self.lane.cancelled.is_cancelled() {
                return Err(error);
            }
            tracing::warn!(backend = self.lane.name, %error, ?wait, "trying again");
            tokio::select! {
                () = sleep(wait) => {}
                () = self.lane.cancelled.cancelled() => return Err(stopped()),
            }
        }
    }

    /// Ends when a call has taken too long, and says so.
    async fn silence(&self, limit: Limit) -> String {
        let monitor = &self.lane.monitor;
        let most = match (self.lane.settings.patience, limit) {
            (Patience::GiveUp(patience), Limit::Patience) => patience,
            (Patience::GiveUp(patience), Limit::Probes) => patience.max(monitor.longest_silence()),
            (Patience::Wait, _) => monitor.longest_silence(),
        };
        let (mut probes, mut health) = (monitor.good_probes(), monitor.watch());
        let mut was_away = false;
        loop {
            tokio::select! {
                () = sleep(most) => return format!("no answer for {most:?}"),
                Ok(()) = probes.changed(), if matches!(limit, Limit::Probes) => {
                    if was_away {
                        return "the backend was away meanwhile".into();
                    }
                }
                Ok(()) = health.changed() => {
                    was_away |= matches!(*health.borrow(), Health::Degraded | Health::Unavailable);
                }
            }
        }
    }
}

/// Whether a group may be written beside what is: two versions of a unit stay in order.
fn may_begin<T>(writes: &JoinSet<T>, busy: &HashSet<UnitId>, group: &Group) -> bool {
    match &group.load {
        Load::Repo(_) => writes.is_empty(),
        Load::Units(batches) => !ids(batches).any(|id| busy.contains(&id)),
    }
}

fn ids(batches: &[Batch]) -> impl Iterator<Item = UnitId> {
    batches.iter().flat_map(Batch::units).map(|unit| unit.id())
}

fn stopped() -> Error {
    Error::transient("stopped before all was written")
        .with_hint("the same command again goes on where this one ended")
}

fn unread(error: TailError) -> Error {
    Error::unexpected(error.to_string())
}

//! Batches on their way from a source through channel, coordinator and journal to lanes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use astload_backends::{Backend, GuardSettings, Guarded};
use astload_model::Batch;
use astload_pipeline::channel::channel;
use astload_pipeline::coordinator::{self, Carried};
use astload_pipeline::folders;
use astload_pipeline::health::{Monitor, MonitorSettings};
use astload_pipeline::journal::{Appender, Journal, JournalSettings};
use astload_pipeline::lane::{Lane, LaneReport, LaneSettings, Patience};
use astload_pipeline::letters::DeadLetters;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// As deep as the channel of a load.
const CHANNEL: (usize, u32) = (8, 16 << 20);

/// How long a lane may be without progress: longer than any program runs.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// How often it is looked at how much is on the disk.
const LOOK: Duration = Duration::from_millis(20);

/// A lane to a backend that refuses nothing.
///
/// # Errors
/// Where there is no place for dead letters, which there are none of.
pub fn lane_to(backend: Arc<dyn Backend>, guard: GuardSettings, index: usize) -> Result<Lane> {
    let name = format!("lane {index}");
    let settings = LaneSettings::for_backend(backend.as_ref(), Patience::GiveUp(PATIENCE));
    let cancelled = CancellationToken::new();
    let guarded = Guarded::new(&name, backend, guard).until(cancelled.clone());
    Ok(Lane {
        index,
        settings,
        backend: Arc::new(guarded),
        monitor: Monitor::new(&name, MonitorSettings::default()),
        letters: DeadLetters::within(folders::spill().join("astload-bench")).of(&name, &name)?,
        name,
        progress: Arc::default(),
        cancelled,
    })
}

/// A source that sends, and lanes that run.
#[derive(Debug)]
pub struct Carrying {
    journal: Journal,
    /// `None` once it has ended.
    source: Option<JoinHandle<Result<()>>>,
    running: JoinHandle<Carried>,
    /// The most bytes that were seen on the disk.
    spilled: u64,
}

/// What became of the lanes.
#[derive(Debug)]
pub struct Arrived {
    /// Each lane's report, by its index.
    pub lanes: Vec<LaneReport>,
    /// The most bytes that the journal had on the disk.
    pub spilled: u64,
}

impl Carrying {
    /// Sends every batch to every lane, through a temporary journal. Called within a runtime.
    pub fn start(
        settings: JournalSettings,
        lanes: Vec<Lane>,
        batches: impl Iterator<Item = Result<Batch>> + Send + 'static,
    ) -> Self {
        Self::through(Journal::temporary(settings, &folders::spill()), CHANNEL, lanes, batches)
    }

    /// The same through any journal, and a channel of so many batches and bytes.
    pub fn through(
        (appender, journal): (Appender, Journal),
        (batches_max, bytes_max): (usize, u32),
        lanes: Vec<Lane>,
        batches: impl Iterator<Item = Result<Batch>> + Send + 'static,
    ) -> Self {
        let all = lanes.iter().fold(0, |all, lane| all | lane.bit());
        let (sender, receiver) = channel(batches_max, bytes_max);
        let running = tokio::spawn(coordinator::run(receiver, (appender, journal.clone()), lanes));
        // The source is a thread that may block.
        let source = tokio::task::spawn_blocking(move || {
            let handle = tokio::runtime::Handle::current();
            for batch in batches {
                let batch = batch?;
                let wanted = vec![all; batch.len()];
                handle.block_on(sender.send(batch, wanted))?;
            }
            Ok(())
        });
        Self { journal, source: Some(source), running, spilled: 0 }
    }

    /// Waits until the source has given all. A few batches of that may still be in the channel.
    ///
    /// # Errors
    /// Where the source fails, or nobody takes what it gives.
    pub async fn sent(&mut self) -> Result<()> {
        let Some(mut source) = self.source.take() else { return Ok(()) };
        let mut looks = looks();
        loop {
            tokio::select! {
                sent = &mut source => return sent?,
                _ = looks.tick() => self.look(),
            }
        }
    }

    /// Waits for the lanes.
    ///
    /// # Errors
    /// Where the source or the journal fails.
    pub async fn arrived(mut self) -> Result<Arrived> {
        self.sent().await?;
        let mut looks = looks();
        let carried = loop {
            tokio::select! {
                carried = &mut self.running => break carried?,
                _ = looks.tick() => self.look(),
            }
        };
        match carried.error {
            Some(error) => Err(error).context("the journal took no more"),
            None => {
                let lanes = carried.lanes.into_iter().map(|(_, report)| report).collect();
                Ok(Arrived { lanes, spilled: self.spilled })
            }
        }
    }

    fn look(&mut self) {
        self.spilled = self.spilled.max(self.journal.status().disk_bytes);
    }
}

fn looks() -> tokio::time::Interval {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

//! Lanes to backends that fail as they are told.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use astload_backends::{GuardSettings, Guarded};
use astload_fixtures::backends::{Call, Faults, Faulty, Memory, Recorder, Scripted};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::{Batch, UnitId};
use astload_pipeline::channel::{Lanes, Sender, channel};
use astload_pipeline::coordinator::{self, Carried};
use astload_pipeline::health::{Monitor, MonitorSettings};
use astload_pipeline::journal::{Appender, Journal, JournalSettings};
use astload_pipeline::lane::{Lane, LaneProgress, LaneReport, LaneSettings, Patience};
use astload_pipeline::letters::{DeadLetters, Letter};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const ALL: Lanes = Lanes::MAX;

/// A backend that fails as it is told, what reached it, and what it keeps.
pub(crate) struct Store {
    pub(crate) memory: Memory,
    pub(crate) faulty: Arc<Faulty>,
    recorder: Arc<Recorder>,
}

impl Store {
    pub(crate) fn new(faults: impl Faults) -> Self {
        let memory = Memory::default();
        let faulty = Arc::new(Faulty::new(Arc::new(memory.clone()), faults));
        Self { memory, recorder: Arc::new(Recorder::new(faulty.clone())), faulty }
    }

    pub(crate) fn good() -> Self {
        Self::new(Scripted::default())
    }

    pub(crate) fn kept(&self) -> HashSet<UnitId> {
        self.memory.kept().into_keys().collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.recorder.calls()
    }
}

/// Units whose paths are numbers, at a generation.
pub(crate) fn batch_at(first: usize, units: usize, generation: u64) -> Batch {
    let unit = |at: usize| UnitValue {
        generation: Some(generation),
        ..UnitValue::sample(&format!("{at:05}"))
    };
    batch_of(&(first..first + units).map(unit).collect::<Vec<_>>())
}

pub(crate) fn batch(first: usize, units: usize) -> Batch {
    batch_at(first, units, 1)
}

pub(crate) fn ids(batch: &Batch) -> Vec<UnitId> {
    batch.units().map(|unit| unit.id()).collect()
}

/// How the lanes of a test are.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) patience: Patience,
    /// Rows up to which batches are joined.
    pub(crate) rows: usize,
    pub(crate) concurrency: usize,
    /// Bytes that the journal has in memory.
    pub(crate) memory_bytes: usize,
    pub(crate) letter_bytes_max: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            patience: Patience::GiveUp(PATIENCE),
            rows: 32_768,
            concurrency: 1,
            memory_bytes: 32 << 20,
            letter_bytes_max: 1 << 30,
        }
    }
}

/// Lanes that run.
pub(crate) struct Running {
    pub(crate) sender: Sender,
    pub(crate) monitors: Vec<Monitor>,
    pub(crate) cancelled: CancellationToken,
    progress: Vec<Arc<LaneProgress>>,
    letters: TempDir,
    coordinator: JoinHandle<Carried>,
}

impl Setup {
    pub(crate) fn start(self, stores: &[Store]) -> Running {
        self.start_with(stores, TempDir::new().expect("a folder"))
    }

    /// With dead letters that are there already.
    pub(crate) fn start_with(self, stores: &[Store], letters: TempDir) -> Running {
        let settings =
            JournalSettings { memory_bytes: self.memory_bytes, ..JournalSettings::default() };
        let journal = Journal::temporary(settings, &std::env::temp_dir());
        self.start_on(journal, stores, letters)
    }

    /// Through this journal.
    pub(crate) fn start_on(
        self,
        journal: (Appender, Journal),
        stores: &[Store],
        letters: TempDir,
    ) -> Running {
        let cancelled = CancellationToken::new();
        let numbered = stores.iter().enumerate();
        let lanes: Vec<Lane> =
            numbered.map(|(index, store)| self.lane(index, store, &letters, &cancelled)).collect();
        let monitors = lanes.iter().map(|lane| lane.monitor.clone()).collect();
        let progress = lanes.iter().map(|lane| lane.progress.clone()).collect();
        let (sender, receiver) = channel(4, 64 << 20);
        let coordinator = tokio::spawn(coordinator::run(receiver, journal, lanes));
        Running { sender, monitors, cancelled, progress, letters, coordinator }
    }

    fn lane(
        self,
        index: usize,
        store: &Store,
        letters: &TempDir,
        cancelled: &CancellationToken,
    ) -> Lane {
        let (name, backend) = (format!("store {index}"), store.recorder.clone());
        let deadline = match self.patience {
            Patience::GiveUp(patience) => patience,
            Patience::Wait => PATIENCE,
        };
        let guard = GuardSettings { deadline, ..GuardSettings::for_concurrency(self.concurrency) };
        let letters = DeadLetters::within(letters.path().into());
        let letters = letters.with_bytes_max(self.letter_bytes_max);
        Lane {
            settings: LaneSettings {
                rows: self.rows,
                concurrency: self.concurrency,
                ..LaneSettings::for_backend(backend.as_ref(), self.patience)
            },
            backend: Arc::new(Guarded::new(&name, backend, guard).until(cancelled.clone())),
            monitor: Monitor::new(&name, MonitorSettings::default()),
            letters: letters.of(&name, &name).expect("a folder"),
            index,
            name,
            progress: Arc::default(),
            cancelled: cancelled.clone(),
        }
    }
}

impl Running {
    /// Sends a batch that every lane wants; says whether it was taken.
    pub(crate) async fn send(&self, batch: Batch) -> bool {
        let wanted = vec![ALL; batch.len()];
        self.sender.send(batch, wanted).await.is_ok()
    }

    /// The folder of the dead letters.
    pub(crate) fn letters(&self) -> &TempDir {
        &self.letters
    }

    /// Entries that the first lane is done with.
    pub(crate) fn finished(&self) -> u64 {
        self.progress[0].finished.load(Ordering::Relaxed)
    }

    /// No more is sent; what became of the lanes, and their dead letters.
    pub(crate) async fn finish(self) -> (Vec<LaneReport>, TempDir) {
        drop(self.sender);
        let carried = self.coordinator.await.expect("no panic");
        assert!(carried.error.is_none(), "{:?}", carried.error);
        (carried.lanes.into_iter().map(|(_, report)| report).collect(), self.letters)
    }
}

/// Sends batches to stores, each of which wants them all.
pub(crate) async fn run(stores: &[Store], batches: Vec<Batch>) -> Vec<LaneReport> {
    run_as(Setup::default(), stores, batches).await.0
}

pub(crate) async fn run_as(
    setup: Setup,
    stores: &[Store],
    batches: Vec<Batch>,
) -> (Vec<LaneReport>, TempDir) {
    let running = setup.start(stores);
    for batch in batches {
        if !running.send(batch).await {
            break;
        }
    }
    running.finish().await
}

/// The dead letters in a folder.
pub(crate) fn letters_in(folder: &TempDir) -> Vec<Letter> {
    let listing = DeadLetters::within(folder.path().into()).list().expect("a folder");
    assert_eq!(listing.broken, []);
    listing.letters.into_iter().map(|stored| stored.letter).collect()
}

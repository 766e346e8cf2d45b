//! The journal against a model of it, on a disk that crashes.

use std::collections::{BTreeMap, BTreeSet};

use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::UnitId;
use astload_pipeline::channel::Cargo;
use astload_pipeline::excerpt::Excerpt;
use astload_pipeline::journal::{AppendError, Appender, Journal, JournalSettings, Retention, Tail};
use proptest::prelude::*;

use crate::disk::CrashDisk;

const LANES: [&str; 2] = ["a", "b"];
const UNITS: usize = 6;

/// Two or three frames a segment, and as many in memory.
const SETTINGS: JournalSettings =
    JournalSettings { memory_bytes: 2_000, segment_bytes: 8 << 10, disk_bytes_max: u64::MAX };

#[derive(Debug, Clone)]
enum Action {
    /// Groups of entries: each the units that it names, and how much older than now.
    Append(Vec<Vec<(usize, u64)>>),
    /// A lane reads so many entries.
    Read(usize, usize),
    /// A lane is done with the oldest, or else the latest, of those that it read.
    Done(usize, bool),
    Maintain,
    /// The disk is full after so many bytes more.
    Full(usize),
    NotFull,
    FailSync,
    Crash(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let entry = prop::collection::vec((0..UNITS, 0..4_u64), 1..3);
    prop_oneof![
        8 => prop::collection::vec(entry, 1..4).prop_map(Action::Append),
        6 => (0..LANES.len(), 1..5_usize).prop_map(|(lane, count)| Action::Read(lane, count)),
        8 => (0..LANES.len(), any::<bool>()).prop_map(|(lane, oldest)| Action::Done(lane, oldest)),
        3 => Just(Action::Maintain),
        1 => (0..30_000_usize).prop_map(Action::Full),
        1 => Just(Action::NotFull),
        1 => Just(Action::FailSync),
        2 => any::<u64>().prop_map(Action::Crash),
    ]
}

/// What the lanes must and may have.
#[derive(Default)]
struct Model {
    /// The greatest generation of each unit whose append was acknowledged.
    due: BTreeMap<UnitId, u64>,
    /// Every version whose append was tried.
    tried: BTreeSet<(UnitId, u64)>,
    now: u64,
}

struct Lane {
    tail: Tail,
    /// What it read and is not done with.
    reading: Vec<(u64, Vec<(UnitId, u64)>)>,
}

struct Run {
    disk: CrashDisk,
    appender: Appender,
    journal: Journal,
    lanes: Vec<Lane>,
    /// What each lane is done with, over all crashes: unit and generation.
    done: Vec<BTreeMap<UnitId, u64>>,
    model: Model,
}

fn open(disk: &CrashDisk) -> (Appender, Journal, Vec<Lane>) {
    let (appender, journal, recovery) =
        Journal::open_disk(SETTINGS, Box::new(disk.clone())).expect("it opens");
    // Frames that were written and not acknowledged may be torn in the middle; then what is after
    // them was not acknowledged, either, and nothing was set aside.
    assert!(recovery.set_aside.is_empty(), "{recovery:?}");
    let lane = |name: &&str| {
        let tail = journal.attach(name, u64::MAX, Retention::default());
        Lane { tail, reading: Vec::new() }
    };
    let lanes = LANES.iter().map(lane).collect();
    (appender, journal, lanes)
}

impl Run {
    fn new() -> Self {
        let disk = CrashDisk::default();
        let (appender, journal, lanes) = open(&disk);
        let done = vec![BTreeMap::new(); LANES.len()];
        Self { disk, appender, journal, lanes, done, model: Model::default() }
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Append(group) => self.append(group).await,
            Action::Read(lane, count) => {
                for _ in 0..*count {
                    if !self.read(*lane).await {
                        break;
                    }
                }
            }
            Action::Done(lane, oldest) => self.finish(*lane, *oldest),
            // A journal that failed says so until it is opened again.
            Action::Maintain => drop(self.appender.maintain().await),
            Action::Full(bytes) => self.disk.has_room_for(Some(*bytes)),
            Action::NotFull => self.disk.has_room_for(None),
            Action::FailSync => self.disk.fail_sync(),
            Action::Crash(seed) => {
                self.disk.crash(&mut fastrand::Rng::with_seed(*seed));
                self.reopen();
            }
        }
    }

    fn reopen(&mut self) {
        (self.appender, self.journal, self.lanes) = open(&self.disk);
    }

    async fn append(&mut self, group: &[Vec<(usize, u64)>]) {
        let mut versions = Vec::new();
        let mut cargo = Vec::new();
        for entry in group {
            self.model.now += 1;
            let units: BTreeMap<usize, u64> = entry.iter().copied().collect();
            let units: Vec<UnitValue> = units
                .into_iter()
                .map(|(unit, age)| UnitValue {
                    generation: Some(self.model.now.saturating_sub(age).max(1)),
                    ..UnitValue::sample(&format!("{unit}"))
                })
                .collect();
            let batch = batch_of(&units);
            versions.extend(batch.units().map(|u| (u.id(), u.generation().expect("given"))));
            let wanted = vec![u64::MAX; batch.len()];
            cargo.push(Cargo::Units(batch, wanted));
        }
        self.model.tried.extend(&versions);
        match self.appender.append(cargo).await {
            Ok(()) => {
                for (id, generation) in versions {
                    let due = self.model.due.entry(id).or_default();
                    *due = generation.max(*due);
                }
            }
            Err(AppendError::Disk(_) | AppendError::Failed(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn read(&mut self, at: usize) -> bool {
        let lane = &mut self.lanes[at];
        let Some(entry) = lane.tail.next_now().await.expect("it reads") else { return false };
        let Cargo::Units(batch, _) = entry.cargo.as_ref() else { panic!("only units went in") };
        let versions: Vec<(UnitId, u64)> =
            batch.units().map(|unit| (unit.id(), unit.generation().expect("given"))).collect();
        for version in &versions {
            assert!(self.model.tried.contains(version), "{version:?} was never appended");
        }
        assert!(lane.reading.last().is_none_or(|(seq, _)| *seq < entry.seq), "out of order");
        lane.reading.push((entry.seq, versions));
        true
    }

    fn finish(&mut self, at: usize, oldest: bool) {
        let lane = &mut self.lanes[at];
        let read = match (lane.reading.is_empty(), oldest) {
            (true, _) => return,
            (false, true) => lane.reading.remove(0),
            (false, false) => lane.reading.pop().expect("not empty"),
        };
        for (id, generation) in read.1 {
            let done = self.done[at].entry(id).or_default();
            *done = generation.max(*done);
        }
        lane.tail.done(read.0);
    }

    /// Every lane reads all there is; afterwards it has the newest version of everything that was
    /// acknowledged.
    async fn check(&mut self) {
        self.disk.has_room_for(None);
        for at in 0..LANES.len() {
            while self.read(at).await {}
            while !self.lanes[at].reading.is_empty() {
                self.finish(at, true);
            }
            assert_eq!(self.lanes[at].tail.take_lost(), Excerpt::default());
            for (id, due) in &self.model.due {
                let has = self.done[at].get(id).copied().unwrap_or(0);
                assert!(has >= *due, "lane {at} has {id} at {has}, not {due}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_reaches_every_lane_whatever_happens_to_the_disk(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut run = Run::new();
            for action in &actions {
                run.act(action).await;
            }
            run.check().await;
            // What all lanes are done with is let go of.
            if run.appender.maintain().await.is_ok() {
                assert!(run.journal.status().segments <= 1, "{:?}", run.journal.status());
            }
            run.reopen();
            run.check().await;
        });
    }
}

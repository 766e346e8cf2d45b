//! Batches on their way through the channel and the coordinator to lanes whose backends fail.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::{Backend, Error, ErrorKind, GuardSettings, Guarded};
use astload_fixtures::backends::{
    Fault, Faults, Faulty, Memory, Recorder, Refuses, Scripted, TakesAtMost, dead, hanging, slow,
};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::{Batch, UnitId};
use astload_pipeline::channel::{Lanes, channel};
use astload_pipeline::coordinator;
use astload_pipeline::health::{Monitor, MonitorSettings};
use astload_pipeline::journal::{Appender, Journal, JournalSettings};
use astload_pipeline::lane::{Lane, LaneReport, LaneSettings, Patience};
use astload_pipeline::letters::DeadLetters;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
const ALL: Lanes = Lanes::MAX;

/// A backend that fails as it is told, what reached it, and what it keeps.
struct Store {
    memory: Memory,
    recorder: Arc<Recorder>,
}

impl Store {
    fn new(faults: impl Faults) -> Self {
        let memory = Memory::default();
        let faulty = Faulty::new(Arc::new(memory.clone()), faults);
        Self { memory, recorder: Arc::new(Recorder::new(Arc::new(faulty))) }
    }

    fn good() -> Self {
        Self::new(Scripted::default())
    }

    fn kept(&self) -> HashSet<UnitId> {
        self.memory.kept().into_keys().collect()
    }

    fn calls(&self) -> usize {
        self.recorder.calls().len()
    }
}

fn batch(first: usize, units: usize) -> Batch {
    let unit =
        |at: usize| UnitValue { generation: Some(1), ..UnitValue::sample(&format!("{at:05}")) };
    batch_of(&(first..first + units).map(unit).collect::<Vec<_>>())
}

fn ids(batch: &Batch) -> Vec<UnitId> {
    batch.units().map(|unit| unit.id()).collect()
}

fn lane(index: usize, backend: Arc<dyn Backend>, letters: &TempDir) -> Lane {
    let name = format!("store {index}");
    let guard = GuardSettings { deadline: PATIENCE, ..GuardSettings::for_concurrency(1) };
    Lane {
        settings: LaneSettings::for_backend(backend.as_ref(), Patience::GiveUp(PATIENCE)),
        backend: Arc::new(Guarded::new(&name, backend, guard)),
        monitor: Monitor::new(&name, MonitorSettings::default()),
        letters: DeadLetters::within(letters.path().into()).of(&name, &name).expect("a folder"),
        index,
        name,
        progress: Arc::default(),
        cancelled: CancellationToken::new(),
    }
}

fn journal() -> (Appender, Journal) {
    Journal::temporary(JournalSettings::default(), &std::env::temp_dir())
}

/// Sends batches to stores, each of which wants them all.
async fn run(stores: &[Store], batches: Vec<Batch>) -> Vec<LaneReport> {
    let letters = TempDir::new().expect("a folder");
    let backends = stores.iter().map(|store| store.recorder.clone() as Arc<dyn Backend>);
    let lanes = backends.enumerate().map(|(index, backend)| lane(index, backend, &letters));
    let lanes = lanes.collect();
    let (sender, receiver) = channel(4, 64 << 20);
    let coordinator = tokio::spawn(coordinator::run(receiver, journal(), lanes));
    for batch in batches {
        let wanted = vec![ALL; batch.len()];
        if sender.send(batch, wanted).await.is_err() {
            break;
        }
    }
    drop(sender);
    let carried = coordinator.await.expect("no panic");
    assert!(carried.error.is_none());
    carried.lanes.into_iter().map(|(_, report)| report).collect()
}

#[tokio::test(start_paused = true)]
async fn every_lane_gets_what_it_wants_and_no_more() {
    let stores = [Store::good(), Store::good()];
    let lanes = stores.iter().enumerate();
    let letters = TempDir::new().expect("a folder");
    let lanes = lanes.map(|(index, store)| lane(index, store.recorder.clone(), &letters)).collect();
    let (sender, receiver) = channel(4, 64 << 20);
    let coordinator = tokio::spawn(coordinator::run(receiver, journal(), lanes));
    let batch = batch(0, 4);
    let ids = ids(&batch);
    sender.send(batch, vec![0b01, 0b10, 0b11, 0b00]).await.expect("taken");
    drop(sender);
    coordinator.await.expect("no panic");
    assert_eq!(stores[0].kept(), HashSet::from([ids[0], ids[2]]));
    assert_eq!(stores[1].kept(), HashSet::from([ids[1], ids[2]]));
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_refused_by_name_costs_one_call_more() {
    let batch = batch(0, 1_000);
    let bad = ids(&batch)[617];
    let store = [Store::new(Refuses::these([bad]))];
    let reports = run(&store, vec![batch]).await;
    assert!(reports[0].error.is_none());
    assert_eq!(reports[0].refused.len(), 1);
    assert_eq!(reports[0].refused[0].unit.path, "00617");
    assert_eq!((store[0].kept().len(), store[0].calls()), (999, 2));
}

#[tokio::test(start_paused = true)]
async fn refused_units_that_are_not_named_are_found_by_halving() {
    let batch = batch(0, 1_024);
    let all = ids(&batch);
    for bad in [vec![0], vec![1_023], vec![17, 18], vec![5, 700]] {
        let refuses = Refuses::these(bad.iter().map(|&at| all[at])).without_names();
        let store = [Store::new(refuses)];
        let reports = run(&store, vec![batch.clone()]).await;
        let refused: Vec<usize> =
            reports[0].refused.iter().map(|r| r.unit.path.parse().expect("a number")).collect();
        assert_eq!(refused, bad);
        assert_eq!(store[0].kept().len(), 1_024 - bad.len());
        assert!(store[0].calls() <= 1 + 20 * bad.len(), "{} calls", store[0].calls());
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_split_and_loses_nothing() {
    let store = [Store::new(TakesAtMost(10))];
    let reports = run(&store, vec![batch(0, 100)]).await;
    assert!(reports[0].error.is_none() && reports[0].refused.is_empty());
    assert_eq!(store[0].kept().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_too_large_alone_is_refused() {
    let store = [Store::new(TakesAtMost(0))];
    let reports = run(&store, vec![batch(0, 3)]).await;
    assert!(reports[0].error.is_none());
    assert_eq!(reports[0].refused.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_over_after_a_while() {
    let busy = |_| Fault::Before(Error::transient("busy"));
    let store = [Store::new(Scripted::new((0..5).map(busy)))];
    let reports = run(&store, vec![batch(0, 10)]).await;
    assert!(reports[0].error.is_none());
    assert_eq!((store[0].kept().len(), store[0].calls()), (10, 6));
}

#[tokio::test(start_paused = true)]
async fn a_lane_without_progress_is_given_up_and_the_others_finish() {
    for fault in [Box::new(dead()) as Box<dyn Faults>, Box::new(hanging())] {
        let stores = [Store::good(), Store::new(fault), Store::good()];
        let start = Instant::now();
        let batches = (0..20).map(|at| batch(at * 10, 10)).collect();
        let reports = run(&stores, batches).await;
        assert!(start.elapsed() <= PATIENCE + Duration::from_secs(1), "{:?}", start.elapsed());
        let error = reports[1].error.as_ref().expect("given up");
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(reports[0].error.is_none() && reports[2].error.is_none());
        assert_eq!((stores[0].kept().len(), stores[2].kept().len()), (200, 200));
        assert_eq!(stores[1].kept().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_to_set_right_ends_a_lane_at_once() {
    let fails = Fault::Before(Error::misconfigured("as it was asked to"));
    let stores = [Store::new(Scripted::new([fails])), Store::good()];
    let start = Instant::now();
    let reports = run(&stores, vec![batch(0, 5), batch(5, 5)]).await;
    let kind = reports[0].error.as_ref().map(|error| error.kind);
    assert_eq!(kind, Some(ErrorKind::Misconfigured));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((stores[0].calls(), stores[0].kept().len()), (1, 0));
    assert_eq!(stores[1].kept().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_thought_of_ends_a_lane_after_a_few_attempts() {
    let fails = |_| Fault::Before(Error::unexpected("as it was asked to"));
    for (faults, kept) in [(2, 10), (3, 0)] {
        let store = [Store::new(Scripted::new((0..faults).map(fails)))];
        let reports = run(&store, vec![batch(0, 10)]).await;
        assert_eq!((store[0].calls(), store[0].kept().len()), (3, kept));
        assert_eq!(reports[0].error.is_some(), kept == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_lane_that_makes_progress_is_waited_for() {
    let stores = [Store::new(slow(PATIENCE * 2 / 3)), Store::good()];
    let reports = run(&stores, (0..5).map(|at| batch(at, 1)).collect()).await;
    assert!(reports.iter().all(|report| report.error.is_none()));
    assert_eq!(stores[0].kept().len(), 5);
}

#[derive(Debug)]
struct Panics;

impl Faults for Panics {
    fn next(&mut self, _: &Batch) -> Fault {
        panic!("as it was asked to");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_panics_has_no_report_and_the_others_finish() {
    let stores = [Store::new(Panics), Store::good()];
    let reports = run(&stores, vec![batch(0, 5), batch(5, 5)]).await;
    assert_eq!(reports.len(), 1);
    assert_eq!(stores[1].kept().len(), 10);
}

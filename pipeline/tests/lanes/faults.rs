//! What becomes of a lane whose backend fails, and of the others.

use std::collections::HashSet;
use std::time::Duration;

use astload_backends::{Error, ErrorKind};
use astload_fixtures::backends::{
    Fault, Faults, Refuses, Scripted, TakesAtMost, dead, hanging, slow,
};
use astload_model::Batch;
use tokio::time::Instant;

use crate::setup::{PATIENCE, Setup, Store, batch, ids, run};

#[tokio::test(start_paused = true)]
async fn every_lane_gets_what_it_wants_and_no_more() {
    let stores = [Store::good(), Store::good()];
    let running = Setup::default().start(&stores);
    let batch = batch(0, 4);
    let ids = ids(&batch);
    running.sender.send(batch, vec![0b01, 0b10, 0b11, 0b00]).await.expect("taken");
    running.finish().await;
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
    assert_eq!(reports[0].refused.count(), 1);
    assert_eq!(reports[0].refused.first()[0].unit.path, "00617");
    assert_eq!((store[0].kept().len(), store[0].calls().len()), (999, 2));
}

#[tokio::test(start_paused = true)]
async fn refused_units_that_are_not_named_are_found_by_halving() {
    let batch = batch(0, 1_024);
    let all = ids(&batch);
    for bad in [vec![0], vec![1_023], vec![17, 18], vec![5, 700]] {
        let refuses = Refuses::these(bad.iter().map(|&at| all[at])).without_names();
        let store = [Store::new(refuses)];
        let reports = run(&store, vec![batch.clone()]).await;
        let refused = reports[0].refused.first().iter();
        let refused: Vec<usize> =
            refused.map(|refused| refused.unit.path.parse().expect("a number")).collect();
        assert_eq!(refused, bad);
        assert_eq!(store[0].kept().len(), 1_024 - bad.len());
        assert!(store[0].calls().len() <= 1 + 20 * bad.len(), "{} calls", store[0].calls().len());
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
    assert_eq!(reports[0].refused.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_over_after_a_while() {
    let busy = |_| Fault::Before(Error::transient("busy"));
    let store = [Store::new(Scripted::new((0..5).map(busy)))];
    let reports = run(&store, vec![batch(0, 10)]).await;
    assert!(reports[0].error.is_none());
    assert_eq!((store[0].kept().len(), store[0].calls().len()), (10, 6));
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
    assert_eq!((stores[0].calls().len(), stores[0].kept().len()), (1, 0));
    assert_eq!(stores[1].kept().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_thought_of_ends_a_lane_after_a_few_attempts() {
    let fails = |_| Fault::Before(Error::unexpected("as it was asked to"));
    for (faults, kept) in [(2, 10), (3, 0)] {
        let store = [Store::new(Scripted::new((0..faults).map(fails)))];
        let reports = run(&store, vec![batch(0, 10)]).await;
        assert_eq!((store[0].calls().len(), store[0].kept().len()), (3, kept));
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

//! Who waits for whom: no lane for another, and a unit only for itself.

use std::time::Duration;

use astload_fixtures::backends::{dead, slow};
use tokio::time::Instant;

use crate::setup::{PATIENCE, Setup, Store, batch, batch_at, ids, run_as};

const SECOND: Duration = Duration::from_secs(1);

/// So little that a lane that lags reads from the disk.
fn little_memory() -> Setup {
    Setup { rows: 1, memory_bytes: 3 * batch(0, 1).footprint(), ..Setup::default() }
}

#[tokio::test(start_paused = true)]
async fn a_slow_lane_holds_up_no_other() {
    let stores = [Store::good(), Store::new(slow(SECOND)), Store::good()];
    let start = Instant::now();
    let batches = (0..50).map(|at| batch(at, 1)).collect();
    let (reports, _) = run_as(little_memory(), &stores, batches).await;
    assert!(reports.iter().all(|report| report.error.is_none()), "{reports:?}");
    for fast in [&stores[0], &stores[2]] {
        let last = fast.calls().last().expect("calls").began;
        assert!(last.duration_since(start) < SECOND, "{:?}", last.duration_since(start));
    }
    let last = stores[1].calls().last().expect("calls").began;
    assert_eq!(last.duration_since(start).as_secs(), 49);
    assert!(stores.iter().all(|store| store.kept().len() == 50));
}

#[tokio::test(start_paused = true)]
async fn a_dead_lane_holds_up_no_other() {
    let stores = [Store::new(dead()), Store::good()];
    let start = Instant::now();
    let batches = (0..50).map(|at| batch(at, 1)).collect();
    let (reports, _) = run_as(little_memory(), &stores, batches).await;
    let last = stores[1].calls().last().expect("calls").began;
    assert!(last.duration_since(start) < SECOND, "{:?}", last.duration_since(start));
    assert!(reports[0].error.is_some() && reports[1].error.is_none());
    assert!(start.elapsed() <= PATIENCE + SECOND);
}

#[tokio::test(start_paused = true)]
async fn small_batches_that_wait_are_joined_up_to_what_the_backend_likes() {
    let rows = batch(0, 1).rows();
    let stores = [Store::new(slow(SECOND))];
    let setup = Setup { rows: 10 * rows, ..Setup::default() };
    let (reports, _) = run_as(setup, &stores, (0..41).map(|at| batch(at, 1)).collect()).await;
    assert!(reports[0].error.is_none());
    let sizes: Vec<usize> = stores[0].calls().iter().map(|call| call.units.len()).collect();
    assert!(sizes.iter().all(|&size| size <= 10), "{sizes:?}");
    assert!(sizes.len() <= 8, "{sizes:?}");
    assert_eq!(stores[0].kept().len(), 41);
}

#[tokio::test(start_paused = true)]
async fn a_batch_far_larger_than_what_the_backend_likes_is_split_between_its_units() {
    let rows = batch(0, 1).rows();
    let sizes = async |units: usize| {
        let stores = [Store::good()];
        let setup = Setup { rows: 10 * rows, ..Setup::default() };
        let (reports, _) = run_as(setup, &stores, vec![batch(0, units)]).await;
        assert!(reports[0].error.is_none());
        assert_eq!(stores[0].kept().len(), units);
        stores[0].calls().iter().map(|call| call.units.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(20).await, [20], "it is not worth it");
    assert_eq!(sizes(25).await, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_is_split_the_cursor_passes_only_all_parts() {
    let rows = batch(0, 1).rows();
    let stores = [Store::new(slow(SECOND))];
    let running = Setup { rows: rows * 2, concurrency: 2, ..Setup::default() }.start(&stores);
    running.send(batch(0, 6)).await;
    tokio::time::sleep(SECOND * 3 / 2).await;
    assert_eq!((stores[0].kept().len(), running.finished()), (4, 0));
    tokio::time::sleep(SECOND).await;
    assert_eq!((stores[0].kept().len(), running.finished()), (6, 1));
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn two_versions_of_a_unit_are_written_one_after_the_other() {
    let stores = [Store::new(slow(SECOND))];
    let setup = Setup { concurrency: 4, ..Setup::default() };
    let batches = (1..=12).map(|generation| batch_at(0, 1, generation)).collect();
    let start = Instant::now();
    let (reports, _) = run_as(setup, &stores, batches).await;
    assert!(reports[0].error.is_none());
    assert_eq!(start.elapsed().as_secs(), 12, "none beside another");
    let kept = stores[0].memory.kept();
    assert_eq!(kept[&ids(&batch(0, 1))[0]].0, 12);
    assert!(stores[0].calls().iter().all(|call| call.units.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn what_shares_no_unit_is_written_at_the_same_time() {
    let stores = [Store::new(slow(SECOND))];
    let setup = Setup { concurrency: 4, rows: 1, ..Setup::default() };
    let start = Instant::now();
    let (reports, _) = run_as(setup, &stores, (0..12).map(|at| batch(at, 1)).collect()).await;
    assert!(reports[0].error.is_none());
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(stores[0].kept().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_stopped_ends_after_the_batch_in_flight() {
    let stores = [Store::new(slow(SECOND)), Store::new(dead())];
    let running = Setup { rows: 1, ..Setup::default() }.start(&stores);
    for at in 0..6 {
        running.send(batch(at, 1)).await;
    }
    tokio::time::sleep(SECOND * 5 / 2).await;
    let start = Instant::now();
    running.cancelled.cancel();
    let (reports, _) = running.finish().await;
    assert!(start.elapsed() <= SECOND, "{:?}", start.elapsed());
    assert_eq!(stores[0].kept().len(), 3);
    let error = reports[0].error.as_ref().expect("stopped");
    assert_eq!(error.message, "stopped before all was written");
    assert!(reports[1].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn many_small_batches_that_wait_are_joined_as_far_as_memory_goes() {
    let store = [Store::new(slow(SECOND))];
    let setup = Setup { rows: usize::MAX, memory_bytes: 256 << 20, ..Setup::default() };
    let batches = (0..3_000).map(|at| batch(at, 1)).collect();
    run_as(setup, &store, batches).await;
    let most = store[0].calls().iter().map(|call| call.units.len()).max();
    assert_eq!(most, Some(1_024));
}

//! Lanes on a durable journal: what they are done with is kept, what they are not comes again.

use std::path::Path;

use astload_fixtures::backends::{Scripted, dead};
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{Appender, Journal, JournalSettings, JournalStatus, Retention};
use tempfile::TempDir;

use crate::setup::{Setup, Store, batch, ids};

/// A frame a segment.
const SETTINGS: JournalSettings =
    JournalSettings { memory_bytes: 0, segment_bytes: 1, disk_bytes_max: u64::MAX };

fn journal(folder: &Path) -> (Appender, Journal) {
    let (appender, journal, recovery) = Journal::open(SETTINGS, folder).expect("it opens");
    assert_eq!((recovery.torn, recovery.broken.len()), (0, 0));
    (appender, journal)
}

fn status(folder: &Path) -> JournalStatus {
    journal(folder).1.status()
}

fn room() -> TempDir {
    TempDir::new().expect("a folder")
}

#[tokio::test]
async fn what_all_lanes_are_done_with_is_let_go_of_and_does_not_come_again() {
    let folder = room();
    let stores = [Store::good(), Store::good()];
    let running = Setup::default().start_on(journal(folder.path()), &stores, room());
    for at in 0..20 {
        running.send(batch(at, 1)).await;
    }
    let (reports, _) = running.finish().await;
    assert!(reports.iter().all(|report| report.error.is_none()), "{reports:?}");
    assert!(stores.iter().all(|store| store.kept().len() == 20));
    let status = status(folder.path());
    assert!(status.last > 0);
    assert!(status.lanes.iter().all(|lane| lane.done == status.last), "{status:?}");
    assert!(status.segments <= 1, "{status:?}");

    let calls = stores[0].calls().len();
    let again = Setup::default().start_on(journal(folder.path()), &stores, room());
    again.finish().await;
    assert_eq!(stores[0].calls().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_was_not_done_with_waits_for_it() {
    let folder = room();
    let stores = [Store::good(), Store::new(dead())];
    let running = Setup::default().start_on(journal(folder.path()), &stores, room());
    for at in 0..5 {
        running.send(batch(at, 1)).await;
    }
    let (reports, _) = running.finish().await;
    assert!(reports[1].error.is_some());
    let lanes = status(folder.path()).lanes;
    assert_eq!(lanes[1].done, 0, "{lanes:?}");

    stores[1].faulty.turn(Scripted::default());
    let again = Setup::default().start_on(journal(folder.path()), &stores, room());
    let (reports, _) = again.finish().await;
    assert!(reports.iter().all(|report| report.error.is_none()), "{reports:?}");
    assert_eq!(stores[1].kept().len(), 5);
    let calls = stores[0].calls().iter().flat_map(|call| call.units.clone()).collect::<Vec<_>>();
    assert_eq!(calls.len(), 5, "the first one had them all");
}

#[tokio::test]
async fn small_batches_that_wait_are_one_entry_unless_they_share_a_unit() {
    let folder = room();
    let (mut appender, journal) = journal(folder.path());
    let mut group = journal.group();
    let cargo = |at: usize| Cargo::Units(batch(at, 2), vec![1; 2]);
    for at in [0, 2, 4, 5, 7] {
        group.push(cargo(at));
    }
    appender.append_group(group).await.expect("appended");
    // Unit 5 is in the third and in the fourth.
    assert_eq!(journal.last(), 2);
    let mut tail = journal.attach("a", 1, Retention::default());
    let mut read = Vec::new();
    while let Some(entry) = tail.next_now().await.expect("it reads") {
        let Cargo::Units(batch, _) = entry.cargo.as_ref() else { panic!("only units went in") };
        read.push(ids(batch));
    }
    assert_eq!(read, [ids(&batch(0, 6)), ids(&batch(5, 4))]);
}

//! A journal that is gone with the process: in memory, and on the disk as far as one lane is slower
//! than another.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use astload_backends::{Origin, OtherRoot, RepoClaim};
use astload_model::limits::GENERATION_MAX;
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{AppendError, Appender, Journal, JournalSettings, Retention, Tail};

use crate::entries::{append, drain, for_lanes, next, units, version};

fn journal(memory_bytes: usize) -> (Appender, Journal) {
    let settings = JournalSettings { memory_bytes, segment_bytes: 6_000, disk_bytes_max: u64::MAX };
    Journal::temporary(settings, &std::env::temp_dir())
}

fn attach(journal: &Journal, index: u32) -> Tail {
    journal.attach(&format!("lane {index}"), 1 << index, Retention::default())
}

async fn waits(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

/// Room for three entries of one unit.
fn three() -> usize {
    for_lanes(units(&["0"], 1), 1).bytes() * 7 / 2
}

#[tokio::test]
async fn a_lane_that_keeps_pace_costs_no_disk() {
    let (mut appender, journal) = journal(three());
    let mut tail = attach(&journal, 0);
    for number in 0..100 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
        assert_eq!(drain(&mut tail).await.len(), 1);
    }
    let status = journal.status();
    assert_eq!((status.segments, status.memory_bytes), (0, 0));
}

#[tokio::test]
async fn where_even_the_fastest_lane_is_behind_the_source_waits() {
    let (mut appender, journal) = journal(three());
    let (mut one, _other) = (attach(&journal, 0), attach(&journal, 1));
    for number in 0..3 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
    }
    let fourth = || vec![for_lanes(units(&["3"], 1), u64::MAX)];
    assert!(waits(appender.append(fourth())).await);
    let (seq, _) = next(&mut one).await.expect("there");
    assert!(waits(appender.append(fourth())).await, "it was given, and is not done with");
    tail_is_done_and_the_source_goes_on(&mut appender, &mut one, seq).await;
    assert_eq!(journal.status().segments, 1);
}

async fn tail_is_done_and_the_source_goes_on(appender: &mut Appender, tail: &mut Tail, seq: u64) {
    tail.done(seq);
    append(appender, units(&["3"], 1)).await;
}

#[tokio::test]
async fn a_slow_lane_gets_everything_in_order_and_the_fast_one_never_waits_for_it() {
    let (mut appender, journal) = journal(three());
    let (mut fast, mut slow) = (attach(&journal, 0), attach(&journal, 1));
    let names: Vec<String> = (0..200).map(|number| format!("{number:03}")).collect();
    for name in &names {
        append(&mut appender, units(&[name], 1)).await;
        assert_eq!(drain(&mut fast).await, [version(name, 1)]);
        assert!(journal.status().memory_bytes <= three());
    }
    assert!(journal.status().segments > 10);
    drop(appender);
    let read: Vec<String> = drain(&mut slow).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(read, names);
    assert!(slow.next().await.expect("it reads").is_none(), "the end");
}

#[tokio::test]
async fn what_small_batches_take_besides_their_values_is_within_the_bound() {
    let (mut appender, journal) = journal(1 << 20);
    let _tail = attach(&journal, 0);
    let mut versions = 0;
    let next = |generation| vec![for_lanes(units(&["0"], generation), 1)];
    while !waits(appender.append(next(versions))).await {
        versions += 1;
    }
    // Their columns alone take ten kilobytes.
    assert!((10..110).contains(&versions), "{versions}");
}

#[tokio::test]
async fn a_lane_that_goes_lets_go_of_what_it_held_back() {
    let (mut appender, journal) = journal(three());
    let (mut fast, slow) = (attach(&journal, 0), attach(&journal, 1));
    for number in 0..50 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
        drain(&mut fast).await;
    }
    assert!(journal.status().segments > 1);
    drop(slow);
    for number in 0..8 {
        append(&mut appender, units(&[&number.to_string()], 2)).await;
        drain(&mut fast).await;
    }
    let status = journal.status();
    assert_eq!((status.segments, status.disk_bytes), (0, 0));
}

#[tokio::test]
async fn without_lanes_nothing_is_appended() {
    let (mut appender, journal) = journal(three());
    drop(attach(&journal, 0));
    let refused = appender.append(vec![for_lanes(units(&["0"], 1), 1)]).await;
    assert!(matches!(refused, Err(AppendError::Unread)));
}

#[tokio::test]
async fn an_entry_larger_than_the_memory_travels_alone() {
    let (mut appender, journal) = journal(1);
    let mut tail = attach(&journal, 0);
    for number in 0..5 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
        drain(&mut tail).await;
    }
}

#[tokio::test]
async fn from_the_disk_a_lane_gets_only_the_units_that_it_wants() {
    let (mut appender, journal) = journal(three());
    let (mut fast, mut slow) = (attach(&journal, 0), attach(&journal, 1));
    for number in 0..40 {
        let names = [format!("{number} mine"), format!("{number} yours")];
        let cargo = Cargo::Units(units(&[&names[0], &names[1]], 1), vec![0b11, 0b01]);
        appender.append(vec![cargo]).await.expect("appended");
        drain(&mut fast).await;
    }
    let on_disk = journal.status().lanes[1].disk_bytes;
    assert!(on_disk > 0);
    let read = drain(&mut slow).await;
    let mine = read.iter().filter(|(name, _)| name.ends_with("mine")).count();
    // What is still in memory comes whole, and the lane chooses.
    assert_eq!(mine, 40);
    assert!(read.len() < 45, "{}", read.len());
}

#[tokio::test]
async fn a_repository_comes_before_its_units_also_from_the_disk() {
    let (mut appender, journal) = journal(three());
    let (mut fast, mut slow) = (attach(&journal, 0), attach(&journal, 1));
    let repo = RepoClaim {
        repo: "r".into(),
        layer: "ast".into(),
        root: Some("/r".into()),
        remote: None,
        other_root: OtherRoot::Refuse,
        origin: Origin::Ours,
        generation: 7,
        ended: None,
    };
    appender.append(vec![Cargo::Repo(repo.clone())]).await.expect("appended");
    while let Some(entry) = fast.next_now().await.expect("it reads") {
        fast.done(entry.seq);
    }
    for number in 0..20 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
        drain(&mut fast).await;
    }
    let first = slow.next_now().await.expect("it reads").expect("there");
    let Cargo::Repo(read) = first.cargo.as_ref() else { panic!("the repository comes first") };
    assert_eq!(*read, repo);
}

#[tokio::test]
async fn the_greatest_generation_that_there_is_comes_back_from_the_disk() {
    let (mut appender, journal) = journal(three());
    let (mut fast, mut slow) = (attach(&journal, 0), attach(&journal, 1));
    for number in 0..20 {
        append(&mut appender, units(&[&number.to_string()], GENERATION_MAX)).await;
        drain(&mut fast).await;
    }
    assert!(journal.status().lanes[1].disk_bytes > 0);
    assert_eq!(drain(&mut slow).await.len(), 20);
    assert!(slow.take_lost().is_empty());
}

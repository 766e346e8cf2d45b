//! A journal in a folder: what survives, what is let go of, and what is told of damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use astload_model::ipc::Compression;
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{
    AppendError, Appender, AtBound, Frame, Journal, JournalSettings, Recovery, Retention, Tail,
    TailError,
};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::entries::{append, drain, for_lanes, next, units, version};

/// A frame or two a segment.
const SMALL: JournalSettings =
    JournalSettings { memory_bytes: 0, segment_bytes: 3_000, disk_bytes_max: u64::MAX };

fn open(folder: &Path, settings: JournalSettings) -> (Appender, Journal, Recovery) {
    Journal::open(settings, folder).expect("it opens")
}

fn attach(journal: &Journal, name: &str) -> Tail {
    journal.attach(name, 1, Retention::default())
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|e| e == "journal");
    let mut segments: Vec<PathBuf> = paths.filter(is_segment).collect();
    segments.sort();
    segments
}

#[tokio::test]
async fn a_lane_goes_on_where_it_was_and_what_it_was_given_but_not_done_with_comes_again() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let mut tail = attach(&journal, "a");
    for name in ["1", "2", "3", "4"] {
        append(&mut appender, units(&[name], 1)).await;
    }
    for _ in 0..2 {
        let (seq, _) = next(&mut tail).await.expect("there");
        tail.done(seq);
    }
    next(&mut tail).await.expect("given, and not done with");
    appender.maintain().await.expect("kept");
    drop((appender, journal, tail));

    let (_appender, journal, recovery) = open(folder.path(), SMALL);
    assert_eq!((recovery.torn, recovery.broken.len()), (0, 0));
    let mut tail = attach(&journal, "a");
    assert_eq!(drain(&mut tail).await, [version("3", 1), version("4", 1)]);
}

#[tokio::test]
async fn a_segment_goes_when_every_lane_has_passed_it_and_that_is_kept() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let (mut fast, mut slow) = (attach(&journal, "fast"), attach(&journal, "slow"));
    for number in 0..10 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
    }
    let all = segments(folder.path()).len();
    assert!(all >= 5, "{all} segments");
    drain(&mut fast).await;
    appender.maintain().await.expect("kept");
    assert_eq!(segments(folder.path()).len(), all, "the slow lane needs them");
    drain(&mut slow).await;
    assert_eq!(segments(folder.path()).len(), all, "the cursors are not kept yet");
    appender.maintain().await.expect("kept");
    assert_eq!(segments(folder.path()).len(), 1, "the one that is written to");
}

#[tokio::test]
async fn a_lane_that_was_there_before_holds_its_segments_until_it_is_forgotten() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let mut tail = attach(&journal, "stays");
    drop(attach(&journal, "gone"));
    for number in 0..6 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
    }
    drain(&mut tail).await;
    appender.maintain().await.expect("kept");
    assert!(segments(folder.path()).len() > 1);
    journal.forget("gone");
    appender.maintain().await.expect("kept");
    assert_eq!(segments(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_second_process_cannot_open_it() {
    let folder = TempDir::new().expect("a folder");
    let _first = open(folder.path(), SMALL);
    let error = Journal::open(SMALL, folder.path()).expect_err("in use");
    assert_eq!(error.to_string(), "another process has it open");
}

#[tokio::test]
async fn a_torn_last_frame_is_cut_off_and_what_comes_next_takes_its_place() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), JournalSettings::default());
    for name in ["1", "2", "3"] {
        append(&mut appender, units(&[name], 1)).await;
    }
    drop((appender, journal));
    let segment = &segments(folder.path())[0];
    let bytes = fs::read(segment).expect("read");
    fs::write(segment, &bytes[..bytes.len() - 100]).expect("written");

    let (mut appender, journal, recovery) = open(folder.path(), JournalSettings::default());
    assert!(recovery.torn > 0 && recovery.broken.is_empty(), "{recovery:?}");
    let mut tail = attach(&journal, "a");
    append(&mut appender, units(&["4"], 1)).await;
    let read = drain(&mut tail).await;
    assert_eq!(read, [version("1", 1), version("2", 1), version("4", 1)]);
}

#[tokio::test]
async fn a_broken_frame_is_told_and_set_aside_and_the_rest_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), JournalSettings::default());
    for name in ["1", "2", "3"] {
        append(&mut appender, units(&[name], 1)).await;
    }
    drop((appender, journal));
    let segment = &segments(folder.path())[0];
    let mut bytes = fs::read(segment).expect("read");
    // In the second of three frames that are alike.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(segment, &bytes).expect("written");

    let (mut appender, journal, recovery) = open(folder.path(), JournalSettings::default());
    assert_eq!((recovery.torn, recovery.broken.len()), (0, 1), "{recovery:?}");
    let broken = &recovery.broken[0];
    assert!(broken.bytes.contains(&(middle as u64)), "{broken:?}");
    assert!(broken.what.contains("checksum"), "{broken:?}");
    let mut tail = attach(&journal, "a");
    assert_eq!(drain(&mut tail).await, [version("1", 1), version("3", 1)]);
    // The segment is done with; what is broken in it stays for whoever wants to look.
    append(&mut appender, units(&["4"], 1)).await;
    drain(&mut tail).await;
    appender.maintain().await.expect("kept");
    assert!(!segment.exists());
    assert!(segment.with_extension("journal.broken").exists());
}

#[tokio::test]
async fn what_breaks_while_it_waits_is_told_by_the_lane_that_misses_it() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let mut tail = attach(&journal, "a");
    for name in ["1", "2", "3"] {
        append(&mut appender, units(&[name], 1)).await;
    }
    let segment = &segments(folder.path())[0];
    let mut bytes = fs::read(segment).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 0xff;
    fs::write(segment, &bytes).expect("written");
    assert_eq!(drain(&mut tail).await, [version("2", 1), version("3", 1)]);
    let lost = tail.take_lost();
    let [lost] = lost.first() else { panic!("{lost:?}") };
    assert!(lost.contains("frame 1") && lost.contains("checksum"), "{lost}");
    // The damaged file stays for whoever wants to look at it.
    appender.maintain().await.expect("kept");
    assert!(!segment.exists());
    assert!(segment.with_extension("journal.broken").exists());
}

#[tokio::test]
async fn a_file_that_is_no_segment_is_given_another_name() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    for name in ["1", "2", "3", "4"] {
        append(&mut appender, units(&[name], 1)).await;
    }
    drop((appender, journal));
    let first = &segments(folder.path())[0];
    fs::write(first, [7; 4_096]).expect("written");
    let (_appender, journal, recovery) = open(folder.path(), SMALL);
    assert_eq!(recovery.set_aside.len(), 1);
    assert!(first.with_extension("journal.broken").exists());
    assert!(!drain(&mut attach(&journal, "a")).await.is_empty());
}

#[tokio::test]
async fn a_lane_that_lags_is_not_given_what_a_newer_version_supersedes_and_the_log_stays_small() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let mut tail = attach(&journal, "a");
    append(&mut appender, units(&["once"], 1)).await;
    for generation in 2..200 {
        append(&mut appender, units(&["often", "also"], generation)).await;
        if generation % 10 == 0 {
            appender.maintain().await.expect("kept");
        }
    }
    appender.maintain().await.expect("kept");
    let status = journal.status();
    // 199 appends of 5 to 8 KB; two of them are live.
    assert!(status.disk_bytes < 60_000, "{status:?}");
    let read = drain(&mut tail).await;
    assert_eq!(read, [version("once", 1), version("often", 199), version("also", 199)]);
    drop((appender, journal, tail));

    // All that is left of it is whole.
    let (_appender, journal, recovery) = open(folder.path(), SMALL);
    assert_eq!(recovery.broken, []);
    assert_eq!(drain(&mut attach(&journal, "new")).await.len(), 3);
}

#[tokio::test]
async fn an_older_version_that_comes_later_is_not_given_either() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    let mut tail = attach(&journal, "a");
    append(&mut appender, units(&["x"], 5)).await;
    append(&mut appender, units(&["x", "y"], 4)).await;
    append(&mut appender, units(&["x"], 5)).await;
    let read = drain(&mut tail).await;
    // Of equal generations, only the store can tell which one stays.
    assert_eq!(read, [version("x", 5), version("y", 4), version("x", 5)]);
}

#[tokio::test]
async fn at_its_bound_a_lane_is_cut_off_and_the_others_go_on() {
    let folder = TempDir::new().expect("a folder");
    let settings = JournalSettings { disk_bytes_max: 40_000, ..SMALL };
    let (mut appender, journal, _) = open(folder.path(), settings);
    let mut keen = attach(&journal, "keen");
    let bound = Retention { at_bound: AtBound::Detach, ..Retention::default() };
    let mut idle = journal.attach("idle", 2, bound);
    for number in 0..30 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
        assert_eq!(drain(&mut keen).await.len(), 1);
    }
    assert!(matches!(idle.next_now().await, Err(TailError::Detached)));
    assert!(journal.status().disk_bytes <= 40_000);

    // It stays so until somebody has brought it up to date from elsewhere, and says so.
    appender.maintain().await.expect("kept");
    drop((appender, journal, keen, idle));
    let (_appender, journal, _) = open(folder.path(), settings);
    let mut idle = journal.attach("idle", 2, bound);
    assert!(matches!(idle.next_now().await, Err(TailError::Detached)));
    assert!(journal.status().lanes.iter().any(|lane| lane.detached));
    journal.forget("idle");
    let mut idle = journal.attach("idle", 2, bound);
    assert!(idle.next_now().await.is_ok());
}

#[tokio::test]
async fn a_lane_keeps_its_bit_whatever_the_others_do() {
    let folder = TempDir::new().expect("a folder");
    let names = ["a", "b", "c"];
    {
        let (mut appender, journal, _) = open(folder.path(), SMALL);
        for (index, name) in names.into_iter().enumerate() {
            assert_eq!(journal.bit_for(name), Some(1 << index));
            journal.attach(name, 1 << index, Retention::default());
        }
        appender.maintain().await.expect("kept");
    }
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    journal.forget("a");
    assert_eq!(names.map(|name| journal.bit_for(name)), [Some(1), Some(2), Some(4)]);
    assert_eq!(journal.bit_for("new"), Some(1));
    let mut b = journal.attach("b", 2, Retention::default());
    appender.append(vec![for_lanes(units(&["1"], 1), 1)]).await.expect("appended");
    appender.append(vec![for_lanes(units(&["2"], 1), 2)]).await.expect("appended");
    assert_eq!(drain(&mut b).await, [version("2", 1)]);
    for index in 0..64 {
        journal.attach(&format!("{index}"), 1 << index, Retention::default());
    }
    assert_eq!(journal.bit_for("one more"), None);
}

#[tokio::test]
async fn a_group_of_another_journal_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, _, _) = open(folder.path(), SMALL);
    let (_, temporary) = Journal::temporary(SMALL, folder.path());
    let mut group = temporary.group();
    group.push(for_lanes(units(&["1"], 1), 1));
    assert!(matches!(appender.append_group(group).await, Err(AppendError::Failed(_))));
}

#[tokio::test]
async fn at_the_bound_of_a_lane_that_is_required_the_source_waits() {
    let folder = TempDir::new().expect("a folder");
    let settings = JournalSettings { disk_bytes_max: 40_000, ..SMALL };
    let (mut appender, journal, _) = open(folder.path(), settings);
    let mut tail = attach(&journal, "required");
    let source = tokio::spawn(async move {
        for number in 0..30 {
            append(&mut appender, units(&[&number.to_string()], 1)).await;
        }
    });
    let mut read = Vec::new();
    while let Some(entry) = tail.next().await.expect("it reads") {
        assert!(journal.status().disk_bytes <= 40_000);
        let Cargo::Units(batch, _) = entry.cargo.as_ref() else { panic!("only units went in") };
        read.extend(batch.units().map(|unit| unit.path().to_owned()));
        tail.done(entry.seq);
    }
    source.await.expect("it came to its end");
    assert_eq!(read, (0..30).map(|number| number.to_string()).collect::<Vec<_>>());
}

/// What a group of one unit takes on the disk, in a segment of its own.
async fn segment_bytes() -> u64 {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = open(folder.path(), SMALL);
    append(&mut appender, units(&["0"], 1)).await;
    journal.status().disk_bytes
}

#[tokio::test(start_paused = true)]
async fn what_no_lane_needs_any_more_makes_nobody_wait_and_cuts_nobody_off() {
    let one = segment_bytes().await;
    let folder = TempDir::new().expect("a folder");
    let settings = JournalSettings { segment_bytes: 1, disk_bytes_max: one * 3 / 2, ..SMALL };
    let (mut appender, journal, _) = open(folder.path(), settings);
    let mut waits = attach(&journal, "waits");
    let detaches = Retention { bytes_max: 1, at_bound: AtBound::Detach };
    let mut detaches = journal.attach("detaches", 2, detaches);
    for number in 0..3 {
        let appended = append(&mut appender, units(&[&number.to_string()], 1));
        timeout(Duration::from_secs(9), appended).await.expect("nobody has to be waited for");
        assert_eq!((drain(&mut waits).await.len(), drain(&mut detaches).await.len()), (1, 1));
    }
}

/// A segment's file that says of itself that it begins with a frame and stands for those up to
/// another, and holds these bytes.
fn write_segment(folder: &Path, name: u64, [first, covers]: [u64; 2], frames: &[u8]) {
    let mut segment = b"AJSEGM02".to_vec();
    segment.extend([first, covers].map(u64::to_le_bytes).concat());
    segment.extend(crc32c::crc32c(&segment).to_le_bytes());
    segment.extend([0; 4]);
    segment.extend(frames);
    fs::write(folder.join(format!("{name:020}.journal")), segment).expect("written");
}

#[tokio::test]
async fn a_segment_of_numbers_that_cannot_be_its_own_is_set_aside() {
    for numbers in [[1, u64::MAX], [u64::MAX, 0], [0, 0], [7, 0]] {
        let folder = TempDir::new().expect("a folder");
        write_segment(folder.path(), 1, numbers, &[0]);
        let (mut appender, journal, recovery) = open(folder.path(), SMALL);
        assert_eq!(recovery.set_aside.len(), 1, "{numbers:?}");
        let mut tail = attach(&journal, "a");
        append(&mut appender, units(&["1"], 1)).await;
        assert_eq!(drain(&mut tail).await, [version("1", 1)]);
        appender.maintain().await.expect("kept");
    }
}

#[tokio::test]
async fn a_frame_that_does_not_belong_into_its_segment_is_told_and_what_comes_next_arrives() {
    let folder = TempDir::new().expect("a folder");
    let mut frame = Vec::new();
    frame.extend_from_slice(
        Frame::of(&for_lanes(units(&["1"], 1), 1), Compression::Lz4)
            .expect("encoded")
            .numbered(1)
            .1,
    );
    write_segment(folder.path(), 5, [5, 0], &frame);
    // So that it is not the last, whose end may be torn.
    write_segment(folder.path(), 9, [9, 9], &[]);
    let (mut appender, journal, recovery) = open(folder.path(), SMALL);
    assert_eq!((recovery.frames, recovery.broken.len()), (0, 1), "{recovery:?}");
    let mut tail = attach(&journal, "a");
    append(&mut appender, units(&["2"], 1)).await;
    assert_eq!(drain(&mut tail).await, [version("2", 1)]);
}

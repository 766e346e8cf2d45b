//! `astload journal` on journals as they are, damaged or not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use astload_pipeline::journal::{Journal, JournalSettings, Retention};
use serde_json::Value;
use tempfile::TempDir;

use crate::entries::{append, drain, next, units, version};

const SMALL: JournalSettings =
    JournalSettings { memory_bytes: 0, segment_bytes: 3_000, disk_bytes_max: u64::MAX };

/// A journal of six entries, of which one lane is done with two, and another with none.
async fn journal() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let (mut appender, journal, _) = Journal::open(SMALL, folder.path()).expect("it opens");
    let mut tail = journal.attach("warehouse", 1, Retention::default());
    let _idle = journal.attach("idle", 2, Retention::default());
    for number in 0..6 {
        append(&mut appender, units(&[&number.to_string()], 1)).await;
    }
    for _ in 0..2 {
        let (seq, _) = next(&mut tail).await.expect("there");
        tail.done(seq);
    }
    appender.maintain().await.expect("kept");
    folder
}

fn astload(verb: &str, folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_astload"));
    command.args(["journal", verb]).arg(folder).args(more).output().expect("it runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    let mut segments: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "journal")).collect();
    segments.sort();
    segments
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("read");
    bytes[at] ^= 0xff;
    fs::write(path, bytes).expect("written");
}

#[tokio::test]
async fn inspect_shows_segments_frames_and_lanes() {
    let folder = journal().await;
    let shown = text(&astload("inspect", folder.path(), &["--frames"]));
    assert!(shown.contains("00000000000000000001.journal"), "{shown}");
    assert!(shown.contains("lane warehouse is done with 2, 4 behind"), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("    units ")).count(), 6, "{shown}");
    let json = astload("inspect", folder.path(), &["--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["cursors"]["warehouse"]["done"], 2);
    let frames = json["segments"].as_array().expect("a list");
    let units = frames.iter().flat_map(|s| s["frames"].as_array().expect("a list"));
    assert_eq!(units.map(|frame| frame["units"].as_u64().expect("a number")).sum::<u64>(), 6);
}

#[tokio::test]
async fn a_journal_that_is_open_may_be_inspected_and_not_repaired() {
    let folder = journal().await;
    let _open = Journal::open(SMALL, folder.path()).expect("it opens");
    let shown = astload("inspect", folder.path(), &[]);
    assert!(shown.status.success() && text(&shown).contains("another process has it open"));
    let refused = astload("repair", folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("another process has it open"), "{}", text(&refused));
}

#[tokio::test]
async fn verify_finds_every_damaged_byte_and_changes_nothing() {
    let folder = journal().await;
    let verified = astload("verify", folder.path(), &[]);
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(text(&verified).contains("everything is whole"));
    let segment = &segments(folder.path())[0];
    let whole = fs::read(segment).expect("read");
    // Bytes 28 to 32 of a segment's head say nothing.
    let checked = (0..28).chain(32..whole.len()).step_by(97);
    for at in checked {
        flip(segment, at);
        let verified = astload("verify", folder.path(), &[]);
        assert_eq!(verified.status.code(), Some(1), "byte {at}: {}", text(&verified));
        assert!(text(&verified).contains("00000000000000000001.journal"));
        flip(segment, at);
    }
    assert_eq!(fs::read(segment).expect("read"), whole);
}

#[tokio::test]
async fn repair_takes_out_what_is_damaged_keeps_it_and_loses_nothing_else() {
    let folder = journal().await;
    let all = segments(folder.path());
    let first = fs::read(&all[0]).expect("read");
    flip(&all[0], first.len() - 5);
    assert_eq!(all.len(), 6, "a frame a segment");
    let damaged = fs::read(&all[0]).expect("read");
    let last = all.last().expect("segments");
    let torn = fs::read(last).expect("read");
    fs::write(last, &torn[..torn.len() - 9]).expect("written");

    let repaired = astload("repair", folder.path(), &[]);
    assert!(repaired.status.success(), "{}", text(&repaired));
    assert!(text(&repaired).contains("kept as 00000000000000000001.journal.broken"));
    assert!(text(&repaired).contains("everything is whole"));
    let kept = folder.path().join("00000000000000000001.journal.broken");
    assert_eq!(fs::read(kept).expect("kept"), damaged);
    let (_appender, journal, recovery) = Journal::open(SMALL, folder.path()).expect("it opens");
    assert!(recovery.broken.is_empty() && recovery.torn == 0, "{recovery:?}");
    let read = drain(&mut journal.attach("new", 1, Retention::default())).await;
    let left = ["1", "2", "3", "4"].map(|name| version(name, 1));
    assert_eq!(read, left, "the first and the last were damaged");
}

#[tokio::test]
async fn repair_that_sets_the_only_segment_aside_names_it() {
    for json in [false, true] {
        let folder = TempDir::new().expect("a folder");
        let segment = folder.path().join("00000000000000000001.journal");
        fs::write(&segment, "no segment at all".repeat(9)).expect("written");
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let repaired = astload("repair", folder.path(), more);
        assert!(repaired.status.success(), "{}", text(&repaired));
        if json {
            let told: Value = serde_json::from_slice(&repaired.stdout).expect("JSON");
            assert_eq!(told["kept"], serde_json::json!(["00000000000000000001.journal.broken"]));
            assert_eq!(told["problems"][0]["kind"], "no segment");
            assert_eq!(told["problems"][0]["file"], "00000000000000000001.journal");
        } else {
            let told = text(&repaired);
            assert!(told.contains("kept as 00000000000000000001.journal.broken"), "{told}");
            assert!(told.contains("no segment is left"), "{told}");
        }
        let kept = folder.path().join("00000000000000000001.journal.broken");
        assert_eq!(fs::read(kept).expect("kept"), b"no segment at all".repeat(9));
        let verified = astload("verify", folder.path(), &[]);
        assert!(verified.status.success(), "{}", text(&verified));
        assert!(text(&verified).contains("00000000000000000001.journal.broken was damaged"));
    }
}

#[test]
fn repair_of_a_segment_that_was_only_begun_leaves_an_empty_journal() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("00000000000000000001.journal"), "begun").expect("written");
    let repaired = astload("repair", folder.path(), &[]);
    assert!(repaired.status.success(), "{}", text(&repaired));
    assert!(text(&repaired).contains("the journal begins anew"), "{}", text(&repaired));
}

#[test]
fn where_there_is_no_journal_it_says_so() {
    let folder = TempDir::new().expect("a folder");
    for verb in ["inspect", "verify", "repair"] {
        let output = astload(verb, folder.path(), &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains("there is no journal in"), "{}", text(&output));
    }
    let nowhere = astload("verify", &folder.path().join("nowhere"), &[]);
    assert!(text(&nowhere).contains("No such file or directory"), "{}", text(&nowhere));
    assert!(fs::read_dir(folder.path()).expect("a folder").next().is_none(), "nothing was made");
}

//! Stamps that prove, and logs that are read again, cut off or begun anew.

use super::*;

const STAMP: Stamp =
    Stamp { size: 1, modified: 10_000_000_000, changed: 10_000_000_000, inode: 7, system: Some(3) };

fn header() -> Header {
    Header { version: VERSION, root: "/r".into() }
}

fn at(place: &Path) -> Stamps {
    let known = open_log(place).and_then(|log| read(log, &header()));
    let log = Log {
        place: Some(place.into()),
        header: known.is_none().then(header),
        lines: Vec::new(),
        error: None,
    };
    Stamps { known: known.unwrap_or_default(), log: Mutex::new(log) }
}

/// The stamps after a load that read one file at this time.
fn remembered(read_at: i64) -> Stamps {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("stamps/r.log");
    let first = at(&place);
    first.remember("a", STAMP, read_at, [1; 32], Some("python"));
    first.save().expect("appended");
    at(&place)
}

#[test]
fn a_stamp_proves_a_file_that_was_old_when_it_was_read() {
    let stamps = remembered(STAMP.modified + RACY + 1);
    let known = Known { stamp: STAMP, hash: [1; 32], shebang: Some("python".into()), failed: None };
    assert_eq!(stamps.known("a", &STAMP), Some(&known));
}

#[test]
fn a_file_that_changed_in_the_racy_second_is_read_again() {
    assert_eq!(remembered(STAMP.modified + RACY).known("a", &STAMP), None);
}

#[test]
fn any_other_size_time_inode_or_file_system_is_another_file() {
    let stamps = remembered(i64::MAX);
    for other in [
        Stamp { size: 2, ..STAMP },
        Stamp { modified: 1, ..STAMP },
        Stamp { changed: 1, ..STAMP },
        Stamp { inode: 8, ..STAMP },
        Stamp { system: Some(4), ..STAMP },
        Stamp { system: None, ..STAMP },
    ] {
        assert_eq!(stamps.known("a", &other), None, "{other:?}");
    }
    assert_eq!(stamps.known("b", &STAMP), None);
}

#[test]
fn a_file_on_a_file_system_that_nothing_tells_from_others_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("r.log");
    let (nowhere, stamps) = (Stamp { system: None, ..STAMP }, at(&place));
    stamps.remember("a", nowhere, i64::MAX, [1; 32], None);
    stamps.save().expect("nothing to append");
    assert_eq!(at(&place).known("a", &nowhere), None);
}

#[test]
fn a_file_that_could_not_be_parsed_is_not_tried_again_by_the_same_until_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("r.log");
    let stamps = at(&place);
    stamps.remember("a", STAMP, i64::MAX, [1; 32], None);
    stamps.remember_failure("a", [1; 32], None, (Failure::Memory, "e"));
    stamps.save().expect("appended");
    let stamps = at(&place);
    assert_eq!(stamps.known("a", &STAMP), None, "it is read again");
    assert_eq!(stamps.failure("a", &[1; 32], "e"), Some(Failure::Memory));
    assert_eq!(stamps.failure("a", &[2; 32], "e"), None);
    assert_eq!(stamps.failure("a", &[1; 32], "another"), None);
    assert_eq!(stamps.failure("b", &[1; 32], "e"), None);
}

#[test]
fn a_log_survives_a_line_that_was_cut_off_and_grows_by_what_is_new_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("r.log");
    let load = |hash: u8| {
        let stamps = at(&place);
        stamps.remember("a", STAMP, i64::MAX, [hash; 32], None);
        stamps.save().expect("appended");
        let known = at(&place).known("a", &STAMP).map(|known| known.hash);
        (known, fs::metadata(&place).expect("there").len())
    };
    let (known, first) = load(1);
    assert_eq!(known, Some([1; 32]));
    assert_eq!(load(1), (Some([1; 32]), first), "nothing is new");
    let mut log = File::options().append(true).open(&place).expect("opened");
    log.write_all(br#"{"path":"a","stamp":{"si"#).expect("written");
    let (known, second) = load(2);
    assert_eq!(known, Some([2; 32]));
    assert!(second > first);
}

#[test]
fn what_is_no_log_is_not_read_and_makes_room_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("r.log");
    let other = folder.path().join("other");
    fs::write(&other, "of somebody else").expect("written");
    std::os::unix::fs::symlink(&other, &place).expect("a link");
    let mut long = serde_json::to_vec(&header()).expect("JSON");
    long.push(b'\n');
    long.resize(1 << 20, 0);
    for junk in [None, Some(long)] {
        if let Some(junk) = junk {
            fs::write(&place, junk).expect("written");
        }
        let stamps = at(&place);
        assert!(stamps.known.is_empty());
        stamps.remember("a", STAMP, i64::MAX, [1; 32], None);
        stamps.save().expect("appended");
        assert!(at(&place).known("a", &STAMP).is_some());
    }
    assert_eq!(fs::read_to_string(&other).expect("there"), "of somebody else");
}

#[test]
fn a_log_of_another_root_or_version_or_with_too_many_lines_begins_anew() {
    let line = |hash: u8| Line {
        path: "a",
        stamp: STAMP,
        hash: Hash::from_bytes([hash; 32]).to_hex().to_string(),
        shebang: None::<&str>,
        failed: None,
    };
    let log = |header: &Header, lines: usize| {
        let mut log = serde_json::to_string(header).expect("JSON");
        for at in 0..lines {
            log += "\n";
            log += &serde_json::to_string(&line(at as u8)).expect("JSON");
        }
        read(log.as_bytes(), &super::tests::header()).map(|known| known.len())
    };
    assert_eq!(log(&header(), 3), Some(1));
    assert_eq!(log(&header(), LINES_A_FILE * 1_001 + 1), None);
    assert_eq!(log(&Header { version: VERSION + 1, ..header() }, 3), None);
    assert_eq!(log(&Header { root: "/s".into(), ..header() }, 3), None);
}

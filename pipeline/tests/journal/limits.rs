//! The journal once at its true limits: everywhere else it is small.

use astload_fixtures::conformance::Holdings;
use astload_fixtures::units::{UnitValue, batch_of, tree};
use astload_model::{Batch, canonical_hash};
use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{Journal, JournalSettings, Retention, Tail};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::entries::{append, drain, for_lanes, units, version};

/// What a lane that lags adds to the process: entries in memory, one that is read, and what the
/// allocator keeps of them for each thread.
const RESIDENT_MAX: usize = 96 << 20;

/// What one of these tests has in memory, another would measure.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A batch of so many units, each with so many leaves.
fn wide(count: usize, leaves: usize) -> Batch {
    let nodes = tree(&format!("module({})", "leaf ".repeat(leaves)));
    let unit = |at: usize| UnitValue::new(&format!("{at:05}"), nodes.clone()).at_generation(1);
    batch_of(&(0..count).map(unit).collect::<Vec<_>>())
}

async fn rows_of_next(tail: &mut Tail) -> Option<usize> {
    let entry = tail.next_now().await.expect("it reads")?;
    let Cargo::Units(batch, _) = entry.cargo.as_ref() else { panic!("only units went in") };
    tail.done(entry.seq);
    Some(batch.rows())
}

#[tokio::test]
async fn a_group_larger_than_a_segment_has_one_of_its_own_and_survives() {
    let folder = TempDir::new().expect("a folder");
    let settings = JournalSettings { segment_bytes: 10_000, ..JournalSettings::default() };
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    {
        let (mut appender, journal, _) = Journal::open(settings, folder.path()).expect("it opens");
        append(&mut appender, units(&["before"], 1)).await;
        // What shares a unit is not joined to one frame.
        let group = names.iter().map(|name| for_lanes(units(&["shared", name], 1), 1));
        appender.append(group.collect()).await.expect("appended");
        append(&mut appender, units(&["after"], 1)).await;
        let status = journal.status();
        assert_eq!(status.segments, 3);
        assert!(status.disk_bytes > 5 * settings.segment_bytes, "{status:?}");
    }
    let (_appender, journal, recovery) =
        Journal::open(settings, folder.path()).expect("it opens again");
    assert_eq!((recovery.frames, recovery.torn), (22, 0));
    let group = names.iter().flat_map(|name| ["shared", name]);
    let all = ["before"].into_iter().chain(group).chain(["after"]);
    let expected: Vec<_> = all.map(|name| version(name, 1)).collect();
    assert_eq!(drain(&mut journal.attach("a", 1, Retention::default())).await, expected);
}

#[tokio::test]
async fn a_unit_of_sixty_four_megabytes_comes_back_as_it_was() {
    let _alone = ALONE.lock().await;
    let mut random = fastrand::Rng::with_seed(64);
    let mut unit = UnitValue::sample("large").at_generation(1);
    // What does not compress.
    unit.nodes[4].text = Some((0..64 << 20).map(|_| random.alphanumeric()).collect());
    let whole = batch_of(&[unit]);
    let folder = TempDir::new().expect("a folder");
    let open = || Journal::open(JournalSettings::default(), folder.path()).expect("it opens");
    {
        let (mut appender, journal, _) = open();
        append(&mut appender, whole.clone()).await;
        assert!(journal.status().disk_bytes > 48 << 20, "{:?}", journal.status());
    }
    let (_appender, journal, _) = open();
    let mut tail = journal.attach("a", 1, Retention::default());
    let entry = tail.next_now().await.expect("it reads").expect("there");
    let Cargo::Units(read, _) = entry.cargo.as_ref() else { panic!("only units went in") };
    assert_eq!(canonical_hash(&read.unit(0)), canonical_hash(&whole.unit(0)));
}

#[tokio::test]
async fn a_lane_that_is_ten_million_rows_behind_costs_no_more_memory_than_the_bound() {
    let _alone = ALONE.lock().await;
    let settings = JournalSettings {
        memory_bytes: 8 << 20,
        segment_bytes: 16 << 20,
        disk_bytes_max: u64::MAX,
    };
    let batch = wide(100, 999);
    let entries = 10_000_000_usize.div_ceil(batch.rows());
    assert!(entries * batch.bytes() > 4 * RESIDENT_MAX, "much more than it may cost");
    let (mut appender, journal) = Journal::temporary(settings, &std::env::temp_dir());
    let mut fast = journal.attach("fast", 1, Retention::default());
    let mut slow = journal.attach("slow", 2, Retention::default());
    let before = Holdings::now();
    for _ in 0..entries {
        append(&mut appender, batch.clone()).await;
        assert_eq!(rows_of_next(&mut fast).await, Some(batch.rows()));
        assert!(journal.status().memory_bytes <= settings.memory_bytes);
    }
    let behind = Holdings::now().since(&before);
    drop(appender);
    let mut rows = 0;
    let mut most = behind;
    while let Some(more) = rows_of_next(&mut slow).await {
        rows += more;
        let now = Holdings::now().since(&before);
        most = if now.bytes > most.bytes { now } else { most };
    }
    assert_eq!(rows, entries * batch.rows());
    assert!(most.bytes.unwrap_or(0) < RESIDENT_MAX, "{most:?}, when it was behind {behind:?}");
}

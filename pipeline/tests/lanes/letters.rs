//! Units that a backend refuses for good.

use std::collections::HashSet;
use std::time::Duration;

use astload_backends::{Error, ErrorKind};
use astload_fixtures::backends::{Fault, Faults, Refuses, Scripted};
use astload_model::Batch;
use astload_pipeline::health::Health;
use astload_pipeline::lane::Patience;
use astload_pipeline::letters::DeadLetters;
use tokio::time::Instant;

use crate::setup::{Setup, Store, batch, batch_at, ids, letters_in, run_as};

fn paths(letters: &tempfile::TempDir) -> Vec<usize> {
    letters_in(letters).iter().map(|letter| letter.path.parse().expect("a number")).collect()
}

#[tokio::test(start_paused = true)]
async fn one_bad_unit_in_ten_thousand_is_found_and_the_others_are_written() {
    let whole = batch(0, 10_000);
    for bad in [0, 4_999, 5_000, 9_999] {
        let refuses = Refuses::these([ids(&whole)[bad]]).without_names();
        let store = [Store::new(refuses)];
        let setup = Setup { rows: usize::MAX, ..Setup::default() };
        let (reports, letters) = run_as(setup, &store, vec![whole.clone()]).await;
        assert!(reports[0].error.is_none());
        assert_eq!(paths(&letters), [bad]);
        assert_eq!(store[0].kept().len(), 9_999);
        // 2 · ⌈log2 10,000⌉
        let extra = store[0].calls().len() - 1;
        assert!(extra <= 28, "{extra} extra calls");
    }
}

#[tokio::test(start_paused = true)]
async fn any_number_of_bad_units_among_good_ones_is_found_named_or_not() {
    let whole = batch(0, 10_000);
    let bad: Vec<usize> = (0..100).map(|at| 37 + at * 99).collect();
    for named in [true, false] {
        let refuses = Refuses::these(bad.iter().map(|&at| ids(&whole)[at]));
        let refuses = if named { refuses } else { refuses.without_names() };
        let store = [Store::new(refuses)];
        let setup = Setup { rows: usize::MAX, ..Setup::default() };
        let (reports, letters) = run_as(setup, &store, vec![whole.clone()]).await;
        assert!(reports[0].error.is_none(), "{:?}", reports[0].error);
        assert_eq!(paths(&letters), bad);
        assert_eq!(store[0].kept().len(), 9_900);
        let extra = store[0].calls().len() - 1;
        assert!(extra <= if named { 1 } else { 28 * bad.len() }, "{extra} extra calls");
    }
}

#[tokio::test(start_paused = true)]
async fn where_every_unit_is_refused_the_lane_ends_and_buries_none() {
    let whole = batch(0, 10_000);
    for named in [true, false] {
        let refuses = Refuses::these(ids(&whole));
        let refuses = if named { refuses } else { refuses.without_names() };
        let store = [Store::new(refuses)];
        let setup = Setup { rows: usize::MAX, ..Setup::default() };
        let (reports, letters) = run_as(setup, &store, vec![whole.clone()]).await;
        let error = reports[0].error.as_ref().expect("it ended");
        assert_eq!(error.kind, ErrorKind::Misconfigured);
        assert!(error.message.contains("units in a row were refused"), "{error}");
        assert_eq!(paths(&letters), [0; 0]);
        assert!(store[0].calls().len() < 120, "{} calls", store[0].calls().len());
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_two_in_a_row_are_too_many_in_however_many_batches() {
    let bad: Vec<_> = (0..40).flat_map(|at| ids(&batch(at, 1))).collect();
    for (refused, ends) in [(31, false), (32, true)] {
        let store = [Store::new(Refuses::these(bad[..refused].to_vec()).without_names())];
        let setup = Setup { rows: 1, ..Setup::default() };
        let batches = (0..40).map(|at| batch(at, 1)).collect();
        let (reports, letters) = run_as(setup, &store, batches).await;
        assert_eq!(reports[0].error.is_some(), ends);
        assert_eq!(paths(&letters).len(), 31);
        assert_eq!(store[0].kept().len(), if ends { 0 } else { 9 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_says_what_was_refused_why_and_when_and_holds_the_unit() {
    let whole = batch_at(0, 3, 7);
    let store = [Store::new(Refuses::these([ids(&whole)[1]]))];
    let (_, folder) = run_as(Setup::default(), &store, vec![whole.clone()]).await;
    let letters = DeadLetters::within(folder.path().into());
    let listing = letters.list().expect("a folder");
    let [stored] = listing.letters.as_slice() else { panic!("one letter") };
    let letter = &stored.letter;
    assert_eq!((letter.backend.as_str(), letter.path.as_str()), ("store 0", "00001"));
    assert_eq!((letter.generation, letter.attempts), (7, 1));
    assert_eq!((letter.kind.as_str(), letter.error.as_str()), ("refused", "as it was asked to"));
    assert!(letter.age() < Duration::from_secs(60) && letter.first_at == letter.last_at);
    let unit = letters.unit(stored).expect("the unit");
    let hash = |batch: &Batch, at: usize| astload_model::canonical_hash(&batch.unit(at));
    assert_eq!(hash(&unit, 0), hash(&whole, 1));
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_refused_again_has_one_letter_and_a_newer_version_clears_it() {
    let whole = batch(0, 3);
    let store = [Store::new(Refuses::these([ids(&whole)[1]]))];
    let (_, folder) = run_as(Setup::default(), &store, vec![whole.clone()]).await;
    let again = Setup::default().start_with(&store, folder);
    again.send(batch_at(0, 3, 2)).await;
    let (_, folder) = again.finish().await;
    let letters = letters_in(&folder);
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].generation, letters[0].attempts), (2, 2));

    // An older version that is written all the same does not clear it.
    for (generation, left) in [(1, 1), (2, 0)] {
        store[0].faulty.turn(Scripted::default());
        let folder = copy_of(&folder);
        let again = Setup::default().start_with(&store, folder);
        again.send(batch_at(0, 3, generation)).await;
        let (_, folder) = again.finish().await;
        assert_eq!(letters_in(&folder).len(), left, "generation {generation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_that_is_refused_later_leaves_the_letter_of_the_newer() {
    let whole = batch(0, 3);
    let store = [Store::new(Refuses::these([ids(&whole)[1]]))];
    let setup = Setup { rows: 1, ..Setup::default() };
    let batches = [7, 5].map(|generation| batch_at(0, 3, generation)).into();
    let (reports, folder) = run_as(setup, &store, batches).await;
    assert_eq!(reports[0].refused.count(), 2);
    let letters = letters_in(&folder);
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].generation, letters[0].attempts), (7, 1));
}

fn copy_of(folder: &tempfile::TempDir) -> tempfile::TempDir {
    let copy = tempfile::TempDir::new().expect("a folder");
    for below in std::fs::read_dir(folder.path()).expect("a folder") {
        let below = below.expect("read");
        let to = copy.path().join(below.file_name());
        std::fs::create_dir(&to).expect("a folder");
        for file in std::fs::read_dir(below.path()).expect("a folder") {
            let file = file.expect("read");
            std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
        }
    }
    copy
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_room_for_letters_the_lane_ends_and_drops_none() {
    let whole = batch(0, 100);
    let bad: Vec<_> = ids(&whole).into_iter().step_by(10).collect();
    let store = [Store::new(Refuses::these(bad))];
    let setup = Setup { letter_bytes_max: 30_000, ..Setup::default() };
    let (reports, letters) = run_as(setup, &store, vec![whole]).await;
    let error = reports[0].error.as_ref().expect("it ended");
    assert!(error.message.contains("there is room for"), "{error}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("astload dlq list")));
    let kept = letters_in(&letters).len();
    assert!((1..10).contains(&kept), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_waits_for_room_goes_on_when_somebody_drops_letters() {
    let whole = batch(0, 100);
    let bad: Vec<_> = ids(&whole).into_iter().step_by(10).collect();
    let store = [Store::new(Refuses::these(bad))];
    let setup = Setup { letter_bytes_max: 30_000, patience: Patience::Wait, ..Setup::default() };
    let running = setup.start(&store);
    running.send(whole).await;
    let mut health = running.monitors[0].watch();
    health.wait_for(|health| *health == Health::Degraded).await.expect("it pauses");
    let letters = DeadLetters::within(running.letters().path().to_owned());
    for letter in letters.list().expect("a folder").letters {
        letters.remove(&letter).expect("removed");
    }
    // A probe comes, and the lane tries again.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(running.finished(), 1);
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none());
    assert_eq!((reports[0].refused.count(), store[0].kept().len()), (10, 90));
}

/// Refuses everything for a while.
#[derive(Debug)]
struct RefusesUntil(Instant);

impl Faults for RefusesUntil {
    fn next(&mut self, _: &Batch) -> Fault {
        match Instant::now() < self.0 {
            true => Fault::Before(Error::new(ErrorKind::Refused, "there is no such table")),
            false => Fault::None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_waits_tries_them_all_again_once_the_store_answers_well() {
    let whole = batch(0, 500);
    let until = Instant::now() + Duration::from_secs(100);
    let store = [Store::new(RefusesUntil(until))];
    let setup = Setup { patience: Patience::Wait, ..Setup::default() };
    let (reports, letters) = run_as(setup, &store, vec![whole.clone()]).await;
    assert!(reports[0].error.is_none());
    assert_eq!(letters_in(&letters).len(), 0);
    assert_eq!(store[0].kept(), ids(&whole).into_iter().collect::<HashSet<_>>());
    assert!(Instant::now() >= until);
}

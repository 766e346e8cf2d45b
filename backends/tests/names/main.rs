//! What threads share of the registry, under schedules of threads: few threads under every one, many
//! under some by chance. A failure prints the schedule that repeats it.

use std::collections::BTreeMap;

use shuttle::sync::{Arc, RwLock};
use shuttle::thread;
use tokio::sync::broadcast::Receiver;

#[path = "../../src/registry/names.rs"]
mod names;

use names::Names;

/// An owner, by its thread and how often that one has tried.
type Owner = (usize, usize);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Taken(&'static str, Owner),
    Freed(&'static str, Owner),
}

type Shared = Names<(&'static str, Owner), Event>;

/// An event, and others may come in between.
fn told(event: Event) -> Event {
    thread::yield_now();
    event
}

/// Takes a name so many times, gives it back each time that it got it, and looks at it in between.
fn take_and_free(names: &Shared, name: &'static str, thread: usize, times: usize) {
    for time in 0..times {
        let owner = (thread, time);
        match names.take(name, (name, owner), |_| told(Event::Taken(name, owner))) {
            Err((other, taken_by)) => {
                assert_eq!(other, name);
                assert_ne!(taken_by, owner, "its own");
            }
            Ok(()) => {
                assert_eq!(names.owner(name), Ok((name, owner)), "nobody else gives it back");
                let gone = names.free(name, |(name, owner)| told(Event::Freed(name, *owner)));
                assert_eq!(gone, Ok((name, owner)));
            }
        }
        assert!(names.owners().iter().all(|(name, _)| ["a", "b"].contains(name)));
    }
}

/// What is taken after these events, each of which has to follow from those before.
fn replayed(events: &mut Receiver<Event>) -> BTreeMap<&'static str, Owner> {
    let mut taken = BTreeMap::new();
    while let Ok(event) = events.try_recv() {
        match event {
            Event::Taken(name, owner) => assert_eq!(taken.insert(name, owner), None, "{event:?}"),
            Event::Freed(name, owner) => assert_eq!(taken.remove(name), Some(owner), "{event:?}"),
        }
    }
    taken
}

fn run(threads: usize, times: usize) {
    let names = Arc::new(Shared::default());
    let mut events = names.subscribe();
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let names = names.clone();
            let name = if thread < 3 { "a" } else { "b" };
            thread::spawn(move || take_and_free(&names, name, thread, times))
        })
        .collect();
    running.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(replayed(&mut events), BTreeMap::new());
    assert_eq!(names.owners(), []);
}

#[test]
fn two_threads_that_want_one_name_agree_with_the_events_under_every_schedule() {
    shuttle::check_dfs(|| run(2, 1), None);
}

#[test]
fn eight_threads_that_want_two_names_agree_with_the_events_under_many_schedules() {
    shuttle::check_random(|| run(8, 3), 500);
}

#[test]
fn one_who_looks_sees_what_the_events_said_or_will_say() {
    let look = || {
        let names = Arc::new(Shared::default());
        let (watched, mut events) = (names.clone(), names.subscribe());
        let taking = thread::spawn(move || take_and_free(&watched, "a", 0, 1));
        let seen = names.owner("a");
        if seen.is_ok() {
            assert_eq!(events.try_recv(), Ok(Event::Taken("a", (0, 0))), "told before it is seen");
        }
        taking.join().expect("no panic");
    };
    shuttle::check_dfs(look, None);
}

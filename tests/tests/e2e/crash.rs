//! `kill -9` at any moment, then the same command again.

use std::time::{Duration, Instant};

use astload_tests::{Dice, Sandbox, corpus, store::assert_same};
use rustix::process::Signal;

const KILLS: u32 = 50;

#[test]
fn a_load_that_was_killed_is_completed_by_the_next_one() {
    let sandbox = Sandbox::new();
    corpus::fill(&sandbox, 60, 20);
    let start = Instant::now();
    let clean = sandbox.clean_dump(&[]);
    let duration = start.elapsed();
    let mut dice = Dice::seeded(9);
    let (mut killed, mut had_units) = (0, 0);
    for kill in 0..KILLS {
        let name = format!("{kill}.db");
        let url = format!("sqlite:{name}");
        // The moments are spread over the whole load, each at random within its part.
        let part = duration / KILLS;
        let moment = part * kill + part.mul_f64(dice.below(1_000) as f64 / 1_000.0);
        let mut running = sandbox.start(&["load", "repo", "--quiet", "--to", &url]);
        running.wait(moment);
        running.signal(Signal::KILL);
        killed += u32::from(running.finish().code() == 137);
        if sandbox.path(&name).exists() {
            let store = sandbox.store(&name);
            store.is_whole();
            if !store.columns("units").is_empty() {
                had_units += u32::from(store.number("SELECT count(*) FROM units") > 0);
            }
        }
        sandbox.load(&name, &[]);
        let store = sandbox.store(&name);
        store.is_whole();
        assert_same(&format!("killed after {moment:?}"), &store.dump(), &clean);
        drop(store);
        std::fs::remove_file(sandbox.path(&name)).expect("removed");
    }
    assert!(killed > KILLS / 2, "only {killed} were killed in time: the corpus is too small");
    assert!(had_units > 2, "only {had_units} had units: the moments are not spread");
    assert!(duration > Duration::from_millis(100), "{duration:?}");
}

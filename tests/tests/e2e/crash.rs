//! `kill -9` at any moment, then the same command again.

use std::time::{Duration, Instant};

use astload_tests::{Dice, Sandbox, corpus};
use rustix::process::Signal;

const KILLS: u32 = 50;

/// How long the shorter of two loads takes.
fn duration(sandbox: &Sandbox) -> Duration {
    let timed = ["first.db", "clean.db"].map(|store| {
        let start = Instant::now();
        sandbox.load(store, &[]);
        start.elapsed()
    });
    timed[0].min(timed[1])
}

#[test]
fn a_load_that_was_killed_is_completed_by_the_next_one() {
    let sandbox = Sandbox::new();
    // Several transactions: the lane joins what is small.
    corpus::fill(&sandbox, 40, 60);
    let mut duration = duration(&sandbox);
    let mut dice = Dice::seeded(9);
    let (mut killed, mut had_units) = (0, 0);
    for kill in 0..KILLS {
        let name = format!("{kill}.db");
        let url = format!("sqlite:{name}");
        // The moments are spread over the whole load, each at random within its part.
        let part = duration / KILLS;
        let moment = part * kill + part.mul_f64(dice.below(1_000) as f64 / 1_000.0);
        let begun = Instant::now();
        let mut running = sandbox.start(&["load", "repo", "--quiet", "--to", &url]);
        running.wait(moment);
        let lasted = begun.elapsed();
        running.signal(Signal::KILL);
        let is_killed = running.finish().code() == 137;
        let mut has_units = false;
        if sandbox.path(&name).exists() {
            let store = sandbox.store(&name);
            store.is_whole();
            has_units = !store.columns("units").is_empty()
                && store.number("SELECT count(*) FROM units LIMIT 1") > 0;
        }
        killed += u32::from(is_killed);
        had_units += u32::from(has_units);
        // The machine has more time for it, or less, than when it was measured.
        if !is_killed {
            duration = duration.min(lasted);
        } else if !has_units && moment > duration.mul_f64(0.7) {
            duration = duration.mul_f64(1.3);
        }
        sandbox.load(&name, &[]);
        sandbox.store(&name).is_whole();
        let what = format!("killed after {moment:?} of {duration:?}");
        sandbox.store(&name).equals(&what, &sandbox.path("clean.db"));
        std::fs::remove_file(sandbox.path(&name)).expect("removed");
    }
    assert!(killed > KILLS / 2, "only {killed} were killed in time of {duration:?}");
    assert!(had_units > 2, "only {had_units} had units: the moments are not spread");
}

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
        match running.finish().code() {
            137 => killed += 1,
            // The machine had more time for it than for the one that was measured.
            _ => duration = duration.min(lasted),
        }
        if sandbox.path(&name).exists() {
            let store = sandbox.store(&name);
            store.is_whole();
            let has_units = "SELECT count(*) FROM units LIMIT 1";
            had_units +=
                u32::from(!store.columns("units").is_empty() && store.number(has_units) > 0);
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

//! Units whose content follows from their id and generation, through backends that fail in every way
//! that is known, under a schedule that a seed decides. Afterwards every unit is in every backend
//! that wants it, in its newest version, or that version is among the backend's dead letters; and
//! every repository is recorded in every backend as it was sent last.
//!
//! A seed makes the same schedule each time. What threads do between two steps of it, reading and
//! writing files, is not the seed's: where a failure hides, the same seed a hundred times shows it.
//!
//! `ASTLOAD_ORACLE_SEEDS` chooses: `500` for the first five hundred, `17..18` for number 17 alone,
//! `17..18*100` for the same a hundred times.

mod durable;
mod plan;
mod stores;
mod temporary;
mod verdict;
mod weather;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use plan::{Drive, Plan};

const SWITCH: &str = "ASTLOAD_ORACLE_SEEDS";

/// Which seeds are tried, and how often each.
struct Seeds {
    range: Range<u64>,
    times: u64,
}

impl Seeds {
    fn chosen() -> Self {
        match std::env::var(SWITCH) {
            Err(_) => Self { range: 0..200, times: 1 },
            Ok(text) => Self::parse(&text)
                .unwrap_or_else(|| panic!("{SWITCH}={text} is no N, A..B or A..B*TIMES")),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (seeds, times) = text.split_once('*').unwrap_or((text, "1"));
        let (from, to) = seeds.split_once("..").unwrap_or(("0", seeds));
        Some(Self { range: from.parse().ok()?..to.parse().ok()?, times: times.parse().ok()? })
    }

    fn each(&self) -> impl Iterator<Item = u64> {
        self.range.clone().flat_map(|seed| (0..self.times).map(move |_| seed))
    }
}

/// Runs a seed's schedule; what is wrong afterwards.
fn run(seed: u64) -> Result<(), String> {
    let plan = Plan::of(seed);
    let wrong = match &plan.drive {
        Drive::Temporary { stop_after } => temporary::run(&plan, *stop_after),
        Drive::Durable { crashes } => durable::run(&plan, crashes),
    };
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n{plan}", wrong.join("\n"))),
    }
}

/// The same, and a panic is as wrong as any other end.
fn try_seed(seed: u64) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied());
        Err(format!("it panicked: {}", said.unwrap_or("without a word")))
    })
}

#[test]
fn every_unit_is_where_it_belongs_once_in_its_newest_version_whatever_backends_do() {
    let chosen = Seeds::chosen();
    let (left, failed) = (Mutex::new(chosen.each()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(seed) = left.lock().expect("no panic").next() else { return };
                    if let Err(wrong) = try_seed(seed) {
                        failed.lock().expect("no panic").push((seed, wrong));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    let Some((seed, wrong)) = failed.first() else { return };
    let all: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    let again = format!("{SWITCH}={seed}..{} cargo test -p astload --test oracle", seed + 1);
    panic!(
        "{} runs failed, of the seeds {all:?}; seed {seed}:\n{wrong}\nto repeat it: {again}",
        all.len()
    );
}

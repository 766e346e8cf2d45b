//! Whether a store and its dead letters are as the plan asks.

use std::collections::BTreeMap;

use astload_backends::{Backend, RepoState};
use astload_fixtures::backends::Memory;
use astload_model::{Batch, Op, UnitId, canonical_hash};
use astload_pipeline::letters::DeadLetters;
use futures::FutureExt;

use crate::plan::{Plan, UNITS_OF, Version};
use crate::stores::{Stores, name_of};
use crate::weather::Law;

/// What is wrong with a lane's store and letters, now that the lane says that it has done all.
pub(crate) fn wrong_with(plan: &Plan, stores: &Stores, lane: usize) -> Vec<String> {
    let found = Found::of(&stores.memories[lane], stores, lane);
    let mut wanted: BTreeMap<UnitId, Vec<Version>> = BTreeMap::new();
    for version in plan.wanted_by(lane) {
        wanted.entry(version.id()).or_default().push(version);
    }
    let court = Court { plan, law: plan.lanes[lane].law, found: &found };
    let mut wrong = Vec::new();
    for (id, versions) in &wanted {
        wrong.extend(court.judge(*id, versions));
    }
    let strange =
        found.stored.keys().chain(found.letters.keys()).filter(|id| !wanted.contains_key(id));
    wrong.extend(strange.map(|id| format!("unit {id} is there, which it did not want")));
    wrong.extend(wrong_repos(plan, &stores.memories[lane]));
    wrong.into_iter().map(|wrong| format!("lane {lane}: {wrong}")).collect()
}

/// What is wrong with the repositories that were recorded.
fn wrong_repos(plan: &Plan, memory: &Memory) -> Vec<String> {
    let repos = memory.reader().and_then(|reader| reader.repos().now_or_never());
    let repos = repos.expect("memory answers at once").expect("it reads");
    let mut found: BTreeMap<_, _> =
        repos.into_iter().map(|repo| (repo.repo.clone(), repo)).collect();
    let mut wrong = Vec::new();
    for (name, right) in plan.repos() {
        let is_right = |found: &RepoState| {
            // Units raise a generation, and are counted.
            let has_units = found.units > 0 || found.generation > right.generation;
            let bare = RepoState { units: 0, generation: right.generation, ..found.clone() };
            bare == right
                && found.generation >= right.generation
                && (!has_units || name == UNITS_OF)
        };
        match found.remove(&name) {
            Some(found) if is_right(&found) => {}
            found => wrong.push(format!("{name} is recorded as {found:?}, not as {right:?}")),
        }
    }
    // It is there for its units alone.
    found.remove(UNITS_OF);
    wrong.extend(found.into_keys().map(|name| format!("{name} is there, which nobody sent")));
    wrong
}

/// What a lane left: generations and canonical hashes.
struct Found {
    stored: BTreeMap<UnitId, (u64, [u8; 32])>,
    letters: BTreeMap<UnitId, Letter>,
}

struct Letter {
    generation: u64,
    op: Op,
    hash: [u8; 32],
}

impl Found {
    fn of(memory: &Memory, stores: &Stores, lane: usize) -> Self {
        let dead = DeadLetters::within(stores.letters.path().into());
        let listing = dead.list().expect("a folder");
        assert_eq!(listing.broken, []);
        let mine = listing.letters.iter().filter(|stored| stored.letter.backend == name_of(lane));
        let letters = mine.map(|stored| {
            let batch = dead.unit(stored).expect("it reads");
            let (generation, op) = (stored.letter.generation, batch.unit(0).op());
            (stored.letter.unit(), Letter { generation, op, hash: hash(&batch) })
        });
        Self { stored: memory.kept(), letters: letters.collect() }
    }
}

/// Judges the units of one lane.
struct Court<'a> {
    plan: &'a Plan,
    law: Law,
    found: &'a Found,
}

impl Court<'_> {
    /// What is wrong with a unit of which these versions were wanted, the newest last.
    fn judge(&self, id: UnitId, versions: &[Version]) -> Option<String> {
        let newest = versions.last()?;
        let unit = format!("unit {} at {}", newest.unit, newest.generation);
        let stored = self.found.stored.get(&id);
        let letter = self.found.letters.get(&id);
        if let Some(wrong) = self.is_made_up(versions) {
            return Some(format!("{unit}: {wrong}"));
        }
        if self.refuses(newest) {
            return match letter {
                Some(letter) if letter.generation == newest.generation => None,
                Some(letter) => {
                    Some(format!("{unit} is refused, its letter is of {}", letter.generation))
                }
                None => Some(format!("{unit} is refused, and there is no letter")),
            };
        }
        match (stored, newest.is_delete) {
            (Some((generation, _)), false) if *generation == newest.generation => {}
            (None, true) => {}
            (Some((generation, _)), true) => {
                return Some(format!("{unit} is deleted, and there at {generation}"));
            }
            (Some((generation, _)), false) => {
                return Some(format!("{unit} is there at {generation}"));
            }
            (None, false) => return Some(format!("{unit} is not there")),
        }
        let letter = letter?;
        let refused = versions.iter().find(|version| version.generation == letter.generation)?;
        // A version that came late has its letter, though nobody needs it.
        let is_late = self.plan.last_sent(refused) > self.plan.last_sent(newest);
        (!is_late).then(|| format!("{unit} is there, and a letter of {}", letter.generation))
    }

    /// Whether what is stored or refused is no version that was wanted, and is taken or refused.
    fn is_made_up(&self, versions: &[Version]) -> Option<String> {
        let of = |generation: u64| versions.iter().find(|version| version.generation == generation);
        if let Some((generation, found)) = self.found.stored.get(&versions[0].id()) {
            let version =
                of(*generation).filter(|version| !self.refuses(version) && !version.is_delete);
            if version.is_none_or(|version| hash(&version.batch()) != *found) {
                return Some(format!("what is stored at {generation} was never sent like that"));
            }
        }
        let letter = self.found.letters.get(&versions[0].id())?;
        let version = of(letter.generation).filter(|version| self.refuses(version));
        let is_same = version.is_some_and(|version| {
            version.op() == letter.op && hash(&version.batch()) == letter.hash
        });
        (!is_same)
            .then(|| format!("the letter of {} was never refused like that", letter.generation))
    }

    fn refuses(&self, version: &Version) -> bool {
        self.law.refuses(version.id(), version.generation)
    }
}

fn hash(batch: &Batch) -> [u8; 32] {
    canonical_hash(&batch.unit(0))
}

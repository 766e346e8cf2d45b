//! Rule 11 of the model: what a store holds depends on the versions that it was given, not on their
//! order, on how they were cut into batches, on replays, or on crashes between them.

use std::collections::BTreeMap;

use astload_fixtures::units::{UnitValue, any_unit, batch_of};
use astload_model::{Op, UnitId, canonical_hash};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::store::{Comparable, Store};

/// Few names and generations, so that versions meet.
const PATHS: usize = 4;
const GENERATIONS: u64 = 4;

/// Versions of a few units, some deletes.
fn versions() -> impl Strategy<Value = Vec<UnitValue>> {
    let version =
        (any_unit(), 0..PATHS, 1..=GENERATIONS).prop_map(|(unit, path, generation)| UnitValue {
            repo: "r".into(),
            path: format!("p{path}"),
            layer: "ast".into(),
            generation: Some(generation),
            ..unit
        });
    vec(version, 1..14)
}

fn id(unit: &UnitValue) -> UnitId {
    UnitId::of(&unit.repo, &unit.path, &unit.layer)
}

/// The version of each unit that must be left: the newest; of equals a delete, then the one with
/// the greatest hash.
fn expected(versions: &[UnitValue]) -> BTreeMap<UnitId, (u64, Comparable)> {
    type Rank = (u64, bool, [u8; 32]);
    let mut winners: BTreeMap<UnitId, (Rank, &UnitValue)> = BTreeMap::new();
    for version in versions {
        let batch = batch_of(std::slice::from_ref(version));
        let hash = canonical_hash(&batch.unit(0));
        let is_delete = version.op == Op::Delete.code();
        let rank = (version.generation.unwrap_or(0), is_delete, hash);
        let winner = winners.entry(id(version)).or_insert((rank, version));
        if rank > winner.0 {
            *winner = (rank, version);
        }
    }
    let left = winners.into_iter().filter(|(_, ((_, is_delete, _), _))| !is_delete);
    left.map(|(id, ((generation, ..), unit))| (id, (generation, Comparable::of(unit.clone()))))
        .collect()
}

/// Cuts versions into batches at random; one batch names a unit once.
fn cut(versions: &[UnitValue], cuts: &[Index]) -> Vec<Vec<UnitValue>> {
    let mut batches: Vec<Vec<UnitValue>> = vec![Vec::new()];
    let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(versions.len())).collect();
    for (at, version) in versions.iter().enumerate() {
        let last = batches.last().expect("there is one");
        if cuts.contains(&at) || last.iter().any(|unit| id(unit) == id(version)) {
            batches.push(Vec::new());
        }
        batches.last_mut().expect("there is one").push(version.clone());
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_held_depends_on_the_versions_alone(
        versions in versions(),
        order in any::<u64>(),
        cuts in vec(any::<Index>(), 0..6),
        replays in vec(any::<Index>(), 0..4),
        settles in vec(any::<Index>(), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let expected = expected(&versions);
        let mut shuffled = versions.clone();
        shuffle(&mut shuffled, order);
        let late = replays.iter().map(|replay| versions[replay.index(versions.len())].clone());
        shuffled.extend(late);
        let held = runtime.block_on(async {
            let store = Store::new().await;
            let batches = cut(&shuffled, &cuts);
            let settles: Vec<usize> = settles.iter().map(|at| at.index(batches.len())).collect();
            for (at, batch) in batches.iter().enumerate() {
                store.write(batch).await;
                if settles.contains(&at) {
                    store.backend.settle().await.expect("settled");
                }
            }
            store.held().await
        });
        prop_assert_eq!(held, expected);
    }
}

/// The same shuffle for the same seed.
fn shuffle(units: &mut [UnitValue], mut seed: u64) {
    for at in (1..units.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        units.swap(at, (seed >> 33) as usize % (at + 1));
    }
}

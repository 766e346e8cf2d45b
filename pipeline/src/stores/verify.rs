//! Whether two stores hold the same: by the canonical rows of every unit, as read from both.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use astload_backends::{Error, RowCounts, StoredUnit, UnitFilter};
use astload_model::{Batch, Selection, UnitId, UnitName, canonical_hash};
use futures::StreamExt;

use super::difference;
use super::side::{Side, parts};
use crate::source::directory::SourceProgress;

/// Parts that are read and compared at the same time: while one is hashed, the next is read.
const AT_ONCE: usize = 2;

/// What came of comparing two stores.
#[derive(Debug, Default)]
pub struct Verified {
    /// Units that both hold alike.
    pub same: u64,
    /// Repositories of the units that were compared, or are in one store alone.
    pub repos: BTreeSet<String>,
    /// Their layers.
    pub layers: BTreeSet<String>,
    /// Rows of the units that were compared, as the first store has them; a symbol counts in each.
    pub rows: RowCounts,
    /// Units that they do not, by name.
    pub differing: Vec<Difference>,
}

/// A unit that two stores do not hold alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The unit.
    pub unit: UnitName,
    /// How they differ.
    pub kind: Kind,
}

/// How two stores differ in a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Only the first has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
    /// Both have it, with other rows; where the first difference is.
    Content(String),
}

/// Compares what both of two stores are meant to hold: the units, and of their nodes those, that both
/// select. Generations may differ. `progress` is told how many units there are and are compared.
///
/// # Errors
/// Where one of them cannot be read.
pub async fn verify(
    first: &Side,
    second: &Side,
    filter: &UnitFilter,
    progress: &SourceProgress,
) -> Result<Verified, Error> {
    let (left, right) = tokio::try_join!(first.units(filter), second.units(filter))?;
    let (left, right) = (wanted(left, &second.selection), wanted(right, &first.selection));
    let mut verified = Verified::default();
    for UnitName { repo, layer, .. } in left.iter().chain(&right).map(|unit| &unit.name) {
        // As a rule it is known already.
        if !verified.repos.contains(repo) {
            verified.repos.insert(repo.clone());
        }
        if !verified.layers.contains(layer) {
            verified.layers.insert(layer.clone());
        }
    }
    let there: HashMap<UnitId, &StoredUnit> = right.iter().map(|unit| (unit.id, unit)).collect();
    let (both, only): (Vec<StoredUnit>, Vec<StoredUnit>) =
        left.iter().cloned().partition(|unit| there.contains_key(&unit.id));
    let alone = |kind: Kind| {
        move |unit: &StoredUnit| Difference { unit: unit.name.clone(), kind: kind.clone() }
    };
    verified.differing.extend(only.iter().map(alone(Kind::OnlyFirst)));
    let here: HashMap<UnitId, ()> = both.iter().map(|unit| (unit.id, ())).collect();
    let missing = right.iter().filter(|unit| !here.contains_key(&unit.id));
    verified.differing.extend(missing.map(alone(Kind::OnlySecond)));
    progress.found.store(both.len() as u64, Ordering::Relaxed);
    let compared = futures::stream::iter(parts(&both).map(|part| compare(first, second, part)));
    let mut compared = compared.buffered(AT_ONCE);
    while let Some(part) = compared.next().await {
        let Verified { same, rows, differing, .. } = part?;
        progress.done.fetch_add(same + differing.len() as u64, Ordering::Relaxed);
        progress.nodes.fetch_add(rows.nodes, Ordering::Relaxed);
        verified.same += same;
        verified.rows += rows;
        verified.differing.extend(differing);
    }
    let key = |unit: &UnitName| (unit.repo.clone(), unit.path.clone(), unit.layer.clone());
    verified.differing.sort_by_cached_key(|difference| key(&difference.unit));
    Ok(verified)
}

/// Those that the other store is meant to hold, too.
fn wanted(units: Vec<StoredUnit>, other: &Selection) -> Vec<StoredUnit> {
    let selects = |unit: &StoredUnit| {
        other.selects(&unit.name.repo, &unit.name.path, unit.language.as_deref())
    };
    units.into_iter().filter(selects).collect()
}

async fn compare(first: &Side, second: &Side, part: &[StoredUnit]) -> Result<Verified, Error> {
    let ids: Vec<UnitId> = part.iter().map(|unit| unit.id).collect();
    let (left, right) = tokio::try_join!(first.read(&ids), second.read(&ids))?;
    let names: Vec<(UnitId, UnitName)> =
        part.iter().map(|unit| (unit.id, unit.name.clone())).collect();
    let (narrow_left, narrow_right) = (second.selection.clone(), first.selection.clone());
    let comparing = tokio::task::spawn_blocking(move || {
        let full = |error| Error::unexpected(format!("comparing units: {error}"));
        let left = narrow_left.apply(&left).map_err(full)?;
        let right = narrow_right.apply(&right).map_err(full)?;
        Ok(compared(&names, &left, &right))
    });
    comparing.await.map_err(|error| Error::unexpected(format!("comparing died: {error}")))?
}

fn compared(names: &[(UnitId, UnitName)], left: &Batch, right: &Batch) -> Verified {
    let positions = |batch: &Batch| -> HashMap<UnitId, usize> {
        batch.units().enumerate().map(|(at, unit)| (unit.id(), at)).collect()
    };
    let (in_left, in_right) = (positions(left), positions(right));
    let mut verified = Verified::default();
    for (id, name) in names {
        let kind = match (in_left.get(id), in_right.get(id)) {
            // Both went away since they were listed.
            (None, None) => continue,
            (Some(_), None) => Kind::OnlyFirst,
            (None, Some(_)) => Kind::OnlySecond,
            (Some(&l), Some(&r)) => {
                let (one, other) = (left.unit(l), right.unit(r));
                verified.rows += RowCounts {
                    nodes: one.nodes().len() as u64,
                    edges: one.edges().len() as u64,
                    symbols: one.symbols().len() as u64,
                    vectors: one.vectors().len() as u64,
                };
                if canonical_hash(&one) == canonical_hash(&other) {
                    verified.same += 1;
                    continue;
                }
                Kind::Content(difference::first(&left.slice(l..l + 1), &right.slice(r..r + 1)))
            }
        };
        verified.differing.push(Difference { unit: name.clone(), kind });
    }
    verified
}

//! Which of two versions of a unit stays: clauses 3 to 5 of the contract, for every store alike.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use astload_model::{Batch, Op, Unit, UnitId, canonical_hash};

use crate::contract::Receipt;
use crate::error::{Error, Result};

/// What is to be done with a unit of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Change,
    /// The store is as the batch says already.
    Replay,
    Superseded,
    /// The same generation, maybe with other content: the greater hash stays, see [`of_tie`].
    Tie,
}

impl Verdict {
    /// Counts a unit; ties are broken by now.
    pub(crate) fn count(self, unit: &Unit<'_>, receipt: &mut Receipt) {
        let counter = match (self, unit.op()) {
            (Self::Superseded | Self::Tie, _) => &mut receipt.superseded,
            (Self::Change | Self::Replay, Op::Replace) => &mut receipt.written,
            (Self::Change | Self::Replay, Op::Delete) => &mut receipt.deleted,
        };
        *counter += 1;
    }
}

/// Of a unit, where the store has nothing of it or a version of this generation.
pub(crate) fn verdict(unit: &Unit<'_>, standing: Option<(u64, Held)>) -> Result<Verdict> {
    let Some(generation) = unit.generation() else {
        return Err(Error::unexpected(format!("unit {} has no generation", unit.name())));
    };
    let Some((standing, held)) = standing else { return Ok(Verdict::Change) };
    Ok(match (generation.cmp(&standing), unit.op(), held) {
        (Ordering::Greater, ..) | (Ordering::Equal, Op::Delete, Held::Rows) => Verdict::Change,
        (Ordering::Less, ..) | (Ordering::Equal, Op::Replace, Held::Tombstone) => {
            Verdict::Superseded
        }
        (Ordering::Equal, Op::Delete, Held::Tombstone) => Verdict::Replay,
        (Ordering::Equal, Op::Replace, Held::Rows) => Verdict::Tie,
    })
}

/// Why a unit is refused whose number is that of another one.
pub(crate) fn of_another(unit: &Unit<'_>, path: &str) -> String {
    format!("unit {} has the id {} of another, {path}", unit.name(), unit.id().as_i64())
}

/// Units of a batch that are to have one number, each with the one that comes first. Where the store
/// has none of that number, the first may have it.
pub(crate) struct Twins<'a> {
    batch: &'a Batch,
    firsts: HashMap<UnitId, usize>,
}

impl<'a> Twins<'a> {
    pub(crate) fn of(batch: &'a Batch) -> Self {
        Self { batch, firsts: batch.twins() }
    }

    /// Why a unit is refused of whose number the store has nothing.
    pub(crate) fn clash(&self, unit: &Unit<'_>) -> Option<String> {
        let first = self.firsts.get(&unit.id())?;
        Some(of_another(unit, self.batch.unit(*first).path()))
    }
}

/// Of units that were found by their numbers, those that were asked for, each once: another that was
/// asked for may have the number of one.
pub(crate) fn asked_for(found: Batch, ids: &[UnitId]) -> Batch {
    let mut asked: HashSet<&UnitId> = ids.iter().collect();
    let is_asked = |(at, unit): (usize, Unit<'_>)| asked.remove(&unit.id()).then_some(at);
    let positions: Vec<usize> = found.units().enumerate().filter_map(is_asked).collect();
    found.take(&positions)
}

/// What a store has of a unit that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Rows,
    Tombstone,
}

/// Of a tie, by the hash of what the store has.
pub(crate) fn of_tie(unit: &Unit<'_>, stored: Option<[u8; 32]>) -> Verdict {
    match stored.cmp(&Some(canonical_hash(unit))) {
        Ordering::Equal => Verdict::Replay,
        Ordering::Less => Verdict::Change,
        Ordering::Greater => Verdict::Superseded,
    }
}

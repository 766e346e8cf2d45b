//! Writes a batch: one transaction, each unit replaced or deleted as a whole.
//!
//! Writers meet at the nodes of units, which they lock in the order of their ids before they look at
//! them, and at symbols, which they touch in the order of theirs.

use std::collections::HashMap;
use std::time::Duration;

use astload_model::{Batch, Unit, UnitId, canonical_hash};
use neo4rs::Query;

use super::connect::Tx;
use super::rows::Rows;
use super::units::{self, Lock};
use super::value::{int, list, text};
use super::{Store, VERSION_GONE};
use crate::contract::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::verdict::{Held, Twins, Verdict, of_another, of_tie, verdict};

const WHAT: &str = "writing a batch";

/// Makes sure that each unit has its node, locks it, and says what it is. A node that was made now has
/// nothing but its id. What is read after the lock is what the last writer left; a node that a collector
/// of garbage took away meanwhile has nothing at all, and the server does not mind.
const STANDING: &str = "
UNWIND $ids AS id
MERGE (unit:{Unit} {unit_id: id})
SET unit.writing = true
RETURN ['unit', id, unit.writing, unit.generation, unit.deleted, unit.repo, unit.path, unit.layer] AS row
UNION ALL
UNWIND $repos AS named
MATCH (repo:{Repo} {repo: named[0], layer: named[1]})
WHERE repo.written_at > datetime() - duration('PT10S')
RETURN ['repo', repo.repo, repo.layer, repo.generation] AS row
UNION ALL
MATCH (store:{AstloadStore} {prefix: '{prefix}'})
RETURN ['store', store.version] AS row";

/// A unit as it stands in the store.
struct Standing {
    generation: u64,
    held: Held,
    repo: String,
    path: String,
    layer: String,
}

/// What the store has before a batch is written.
struct Found {
    units: HashMap<i64, Standing>,
    /// Of repositories that were written a moment ago: to write it each time would have all writers
    /// of a repository wait for each other.
    generations: HashMap<(String, String), u64>,
}

impl Store {
    pub(super) async fn write(&self, batch: &Batch) -> Result<Receipt> {
        let attempt = async |tx: &mut Tx| self.attempt(tx, batch).await;
        match self.connections.transact(WHAT, attempt).await {
            Err(error) if error.overloaded && batch.len() > 1 => {
                Err(Error::new(ErrorKind::TooLarge, error.message.clone()).with_source(error))
            }
            done => done,
        }
    }

    async fn attempt(&self, tx: &mut Tx, batch: &Batch) -> Result<Receipt> {
        let repos = repos_of(batch);
        let found = self.found(tx, batch, &repos).await?;
        let judged = self.judge(tx, batch, &found).await?;
        if judged.accepted.is_empty() {
            tx.abandon();
            return Ok(judged.receipt);
        }
        if !judged.standing.is_empty() {
            self.clear(tx, &judged.standing).await?;
        }
        let repos: Vec<_> = repos
            .into_iter()
            .filter(|((repo, layer), generation)| {
                let known = found.generations.get(&((*repo).to_owned(), (*layer).to_owned()));
                known.is_none_or(|known| known < generation)
            })
            .collect();
        let rows = Rows {
            names: &self.names,
            batch,
            accepted: &judged.accepted,
            untouched: &judged.untouched,
            selection: self.selection,
            repos: &repos,
        };
        let mut receipt = judged.receipt;
        receipt.rows = rows.write(tx, WHAT).await?;
        Ok(receipt)
    }

    async fn found(&self, tx: &mut Tx, batch: &Batch, repos: &Repos<'_>) -> Result<Found> {
        let mut ids: Vec<i64> = batch.units().map(|unit| unit.id().as_i64()).collect();
        ids.sort_unstable();
        let named = repos.keys().map(|(repo, layer)| list(vec![text(repo), text(layer)]));
        let query = Query::new(self.names.cypher(STANDING))
            .param("ids", list(ids.into_iter().map(int).collect()))
            .param("repos", list(named.collect()));
        let mut found = Found { units: HashMap::new(), generations: HashMap::new() };
        let mut is_there = false;
        for mut row in tx.rows(query, WHAT).await? {
            match row.word().as_str() {
                "unit" => {
                    let id = row.int().unwrap_or_default();
                    if !row.bool() {
                        return Err(taken_away());
                    }
                    let Some(generation) = row.int() else { continue };
                    let held = if row.bool() { Held::Tombstone } else { Held::Rows };
                    let (repo, path, layer) = (row.word(), row.word(), row.word());
                    let generation = generation as u64;
                    found.units.insert(id, Standing { generation, held, repo, path, layer });
                }
                "repo" => {
                    found.generations.insert((row.word(), row.word()), row.number());
                }
                _ => is_there = true,
            }
        }
        if !is_there {
            return Err(Error::misconfigured(format!("{WHAT}: {VERSION_GONE}"))
                .with_hint("somebody dropped it; `astload schema apply` makes it anew"));
        }
        Ok(found)
    }

    /// Clauses 3 to 5 and 8 of the contract.
    async fn judge(&self, tx: &mut Tx, batch: &Batch, found: &Found) -> Result<Judged> {
        let twins = Twins::of(batch);
        let mut verdicts = Vec::with_capacity(batch.len());
        let mut rejected = Vec::new();
        for unit in batch.units() {
            let standing = found.units.get(&unit.id().as_i64());
            let reason = match standing {
                Some(standing) => clash(&unit, standing),
                None => twins.clash(&unit),
            };
            if let Some(reason) = reason {
                rejected.push((unit.id(), reason));
            }
            let known = standing.map(|standing| (standing.generation, standing.held));
            verdicts.push(verdict(&unit, known)?);
        }
        if !rejected.is_empty() {
            return Err(Error::refused(rejected));
        }
        self.break_ties(tx, batch, &mut verdicts).await?;
        let mut judged = Judged::default();
        for (at, (unit, verdict)) in batch.units().zip(verdicts).enumerate() {
            verdict.count(&unit, &mut judged.receipt);
            let id = unit.id().as_i64();
            if verdict != Verdict::Change {
                judged.untouched.push(id);
                continue;
            }
            judged.accepted.push(at);
            if found.units.get(&id).is_some_and(|standing| standing.held == Held::Rows) {
                judged.standing.push(id);
            }
        }
        Ok(judged)
    }

    async fn break_ties(&self, tx: &mut Tx, batch: &Batch, verdicts: &mut [Verdict]) -> Result<()> {
        let is_tie = |(_, verdict): &(usize, &Verdict)| **verdict == Verdict::Tie;
        let tied: Vec<usize> =
            verdicts.iter().enumerate().filter(is_tie).map(|(at, _)| at).collect();
        if tied.is_empty() {
            return Ok(());
        }
        let ids: Vec<UnitId> = tied.iter().map(|&at| batch.unit(at).id()).collect();
        let stored = units::units(tx, &self.names, &ids, Lock::Held).await?;
        let stored: HashMap<UnitId, [u8; 32]> =
            stored.units().map(|unit| (unit.id(), canonical_hash(&unit))).collect();
        for at in tied {
            let unit = batch.unit(at);
            verdicts[at] = of_tie(&unit, stored.get(&unit.id()).copied());
        }
        Ok(())
    }

    /// Leaves of units that have rows nothing but their nodes, in the order of their ids.
    pub(super) async fn clear(&self, tx: &mut Tx, ids: &[i64]) -> Result<()> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let query = Query::new(self.names.cypher(CLEAR))
            .param("ids", list(ids.into_iter().map(int).collect()));
        tx.run(query, WHAT).await.map(drop)
    }
}

/// A unit's own node stays, for it is what writers meet at; all that it has and is goes.
const CLEAR: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
CALL (unit) {
  MATCH (unit)-[:HAS_CHILD*0..]->(node)
  WITH DISTINCT node
  MATCH (node)-[:HAS_VECTOR]->(vector)
  DETACH DELETE vector
}
CALL (unit) {
  MATCH (unit)-[:HAS_CHILD*1..]->(node)
  WITH DISTINCT node
  DETACH DELETE node
}
CALL (unit) {
  MATCH (unit)-[edge]->()
  DELETE edge
}
WITH unit, [label IN labels(unit) WHERE label <> '{Unit}'] AS labels
REMOVE unit:$(labels)";

/// The greatest generation of each (repository, layer) in a batch.
pub(super) type Repos<'a> = std::collections::BTreeMap<(&'a str, &'a str), u64>;

fn repos_of(batch: &Batch) -> Repos<'_> {
    let mut greatest = Repos::new();
    for unit in batch.units() {
        let known = greatest.entry((unit.repo(), unit.layer())).or_default();
        *known = unit.generation().unwrap_or_default().max(*known);
    }
    greatest
}

/// A unit's node went before it was locked. The next time it is made.
fn taken_away() -> Error {
    Error::transient(format!("{WHAT}: garbage is collected at the same time"))
        .with_retry_after(Duration::ZERO)
}

/// What becomes of a batch's units.
#[derive(Default)]
struct Judged {
    /// Positions of those that are changed.
    accepted: Vec<usize>,
    /// Ids of those of them that have rows in the store.
    standing: Vec<i64>,
    /// Ids of those that stay as they are.
    untouched: Vec<i64>,
    receipt: Receipt,
}

/// Why the unit's id is not its own here.
fn clash(unit: &Unit<'_>, standing: &Standing) -> Option<String> {
    let same = standing.path == unit.path()
        && standing.repo == unit.repo()
        && standing.layer == unit.layer();
    (!same).then(|| of_another(unit, &standing.path))
}

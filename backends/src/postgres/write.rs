//! Writes a batch: one transaction, each unit replaced or deleted as a whole.
//!
//! Writers lock what they share in one order (units by id, symbols by id, repositories, counts of kinds), so
//! none waits for one who waits for it. Whoever collects garbage waits for all of them, and they for it.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;

use astload_model::{Batch, Op, SymbolId, Unit, UnitId, canonical_hash};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::classify::Attempt;
use super::connect::{Lease, Tx};
use super::found::{Found, RepoGeneration, Standing, repos_of};
use super::kinds::KindChanges;
use super::names::Names;
use super::rows::Rows;
use super::uuid::Uuid;
use super::words::{Translated, learn};
use super::{Store, units};
use crate::contract::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::verdict::{Twins, Verdict, of_another, of_tie, verdict};

const WHAT: &str = "writing a batch";

/// Attempts before it is said that others are in the way.
const ATTEMPTS: usize = 5;

/// Symbols in one statement.
const SYMBOLS_AT_ONCE: usize = 16_384;

/// What came of an attempt.
enum Attempted {
    Done(Receipt),
    /// What was known of the store does not hold any more.
    Stale,
    /// Units are to be replaced, and there is no index that finds their rows.
    Bare,
}

impl Store {
    pub(super) async fn write(self: &Arc<Self>, batch: &Batch) -> Result<Receipt> {
        let mut met = None;
        for _ in 0..ATTEMPTS {
            let mut lease = self.connections.lease().await?;
            let attempted = self.attempt(&mut lease, batch).await;
            lease.give_back();
            match attempted {
                Ok(Attempted::Done(receipt)) => return Ok(receipt),
                Ok(Attempted::Stale) => {}
                Ok(Attempted::Bare) => match self.build_indexes().await {
                    // Then it is slow, for a role that may do no better.
                    Err(error) if error.kind == ErrorKind::Misconfigured => {}
                    built => built?,
                },
                // What they wrote is seen the next time.
                Err(error) if self.is_meeting(&error) => met = Some(error),
                Err(error) => {
                    self.known().forget();
                    return Err(error);
                }
            }
        }
        let error = Error::transient("other loaders write the same units all the time");
        Err(match met {
            Some(met) => error.with_source(met),
            None => error,
        })
    }

    /// Whether another writer added a unit of ours at the same time.
    fn is_meeting(&self, error: &Error) -> bool {
        let cause =
            StdError::source(error).and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>());
        let said = cause.and_then(tokio_postgres::Error::as_db_error);
        said.is_some_and(|said| {
            *said.code() == SqlState::UNIQUE_VIOLATION
                && said.table().is_some_and(|table| table == self.unit_table)
        })
    }

    async fn attempt(&self, lease: &mut Lease<'_>, batch: &Batch) -> Result<Attempted> {
        self.known().trim();
        let words = self.translate(lease, batch).await?;
        let numbers = self.numbers(lease, batch.len()).await?;
        let tx = lease.begin(WHAT).await?;
        let ids: Vec<i64> = batch.units().map(|unit| unit.id().as_i64()).collect();
        let repos = repos_of(batch, &words);
        let found = self.found(&tx, &ids, &repos).await?;
        if !self.known().holds_in(found.epoch) {
            return Ok(Attempted::Stale);
        }
        let write = Write { store: self, tx: &tx, batch, words: &words };
        let Some(judged) = write.judge(&found).await? else { return Ok(Attempted::Bare) };
        let accepted = numbered(batch, &judged.accepted, numbers);
        let mut kinds = write.remove(&judged).await?;
        let symbols = write.symbols_of(&accepted);
        let added = write.add_symbols(&symbols).await?;
        let (names, selection) = (&self.names, self.selection);
        let rows = Rows { tx: &tx, names, words: &words, batch, accepted: &accepted, selection };
        let mut receipt = judged.receipt;
        receipt.rows = rows.write().await?;
        receipt.rows.symbols = added;
        rows.count_kinds(&mut kinds);
        write.put_repos(&found.without_known_generations(repos)).await?;
        kinds.write(&tx, names, WHAT).await?;
        tx.commit(WHAT).await?;
        self.known().add_symbols(symbols.into_iter().map(|(id, _)| id));
        Ok(Attempted::Done(receipt))
    }

    async fn translate(&self, lease: &mut Lease<'_>, batch: &Batch) -> Result<Translated> {
        loop {
            let missing = match self.known().translate(batch) {
                Ok(words) => return Ok(words),
                Err(missing) => missing,
            };
            let learned = learn(lease, &self.names, &missing).await?;
            self.known().add_words(learned);
        }
    }

    async fn numbers(&self, lease: &mut Lease<'_>, count: usize) -> Result<Vec<i64>> {
        loop {
            let lacking = match self.known().take_numbers(count) {
                Ok(numbers) => return Ok(numbers),
                Err(lacking) => lacking as i64,
            };
            let tx = lease.begin(WHAT).await?;
            let sequence = self.names.of("unit_number");
            let sql = "SELECT nextval($1::text::regclass) FROM generate_series(1, $2::bigint)";
            let given = tx
                .transaction
                .query_typed(sql, &[(&sequence, Type::TEXT), (&lacking, Type::INT8)])
                .await
                .attempt(WHAT)?;
            tx.commit(WHAT).await?;
            let mut known = self.known();
            given.iter().for_each(|row| known.add_numbers(row.get(0)));
        }
    }
}

/// What becomes of a batch's units.
struct Judged {
    /// Positions of those that are changed.
    accepted: Vec<usize>,
    /// Ids of rows that make way, and numbers of those that have rows of their own.
    ids: Vec<i64>,
    numbers: Vec<i64>,
    receipt: Receipt,
}

fn numbered(batch: &Batch, accepted: &[usize], numbers: Vec<i64>) -> Vec<(usize, Option<i64>)> {
    let of = |(&at, number)| (at, (batch.unit(at).op() == Op::Replace).then_some(number));
    accepted.iter().zip(numbers).map(of).collect()
}

/// One batch on its way into one transaction.
struct Write<'a> {
    store: &'a Store,
    tx: &'a Tx<'a>,
    batch: &'a Batch,
    words: &'a Translated,
}

impl Write<'_> {
    /// Clauses 3 to 5 and 8 of the contract; `None` where an index has to be built first.
    async fn judge(&self, found: &Found) -> Result<Option<Judged>> {
        let twins = Twins::of(self.batch);
        let mut verdicts = Vec::with_capacity(self.batch.len());
        let mut rejected = Vec::new();
        for unit in self.batch.units() {
            let standing = found.units.get(&unit.id().as_i64());
            let reason = match standing {
                Some(standing) => self.clash(&unit, standing),
                None => twins.clash(&unit),
            };
            if let Some(reason) = reason {
                rejected.push((unit.id(), reason));
            }
            let known = standing.map(|standing| (standing.generation, standing.held()));
            verdicts.push(verdict(&unit, known)?);
        }
        if !rejected.is_empty() {
            return Err(Error::refused(rejected));
        }
        self.break_ties(&mut verdicts).await?;
        let mut judged = Judged {
            accepted: Vec::new(),
            ids: Vec::new(),
            numbers: Vec::new(),
            receipt: Receipt::default(),
        };
        for (at, (unit, verdict)) in self.batch.units().zip(verdicts).enumerate() {
            verdict.count(&unit, &mut judged.receipt);
            if verdict != Verdict::Change {
                continue;
            }
            judged.accepted.push(at);
            if let Some(standing) = found.units.get(&unit.id().as_i64()) {
                judged.ids.push(unit.id().as_i64());
                judged.numbers.extend(standing.number);
            }
        }
        let is_bare = !found.indexed && !judged.numbers.is_empty() && self.store.may_index();
        Ok((!is_bare).then_some(judged))
    }

    /// Why the unit's id is not its own here.
    fn clash(&self, unit: &Unit<'_>, standing: &Standing) -> Option<String> {
        let (columns, i) = (self.batch.unit_columns(), unit.row());
        let same = standing.path == unit.path()
            && standing.repo == self.words.repo[columns.repo.keys[i] as usize]
            && standing.layer == self.words.layer[columns.layer.keys[i] as usize];
        (!same).then(|| of_another(unit, &standing.path))
    }

    async fn break_ties(&self, verdicts: &mut [Verdict]) -> Result<()> {
        let is_tie = |(_, verdict): &(usize, &Verdict)| **verdict == Verdict::Tie;
        let tied: Vec<usize> =
            verdicts.iter().enumerate().filter(is_tie).map(|(at, _)| at).collect();
        if tied.is_empty() {
            return Ok(());
        }
        let ids: Vec<UnitId> = tied.iter().map(|&at| self.batch.unit(at).id()).collect();
        let stored = units::units(self.tx, &self.store.names, &ids).await?;
        let stored: HashMap<UnitId, [u8; 32]> =
            stored.units().map(|unit| (unit.id(), canonical_hash(&unit))).collect();
        for at in tied {
            let unit = self.batch.unit(at);
            verdicts[at] = of_tie(&unit, stored.get(&unit.id()).copied());
        }
        Ok(())
    }

    /// Removes the rows of the versions that make way.
    async fn remove(&self, judged: &Judged) -> Result<KindChanges> {
        remove(self.tx, &self.store.names, &judged.ids, &judged.numbers, WHAT).await
    }

    /// The symbols that these units mention and that may not be there, by id.
    fn symbols_of(&self, accepted: &[(usize, Option<i64>)]) -> Vec<(SymbolId, usize)> {
        let ids = self.batch.symbol_ids();
        let kept = accepted.iter().filter(|(_, number)| number.is_some());
        let rows = kept.flat_map(|&(at, _)| self.batch.unit(at).symbols());
        let mut lacking = self.store.known().lacking(rows.map(|row| (ids[row], row)));
        lacking.sort_unstable();
        lacking.dedup_by_key(|(id, _)| *id);
        lacking
    }

    /// Adds those that are not there; says how many.
    async fn add_symbols(&self, lacking: &[(SymbolId, usize)]) -> Result<u64> {
        if lacking.is_empty() {
            return Ok(0);
        }
        let sql = self.store.names.sql(
            "INSERT INTO {symbol} (symbol_id, symbol)
             SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING",
        );
        let insert = self.tx.prepare(&sql, WHAT).await?;
        let symbols = self.batch.symbols();
        let mut added = 0;
        for some in lacking.chunks(SYMBOLS_AT_ONCE) {
            let rows = || some.iter().map(|&(_, row)| row);
            let ids: Vec<Uuid> = some.iter().map(|(id, _)| Uuid(id.to_bytes())).collect();
            let keys: Vec<&str> = rows().map(|row| symbols.symbol.at(row)).collect();
            let values: [&(dyn ToSql + Sync); 2] = [&ids, &keys];
            added += self.tx.transaction.execute(&insert, &values).await.attempt(WHAT)?;
        }
        Ok(added)
    }

    async fn put_repos(&self, repos: &[RepoGeneration]) -> Result<()> {
        if repos.is_empty() {
            return Ok(());
        }
        let sql = self.store.names.sql(
            "INSERT INTO {repo} AS old (repo, layer, origin, generation, written_at)
             SELECT repo, layer, 'nobody', generation, now()
             FROM unnest($1::int[], $2::int[], $3::bigint[]) AS new (repo, layer, generation)
             ON CONFLICT (repo, layer) DO UPDATE
             SET generation = greatest(old.generation, excluded.generation), written_at = now()",
        );
        let put = self.tx.prepare(&sql, WHAT).await?;
        let names: Vec<i32> = repos.iter().map(|repo| repo.repo).collect();
        let layers: Vec<i32> = repos.iter().map(|repo| repo.layer).collect();
        let generations: Vec<i64> = repos.iter().map(|repo| repo.generation as i64).collect();
        let put = self.tx.transaction.execute(&put, &[&names, &layers, &generations]).await;
        put.attempt(WHAT).map(drop)
    }
}

/// Removes the rows of units by their ids, and those of their versions by number; says how many nodes of
/// each kind these were.
pub(super) async fn remove(
    tx: &Tx<'_>,
    names: &Names,
    ids: &[i64],
    numbers: &[i64],
    what: &str,
) -> Result<KindChanges> {
    let mut kinds = KindChanges::default();
    if !numbers.is_empty() {
        let sql = names.sql(
            "WITH gone AS (DELETE FROM {node} WHERE unit = ANY ($1) RETURNING kind)
             SELECT kind, count(*) FROM gone GROUP BY kind",
        );
        let delete = tx.prepare(&sql, what).await?;
        let gone = tx.transaction.query(&delete, &[&numbers]).await.attempt(what)?;
        gone.iter().for_each(|row| kinds.add(row.get(0), -row.get::<_, i64>(1)));
        for table in ["mention", "edge", "vector"] {
            let sql = names.sql(&format!("DELETE FROM {{{table}}} WHERE unit = ANY ($1)"));
            let delete = tx.prepare(&sql, what).await?;
            tx.transaction.execute(&delete, &[&numbers]).await.attempt(what)?;
        }
    }
    if !ids.is_empty() {
        let sql = names.sql("DELETE FROM {unit} WHERE unit_id = ANY ($1)");
        let delete = tx.prepare(&sql, what).await?;
        tx.transaction.execute(&delete, &[&ids]).await.attempt(what)?;
    }
    Ok(kinds)
}

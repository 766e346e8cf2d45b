//! Writes a batch: one transaction, each unit replaced or deleted as a whole.

use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use astload_model::{Batch, Op, Unit, canonical_hash};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::classify::Attempt;
use super::kinds::KindChanges;
use super::read;
use super::rows::Rows;
use super::schema::{INDEXES, MENTION_SYMBOL};
use super::words::Numbers;
use crate::contract::Receipt;
use crate::error::{Error, Result};
use crate::verdict::{Held, Twins, Verdict, of_another, of_tie, verdict};

/// The connection that writes, and what it remembers of the store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) connection: Connection,
    numbers: Numbers,
    /// Changes when another connection wrote.
    data_version: i64,
    /// Which file it is, by device and inode.
    file: Option<(u64, u64)>,
}

/// Which file has a connection's name now.
fn named_file(connection: &Connection) -> Option<(u64, u64)> {
    let found = std::fs::metadata(connection.path()?).ok()?;
    Some((found.dev(), found.ino()))
}

/// A unit as it stands in the store.
struct Standing {
    /// Its local number; `None` for a tombstone.
    number: Option<i64>,
    generation: u64,
    repo: i64,
    path: String,
    layer: i64,
}

impl Standing {
    fn held(&self) -> Held {
        self.number.map_or(Held::Tombstone, |_| Held::Rows)
    }
}

impl Store {
    pub(super) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        let file = named_file(&connection);
        Self { connection, numbers: Numbers::default(), data_version: -1, file }
    }

    pub(super) fn write_batch(&mut self, batch: &Batch, selection: Option<u64>) -> Result<Receipt> {
        self.transaction("writing a batch", |transaction, numbers| {
            let (receipt, kinds) = (Receipt::default(), KindChanges::default());
            Write { transaction, numbers, batch, selection, receipt, kinds }.run()
        })
    }

    /// Runs a change as one transaction; what was remembered is forgotten where it fails.
    pub(super) fn transaction<T>(
        &mut self,
        what: &str,
        change: impl FnOnce(&Transaction<'_>, &mut Numbers) -> Result<T>,
    ) -> Result<T> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.attempt(what)?;
        let version: i64 =
            transaction.pragma_query_value(None, "data_version", |row| row.get(0)).attempt(what)?;
        if version != self.data_version {
            self.numbers.forget();
            self.data_version = version;
        }
        let changed = change(&transaction, &mut self.numbers);
        let done = changed.and_then(|value| transaction.commit().attempt(what).map(|()| value));
        if done.is_err() {
            self.numbers.forget();
        }
        done
    }

    pub(super) fn settle(&mut self) -> Result<()> {
        if named_file(&self.connection) != self.file {
            let message = "settling: the store's file was removed or replaced while it was open";
            return Err(Error::misconfigured(message).with_hint("load again"));
        }
        for index in INDEXES {
            self.connection.execute_batch(index).attempt("building an index")?;
        }
        self.connection.execute_batch("PRAGMA optimize").attempt("analysing")?;
        self.checkpoint()
    }

    /// Moves the log into the file, as far as readers let it.
    fn checkpoint(&mut self) -> Result<()> {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(checkpoint, [], |_| Ok(())).attempt("checkpointing the log")
    }

    pub(super) fn close(self) -> Result<()> {
        self.connection.close().map_err(|(_, error)| error).attempt("closing the store")
    }
}

/// One batch on its way into one transaction.
struct Write<'a, 't> {
    transaction: &'a Transaction<'t>,
    numbers: &'a mut Numbers,
    batch: &'a Batch,
    selection: Option<u64>,
    receipt: Receipt,
    kinds: KindChanges,
}

const WHAT: &str = "writing a batch";

impl Write<'_, '_> {
    fn run(mut self) -> Result<Receipt> {
        let mut next = next_number(self.transaction).attempt(WHAT)?;
        let twins = Twins::of(self.batch);
        let mut rejected = Vec::new();
        // Units to be written, each with its new number.
        let mut accepted: Vec<(usize, i64)> = Vec::new();
        for (position, unit) in self.batch.units().enumerate() {
            let standing = self.standing(&unit)?;
            let reason = match &standing {
                Some(standing) => self.clash(&unit, standing)?,
                None => twins.clash(&unit),
            };
            if let Some(reason) = reason {
                rejected.push((unit.id(), reason));
                continue;
            }
            let verdict = self.verdict(&unit, standing.as_ref())?;
            verdict.count(&unit, &mut self.receipt);
            if verdict != Verdict::Change {
                continue;
            }
            self.remove(&unit, standing.as_ref())?;
            match unit.op() {
                Op::Delete => self.bury(&unit)?,
                Op::Replace => {
                    accepted.push((position, next));
                    next += 1;
                }
            }
        }
        if !rejected.is_empty() {
            return Err(Error::refused(rejected));
        }
        let rows = Rows {
            connection: self.transaction,
            numbers: self.numbers,
            batch: self.batch,
            accepted: &accepted,
            selection: self.selection,
            kinds: &mut self.kinds,
        };
        self.receipt.rows = rows.write().attempt(WHAT)?;
        self.kinds.write(self.transaction).attempt(WHAT)?;
        Ok(self.receipt)
    }

    fn standing(&self, unit: &Unit<'_>) -> Result<Option<Standing>> {
        let id = unit.id().as_i64();
        let found = self
            .transaction
            .prepare_cached(
                "SELECT number, generation, repo, path, layer FROM unit WHERE unit_id = ?1
                 UNION ALL
                 SELECT NULL, generation, repo, path, layer FROM tombstone WHERE unit_id = ?1",
            )
            .and_then(|mut select| {
                let standing = |row: &rusqlite::Row<'_>| {
                    Ok(Standing {
                        number: row.get(0)?,
                        generation: row.get::<_, i64>(1)? as u64,
                        repo: row.get(2)?,
                        path: row.get(3)?,
                        layer: row.get(4)?,
                    })
                };
                select.query_row([id], standing).optional()
            });
        found.attempt(WHAT)
    }

    /// Why the unit's id is not its own here.
    fn clash(&mut self, unit: &Unit<'_>, standing: &Standing) -> Result<Option<String>> {
        let same = standing.path == unit.path()
            && standing.repo == self.numbers.word(self.transaction, unit.repo()).attempt(WHAT)?
            && standing.layer == self.numbers.word(self.transaction, unit.layer()).attempt(WHAT)?;
        Ok((!same).then(|| of_another(unit, &standing.path)))
    }

    fn verdict(&self, unit: &Unit<'_>, standing: Option<&Standing>) -> Result<Verdict> {
        let known = standing.map(|standing| (standing.generation, standing.held()));
        let found = verdict(unit, known)?;
        if found != Verdict::Tie {
            return Ok(found);
        }
        let stored = read::units(self.transaction, &[unit.id()])?;
        Ok(of_tie(unit, stored.units().next().map(|stored| canonical_hash(&stored))))
    }

    /// Removes all rows of a unit, or its tombstone.
    fn remove(&mut self, unit: &Unit<'_>, standing: Option<&Standing>) -> Result<()> {
        match standing {
            None => Ok(()),
            Some(Standing { number: Some(number), .. }) => {
                remove_unit(self.transaction, *number, &mut self.kinds).attempt(WHAT)
            }
            Some(Standing { number: None, .. }) => self
                .transaction
                .prepare_cached("DELETE FROM tombstone WHERE unit_id = ?1")
                .and_then(|mut delete| delete.execute([unit.id().as_i64()]).map(drop))
                .attempt(WHAT),
        }
    }

    fn bury(&mut self, unit: &Unit<'_>) -> Result<()> {
        let repo = self.numbers.word(self.transaction, unit.repo()).attempt(WHAT)?;
        let layer = self.numbers.word(self.transaction, unit.layer()).attempt(WHAT)?;
        let generation = unit.generation().unwrap_or_default() as i64;
        self.transaction
            .prepare_cached(
                "INSERT INTO tombstone(unit_id, repo, path, layer, generation)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                insert.execute((unit.id().as_i64(), repo, unit.path(), layer, generation)).map(drop)
            })
            .attempt(WHAT)
    }
}

/// The number that the next unit gets. Numbers of units that are gone are not used again.
fn next_number(connection: &Connection) -> rusqlite::Result<i64> {
    let last = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'unit'")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(last.unwrap_or(0) + 1)
}

/// Removes a unit with all its rows.
pub(super) fn remove_unit(
    connection: &Connection,
    number: i64,
    kinds: &mut KindChanges,
) -> rusqlite::Result<()> {
    kinds.remove_unit(connection, number)?;
    let mut mentions = connection.prepare_cached("SELECT 1 FROM mention WHERE unit = ?1")?;
    if mentions.exists([number])? {
        // What others say of its symbols is looked for.
        connection.execute_batch(MENTION_SYMBOL)?;
    }
    for delete in [
        "DELETE FROM node WHERE unit = ?1",
        "DELETE FROM edge WHERE unit = ?1",
        "DELETE FROM vector WHERE unit = ?1",
        "DELETE FROM mention WHERE unit = ?1",
        "DELETE FROM unit WHERE number = ?1",
    ] {
        connection.prepare_cached(delete)?.execute([number])?;
    }
    Ok(())
}

/// Microseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

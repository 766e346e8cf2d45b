//! The best bare loop: ready rows, sixteen a statement, bound raw, a transaction a batch.

use std::path::Path;

use anyhow::Result;
use rusqlite::{CachedStatement, Connection, ToSql, TransactionBehavior};

use crate::ready::{EdgeReady, NodeReady, ReadyRows, SymbolReady, UnitReady};

/// Rows a statement.
const ROWS: usize = 16;

/// The statements of `settle` but for its indexes.
const SETTLE: [&str; 2] = ["PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"];

/// A store that is written by the bare loop.
#[derive(Debug)]
pub struct Bare {
    connection: Connection,
    indexes: Vec<String>,
}

impl Bare {
    /// Opens a store whose schema is there and whose tables are empty, with the pragmas of the lane.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path, indexes: &[String]) -> Result<Self> {
        let connection = Connection::open(path)?;
        for (pragma, value) in [
            ("synchronous", "NORMAL"),
            ("wal_autocheckpoint", "4000"),
            ("cache_size", "-32768"),
            ("threads", "2"),
        ] {
            connection.pragma_update(None, pragma, value)?;
        }
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection, indexes: indexes.to_vec() })
    }

    /// Writes a batch: what it replaces is deleted, all its rows are appended.
    ///
    /// # Errors
    /// Where SQLite says no.
    pub fn write(&mut self, rows: &ReadyRows<'_>) -> Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        delete(&transaction, &rows.replaced)?;
        for word in &rows.words {
            let insert = "INSERT INTO word(id, word) VALUES (?1, ?2)";
            transaction.prepare_cached(insert)?.execute((word.0, &word.1))?;
        }
        insert(&transaction, "node", 17, &rows.nodes, bind_node)?;
        insert(&transaction, "symbol(number, symbol_id, symbol)", 3, &rows.symbols, bind_symbol)?;
        insert(&transaction, "edge", 13, &rows.edges, bind_edge)?;
        insert(&transaction, "unit", 19, &rows.units, bind_unit)?;
        Ok(transaction.commit()?)
    }

    /// Builds the indexes and moves the log into the file, as the lane's `settle` does.
    ///
    /// # Errors
    /// Where SQLite says no.
    pub fn settle(&self) -> Result<()> {
        for index in &self.indexes {
            self.connection.execute_batch(index)?;
        }
        for statement in SETTLE {
            let mut prepared = self.connection.prepare(statement)?;
            let mut answer = prepared.query([])?;
            while answer.next()?.is_some() {}
        }
        Ok(())
    }
}

fn delete(connection: &Connection, units: &[i64]) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM node WHERE unit = ?1",
        "DELETE FROM edge WHERE unit = ?1",
        "DELETE FROM unit WHERE number = ?1",
    ] {
        let mut prepared = connection.prepare_cached(statement)?;
        for unit in units {
            prepared.execute([unit])?;
        }
    }
    Ok(())
}

/// Inserts all rows of a table, whose columns are bound from left to right.
fn insert<'c, R>(
    connection: &'c Connection,
    table: &str,
    columns: usize,
    rows: &[R],
    bind: impl Fn(&R, &mut Slots<'_, 'c>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let row = format!("({})", vec!["?"; columns].join(","));
    let many = vec![row.as_str(); ROWS].join(",");
    let mut many =
        connection.prepare_cached(&format!("INSERT OR ROLLBACK INTO {table} VALUES {many}"))?;
    let mut one =
        connection.prepare_cached(&format!("INSERT OR ROLLBACK INTO {table} VALUES {row}"))?;
    let chunks = rows.chunks_exact(ROWS);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut slots = Slots { statement: &mut many, next: 1 };
        for row in chunk {
            bind(row, &mut slots)?;
        }
        many.raw_execute()?;
    }
    for row in rest {
        bind(row, &mut Slots { statement: &mut one, next: 1 })?;
        one.raw_execute()?;
    }
    Ok(())
}

/// The parameters of a statement, bound from left to right.
struct Slots<'s, 'c> {
    statement: &'s mut CachedStatement<'c>,
    next: usize,
}

impl Slots<'_, '_> {
    #[inline]
    fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

fn bind_node(row: &NodeReady<'_>, to: &mut Slots<'_, '_>) -> rusqlite::Result<()> {
    to.bind(row.unit)?;
    to.bind(row.ord)?;
    to.bind(row.parent)?;
    to.bind(row.last)?;
    to.bind(row.label)?;
    to.bind(row.kind)?;
    to.bind(row.field)?;
    to.bind(row.name)?;
    to.bind(row.text)?;
    row.span.iter().try_for_each(|number| to.bind(number))?;
    to.bind(row.flags)?;
    to.bind(row.properties)
}

fn bind_symbol(row: &SymbolReady<'_>, to: &mut Slots<'_, '_>) -> rusqlite::Result<()> {
    to.bind(row.number)?;
    to.bind(row.id.as_slice())?;
    to.bind(row.symbol)
}

fn bind_edge(row: &EdgeReady<'_>, to: &mut Slots<'_, '_>) -> rusqlite::Result<()> {
    to.bind(row.unit)?;
    to.bind(row.position)?;
    to.bind(row.src)?;
    to.bind(row.kind)?;
    to.bind(row.dst_node)?;
    to.bind(row.dst_symbol)?;
    to.bind(row.ord)?;
    row.span.iter().try_for_each(|number| to.bind(number))?;
    to.bind(row.flags)?;
    to.bind(row.properties)
}

fn bind_unit(row: &UnitReady<'_>, to: &mut Slots<'_, '_>) -> rusqlite::Result<()> {
    let [repo, layer, extractor] = row.words;
    to.bind(row.number)?;
    to.bind(row.id)?;
    to.bind(repo)?;
    to.bind(row.path)?;
    to.bind(layer)?;
    to.bind(None::<&str>)?;
    to.bind(row.language)?;
    to.bind(row.content_hash.map(<[u8; 32]>::as_slice))?;
    to.bind(extractor)?;
    to.bind(None::<i64>)?;
    to.bind(row.generation)?;
    to.bind(row.size_bytes)?;
    to.bind(row.line_count)?;
    to.bind(0)?;
    to.bind(row.flags)?;
    to.bind(None::<&str>)?;
    row.counts.iter().try_for_each(|count| to.bind(count))
}

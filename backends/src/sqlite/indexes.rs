//! The optional indexes.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use super::Sqlite;
use super::classify::Attempt;
use super::write::Store;
use crate::error::Result;
use crate::indexes::{Indexes, OptionalIndex, named};

/// An index, and what is known of it before it is made.
struct Optional {
    name: &'static str,
    serves: &'static str,
    /// As SQLite knows it.
    index: &'static str,
    on: &'static str,
    /// What says how large it is; of each row, about what was measured.
    bytes: &'static str,
}

const OPTIONAL: [Optional; 2] = [
    Optional {
        name: "kind",
        serves: "nodes of a kind",
        index: "node_kind",
        on: "node(kind)",
        bytes: "SELECT 12 * sum(nodes) FROM unit",
    },
    Optional {
        name: "symbol",
        serves: "a symbol, or the edges to it, by its key",
        index: "symbol_key",
        on: "symbol(symbol)",
        bytes: "SELECT 48 * count(*) FROM symbol",
    },
];

impl Optional {
    fn named(name: &str) -> Result<&'static Self> {
        named(&OPTIONAL, |index| index.name, name)
    }

    fn look(&self, connection: &Connection) -> rusqlite::Result<OptionalIndex> {
        let there = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?1";
        let there = connection.query_row(there, [self.index], |_| Ok(())).optional()?;
        let bytes: Option<i64> = connection.query_row(self.bytes, [], |row| row.get(0))?;
        Ok(OptionalIndex {
            name: self.name.into(),
            serves: self.serves.into(),
            made: there.is_some(),
            bytes: bytes.unwrap_or(0) as u64,
        })
    }
}

#[async_trait]
impl Indexes for Sqlite {
    async fn optional_indexes(&self) -> Result<Vec<OptionalIndex>> {
        self.read(|connection| {
            let all = OPTIONAL.iter().map(|index| index.look(connection));
            all.collect::<rusqlite::Result<_>>().attempt("looking for indexes")
        })
        .await
    }

    async fn make_index(&self, name: &str) -> Result<()> {
        let index = Optional::named(name)?;
        let make = format!("CREATE INDEX IF NOT EXISTS {} ON {}", index.index, index.on);
        self.writer()?.call(move |store| store.change_indexes(&make)).await
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        let drop = format!("DROP INDEX IF EXISTS {}", Optional::named(name)?.index);
        self.writer()?.call(move |store| store.change_indexes(&drop)).await
    }
}

impl Store {
    /// One statement, all or nothing, that others who write wait for.
    fn change_indexes(&mut self, statement: &str) -> Result<()> {
        self.connection.execute_batch(statement).attempt("changing an index")?;
        self.settle()
    }
}

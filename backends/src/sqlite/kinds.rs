//! How many nodes there are of each kind. To count them would read the whole store, so a transaction
//! that adds or removes nodes changes the counts with them.

use std::collections::HashMap;

use rusqlite::Connection;

/// What a transaction changes of the counts, by the number of the kind's word.
#[derive(Debug, Default)]
pub(super) struct KindChanges(HashMap<i64, i64>);

impl KindChanges {
    /// Nodes of a kind are added.
    pub(super) fn add(&mut self, kind: i64, nodes: i64) {
        *self.0.entry(kind).or_default() += nodes;
    }

    /// The nodes of a unit, which are still there, are removed.
    pub(super) fn remove_unit(
        &mut self,
        connection: &Connection,
        number: i64,
    ) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached("SELECT kind FROM node WHERE unit = ?1")?;
        let mut rows = select.query([number])?;
        while let Some(row) = rows.next()? {
            self.add(row.get(0)?, -1);
        }
        Ok(())
    }

    /// Writes them, as part of the transaction.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut put = connection.prepare_cached(
            "INSERT INTO kind(kind, nodes) VALUES (?1, ?2)
             ON CONFLICT(kind) DO UPDATE SET nodes = nodes + ?2",
        )?;
        for change in self.0.into_iter().filter(|&(_, nodes)| nodes != 0) {
            put.execute(change)?;
        }
        Ok(())
    }
}

//! How far each lane is: kept with the journal, or, for a temporary one, only in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::frame::Seq;

const TABLE: TableDefinition<'_, &str, u64> = TableDefinition::new("cursors");

/// How far each lane is, by name: the number of the last frame that it is done with.
#[derive(Debug)]
pub(super) enum Cursors {
    /// Gone with the process.
    Memory,
    /// On a disk, and nobody else's while this process has them.
    Kept(Box<Database>),
}

impl Cursors {
    /// Opens the cursors of a journal, or begins them.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::Kept(Box::new(Database::create(path).map_err(io::Error::other)?)))
    }

    /// Whether another process has them open.
    pub(super) fn is_in_use(error: &io::Error) -> bool {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<redb::DatabaseError>());
        matches!(inner, Some(redb::DatabaseError::DatabaseAlreadyOpen))
    }

    pub(super) fn load(&self) -> io::Result<BTreeMap<String, Seq>> {
        let Self::Kept(database) = self else { return Ok(BTreeMap::new()) };
        let read = || -> Result<_, redb::Error> {
            let table = match database.begin_read()?.open_table(TABLE) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
                table => table?,
            };
            let entries = table.iter()?.map(|entry| {
                let (name, seq) = entry?;
                Ok((name.value().to_owned(), seq.value()))
            });
            entries.collect()
        };
        read().map_err(io::Error::other)
    }

    /// Keeps them; they survive a power cut when this returns.
    pub(super) fn save(&self, cursors: &BTreeMap<String, Seq>) -> io::Result<()> {
        let Self::Kept(database) = self else { return Ok(()) };
        let write = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(TABLE)?;
                table.retain(|name, _| cursors.contains_key(name))?;
                for (name, seq) in cursors {
                    table.insert(name.as_str(), seq)?;
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(io::Error::other)
    }
}

//! What is known of each lane: kept with the journal, or, for a temporary one, only in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, ReadableTable, TableDefinition,
    TableError,
};

use serde::Serialize;

use super::frame::Seq;

const TABLE: TableDefinition<'_, &str, (u64, u32, bool)> = TableDefinition::new("lanes");

/// What is kept of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cursor {
    /// The number of the last frame that it is done with.
    pub done: Seq,
    /// Which bit it has in the frames' indexes.
    pub index: u32,
    /// It held back more than it may, and was cut off: what came after this it has not got.
    pub detached: bool,
}

/// What is kept of the lanes, by name.
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

    /// Reads those of a journal, and changes nothing: `None` while another process has it open, or
    /// where its process died and nobody has opened it since.
    pub(super) fn peek(path: &Path) -> io::Result<Option<BTreeMap<String, Cursor>>> {
        match ReadOnlyDatabase::open(path) {
            Ok(database) => read(&database).map(Some),
            Err(DatabaseError::DatabaseAlreadyOpen | DatabaseError::RepairAborted) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Whether another process has them open.
    pub(super) fn is_in_use(error: &io::Error) -> bool {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<DatabaseError>());
        matches!(inner, Some(DatabaseError::DatabaseAlreadyOpen))
    }

    pub(super) fn load(&self) -> io::Result<BTreeMap<String, Cursor>> {
        match self {
            Self::Memory => Ok(BTreeMap::new()),
            Self::Kept(database) => read(database.as_ref()),
        }
    }

    /// Keeps them; they survive a power cut when this returns.
    pub(super) fn save(&self, cursors: &BTreeMap<String, Cursor>) -> io::Result<()> {
        let Self::Kept(database) = self else { return Ok(()) };
        let write = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(TABLE)?;
                table.retain(|name, _| cursors.contains_key(name))?;
                for (name, Cursor { done, index, detached }) in cursors {
                    table.insert(name.as_str(), (*done, *index, *detached))?;
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(io::Error::other)
    }
}

fn read(database: &impl ReadableDatabase) -> io::Result<BTreeMap<String, Cursor>> {
    let read = || -> Result<_, redb::Error> {
        let table = match database.begin_read()?.open_table(TABLE) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
            table => table?,
        };
        let entries = table.iter()?.map(|entry| {
            let (name, cursor) = entry?;
            let (done, index, detached) = cursor.value();
            Ok((name.value().to_owned(), Cursor { done, index, detached }))
        });
        entries.collect()
    };
    read().map_err(io::Error::other)
}

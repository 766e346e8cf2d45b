//! A place for stores that go away, and the backend under test in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use astload_backends::{Access, Backend, BackendConfig, Registry};
use astload_config::BackendUrl;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A directory that is removed at the end.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A new directory, below `place` or where temporary files go.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(place: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("astload-bench-");
        let folder = match place {
            Some(place) => builder.tempdir_in(place),
            None => builder.tempdir(),
        };
        Ok(Self { folder: folder.context("no place for stores")? })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in it where no store is, nor its log.
    ///
    /// # Errors
    /// Where an old one cannot be removed.
    pub fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).context("removing an old store");
                }
                _ => {}
            }
        }
        Ok(path)
    }
}

/// The SQLite backend, open for writing.
#[derive(Debug)]
pub struct Lane {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// The statements that its `settle` builds indexes with.
    pub indexes: Vec<String>,
}

impl Lane {
    /// Opens a store, and makes its schema.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self> {
        let url = BackendUrl::parse(&format!("sqlite:{}", path.display()))?;
        let registry = Registry::with_builtins();
        let factory = registry.for_url(&url)?;
        let options = factory.options_from_url(&url)?;
        let config = BackendConfig { options, access: Access::Write, selection: None };
        let backend = runtime.block_on(factory.connect(config))?;
        let admin = backend.admin().context("the store cannot be asked for its schema")?;
        let indexes = runtime.block_on(admin.plan_schema())?;
        Ok(Self { backend, indexes })
    }
}

/// What the tables of a store hold: counts and sums that two equal stores share.
///
/// # Errors
/// Where it cannot be read.
pub fn tree_of(path: &Path) -> Result<Vec<i64>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut sums = Vec::new();
    for query in [
        "SELECT count(*) FROM node",
        "SELECT sum(last) + sum(start_byte) + sum(length(text)) FROM node",
        "SELECT count(*) FROM symbol",
        "SELECT sum(length(symbol)) FROM symbol",
        "SELECT count(*) FROM edge",
        "SELECT sum(src) + sum(position) + sum(ord) FROM edge",
        "SELECT count(*) FROM unit",
        "SELECT sum(nodes) + sum(edges) FROM unit",
    ] {
        let sum: Option<i64> = connection.query_row(query, [], |row| row.get(0))?;
        sums.push(sum.unwrap_or_default());
    }
    Ok(sums)
}

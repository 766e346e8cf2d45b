//! SQLite, embedded: the default store.
//!
//! One thread owns the connection that writes; a batch is one transaction. Reads have a connection
//! of their own, so that they see what is committed and never wait for a write.

mod admin;
mod classify;
mod factory;
mod indexes;
mod kinds;
mod open;
mod options;
mod query;
mod read;
mod rows;
mod schema;
mod statements;
mod words;
mod write;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use astload_model::Batch;
use async_trait::async_trait;
use rusqlite::Connection;

use crate::contract::{
    Admin, Backend, BackendInfo, Capabilities, HealthReport, Query, Reader, Receipt,
};
use crate::error::{Error, Result};
use crate::factory::Access;
use crate::indexes::Indexes;
use classify::Attempt;
pub use factory::SqliteFactory;
pub use options::{Durability, SqliteOptions};
use writer::Writer;

/// What this type can.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    unit_atomicity: true,
    vectors: true,
    reader: true,
    admin: true,
    query: true,
    concurrency: 1,
};

/// About this many rows a transaction: fewer cost commits, more cost memory.
const PREFERRED_ROWS: usize = 32_768;

/// A store in one file.
#[derive(Debug)]
pub struct Sqlite {
    info: BackendInfo,
    access: Access,
    /// `None` where the store is open for reading alone.
    writer: Option<Writer>,
    reader: Arc<Mutex<Option<Connection>>>,
    selection: Option<u64>,
}

impl Sqlite {
    fn writer(&self) -> Result<&Writer> {
        self.access.check_write()?;
        self.dropper()
    }

    fn dropper(&self) -> Result<&Writer> {
        self.access.check_drop()?;
        self.writer.as_ref().ok_or_else(closed)
    }

    /// Runs a read on its connection, off the runtime's threads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let reader = self.reader.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
            read(connection.as_mut().ok_or_else(closed)?)
        });
        task.await.map_err(|error| Error::unexpected(format!("a read died: {error}")))?
    }
}

fn closed() -> Error {
    Error::misconfigured("the store is closed")
}

#[async_trait]
impl Backend for Sqlite {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        let (batch, selection) = (batch.clone(), self.selection);
        self.writer()?.call(move |store| store.write_batch(&batch, selection)).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        let start = Instant::now();
        let details = self
            .read(|connection| {
                let number = |pragma: &str| -> rusqlite::Result<i64> {
                    connection.pragma_query_value(None, pragma, |row| row.get(0))
                };
                let pages = number("page_count").attempt("health check")?;
                let size = number("page_size").attempt("health check")?;
                Ok(vec![("bytes".to_owned(), (pages * size).to_string())])
            })
            .await?;
        Ok(HealthReport { latency: start.elapsed(), details })
    }

    async fn settle(&self) -> Result<()> {
        self.writer()?.call(|store| store.settle()).await
    }

    async fn close(&self) -> Result<()> {
        // The last connection takes the log away, and one that only reads cannot.
        let reader = self.reader.clone();
        let close = move || drop(reader.lock().unwrap_or_else(PoisonError::into_inner).take());
        let closed = tokio::task::spawn_blocking(close).await;
        closed.map_err(|error| Error::unexpected(format!("closing died: {error}")))?;
        match &self.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(self)
    }

    fn query(&self) -> Option<&dyn Query> {
        Some(self)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Some(self)
    }
}

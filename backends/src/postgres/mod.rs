//! PostgreSQL, through its binary `COPY`.
//!
//! A batch is one transaction on a connection of a pool. The first load goes into bare tables, whose
//! indexes `settle` builds; from then on rows are appended to them. docs/stores/postgres.md has the
//! tables and why they are so.

mod admin;
mod classify;
mod connect;
mod conninfo;
mod copy;
mod factory;
mod found;
mod indexes;
mod kinds;
mod names;
mod open;
mod optional;
mod options;
mod passfile;
mod query;
mod read;
mod rows;
mod schema;
mod tls;
mod units;
mod uuid;
mod words;
mod write;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use astload_model::Batch;
use async_trait::async_trait;

use crate::contract::{
    Admin, Backend, BackendInfo, Capabilities, HealthReport, Query, Reader, Receipt,
};
use crate::error::{Error, Result};
use crate::factory::Access;
use crate::indexes::Indexes;
use connect::Connections;
pub use factory::PostgresFactory;
use indexes::Indexing;
use names::Names;
pub use options::{Durability, PostgresOptions};
use schema::Form;
use words::Known;

/// What this type can.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    unit_atomicity: true,
    vectors: true,
    reader: true,
    admin: true,
    query: true,
    concurrency: 2,
};

/// About this many rows a transaction: fewer cost round trips, more cost memory.
const PREFERRED_ROWS: usize = 65_536;

/// A store in a schema of a database.
#[derive(Debug)]
pub struct Postgres(Arc<Store>);

/// What the calls of a backend share.
#[derive(Debug)]
struct Store {
    info: BackendInfo,
    connections: Connections,
    names: Names,
    /// As the server names it in an error.
    unit_table: String,
    form: Form,
    access: Access,
    selection: Option<u64>,
    known: Mutex<Known>,
    /// Whether the role was told that it may not make indexes.
    cannot_index: AtomicBool,
    indexing: Indexing,
}

impl Store {
    /// What is known of the store. Held for no longer than it takes to look.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_index(&self) -> bool {
        !self.cannot_index.load(Ordering::Relaxed)
    }

    fn check_writable(&self) -> Result<()> {
        self.access.check_write()
    }
}

#[async_trait]
impl Backend for Postgres {
    fn info(&self) -> &BackendInfo {
        &self.0.info
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.0.check_writable()?;
        self.0.write(batch).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        let start = Instant::now();
        let question =
            "SELECT store.version, (SELECT count(*) FROM pg_stat_activity) FROM {store} AS store";
        let rows = self.0.ask("health check", question, &[]).await?;
        let latency = start.elapsed();
        let row = rows.first().ok_or_else(|| {
            Error::misconfigured("health check: the store's own row is gone")
                .with_hint("drop the schema and load again: `astload schema drop`")
        })?;
        let (version, sessions): (i32, i64) = (row.get(0), row.get(1));
        let details = vec![
            ("schema_version".to_owned(), version.to_string()),
            ("sessions".to_owned(), sessions.to_string()),
        ];
        Ok(HealthReport { latency, details })
    }

    async fn settle(&self) -> Result<()> {
        self.0.check_writable()?;
        self.0.build_indexes().await
    }

    async fn close(&self) -> Result<()> {
        self.0.connections.close();
        self.0.indexing.stop().await;
        Ok(())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(&*self.0)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(&*self.0)
    }

    fn query(&self) -> Option<&dyn Query> {
        Some(&*self.0)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Some(&*self.0)
    }
}

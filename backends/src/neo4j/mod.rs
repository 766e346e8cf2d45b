//! Neo4j, over Bolt.
//!
//! A batch is one transaction of a few statements, whose rows are lists. A unit and its root are one
//! node, which stays where the unit is replaced, and even where it is deleted: all writers of a unit
//! meet at it. docs/stores/neo4j.md has the graph and why it is so.

mod address;
mod admin;
mod classify;
mod connect;
mod factory;
mod names;
mod open;
mod options;
mod query;
mod questions;
mod read;
mod rows;
mod schema;
mod statements;
mod tls;
mod units;
mod value;
mod write;

use std::time::Instant;

use astload_model::Batch;
use async_trait::async_trait;
use neo4rs::Query as Cypher;

use crate::contract::{
    Admin, Backend, BackendInfo, Capabilities, HealthReport, Query, Reader, Receipt,
};
use crate::error::{Error, Result};
use crate::factory::Access;
use connect::Connections;
pub use factory::Neo4jFactory;
use names::Names;
pub use options::Neo4jOptions;

/// What this type can.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    unit_atomicity: true,
    vectors: true,
    reader: true,
    admin: true,
    query: true,
    concurrency: 1,
};

/// About this many rows a transaction: the server keeps all that a transaction changes in its heap.
const PREFERRED_ROWS: usize = 16_384;

/// Said where the store's own node is not found.
const VERSION_GONE: &str = "there is no store of this prefix in the database";

/// A store in a database.
#[derive(Debug)]
pub struct Neo4j(Store);

/// What the calls of a backend share.
#[derive(Debug)]
struct Store {
    info: BackendInfo,
    connections: Connections,
    names: Names,
    access: Access,
    selection: Option<u64>,
}

impl Store {
    fn check_writable(&self) -> Result<()> {
        self.access.check_write()
    }
}

#[async_trait]
impl Backend for Neo4j {
    fn info(&self) -> &BackendInfo {
        &self.0.info
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.0.check_writable()?;
        self.0.write(batch).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        let start = Instant::now();
        let question = "
            SHOW DATABASES YIELD name, access, role, currentStatus, home WHERE home
            RETURN [name, access, role, currentStatus] AS row";
        let rows = self.0.ask("health check", Cypher::new(question.into())).await?;
        let latency = start.elapsed();
        // Whoever only reads misses nothing but speed, and may want to know what is lacking.
        if self.0.access == Access::Write
            && let Some(rule) = self.0.lacking().await?.first()
        {
            let name = rule.full_name(&self.0.names);
            return Err(Error::misconfigured(format!("health check: the database lacks {name}"))
                .with_hint("`astload schema apply` makes it; until then writers may meet unseen"));
        }
        let mut details = vec![("version".to_owned(), self.0.info.version.clone())];
        if let Some(mut row) = rows.into_iter().next() {
            for key in ["database", "access", "role", "status"] {
                details.push((key.to_owned(), row.word()));
            }
        }
        Ok(HealthReport { latency, details })
    }

    /// Constraints and indexes are there before the first node: nothing was postponed.
    async fn settle(&self) -> Result<()> {
        self.0.check_writable()?;
        self.0.connections.check_open()
    }

    async fn close(&self) -> Result<()> {
        self.0.connections.close();
        Ok(())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(&self.0)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        Some(&self.0)
    }

    fn query(&self) -> Option<&dyn Query> {
        Some(&self.0)
    }
}

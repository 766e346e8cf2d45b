//! Elasticsearch and OpenSearch, through `_bulk`.
//!
//! A document for each node, symbol and unit. A version of a unit has documents of its own, and the
//! unit's document, written last, says which version counts. docs/stores/elasticsearch.md has the indices
//! and why they are so.

mod admin;
mod bulk;
mod classify;
mod client;
mod documents;
mod factory;
mod found;
mod gc;
mod health;
mod json;
mod known;
mod open;
mod options;
mod query;
mod read;
mod schema;
mod search;
mod units;
mod write;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use astload_model::Batch;
use async_trait::async_trait;

use crate::contract::{
    Admin, Backend, BackendInfo, Capabilities, HealthReport, Query, Reader, Receipt,
};
use crate::error::Result;
use crate::factory::Access;
use client::Client;
pub use factory::{ElasticsearchFactory, OpenSearchFactory};
use known::Known;
pub use options::ElasticOptions;
use schema::Names;

/// What these types can. Whoever searches may see documents of a version that does not count yet, or not
/// any more.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    unit_atomicity: false,
    vectors: true,
    reader: true,
    admin: true,
    query: true,
    concurrency: 2,
};

/// More gain nothing, and take more memory (`bench/README.md`).
const PREFERRED_ROWS: usize = 32_768;

/// Which of the two it is: they differ in a few names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Elasticsearch,
    OpenSearch,
}

impl Flavour {
    /// The type's name.
    fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::OpenSearch => "opensearch",
        }
    }
}

/// A store in a cluster.
#[derive(Debug)]
pub struct Elastic(Store);

/// What the calls of a backend share.
#[derive(Debug)]
struct Store {
    flavour: Flavour,
    info: BackendInfo,
    client: Client,
    names: Names,
    options: ElasticOptions,
    access: Access,
    selection: Option<u64>,
    route_by_repo: bool,
    known: Mutex<Known>,
}

impl Store {
    /// What is known of the store. Held for no longer than it takes to look.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_writable(&self) -> Result<()> {
        self.access.check_write()
    }
}

#[async_trait]
impl Backend for Elastic {
    fn info(&self) -> &BackendInfo {
        &self.0.info
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.0.check_writable()?;
        Box::pin(self.0.write(batch)).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        let start = Instant::now();
        let details = self.0.health().await?;
        Ok(HealthReport { latency: start.elapsed(), details })
    }

    async fn settle(&self) -> Result<()> {
        self.0.check_writable()?;
        self.0.settle().await
    }

    async fn close(&self) -> Result<()> {
        self.0.client.close();
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

//! A backend that its type counts for as long as it is open.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use astload_model::Batch;
use async_trait::async_trait;

use crate::contract::{Admin, Backend, BackendInfo, HealthReport, Query, Reader, Receipt};
use crate::error::Result;
use crate::indexes::Indexes;

/// The open backends of a type. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenCount(Arc<AtomicUsize>);

impl OpenCount {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }
}

/// Counts for as long as it lives.
#[derive(Debug)]
struct Held(OpenCount);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A backend that counts until it is closed or dropped.
#[derive(Debug)]
pub(super) struct Opened {
    backend: Arc<dyn Backend>,
    held: Mutex<Option<Held>>,
}

impl Opened {
    pub(super) fn new(backend: Arc<dyn Backend>, count: &OpenCount) -> Self {
        Self { backend, held: Mutex::new(Some(count.hold())) }
    }
}

#[async_trait]
impl Backend for Opened {
    fn info(&self) -> &BackendInfo {
        self.backend.info()
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.backend.write_batch(batch).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        self.backend.health_check().await
    }

    async fn settle(&self) -> Result<()> {
        self.backend.settle().await
    }

    /// One that did not close is still open.
    async fn close(&self) -> Result<()> {
        self.backend.close().await?;
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
        Ok(())
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.backend.reader()
    }

    fn admin(&self) -> Option<&dyn Admin> {
        self.backend.admin()
    }

    fn query(&self) -> Option<&dyn Query> {
        self.backend.query()
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        self.backend.indexes()
    }
}

//! A backend of which an account is kept: what changes its store, beside writes, is told to the
//! target `audit`, and nothing that it says of an error holds a secret.
//!
//! Every call passes here, those of the facets too, so that no caller has to remember it. Writes are
//! the guard's to tell, which knows of their attempts.

use std::fmt;
use std::sync::Arc;

use astload_config::Secrets;
use astload_model::{Batch, UnitId};
use async_trait::async_trait;
use tokio::time::Instant;

use crate::claim::RepoClaim;
use crate::contract::{
    Admin, Backend, BackendInfo, GcReport, HealthReport, Query, Reader, Receipt, Reference,
    RepoState, StoreSummary, StoredUnit, UnitFilter,
};
use crate::error::{Error, Result};
use crate::indexes::{Indexes, OptionalIndex};

/// What an event is about that is about the whole store.
const WHOLE: (Option<&str>, Option<&str>) = (None, None);

/// A backend of which an account is kept.
pub(super) struct Accounted {
    name: String,
    secrets: Secrets,
    backend: Arc<dyn Backend>,
}

impl Accounted {
    pub(super) fn new(name: &str, secrets: &Secrets, backend: Arc<dyn Backend>) -> Self {
        Self { name: name.to_owned(), secrets: secrets.clone(), backend }
    }

    fn clean<T>(&self, answer: Result<T>) -> Result<T> {
        answer.map_err(|error| error.without(&self.secrets))
    }

    /// What a call answers that may change the store, which is an event of this name.
    async fn told<T>(
        &self,
        event: &str,
        (repo, path): (Option<&str>, Option<&str>),
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let start = Instant::now();
        let answer = self.clean(call.await);
        let (backend, seconds) = (&self.name, start.elapsed().as_secs_f64());
        match &answer {
            Ok(_) => tracing::debug!(target: "audit", event, backend, repo, path, seconds),
            Err(error) => {
                tracing::debug!(target: "audit", event, backend, repo, path, seconds, %error);
            }
        }
        answer
    }

    fn the_reader(&self) -> Result<&dyn Reader> {
        self.backend.reader().ok_or_else(|| undeclared("reader"))
    }

    fn the_admin(&self) -> Result<&dyn Admin> {
        self.backend.admin().ok_or_else(|| undeclared("admin"))
    }

    fn the_query(&self) -> Result<&dyn Query> {
        self.backend.query().ok_or_else(|| undeclared("query"))
    }

    fn the_indexes(&self) -> Result<&dyn Indexes> {
        self.backend.indexes().ok_or_else(|| undeclared("indexes"))
    }
}

/// A facet that was there a moment ago.
fn undeclared(facet: &str) -> Error {
    Error::unexpected(format!("`{facet}` is there no more"))
}

/// What it is made of may hold secrets.
impl fmt::Debug for Accounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounted").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for Accounted {
    fn info(&self) -> &BackendInfo {
        self.backend.info()
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.clean(self.backend.write_batch(batch).await)
    }

    async fn health_check(&self) -> Result<HealthReport> {
        self.clean(self.backend.health_check().await)
    }

    async fn settle(&self) -> Result<()> {
        self.told("settle", WHOLE, self.backend.settle()).await
    }

    async fn close(&self) -> Result<()> {
        self.told("close", WHOLE, self.backend.close()).await
    }

    fn reader(&self) -> Option<&dyn Reader> {
        self.backend.reader().map(|_| self as &dyn Reader)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        self.backend.admin().map(|_| self as &dyn Admin)
    }

    fn query(&self) -> Option<&dyn Query> {
        self.backend.query().map(|_| self as &dyn Query)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        self.backend.indexes().map(|_| self as &dyn Indexes)
    }
}

#[async_trait]
impl Reader for Accounted {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        self.clean(self.the_reader()?.repos().await)
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        self.clean(self.the_reader()?.units(filter).await)
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        self.clean(self.the_reader()?.read_units(ids).await)
    }
}

#[async_trait]
impl Admin for Accounted {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        self.clean(self.the_admin()?.plan_schema().await)
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        self.told("drop_schema", WHOLE, self.the_admin()?.drop_schema()).await
    }

    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()> {
        let of = (Some(claim.repo.as_str()), None);
        self.told("claim_repo", of, self.the_admin()?.claim_repo(claim)).await
    }

    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        self.told("remove", (Some(repo), path), self.the_admin()?.remove(repo, path)).await
    }

    async fn gc(&self) -> Result<GcReport> {
        self.told("gc", WHOLE, self.the_admin()?.gc()).await
    }
}

#[async_trait]
impl Query for Accounted {
    async fn summary(&self, most: usize) -> Result<StoreSummary> {
        self.clean(self.the_query()?.summary(most).await)
    }

    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>> {
        self.clean(self.the_query()?.find(path).await)
    }

    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>> {
        self.clean(self.the_query()?.references(name, most).await)
    }
}

#[async_trait]
impl Indexes for Accounted {
    async fn optional_indexes(&self) -> Result<Vec<OptionalIndex>> {
        self.clean(self.the_indexes()?.optional_indexes().await)
    }

    async fn make_index(&self, name: &str) -> Result<()> {
        self.told("make_index", WHOLE, self.the_indexes()?.make_index(name)).await
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        self.told("drop_index", WHOLE, self.the_indexes()?.drop_index(name)).await
    }
}

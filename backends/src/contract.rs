//! What every backend has, and the facets that it may have.
//!
//! The clauses, which every backend is held to:
//!
//! 1. **A batch replaces every unit that it names**, with all its rows, or deletes it.
//! 2. **A unit is atomic**: its rows are seen all or none, and its row in `units` proves them. A
//!    backend that does not declare `unit_atomicity` may show nothing of a unit in between, but no
//!    part of it.
//! 3. **A write is idempotent**: the same batch again changes nothing.
//! 4. **An older generation never overwrites a newer one**: it is counted as superseded. Of equal
//!    generations the same content is a replay; else a delete wins, then the greater canonical hash.
//! 5. **A delete leaves a tombstone** with its generation until `gc`.
//! 6. **What returns is as durable as was configured**; what fails may have been written or not.
//! 7. **An error's kind tells the truth**: only what may succeed later is transient.
//! 8. **A refused error promises nothing** about the batch's other units; the caller sends them again.
//!    A unit whose id another one has is refused by name, never mixed with it.
//! 9. **`settle` may be repeated**, also after a crash in its middle.
//! 10. **`close` may be called twice**; after it, other calls fail.
//! 11. **A declared facet works, an undeclared one is `None`.**
//! 12. **Every column is kept as it was given**, up to the model's limits. A unit with vectors is
//!     refused by name where they are not declared.
//! 13. **A call may be dropped at any await**: its units are as before or as after, and the backend
//!     takes the next call.
//! 14. **Writers may run at the same time**, as many in a backend as it declares, and any number of
//!     backends over one store. Those that meet may fail as transient.
//! 15. **`connect` says which option is wrong, and no secret**: one that is unknown, missing or of another
//!     type is misconfigured and named; what the schema marks as secret (`writeOnly`) is told by no error
//!     and no `Debug`. What is open for reading alone makes and changes nothing.
//! 16. **After `close` nothing is left behind**: no task, thread, descriptor or memory.
//! 17. **A health check changes nothing**, and may run beside writes.
//! 18. **A repository belongs to who claimed it**: a claim is checked and recorded in one step, and of
//!     two that contradict each other one is refused. A write claims nothing; only `remove` ends a
//!     claim, and `gc` forgets neither a claim nor the greatest generation. What is recorded (root,
//!     remote, last load) is read back as it was claimed.
//!
//! `astload_fixtures::conformance` has a function for each, and runs them over any backend.

use std::fmt::Debug;
use std::time::Duration;

use astload_model::{Batch, UnitId, UnitName};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::claim::{LastLoad, RepoClaim};
use crate::error::Result;
use crate::indexes::Indexes;
pub use crate::summary::{
    Enclosing, KindCount, Language, Reference, RepoUnits, StoreSummary, SymbolCount,
};

/// A store that batches are written to.
#[async_trait]
pub trait Backend: Debug + Send + Sync + 'static {
    /// What it is and what it can.
    fn info(&self) -> &BackendInfo;

    /// Writes a batch, whose units all have a generation.
    async fn write_batch(&self, batch: &Batch) -> Result<Receipt>;

    /// Asks the store how it is. Cheap and free of side effects; may run beside writes.
    async fn health_check(&self) -> Result<HealthReport>;

    /// Builds what was postponed while rows came in: the load is complete for now.
    async fn settle(&self) -> Result<()>;

    /// Flushes and releases everything.
    async fn close(&self) -> Result<()>;

    /// Reads back what it holds.
    fn reader(&self) -> Option<&dyn Reader>;

    /// Manages repositories and the store itself.
    fn admin(&self) -> Option<&dyn Admin>;

    /// Answers the few questions of the command line.
    fn query(&self) -> Option<&dyn Query>;

    /// Makes and drops optional indexes; `None` for a type that has none.
    fn indexes(&self) -> Option<&dyn Indexes> {
        None
    }
}

/// Reads back what a backend holds.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Every (repository, layer) that it was told of or holds units of.
    async fn repos(&self) -> Result<Vec<RepoState>>;

    /// The units that a filter passes, without their rows, by repository, path and layer.
    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>>;

    /// These units with their rows; those that it does not hold are left out.
    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch>;
}

/// Manages repositories and the store itself.
#[async_trait]
pub trait Admin: Send + Sync {
    /// The statements that would bring the schema up to date; none where it is.
    async fn plan_schema(&self) -> Result<Vec<String>>;

    /// Drops what astload made, and nothing else; or nothing, where something of the user's needs it.
    /// Gives back what the user made beside it, as far as it is known to be there, and left.
    async fn drop_schema(&self) -> Result<Vec<String>>;

    /// Records who numbers a repository's generations, where it is read and what its last load was, as
    /// far as that is given; as [`RepoClaim::over`] says, checked and recorded in one step.
    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()>;

    /// Deletes the units at a path or below it, or all of a repository, which nobody has claimed from
    /// then on; leaves tombstones.
    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt>;

    /// Forgets tombstones and symbols that nothing refers to, and gives back their space where there
    /// is much of it. What a writer brings back meanwhile stays, and so does what is recorded of
    /// repositories.
    async fn gc(&self) -> Result<GcReport>;
}

/// Answers the few questions of the command line.
#[async_trait]
pub trait Query: Send + Sync {
    /// What is in the store; lists are cut to `most` entries.
    async fn summary(&self, most: usize) -> Result<StoreSummary>;

    /// The units whose path is this, or ends in it after a `/`.
    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>>;

    /// Where a name is defined and used: definitions first, by path and line.
    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>>;
}

/// What a backend is and what it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendInfo {
    /// The type that it was made by.
    pub type_name: String,
    /// The version of the store that answers.
    pub version: String,
    /// What it can.
    pub capabilities: Capabilities,
    /// Rows in a batch that suit it best.
    pub preferred_rows: usize,
}

/// What a backend can. What is not declared is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// A unit's rows are seen all or none.
    pub unit_atomicity: bool,
    /// Vectors are kept.
    pub vectors: bool,
    /// [`Reader`] is there.
    pub reader: bool,
    /// [`Admin`] is there.
    pub admin: bool,
    /// [`Query`] is there.
    pub query: bool,
    /// Batches that it takes at the same time.
    pub concurrency: usize,
}

/// Rows of each list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Symbols that were new to the store.
    pub symbols: u64,
    /// Vectors.
    pub vectors: u64,
}

impl std::ops::AddAssign for RowCounts {
    fn add_assign(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.edges += other.edges;
        self.symbols += other.symbols;
        self.vectors += other.vectors;
    }
}

/// What a write did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Units that are now as the batch said, replays included.
    pub written: u64,
    /// Units that are now gone, replays included.
    pub deleted: u64,
    /// Units that were left alone, for a newer generation was there.
    pub superseded: u64,
    /// Rows that were written.
    pub rows: RowCounts,
}

impl std::ops::AddAssign for Receipt {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.deleted += other.deleted;
        self.superseded += other.superseded;
        self.rows += other.rows;
    }
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// How long it took to answer.
    pub latency: Duration,
    /// What it says of itself: sizes, versions, limits.
    pub details: Vec<(String, String)>,
}

/// Who numbers the generations of a (repository, layer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// astload, by its clock.
    Ours,
    /// Whoever pushes the units.
    Upstream,
    /// Nobody yet: it was removed, or written to without a claim.
    Nobody,
}

/// A (repository, layer).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoState {
    /// The repository.
    pub repo: String,
    /// The layer.
    pub layer: String,
    /// Where it was read; deletes by absence need the same root again.
    pub root: Option<String>,
    /// The git remote that it has there, as host/org/name.
    pub remote: Option<String>,
    /// Who numbers its generations.
    pub origin: Origin,
    /// The greatest generation that was seen, of deletes too.
    pub generation: u64,
    /// The last load of it that came to its end.
    pub last_load: Option<LastLoad>,
    /// Units that it has.
    pub units: u64,
}

impl RepoState {
    /// One that nobody has claimed, and nothing is known of.
    pub fn unclaimed(repo: impl Into<String>, layer: impl Into<String>) -> Self {
        Self {
            repo: repo.into(),
            layer: layer.into(),
            root: None,
            remote: None,
            origin: Origin::Nobody,
            generation: 0,
            last_load: None,
            units: 0,
        }
    }

    /// Forgets who claimed it, and with that all but its greatest generation.
    pub fn end_claim(&mut self) {
        let (repo, layer) = (std::mem::take(&mut self.repo), std::mem::take(&mut self.layer));
        let (generation, units) = (self.generation, self.units);
        *self = Self { generation, units, ..Self::unclaimed(repo, layer) };
    }
}

/// Which units are asked for; what is absent passes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFilter {
    /// The repository.
    pub repo: Option<String>,
    /// The layer.
    pub layer: Option<String>,
}

/// A unit as a store knows it, without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUnit {
    /// Its id.
    pub id: UnitId,
    /// Its name.
    pub name: UnitName,
    /// Its generation.
    pub generation: u64,
    /// BLAKE3 of the file.
    pub content_hash: Option<[u8; 32]>,
    /// What read the file.
    pub extractor: String,
    /// The digest of the selection under which it was written.
    pub selection: Option<u64>,
    /// Its language.
    pub language: Option<String>,
    /// How many nodes it has.
    pub nodes: u64,
    /// The bytes of its file.
    pub size_bytes: Option<u64>,
}

/// What `gc` removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Tombstones.
    pub tombstones: u64,
    /// Symbols.
    pub symbols: u64,
    /// Bytes that were given back.
    pub bytes: u64,
}

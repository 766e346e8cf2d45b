//! The contract between astload and a store, the registry of types, and the built-in backends.
//!
//! A *type* (sqlite) is registered as a [`BackendFactory`]; a *backend* is what it connects.

mod builtin;
mod claim;
mod contract;
#[cfg(feature = "elastic")]
pub mod elastic;
mod error;
mod factory;
mod guard;
#[cfg(any(feature = "elastic", feature = "neo4j"))]
mod hex;
mod indexes;
#[cfg(feature = "neo4j")]
pub mod neo4j;
#[cfg(any(feature = "elastic", feature = "neo4j", feature = "postgres"))]
mod pem;
#[cfg(feature = "postgres")]
pub mod postgres;
mod registry;
mod schema_version;
pub mod sqlite;
mod summary;
mod twice;
mod verdict;

pub use claim::{Ended, LastLoad, OtherRoot, RepoClaim};
pub use contract::{
    Admin, Backend, BackendInfo, Capabilities, Enclosing, GcReport, HealthReport, KindCount,
    Language, Origin, Query, Reader, Receipt, Reference, RepoState, RepoUnits, RowCounts,
    StoreSummary, StoredUnit, SymbolCount, UnitFilter,
};
pub use error::{Effect, Error, ErrorKind, Result};
pub use factory::{Access, BackendConfig, BackendFactory, TypeInfo};
pub use guard::{GuardSettings, Guarded};
pub use indexes::{Indexes, OptionalIndex};
pub use registry::{
    Addressed, RegisteredType, Registry, RegistryError, RegistryEvent, Terms, TypeStatus,
};

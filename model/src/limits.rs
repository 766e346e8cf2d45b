//! The limits of the model, and why each stands where it stands.
//!
//! Everything that enters is held against them, so that no input can make a process allocate
//! without bound and no store meets a value that it cannot hold.

/// Longest path of a unit, in bytes: `PATH_MAX` of Linux.
pub const PATH_MAX: usize = 4 << 10;

/// Longest key of a symbol, in bytes. SCIP symbols of generated code reach 2 KiB.
pub const SYMBOL_MAX: usize = 8 << 10;

/// Longest name, kind or other dictionary word, in bytes: every store can index it.
pub const NAME_MAX: usize = 1 << 10;

/// Deepest nesting of a JSON `properties` value: `serde_json` refuses 128, other readers less.
pub const PROPERTIES_DEPTH_MAX: usize = 64;

/// Longest `properties` value, in bytes.
pub const PROPERTIES_MAX: usize = 1 << 20;

/// Deepest tree, in nodes. The deepest real file that was met has 947.
pub const TREE_DEPTH_MAX: usize = 10_000;

/// Greatest generation of a unit: stores have 63 bits.
pub const GENERATION_MAX: u64 = i64::MAX as u64;

/// Greatest generation that an upstream may give a unit. What it numbered may be removed and then be
/// numbered by astload, whose generations have to be greater: half of all are left for that.
pub const UPSTREAM_GENERATION_MAX: u64 = 1 << 62;

/// Most nodes of a unit. With 17 columns a node this is about one GiB.
pub const UNIT_NODES_MAX: usize = 16 << 20;

/// Most bytes of a unit, in memory. Arrow's offsets are `i32`, so a batch must stay below 2 GiB.
pub const UNIT_BYTES_MAX: usize = 1 << 30;

/// Most units of one batch. Nothing a unit need take a byte in an arrow batch, so a hostile one of
/// a few bytes could claim any number.
pub const BATCH_UNITS_MAX: usize = 1 << 20;

/// Most rows of one list in a batch, for the same reason: as many as fit into two units.
pub const BATCH_ROWS_MAX: usize = 2 * UNIT_NODES_MAX;

/// Most bytes of a batch, in memory: below the 2 GiB that arrow's offsets can address.
pub const BATCH_BYTES_MAX: usize = 1_900_000_000;

/// Most numbers in one vector: four times the widest embedding in common use.
pub const VECTOR_MAX: usize = 16 << 10;

/// A dictionary that has grown to this many words is succeeded by a new one; its keys are `u16`.
pub(crate) const DICTIONARY_FULL: usize = 32_000;

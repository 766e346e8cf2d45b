//! What a user configures.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of an SQLite backend.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteOptions {
    /// The database file. It is created where it is missing; its folder is not.
    #[schemars(regex(pattern = r"^[^\x00]+$"))]
    pub path: PathBuf,
    /// What survives a power cut.
    #[serde(default)]
    pub durability: Durability,
    /// How long a write waits for another writer's lock, in milliseconds.
    #[serde(default = "default_busy_timeout_ms")]
    #[schemars(range(max = 86_400_000))]
    pub busy_timeout_ms: u64,
}

impl SqliteOptions {
    pub(super) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(self.busy_timeout_ms)
    }
}

fn default_busy_timeout_ms() -> u64 {
    10_000
}

/// What survives a power cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A write that returned may be lost in a power cut, never in a crash; the store stays whole.
    #[default]
    Normal,
    /// A write that returned is on the disk.
    Full,
}

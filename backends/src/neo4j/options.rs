//! What a user configures.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Options of a Neo4j backend.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Neo4jOptions {
    /// The server: `bolt://host:7687`, `neo4j://host`, with `+s` for TLS and `+ssc` for TLS with any
    /// certificate. It may hold user, password and, as its path, the database.
    #[schemars(length(min = 1))]
    pub url: String,
    /// The user; without one here or in the URL, `neo4j`.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The database; without one here or in the URL, the user's own.
    #[serde(default)]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
    /// What the labels and the names of constraints and indexes of this store begin with, so that a
    /// database has room for several.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = r"^([A-Za-z][A-Za-z0-9_]*)?$"))]
    pub prefix: String,
    /// A file with the certificates of the authorities that are trusted; else those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// A file with our own certificate, for servers that ask for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// A file with its key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Batches that are written at the same time. More than one is worth it where the server has
    /// several cores; writers that meet at symbols wait for each other.
    #[serde(default = "default_connections")]
    #[schemars(range(min = 1, max = 64))]
    pub connections: u32,
    /// How long the server may take to answer once.
    #[serde(default = "default_timeout")]
    #[schemars(extend("format" = "human-duration"))]
    pub timeout: String,
}

impl Neo4jOptions {
    pub(super) fn timeout(&self) -> Duration {
        // The schema holds it to its format.
        humantime::parse_duration(&self.timeout).unwrap_or(Duration::from_secs(60))
    }
}

impl std::fmt::Debug for Neo4jOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password, too.
        f.debug_struct("Neo4jOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn default_connections() -> u32 {
    1
}

fn default_timeout() -> String {
    "60s".into()
}

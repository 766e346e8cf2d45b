//! What a user configures.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of a Postgres backend.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresOptions {
    /// The database, as libpq reads it: `postgres://user@host/db?sslmode=verify-full` or
    /// `host=… dbname=…`.
    #[schemars(length(min = 1))]
    pub url: String,
    /// The user; without one here or in the URL, who we are on this machine.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub user: Option<String>,
    /// The user's password; without one here or in the URL, that of `PGPASSWORD` or the password file.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The schema that the tables are in; it is made where it is missing.
    #[serde(default = "default_schema")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[^\x00]+$"))]
    pub schema: String,
    /// What the names of all tables and views begin with.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = r"^[^\x00]*$"))]
    pub prefix: String,
    /// The tablespace of new tables and indexes.
    #[serde(default)]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[^\x00]+$"))]
    pub tablespace: Option<String>,
    /// New tables of units, nodes, edges and vectors are not logged: quicker to load, not replicated,
    /// and empty after a crash of the server; then load again.
    #[serde(default)]
    pub unlogged: bool,
    /// Hash partitions of new tables of nodes and edges; 0 for none. Worth it past 50 million rows.
    #[serde(default)]
    #[schemars(range(max = 1024))]
    pub partitions: u32,
    /// What survives a crash of the server.
    #[serde(default)]
    pub durability: Durability,
    /// Connections, and batches that are written at the same time.
    #[serde(default = "default_connections")]
    #[schemars(range(min = 1, max = 64))]
    pub connections: u32,
    /// The server is behind PgBouncer, or another pooler, that pools transactions.
    #[serde(default)]
    pub pgbouncer: bool,
    /// How long one statement may take.
    #[serde(default = "default_statement_timeout")]
    #[schemars(extend("format" = "human-duration"))]
    pub statement_timeout: String,
    /// How long one statement waits for a lock of somebody else's.
    #[serde(default = "default_lock_timeout")]
    #[schemars(extend("format" = "human-duration"))]
    pub lock_timeout: String,
}

impl PostgresOptions {
    pub(super) fn statement_timeout(&self) -> Duration {
        duration(&self.statement_timeout)
    }

    pub(super) fn lock_timeout(&self) -> Duration {
        duration(&self.lock_timeout)
    }
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password, too.
        let Self { schema, prefix, .. } = self;
        let mut shown = f.debug_struct("PostgresOptions");
        shown.field("schema", schema).field("prefix", prefix).finish_non_exhaustive()
    }
}

/// The schema holds a duration to its format.
fn duration(text: &str) -> Duration {
    humantime::parse_duration(text).unwrap_or_default()
}

fn default_schema() -> String {
    "astload".into()
}

fn default_connections() -> u32 {
    2
}

fn default_statement_timeout() -> String {
    "5m".into()
}

fn default_lock_timeout() -> String {
    "10s".into()
}

/// What survives a crash of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A write that returned may be lost where the server crashes (`synchronous_commit = off`); what
    /// is there stays whole.
    Normal,
    /// A write that returned is on the server's disk.
    #[default]
    Full,
}

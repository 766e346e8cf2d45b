//! What a user configures.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// `gc` is never to take away what is being written at the same moment.
pub(super) const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(1);

/// Options of an Elasticsearch or OpenSearch backend.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticOptions {
    /// A node: `http://host:9200` or `https://host:9200`; it may hold user and password.
    #[schemars(length(min = 1))]
    pub url: String,
    /// Further nodes of the cluster, which are asked where that one cannot be reached.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// What the names of all indices begin with.
    #[serde(default = "default_prefix")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9][a-z0-9_.-]*$"))]
    pub prefix: String,
    /// The user.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
    /// An API key, encoded as the server gives it.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub api_key: Option<String>,
    /// A bearer token.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub token: Option<String>,
    /// A file with the certificates of the authorities that are trusted besides those that are known.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// How many shards the index of nodes gets when it is made.
    #[serde(default = "default_shards")]
    #[schemars(range(min = 1, max = 1024))]
    pub shards: u32,
    /// Replicas once the first load is done, as `index.auto_expand_replicas` has them.
    #[serde(default = "default_replicas")]
    #[schemars(regex(pattern = r"^[0-9]+-([0-9]+|all)$"))]
    pub replicas: String,
    /// How often what was written becomes visible to searches, once the first load is done.
    #[serde(default = "default_refresh")]
    #[schemars(regex(pattern = r"^(-1|[0-9]+(ms|s|m))$"))]
    pub refresh: String,
    /// The documents of a repository are on one shard, and a search of it asks that one alone.
    #[serde(default)]
    pub route_by_repo: bool,
    /// How old documents have to be that belong to no unit before `gc` takes them away: younger ones may
    /// be those of a batch that is being written. At least 1 s, and longer than a batch takes.
    #[serde(default = "default_leftover_age")]
    #[schemars(extend("format" = "human-duration"))]
    pub leftover_age: String,
    /// Batches that are written at the same time.
    #[serde(default = "default_connections")]
    #[schemars(range(min = 1, max = 64))]
    pub connections: u32,
    /// How long one request may take.
    #[serde(default = "default_timeout")]
    #[schemars(extend("format" = "human-duration"))]
    pub timeout: String,
}

impl ElasticOptions {
    pub(super) fn leftover_age(&self) -> Duration {
        humantime::parse_duration(&self.leftover_age).unwrap_or(Duration::from_secs(3600))
    }

    pub(super) fn timeout(&self) -> Duration {
        // The schema holds it to its format.
        humantime::parse_duration(&self.timeout).unwrap_or(Duration::from_secs(60))
    }
}

fn default_leftover_age() -> String {
    "1h".into()
}

impl std::fmt::Debug for ElasticOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URLs may hold passwords, too.
        f.debug_struct("ElasticOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn default_prefix() -> String {
    "astload".into()
}

fn default_shards() -> u32 {
    1
}

fn default_replicas() -> String {
    "0-1".into()
}

fn default_refresh() -> String {
    "5s".into()
}

fn default_connections() -> u32 {
    2
}

fn default_timeout() -> String {
    "60s".into()
}

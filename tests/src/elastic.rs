//! Stores in the Elasticsearch and OpenSearch servers that the launcher started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_fixtures::servers::folder_of;
use serde_json::Value;

static STORES: AtomicUsize = AtomicUsize::new(0);

/// Indices with a prefix of their own, which are deleted with this.
#[derive(Debug)]
pub struct ElasticStore {
    kind: &'static str,
    folder: PathBuf,
    prefix: String,
}

impl ElasticStore {
    /// One of each kind that nobody else uses; for want of a server, says what is skipped.
    pub fn of_each() -> Vec<Self> {
        ["elasticsearch", "opensearch"].into_iter().filter_map(Self::of).collect()
    }

    fn of(kind: &'static str) -> Option<Self> {
        Some(Self::at(kind, folder_of(kind)?))
    }

    /// One in the server of this kind whose folder this is.
    pub fn at(kind: &'static str, folder: PathBuf) -> Self {
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        Self { kind, folder, prefix: format!("e{}x{number}", std::process::id()) }
    }

    /// What the names of its indices begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Where the folder is not what the launcher makes.
    pub fn address(&self) -> String {
        let port = fs::read_to_string(self.folder.join("port")).expect("a port");
        format!("127.0.0.1:{}", port.trim())
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("{}+http://{}?prefix={}&leftover_age=1s", self.kind, self.address(), self.prefix)
    }

    /// Asks the server: a method, a path in which `astload` stands for the prefix, a body.
    ///
    /// # Panics
    /// Where curl does not run.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let url = format!("http://{}/{}", self.address(), path.replace("astload", &self.prefix));
        let called = Command::new("curl")
            .args(["-sS", "-X", method, "-H", "Content-Type: application/json", "--data", &body])
            .arg(url)
            .output()
            .expect("curl runs");
        serde_json::from_slice(&called.stdout).unwrap_or_default()
    }
}

impl Drop for ElasticStore {
    fn drop(&mut self) {
        for name in ["store", "units", "symbols", "nodes"] {
            self.ask("DELETE", &format!("astload-{name}-v3"), &Value::Null);
            self.ask("DELETE", &format!("_index_template/astload-{name}-v3"), &Value::Null);
        }
    }
}

//! The servers that the launcher started, and stores in them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_backends::elastic::{ElasticsearchFactory, OpenSearchFactory};
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Result};
pub(crate) use astload_fixtures::servers::Proxy;
use astload_fixtures::servers::{folder_of, port_of};
use serde_json::Value;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Elasticsearch,
    OpenSearch,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::OpenSearch => "opensearch",
        }
    }

    pub(crate) fn factory(self) -> Arc<dyn BackendFactory> {
        match self {
            Self::Elasticsearch => Arc::new(ElasticsearchFactory),
            Self::OpenSearch => Arc::new(OpenSearchFactory),
        }
    }
}

/// Both, for tests that are the same of either.
pub(crate) fn both() -> [Kind; 2] {
    [Kind::Elasticsearch, Kind::OpenSearch]
}

/// A real server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    folder: PathBuf,
}

/// Stores of this process.
static STORES: AtomicUsize = AtomicUsize::new(0);

impl Server {
    /// The one that the launcher started; without it, says that the test is skipped.
    pub(crate) fn started(kind: Kind) -> Option<Self> {
        folder_of(kind.name()).map(|folder| Self::at(kind, folder))
    }

    /// The server whose folder this is.
    pub(crate) fn at(kind: Kind, folder: PathBuf) -> Self {
        Self { kind, folder }
    }

    pub(crate) fn port(&self) -> u16 {
        port_of(&self.folder)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    /// A prefix that nobody else uses.
    pub(crate) fn prefix(&self) -> String {
        format!("t{}x{}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks it past the backend.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let called = Command::new("curl")
            .args(["-sS", "-X", method, "-H", "Content-Type: application/json", "--data", &body])
            .arg(format!("{}/{path}", self.url()))
            .stderr(Stdio::inherit())
            .output()
            .expect("curl runs");
        serde_json::from_slice(&called.stdout).unwrap_or_default()
    }

    pub(crate) async fn connect(&self, options: &Value) -> Result<Arc<dyn Backend>> {
        let options = options.clone();
        let config = BackendConfig { options, access: Access::Write, selection: None };
        self.kind.factory().connect(config).await
    }
}

/// Takes a store away when it is not needed any more.
pub(crate) struct Dropped {
    pub(crate) server: Server,
    pub(crate) prefix: String,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        for name in ["store", "units", "symbols", "nodes"] {
            let index = format!("{}-{name}-v3", self.prefix);
            self.server.ask("DELETE", &index, &Value::Null);
            self.server.ask("DELETE", &format!("_index_template/{index}"), &Value::Null);
        }
    }
}

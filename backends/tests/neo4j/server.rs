//! The server that the launcher started, and stores in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use astload_backends::neo4j::Neo4jFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Result};
use neo4rs::{ConfigBuilder, Graph, query};
use serde_json::Value;
use tokio::runtime::Handle;

/// The password that the launcher gives.
pub(crate) const PASSWORD: &str = "testpassword";

/// A real server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
}

/// Stores of this process.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// Prefixes of stores of which there are constraints and indexes at most.
static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Server {
    /// The one that `tests/services/run neo4j` started; without it, says that the test is skipped.
    pub(crate) fn started() -> Option<Self> {
        folder_of("neo4j").map(Self::at)
    }

    /// The server whose folder this is.
    pub(crate) fn at(folder: PathBuf) -> Self {
        let port = port_of(&folder);
        Self { folder, port }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What leads to it.
    pub(crate) fn url(&self) -> String {
        format!("bolt://neo4j:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    /// A prefix that nobody else uses now. The server takes a third of a second to plan statements
    /// with a new one.
    pub(crate) fn prefix(&self) -> String {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| {
            format!("T{}x{}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed))
        })
    }

    /// A driver of the test's own.
    pub(crate) fn driver(&self) -> Graph {
        let config = ConfigBuilder::new().uri(format!("bolt://127.0.0.1:{}", self.port));
        let config = config.user("neo4j").password(PASSWORD).max_connections(2);
        Graph::connect(config.build().expect("a configuration")).expect("a driver")
    }

    pub(crate) async fn execute(&self, statement: &str) {
        self.driver().run(query(statement)).await.expect("executed");
    }

    /// The one number that a question has for an answer, as `number`.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        let mut rows = self.driver().execute(query(question)).await.expect("asked");
        let row = rows.next().await.expect("answered").expect("a row");
        row.get("number").expect("a number")
    }
}

/// The port that a server of the launcher's listens on.
pub(crate) fn port_of(folder: &Path) -> u16 {
    let port = fs::read_to_string(folder.join("port")).expect("the server's port");
    port.trim().parse().expect("a port")
}

/// The folder of a server that the launcher started; else says that the test is skipped.
pub(crate) fn folder_of(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(format!("ASTLOAD_TEST_{}", name.to_uppercase()));
    if folder.is_none() {
        skipped(&format!("there is no {name}: tests/services/run neo4j {name} -- cargo test …"));
    }
    folder.map(PathBuf::from)
}

/// Takes what a store holds away when it is not needed any more.
pub(crate) struct Dropped {
    pub(crate) server: Server,
    pub(crate) prefix: String,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let Self { server, prefix } = self;
        let emptying = async {
            let driver = server.driver();
            for label in ["AstloadStore", "Repo", "Code", "Vector", "Unit", "SharedSymbol"] {
                let empty = format!("MATCH (node:{prefix}{label}) DETACH DELETE node");
                driver.run(query(&empty)).await?;
            }
            Ok::<(), neo4rs::Error>(())
        };
        let emptied = tokio::task::block_in_place(|| Handle::current().block_on(emptying));
        assert!(emptied.is_ok() || std::thread::panicking(), "{emptied:?}");
        if emptied.is_ok() {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(prefix));
        }
    }
}

pub(crate) async fn connect(options: &Value) -> Result<Arc<dyn Backend>> {
    let config = BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    Neo4jFactory.connect(config).await
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("\n*** SKIPPED {test}: {why} ***\n");
}

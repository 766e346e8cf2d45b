//! The server that the launcher started, and stores in it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use astload_backends::neo4j::Neo4jFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Result};
pub(crate) use astload_fixtures::servers::{Proxy, folder_of, port_of};
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

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it speaks HTTP.
    pub(crate) fn http_port(&self) -> u16 {
        let port = fs::read_to_string(self.folder.join("http")).expect("a port");
        port.trim().parse().expect("a port")
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

    /// Executes a statement that is the server's, not the database's.
    pub(crate) async fn serve(&self, statement: &str) {
        self.driver().run_on("system", query(statement)).await.expect("executed");
    }

    /// The one number that a question has for an answer, as `number`.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        let mut rows = self.driver().execute(query(question)).await.expect("asked");
        let row = rows.next().await.expect("answered").expect("a row");
        row.get("number").expect("a number")
    }
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

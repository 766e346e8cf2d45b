//! A store with a prefix of its own.

use std::sync::Arc;

use astload_backends::{Backend, Error, ErrorKind, Receipt, Result};
use astload_fixtures::delivery::{held, until, versions};
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::{Value, json};

use crate::server::{Dropped, Server};

/// A store that is gone when the test is.
pub(crate) struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Value,
    pub(crate) server: Server,
    pub(crate) prefix: String,
    _dropped: Dropped,
}

impl Store {
    pub(crate) async fn new(server: &Server) -> Self {
        Self::with(server, json!({})).await
    }

    /// A store with these options besides the usual ones, or instead of them.
    pub(crate) async fn with(server: &Server, others: Value) -> Self {
        let prefix = server.prefix();
        let mut options = json!({ "url": server.url(), "prefix": prefix, "leftover_age": "1s" });
        for (name, value) in others.as_object().expect("options") {
            options[name] = value.clone();
        }
        let dropped = Dropped { server: server.clone(), prefix: prefix.clone() };
        let backend = server.connect(&options).await.expect("connects");
        Self { backend, options, server: server.clone(), prefix, _dropped: dropped }
    }

    /// A second backend of the same store, as another process has it.
    pub(crate) async fn other(&self) -> Arc<dyn Backend> {
        self.server.connect(&self.options).await.expect("connects")
    }

    /// A second backend that gets there by another URL.
    pub(crate) async fn by(&self, url: &str) -> Result<Arc<dyn Backend>> {
        let mut options = self.options.clone();
        options["url"] = url.into();
        self.server.connect(&options).await
    }

    pub(crate) async fn write(&self, units: &[UnitValue]) -> Receipt {
        self.backend.write_batch(&batch_of(units)).await.expect("written")
    }

    pub(crate) async fn refused(&self, units: &[UnitValue]) -> Error {
        self.backend.write_batch(&batch_of(units)).await.expect_err("cannot be written")
    }

    /// Asks the server of one of the store's indices.
    pub(crate) fn ask(&self, method: &str, index: &str, path: &str, body: &Value) -> Value {
        self.server.ask(method, &format!("{}-{index}/{path}", self.prefix), body)
    }

    /// How many documents an index has.
    pub(crate) fn count(&self, index: &str) -> u64 {
        self.ask("POST", index, "_refresh", &Value::Null);
        self.ask("GET", index, "_count", &Value::Null)["count"].as_u64().expect("counted")
    }

    /// Asserts that the store holds these units, nothing else, and nothing twice.
    pub(crate) async fn holds(&self, units: &[UnitValue]) {
        assert_eq!(held(&*self.backend).await, versions(&batch_of(units)));
        // What writers who were cut off left behind is collected.
        let admin = self.backend.admin().expect("an admin");
        let nodes = units.iter().map(|unit| unit.nodes.len() as u64).sum();
        // It has to be of some age.
        until("it is collected", async || match admin.gc().await {
            Ok(_) => self.count("nodes") <= nodes,
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Transient, "{error}");
                false
            }
        })
        .await;
        assert_eq!(self.count("nodes"), nodes, "documents of nodes");
        assert_eq!(self.count("units"), units.len() as u64, "documents of units");
    }
}

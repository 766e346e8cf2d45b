//! A store with a prefix of its own.

use std::sync::Arc;

use astload_backends::{Backend, Error, ErrorKind, Receipt, Result};
use astload_fixtures::delivery::{held, versions};
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::{Value, json};

use crate::server::{Dropped, PASSWORD, Server, connect};

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
        let mut options = json!({ "url": server.url(), "prefix": prefix });
        for (name, value) in others.as_object().expect("options") {
            options[name] = value.clone();
        }
        let dropped = Dropped { server: server.clone(), prefix: prefix.clone() };
        let backend = connect(&options).await.expect("connects");
        Self { backend, options, server: server.clone(), prefix, _dropped: dropped }
    }

    /// A second backend of the same store, as another process has it.
    pub(crate) async fn other(&self) -> Arc<dyn Backend> {
        connect(&self.options).await.expect("connects")
    }

    /// A second backend that gets there by another URL.
    pub(crate) async fn by(&self, url: &str) -> Result<Arc<dyn Backend>> {
        let mut options = self.options.clone();
        options["url"] = url.into();
        connect(&options).await
    }

    pub(crate) async fn write(&self, units: &[UnitValue]) -> Receipt {
        self.backend.write_batch(&batch_of(units)).await.expect("written")
    }

    pub(crate) async fn refused(&self, units: &[UnitValue]) -> Error {
        self.backend.write_batch(&batch_of(units)).await.expect_err("cannot be written")
    }

    /// The number that a question has for an answer, as `number`; `P_` is the store's prefix.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        self.server.number(&question.replace("P_", &self.prefix)).await
    }

    /// A statement of another program; `P_` is the store's prefix.
    pub(crate) async fn execute(&self, statement: &str) {
        self.server.execute(&statement.replace("P_", &self.prefix)).await;
    }

    /// Asserts that the store holds these units, nothing else, and nothing twice.
    pub(crate) async fn holds(&self, units: &[UnitValue]) {
        assert_eq!(held(&*self.backend).await, versions(&batch_of(units)));
        let rows = |sum: fn(&UnitValue) -> usize| units.iter().map(sum).sum::<usize>() as i64;
        let nodes = "MATCH (node:P_Code) RETURN count(*) AS number";
        assert_eq!(self.number(nodes).await, rows(|unit| unit.nodes.len()), "nodes");
        let edges =
            "MATCH (:P_Code)-[edge]->() WHERE edge.ord IS NOT NULL RETURN count(*) AS number";
        assert_eq!(self.number(edges).await, rows(|unit| unit.edges.len()), "edges");
        let vectors = "MATCH (vector:P_Vector) RETURN count(*) AS number";
        assert_eq!(self.number(vectors).await, rows(|unit| unit.vectors.len()), "vectors");
    }
}

/// Asserts what an error says to a person, and that it does not tell the password.
#[track_caller]
pub(crate) fn says(error: &Error, kind: ErrorKind, words: &str, hint: &str) {
    astload_fixtures::delivery::says(error, kind, words, hint, &[PASSWORD, "wr0ng-pw"]);
}

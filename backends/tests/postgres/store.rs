//! A store in a schema of its own, and what is asked of it again and again.

use std::sync::Arc;

use astload_backends::{Backend, Error, ErrorKind, Receipt, Result};
use astload_fixtures::delivery::versions;
pub(crate) use astload_fixtures::delivery::{ATTEMPT, deliver, held, unit, units, until};
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::{Value, json};

use crate::server::{Dropped, Server, connect};

/// A store that is gone when the test is.
pub(crate) struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Value,
    /// Quoted.
    pub(crate) schema: String,
    pub(crate) server: Server,
    _dropped: Dropped,
}

impl Store {
    pub(crate) async fn new(server: &Server) -> Self {
        Self::with(server, json!({})).await
    }

    /// A store with these options besides the usual ones, or instead of them.
    pub(crate) async fn with(server: &Server, others: Value) -> Self {
        Self::try_with(server, others).await.expect("connects")
    }

    pub(crate) async fn try_with(server: &Server, others: Value) -> Result<Self> {
        let mut options = json!({ "url": server.url(), "schema": server.name() });
        for (name, value) in others.as_object().expect("options") {
            options[name] = value.clone();
        }
        let schema = options["schema"].as_str().expect("a name").to_owned();
        let dropped = Dropped { server: server.clone(), schema: schema.clone() };
        let backend = connect(&options).await?;
        let schema = format!("\"{}\"", schema.replace('"', "\"\""));
        Ok(Self { backend, options, schema, server: server.clone(), _dropped: dropped })
    }

    /// A second backend of the same store, as another process has it.
    pub(crate) async fn other(&self) -> Arc<dyn Backend> {
        connect(&self.options).await.expect("connects")
    }

    /// A second backend that gets there by another URL.
    pub(crate) async fn by(&self, url: &str) -> Result<Arc<dyn Backend>> {
        connect(&self.at(url)).await
    }

    pub(crate) fn at(&self, url: &str) -> Value {
        let mut options = self.options.clone();
        options["url"] = url.into();
        options
    }

    pub(crate) async fn write(&self, units: &[UnitValue]) -> Receipt {
        self.backend.write_batch(&batch_of(units)).await.expect("written")
    }

    pub(crate) async fn refused(&self, units: &[UnitValue]) -> Error {
        self.backend.write_batch(&batch_of(units)).await.expect_err("cannot be written")
    }

    /// The number that a question has for an answer; `SCHEMA` is the store's.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        self.server.number(&question.replace("SCHEMA", &self.schema)).await
    }

    /// Statements of the superuser's; `SCHEMA` is the store's.
    pub(crate) async fn execute(&self, statements: &str) {
        self.server.execute(&statements.replace("SCHEMA", &self.schema)).await;
    }

    /// Asserts that the store holds these units, nothing else, and nothing twice.
    pub(crate) async fn holds(&self, units: &[UnitValue]) {
        let held = held(&*self.backend).await;
        assert_eq!(held, versions(&batch_of(units)));
        let rows = |sum: fn(&UnitValue) -> usize| units.iter().map(sum).sum::<usize>() as i64;
        for (table, expected) in [
            ("node", rows(|unit| unit.nodes.len())),
            ("edge", rows(|unit| unit.edges.len())),
            ("vector", rows(|unit| unit.vectors.len())),
        ] {
            let question = format!("SELECT count(*) FROM SCHEMA.{table}");
            assert_eq!(self.number(&question).await, expected, "{table}");
        }
    }
}

/// Asserts what an error says to a person: its kind, these words, what to do; and no secret.
#[track_caller]
pub(crate) fn says(error: &Error, kind: ErrorKind, words: &str, hint: &str) {
    let secrets = ["apppw", "plainpw", crate::server::PASSWORD];
    astload_fixtures::delivery::says(error, kind, words, hint, &secrets);
}

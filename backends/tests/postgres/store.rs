//! A store in a schema of its own, and what is asked of it again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use astload_backends::{Backend, Error, ErrorKind, Receipt, Result};
use astload_connection::{Backoff, BackoffSettings};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::{Batch, canonical_hash};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

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

/// By path, the generation and what the unit is.
type Versions = BTreeMap<String, (u64, [u8; 32])>;

/// All that a backend holds.
pub(crate) async fn held(backend: &dyn Backend) -> Versions {
    let reader = backend.reader().expect("a reader");
    let units = reader.units(&Default::default()).await.expect("listed");
    let ids: Vec<_> = units.iter().map(|unit| unit.id).collect();
    versions(&reader.read_units(&ids).await.expect("read"))
}

fn versions(batch: &Batch) -> Versions {
    let version = |unit: astload_model::Unit<'_>| {
        let generation = unit.generation().expect("a generation");
        (unit.path().to_owned(), (generation, canonical_hash(&unit)))
    };
    batch.units().map(version).collect()
}

/// A small unit with something in every list.
pub(crate) fn unit(path: &str, generation: u64) -> UnitValue {
    UnitValue::sample(path).at_generation(generation)
}

/// So many of them.
pub(crate) fn units(name: &str, count: usize, generation: u64) -> Vec<UnitValue> {
    (0..count).map(|at| unit(&format!("{name}/{at}"), generation)).collect()
}

/// How long one attempt of [`deliver`] may take.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(2);

/// How long [`deliver`] and [`until`] go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes a batch as a lane does: again and again, until it is written. Gives back what stood in the
/// way, of which nothing may be for somebody to act on.
pub(crate) async fn deliver(backend: &dyn Backend, batch: &Batch) -> Vec<Error> {
    let mut backoff = Backoff::new(BackoffSettings {
        first: Duration::from_millis(10),
        longest: Duration::from_millis(200),
    });
    let mut met = Vec::new();
    let delivered = timeout(PATIENCE, async {
        loop {
            match timeout(ATTEMPT, backend.write_batch(batch)).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => {
                    assert_eq!(error.kind, ErrorKind::Transient, "{error:?}");
                    met.push(error);
                }
                Err(_) => met.push(Error::transient("no answer")),
            }
            sleep(backoff.next_wait(None)).await;
            // A good answer lets a guard try again.
            if let Ok(Err(error)) = timeout(ATTEMPT, backend.health_check()).await {
                assert_eq!(error.kind, ErrorKind::Transient, "{error:?}");
            }
        }
    });
    let delivered = delivered.await;
    delivered.unwrap_or_else(|_| panic!("not delivered: {:?}", met.last()));
    met
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("{what} in time"));
}

/// Asserts what an error says to a person: its kind, these words, what to do; and no secret.
pub(crate) fn says(error: &Error, kind: ErrorKind, words: &str, hint: &str) {
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(error.message.contains(words), "`{words}`: {error:?}");
    let told = error.hint.as_deref().unwrap_or_default();
    assert!(told.contains(hint), "`{hint}`: {error:?}");
    let all = format!("{error:?}");
    for secret in ["apppw", "plainpw", crate::server::PASSWORD] {
        assert!(!all.contains(secret), "a password is told: {all}");
    }
}

//! Types that come and go, and what is made of them.

mod audit;
mod cycles;
mod patience;
mod secrets;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Access, Backend, BackendConfig, BackendFactory, BackendInfo, Error, ErrorKind, HealthReport,
    Registry, RegistryError, RegistryEvent, Result, Terms, TypeInfo,
};
use astload_config::{BackendUrl, Secrets};
use astload_fixtures::backends::{Memory, MemoryFactory};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::Instant;

/// A memory type that a test has changed.
#[derive(Debug, Clone)]
struct Changed {
    info: TypeInfo,
    options: Value,
    connects: Connects,
    made: Memory,
}

/// What becomes of connecting.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Connects {
    Well,
    Hangs,
    DoesNotAnswer,
    NeverAnswersAProbe,
    DeclaresMore,
}

impl Default for Changed {
    fn default() -> Self {
        let memory = MemoryFactory::default();
        let (info, options) = (memory.info(), memory.options_schema());
        Self { info, options, connects: Connects::Well, made: Memory::default() }
    }
}

#[async_trait]
impl BackendFactory for Changed {
    fn info(&self) -> TypeInfo {
        self.info.clone()
    }

    fn options_schema(&self) -> Value {
        self.options.clone()
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        Ok(json!({"name": url.place()}))
    }

    fn place(&self, options: &Value) -> Result<String> {
        Ok(options.to_string())
    }

    fn schema(&self, _: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, _: &Value) -> Result<bool> {
        Ok(true)
    }

    async fn connect(&self, _: BackendConfig) -> Result<Arc<dyn Backend>> {
        if self.connects == Connects::Hangs {
            std::future::pending::<()>().await;
        }
        let mut info = self.made.info().clone();
        info.capabilities.query |= self.connects == Connects::DeclaresMore;
        Ok(Arc::new(Made { memory: self.made.clone(), info, connects: self.connects }))
    }
}

#[derive(Debug)]
struct Made {
    memory: Memory,
    info: BackendInfo,
    connects: Connects,
}

#[async_trait]
impl Backend for Made {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    async fn write_batch(&self, batch: &astload_model::Batch) -> Result<astload_backends::Receipt> {
        self.memory.write_batch(batch).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        match self.connects {
            Connects::DoesNotAnswer => Err(Error::transient("no answer")),
            Connects::NeverAnswersAProbe => std::future::pending().await,
            Connects::Well | Connects::Hangs | Connects::DeclaresMore => {
                self.memory.health_check().await
            }
        }
    }

    async fn settle(&self) -> Result<()> {
        self.memory.settle().await
    }

    async fn close(&self) -> Result<()> {
        self.memory.close().await
    }

    fn reader(&self) -> Option<&dyn astload_backends::Reader> {
        self.memory.reader()
    }

    fn admin(&self) -> Option<&dyn astload_backends::Admin> {
        self.memory.admin()
    }

    fn query(&self) -> Option<&dyn astload_backends::Query> {
        self.memory.query()
    }
}

fn config() -> BackendConfig {
    BackendConfig { options: json!({"name": "a"}), access: Access::Write, selection: None }
}

async fn is_closed(memory: &Memory) -> bool {
    memory.health_check().await.is_err()
}

#[test]
fn built_in_types_are_there() {
    let types = Registry::with_builtins().discover();
    assert_eq!(
        types.iter().map(|known| known.info.name).collect::<Vec<_>>(),
        ["elasticsearch", "neo4j", "opensearch", "postgres", "sqlite"]
    );
}

#[test]
fn a_name_has_one_owner() {
    let registry = Registry::default();
    registry.register(Arc::new(Changed::default())).expect("free");
    let error = registry.register(Arc::new(MemoryFactory::default())).expect_err("taken");
    assert!(matches!(error, RegistryError::Taken { name: "memory", .. }), "{error}");
    registry.deregister("memory").expect("there");
    registry.register(Arc::new(MemoryFactory::default())).expect("free again");
    assert_eq!(
        registry.deregister("other").expect_err("not there").to_string(),
        "unknown backend type `other`, known are memory"
    );
}

const NO_SCHEMA: &str = "has options that are no JSON Schema, whole and without the network";

#[test]
fn half_a_type_is_refused_with_the_clause_that_it_breaks() {
    type Change = fn(&mut Changed);
    let table: [(Change, &str); 12] = [
        (|t| t.info.name = "", "has a name that is no URL scheme"),
        (|t| t.info.name = "My Store", "has a name that is no URL scheme"),
        (|t| t.info.version = "", "has no version"),
        (|t| t.info.capabilities.concurrency = 0, "takes no batch at a time"),
        (|t| t.options = json!([]), "has options that are no object"),
        (|t| t.options = json!({"type": "object"}), "does not say which options it takes"),
        (
            |t| t.options["properties"]["write"] = json!({"type": "string"}),
            "has an option that is a field of every backend",
        ),
        (|t| t.options["properties"]["name"]["type"] = json!("strin"), NO_SCHEMA),
        (|t| t.options["properties"]["name"] = json!({"$ref": "#/$defs/gone"}), NO_SCHEMA),
        (|t| t.options["properties"]["name"] = json!({"$ref": "https://example.com/"}), NO_SCHEMA),
        (|t| t.info.example = "other:name", "has an example that is no URL of its own"),
        (|t| t.info.example = "no url", "has an example that is no URL of its own"),
    ];
    for (change, clause) in table {
        let mut factory = Changed::default();
        change(&mut factory);
        let registry = Registry::default();
        let error = registry.register(Arc::new(factory)).expect_err(clause);
        assert!(error.to_string().ends_with(clause), "{error}");
        assert!(registry.discover().is_empty());
    }
}

#[test]
fn changes_are_heard_in_their_order_by_everybody() {
    let registry = Registry::default();
    let mut hear = [registry.subscribe(), registry.subscribe()];
    let info = Changed::default().info;
    registry.register(Arc::new(Changed::default())).expect("free");
    registry.register(Arc::new(Changed::default())).expect_err("taken");
    registry.deregister("memory").expect("there");
    for events in &mut hear {
        assert_eq!(events.try_recv(), Ok(RegistryEvent::Registered(info.clone())));
        assert_eq!(events.try_recv(), Ok(RegistryEvent::Deregistered(info.clone())));
        assert_eq!(events.try_recv(), Err(TryRecvError::Empty));
    }
}

#[tokio::test]
async fn a_backend_outlives_its_type() {
    let registry = Registry::default();
    registry.register(Arc::new(Changed::default())).expect("free");
    let backend = registry.create("memory", config()).await.expect("made");
    registry.deregister("memory").expect("there");
    backend.health_check().await.expect("well");
    let error = registry.create("memory", config()).await.expect_err("gone");
    assert_eq!(error.kind, ErrorKind::Misconfigured);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_is_closed_again() {
    let factory = Changed { connects: Connects::DoesNotAnswer, ..Changed::default() };
    let memory = factory.made.clone();
    let registry = Registry::default();
    registry.register(Arc::new(factory)).expect("free");
    let error = registry.create("memory", config()).await.expect_err("no answer");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Transient, "no answer"));
    assert!(is_closed(&memory).await);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_is_given_up_in_time_and_closed_again() {
    let hangs =
        [(Connects::Hangs, "connecting"), (Connects::NeverAnswersAProbe, "the first probe")];
    for (connects, what) in hangs {
        let factory = Changed { connects, ..Changed::default() };
        let memory = factory.made.clone();
        let registry = Registry::default();
        registry.register(Arc::new(factory)).expect("free");
        let terms = Terms::of("store", &Secrets::default()).within(Duration::from_secs(3));
        let start = Instant::now();
        let error = registry.create_on(&terms, "memory", config()).await.expect_err("it hangs");
        assert_eq!(error.kind, ErrorKind::Transient);
        assert_eq!(error.message, format!("{what}: no answer for 3s"));
        assert_eq!(start.elapsed().as_secs(), 3);
        assert_eq!(is_closed(&memory).await, connects == Connects::NeverAnswersAProbe);
        assert_eq!(registry.discover()[0].status.open, 0);
    }
}

#[tokio::test]
async fn a_backend_that_is_not_what_it_declares_is_closed_again() {
    let factory = Changed { connects: Connects::DeclaresMore, ..Changed::default() };
    let memory = factory.made.clone();
    let registry = Registry::default();
    registry.register(Arc::new(factory)).expect("free");
    let error = registry.create("memory", config()).await.expect_err("it lies");
    assert!(error.message.contains("`query` is declared and not there"), "{error}");
    assert!(is_closed(&memory).await);
}

#[tokio::test]
async fn a_type_says_how_many_of_its_backends_are_open() {
    let registry = Registry::default();
    registry.register(Arc::new(Changed::default())).expect("free");
    let open = || registry.discover()[0].status.open;
    let closed = registry.create("memory", config()).await.expect("made");
    let dropped = registry.create("memory", config()).await.expect("made");
    assert_eq!(open(), 2);
    closed.close().await.expect("closed");
    closed.close().await.expect("closed twice");
    assert_eq!(open(), 1);
    drop((closed, dropped));
    assert_eq!(open(), 0);
    registry.create("unknown", config()).await.expect_err("not there");
    assert_eq!(open(), 0);
}

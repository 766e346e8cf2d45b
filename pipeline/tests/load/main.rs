//! Whole loads: into backends of which one hangs, and what is counted of them.

mod counts;
mod setup;

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{
    Admin, Backend, BackendConfig, BackendFactory, BackendInfo, HealthReport, Query, Reader,
    Receipt, Registry, RepoState, Result, StoredUnit, TypeInfo, UnitFilter,
};
use astload_config::BackendUrl;
use astload_fixtures::backends::{Memory, MemoryFactory};
use astload_model::{Batch, UnitId};
use astload_pipeline::load::LoadReport;
use async_trait::async_trait;
use serde_json::Value;
use tokio::time::Instant;

use setup::{PATIENCE, Setup, spec};

/// The call that is never answered, of the stores called `hangs`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hangs {
    Exists,
    Connect,
    Probe,
    Repos,
    Units,
}

/// Memory stores, of which some hang.
#[derive(Debug)]
struct Stores {
    memory: Arc<MemoryFactory>,
    hangs: Hangs,
}

impl Stores {
    async fn pass(&self, options: &Value, call: Hangs) {
        if options["name"] == "hangs" && self.hangs == call {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl BackendFactory for Stores {
    fn info(&self) -> TypeInfo {
        self.memory.info()
    }

    fn options_schema(&self) -> Value {
        self.memory.options_schema()
    }

    fn options_from_url(&self, url: &BackendUrl) -> Result<Value> {
        self.memory.options_from_url(url)
    }

    fn place(&self, options: &Value) -> Result<String> {
        self.memory.place(options)
    }

    fn schema(&self, _: &Value) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn exists(&self, options: &Value) -> Result<bool> {
        self.pass(options, Hangs::Exists).await;
        self.memory.exists(options).await
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        self.pass(&config.options, Hangs::Connect).await;
        let name = config.options["name"].as_str().expect("a name");
        let memory = self.memory.open(name);
        Ok(Arc::new(Store { memory, hangs: (name == "hangs").then_some(self.hangs) }))
    }
}

/// A memory store that may hang.
#[derive(Debug)]
struct Store {
    memory: Memory,
    hangs: Option<Hangs>,
}

impl Store {
    async fn pass(&self, call: Hangs) {
        if self.hangs == Some(call) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Backend for Store {
    fn info(&self) -> &BackendInfo {
        self.memory.info()
    }

    async fn write_batch(&self, batch: &Batch) -> Result<Receipt> {
        self.memory.write_batch(batch).await
    }

    async fn health_check(&self) -> Result<HealthReport> {
        self.pass(Hangs::Probe).await;
        self.memory.health_check().await
    }

    async fn settle(&self) -> Result<()> {
        self.memory.settle().await
    }

    async fn close(&self) -> Result<()> {
        self.memory.close().await
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }

    fn admin(&self) -> Option<&dyn Admin> {
        self.memory.admin()
    }

    fn query(&self) -> Option<&dyn Query> {
        self.memory.query()
    }
}

#[async_trait]
impl Reader for Store {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        self.pass(Hangs::Repos).await;
        self.memory.repos().await
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        self.pass(Hangs::Units).await;
        self.memory.units(filter).await
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        self.memory.read_units(ids).await
    }
}

/// Loads two units of two repositories into the stores called `well` and `hangs`; what became of
/// it, of the first store, and how long it took.
async fn load_where(hangs: Hangs, dry_run: bool) -> (LoadReport, Memory, Duration) {
    let units = ["one", "two"].map(|repo| {
        format!("{{\"repo\":\"{repo}\",\"path\":\"a\",\"nodes\":[{{\"kind\":\"module\"}}]}}\n")
    });
    let memory = Arc::new(MemoryFactory::default());
    let registry = Registry::default();
    registry.register(Arc::new(Stores { memory: memory.clone(), hangs })).expect("free");
    let specs = ["memory:hangs", "memory:well"].map(|url| spec(&registry, url));
    let start = Instant::now();
    let report = Setup { dry_run }.load(&registry, &specs, &units.concat()).await;
    (report, memory.open("well"), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_at_first_is_given_up_and_the_others_are_loaded() {
    for (hangs, said) in [
        (Hangs::Connect, "connecting: no answer for 20s"),
        (Hangs::Probe, "the first probe: no answer for 20s"),
        (Hangs::Repos, "listing repositories: no answer for 20s"),
        (Hangs::Units, "listing units: no answer for 20s"),
    ] {
        let (report, well, took) = load_where(hangs, false).await;
        let [first, second] = report.backends.as_slice() else { panic!("{report:?}") };
        let error = first.error.as_ref().expect("it hangs");
        assert_eq!((error.kind, error.message.as_str()), ("transient", said));
        assert!(second.is_complete(), "{hangs:?}: {second:?}");
        assert_eq!(well.kept().len(), 2, "{hangs:?}");
        // It is waited for once, not for each repository.
        assert!(took < PATIENCE * 3 / 2, "{hangs:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_does_not_wait_for_ever_for_a_store_that_may_be_there() {
    let (report, _, took) = load_where(Hangs::Exists, true).await;
    let error = report.backends[0].error.as_ref().expect("it hangs");
    assert_eq!(error.message, "looking for the store: no answer for 20s");
    assert_eq!(report.plan.expect("a plan").write.len(), 2);
    assert!(took < PATIENCE * 3 / 2, "{took:?}");
}

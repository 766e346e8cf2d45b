//! How patiently a store is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use astload_backends::{
    Backend, BackendConfig, BackendFactory, Error, ErrorKind, Registry, Result, Terms, TypeInfo,
};
use astload_config::{BackendUrl, Secrets};
use astload_fixtures::backends::MemoryFactory;
use async_trait::async_trait;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config;

/// Fails so often, in each of its calls, before it answers.
#[derive(Debug)]
struct Starts {
    memory: MemoryFactory,
    kind: ErrorKind,
    failures: usize,
    calls: AtomicUsize,
}

impl Starts {
    fn after(failures: usize, kind: ErrorKind) -> Arc<Self> {
        let (memory, calls) = (MemoryFactory::default(), AtomicUsize::new(0));
        Arc::new(Self { memory, kind, failures, calls })
    }

    fn call(&self) -> Result<()> {
        match self.calls.fetch_add(1, Ordering::Relaxed) < self.failures {
            true => Err(Error::new(self.kind, "it starts, secret")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl BackendFactory for Starts {
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

    async fn exists(&self, _: &Value) -> Result<bool> {
        self.call().map(|()| true)
    }

    async fn connect(&self, config: BackendConfig) -> Result<Arc<dyn Backend>> {
        self.call()?;
        self.memory.connect(config).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_starts_is_waited_for_and_one_that_is_wrong_is_not() {
    let terms = Terms::of("store", &Secrets::default());
    for (kind, calls) in [(ErrorKind::Transient, 6), (ErrorKind::Misconfigured, 1)] {
        let factory = Starts::after(5, kind);
        let registry = Registry::default();
        registry.register(factory.clone()).expect("free");
        let made = registry.create_on(&terms, "memory", config()).await;
        assert_eq!(made.is_ok(), kind == ErrorKind::Transient, "{made:?}");
        assert_eq!(factory.calls.swap(0, Ordering::Relaxed), calls);
        let there = registry.exists_on(&terms, "memory", &config().options).await;
        assert_eq!(there.is_ok(), kind == ErrorKind::Transient, "{there:?}");
        assert_eq!(factory.calls.load(Ordering::Relaxed), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_is_not_waited_for_longer_than_there_is_patience_or_once_it_is_stopped() {
    let registry = Registry::default();
    let factory = Starts::after(usize::MAX, ErrorKind::Transient);
    registry.register(factory).expect("free");
    let terms = Terms::of("store", &Secrets::default()).within(Duration::from_secs(60));
    let start = Instant::now();
    registry.create_on(&terms, "memory", config()).await.expect_err("it never starts");
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(50) && waited <= Duration::from_secs(60), "{waited:?}");
    let stopping = CancellationToken::new();
    let stopped = terms.until(&stopping);
    let start = Instant::now();
    let stop = async {
        sleep(Duration::from_secs(2)).await;
        stopping.cancel();
    };
    let (made, ()) = tokio::join!(registry.create_on(&stopped, "memory", config()), stop);
    let error = made.expect_err("it never starts");
    assert_eq!(error.message, "connecting: stopped before there was an answer");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

//! Backends that are created and closed, again and again.

use std::sync::Arc;

use astload_backends::{Access, BackendConfig, Registry};
use astload_fixtures::backends::MemoryFactory;
use astload_fixtures::conformance::Holdings;
use serde_json::{Value, json};
use tempfile::TempDir;

const CYCLES: usize = 1_000;

/// Of each cycle a few bytes may stay with the allocator.
const BYTES_TOLERATED: usize = 8 << 20;

async fn cycle(registry: &Registry, name: &str, options: &Value) {
    let config = BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    let backend = registry.create(name, config).await.expect("created");
    let known = registry.discover();
    let open = |name| known.iter().find(|known| known.info.name == name).map(|k| k.status.open);
    assert_eq!(open(name), Some(1));
    backend.close().await.expect("closed");
}

/// What the process holds more after all cycles than before.
async fn grown(registry: &Registry, name: &str, options: &Value) -> Holdings {
    let before = Holdings::now();
    for _ in 0..CYCLES {
        cycle(registry, name, options).await;
    }
    Holdings::now().since(&before)
}

#[tokio::test]
async fn a_thousand_backends_that_were_closed_leave_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let registry = Registry::with_builtins();
    registry.register(Arc::new(MemoryFactory::default())).expect("free");
    let sqlite = json!({"path": folder.path().join("a.db")});
    for (name, options) in [("memory", json!({"name": "a"})), ("sqlite", sqlite)] {
        for _ in 0..CYCLES / 20 {
            cycle(&registry, name, &options).await;
        }
        let mut least = grown(&registry, name, &options).await;
        // Other tests of the process may have come between.
        if is_suspect(&least) {
            least = least.least(&grown(&registry, name, &options).await);
        }
        assert!(!is_suspect(&least), "{name}: {least:?}");
        let open: usize = registry.discover().iter().map(|known| known.status.open).sum();
        assert_eq!(open, 0);
    }
}

fn is_suspect(grown: &Holdings) -> bool {
    let many = CYCLES / 4;
    grown.tasks > many
        || grown.descriptors > Some(many)
        || grown.threads > Some(many)
        || grown.bytes > Some(BYTES_TOLERATED)
}

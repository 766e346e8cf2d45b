//! What is told to whoever keeps an account of changes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use astload_backends::{Origin, OtherRoot, Registry, RepoClaim, Terms};
use astload_config::Secrets;
use serde_json::Value;

use crate::{Changed, config};

#[derive(Clone, Default)]
struct Account(Arc<Mutex<Vec<u8>>>);

impl Write for Account {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is on the account of what happens.
pub(crate) fn account_of(happens: impl Future<Output = ()>) -> Vec<Value> {
    let account = Account::default();
    let writer = account.clone();
    let told = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
    let subscriber = told.with_writer(move || writer.clone()).finish();
    // Of a single listener, tracing takes what another thread has instead, and keeps to that.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    tracing::subscriber::with_default(subscriber, || runtime.block_on(happens));
    let lines = account.0.lock().expect("no panic").clone();
    let lines = serde_json::Deserializer::from_slice(&lines).into_iter::<Value>();
    lines.map(|line| line.expect("JSON")).filter(|line| line["target"] == "audit").collect()
}

/// The events of an account, and whether each has an error.
fn told(lines: &[Value]) -> Vec<(&str, bool)> {
    lines
        .iter()
        .map(|line| {
            let event = line["fields"]["event"].as_str().expect("an event");
            (event, line["fields"]["error"].is_string())
        })
        .collect()
}

#[test]
fn what_is_registered_created_and_taken_away_is_on_the_account() {
    let lines = account_of(async {
        let registry = Registry::default();
        registry.register(Arc::new(Changed::default())).expect("free");
        registry.register(Arc::new(Changed::default())).expect_err("taken");
        registry.create("memory", config()).await.expect("made");
        registry.deregister("memory").expect("there");
        registry.create("memory", config()).await.expect_err("gone");
    });
    let expected =
        [("register", false), ("create", false), ("deregister", false), ("create", true)];
    assert_eq!(told(&lines), expected);
    assert!(lines.iter().all(|line| line["fields"]["type_name"] == "memory"));
}

#[test]
fn what_changes_a_store_beside_writes_is_on_the_account() {
    let lines = account_of(async {
        let registry = Registry::default();
        registry.register(Arc::new(Changed::default())).expect("free");
        let terms = Terms::of("store", &Secrets::default());
        let made = registry.create_on(&terms, "memory", config()).await.expect("made");
        let admin = made.admin().expect("declared");
        let claim = RepoClaim {
            repo: "r".into(),
            layer: "ast".into(),
            root: None,
            remote: None,
            other_root: OtherRoot::Refuse,
            origin: Origin::Ours,
            generation: 1,
            ended: None,
        };
        admin.claim_repo(&claim).await.expect("recorded");
        admin.remove("r", Some("src")).await.expect("removed");
        admin.gc().await.expect("collected");
        admin.drop_schema().await.expect("dropped");
        made.settle().await.expect("settled");
        made.close().await.expect("closed");
        made.settle().await.expect_err("it is closed");
    });
    let of_store = lines.iter().filter(|line| line["fields"]["backend"] == "store");
    let of_store: Vec<Value> = of_store.cloned().collect();
    let expected = [
        ("create", false),
        ("claim_repo", false),
        ("remove", false),
        ("gc", false),
        ("drop_schema", false),
        ("settle", false),
        ("close", false),
        ("settle", true),
    ];
    assert_eq!(told(&of_store), expected);
    let removed = &of_store[2]["fields"];
    assert_eq!((&removed["repo"], &removed["path"]), (&"r".into(), &"src".into()));
    assert!(of_store[1..].iter().all(|line| line["fields"]["seconds"].is_number()));
}

//! What is told to whoever keeps an account of changes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use astload_backends::Registry;
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

#[test]
fn what_is_registered_created_and_taken_away_is_on_the_account() {
    let account = Account::default();
    let writer = account.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    // Of a single listener, tracing takes what another thread has instead, and keeps to that.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tracing::subscriber::with_default(subscriber, || {
        let registry = Registry::default();
        registry.register(Arc::new(Changed::default())).expect("free");
        registry.register(Arc::new(Changed::default())).expect_err("taken");
        runtime.block_on(registry.create("memory", config())).expect("made");
        registry.deregister("memory").expect("there");
        runtime.block_on(registry.create("memory", config())).expect_err("gone");
    });
    let lines = account.0.lock().expect("no panic").clone();
    let told: Vec<(String, bool)> = serde_json::Deserializer::from_slice(&lines)
        .into_iter::<Value>()
        .map(|line| line.expect("JSON"))
        .filter(|line| line["target"] == "audit" && line["fields"]["type_name"] == "memory")
        .map(|line| {
            let event = line["fields"]["event"].as_str().expect("an event").to_owned();
            (event, line["fields"]["error"].is_string())
        })
        .collect();
    let expected =
        [("register", false), ("create", false), ("deregister", false), ("create", true)];
    assert_eq!(told, expected.map(|(event, failed)| (event.to_owned(), failed)));
}

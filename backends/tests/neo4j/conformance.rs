//! Neo4j under the conformance kit, with the faults that a server may have.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::neo4j::Neo4jFactory;
use astload_backends::{BackendFactory, Error, ErrorKind, Result};
use astload_fixtures::conformance::{
    CLAUSES, Clause, FreshStore, InjectedFault, Moment, Settings, Subject, Undo, run, run_clauses,
    undo_by_drop,
};
use async_trait::async_trait;
use neo4rs::query;
use serde_json::{Value, json};

use crate::server::{Dropped, PASSWORD, Proxy, Server, connect};

#[test]
fn neo4j_conforms() {
    let Some(server) = Server::started() else { return };
    let options = json!({ "url": server.url() });
    run(Arc::new(Neo4j { server, options }), Settings::of_server()).assert_conformant();
}

/// Where each round trip takes 50 ms.
fn conforms_far_away(clauses: &[Clause]) {
    let Some(server) = Server::started() else { return };
    let Some(proxy) = Proxy::to(server.port()) else { return };
    proxy.poison("downstream", "latency", json!({ "latency": 50 }));
    let options = json!({ "url": format!("bolt://neo4j:{PASSWORD}@127.0.0.1:{}", proxy.port) });
    let settings = Settings {
        cases: 1,
        cuts_max: 4,
        time_limit: Duration::from_secs(600),
        ..Settings::default()
    };
    run_clauses(Arc::new(Neo4j { server, options }), settings, clauses).assert_conformant();
}

#[test]
fn neo4j_conforms_where_each_round_trip_takes_50_ms() {
    // Writes, deletes and replays, read back: each further clause takes minutes.
    conforms_far_away(&CLAUSES[2..3]);
}

#[test]
#[ignore = "takes half an hour"]
fn neo4j_conforms_to_all_of_it_where_each_round_trip_takes_50_ms() {
    conforms_far_away(CLAUSES);
}

struct Neo4j {
    server: Server,
    /// How it is reached.
    options: Value,
}

const LOCKED: &str = "a lock of another session";
const CONSTRAINT: &str = "a constraint of somebody else's";
const NEWER: &str = "a store of a later version";
const OLDER: &str = "a store of an earlier version";
const FOREIGN: &str = "a node of another program";

#[async_trait]
impl Subject for Neo4j {
    fn factory(&self) -> Arc<dyn BackendFactory> {
        Arc::new(Neo4jFactory)
    }

    async fn fresh(&self) -> Result<FreshStore> {
        let prefix = self.server.prefix();
        let mut options = self.options.clone();
        options["prefix"] = prefix.clone().into();
        // A short wait, for there is a check that meets a lock on purpose.
        options["timeout"] = "5s".into();
        Ok(FreshStore::new(options, Dropped { server: self.server.clone(), prefix }))
    }

    fn faults(&self) -> Vec<InjectedFault> {
        let fault = |name, moment, kind| InjectedFault { name, moment, kind };
        vec![
            fault(LOCKED, Moment::Connected, ErrorKind::Transient),
            fault(CONSTRAINT, Moment::Connected, ErrorKind::Refused),
            fault(NEWER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(OLDER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(FOREIGN, Moment::Connecting, ErrorKind::Misconfigured),
        ]
    }

    async fn cause(&self, fault: &str, options: &Value) -> Result<Undo> {
        let prefix = options["prefix"].as_str().unwrap_or_default().to_owned();
        let server = self.server.clone();
        let store = format!("(store:{prefix}AstloadStore {{prefix: '{prefix}'}})");
        let (cause, undo) = match fault {
            LOCKED => {
                let mut session = server.driver().start_txn().await.expect("begun");
                let lock = format!("CREATE INDEX {prefix}lock FOR (n:{prefix}Code) ON (n.lock)");
                session.run(query(&lock)).await.expect("locked");
                return Ok(undo_by_drop(session));
            }
            CONSTRAINT => (
                format!(
                    "CREATE CONSTRAINT {prefix}own FOR (n:{prefix}Code) REQUIRE n.ord IS UNIQUE"
                ),
                format!("DROP CONSTRAINT {prefix}own"),
            ),
            NEWER | OLDER => {
                connect(options).await?.close().await?;
                let [to, from] = if fault == NEWER { ["+", "-"] } else { ["-", "+"] };
                (
                    format!("MATCH {store} SET store.version = store.version {to} 1"),
                    format!("MATCH {store} SET store.version = store.version {from} 1"),
                )
            }
            FOREIGN => (format!("CREATE {store}"), format!("MATCH {store} DELETE store")),
            other => return Err(Error::unexpected(format!("`{other}` is no fault of a server"))),
        };
        server.execute(&cause).await;
        Ok(Box::pin(async move { server.execute(&undo).await }))
    }
}

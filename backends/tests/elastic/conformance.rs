//! Elasticsearch and OpenSearch under the conformance kit, with the faults that a server may have.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{BackendFactory, Error, ErrorKind, Result};
use astload_fixtures::conformance::{
    CLAUSES, Clause, FreshStore, InjectedFault, Moment, Settings, Subject, Undo, run, run_clauses,
};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::server::{Dropped, Kind, Proxy, Server, both};

fn conforms(kind: Kind) {
    let Some(server) = Server::started(kind) else { return };
    let url = server.url();
    run(Arc::new(Elastic { server, url }), Settings::of_server()).assert_conformant();
}

#[test]
fn elasticsearch_conforms() {
    conforms(Kind::Elasticsearch);
}

#[test]
fn opensearch_conforms() {
    conforms(Kind::OpenSearch);
}

/// Where each round trip takes 50 ms.
fn conforms_far_away(kind: Kind, clauses: &[Clause]) {
    let Some(server) = Server::started(kind) else { return };
    let Some(proxy) = Proxy::to(server.port()) else { return };
    proxy.poison("downstream", "latency", json!({ "latency": 50 }));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let settings = Settings {
        cases: 1,
        cuts_max: 4,
        time_limit: Duration::from_secs(600),
        ..Settings::default()
    };
    run_clauses(Arc::new(Elastic { server, url }), settings, clauses).assert_conformant();
}

#[test]
fn both_conform_where_each_round_trip_takes_50_ms() {
    // Writes, deletes and replays, read back: each further clause takes minutes.
    for kind in both() {
        conforms_far_away(kind, &CLAUSES[2..3]);
    }
}

#[test]
#[ignore = "takes half an hour"]
fn elasticsearch_conforms_to_all_of_it_where_each_round_trip_takes_50_ms() {
    conforms_far_away(Kind::Elasticsearch, CLAUSES);
}

#[test]
#[ignore = "takes half an hour"]
fn opensearch_conforms_to_all_of_it_where_each_round_trip_takes_50_ms() {
    conforms_far_away(Kind::OpenSearch, CLAUSES);
}

struct Elastic {
    server: Server,
    /// How it is reached.
    url: String,
}

const BLOCKED: &str = "an index that takes no writes";
const FULL: &str = "a disk past its flood stage";
const NEWER: &str = "a store of a later version";
const OLDER: &str = "a store of an earlier version";

#[async_trait]
impl Subject for Elastic {
    fn factory(&self) -> Arc<dyn BackendFactory> {
        self.server.kind.factory()
    }

    async fn fresh(&self) -> Result<FreshStore> {
        let prefix = self.server.prefix();
        let options = json!({ "url": self.url, "prefix": prefix, "timeout": "10s" });
        Ok(FreshStore::new(options, Dropped { server: self.server.clone(), prefix }))
    }

    fn faults(&self) -> Vec<InjectedFault> {
        let fault = |name, moment, kind| InjectedFault { name, moment, kind };
        vec![
            fault(BLOCKED, Moment::Connected, ErrorKind::Misconfigured),
            fault(FULL, Moment::Connected, ErrorKind::Misconfigured),
            fault(NEWER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(OLDER, Moment::Connecting, ErrorKind::Misconfigured),
        ]
    }

    async fn cause(&self, fault: &str, options: &Value) -> Result<Undo> {
        let prefix = options["prefix"].as_str().unwrap_or_default().to_owned();
        let server = self.server.clone();
        let block = |name: &str| {
            let path = format!("{prefix}-nodes-v3/_settings");
            let set = move |value: Value| json!({ "index": { name.to_owned(): value } });
            let done = server.ask("PUT", &path, &set(true.into()));
            assert_eq!(done["acknowledged"], true, "{done}");
            let (server, undo) = (server.clone(), set(Value::Null));
            let undo: Undo = Box::pin(async move {
                let done = server.ask("PUT", &path, &undo);
                assert_eq!(done["acknowledged"], true, "{done}");
            });
            undo
        };
        match fault {
            BLOCKED => Ok(block("blocks.write")),
            FULL => Ok(block("blocks.read_only_allow_delete")),
            NEWER | OLDER => {
                self.server.connect(options).await?.close().await?;
                let document =
                    server.ask("GET", &format!("{prefix}-store/_doc/store"), &Value::Null);
                let set = |version: Value| {
                    let path = format!("{prefix}-store/_update/store");
                    let (server, body) = (server.clone(), json!({ "doc": { "version": version } }));
                    move || drop(server.ask("POST", &path, &body))
                };
                set(if fault == NEWER { 99 } else { 1 }.into())();
                let undo = set(document["_source"]["version"].clone());
                Ok(Box::pin(async move { undo() }))
            }
            other => Err(Error::unexpected(format!("`{other}` is no fault of a server"))),
        }
    }
}

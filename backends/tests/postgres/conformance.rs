//! Postgres under the conformance kit, with the faults that a server may have.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::postgres::PostgresFactory;
use astload_backends::{BackendFactory, Error, ErrorKind, Result};
use astload_fixtures::conformance::{
    CLAUSES, Clause, FreshStore, InjectedFault, Moment, Settings, Subject, Undo, run, run_clauses,
    undo_by_drop,
};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::server::{Dropped, Proxy, Server, connect, folder_of, port_of};

#[test]
fn postgres_conforms_over_tls() {
    let Some(server) = Server::started() else { return };
    let options = json!({ "url": server.url() });
    run(Arc::new(Postgres { server, options }), Settings::of_server()).assert_conformant();
}

#[test]
fn postgres_conforms_behind_a_pooler_of_transactions() {
    let Some(server) = Server::started() else { return };
    let Some(pooler) = folder_of("pgbouncer") else { return };
    let url = format!("postgres://app:apppw@127.0.0.1:{}/app?sslmode=disable", port_of(&pooler));
    let options = json!({ "url": url, "pgbouncer": true });
    run(Arc::new(Postgres { server, options }), Settings::of_server()).assert_conformant();
}

/// Where each round trip takes 50 ms.
fn conforms_far_away(clauses: &[Clause]) {
    let Some(server) = Server::started() else { return };
    let Some(proxy) = Proxy::to(server.port()) else { return };
    proxy.poison("downstream", "latency", json!({ "latency": 50 }));
    let options = json!({ "url": Server::tls_url_through(&proxy) });
    let settings = Settings {
        cases: 1,
        cuts_max: 4,
        time_limit: Duration::from_secs(600),
        ..Settings::default()
    };
    run_clauses(Arc::new(Postgres { server, options }), settings, clauses).assert_conformant();
}

#[test]
fn postgres_conforms_where_each_round_trip_takes_50_ms() {
    // Writes, deletes and replays, read back: each further clause takes minutes.
    conforms_far_away(&CLAUSES[2..3]);
}

#[test]
#[ignore = "takes half an hour"]
fn postgres_conforms_to_all_of_it_where_each_round_trip_takes_50_ms() {
    conforms_far_away(CLAUSES);
}

struct Postgres {
    server: Server,
    /// How it is reached.
    options: Value,
}

const LOCKED: &str = "a lock of another session";
const FORBIDDEN: &str = "a role without rights";
const TRIGGER: &str = "a trigger that refuses";
const NEWER: &str = "a schema of a later version";
const OLDER: &str = "a schema of an earlier version";
const FOREIGN: &str = "a table of another program";

#[async_trait]
impl Subject for Postgres {
    fn factory(&self) -> Arc<dyn BackendFactory> {
        Arc::new(PostgresFactory)
    }

    async fn fresh(&self) -> Result<FreshStore> {
        let schema = self.server.name();
        let mut options = self.options.clone();
        options["schema"] = schema.clone().into();
        // A short wait, for there are checks that meet a lock on purpose.
        options["lock_timeout"] = "200ms".into();
        Ok(FreshStore::new(options, Dropped { server: self.server.clone(), schema }))
    }

    fn faults(&self) -> Vec<InjectedFault> {
        let fault = |name, moment, kind| InjectedFault { name, moment, kind };
        vec![
            fault(LOCKED, Moment::Connected, ErrorKind::Transient),
            fault(FORBIDDEN, Moment::Connected, ErrorKind::Misconfigured),
            fault(TRIGGER, Moment::Connected, ErrorKind::Refused),
            fault(NEWER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(OLDER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(FOREIGN, Moment::Connecting, ErrorKind::Misconfigured),
        ]
    }

    async fn cause(&self, fault: &str, options: &Value) -> Result<Undo> {
        let schema = options["schema"].as_str().unwrap_or_default().to_owned();
        let server = self.server.clone();
        let (cause, undo) = match fault {
            LOCKED => {
                let session = server.superuser().await;
                let lock = format!("BEGIN; LOCK TABLE {schema}.unit");
                session.batch_execute(&lock).await.expect("locked");
                return Ok(undo_by_drop(session));
            }
            FORBIDDEN => (
                format!("REVOKE ALL ON {schema}.node FROM app"),
                format!("GRANT ALL ON {schema}.node TO app"),
            ),
            TRIGGER => (
                format!(
                    "CREATE FUNCTION {schema}.no() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'not welcome'; END $$;
                     CREATE TRIGGER no BEFORE INSERT ON {schema}.node
                     EXECUTE FUNCTION {schema}.no()"
                ),
                format!("DROP FUNCTION {schema}.no CASCADE"),
            ),
            NEWER | OLDER => {
                connect(options).await?.close().await?;
                let [to, from] = if fault == NEWER { ["+", "-"] } else { ["-", "+"] };
                (
                    format!("UPDATE {schema}.store SET version = version {to} 1"),
                    format!("UPDATE {schema}.store SET version = version {from} 1"),
                )
            }
            FOREIGN => (
                format!(
                    "CREATE SCHEMA {schema} AUTHORIZATION app; CREATE TABLE {schema}.store (x int); GRANT ALL ON {schema}.store TO app"
                ),
                format!("DROP SCHEMA {schema} CASCADE"),
            ),
            other => return Err(Error::unexpected(format!("`{other}` is no fault of a server"))),
        };
        server.execute(&cause).await;
        Ok(Box::pin(async move { server.execute(&undo).await }))
    }
}

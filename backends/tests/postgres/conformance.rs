//! Postgres under the conformance kit, with the faults that a server may have.

use std::sync::Arc;

use astload_backends::postgres::PostgresFactory;
use astload_backends::{BackendFactory, Error, ErrorKind, Result};
use astload_fixtures::conformance::{
    FreshStore, InjectedFault, Moment, Settings, Subject, Undo, run, undo_by_drop,
};
use async_trait::async_trait;
use serde_json::Value;

use super::server::{Dropped, Server, connect, options};

#[test]
fn postgres_conforms_over_tls() {
    let Some(server) = Server::started() else { return };
    let url = server.url();
    run(Arc::new(Postgres { server, url }), Settings::default()).assert_conformant();
}

struct Postgres {
    server: Server,
    url: String,
}

const LOCKED: &str = "a lock of another session";
const FORBIDDEN: &str = "a role without rights";
const TRIGGER: &str = "a trigger that refuses";
const NEWER: &str = "a schema of a later version";
const FOREIGN: &str = "a table of another program";

#[async_trait]
impl Subject for Postgres {
    fn factory(&self) -> Arc<dyn BackendFactory> {
        Arc::new(PostgresFactory)
    }

    async fn fresh(&self) -> Result<FreshStore> {
        let schema = self.server.name();
        let mut options = options(&self.url, &schema);
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
            NEWER => {
                connect(options).await?.close().await?;
                (
                    format!("UPDATE {schema}.store SET version = 99"),
                    format!("UPDATE {schema}.store SET version = 1"),
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

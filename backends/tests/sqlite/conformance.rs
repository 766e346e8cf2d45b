//! SQLite under the conformance kit, with the faults that a file may have.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use astload_backends::sqlite::SqliteFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Error, ErrorKind, Result};
use astload_fixtures::conformance::{
    CLAUSES, FreshStore, InjectedFault, Moment, Settings, Subject, Undo, run, run_clauses,
    undo_by_drop,
};
use astload_model::limits::UNIT_NODES_MAX;
use async_trait::async_trait;
use rusqlite::Connection;
use serde_json::{Value, json};

#[test]
fn sqlite_conforms() {
    // The default store: more random histories than the kit tries by itself.
    let settings = Settings { cases: 40, ..Settings::default() };
    run(Arc::new(Sqlite), settings).assert_conformant();
}

#[test]
#[ignore = "takes minutes and gigabytes; CONTRIBUTING.md has its command"]
fn sqlite_keeps_a_unit_of_as_many_nodes_as_the_limit() {
    let settings = Settings {
        large_unit_nodes: UNIT_NODES_MAX,
        time_limit: Duration::from_secs(1800),
        ..Settings::default()
    };
    run_clauses(Arc::new(Sqlite), settings, &CLAUSES[11..12]).assert_conformant();
}

struct Sqlite;

const LOCKED: &str = "a lock of another program";
const NO_DATABASE: &str = "a file that is no database";
const FOREIGN: &str = "a database of another program";
const NEWER: &str = "a schema of a later version";
const OLDER: &str = "a schema of an earlier version";
const FULL: &str = "a full disk";

#[async_trait]
impl Subject for Sqlite {
    fn factory(&self) -> Arc<dyn BackendFactory> {
        Arc::new(SqliteFactory)
    }

    async fn fresh(&self) -> Result<FreshStore> {
        let folder = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
        // A short wait, for there are checks that meet a lock on purpose.
        let options = json!({ "path": folder.path().join("s.db"), "busy_timeout_ms": 100 });
        Ok(FreshStore::new(options, folder))
    }

    fn faults(&self) -> Vec<InjectedFault> {
        let fault = |name, moment, kind| InjectedFault { name, moment, kind };
        vec![
            fault(LOCKED, Moment::Connected, ErrorKind::Transient),
            fault(NO_DATABASE, Moment::Connecting, ErrorKind::Misconfigured),
            fault(FOREIGN, Moment::Connecting, ErrorKind::Misconfigured),
            fault(NEWER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(OLDER, Moment::Connecting, ErrorKind::Misconfigured),
            fault(FULL, Moment::Connecting, ErrorKind::Misconfigured),
        ]
    }

    async fn cause(&self, fault: &str, options: &Value) -> Result<Undo> {
        let path = PathBuf::from(options["path"].as_str().unwrap_or_default());
        let caused = match fault {
            LOCKED => return Ok(undo_by_drop(open(&path, "BEGIN IMMEDIATE"))),
            NO_DATABASE => fs::write(&path, "no database\n".repeat(100)),
            FOREIGN => {
                drop(open(&path, "CREATE TABLE theirs(x)"));
                Ok(())
            }
            NEWER | OLDER => {
                let version = if fault == NEWER { 99 } else { 1 };
                let ours = "PRAGMA application_id = 1634956396; PRAGMA user_version";
                drop(open(&path, &format!("{ours} = {version}")));
                Ok(())
            }
            // The log is where every write goes first, and this device has no room for any. It would
            // be taken away beside an empty file.
            FULL => {
                let backend = connect(options).await?;
                backend.close().await?;
                std::os::unix::fs::symlink("/dev/full", beside(&path, "-wal"))
            }
            other => return Err(Error::unexpected(format!("`{other}` is no fault of a file"))),
        };
        caused.map_err(|error| Error::unexpected(error.to_string()))?;
        Ok(Box::pin(async move {
            for end in ["", "-wal", "-shm"] {
                // Not every fault makes every file.
                fs::remove_file(beside(&path, end)).ok();
            }
        }))
    }
}

async fn connect(options: &Value) -> Result<Arc<dyn Backend>> {
    let config = BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    SqliteFactory.connect(config).await
}

fn open(path: &Path, statements: &str) -> Connection {
    let connection = Connection::open(path).expect("opens");
    connection.execute_batch(statements).expect("runs");
    connection
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

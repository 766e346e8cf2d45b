//! The server that `tests/services/run postgres` started, schemas in it, and `psql` beside us.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use astload_backends::postgres::PostgresFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory};
use astload_model::Batch;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::started::Started;

/// The columns of each table, in the order in which both sides copy them.
const COPIED: [&str; 4] = ["symbol", "node", "edge", "unit"];

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    started: Started,
    port: u16,
}

impl Server {
    /// The one that the launcher started, which has to sync as in earnest.
    ///
    /// # Errors
    /// Where there is none.
    pub fn started() -> Result<Self> {
        let started = Started::required("postgres")?;
        let server = Self { port: started.port()?, started };
        let fsync = server.psql("SHOW fsync")?;
        ensure!(fsync == "on", "the server does not sync: start it with ASTLOAD_TEST_FSYNC=on");
        Ok(server)
    }

    /// The database, over TLS, all verified.
    pub fn url(&self) -> String {
        let (port, authority) =
            (self.port, self.started.folder().join("ca.crt").display().to_string());
        format!(
            "postgres://app:apppw@localhost:{port}/app?sslmode=verify-full&sslrootcert={authority}"
        )
    }

    /// The same for a program that knows no authority, in a schema.
    pub fn peer_url(&self, schema: &str) -> String {
        let port = self.port;
        format!(
            "postgres://app:apppw@localhost:{port}/app?sslmode=require&options=-csearch_path%3D{schema}"
        )
    }

    /// Writes what is in memory to the disk, so that it is not written in the middle of what is measured.
    ///
    /// # Errors
    /// Where it fails.
    pub fn checkpoint(&self) -> Result<()> {
        let port = self.port.to_string();
        let mut psql = Command::new("psql");
        psql.arg("-h").arg(self.started.folder()).args([
            "-p",
            &port,
            "-U",
            "postgres",
            "-qc",
            "CHECKPOINT",
        ]);
        ensure!(psql.status()?.success(), "psql failed");
        Ok(())
    }

    /// What `psql` says to statements; by the way that astload takes.
    ///
    /// # Errors
    /// Where it fails.
    pub fn psql(&self, statements: &str) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args([&self.url(), "-qAtX", "-v", "ON_ERROR_STOP=1"]);
        psql.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = psql.spawn().context("psql does not run")?;
        std::io::Write::write_all(
            &mut child.stdin.take().context("piped")?,
            statements.as_bytes(),
        )?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "psql failed");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// A schema of the server.
#[derive(Debug)]
pub struct PgSchema {
    server: Server,
    name: String,
}

impl PgSchema {
    /// One that is made anew, without indexes.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn bare(server: &Server, name: &str) -> Result<Self> {
        let schema = Self { server: server.clone(), name: name.to_owned() };
        let statements = PostgresFactory.schema(&schema.options(1))?;
        let bare =
            statements.iter().filter(|one| !one.contains(" INDEX ") && !one.starts_with("UPDATE"));
        let bare: Vec<&str> = bare.map(String::as_str).collect();
        server.psql(&format!(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {name} CASCADE; {};",
            bare.join(";\n")
        ))?;
        Ok(schema)
    }

    /// One that is there.
    pub fn there(server: &Server, name: &str) -> Self {
        Self { server: server.clone(), name: name.to_owned() }
    }

    /// The options of a backend with so many connections.
    pub fn options(&self, connections: usize) -> Value {
        json!({ "url": self.server.url(), "schema": self.name, "connections": connections })
    }

    /// The statements that make its indexes; the keys first.
    ///
    /// # Errors
    /// Never for a schema of ours.
    pub fn indexes(&self) -> Result<Vec<String>> {
        let all = PostgresFactory.schema(&self.options(1))?;
        Ok(all.into_iter().filter(|one| one.contains(" INDEX ")).collect())
    }

    /// Runs statements within it.
    ///
    /// # Errors
    /// Where one fails.
    pub fn sql(&self, statements: &str) -> Result<String> {
        self.server.psql(&format!("SET search_path = {}; {statements}", self.name))
    }

    /// A backend of it.
    ///
    /// # Errors
    /// Where it cannot connect.
    pub fn connect(&self, runtime: &Runtime, connections: usize) -> Result<Arc<dyn Backend>> {
        let options = self.options(connections);
        let config = BackendConfig { options, access: Access::Write, selection: None };
        Ok(runtime.block_on(PostgresFactory.connect(config))?)
    }

    /// Writes each table into a file, as `COPY` in binary gives it.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn dump(&self, folder: &Path) -> Result<()> {
        self.sql(&copies("TO", folder)).map(drop)
    }

    /// Reads the files of another one.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn restore(&self, folder: &Path) -> Result<()> {
        self.sql(&format!("BEGIN;\n{}COMMIT;", copies("FROM", folder))).map(drop)
    }

    /// Rows of nodes, edges, symbols and units.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn rows(&self) -> Result<u64> {
        let counts = COPIED.map(|table| format!("(SELECT count(*) FROM {table})"));
        Ok(self.sql(&format!("SELECT {};", counts.join(" + ")))?.parse()?)
    }
}

fn copies(way: &str, folder: &Path) -> String {
    let copy = |table: &&str| {
        format!("\\copy {table} {way} '{}' (FORMAT binary)\n", folder.join(table).display())
    };
    COPIED.iter().map(copy).collect()
}

/// Writes batches with a backend, so many at the same time.
///
/// # Errors
/// Where one is not written.
pub fn write_all(
    runtime: &Runtime,
    backend: &Arc<dyn Backend>,
    batches: &[Batch],
    at_once: usize,
) -> Result<()> {
    let writes = batches.iter().map(|batch| {
        let (backend, batch) = (backend.clone(), batch.clone());
        async move {
            let written = tokio::spawn(async move { backend.write_batch(&batch).await });
            anyhow::Ok(written.await??)
        }
    });
    runtime.block_on(async {
        futures::stream::iter(writes).buffer_unordered(at_once).try_for_each(async |_| Ok(())).await
    })
}

/// The same batches, joined up to so many rows each.
pub fn joined(batches: &[Batch], rows: usize) -> Vec<Batch> {
    let (mut all, mut some, mut sum) = (Vec::new(), Vec::new(), 0);
    for unit in batches.iter().flat_map(|batch| (0..batch.len()).map(|at| batch.slice(at..at + 1)))
    {
        if sum > 0 && sum + unit.rows() > rows {
            all.extend(Batch::concat(&std::mem::take(&mut some)));
            sum = 0;
        }
        sum += unit.rows();
        some.push(unit);
    }
    all.extend(Batch::concat(&some));
    all
}

//! Stores in the server that the launcher started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::skipped;

static STORES: AtomicUsize = AtomicUsize::new(0);

/// A schema of the server's database `app`, which is dropped with this.
#[derive(Debug)]
pub struct PgStore {
    folder: PathBuf,
    port: String,
    schema: String,
}

impl PgStore {
    /// One that nobody else uses; without a server, says that the test is skipped.
    ///
    /// # Panics
    /// Where the server's folder is not what the launcher makes.
    pub fn new() -> Option<Self> {
        let Some(folder) = std::env::var_os("ASTLOAD_TEST_POSTGRES").map(PathBuf::from) else {
            skipped("there is no PostgreSQL: tests/run starts one");
            return None;
        };
        Some(Self::in_folder(folder))
    }

    /// One in the server of this folder.
    ///
    /// # Panics
    /// Where it is not what the launcher makes.
    pub fn in_folder(folder: PathBuf) -> Self {
        let port = fs::read_to_string(folder.join("port")).expect("a port").trim().to_owned();
        let number = STORES.fetch_add(1, Ordering::Relaxed);
        Self { folder, port, schema: format!("e{}_{number}", std::process::id()) }
    }

    /// Its URL, over TLS, all verified.
    pub fn url(&self) -> String {
        let (port, schema) = (&self.port, &self.schema);
        let authority = self.folder.join("ca.crt").display().to_string();
        format!(
            "postgres://app:apppw@localhost:{port}/app?schema={schema}&sslmode=verify-full&sslrootcert={authority}"
        )
    }

    /// The server's folder.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// What the superuser's `psql` says to statements, in which the schema comes first.
    ///
    /// # Panics
    /// Where it fails.
    #[track_caller]
    pub fn psql(&self, statements: &str) -> String {
        let output = self.command(statements).output().expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    }

    /// The superuser's `psql`, ready to be started.
    pub fn command(&self, statements: &str) -> Command {
        let mut command = Command::new("psql");
        command
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port, "-U", "postgres", "-d", "app", "-qAtX"])
            .args(["-v", "ON_ERROR_STOP=1", "-c", statements])
            .env("PGOPTIONS", format!("-c search_path={},pg_catalog", self.schema));
        command
    }
}

impl Drop for PgStore {
    fn drop(&mut self) {
        // A server that a test has stopped takes its stores along.
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        self.command(&drop).output().ok();
    }
}

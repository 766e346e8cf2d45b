//! A database of the server that the launcher started, with roles of one's own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::process::{Finished, Running};
use crate::skipped;

/// A database of a real server, which is dropped in the end.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    port: u16,
    name: String,
}

/// Databases of this process.
static DATABASES: AtomicUsize = AtomicUsize::new(0);

impl Database {
    /// An empty one of user `app`; without a server, says that the test is skipped.
    ///
    /// # Panics
    /// Where the server does not make it.
    pub fn new() -> Option<Self> {
        let Some(folder) = std::env::var_os("ASTLOAD_TEST_POSTGRES").map(PathBuf::from) else {
            skipped("there is no server: tests/services/run postgres -- cargo test …");
            return None;
        };
        let port = fs::read_to_string(folder.join("port")).expect("the server's port");
        let port = port.trim().parse().expect("a port");
        let count = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{count}", std::process::id());
        let database = Self { folder, port, name };
        database.serve(&format!("CREATE DATABASE {} OWNER app", database.name)).exits(0);
        Some(database)
    }

    /// A name that nobody else on the server has, for a role.
    pub fn own(&self, name: &str) -> String {
        format!("{}_{name}", self.name)
    }

    /// The URL of a store in it, all verified: for a user with the password, with options.
    pub fn url(&self, user: &str, password: &str, options: &str) -> String {
        let (port, name, ca) = (self.port, &self.name, self.folder.join("ca.crt"));
        let tls = format!("sslmode=verify-full&sslrootcert={}", ca.display());
        format!("postgres://{user}:{password}@localhost:{port}/{name}?{tls}{options}")
    }

    /// What `psql` prints for statements of a user in a schema: a row a line, values joined by `|`.
    pub fn ask(&self, user: &str, schema: &str, statements: &str) -> Finished {
        let mut psql = self.psql(user, &self.name);
        psql.env("PGOPTIONS", format!("-c search_path={schema}"));
        run(psql, statements)
    }

    /// Runs statements of the superuser, outside of the database.
    pub fn serve(&self, statements: &str) -> Finished {
        run(self.psql("postgres", "postgres"), statements)
    }

    /// Through the socket nobody needs a password.
    fn psql(&self, user: &str, database: &str) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-qAt", "-U", user, "-d", database]);
        psql.arg("-h").arg(&self.folder).arg("-p").arg(self.port.to_string());
        psql
    }
}

fn run(psql: Command, statements: &str) -> Finished {
    let mut running = Running::start(psql);
    running.feed(statements.as_bytes());
    running.finish()
}

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = self.serve(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        if !std::thread::panicking() {
            dropped.exits(0);
        }
    }
}

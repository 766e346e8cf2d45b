//! The server that the launcher started, and stores in it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_backends::postgres::PostgresFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Result};
use serde_json::{Value, json};
use tokio_postgres::{Client, Config, NoTls};

/// A real server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
}

/// Stores of this process.
static STORES: AtomicUsize = AtomicUsize::new(0);

impl Server {
    /// The one that `tests/services/run postgres` started; without it, says that the test is skipped.
    pub(crate) fn started() -> Option<Self> {
        let Some(folder) = std::env::var_os("ASTLOAD_TEST_POSTGRES").map(PathBuf::from) else {
            skipped("there is no server: tests/services/run postgres -- cargo test …");
            return None;
        };
        let port = fs::read_to_string(folder.join("port")).expect("the server's port");
        Some(Self { folder, port: port.trim().parse().expect("a port") })
    }

    /// What leads to it over TLS, all verified.
    pub(crate) fn url(&self) -> String {
        self.url_by(
            "app:apppw@localhost",
            &format!("sslmode=verify-full&sslrootcert={}", self.authority()),
        )
    }

    pub(crate) fn authority(&self) -> String {
        self.folder.join("ca.crt").display().to_string()
    }

    pub(crate) fn url_by(&self, who_and_where: &str, parameters: &str) -> String {
        format!("postgres://{who_and_where}:{}/app?{parameters}", self.port)
    }

    /// A connection of the superuser's to database `app`.
    pub(crate) async fn superuser(&self) -> Client {
        let mut config = Config::new();
        config.host_path(&self.folder).port(self.port).user("postgres").dbname("app");
        let (client, connection) = config.connect(NoTls).await.expect("the superuser connects");
        tokio::spawn(connection);
        client
    }

    pub(crate) async fn execute(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.expect("executed");
    }

    /// A name for a schema that nobody else uses.
    pub(crate) fn name(&self) -> String {
        format!("t{}_{}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed))
    }
}

/// Drops a schema when the store is not needed any more.
pub(crate) struct Dropped {
    pub(crate) server: Server,
    pub(crate) schema: String,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let drop = async {
            let statement = format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.schema);
            self.server.execute(&statement).await;
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(drop));
    }
}

/// Options of a store that nobody else uses.
pub(crate) fn options(url: &str, schema: &str) -> Value {
    json!({ "url": url, "schema": schema })
}

pub(crate) async fn connect(options: &Value) -> Result<Arc<dyn Backend>> {
    let config = BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    PostgresFactory.connect(config).await
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("\n*** SKIPPED {test}: {why} ***\n");
}

//! The server that the launcher started, and stores in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use astload_backends::postgres::PostgresFactory;
use astload_backends::{Access, Backend, BackendConfig, BackendFactory, Result};
pub(crate) use astload_fixtures::servers::{Proxy, folder_of, port_of};
use serde_json::Value;
use tokio::runtime::Handle;
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
        folder_of("postgres").map(Self::at)
    }

    /// The server whose folder this is.
    pub(crate) fn at(folder: PathBuf) -> Self {
        let port = port_of(&folder);
        Self { folder, port }
    }

    /// What leads to it over TLS, all verified.
    pub(crate) fn url(&self) -> String {
        self.url_by(
            "app:apppw@localhost",
            &format!("sslmode=verify-full&sslrootcert={}", self.authority()),
        )
    }

    pub(crate) fn authority(&self) -> String {
        self.file("ca.crt")
    }

    /// A file of the server's folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What leads through a proxy. Without TLS, so that what is cut is what the server speaks.
    pub(crate) fn url_through(proxy: &Proxy) -> String {
        format!("postgres://plain:plainpw@127.0.0.1:{}/app?sslmode=disable", proxy.port)
    }

    /// The same, encrypted.
    pub(crate) fn tls_url_through(proxy: &Proxy) -> String {
        format!("postgres://app:apppw@127.0.0.1:{}/app?sslmode=require", proxy.port)
    }

    pub(crate) fn url_by(&self, who_and_where: &str, parameters: &str) -> String {
        format!("postgres://{who_and_where}:{}/app?{parameters}", self.port)
    }

    /// A connection of the superuser's to database `app`.
    pub(crate) async fn superuser(&self) -> Client {
        self.try_superuser().await.expect("the superuser connects")
    }

    async fn try_superuser(&self) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host_path(&self.folder).port(self.port).user("postgres").dbname("app");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Executes statements that take away what a test made. A test that has failed already says why.
    pub(crate) fn clean_up(&self, statements: &str) {
        let clean_up = async { self.try_superuser().await?.batch_execute(statements).await };
        let cleaned = tokio::task::block_in_place(|| Handle::current().block_on(clean_up));
        assert!(cleaned.is_ok() || std::thread::panicking(), "{statements}: {cleaned:?}");
    }

    pub(crate) async fn execute(&self, statements: &str) {
        self.superuser().await.batch_execute(statements).await.expect("executed");
    }

    /// The one number that a question has for an answer.
    pub(crate) async fn number(&self, question: &str) -> i64 {
        self.superuser().await.query_one(question, &[]).await.expect("answered").get(0)
    }

    /// A role that nobody else uses, with these options and [`PASSWORD`].
    pub(crate) async fn role(&self, options: &str) -> Role {
        let name = self.name();
        self.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' {options}")).await;
        Role { server: self.clone(), name }
    }

    /// A name for a schema that nobody else uses.
    pub(crate) fn name(&self) -> String {
        format!("t{}_{}", std::process::id(), STORES.fetch_add(1, Ordering::Relaxed))
    }
}

/// The password of roles that tests make.
pub(crate) const PASSWORD: &str = "hushpw";

/// A role of a test, gone with all that it owns when it is dropped.
pub(crate) struct Role {
    server: Server,
    pub(crate) name: String,
}

impl Role {
    /// What leads it to the server.
    pub(crate) fn url(&self) -> String {
        self.server.url_by(&format!("{}:{PASSWORD}@localhost", self.name), "sslmode=require")
    }

    /// A statement of the superuser's in which `NAME` is this role.
    pub(crate) async fn execute(&self, statement: &str) {
        self.server.execute(&statement.replace("NAME", &self.name)).await;
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let Self { server, name } = self;
        let end = format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{name}';
             DROP OWNED BY {name} CASCADE; DROP ROLE {name}"
        );
        server.clean_up(&end);
    }
}

/// Drops a schema when the store is not needed any more.
pub(crate) struct Dropped {
    pub(crate) server: Server,
    pub(crate) schema: String,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let schema = self.schema.replace('"', "\"\"");
        self.server.clean_up(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE"));
    }
}

pub(crate) async fn connect(options: &Value) -> Result<Arc<dyn Backend>> {
    let config = BackendConfig { options: options.clone(), access: Access::Write, selection: None };
    PostgresFactory.connect(config).await
}

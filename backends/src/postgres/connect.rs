//! Connections: the pool, what each session is set to, and how long one is held.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use astload_connection::{PoolSettings, pool};
use deadpool_postgres::{
    ClientWrapper, Connect, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Transaction,
};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error as PgError, IsolationLevel, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::classify::{Attempt, of_pool};
use super::conninfo::ConnInfo;
use super::options::{Durability, PostgresOptions};
use super::read::Value;
use crate::error::{Error, Result};
use crate::factory::Access;

/// All connections of a backend.
pub(super) struct Connections {
    pool: Pool,
    /// Where transactions are pooled, what a transaction is set to.
    local: Option<String>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Connections {
    /// Connects to nothing yet.
    pub(super) fn new(info: &ConnInfo, options: &PostgresOptions, access: Access) -> Result<Self> {
        let session = settings(options, access);
        let (at_first, local) = match options.pgbouncer {
            true => (String::new(), Some(local(&session))),
            false => (session_statement(&session), None),
        };
        let opening = Opening { tls: info.tls.connector()?, at_first };
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(info.config.clone(), opening, fast);
        let size = options.connections as usize;
        // The one besides writes is for probes and questions.
        let pool_settings = PoolSettings { size: size + 1, ..PoolSettings::default() };
        let pool = pool(manager, pool_settings)
            .map_err(|error| Error::unexpected(format!("a pool of connections: {error}")))?;
        Ok(Self { pool, local })
    }

    /// A connection that is ours until it is given back.
    pub(super) async fn lease(&self) -> Result<Lease<'_>> {
        let client = self.pool.get().await.map_err(of_pool)?;
        Ok(Lease {
            client: Some(client),
            connections: self,
            is_open: false,
            is_copying: false.into(),
        })
    }

    /// Whether a session is not ours alone.
    pub(super) fn is_pooled(&self) -> bool {
        self.local.is_some()
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// A connection that is held. Dropped before it is given back, it is closed: nobody knows what the
/// server is still doing on it.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    client: Option<Object>,
    connections: &'a Connections,
    /// Whether a transaction was begun and not committed.
    is_open: bool,
    /// Whether a `COPY` was begun and not finished.
    is_copying: AtomicBool,
}

impl Lease<'_> {
    /// Begins a transaction.
    pub(super) async fn begin(&mut self, what: &str) -> Result<Tx<'_>> {
        let Self { client, connections, is_open, is_copying } = self;
        *is_open = true;
        let transaction = held(client)?.transaction().await.attempt(what)?;
        Tx::set(transaction, connections.local.as_deref(), is_open, is_copying, what).await
    }

    /// Begins a transaction that reads one state of the store.
    pub(super) async fn snapshot(&mut self, what: &str) -> Result<Tx<'_>> {
        let Self { client, connections, is_open, is_copying } = self;
        *is_open = true;
        // Said as it begins: it cannot be said any more after the first question.
        let transaction = held(client)?.build_transaction();
        let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead);
        let transaction = transaction.read_only(true).start().await.attempt(what)?;
        Tx::set(transaction, connections.local.as_deref(), is_open, is_copying, what).await
    }

    /// All rows of one question.
    pub(super) async fn ask(
        &mut self,
        question: &str,
        values: &[Value<'_>],
        what: &str,
    ) -> Result<Vec<Row>> {
        if self.connections.local.is_none() {
            // By itself it takes one round trip.
            return held(&mut self.client)?.query_typed(question, values).await.attempt(what);
        }
        let tx = self.begin(what).await?;
        let rows = tx.transaction.query_typed(question, values).await.attempt(what)?;
        tx.commit(what).await?;
        Ok(rows)
    }

    /// Runs a statement that cannot be part of a transaction.
    pub(super) async fn alone(&mut self, statement: &str, what: &str) -> Result<()> {
        held(&mut self.client)?.batch_execute(statement).await.attempt(what)
    }

    /// Gives it back: the server has said all that it has to say. But where a `COPY` fails, the driver asks
    /// it twice whether it is ready, and takes its second answer for one to the next question
    /// (<https://github.com/rust-postgres/rust-postgres/issues/789>); and a pooler loses count of what
    /// follows at once, the end of the transaction and the next one's begin, and gives its connection to
    /// somebody else in between.
    pub(super) fn give_back(mut self) {
        let is_lost = self.is_open && self.connections.local.is_some();
        if is_lost || *self.is_copying.get_mut() {
            return;
        }
        if let Some(client) = self.client.take()
            && self.is_open
        {
            // A statement that was prepared before its table was changed fails for ever.
            client.statement_cache.clear();
        }
    }
}

fn held(client: &mut Option<Object>) -> Result<&mut Object> {
    client.as_mut().ok_or_else(|| Error::unexpected("a connection was given back already"))
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let abandoned: ClientWrapper = Object::take(client);
            drop(abandoned);
        }
    }
}

/// A transaction; dropped, it is rolled back.
pub(super) struct Tx<'a> {
    pub(super) transaction: Transaction<'a>,
    /// The next transaction may meet another server's session.
    is_pooled: bool,
    is_open: &'a mut bool,
    /// Whether a `COPY` was begun and not finished.
    pub(super) is_copying: &'a AtomicBool,
}

impl<'a> Tx<'a> {
    /// A transaction that is set to what its session is not.
    async fn set(
        transaction: Transaction<'a>,
        local: Option<&str>,
        is_open: &'a mut bool,
        is_copying: &'a AtomicBool,
        what: &str,
    ) -> Result<Self> {
        if let Some(local) = local {
            transaction.batch_execute(local).await.attempt(what)?;
        }
        Ok(Self { transaction, is_pooled: local.is_some(), is_open, is_copying })
    }

    /// A statement, which is known from before where sessions are our own.
    pub(super) async fn prepare(&self, sql: &str, what: &str) -> Result<Statement> {
        let prepared = match self.is_pooled {
            true => self.transaction.prepare(sql).await,
            false => self.transaction.prepare_cached(sql).await,
        };
        prepared.attempt(what)
    }

    pub(super) async fn commit(self, what: &str) -> Result<()> {
        self.transaction.commit().await.attempt(what)?;
        *self.is_open = false;
        Ok(())
    }
}

/// Opens a connection and sets its session.
struct Opening {
    tls: MakeRustlsConnect,
    at_first: String,
}

type Opened<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), PgError>> + Send + 'a>>;

impl Connect for Opening {
    fn connect(&self, config: &Config) -> Opened<'_> {
        let (tls, config) = (self.tls.clone(), config.clone());
        Box::pin(async move {
            let (client, connection) = config.connect(tls).await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    // Whoever waits for an answer is told, too.
                    tracing::debug!(%error, "a connection ended");
                }
            });
            if let Err(error) = client.batch_execute(&self.at_first).await {
                task.abort();
                return Err(error);
            }
            Ok((client, task))
        })
    }
}

/// What a session of ours is set to.
fn settings(options: &PostgresOptions, access: Access) -> Vec<(&'static str, String)> {
    let millis = |duration: Duration| {
        // The server's limit is that of an `int`.
        duration.as_millis().min(i32::MAX as u128).to_string()
    };
    let commit = match options.durability {
        Durability::Full => "on",
        Durability::Normal => "off",
    };
    let read_only = match access {
        Access::Read => "on",
        Access::Write | Access::Drop => "off",
    };
    let mut settings = vec![
        // Nobody else's names are met, whatever the role's own path is.
        ("search_path", "pg_catalog, pg_temp".to_owned()),
        ("statement_timeout", millis(options.statement_timeout())),
        ("lock_timeout", millis(options.lock_timeout())),
        ("synchronous_commit", commit.to_owned()),
        ("idle_in_transaction_session_timeout", millis(IDLE_MAX)),
    ];
    if !options.pgbouncer {
        // The pooler's connections are its own.
        settings.extend(KEEPALIVES.map(|(name, value)| (name, value.to_owned())));
    }
    if access == Access::Read {
        settings.push(("transaction_read_only", read_only.to_owned()));
    }
    settings
}

/// A client that went away without a word has locks until the server ends its transaction.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// While rows come in, only the way itself can tell that they have stopped for good.
const KEEPALIVES: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// A server that is still busy for somebody who has gone should find out soon.
const CHECK_CLIENT: &str =
    "SELECT pg_catalog.set_config('client_connection_check_interval', '1000', LOCAL)
     WHERE pg_catalog.current_setting('server_version_num')::int >= 140000";

fn session_statement(settings: &[(&'static str, String)]) -> String {
    let set = settings.iter().map(|(name, value)| match *name {
        "search_path" => format!("SET {name} = {value}; "),
        "transaction_read_only" => format!("SET default_{name} = {value}; "),
        _ => format!("SET {name} = '{value}'; "),
    });
    set.collect::<String>() + &CHECK_CLIENT.replace("LOCAL", "false")
}

/// The same for one transaction. Statements that somebody prepared on the server's session may have
/// the names that ours will have.
fn local(settings: &[(&'static str, String)]) -> String {
    let set = settings.iter().map(|(name, value)| match *name {
        "search_path" => format!("SET LOCAL {name} = {value}; "),
        _ => format!("SET LOCAL {name} = '{value}'; "),
    });
    format!("DEALLOCATE ALL; {}{}", set.collect::<String>(), CHECK_CLIENT.replace("LOCAL", "true"))
}

//! Connections: how one is made, how long a call may take, and what becomes of it when a call fails.
//!
//! The driver waits without end where a server stopped, keeps the locks of a transaction that was
//! dropped, and retries by itself for a minute where it is let: so everything here is a transaction of
//! its own, under a timeout, on a driver with one connection, which is thrown away whenever nobody can
//! tell what the server still does on it.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use astload_connection::{PoolSettings, pool};
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleResult, TimeoutType};
use neo4rs::{ConfigBuilder, Error as BoltError, Graph, Operation, Query, Txn};

use super::address::Address;
use super::classify::{self, Attempt};
use super::options::Neo4jOptions;
use super::value::Answer;
use crate::error::{Error, Result};
use crate::factory::Access;

/// How long one may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// After a wrong password none is tried for so long: a server that was asked three times refuses the
/// right one, too, for a while.
const REFUSED_FOR: Duration = Duration::from_secs(15);

/// Attempts at a transaction before others are said to be in its way.
const ATTEMPTS: usize = 8;

/// Rows of an answer that are fetched at once.
const FETCH: usize = 10_000;

/// All connections of a backend.
pub(super) struct Connections {
    pool: Pool<Drivers>,
    timeout: Duration,
    operation: Operation,
    refused: Mutex<Option<Instant>>,
    /// Where the driver asks for a routing table, and keeps to itself why it gets none: the server
    /// itself, until it has answered.
    direct: Option<Drivers>,
    has_answered: AtomicBool,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

impl Connections {
    /// Connects to nothing yet.
    pub(super) fn new(address: Address, options: &Neo4jOptions, access: Access) -> Result<Self> {
        let direct = address.direct().map(|direct| Drivers::new(direct, options)).transpose()?;
        let drivers = Drivers::new(address, options)?;
        // The one besides writes is for probes and questions.
        let size = options.connections as usize + 1;
        let pool = pool(drivers, PoolSettings { size, ..PoolSettings::default() })
            .map_err(|error| Error::unexpected(format!("a pool of connections: {error}")))?;
        let operation = match access {
            Access::Write | Access::Drop => Operation::Write,
            Access::Read => Operation::Read,
        };
        Ok(Self {
            pool,
            timeout: options.timeout(),
            operation,
            refused: Mutex::new(None),
            direct,
            has_answered: AtomicBool::new(false),
        })
    }

    pub(super) fn check_open(&self) -> Result<()> {
        match self.pool.is_closed() {
            true => Err(of_pool(PoolError::Closed)),
            false => Ok(()),
        }
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    /// Runs a transaction: committed where the work succeeds, else rolled back. It is run again where
    /// others were in its way: what they did is seen the next time.
    pub(super) async fn transact<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut Tx) -> Result<T> + Clone,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.transact_once(what, work.clone()).await {
                Err(error) if classify::is_meeting(&error) && attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }

    async fn transact_once<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&mut Tx) -> Result<T>,
    ) -> Result<T> {
        let lease = self.lease().await?;
        let mut tx = self.begin(&lease, what).await?;
        match work(&mut tx).await {
            Ok(value) if tx.is_kept => {
                tx.commit(what).await?;
                lease.give_back();
                Ok(value)
            }
            done => {
                if tx.roll_back().await {
                    lease.give_back();
                }
                done
            }
        }
    }

    /// All rows of one question, each a list.
    pub(super) async fn ask(&self, what: &str, query: Query) -> Result<Vec<Answer>> {
        self.transact(what, async |tx| tx.rows(query.clone(), what).await).await
    }

    async fn lease(&self) -> Result<Lease> {
        self.pool.get().await.map(|driver| Lease(Some(driver))).map_err(of_pool)
    }

    async fn begin(&self, lease: &Lease, what: &str) -> Result<Tx> {
        if self.is_refused() {
            return Err(classify::wrong_password("connecting")
                .with_hint("it was refused a moment ago; it is tried again in a while"));
        }
        let Some(driver) = &lease.0 else { return Err(Error::unexpected("no connection")) };
        let said = match self.ask_directly(what).await? {
            // Another server may have what this one has not.
            said @ (None | Some(BoltError::Neo4j(_))) => said,
            Some(error) => return Err(self.not_connected(error)),
        };
        let begun = driver.start_txn_as(self.operation, None);
        let longest = self.timeout.min(CONNECT_MAX);
        match (within(longest, what, begun).await?, said) {
            (Ok(inner), _) => {
                self.has_answered.store(true, Ordering::Relaxed);
                Ok(Tx { inner, timeout: self.timeout, is_kept: true })
            }
            (Err(BoltError::ServerUnavailableError(_)), Some(said)) => {
                Err(self.not_connected(said))
            }
            (Err(error), _) => Err(self.not_connected(error)),
        }
    }

    fn not_connected(&self, error: BoltError) -> Error {
        self.has_answered.store(false, Ordering::Relaxed);
        if matches!(error, BoltError::AuthenticationError(_)) {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        classify::classify("connecting", error)
    }

    /// What stands in the way to the server itself, if the driver would not say.
    async fn ask_directly(&self, what: &str) -> Result<Option<BoltError>> {
        let Some(direct) = &self.direct else { return Ok(None) };
        if self.has_answered.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let asking = async {
            let driver = direct.create().await?;
            driver.start_txn_as(self.operation, None).await?.rollback().await
        };
        Ok(within(self.timeout.min(CONNECT_MAX), what, asking).await?.err())
    }

    fn is_refused(&self) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_some_and(|at| at.elapsed() >= REFUSED_FOR) {
            *refused = None;
        }
        refused.is_some()
    }
}

/// A transaction. Whoever has it ends it.
pub(super) struct Tx {
    inner: Txn,
    timeout: Duration,
    /// Whether it is committed in the end.
    is_kept: bool,
}

impl Tx {
    /// Runs a statement that answers nothing; says how many nodes it made.
    pub(super) async fn run(&mut self, query: Query, what: &str) -> Result<u64> {
        let done = within(self.timeout, what, self.inner.run(query)).await?.attempt(what)?;
        Ok(done.nodes_created())
    }

    /// All rows of an answer, each of which is one list.
    pub(super) async fn rows(&mut self, query: Query, what: &str) -> Result<Vec<Answer>> {
        let inner = &mut self.inner;
        let mut stream = within(self.timeout, what, inner.execute(query)).await?.attempt(what)?;
        let mut rows = Vec::new();
        while let Some(row) =
            within(self.timeout, what, stream.next(&mut *inner)).await?.attempt(what)?
        {
            let list = row.get("row").map_err(|error| {
                Error::unexpected(format!("{what}: an answer of another form: {error}"))
            })?;
            rows.push(Answer::of(list));
        }
        Ok(rows)
    }

    /// Nothing of it is to stay.
    pub(super) fn abandon(&mut self) {
        self.is_kept = false;
    }

    async fn commit(self, what: &str) -> Result<()> {
        within(self.timeout, what, self.inner.commit()).await?.attempt(what).map(drop)
    }

    /// Says whether the server knows.
    async fn roll_back(self) -> bool {
        let ended =
            tokio::time::timeout(self.timeout.min(CONNECT_MAX), self.inner.rollback()).await;
        matches!(ended, Ok(Ok(())))
    }
}

/// A driver that is held. Dropped before it is given back, its connection is closed, and the server
/// rolls back what is open on it.
struct Lease(Option<Object<Drivers>>);

impl Lease {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(driver) = self.0.take() {
            drop(Object::take(driver));
        }
    }
}

/// The driver's futures are large: boxed, they do not make ours so.
fn within<T>(
    longest: Duration,
    what: &str,
    call: impl Future<Output = T>,
) -> impl Future<Output = Result<T>> {
    let call = Box::pin(call);
    async move {
        tokio::time::timeout(longest, call).await.map_err(|_| {
            Error::transient(format!("{what}: the server does not answer within {longest:?}"))
                .with_hint("check that it runs; `timeout` says how long it may take")
        })
    }
}

fn of_pool(error: PoolError<BoltError>) -> Error {
    match error {
        PoolError::Backend(error) => classify::classify("connecting", error),
        PoolError::Timeout(TimeoutType::Wait) => {
            Error::transient("no connection of the pool is free").for_overload()
        }
        PoolError::Closed => Error::misconfigured("the store is closed"),
        other => Error::unexpected(format!("connecting: {other}")),
    }
}

/// Makes drivers of one connection each, which they open when they are first used.
struct Drivers {
    address: Address,
    timeout: Duration,
    tls: super::tls::Tls,
}

impl Drivers {
    fn new(address: Address, options: &Neo4jOptions) -> Result<Self> {
        let tls = super::tls::Tls::of(options, address.is_encrypted)?;
        Ok(Self { address, timeout: options.timeout(), tls })
    }
}

impl Manager for Drivers {
    type Type = Graph;
    type Error = BoltError;

    async fn create(&self) -> Result<Graph, BoltError> {
        let Address { uri, user, password, database, .. } = &self.address;
        // Its time to connect is its time to read, too.
        let mut config = ConfigBuilder::new()
            .uri(uri)
            .user(user)
            .password(password)
            .max_connections(1)
            .fetch_size(FETCH)
            // Ours comes first, and says more.
            .connection_timeout(self.timeout + Duration::from_secs(1));
        if let Some(database) = database {
            config = config.db(database.as_str());
        }
        Graph::connect(self.tls.apply(config).build()?)
    }

    /// The driver resets its connection each time that it is used, and replaces one that is broken.
    async fn recycle(&self, _: &mut Graph, _: &Metrics) -> RecycleResult<BoltError> {
        Ok(())
    }
}

//! Connections that are kept and used again, for drivers that have no pool of their own and with
//! the same settings for those that have one: both are deadpool's.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{BuildError, Hook, HookError, Manager, Metrics, Object, Pool};

/// How many connections, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Connections at most.
    pub size: usize,
    /// How long a call waits for one that is free.
    pub wait: Duration,
    /// How long making one may take.
    pub connect: Duration,
    /// How long one may take to show that it lives, before it is handed out again.
    pub validate: Duration,
    /// One that is older is replaced, so that a store behind a balancer is met again everywhere.
    pub lifetime: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 4,
            wait: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            validate: Duration::from_secs(5),
            lifetime: Duration::from_secs(30 * 60),
        }
    }
}

/// A pool with these settings. Its manager validates a connection each time that it is handed out
/// again (`recycle`); one that is broken or too old is replaced.
///
/// # Errors
/// None with tokio.
pub fn pool<M, W>(manager: M, settings: PoolSettings) -> Result<Pool<M, W>, BuildError>
where
    M: Manager + Send + Sync + 'static,
    M::Type: Send,
    M::Error: Send,
    W: From<Object<M>>,
{
    let lifetime = settings.lifetime;
    let too_old = Hook::sync_fn(move |_: &mut M::Type, metrics: &Metrics| {
        if metrics.age() > lifetime {
            return Err(HookError::message("is older than its lifetime"));
        }
        Ok(())
    });
    Pool::builder(manager)
        .max_size(settings.size.max(1))
        .wait_timeout(Some(settings.wait))
        .create_timeout(Some(settings.connect))
        .recycle_timeout(Some(settings.validate))
        .runtime(Runtime::Tokio1)
        .pre_recycle(too_old)
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use deadpool::managed::{PoolError, RecycleResult, TimeoutType};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Connections to a listener of the test, which breaks them by closing its end.
    #[derive(Debug)]
    struct Sockets {
        address: std::net::SocketAddr,
        made: AtomicUsize,
    }

    impl Manager for Sockets {
        type Type = TcpStream;
        type Error = std::io::Error;

        async fn create(&self) -> std::io::Result<TcpStream> {
            self.made.fetch_add(1, Ordering::Relaxed);
            TcpStream::connect(self.address).await
        }

        async fn recycle(&self, socket: &mut TcpStream, _: &Metrics) -> RecycleResult<Self::Error> {
            match socket.try_read(&mut [0]) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
                Ok(_) => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                Err(error) => Err(error.into()),
            }
        }
    }

    async fn sockets(settings: PoolSettings) -> (TcpListener, Pool<Sockets>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let manager = Sockets { address, made: AtomicUsize::new(0) };
        (listener, pool(manager, settings).expect("built"))
    }

    fn made(pool: &Pool<Sockets>) -> usize {
        pool.manager().made.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_connection_is_used_again_and_a_broken_one_replaced() {
        let (listener, pool) = sockets(PoolSettings::default()).await;
        drop(pool.get().await.expect("connected"));
        let (theirs, _) = listener.accept().await.expect("accepted");
        drop(pool.get().await.expect("used again"));
        assert_eq!(made(&pool), 1);
        drop(theirs);
        let ours = pool.get().await.expect("a connection");
        ours.readable().await.ok();
        drop(ours);
        drop(pool.get().await.expect("replaced"));
        assert_eq!(made(&pool), 2);
    }

    #[tokio::test]
    async fn a_connection_that_is_too_old_is_replaced() {
        let settings = PoolSettings { lifetime: Duration::ZERO, ..PoolSettings::default() };
        let (_listener, pool) = sockets(settings).await;
        for expected in 1..4 {
            drop(pool.get().await.expect("connected"));
            assert_eq!(made(&pool), expected);
        }
    }

    #[tokio::test]
    async fn who_waits_for_too_long_is_told_so() {
        let settings =
            PoolSettings { size: 1, wait: Duration::from_millis(1), ..PoolSettings::default() };
        let (_listener, pool) = sockets(settings).await;
        let held = pool.get().await.expect("connected");
        let waited = pool.get().await.expect_err("none is free");
        assert!(matches!(waited, PoolError::Timeout(TimeoutType::Wait)), "{waited:?}");
        let status = pool.status();
        assert_eq!((status.size, status.available, status.waiting), (1, 0, 0));
        drop(held);
        assert_eq!(pool.status().available, 1);
    }
}

//! The one thread that writes.

use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::closed;
use super::write::Store;
use crate::error::{Error, Result};

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// Calls that wait for the thread; more wait for their turn to wait.
const QUEUE: usize = 4;

/// Hands work to the thread that owns the connection.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(store: Store) -> Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let run = move || {
            let mut store = store;
            while let Some(job) = waiting.blocking_recv() {
                job(&mut store);
            }
            store.close()
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(run)
            .map_err(|error| Error::unexpected("no thread to write with").with_source(error))?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs a job on the thread. A caller that goes away leaves the job to finish.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Nobody waits any more: the job is done all the same.
            reply.send(job(store)).ok();
        });
        jobs.ok_or_else(closed)?.send(job).await.map_err(|_| closed())?;
        answer.await.map_err(|_| Error::unexpected("the writing thread died"))?
    }

    /// Lets the thread finish what waits, and joins it.
    pub(super) async fn close(&self) -> Result<()> {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(result)) => result,
            _ => Err(Error::unexpected("the writing thread died")),
        }
    }
}

//! Builds what was postponed while rows came in.
//!
//! An index of a large table takes longer than anybody who waits for a write is patient. So it is
//! built by a task that goes on when nobody waits for it any more, and whoever comes next waits for
//! the same task.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinHandle};

use super::Store;
use super::classify::Attempt;
use super::connect::Tx;
use super::names::Lock;
use super::schema::Index;
use crate::error::{Error, ErrorKind, Result};

const WHAT: &str = "building an index";

/// The task that builds indexes, if there is one.
#[derive(Debug, Default)]
pub(super) struct Indexing {
    task: tokio::sync::Mutex<Option<JoinHandle<Result<()>>>>,
    abort: Mutex<Option<AbortHandle>>,
}

impl Indexing {
    /// Ends the task, if there is one, and waits for its end.
    pub(super) async fn stop(&self) {
        let running = self.abort.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.abort();
            // Whoever waits for it learns of it, too.
            if let Some(task) = self.task.lock().await.take() {
                task.await.ok();
            }
        }
    }
}

impl Store {
    /// Builds the indexes that are missing. A role that does not own the tables may not.
    pub(super) async fn build_indexes(self: &Arc<Self>) -> Result<()> {
        let mut running = self.indexing.task.lock().await;
        let task = running.get_or_insert_with(|| {
            let store = self.clone();
            let task = tokio::spawn(async move { store.build_missing().await });
            let abort = &mut *self.indexing.abort.lock().unwrap_or_else(PoisonError::into_inner);
            *abort = Some(task.abort_handle());
            task
        });
        let built = task.await;
        *running = None;
        built.unwrap_or_else(|error| Err(Error::transient(format!("{WHAT}: {error}"))))
    }

    /// The same, as part of the call.
    pub(super) async fn build_missing(&self) -> Result<()> {
        let rows = self.ask(WHAT, "SELECT indexed FROM {store}", &[]).await?;
        let missing = self.missing_indexes().await?;
        let is_first = !rows.first().is_some_and(|row| row.get(0));
        if !is_first && missing.is_empty() {
            return Ok(());
        }
        // Those of nodes take half of the time, and may have a connection of their own.
        let (of_nodes, others): (Vec<&Index>, Vec<&Index>) =
            missing.into_iter().partition(|index| index.name.starts_with("node"));
        let (of_nodes, others) =
            (self.build(&of_nodes, Lock::NodeIndexes), self.build(&others, Lock::Indexes));
        let built = match self.info.capabilities.concurrency {
            1 => async { of_nodes.await.and(others.await) }.await,
            _ => tokio::try_join!(of_nodes, others).map(drop),
        };
        if let Err(error) = &built
            && error.kind == ErrorKind::Misconfigured
        {
            self.cannot_index.store(true, Ordering::Relaxed);
        }
        built?;
        if is_first {
            self.analyse().await?;
            self.change(WHAT, async |tx| {
                let statement = self.names.sql("UPDATE {store} SET indexed = true");
                tx.transaction.batch_execute(&statement).await.attempt(WHAT)
            })
            .await?;
        }
        Ok(())
    }

    /// Builds each by itself: writers of the other tables go on meanwhile.
    async fn build(&self, indexes: &[&Index], lock: Lock) -> Result<()> {
        for index in indexes {
            self.change(WHAT, async |tx| {
                self.wait_to_index(lock, tx, WHAT).await?;
                let create = index.create(&self.names, &self.form);
                // The statement names no schema for the index, nor may another be met by its name.
                tx.transaction.batch_execute(&create).await.attempt(WHAT)
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until nobody else builds indexes, for as long as they take.
    async fn wait_to_index(&self, lock: Lock, tx: &Tx<'_>, what: &str) -> Result<()> {
        let settings = "SET LOCAL lock_timeout = 0;
            SELECT set_config(name, greatest(setting::bigint, 262144) || 'kB', true)
            FROM pg_settings WHERE name = 'maintenance_work_mem'";
        tx.transaction.batch_execute(settings).await.attempt(what)?;
        self.lock(lock, true, tx, what).await
    }

    /// Tells the planner what the tables hold.
    async fn analyse(&self) -> Result<()> {
        const WHAT: &str = "analysing";
        self.change(WHAT, async |tx| {
            self.wait_to_index(Lock::Indexes, tx, WHAT).await?;
            for table in ["word", "unit", "symbol", "node", "mention", "edge", "vector"] {
                let analyse = self.names.sql(&format!("ANALYZE {{{table}}}"));
                tx.transaction.batch_execute(&analyse).await.attempt(WHAT)?;
            }
            Ok(())
        })
        .await
    }
}

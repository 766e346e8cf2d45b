//! Which names are taken, by what, and who hears of it: all that threads share of a registry.
//!
//! The lock is the one that the module above has: a test puts this one under a lock that tries
//! schedules of threads.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use tokio::sync::broadcast;

use super::RwLock;

/// Changes that a subscriber may be behind; one that is further behind is told how many it missed.
const EVENTS: usize = 1_024;

/// Names, each with its owner, and a channel that tells of every change.
#[derive(Debug)]
pub(super) struct Names<T, E> {
    owners: RwLock<BTreeMap<&'static str, T>>,
    events: broadcast::Sender<E>,
}

impl<T, E: Clone> Default for Names<T, E> {
    fn default() -> Self {
        Self { owners: RwLock::new(BTreeMap::new()), events: broadcast::channel(EVENTS).0 }
    }
}

impl<T: Clone, E: Clone> Names<T, E> {
    /// Takes a name, and tells of it; where it is taken, gives back by whom.
    pub(super) fn take(
        &self,
        name: &'static str,
        owner: T,
        tell: impl FnOnce(&T) -> E,
    ) -> Result<(), T> {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = owners.get(name) {
            return Err(other.clone());
        }
        owners.insert(name, owner.clone());
        // Told under the lock, so that everybody hears of changes in their order.
        self.events.send(tell(&owner)).ok();
        Ok(())
    }

    /// Gives a name back, and tells of it; where nobody has it, gives those that are taken.
    pub(super) fn free(
        &self,
        name: &str,
        tell: impl FnOnce(&T) -> E,
    ) -> Result<T, Vec<&'static str>> {
        let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
        let Some(owner) = owners.remove(name) else { return Err(owners.keys().copied().collect()) };
        self.events.send(tell(&owner)).ok();
        Ok(owner)
    }

    /// Who has a name; where nobody has it, the names that are taken.
    pub(super) fn owner(&self, name: &str) -> Result<T, Vec<&'static str>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        owners.get(name).cloned().ok_or_else(|| owners.keys().copied().collect())
    }

    /// All owners, by name.
    pub(super) fn owners(&self) -> Vec<T> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        owners.values().cloned().collect()
    }

    /// Hears of every change from now on, in their order.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<E> {
        self.events.subscribe()
    }
}

//! The bounded channel between a source and the coordinator: so many batches, so many bytes.
//!
//! A batch's bytes count until it is in the journal, which has a bound of its own.

use std::sync::Arc;

use astload_backends::RepoClaim;
use astload_model::Batch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::tally::Tally;

/// The coordinator went away; nothing takes batches any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes batches any more")]
pub struct Closed;

/// Which lanes are to write a unit: a bit a lane.
pub type Lanes = u64;

/// How many lanes a load can have.
pub const LANES_MAX: usize = Lanes::BITS as usize;

/// What is on its way to the lanes.
#[derive(Debug)]
pub struct Delivery {
    /// What is delivered.
    pub cargo: Cargo,
    /// Its room in the channel.
    pub room: Room,
}

/// Room for so many bytes, which is given back when this is dropped.
#[derive(Debug)]
pub struct Room {
    _bytes: OwnedSemaphorePermit,
}

/// What a delivery holds.
#[derive(Debug)]
pub enum Cargo {
    /// A repository to be claimed, before its units.
    Repo(RepoClaim),
    /// Units, and which lanes want each of them.
    Units(Batch, Vec<Lanes>),
}

impl Cargo {
    /// The bytes that it takes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Repo(_) => size_of::<RepoClaim>(),
            Self::Units(batch, lanes) => batch.footprint() + size_of_val(lanes.as_slice()),
        }
    }
}

/// Where a source puts batches.
#[derive(Debug, Clone)]
pub struct Sender {
    deliveries: mpsc::Sender<Delivery>,
    bytes: Arc<Semaphore>,
    bytes_max: u32,
    sent: Arc<Tally>,
}

/// Where the coordinator gets them.
#[derive(Debug)]
pub struct Receiver {
    deliveries: mpsc::Receiver<Delivery>,
}

/// A channel that holds at most so many batches, and so many bytes.
pub fn channel(batches_max: usize, bytes_max: u32) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(batches_max);
    let bytes = Arc::new(Semaphore::new(bytes_max as usize));
    let sender = Sender { deliveries: sender, bytes, bytes_max, sent: Arc::default() };
    (sender, Receiver { deliveries: receiver })
}

impl Sender {
    /// Puts a batch in, and waits while there is no room. One that is larger than the whole bound
    /// waits until it is alone.
    ///
    /// # Errors
    /// [`Closed`] where the receiver is gone.
    pub async fn send(&self, batch: Batch, wanted: Vec<Lanes>) -> Result<(), Closed> {
        debug_assert_eq!(batch.len(), wanted.len(), "one set of lanes a unit");
        wanted.iter().for_each(|lanes| self.sent.add(*lanes));
        let bytes = u32::try_from(batch.footprint()).unwrap_or(u32::MAX).min(self.bytes_max);
        self.deliver(Cargo::Units(batch, wanted), bytes).await
    }

    /// The units that each lane was to write so far, whether they were taken or not.
    pub fn sent(&self) -> Arc<Tally> {
        self.sent.clone()
    }

    /// Has every lane claim a repository.
    ///
    /// # Errors
    /// [`Closed`] where the receiver is gone.
    pub async fn send_claim(&self, claim: RepoClaim) -> Result<(), Closed> {
        self.deliver(Cargo::Repo(claim), 0).await
    }

    async fn deliver(&self, cargo: Cargo, bytes: u32) -> Result<(), Closed> {
        let permit = self.bytes.clone().acquire_many_owned(bytes).await.map_err(|_| Closed)?;
        let delivery = Delivery { cargo, room: Room { _bytes: permit } };
        self.deliveries.send(delivery).await.map_err(|_| Closed)
    }
}

impl Receiver {
    /// The next deliveries, as many as wait, at least one; none when all senders are gone.
    pub async fn recv_many(&mut self, into: &mut Vec<Delivery>, most: usize) -> usize {
        self.deliveries.recv_many(into, most).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use astload_model::{BatchBuilder, NodeRow, UnitRow};

    use super::*;

    fn batch() -> Batch {
        let mut builder = BatchBuilder::default();
        let kind = builder.nodes.kind.key("k").expect("a key");
        let label = builder.nodes.label.key("File").expect("a key");
        builder.nodes.push(NodeRow { kind, label, ..NodeRow::at(0, None, 0) });
        let word = builder.units.repo.key("r").expect("a key");
        let layer = builder.units.layer.key("ast").expect("a key");
        let extractor = builder.units.extractor.key("e").expect("a key");
        builder.finish_unit(UnitRow { extractor, ..UnitRow::of(word, "p", layer) });
        builder.finish()
    }

    /// Whether a future is still waiting after one poll.
    async fn waits(future: impl Future) -> bool {
        let mut future = pin!(future);
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    async fn receive(receiver: &mut Receiver) -> Delivery {
        let mut received = Vec::new();
        receiver.recv_many(&mut received, 1).await;
        received.pop().expect("a delivery")
    }

    #[tokio::test]
    async fn a_full_channel_makes_the_source_wait() {
        let (sender, mut receiver) = channel(1, 1 << 20);
        sender.send(batch(), vec![1]).await.expect("room");
        assert!(waits(sender.send(batch(), vec![1])).await);
        drop(receive(&mut receiver).await);
        sender.send(batch(), vec![1]).await.expect("room again");
    }

    #[tokio::test]
    async fn bytes_count_until_the_batch_is_let_go() {
        let (sender, mut receiver) = channel(8, batch().footprint() as u32);
        sender.send(batch(), vec![1]).await.expect("room");
        let held = receive(&mut receiver).await;
        assert!(waits(sender.send(batch(), vec![1])).await);
        drop(held);
        assert!(!waits(sender.send(batch(), vec![1])).await);
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_bound_travels_alone() {
        let (sender, mut receiver) = channel(8, 1);
        sender.send(batch(), vec![1]).await.expect("alone");
        assert!(waits(sender.send(batch(), vec![1])).await);
        drop(receive(&mut receiver).await);
        assert!(!waits(sender.send(batch(), vec![1])).await);
    }

    #[tokio::test]
    async fn a_source_learns_that_nobody_listens() {
        let (sender, receiver) = channel(1, 1 << 20);
        drop(receiver);
        assert_eq!(sender.send(batch(), vec![1]).await, Err(Closed));
    }
}

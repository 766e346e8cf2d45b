//! Appends what comes to the journal, which all lanes read, and runs the lanes and who watches them.
//!
//! No lane waits for another: the journal holds what the slower ones still need.

use std::pin::pin;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::channel::{Delivery, Receiver, Room};
use crate::journal::{AppendError, Appender, Group, Journal};
use crate::lane::{Lane, LaneReport};

/// Deliveries that are appended at once, where they wait.
const GROUP_MAX: usize = 64;

/// What becomes of the lanes, and of what they were to get.
#[derive(Debug, Default)]
pub struct Carried {
    /// Each lane's report by its index, in order; a lane that panicked has none.
    pub lanes: Vec<(usize, LaneReport)>,
    /// Why the journal took no more; `None` where it took everything.
    pub error: Option<AppendError>,
}

/// Runs all lanes until the source is done.
pub async fn run(
    mut deliveries: Receiver,
    (mut appender, journal): (Appender, Journal),
    lanes: Vec<Lane>,
) -> Carried {
    let stop = CancellationToken::new();
    // Watching ends however this ends.
    let _stop = stop.clone().drop_guard();
    let mut watching = JoinSet::new();
    let mut running = JoinSet::new();
    let mut progress = Vec::new();
    for lane in lanes {
        let tail = journal.attach(&lane.name, lane.bit(), lane.settings.retention);
        progress.push(lane.progress.clone());
        let (monitor, backend, stop) = (lane.monitor.clone(), lane.backend.clone(), stop.clone());
        watching.spawn(async move { monitor.run(backend, stop).await });
        let monitor = lane.monitor.clone();
        running.spawn(async move {
            let index = lane.index;
            let report = lane.run(tail).await;
            monitor.drain("its lane has ended");
            (index, report)
        });
    }
    let mut carried = Carried::default();
    let mut next = Incoming::new(&journal);
    loop {
        if next.is_empty() && !next.receive(&mut deliveries).await {
            break;
        }
        let Incoming { group, rooms } = std::mem::replace(&mut next, Incoming::new(&journal));
        let mut append = pin!(appender.append_group(group));
        // What comes meanwhile is encoded while this is synced, and is synced together.
        let appended = loop {
            tokio::select! {
                biased;
                appended = &mut append => break appended,
                true = next.receive(&mut deliveries), if next.has_room() => {}
            }
        };
        drop(rooms);
        match appended {
            Ok(()) => {}
            // All lanes have ended, and say why.
            Err(AppendError::Unread) => break,
            Err(error) => {
                carried.error = Some(error);
                break;
            }
        }
        let appended = journal.last();
        for lane in &progress {
            lane.received.store(appended, Ordering::Relaxed);
        }
    }
    // The source learns that nobody takes batches; the lanes, that there are no more.
    drop(deliveries);
    drop(appender);
    while let Some(joined) = running.join_next().await {
        carried.lanes.extend(joined.ok());
    }
    carried.lanes.sort_by_key(|(index, _)| *index);
    carried
}

/// What is to be appended next.
struct Incoming {
    group: Group,
    /// Held until it is.
    rooms: Vec<Room>,
}

impl Incoming {
    fn new(journal: &Journal) -> Self {
        Self { group: journal.group(), rooms: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    fn has_room(&self) -> bool {
        self.rooms.len() < GROUP_MAX
    }

    /// Waits for a delivery, and adds those that are there; `false` when nothing will come.
    async fn receive(&mut self, deliveries: &mut Receiver) -> bool {
        let mut received = Vec::new();
        if deliveries.recv_many(&mut received, GROUP_MAX - self.rooms.len()).await == 0 {
            return false;
        }
        for Delivery { cargo, room } in received {
            self.group.push(cargo);
            self.rooms.push(room);
        }
        true
    }
}

//! Appends what comes to the journal, which all lanes read, and runs the lanes and who watches them.
//!
//! No lane waits for another: the journal holds what the slower ones still need.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::channel::{Delivery, Receiver, Room};
use crate::journal::{AppendError, Appender, Group, Journal};
use crate::lane::{Lane, LaneProgress, LaneReport};

/// How often the journal's lanes are looked after.
const UPKEEP: Duration = Duration::from_secs(1);

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
    let mut upkeep = Upkeep::new();
    let taken = take_in(&mut deliveries, &mut appender, &journal, &progress, &mut upkeep).await;
    carried.error = match taken {
        // All lanes have ended, and say why.
        Ok(()) | Err(AppendError::Unread) => None,
        Err(error) => Some(error),
    };
    // The source learns that nobody takes batches; the lanes, that there are no more.
    drop(deliveries);
    appender.end();
    loop {
        tokio::select! {
            joined = running.join_next() => match joined {
                Some(joined) => carried.lanes.extend(joined.ok()),
                None => break,
            },
            () = upkeep.is_due() => {
                if let Err(error) = upkeep.run(&mut appender).await {
                    carried.error.get_or_insert(error);
                }
            }
        }
    }
    if let Err(error) = upkeep.run(&mut appender).await {
        carried.error.get_or_insert(error);
    }
    carried.lanes.sort_by_key(|(index, _)| *index);
    carried
}

/// Appends what comes until nothing will.
async fn take_in(
    deliveries: &mut Receiver,
    appender: &mut Appender,
    journal: &Journal,
    lanes: &[Arc<LaneProgress>],
    upkeep: &mut Upkeep,
) -> Result<(), AppendError> {
    let mut next = Incoming::new(journal);
    loop {
        if next.is_empty() {
            tokio::select! {
                biased;
                () = upkeep.is_due() => {
                    upkeep.run(appender).await?;
                    continue;
                }
                received = next.receive(deliveries) => {
                    if !received {
                        return Ok(());
                    }
                }
            }
        }
        upkeep.run_if_due(appender).await?;
        let Incoming { group, rooms } = std::mem::replace(&mut next, Incoming::new(journal));
        let mut append = pin!(appender.append_group(group));
        // What comes meanwhile is encoded while this is synced, and is synced together.
        loop {
            tokio::select! {
                biased;
                appended = &mut append => break appended?,
                true = next.receive(deliveries), if next.has_room() => {}
            }
        }
        drop(rooms);
        let appended = journal.last();
        for lane in lanes {
            lane.received.store(appended, Ordering::Relaxed);
        }
    }
}

/// When the journal is to keep how far its lanes are, and let go of what all have passed.
struct Upkeep {
    due: Instant,
}

impl Upkeep {
    fn new() -> Self {
        Self { due: Instant::now() + UPKEEP }
    }

    async fn is_due(&self) {
        sleep_until(self.due).await;
    }

    async fn run_if_due(&mut self, appender: &mut Appender) -> Result<(), AppendError> {
        match Instant::now() >= self.due {
            true => self.run(appender).await,
            false => Ok(()),
        }
    }

    async fn run(&mut self, appender: &mut Appender) -> Result<(), AppendError> {
        let kept = appender.maintain().await;
        self.due = Instant::now() + UPKEEP;
        kept
    }
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

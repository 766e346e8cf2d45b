//! Appends what comes to the journal, which all lanes read, and runs the lanes and who watches them.
//!
//! No lane waits for another: the journal holds what the slower ones still need.

use std::sync::atomic::Ordering;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::channel::{Delivery, Receiver};
use crate::journal::{AppendError, Appender, Journal};
use crate::lane::{Lane, LaneReport};

/// Deliveries that are appended at once, where they wait.
const GROUP: usize = 16;

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
    let mut group: Vec<Delivery> = Vec::with_capacity(GROUP);
    while deliveries.recv_many(&mut group, GROUP).await > 0 {
        let cargo = group.drain(..).map(|delivery| delivery.cargo).collect();
        match appender.append(cargo).await {
            Ok(()) => {}
            // All lanes have ended, and say why.
            Err(AppendError::Unread) => break,
            Err(error) => {
                carried.error = Some(error);
                break;
            }
        }
        let appended = journal.status().last;
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

//! Hands every batch to every lane. Batches are shared, never copied.
//!
//! Each lane has a short queue, so the slowest one paces the source. A lane that ended takes
//! nothing more and holds nothing up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::channel::{Delivery, Receiver};
use crate::lane::{Lane, LaneProgress, LaneReport};

/// Batches that wait for one lane.
const LANE_QUEUE: usize = 2;

/// Runs all lanes until the source is done.
///
/// Returns each lane's report by its index, in order; a lane that panicked has none.
pub async fn run(mut batches: Receiver, lanes: Vec<Lane>) -> Vec<(usize, LaneReport)> {
    let mut running = JoinSet::new();
    let mut queues: Vec<(mpsc::Sender<Arc<Delivery>>, Arc<LaneProgress>)> = Vec::new();
    for lane in lanes {
        let (queue, deliveries) = mpsc::channel(LANE_QUEUE);
        queues.push((queue, lane.progress.clone()));
        running.spawn(async move { (lane.index, lane.run(deliveries).await) });
    }
    while let Some(delivery) = batches.recv().await {
        let mut ended = Vec::new();
        for (at, (queue, progress)) in queues.iter().enumerate() {
            progress.received.fetch_add(1, Ordering::Relaxed);
            if queue.send(delivery.clone()).await.is_err() {
                ended.push(at);
            }
        }
        for at in ended.into_iter().rev() {
            queues.remove(at);
        }
        if queues.is_empty() {
            break;
        }
    }
    // The source learns that nobody takes batches; the lanes, that there are no more.
    drop(batches);
    drop(queues);
    let mut reports = Vec::new();
    while let Some(joined) = running.join_next().await {
        reports.extend(joined.ok());
    }
    reports.sort_by_key(|(index, _)| *index);
    reports
}

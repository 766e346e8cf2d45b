//! A service over a journal in a folder, whose process ends in the middle, again and again.
//!
//! Whoever pushes sends again what was not acknowledged.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use astload_pipeline::channel::Cargo;
use astload_pipeline::journal::{Appender, Journal, Retention};
use astload_pipeline::lane::LaneReport;
use fastrand::Rng;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::plan::{Plan, Send};
use crate::stores::{FOREVER, Lanes, Outlook, Stores, land, process};
use crate::verdict::wrong_with;

/// What becomes of the process.
#[derive(Debug, Clone, Copy)]
enum End {
    After(Duration),
    /// It ends when there is nothing left to do.
    Well,
}

/// What is wrong afterwards.
pub(crate) fn run(plan: &Plan, crashes: &[Duration]) -> Vec<String> {
    let stores = Stores::of(plan);
    let folder = TempDir::new().expect("a folder");
    let mut random = Rng::with_seed(plan.seed ^ 0xd15c);
    // How many of the batches were acknowledged.
    let mut acknowledged = 0;
    let mut wrong = Vec::new();
    // After all is done, one process more has nothing to do, and does nothing.
    let ends = crashes.iter().map(|&after| End::After(after)).chain([End::Well, End::Well]);
    for (life, end) in ends.enumerate() {
        let service = Service { plan, stores: &stores, folder: folder.path(), life: life as u64 };
        match service.live(&mut acknowledged, end, &mut random) {
            Life::Stuck => return vec![format!("life {life} is stuck")],
            Life::Crashed => tear(folder.path(), &mut random),
            Life::Ended(reports) => {
                for (lane, report) in reports {
                    if report.error.is_some() || !report.lost.is_empty() {
                        wrong.push(format!("lane {lane} of life {life}: {report:?}"));
                    }
                    wrong.extend(wrong_with(plan, &stores, lane));
                }
            }
        }
    }
    wrong
}

/// How a process ended.
enum Life {
    Ended(Vec<(usize, LaneReport)>),
    Crashed,
    Stuck,
}

/// A process.
struct Service<'a> {
    plan: &'a Plan,
    stores: &'a Stores,
    folder: &'a Path,
    life: u64,
}

impl Service<'_> {
    fn live(&self, acknowledged: &mut usize, end: End, random: &mut Rng) -> Life {
        let runtime = process();
        runtime.block_on(async {
            let life = self.serve(acknowledged, random);
            match end {
                End::Well => timeout(FOREVER, life).await.map_or(Life::Stuck, Life::Ended),
                End::After(after) => timeout(after, life).await.map_or(Life::Crashed, Life::Ended),
            }
        })
        // With the runtime go the lanes, wherever they are.
    }

    /// Takes what is sent, and ends when all lanes have all.
    async fn serve(&self, acknowledged: &mut usize, random: &mut Rng) -> Vec<(usize, LaneReport)> {
        let opened = Journal::open(self.plan.journal, self.folder);
        let (mut appender, journal, recovery) = opened.expect("it opens");
        assert!(recovery.broken.is_empty() && recovery.set_aside.is_empty(), "{recovery:?}");
        let Lanes { lanes, cancelled, landings } =
            self.stores.lanes(self.plan, self.life, Outlook::AsPlanned);
        let mut running = JoinSet::new();
        let mut watching = JoinSet::new();
        for lane in lanes {
            let tail = journal.attach(&lane.name, lane.bit(), Retention::default());
            let (monitor, backend) = (lane.monitor.clone(), lane.backend.clone());
            let stop = cancelled.clone();
            watching.spawn(async move { monitor.run(backend, stop).await });
            running.spawn(async move { (lane.index, lane.run(tail).await) });
        }
        while *acknowledged < self.plan.sends.len() {
            let left = &self.plan.sends[*acknowledged..];
            let group = &left[..left.len().min(random.usize(1..=4))];
            push(&mut appender, group).await;
            *acknowledged += group.len();
            if random.u8(0..4) == 0 {
                appender.maintain().await.expect("kept");
            }
        }
        drop(appender);
        let reports = running.join_all().await;
        land(landings).await;
        reports
    }
}

/// Returns when all of them are acknowledged.
async fn push(appender: &mut Appender, group: &[Send]) {
    let mut cargo = Vec::new();
    for send in group {
        sleep(send.after).await;
        cargo.extend(send.claim.clone().map(Cargo::Repo));
        let (batch, wanted) = send.batch();
        cargo.push(Cargo::Units(batch, wanted));
    }
    appender.append(cargo).await.expect("appended");
}

/// Leaves behind the last segment what a write does that did not end.
fn tear(folder: &Path, random: &mut Rng) {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    let last = paths.filter(|path| path.extension().is_some_and(|end| end == "journal")).max();
    let (Some(last), true) = (last, random.bool()) else { return };
    let torn: Vec<u8> = (0..random.usize(1..300)).map(|_| random.u8(..)).collect();
    let file = OpenOptions::new().append(true).open(last);
    file.and_then(|mut file| file.write_all(&torn)).expect("written");
}

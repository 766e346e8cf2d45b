//! A load over a temporary journal, and once more where lanes gave up.

use std::time::Duration;

use astload_pipeline::channel::channel;
use astload_pipeline::coordinator;
use astload_pipeline::journal::Journal;
use astload_pipeline::lane::LaneReport;
use tokio::time::{sleep, timeout};

use crate::plan::Plan;
use crate::stores::{FOREVER, Lanes, Outlook, Stores, land, process};
use crate::verdict::wrong_with;

/// What is wrong afterwards.
pub(crate) fn run(plan: &Plan, stop_after: Option<Duration>) -> Vec<String> {
    let stores = Stores::of(plan);
    let Some(reports) = load(plan, &stores, Outlook::AsPlanned, stop_after) else {
        return vec!["the first load is stuck".into()];
    };
    let mut wrong = Vec::new();
    for (lane, report) in reports.iter().enumerate() {
        match report {
            None => wrong.push(format!("lane {lane} panicked")),
            Some(LaneReport { lost, .. }) if !lost.is_empty() => {
                wrong.push(format!("lane {lane} lost {lost:?}"));
            }
            // It says that it has done all.
            Some(LaneReport { error: None, .. }) => wrong.extend(wrong_with(plan, &stores, lane)),
            Some(_) if plan.lanes[lane].gives_up || stop_after.is_some() => {}
            Some(report) => wrong.push(format!("lane {lane}, which waits, ended: {report:?}")),
        }
    }
    let has_ended = |report: &LaneReport| report.error.is_some();
    if !wrong.is_empty() || !reports.iter().flatten().any(has_ended) {
        return wrong;
    }
    // The same again goes on where it ended.
    let Some(reports) = load(plan, &stores, Outlook::Fair, None) else {
        return vec!["the second load is stuck".into()];
    };
    for (lane, report) in reports.iter().enumerate() {
        if !matches!(report, Some(LaneReport { error: None, .. })) {
            wrong.push(format!("lane {lane} fails in fair weather: {report:?}"));
        }
        wrong.extend(wrong_with(plan, &stores, lane));
    }
    wrong
}

/// The lanes' reports, but of those that panicked; `None` where it never ends.
fn load(
    plan: &Plan,
    stores: &Stores,
    outlook: Outlook,
    stop_after: Option<Duration>,
) -> Option<Vec<Option<LaneReport>>> {
    let runtime = process();
    runtime.block_on(async {
        let life = u64::from(outlook == Outlook::Fair);
        let Lanes { lanes, cancelled, landings } = stores.lanes(plan, life, outlook);
        let journal = Journal::temporary(plan.journal, &std::env::temp_dir());
        let (sender, receiver) = channel(4, 64 << 20);
        let source = async move {
            for send in &plan.sends {
                sleep(send.after).await;
                if let Some(claim) = send.claim.clone()
                    && sender.send_claim(claim).await.is_err()
                {
                    return;
                }
                let (batch, wanted) = send.batch();
                if sender.send(batch, wanted).await.is_err() {
                    return;
                }
            }
        };
        let stop = async {
            if let Some(after) = stop_after {
                sleep(after).await;
                cancelled.cancel();
            }
        };
        let carrying = coordinator::run(receiver, journal, lanes);
        let all = async { tokio::join!(carrying, source, stop) };
        let (carried, (), ()) = timeout(FOREVER, all).await.ok()?;
        land(landings).await;
        let mut reports: Vec<Option<LaneReport>> = plan.lanes.iter().map(|_| None).collect();
        for (lane, report) in carried.lanes {
            reports[lane] = Some(report);
        }
        Some(reports)
    })
}

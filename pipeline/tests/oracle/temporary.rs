//! A load over a temporary journal, and once more where lanes gave up.

use std::time::Duration;

use astload_pipeline::channel::channel;
use astload_pipeline::coordinator;
use astload_pipeline::journal::Journal;
use astload_pipeline::lane::LaneReport;
use tokio::time::{sleep, timeout};

use crate::plan::Plan;
use crate::stores::{FOREVER, Lanes, Outlook, Stores, process};
use crate::verdict::wrong_with;

/// What is wrong afterwards.
pub(crate) fn run(plan: &Plan, stop_after: Option<Duration>) -> Vec<String> {
    let stores = Stores::of(plan);
    let mut wrong = Vec::new();
    let reports = load(plan, &stores, Outlook::AsPlanned, stop_after);
    let has_ended = |lane: usize| match reports.get(lane) {
        Some(Some(report)) => report.error.is_none(),
        _ => false,
    };
    if reports.len() != plan.lanes.len() {
        return vec!["the first load is stuck".into()];
    }
    for (lane, report) in reports.iter().enumerate() {
        match report {
            None => wrong.push(format!("lane {lane} panicked")),
            Some(report) if !report.lost.is_empty() => {
                wrong.push(format!("lane {lane} lost {:?}", report.lost));
            }
            // It says that it did all.
            Some(report) if report.error.is_none() => wrong.extend(wrong_with(plan, &stores, lane)),
            Some(report) => {
                let may_end = plan.lanes[lane].gives_up || stop_after.is_some();
                if !may_end {
                    wrong.push(format!("lane {lane}, which waits, ended: {:?}", report.error));
                }
            }
        }
    }
    if (0..plan.lanes.len()).all(has_ended) || !wrong.is_empty() {
        return wrong;
    }
    // The same again goes on where it ended.
    let reports = load(plan, &stores, Outlook::Fair, None);
    if reports.len() != plan.lanes.len() {
        return vec!["the second load is stuck".into()];
    }
    for (lane, report) in reports.iter().enumerate() {
        let error = report.as_ref().map(|report| report.error.as_ref());
        if !matches!(error, Some(None)) {
            wrong.push(format!("lane {lane} fails in fair weather: {error:?}"));
        }
        wrong.extend(wrong_with(plan, &stores, lane));
    }
    wrong
}

/// Each lane's report, if it has one; none at all where it never ends.
fn load(
    plan: &Plan,
    stores: &Stores,
    outlook: Outlook,
    stop_after: Option<Duration>,
) -> Vec<Option<LaneReport>> {
    let runtime = process();
    runtime.block_on(async {
        let mut lanes = stores.lanes(plan, u64::from(outlook == Outlook::Fair), outlook);
        let (landings, cancelled) = (lanes.take_landings(), lanes.cancelled.clone());
        let journal = Journal::temporary(plan.journal, &std::env::temp_dir());
        let (sender, receiver) = channel(4, 64 << 20);
        let source = async move {
            for send in &plan.sends {
                sleep(send.after).await;
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
        let carrying = coordinator::run(receiver, journal, lanes.lanes);
        let all = async { tokio::join!(carrying, source, stop) };
        let Ok((carried, (), ())) = timeout(FOREVER, all).await else { return Vec::new() };
        Lanes::land(landings).await;
        let mut reports: Vec<Option<LaneReport>> = plan.lanes.iter().map(|_| None).collect();
        for (lane, report) in carried.lanes {
            reports[lane] = Some(report);
        }
        reports
    })
}

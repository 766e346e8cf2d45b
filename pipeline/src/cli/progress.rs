//! The live line of a load: on a terminal one line that changes, else plain lines now and then.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use astload_pipeline::load::LoadProgress;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::output::{Audience, count, tell, tell_json};

const LIVE: Duration = Duration::from_millis(100);
const PLAIN: Duration = Duration::from_secs(5);
const JSON: Duration = Duration::from_secs(1);

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// One line that changes.
    Live,
    /// A line now and then.
    Plain,
    /// JSON lines.
    Json,
    /// Not at all.
    Quiet,
}

impl Style {
    pub(super) fn of(json: bool, quiet: bool) -> Self {
        match (quiet, json) {
            (true, _) => Self::Quiet,
            (_, true) => Self::Json,
            _ if std::io::stderr().is_terminal() => Self::Live,
            _ => Self::Plain,
        }
    }
}

/// Tells progress until the future is dropped.
pub(super) async fn watch(progress: Arc<LoadProgress>, style: Style) {
    let bar = ProgressBar::new_spinner();
    if let Ok(spinner) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(spinner);
    }
    let _clear = Clear(bar.clone());
    let period = match style {
        Style::Live => LIVE,
        Style::Plain => PLAIN,
        Style::Json => JSON,
        Style::Quiet => return std::future::pending().await,
    };
    let start = Instant::now();
    let mut ticks = tokio::time::interval(period);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let seconds = start.elapsed().as_secs_f64();
        match style {
            Style::Live => {
                let line = line(&progress, seconds);
                bar.set_message(Audience::People.harmless(&line).into_owned());
                bar.tick();
            }
            Style::Plain => tell(&format!("{}\n", line(&progress, seconds))),
            Style::Json => tell_json(&json_line(&progress, seconds)),
            Style::Quiet => {}
        }
    }
}

/// Takes the live line away.
struct Clear(ProgressBar);

impl Drop for Clear {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn line(progress: &LoadProgress, seconds: f64) -> String {
    let source = &progress.source;
    let (done, found) = (source.done.load(Ordering::Relaxed), source.found.load(Ordering::Relaxed));
    let rate = source.nodes.load(Ordering::Relaxed) as f64 / seconds.max(0.001);
    let mut line =
        format!("{}/{} files, {} nodes/s", count(done), count(found), count(rate as u64));
    for (url, lane) in &progress.lanes {
        let lag = lane.lag();
        if lag > 0 {
            line += &format!(", {url} {lag} behind");
        }
    }
    line
}

fn json_line(progress: &LoadProgress, seconds: f64) -> serde_json::Value {
    let source = &progress.source;
    let lanes: Vec<_> = progress
        .lanes
        .iter()
        .map(|(name, lane)| json!({ "name": name, "lag": lane.lag() }))
        .collect();
    json!({
        "seconds": seconds,
        "files": { "done": source.done.load(Ordering::Relaxed), "found": source.found.load(Ordering::Relaxed) },
        "nodes": source.nodes.load(Ordering::Relaxed),
        "backends": lanes,
    })
}

//! What is told while something runs: on a terminal lines that change, else plain lines now and then.

mod pace;
mod view;

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use astload_pipeline::load::LoadProgress;
use astload_pipeline::source::directory::SourceProgress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::output::{Audience, tell, tell_json};
pub(super) use view::Work;
use view::{Seen, SeenLane, View, duration};

const LIVE: Duration = Duration::from_millis(100);
const PLAIN: Duration = Duration::from_secs(5);
const JSON: Duration = Duration::from_secs(1);

/// What takes no longer is not told on a terminal.
const SOON: Duration = Duration::from_secs(1);

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Lines that change.
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

    /// Of a command that tells machines nothing but its answer.
    pub(super) fn of_question(json: bool) -> Self {
        Self::of(false, json)
    }

    fn ticks(self) -> Option<Interval> {
        let mut ticks = interval(match self {
            Self::Live => LIVE,
            Self::Plain => PLAIN,
            Self::Json => JSON,
            Self::Quiet => return None,
        });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(ticks)
    }
}

/// Tells how a load comes on, while it runs.
pub(super) fn watch<'a, T: 'a>(
    progress: &'a LoadProgress,
    (work, style): (Work, Style),
    doing: impl Future<Output = T> + 'a,
) -> impl Future<Output = T> + 'a {
    let start = Instant::now();
    let mut view = View::new(work);
    told(style, doing, move |style| {
        let mut seen = seen(&progress.source, start.elapsed());
        for (index, (name, lane)) in progress.lanes.iter().enumerate() {
            seen.lanes.push(SeenLane {
                name: name.clone(),
                lag: lane.lag(),
                behind: progress.behind(index),
                units: lane.units.load(Ordering::Relaxed),
                stage: lane.stage(),
            });
        }
        tell_view(&mut view, &seen, style)
    })
}

/// Tells how far a source is, while it is read.
pub(super) fn watch_source<'a, T: 'a>(
    progress: &'a SourceProgress,
    (work, style): (Work, Style),
    doing: impl Future<Output = T> + 'a,
) -> impl Future<Output = T> + 'a {
    let start = Instant::now();
    let mut view = View::new(work);
    told(style, doing, move |style| tell_view(&mut view, &seen(progress, start.elapsed()), style))
}

/// Tells what is waited for, while it takes longer than a moment.
pub(super) fn wait<'a, T: 'a>(
    what: &'a str,
    style: Style,
    doing: impl Future<Output = T> + 'a,
) -> impl Future<Output = T> + 'a {
    let start = Instant::now();
    // Of what is not counted, machines are told nothing.
    let style = if style == Style::Json { Style::Quiet } else { style };
    told(style, doing, move |_| match start.elapsed() {
        soon if soon < SOON => Vec::new(),
        long => vec![format!("{what} for {}", duration(long.as_secs_f64()))],
    })
}

fn seen(source: &SourceProgress, elapsed: Duration) -> Seen {
    Seen {
        seconds: elapsed.as_secs_f64(),
        found: source.found.load(Ordering::Relaxed),
        done: source.done.load(Ordering::Relaxed),
        nodes: source.nodes.load(Ordering::Relaxed),
        is_listed: source.is_listed(),
        is_read: source.is_read.load(Ordering::Relaxed),
        lanes: Vec::new(),
    }
}

fn tell_view(view: &mut View, seen: &Seen, style: Style) -> Vec<String> {
    view.see(seen);
    if style == Style::Json {
        tell_json(&view.json(seen));
        return Vec::new();
    }
    view.lines(seen)
}

/// Does something, and tells lines meanwhile. What is done is boxed: it may be large, and this is not.
fn told<'a, T: 'a>(
    style: Style,
    doing: impl Future<Output = T> + 'a,
    mut lines: impl FnMut(Style) -> Vec<String> + 'a,
) -> impl Future<Output = T> + 'a {
    let mut doing = Box::pin(doing);
    async move {
        let Some(mut ticks) = style.ticks() else { return doing.await };
        let mut shown = Shown::default();
        ticks.tick().await;
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return done,
                _ = ticks.tick() => {
                    let lines = lines(style);
                    match style {
                        Style::Live => shown.show(&lines),
                        Style::Plain if lines.is_empty() => {}
                        Style::Plain => tell(&format!("{}\n", lines.join("; "))),
                        Style::Json | Style::Quiet => {}
                    }
                }
            }
        }
    }
}

/// Where lines that change are shown.
static TERMINAL: OnceLock<MultiProgress> = OnceLock::new();

/// Writes something while no line is shown that changes.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    match TERMINAL.get() {
        Some(terminal) => terminal.suspend(write),
        None => write(),
    }
}

/// Lines that change; they are gone when this is dropped.
#[derive(Default)]
struct Shown(Vec<ProgressBar>);

impl Shown {
    fn show(&mut self, lines: &[String]) {
        let terminal = TERMINAL.get_or_init(MultiProgress::new);
        while self.0.len() > lines.len() {
            self.end_last(terminal);
        }
        for (at, line) in lines.iter().enumerate() {
            if at == self.0.len() {
                let template = if at == 0 { "{spinner} {wide_msg}" } else { "  {wide_msg}" };
                let style = ProgressStyle::with_template(template);
                let bar = ProgressBar::new_spinner();
                let bar =
                    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                self.0.push(terminal.add(bar));
            }
            let bar = &self.0[at];
            bar.set_message(Audience::People.harmless(line).into_owned());
            bar.tick();
        }
    }

    fn end_last(&mut self, terminal: &MultiProgress) {
        if let Some(bar) = self.0.pop() {
            bar.finish_and_clear();
            terminal.remove(&bar);
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(terminal) = TERMINAL.get() {
            while !self.0.is_empty() {
                self.end_last(terminal);
            }
        }
    }
}

//! One load: sources in, every backend complete or its reason why not.

mod directory;
mod ended;
mod former;
mod problem;
mod replay;
mod replay_lines;
mod report;
mod repos;
mod spec;
mod stream;
mod target;
mod targets;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use astload_backends::Error;
use tokio_util::sync::CancellationToken;

use crate::channel::{Sender, channel};
use crate::coordinator;
use crate::folders;
use crate::journal::{Journal, JournalSettings};
use crate::lane::LaneProgress;
use crate::letters::{DeadLetters, RefusedLine};
use crate::source::directory::{Checkout, NodeChoice, PathGlobs, Sink, SourceProgress};
use crate::source::stream::{StreamFormat, StreamInput};
use crate::tally::Tally;
pub use former::Renamed;
pub use problem::LoadProblem;
pub use replay::{Replayed, replay};
pub use replay_lines::{ReplayedLines, replay_lines};
pub use report::{BackendError, BackendReport, LoadReport, Outcome, Plan, UnitCounts};
use repos::{Known, Repos};
pub use spec::TargetSpec;
pub use stream::ReadThrough;
pub use target::{Approach, Target};
pub use targets::Targets;

/// Batches in the channel.
const BATCHES_MAX: usize = 8;

/// Bytes of batches in the channel. What is in work is the journal's.
const BYTES_MAX: u32 = 16 << 20;

/// A source of units.
#[derive(Debug, Clone)]
pub enum Input {
    /// A repository on the disk, or parts of one.
    Directory(Checkout),
    /// Units that were processed elsewhere.
    Stream(StreamInput),
}

/// What to load, and how.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Which paths of directories.
    pub globs: PathGlobs,
    /// Which languages; empty for all.
    pub languages: Vec<String>,
    /// Which nodes.
    pub nodes: NodeChoice,
    /// Larger files are left out.
    pub file_bytes_max: u64,
    /// Whether a stamp may prove that a file did not change.
    pub trust_mtime: bool,
    /// What streams hold.
    pub format: StreamFormat,
    /// Another root is the same repository.
    pub root_moved: bool,
    /// What a store holds of the directory under the name of its folder is removed.
    pub rename: bool,
    /// More than half of a repository may be deleted.
    pub allow_mass_delete: bool,
    /// All has to be loaded that a source names.
    pub strict: bool,
    /// Nothing is written; it is only asked what would be.
    pub dry_run: bool,
    /// Threads that parse.
    pub workers: usize,
    /// How batches get to the backends.
    pub lanes: LaneOptions,
}

/// How batches get to the backends.
#[derive(Debug, Clone)]
pub struct LaneOptions {
    /// How long a lane goes without progress before it is given up.
    pub patience: Duration,
    /// Where units go that a backend refuses.
    pub letters: DeadLetters,
    /// Where there is room for what a slower backend still needs.
    pub spill: PathBuf,
}

impl LaneOptions {
    /// With this patience, and what is kept where the user has such things.
    pub fn new(patience: Duration) -> Self {
        let letters = DeadLetters::within(folders::dead_letters());
        Self { patience, letters, spill: folders::spill() }
    }
}

/// A load that cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CannotLoad {
    /// What stands in the way.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
}

impl CannotLoad {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }
}

impl From<Error> for CannotLoad {
    fn from(error: Error) -> Self {
        Self { message: error.message, hint: error.hint }
    }
}

/// What a load has done so far, for whoever watches.
#[derive(Debug, Default)]
pub struct LoadProgress {
    /// The source.
    pub source: SourceProgress,
    /// Each backend by its name, in order.
    pub lanes: Vec<(String, Arc<LaneProgress>)>,
    /// The units that each was to write so far.
    sent: OnceLock<Arc<Tally>>,
}

impl LoadProgress {
    /// The progress of a load into these targets.
    pub fn of(targets: &Targets) -> Self {
        let lanes = targets.iter().map(|target| (target.name.clone(), Arc::default())).collect();
        Self { lanes, ..Self::default() }
    }

    /// Units that wait for a backend or are being written, by its place.
    pub fn behind(&self, lane: usize) -> u64 {
        let sent = self.sent.get().map_or(0, |sent| sent.of(lane));
        self.lanes.get(lane).map_or(0, |(_, lane)| lane.behind(sent))
    }

    /// Learns what each backend is to write.
    pub(crate) fn hear(&self, sent: &Arc<Tally>) {
        self.sent.set(sent.clone()).ok();
    }
}

/// What the sources of a load share.
struct Load<'a> {
    options: &'a LoadOptions,
    targets: &'a mut Targets,
    progress: &'a Arc<LoadProgress>,
    cancelled: &'a CancellationToken,
    /// The repositories that were met so far.
    repos: Repos,
    sink: Sink,
    /// Lines that were refused once more.
    returned: Vec<RefusedLine>,
    /// What was read whole, and is held under another name to be removed.
    renamed: Option<Checkout>,
    report: LoadReport,
}

/// Loads all inputs into all targets.
///
/// # Errors
/// [`CannotLoad`] where it may not begin; then nothing was written.
pub async fn load(
    inputs: &[Input],
    options: &LoadOptions,
    targets: &mut Targets,
    progress: &Arc<LoadProgress>,
    cancelled: &CancellationToken,
) -> Result<LoadReport, CannotLoad> {
    let (report, _) = run(inputs, options, targets, progress, cancelled).await?;
    Ok(report)
}

/// The same; and the lines that were refused once more.
async fn run(
    inputs: &[Input],
    options: &LoadOptions,
    targets: &mut Targets,
    progress: &Arc<LoadProgress>,
    cancelled: &CancellationToken,
) -> Result<(LoadReport, Vec<RefusedLine>), CannotLoad> {
    let start = Instant::now();
    targets.check_names(inputs, options.rename)?;
    targets.check_roots(inputs, options.root_moved)?;
    let hints = targets.hints(inputs);
    let (sender, batches) = channel(BATCHES_MAX, BYTES_MAX);
    let sent = sender.sent();
    let sink = if options.dry_run { Sink::Plan } else { Sink::Lanes(sender) };
    let mut load = Load {
        options,
        targets,
        progress,
        cancelled,
        repos: Repos::new(),
        sink,
        returned: Vec::new(),
        renamed: None,
        report: LoadReport { strict: options.strict, hints, ..LoadReport::default() },
    };
    if options.dry_run {
        load.report.plan = Some(Plan::default());
        Box::pin(load.sources(inputs)).await;
        load.report.backends = load.targets.reports_of_plan(&progress.source.held);
    } else {
        // What was read and cannot be read again is written, though nothing more is read.
        let is_read_once = |input: &Input| matches!(input, Input::Stream(s) if s.is_read_once());
        let stops_lanes = match inputs.iter().any(is_read_once) {
            true => CancellationToken::new(),
            false => cancelled.clone(),
        };
        let lanes = load.targets.lanes(&options.lanes, progress, &stops_lanes)?;
        let journal = Journal::temporary(JournalSettings::default(), &options.lanes.spill);
        progress.hear(&sent);
        let coordinator = tokio::spawn(coordinator::run(batches, journal, lanes));
        Box::pin(load.sources(inputs)).await;
        // The coordinator ends when no sender is left.
        load.sink = Sink::Plan;
        let carried = coordinator.await.unwrap_or_default();
        load.report.backends = load.targets.reports(carried, &sent, &progress.source.held);
        if let Some(checkout) = load.renamed.take() {
            Box::pin(load.remove_former(&checkout)).await;
        }
    }
    let Load { mut report, returned, .. } = load;
    report.stopped = cancelled.is_cancelled();
    report.elapsed = start.elapsed();
    Ok((report, returned))
}

impl Load<'_> {
    async fn sources(&mut self, inputs: &[Input]) {
        if self.targets.iter().all(|target| target.backend.is_err()) {
            return;
        }
        self.progress.source.inputs.store(inputs.len() as u64, Ordering::Relaxed);
        for input in inputs {
            if self.cancelled.is_cancelled() {
                return;
            }
            match input {
                Input::Directory(checkout) => self.directory(checkout).await,
                Input::Stream(stream) => self.stream(stream).await,
            }
        }
        self.end_streams(inputs).await;
        self.progress.source.is_read.store(true, Ordering::Relaxed);
    }

    fn sender(&self) -> Option<&Sender> {
        match &self.sink {
            Sink::Lanes(sender) => Some(sender),
            Sink::Plan => None,
        }
    }
}

//! A directory: every file whose language has a grammar becomes a unit of the layer `ast`.
//!
//! One thread walks, several read and parse. A file is skipped, in this order: because its stamp
//! (size, times, inode, file system) proves that its content is known and every target holds it; because its
//! content, once read and hashed, is held; and only then is it parsed.

mod beneath;
mod checkout;
mod extract;
mod gate;
mod git;
mod globs;
mod ignored;
mod listing;
mod mount;
mod own;
mod problems;
mod remote;
mod revision;
mod stamps;
mod walk;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use astload_model::UnitId;
use tokio_util::sync::CancellationToken;

use crate::channel::Sender;
use crate::holdings::{Holdings, Need, Offer};
use crate::languages::Language;
use crate::tally::Tally;
use beneath::Root;
pub(crate) use checkout::folder_name;
pub use checkout::{Checkout, Parts};
use extract::{Large, extractor_name};
use gate::Gate;
pub use globs::{GlobError, PathGlobs};
use own::OwnFiles;
pub use problems::{FileProblem, ProblemFile, ProblemFiles};
pub use revision::revision;
use stamps::Stamps;
use walk::Walk;
use worker::Worker;

/// The layer that this source fills.
pub const LAYER: &str = "ast";

/// Largest file that is parsed unless told otherwise: larger ones are generated, as a rule.
pub const FILE_BYTES_MAX: u64 = 2 << 20;

/// Bytes of source that are parsed at the same time. Trees take about thirty times as much.
const PARSING_BYTES_MAX: u64 = 4 << 20;

/// Files that wait for a worker, a few hundred bytes each: the walk is far ahead, so it is soon known how
/// many there are.
const QUEUE: u64 = 32 << 10;

/// Which nodes are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NodeChoice {
    /// Those that the grammar names.
    #[default]
    Named,
    /// Tokens too.
    All,
}

impl NodeChoice {
    fn word(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::All => "all",
        }
    }
}

/// What to read of a directory.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// The directory, absolute.
    pub root: PathBuf,
    /// The name of the repository.
    pub repo: String,
    /// What of the directory.
    pub parts: Parts,
    /// Which paths.
    pub globs: PathGlobs,
    /// Which languages; empty for all.
    pub languages: Vec<String>,
    /// Which nodes.
    pub nodes: NodeChoice,
    /// Larger files are left out.
    pub file_bytes_max: u64,
    /// Whether a stamp may prove that a file did not change.
    pub trust_mtime: bool,
    /// The generation of all units.
    pub generation: u64,
    /// Threads that parse.
    pub workers: usize,
    /// The stores that are written to, which are no part of the repository.
    pub stores: Vec<String>,
}

impl DirectoryOptions {
    /// Whether all files of the parts are asked for: only then may absent ones be deleted.
    pub fn is_unfiltered(&self) -> bool {
        self.globs.is_everything() && self.languages.is_empty()
    }
}

/// What the source has done so far, for whoever watches.
#[derive(Debug, Default)]
pub struct SourceProgress {
    /// Files that were found and have a grammar, or units.
    pub found: AtomicU64,
    /// Directories of which it is known how much there is …
    pub listed: AtomicU64,
    /// … and inputs of which it is to be known.
    pub inputs: AtomicU64,
    /// How many are done: parsed, read, skipped or failed.
    pub done: AtomicU64,
    /// Nodes that were parsed.
    pub nodes: AtomicU64,
    /// Units that each backend holds already as they are, by lane.
    pub held: Tally,
    /// All inputs are read.
    pub is_read: AtomicBool,
}

/// What was read of a directory.
#[derive(Debug, Default)]
pub struct DirectoryReport {
    /// Units that every target holds already.
    pub held: u64,
    /// Paths of units that would be sent, where nothing is (`--dry-run`).
    pub planned: Vec<String>,
    /// Files by language, of those that were sent or skipped.
    pub languages: BTreeMap<&'static str, u64>,
    /// Files without a grammar, by extension or name.
    pub without_grammar: BTreeMap<String, u64>,
    /// Files that are no unit, or not a good one.
    pub problems: ProblemFiles,
    /// Whether everything in the parts was seen: no error, no filter, not stopped.
    pub complete: bool,
    /// Whether everything was seen that was asked for.
    pub seen: bool,
    /// Whether an error alone stood in the way of that.
    pub unlisted: bool,
}

impl DirectoryReport {
    fn absorb(&mut self, other: Self) {
        self.held += other.held;
        self.planned.extend(other.planned);
        for (language, files) in other.languages {
            *self.languages.entry(language).or_default() += files;
        }
        for (name, files) in other.without_grammar {
            *self.without_grammar.entry(name).or_default() += files;
        }
        self.problems.absorb(other.problems);
        self.complete &= other.complete;
    }
}

/// Where units go.
#[derive(Debug, Clone)]
pub enum Sink {
    /// To the lanes.
    Lanes(Sender),
    /// Nowhere: it is only asked what would go.
    Plan,
}

impl SourceProgress {
    /// Whether nothing more will be found.
    pub fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed) >= self.inputs.load(Ordering::Relaxed)
    }
}

/// A file that waits to be read.
#[derive(Debug)]
struct Candidate<'a> {
    path: String,
    stamp: stamps::Stamp,
    /// Its first line named its language, for its name has none.
    nameless: bool,
    /// Its place in the queue.
    _place: gate::Pass<'a>,
}

/// What the walk and the workers share.
struct Shared<'a> {
    options: &'a DirectoryOptions,
    root: Root,
    stores: OwnFiles,
    holdings: &'a Holdings,
    progress: &'a SourceProgress,
    stamps: Stamps,
    gate: Gate,
    queue: Gate,
    large: Large,
    cancelled: CancellationToken,
    /// Nobody takes batches any more.
    closed: AtomicBool,
}

impl Shared<'_> {
    fn stopped(&self) -> bool {
        self.cancelled.is_cancelled() || self.closed.load(Ordering::Relaxed)
    }

    /// The file is there, though it is not loaded for its size.
    fn see_too_large(&self, path: &str) {
        self.holdings.see_too_large(self.unit_id(path), self.options.file_bytes_max);
    }

    fn unit_id(&self, path: &str) -> UnitId {
        UnitId::of(&self.options.repo, path, LAYER)
    }
}

/// Reads a directory and sends its units. Blocks: run it on a thread of its own.
pub fn read(
    options: &DirectoryOptions,
    holdings: &Holdings,
    sink: &Sink,
    progress: &SourceProgress,
    cancelled: &CancellationToken,
) -> DirectoryReport {
    let root = match Root::open(&options.root) {
        Ok(root) => root,
        Err(error) => return unopened(options, &error),
    };
    let shared = Shared {
        options,
        root,
        stores: OwnFiles::of(&options.stores),
        holdings,
        progress,
        stamps: Stamps::load(&options.root),
        gate: Gate::new(PARSING_BYTES_MAX),
        queue: Gate::new(QUEUE),
        large: Large::default(),
        cancelled: cancelled.clone(),
        closed: AtomicBool::new(false),
    };
    let (queue, waiting) = mpsc::channel();
    let waiting = Arc::new(std::sync::Mutex::new(waiting));
    let mut report = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.workers.max(1))
            .map(|_| {
                let worker = Worker::new(&shared, sink.clone());
                let waiting = waiting.clone();
                scope.spawn(move || worker.run(&waiting))
            })
            .collect();
        drop(waiting);
        let mut report = Walk::new(&shared, queue).run();
        progress.listed.fetch_add(1, Ordering::Relaxed);
        for worker in workers {
            match worker.join() {
                Ok(part) => report.absorb(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        report
    });
    report.seen = report.complete && !shared.stopped();
    let all_wanted = options.is_unfiltered() && !shared.stopped();
    report.unlisted = all_wanted && !report.complete;
    report.complete &= all_wanted;
    report.planned.sort();
    if let Err(error) = shared.stamps.save() {
        tracing::warn!(%error, "stamps were not saved: the next load reads these files again");
    }
    report
}

/// The report on a root that cannot be opened.
fn unopened(options: &DirectoryOptions, error: &std::io::Error) -> DirectoryReport {
    let detail = Some(format!("{}: {error}", options.root.display()));
    let mut report = DirectoryReport { unlisted: options.is_unfiltered(), ..Default::default() };
    report.problems.add(FileProblem::UnreadableDirectory, "", detail);
    report
}

/// Who needs a file of this content.
fn need(shared: &Shared<'_>, path: &str, language: &Language, hash: &[u8; 32]) -> Need {
    shared.holdings.need(&Offer {
        id: shared.unit_id(path),
        repo: &shared.options.repo,
        path,
        language: Some(language.name),
        content_hash: Some(hash),
        extractor: &extractor_name(language, shared.options.nodes),
        upstream_generation: None,
    })
}

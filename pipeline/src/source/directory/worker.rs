//! Reads files, skips what is held, parses the rest, and sends batches.

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use astload_model::{BatchBuilder, BatchFull, UNIT_FLAGS, UnitRow, flags};

use super::beneath::OpenError;
use super::extract::{Bounds, ExtractError, Extracted, Extractor, extractor_name};
use super::stamps::{Failure, Stamp};
use super::{Candidate, DirectoryReport, FileProblem, LAYER, Shared, Sink, need, stamps};
use crate::channel::Lanes;
use crate::holdings::Need;
use crate::languages::{Language, is_generated, is_test};

/// A batch is sent when it has this many rows …
const BATCH_ROWS: usize = 32_768;

/// … or this many bytes.
const BATCH_BYTES: usize = 4 << 20;

/// Where a NUL byte says that a file is not text.
const BINARY_HEAD: usize = 8 << 10;

/// What is said of a file that could not be parsed last time.
const NOT_AGAIN: &str = "as before, and it has not changed";

/// A file, and its language.
pub(super) type Work<'a> = (Candidate<'a>, &'static Language);

/// One thread's share of the work.
pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    sink: Sink,
    extractor: Extractor,
    builder: BatchBuilder,
    wanted: Vec<Lanes>,
    source: Vec<u8>,
    report: DirectoryReport,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, sink: Sink) -> Self {
        Self {
            shared,
            sink,
            extractor: Extractor::default(),
            builder: BatchBuilder::default(),
            wanted: Vec::new(),
            source: Vec::new(),
            report: DirectoryReport { complete: true, ..DirectoryReport::default() },
        }
    }

    pub(super) fn run(mut self, waiting: &Mutex<Receiver<Work<'a>>>) -> DirectoryReport {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((candidate, language)) = next else { break };
            // A stopped load empties the queue, so that the walk does not wait for room.
            if self.shared.stopped() {
                self.report.complete = false;
                continue;
            }
            self.file(&candidate, language);
            self.shared.progress.done.fetch_add(1, Ordering::Relaxed);
        }
        self.send();
        self.report
    }

    fn problem(&mut self, problem: FileProblem, path: &str, detail: Option<String>) {
        self.report.problems.add(problem, path, detail);
    }

    fn file(&mut self, candidate: &Candidate<'_>, language: &'static Language) {
        let path = candidate.path.as_str();
        let read_at = stamps::now();
        let _pass = self.shared.gate.pass(candidate.stamp.size());
        let stamp = match self.read(candidate) {
            Ok(Some(stamp)) => stamp,
            Ok(None) => {
                self.shared.see_too_large(path);
                return self.problem(FileProblem::TooLarge, path, None);
            }
            Err(OpenError::Link) => return self.problem(FileProblem::Link, path, None),
            Err(OpenError::Special) => return self.problem(FileProblem::Special, path, None),
            Err(OpenError::Io(error)) if error.kind() == ErrorKind::NotFound => {
                return self.problem(FileProblem::Vanished, path, None);
            }
            Err(OpenError::Io(error)) => {
                self.report.complete = false;
                return self.problem(FileProblem::Unreadable, path, Some(error.to_string()));
            }
        };
        if self.source[..self.source.len().min(BINARY_HEAD)].contains(&0) {
            return self.problem(FileProblem::Binary, path, None);
        }
        let hash = *blake3::hash(&self.source).as_bytes();
        let shebang = candidate.nameless.then_some(language.name);
        *self.report.languages.entry(language.name).or_default() += 1;
        let Need { lacking: wanted, held } = need(self.shared, path, language, &hash);
        self.shared.progress.held.add(held);
        let extractor = extractor_name(language, self.shared.options.nodes);
        if wanted > 0
            && let Some(failure) = self.shared.stamps.failure(path, &hash, &extractor)
        {
            let detail = Some(NOT_AGAIN.to_owned());
            return self.problem(failure.into(), path, detail);
        }
        self.shared.stamps.remember(path, stamp, read_at, hash, shebang);
        if wanted == 0 {
            self.report.held += 1;
        } else if let Sink::Plan = self.sink {
            self.report.planned.push(path.to_owned());
        } else {
            self.parse(candidate, language, &hash, wanted);
        }
    }

    /// Reports a file that is not to be parsed again until it changes.
    fn give_up(
        &mut self,
        candidate: &Candidate<'_>,
        language: &'static Language,
        hash: &[u8; 32],
        failure: Failure,
    ) {
        let path = candidate.path.as_str();
        let extractor = extractor_name(language, self.shared.options.nodes);
        let shebang = candidate.nameless.then_some(language.name);
        self.shared.stamps.remember_failure(path, *hash, shebang, (failure, &extractor));
        self.problem(failure.into(), path, None);
    }

    /// Reads a file whole, and says what it was when it was opened; nothing where it is too large.
    fn read(&mut self, candidate: &Candidate<'_>) -> Result<Option<Stamp>, OpenError> {
        self.source.clear();
        let (file, stat) = self.shared.root.file(Path::new(&candidate.path))?;
        let limit = self.shared.options.file_bytes_max;
        file.take(limit + 1).read_to_end(&mut self.source)?;
        let fits = self.source.len() as u64 <= limit;
        Ok(fits.then(|| candidate.stamp.opened(&stat)))
    }

    fn parse(
        &mut self,
        candidate: &Candidate<'_>,
        language: &'static Language,
        hash: &[u8; 32],
        wanted: Lanes,
    ) {
        let path = candidate.path.as_str();
        match self.extract(path, language, hash) {
            Ok(extracted) => {
                let nodes = extracted.nodes as u64;
                self.shared.progress.nodes.fetch_add(nodes, Ordering::Relaxed);
                self.wanted.push(wanted);
                if extracted.has_error {
                    self.problem(FileProblem::SyntaxErrors, path, None);
                }
                if extracted.not_utf8 {
                    self.problem(FileProblem::NotUtf8, path, None);
                }
                if self.builder.rows() >= BATCH_ROWS || self.builder.bytes() >= BATCH_BYTES {
                    self.send();
                }
            }
            Err(error) => {
                self.builder.abandon_unit();
                match error {
                    ExtractError::Stopped => self.report.complete = false,
                    ExtractError::Timeout => self.give_up(candidate, language, hash, Failure::Time),
                    ExtractError::Memory => {
                        self.give_up(candidate, language, hash, Failure::Memory)
                    }
                    ExtractError::Refused(rule) => {
                        // What is held of the file is an older version, which is gone for good.
                        self.shared.holdings.unsee(self.shared.unit_id(path));
                        self.problem(FileProblem::Refused, path, Some(rule));
                    }
                }
            }
        }
    }

    fn extract(
        &mut self,
        path: &str,
        language: &'static Language,
        hash: &[u8; 32],
    ) -> Result<Extracted, ExtractError> {
        let options = self.shared.options;
        let stopped = || self.shared.stopped();
        let bounds = Bounds { large: &self.shared.large, stopped: &stopped };
        let extracted = self.extractor.extract(
            language,
            options.nodes,
            &self.source,
            &mut self.builder,
            bounds,
        )?;
        if path.len() > astload_model::limits::PATH_MAX {
            return Err(ExtractError::Refused("path is longer than 4096 bytes".into()));
        }
        let full = |error: BatchFull| ExtractError::Refused(error.to_string());
        let units = &mut self.builder.units;
        let row = UnitRow {
            language: Some(units.language.key(language.name).map_err(full)?),
            content_hash: Some(hash),
            extractor: units
                .extractor
                .key(&extractor_name(language, options.nodes))
                .map_err(full)?,
            generation: Some(options.generation),
            size_bytes: Some(self.source.len() as u64),
            line_count: Some(lines(&self.source)),
            flags: extracted.flags() | conventional_flags(language, path, &self.source),
            ..UnitRow::of(
                units.repo.key(&options.repo).map_err(full)?,
                path,
                units.layer.key(LAYER).map_err(full)?,
            )
        };
        self.builder.finish_unit(row);
        Ok(extracted)
    }

    fn send(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        let Sink::Lanes(sender) = &self.sink else { return };
        if wanted.is_empty() {
            return;
        }
        let batch = self.builder.finish();
        if futures::executor::block_on(sender.send(batch, wanted)).is_err() {
            self.shared.closed.store(true, Ordering::Relaxed);
        }
    }
}

/// What a unit's path, and a comment at its top, tell of it.
fn conventional_flags(language: &Language, path: &str, source: &[u8]) -> u16 {
    let flag = |name, set| match set {
        true => flags(&UNIT_FLAGS, &[name]).unwrap_or_default(),
        false => 0,
    };
    flag("test", is_test(language, path)) | flag("generated", is_generated(language, path, source))
}

/// Lines, of which the last may lack its end.
fn lines(source: &[u8]) -> u32 {
    let ends = source.iter().filter(|&&byte| byte == b'\n').count();
    let unended = source.last().is_some_and(|&last| last != b'\n');
    u32::try_from(ends + usize::from(unended)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use tokio_util::sync::CancellationToken;

    use super::super::beneath::Root;
    use super::super::extract::Large;
    use super::super::gate::Gate;
    use super::super::own::OwnFiles;
    use super::super::stamps::Stamps;
    use super::super::{DirectoryOptions, NodeChoice, PathGlobs, SourceProgress};
    use super::*;
    use crate::holdings::Holdings;

    const LIMIT: u64 = 64;

    /// What becomes of `a.py`, which is listed as it stands and then changed before it is read.
    fn changed_after_listing(change: impl FnOnce(&Path)) -> DirectoryReport {
        let root = tempfile::tempdir().expect("a folder");
        let absolute = root.path().join("a.py");
        fs::write(&absolute, "a = 1\n").expect("written");
        let stamp = Stamp::of(&rustix::fs::stat(&absolute).expect("there"), None);
        let options = DirectoryOptions {
            parts: super::super::Parts::whole(),
            root: root.path().to_path_buf(),
            repo: "r".into(),
            globs: PathGlobs::new(&[], &[]).expect("none"),
            languages: Vec::new(),
            nodes: NodeChoice::Named,
            file_bytes_max: LIMIT,
            trust_mtime: true,
            generation: 1,
            workers: 1,
            stores: Vec::new(),
        };
        let mut holdings = Holdings::default();
        let everything = astload_model::Selection::default();
        holdings.add(0, &everything, Vec::new(), astload_backends::Origin::Ours);
        let shared = Shared {
            options: &options,
            root: Root::open(root.path()).expect("opened"),
            stores: OwnFiles::default(),
            holdings: &holdings,
            progress: &SourceProgress::default(),
            stamps: Stamps::none(),
            gate: Gate::new(1 << 20),
            queue: Gate::new(1),
            large: Large::default(),
            cancelled: CancellationToken::new(),
            closed: AtomicBool::new(false),
        };
        let language = Language::by_name("python").expect("known");
        change(&absolute);
        let path = "a.py".to_owned();
        let candidate = Candidate { path, stamp, nameless: false, _place: shared.queue.pass(1) };
        let mut worker = Worker::new(&shared, Sink::Plan);
        worker.file(&candidate, language);
        worker.report
    }

    fn problems(report: &DirectoryReport) -> Vec<(FileProblem, &str)> {
        report.problems.files().map(|(problem, file)| (problem, file.path.as_str())).collect()
    }

    #[test]
    fn a_file_that_vanishes_after_it_was_listed_is_told_and_may_be_deleted_from_the_stores() {
        let report = changed_after_listing(|path| fs::remove_file(path).expect("removed"));
        assert_eq!(problems(&report), [(FileProblem::Vanished, "a.py")]);
        assert!(report.complete && report.planned.is_empty(), "{report:?}");
    }

    #[test]
    fn a_file_that_becomes_unreadable_after_it_was_listed_is_kept_in_the_stores() {
        let report = changed_after_listing(|path| {
            fs::remove_file(path).expect("removed");
            fs::create_dir(path).expect("a folder in its place");
        });
        assert_eq!(problems(&report), [(FileProblem::Unreadable, "a.py")]);
        assert!(!report.complete, "what was not read may not be deleted");
    }

    #[test]
    fn a_file_that_becomes_a_link_or_a_pipe_after_it_was_listed_is_not_opened() {
        let report = changed_after_listing(|path| {
            fs::write(path.with_extension("secret"), "secret = 1\n").expect("written");
            fs::remove_file(path).expect("removed");
            std::os::unix::fs::symlink(path.with_extension("secret"), path).expect("a link");
        });
        assert_eq!(problems(&report), [(FileProblem::Link, "a.py")]);
        assert!(report.planned.is_empty(), "{report:?}");
        let report = changed_after_listing(|path| {
            fs::remove_file(path).expect("removed");
            let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("a pipe");
        });
        assert_eq!(problems(&report), [(FileProblem::Special, "a.py")]);
        assert!(report.planned.is_empty(), "{report:?}");
    }

    #[test]
    fn a_file_that_grows_beyond_the_limit_after_it_was_listed_is_left_out() {
        let report = changed_after_listing(|path| fs::write(path, [b'x'; 65]).expect("written"));
        assert_eq!(problems(&report), [(FileProblem::TooLarge, "a.py")]);
        assert!(report.planned.is_empty(), "{report:?}");
    }
}

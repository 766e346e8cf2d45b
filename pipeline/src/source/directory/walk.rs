//! Finds the files, and skips those whose stamps prove that they did not change.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;

use ignore::{DirEntry, WalkBuilder};

use super::stamps::Stamp;
use super::{Candidate, DirectoryReport, FileProblem, Shared, need, relative, stamps};
use crate::languages::Language;

/// The hash of a file of which only the first line was read, for it has no language.
const UNREAD: [u8; 32] = [0; 32];

/// Enough of a file for its first line.
const HEAD_BYTES: usize = 256;

/// What version control keeps beside the files.
const HISTORY: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// The walk through one directory.
pub(super) struct Walk<'a> {
    shared: &'a Shared<'a>,
    queue: SyncSender<(Candidate, &'static Language)>,
    report: DirectoryReport,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        queue: SyncSender<(Candidate, &'static Language)>,
    ) -> Self {
        let report = DirectoryReport { complete: true, ..DirectoryReport::default() };
        Self { shared, queue, report }
    }

    /// Walks in the order of names, so that every run takes the files in the same order.
    pub(super) fn run(mut self) -> DirectoryReport {
        let root = self.shared.options.root.clone();
        let globs = self.shared.options.globs.clone();
        // Inside of a git repository, its files above the directory speak too, and none further up.
        let in_git = root.ancestors().any(|folder| folder.join(".git").exists());
        let walk = WalkBuilder::new(&root)
            .hidden(false)
            .ignore(false)
            .git_global(false)
            .git_exclude(false)
            .parents(in_git)
            .require_git(in_git)
            .sort_by_file_name(std::ffi::OsStr::cmp)
            .filter_entry(move |entry| {
                let is_history = entry.file_name().to_str().is_some_and(|n| HISTORY.contains(&n));
                let excluded = || relative(&root, entry.path()).is_some_and(|p| globs.excludes(&p));
                entry.depth() == 0 || !(is_history || excluded())
            })
            .build();
        for entry in walk {
            if self.shared.stopped() {
                self.report.complete = false;
                break;
            }
            match entry {
                Ok(entry) if entry.depth() == 0 => {}
                Ok(entry) => self.entry(&entry),
                Err(error) => self.unlisted(&error),
            }
        }
        self.report
    }

    fn unlisted(&mut self, error: &ignore::Error) {
        // What vanished between its listing and its turn is gone, and that is no error.
        if error.depth() != Some(0)
            && error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            return;
        }
        self.report.complete = false;
        let detail = Some(error.to_string());
        self.report.problems.add(FileProblem::UnreadableDirectory, "", detail);
    }

    /// A file that is gone is no error; of any other it is not known what it holds.
    fn unread(&mut self, path: &str, error: Option<&io::Error>) {
        if error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return self.problem(FileProblem::Vanished, path);
        }
        self.report.complete = false;
        let detail = error.map(ToString::to_string);
        self.report.problems.add(FileProblem::Unreadable, path, detail);
    }

    fn problem(&mut self, problem: FileProblem, path: &str) {
        self.report.problems.add(problem, path, None);
    }

    fn entry(&mut self, entry: &DirEntry) {
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { return };
        let Some(path) = relative(&self.shared.options.root, entry.path()) else {
            return self.problem(FileProblem::PathNotUtf8, &entry.path().to_string_lossy());
        };
        let options = self.shared.options;
        if !options.globs.wants(&path) || options.is_store(entry.path()) {
            return;
        }
        if kind.is_symlink() {
            return self.problem(FileProblem::Link, &path);
        }
        if !kind.is_file() {
            return self.problem(FileProblem::Special, &path);
        }
        match entry.metadata() {
            Ok(metadata) => self.file(entry.path(), path, Stamp::of(&metadata)),
            Err(error) => self.unread(&path, error.io_error()),
        }
    }

    fn file(&mut self, absolute: &Path, path: String, stamp: Stamp) {
        let options = self.shared.options;
        let trusted =
            options.trust_mtime.then(|| self.shared.stamps.known(&path, &stamp)).flatten();
        let shebang = || match trusted {
            Some(known) => Ok(known.shebang.as_deref().and_then(Language::by_name)),
            None => shebang_language(absolute),
        };
        let by_name = Language::by_path(absolute);
        let (nameless, read_at) = (by_name.is_none(), stamps::now());
        let by_content = match nameless.then(shebang).transpose() {
            Ok(language) => language.flatten(),
            Err(error) => return self.unread(&path, Some(&error)),
        };
        let Some(language) = by_name.or(by_content) else {
            if trusted.is_none() {
                self.shared.stamps.remember(&path, stamp, read_at, UNREAD, Some(""));
            }
            return *self.report.without_grammar.entry(kind_of_file(absolute)).or_default() += 1;
        };
        if !options.languages.is_empty() && !options.languages.iter().any(|l| l == language.name) {
            return;
        }
        self.shared.progress.found.fetch_add(1, Ordering::Relaxed);
        if stamp.size() > options.file_bytes_max {
            self.shared.progress.done.fetch_add(1, Ordering::Relaxed);
            self.shared.see_too_large(&path);
            return self.problem(FileProblem::TooLarge, &path);
        }
        if let Some(known) = trusted
            && let need = need(self.shared, &path, language, &known.hash)
            && need.lacking == 0
        {
            self.shared.progress.done.fetch_add(1, Ordering::Relaxed);
            self.shared.progress.held.add(need.held);
            self.report.held += 1;
            *self.report.languages.entry(language.name).or_default() += 1;
            return;
        }
        let candidate = Candidate { absolute: absolute.to_path_buf(), path, stamp, nameless };
        // The workers are gone only when one of them panicked, which is told where it is joined.
        self.queue.send((candidate, language)).ok();
    }
}

fn shebang_language(path: &Path) -> io::Result<Option<&'static Language>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(Language::by_shebang(&head))
}

/// How a file without a grammar is counted: by extension, else by name.
fn kind_of_file(path: &Path) -> String {
    match path.extension() {
        Some(extension) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        None => "no extension".into(),
    }
}

//! Finds the files, and skips those whose stamps prove that they did not change.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::vec::IntoIter;

use rustix::fs::Stat;

use super::beneath::{OpenError, Root};
use super::ignored::{Ignored, Mark, RULES_FILE, Verdict};
use super::listing::{Entry, Kind, list};
use super::mount::Mounts;
use super::stamps::Stamp;
use super::worker::Work;
use super::{Candidate, DirectoryReport, FileProblem, Shared, need, stamps};
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
    queue: Sender<Work<'a>>,
    ignored: Ignored,
    mounts: Mounts,
    report: DirectoryReport,
}

/// A folder that the walk is in.
struct Folder {
    /// Below the root.
    path: PathBuf,
    entries: IntoIter<Entry>,
    /// What to go back to behind it.
    mark: Mark,
    /// It is ignored, but for what git tracks.
    only_tracked: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, queue: Sender<Work<'a>>) -> Self {
        let report = DirectoryReport { complete: true, ..DirectoryReport::default() };
        let ignored = Ignored::above(&shared.options.root);
        Self { shared, queue, ignored, mounts: Mounts::default(), report }
    }

    /// Walks in the order of names, so that every run takes the files in the same order.
    pub(super) fn run(mut self) -> DirectoryReport {
        let mut open: Vec<Folder> = self.enter(PathBuf::new(), false).into_iter().collect();
        while let Some(folder) = open.last_mut() {
            if self.shared.stopped() {
                self.report.complete = false;
                break;
            }
            match folder.entries.next() {
                Some(entry) => {
                    let (path, only_tracked) = (folder.path.join(&entry.name), folder.only_tracked);
                    open.extend(self.entry(path, entry, only_tracked));
                }
                None => {
                    self.ignored.leave(folder.mark);
                    open.pop();
                }
            }
        }
        self.report
    }

    /// Lists a folder, and hears its rules.
    fn enter(&mut self, path: PathBuf, only_tracked: bool) -> Option<Folder> {
        let (folder, entries) = match list(&self.shared.root, &path) {
            Ok(listed) => listed,
            Err(error) => {
                self.unlisted(&path, error);
                return None;
            }
        };
        self.mounts.meet(&folder);
        self.miss_parts(&path, &entries);
        let mark = self.ignored.mark();
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let is_repository = !path.as_os_str().is_empty() && has(".git");
        if is_repository {
            self.ignored.enter_repository(&self.shared.options.root, &path);
        }
        let only_tracked = only_tracked && !is_repository;
        if has(RULES_FILE) && !only_tracked {
            self.ignored.enter(&folder, &path);
        }
        self.hear();
        Some(Folder { path, entries: entries.into_iter(), mark, only_tracked })
    }

    /// Tells of parts that are not there: they were when the load began.
    fn miss_parts(&mut self, folder: &Path, entries: &[Entry]) {
        for name in self.shared.options.parts.names_in(folder) {
            if !entries.iter().any(|entry| entry.name == name.as_os_str()) {
                self.report.complete = false;
                self.problem(FileProblem::Vanished, &folder.join(name).to_string_lossy());
            }
        }
    }

    /// Tells what had a say and was not heard.
    fn hear(&mut self) {
        for unheard in self.ignored.unheard() {
            let problem = match unheard.is_index {
                true => FileProblem::IndexUnread,
                false => FileProblem::RulesUnread,
            };
            // What git tracks although it is ignored may be missing.
            self.report.complete &= !unheard.is_index;
            self.report.problems.add(problem, &unheard.path, Some(unheard.reason));
        }
    }

    fn unlisted(&mut self, path: &Path, error: OpenError) {
        let is_named = self.shared.options.parts.lead_to(path);
        let error = match error {
            OpenError::Io(error) if error.kind() == io::ErrorKind::NotFound && !is_named => return,
            OpenError::Link => return self.problem(FileProblem::Link, &path.to_string_lossy()),
            error => error,
        };
        self.report.complete = false;
        let whole = self.shared.options.root.join(path);
        let detail = Some(format!("{}: {error}", whole.display()));
        self.report.problems.add(FileProblem::UnreadableDirectory, "", detail);
    }

    /// A file that is gone is no error; of any other it is not known what it holds.
    fn unread(&mut self, path: &str, error: OpenError) {
        let detail = match error {
            OpenError::Link => return self.problem(FileProblem::Link, path),
            OpenError::Special => return self.problem(FileProblem::Special, path),
            OpenError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.problem(FileProblem::Vanished, path);
            }
            OpenError::Io(error) => Some(error.to_string()),
        };
        self.report.complete = false;
        self.report.problems.add(FileProblem::Unreadable, path, detail);
    }

    fn problem(&mut self, problem: FileProblem, path: &str) {
        self.report.problems.add(problem, path, None);
    }

    /// Takes a file, or gives a folder to be walked next.
    fn entry(&mut self, path: PathBuf, entry: Entry, only_tracked: bool) -> Option<Folder> {
        let is_folder = matches!(entry.kind, Kind::Folder);
        let globs = &self.shared.options.globs;
        if !self.shared.options.parts.touch(&path)
            || entry.name.to_str().is_some_and(|name| HISTORY.contains(&name))
            || path.to_str().is_some_and(|path| globs.excludes(path))
        {
            return None;
        }
        let verdict = match only_tracked {
            true => self.ignored.verdict_of_tracked(&path, is_folder),
            false => self.ignored.verdict(&path, is_folder),
        };
        self.hear();
        match (verdict, is_folder) {
            (Verdict::Ignored, _) => {
                if self.shared.options.parts.lead_to(&path) {
                    self.problem(FileProblem::PartIgnored, &path.to_string_lossy());
                }
                None
            }
            (Verdict::Kept, true) => self.enter(path, false),
            (Verdict::OnlyTracked, true) => self.enter(path, true),
            (_, false) => {
                self.leaf(&path, entry.kind);
                None
            }
        }
    }

    fn leaf(&mut self, path: &Path, kind: Kind) {
        let options = self.shared.options;
        let Some(name) = path.to_str() else {
            return self.problem(FileProblem::PathNotUtf8, &path.to_string_lossy());
        };
        if !options.globs.wants(name) || self.shared.stores.has_path(&options.root.join(path)) {
            return;
        }
        match kind {
            Kind::Link => self.problem(FileProblem::Link, name),
            Kind::Special => self.problem(FileProblem::Special, name),
            Kind::Unknown(error) => self.unread(name, error.into()),
            Kind::File(stat) if self.shared.stores.has_file(&stat) => {}
            Kind::File(stat) => self.file(name.to_owned(), &stat),
            Kind::Folder => {}
        }
    }

    fn file(&mut self, path: String, stat: &Stat) {
        let options = self.shared.options;
        let stamp = Stamp::of(stat, self.mounts.of(stat));
        let trusted =
            options.trust_mtime.then(|| self.shared.stamps.known(&path, &stamp)).flatten();
        let shebang = || match trusted {
            Some(known) => Ok(known.shebang.as_deref().and_then(Language::by_name)),
            None => shebang_language(&self.shared.root, Path::new(&path)),
        };
        let by_name = Language::by_path(Path::new(&path));
        let (nameless, read_at) = (by_name.is_none(), stamps::now());
        let by_content = match nameless.then(shebang).transpose() {
            Ok(language) => language.flatten(),
            Err(error) => return self.unread(&path, error),
        };
        let Some(language) = by_name.or(by_content) else {
            if trusted.is_none() {
                self.shared.stamps.remember(&path, stamp, read_at, UNREAD, Some(""));
            }
            let kind = kind_of_file(Path::new(&path));
            return *self.report.without_grammar.entry(kind).or_default() += 1;
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
        let candidate = Candidate { path, stamp, nameless, _place: self.shared.queue.pass(1) };
        // The workers are gone only when one of them panicked, which is told where it is joined.
        self.queue.send((candidate, language)).ok();
    }
}

fn shebang_language(root: &Root, path: &Path) -> Result<Option<&'static Language>, OpenError> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    root.file(path)?.0.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(Language::by_shebang(&head))
}

/// How a file without a grammar is counted: by extension, else by name.
fn kind_of_file(path: &Path) -> String {
    match path.extension() {
        Some(extension) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        None => "no extension".into(),
    }
}

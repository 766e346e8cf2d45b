//! The files that are no unit, or not a good one.

use std::collections::{BTreeMap, BTreeSet};

use crate::excerpt::EXCERPT_MAX;

/// Why a file is no unit, or not a good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileProblem {
    /// It could not be read.
    Unreadable,
    /// A directory could not be listed.
    UnreadableDirectory,
    /// It breaks a limit of the model.
    Refused,
    /// It took too long to parse.
    ParseTimeout,
    /// It took too much memory to parse.
    ParseMemory,
    /// It went away while the load ran.
    Vanished,
    /// It is larger than the limit.
    TooLarge,
    /// Its path is not UTF-8.
    PathNotUtf8,
    /// It is not text.
    Binary,
    /// Its text is not UTF-8 everywhere; it was loaded.
    NotUtf8,
    /// It has syntax errors; it was loaded.
    SyntaxErrors,
    /// It is a link, and links are not followed.
    Link,
    /// It is a socket, a pipe or a device.
    Special,
    /// It has rules that say what is ignored, and was not read.
    RulesUnread,
    /// git's index could not be read.
    IndexUnread,
    /// It was named, and is ignored.
    PartIgnored,
}

impl FileProblem {
    /// How it is reported.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unreadable => "could not be read",
            Self::UnreadableDirectory => "directory could not be listed",
            Self::Refused => "breaks a limit",
            Self::ParseTimeout => "took too long to parse",
            Self::ParseMemory => "took too much memory to parse",
            Self::Vanished => "vanished while the load ran",
            Self::TooLarge => "larger than --max-file-size",
            Self::PathNotUtf8 => "path is not UTF-8",
            Self::Binary => "binary, not text",
            Self::NotUtf8 => "not UTF-8 everywhere, loaded with U+FFFD",
            Self::SyntaxErrors => "syntax errors, loaded as far as it parses",
            Self::Link => "link, not followed",
            Self::Special => "socket, pipe or device",
            Self::RulesUnread => "rules not read, so what they ignore is loaded",
            Self::IndexUnread => "index not read, so what git tracks and ignores is left out",
            Self::PartIgnored => "ignored in its repository, so nothing of it is loaded",
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::UnreadableDirectory => "unreadable directory",
            Self::Refused => "refused",
            Self::ParseTimeout => "parse timeout",
            Self::ParseMemory => "parse memory",
            Self::Vanished => "vanished",
            Self::TooLarge => "too large",
            Self::PathNotUtf8 => "path not UTF-8",
            Self::Binary => "binary",
            Self::NotUtf8 => "not UTF-8",
            Self::SyntaxErrors => "syntax errors",
            Self::Link => "link",
            Self::Special => "special",
            Self::RulesUnread => "rules unread",
            Self::IndexUnread => "index unread",
            Self::PartIgnored => "part ignored",
        }
    }

    /// Whether the file is missing in the store because of it.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Unreadable
            | Self::UnreadableDirectory
            | Self::Refused
            | Self::ParseTimeout
            | Self::ParseMemory
            | Self::Vanished
            | Self::TooLarge
            | Self::PathNotUtf8 => true,
            Self::Binary
            | Self::NotUtf8
            | Self::SyntaxErrors
            | Self::Link
            | Self::Special
            | Self::RulesUnread
            | Self::IndexUnread
            | Self::PartIgnored => false,
        }
    }

    /// Whether somebody should look at it.
    pub fn is_warning(self) -> bool {
        self.is_failure()
            || matches!(self, Self::RulesUnread | Self::IndexUnread | Self::PartIgnored)
    }
}

/// A file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProblemFile {
    /// The path in the repository.
    pub path: String,
    /// More about it.
    pub detail: Option<String>,
}

/// Files of one problem: how many, and the first of them by path, whatever order they were found in.
#[derive(Debug, Default, Clone)]
struct Alike {
    count: u64,
    first: BTreeSet<ProblemFile>,
}

impl Alike {
    fn keep(&mut self, file: ProblemFile) {
        self.first.insert(file);
        if self.first.len() > EXCERPT_MAX {
            self.first.pop_last();
        }
    }
}

/// The files with problems, by problem, worst first.
#[derive(Debug, Default, Clone)]
pub struct ProblemFiles(BTreeMap<FileProblem, Alike>);

impl ProblemFiles {
    /// Adds a file.
    pub fn add(&mut self, problem: FileProblem, path: &str, detail: Option<String>) {
        let alike = self.0.entry(problem).or_default();
        alike.count += 1;
        alike.keep(ProblemFile { path: path.to_owned(), detail });
    }

    /// Adds those of others.
    pub fn absorb(&mut self, others: Self) {
        for (problem, Alike { count, first }) in others.0 {
            let alike = self.0.entry(problem).or_default();
            alike.count += count;
            first.into_iter().for_each(|file| alike.keep(file));
        }
    }

    /// Each problem, how many files have it, and the first of them.
    pub fn iter(&self) -> impl Iterator<Item = (FileProblem, u64, &BTreeSet<ProblemFile>)> {
        self.0.iter().map(|(problem, alike)| (*problem, alike.count, &alike.first))
    }

    /// The first files of each problem.
    pub fn files(&self) -> impl Iterator<Item = (FileProblem, &ProblemFile)> {
        self.iter().flat_map(|(problem, _, files)| files.iter().map(move |file| (problem, file)))
    }

    /// How many files have a problem.
    pub fn count(&self) -> u64 {
        self.0.values().map(|alike| alike.count).sum()
    }

    /// How many files are missing in the stores for their problem.
    pub fn failures(&self) -> u64 {
        self.iter().filter(|(problem, ..)| problem.is_failure()).map(|(_, count, _)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_counted_and_the_first_by_path_are_kept_in_whatever_order_they_come() {
        let (mut some, mut others) = (ProblemFiles::default(), ProblemFiles::default());
        for number in (0..EXCERPT_MAX * 2).rev() {
            let half = if number % 2 == 0 { &mut some } else { &mut others };
            half.add(FileProblem::TooLarge, &format!("{number:05}"), None);
        }
        others.add(FileProblem::Link, "link", None);
        some.absorb(others);
        assert_eq!((some.count(), some.failures()), (2_001, 2_000));
        let kept: Vec<_> =
            some.iter().map(|(problem, count, first)| (problem, count, first.len())).collect();
        assert_eq!(kept, [(FileProblem::TooLarge, 2_000, 1_000), (FileProblem::Link, 1, 1)]);
        let (.., first) = some.iter().next().expect("some");
        assert_eq!(first.last().map(|file| file.path.as_str()), Some("00999"));
    }
}

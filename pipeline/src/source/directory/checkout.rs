//! A repository as it lies on the disk, and what of it is to be loaded.

use std::path::{Path, PathBuf};

use super::git::work_tree;
use super::remote::remote;

/// A repository on the disk, or parts of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The directory that paths are relative to, absolute.
    pub root: PathBuf,
    /// What the repository is called.
    pub repo: String,
    /// Its git remote, where that gives it its name.
    pub remote: Option<String>,
    /// What of it is loaded.
    pub parts: Parts,
}

impl Checkout {
    /// What a path belongs to: the work tree around it, else itself.
    pub fn around(path: &Path) -> Self {
        let root = work_tree(path).unwrap_or_else(|| path.to_path_buf());
        Self::within(&root, path)
    }

    /// What of a directory a path is, which lies in it.
    pub fn within(root: &Path, path: &Path) -> Self {
        let remote = remote(root);
        let part = path.strip_prefix(root).unwrap_or(Path::new(""));
        Self {
            root: root.to_path_buf(),
            repo: remote.clone().unwrap_or_else(|| folder_name(root)),
            remote,
            parts: Parts::of(part),
        }
    }

    /// The same under a name that somebody gives it.
    #[must_use]
    pub fn named(self, repo: &str) -> Self {
        Self { repo: repo.to_owned(), remote: None, ..self }
    }
}

/// The name of a directory.
pub(crate) fn folder_name(root: &Path) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "root".into())
}

/// Files and folders below a root, each with all that is in it; the root itself is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts(Vec<PathBuf>);

impl Parts {
    /// Everything.
    pub fn whole() -> Self {
        Self::of(Path::new(""))
    }

    /// What is at a path, relative to the root.
    pub fn of(path: &Path) -> Self {
        Self(vec![path.to_path_buf()])
    }

    /// Adds other parts of the same root.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable();
        // What is in another part follows it.
        self.0.dedup_by(|inner, outer| inner.starts_with(outer));
    }

    /// Whether they are all of the root.
    pub fn are_whole(&self) -> bool {
        self.has(Path::new(""))
    }

    /// Whether a path is one of them, or in one.
    pub fn has(&self, path: &Path) -> bool {
        self.0.iter().any(|part| path.starts_with(part))
    }

    /// Whether a path is one of them, or on the way to one.
    pub(super) fn lead_to(&self, path: &Path) -> bool {
        self.0.iter().any(|part| part.starts_with(path))
    }

    /// Whether a path is one of them.
    pub(crate) fn is_one(&self, path: &Path) -> bool {
        self.0.iter().any(|part| part == path)
    }

    /// The names that a folder has to have, for a part is there or further on.
    pub(super) fn names_in<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.0.iter().filter_map(move |part| {
            let rest = part.strip_prefix(folder).ok()?;
            rest.iter().next().map(Path::new)
        })
    }

    /// Whether a path is one of them, in one, or on the way to one.
    pub(super) fn touch(&self, path: &Path) -> bool {
        self.has(path) || self.lead_to(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(all: &[&str]) -> Parts {
        let mut parts = all.iter().map(|part| Parts::of(Path::new(part)));
        let first = parts.next().expect("one");
        parts.fold(first, |mut all, part| {
            all.add(part);
            all
        })
    }

    #[test]
    fn a_part_has_what_is_in_it_and_is_touched_on_the_way() {
        let parts = parts(&["src/a", "docs", "src/a/deep"]);
        let of = |path: &str| (parts.has(Path::new(path)), parts.touch(Path::new(path)));
        assert_eq!(of("src/a/deep/x.py"), (true, true));
        assert_eq!(of("src"), (false, true));
        assert_eq!(of("src/ab"), (false, false));
        assert_eq!(of("docs"), (true, true));
        assert!(!parts.are_whole());
        let names: Vec<_> = parts.names_in(Path::new("")).collect();
        assert_eq!(names, [Path::new("docs"), Path::new("src")]);
    }

    #[test]
    fn the_root_is_the_whole_whatever_else_is_named() {
        assert!(parts(&["src", "", "docs"]).are_whole());
        assert_eq!(parts(&["src", "", "docs"]), Parts::whole());
    }
}

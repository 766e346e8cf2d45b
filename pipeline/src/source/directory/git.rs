//! What git keeps of a work tree, read without git.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::beneath;

/// Largest file of git's that is read: they have a few lines.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// The work tree around a path, as git finds it: the nearest folder above it, on the same file system,
/// that has a `.git` which is a repository. One above that belongs to neither the path's owner nor root
/// is nobody's: whoever may write to a folder above would say what the path is.
pub(super) fn work_tree(path: &Path) -> Option<PathBuf> {
    let own = fs::metadata(path).ok()?;
    let is_same_system =
        |folder: &&Path| fs::metadata(folder).is_ok_and(|folder| folder.dev() == own.dev());
    let is_trusted = |folder: &Path| {
        let git = fs::metadata(folder.join(".git"));
        folder == path || git.is_ok_and(|git| git.uid() == own.uid() || git.uid() == 0)
    };
    let mut near = path.ancestors().take_while(is_same_system);
    near.find(|folder| is_work_tree(folder) && is_trusted(folder)).map(Path::to_path_buf)
}

fn is_work_tree(folder: &Path) -> bool {
    git_directory(folder).is_some_and(|git| {
        git.join("HEAD").symlink_metadata().is_ok()
            && common_directory(&git).join("objects").is_dir()
    })
}

/// `.git`, or where a work tree's `.git` file points.
pub(super) fn git_directory(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let file = beneath::text(&git, FILE_BYTES_MAX)?;
    Some(root.join(file.trim().strip_prefix("gitdir: ")?))
}

/// The directory that work trees share.
pub(super) fn common_directory(git: &Path) -> PathBuf {
    match beneath::text(&git.join("commondir"), FILE_BYTES_MAX) {
        Some(common) => git.join(common.trim()),
        None => git.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    /// A folder `a/b` in a work tree, and that tree.
    fn tree() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("a/b")).expect("folders");
        fs::create_dir_all(folder.path().join(".git/objects")).expect("folders");
        fs::write(folder.path().join(".git/HEAD"), "ref: refs/heads/main\n").expect("written");
        let within = folder.path().join("a/b");
        (folder, within)
    }

    #[test]
    fn the_nearest_work_tree_is_around_a_path() {
        let (folder, within) = tree();
        assert_eq!(work_tree(&within).as_deref(), Some(folder.path()));
        assert_eq!(work_tree(folder.path()).as_deref(), Some(folder.path()));
        fs::create_dir_all(within.join(".git/objects")).expect("folders");
        assert_eq!(work_tree(&within).as_deref(), Some(folder.path()), "that is no repository");
        fs::write(within.join(".git/HEAD"), "").expect("written");
        assert_eq!(work_tree(&within), Some(within));
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "a test that cannot run says so")]
    fn a_work_tree_above_that_somebody_else_made_is_none() {
        let (folder, within) = tree();
        let git = folder.path().join(".git");
        if chown(&git, Some(65_534), None).is_err() {
            return eprintln!("skipped: who owns a file is changed by root alone");
        }
        assert_eq!(work_tree(&within), None);
        assert_eq!(work_tree(folder.path()).as_deref(), Some(folder.path()), "it was named");
        chown(&within, Some(65_534), None).expect("changed");
        assert_eq!(work_tree(&within).as_deref(), Some(folder.path()));
    }
}

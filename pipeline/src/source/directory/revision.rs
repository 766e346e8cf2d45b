//! The commit that is checked out, as git keeps it: in `HEAD`, in the file of a branch, or among the
//! packed ones. What cannot be read, such as references in a format of their own (reftable), is no revision.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::beneath;
use super::git::{FILE_BYTES_MAX, common_directory, git_directory, work_tree};

/// References that lead to one another; git follows as many.
const STEPS_MAX: usize = 5;

/// Most bytes of packed references that are looked through.
const PACKED_BYTES_MAX: u64 = 64 << 20;

/// Longest line of them: a reference is a path.
const LINE_BYTES_MAX: u64 = 8 << 10;

/// References that each work tree has for itself.
const OF_WORK_TREE: [&str; 3] = ["refs/bisect/", "refs/rewritten/", "refs/worktree/"];

/// The id of the commit that is checked out around a path; `None` where there is none, or none that can
/// be read.
pub fn revision(path: &Path) -> Option<String> {
    let git = git_directory(&work_tree(path)?)?;
    let common = common_directory(&git);
    let mut said = beneath::text(&git.join("HEAD"), FILE_BYTES_MAX)?;
    for _ in 0..STEPS_MAX {
        let Some(name) = said.strip_prefix("ref:").map(str::trim) else { return id(&said) };
        if !is_reference(name) {
            return None;
        }
        let is_own = OF_WORK_TREE.iter().any(|own| name.starts_with(own));
        let folder = if is_own { &git } else { &common };
        said = match beneath::text(&folder.join(name), FILE_BYTES_MAX) {
            Some(said) => said,
            None => packed(&common, name)?,
        };
    }
    None
}

/// The id that a text begins with: of SHA-1 or SHA-256.
fn id(text: &str) -> Option<String> {
    let id = text.split_whitespace().next()?;
    let is_hex = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && [40, 64].contains(&id.len())).then(|| id.to_owned())
}

/// Whether a name is that of a reference, and leads nowhere else.
fn is_reference(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\0');
    name.starts_with("refs/") && name.split('/').all(is_part)
}

/// What the file of packed references has of one.
fn packed(common: &Path, name: &str) -> Option<String> {
    let file = beneath::linked(&common.join("packed-refs")).ok()?;
    let mut packed = BufReader::new(file.take(PACKED_BYTES_MAX));
    let mut line = Vec::new();
    loop {
        line.clear();
        packed.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).ok()?;
        // At the end there is nothing, and no line is longer.
        let text = line.strip_suffix(b"\n")?;
        if let Some((id, found)) = std::str::from_utf8(text).ok().and_then(|l| l.split_once(' '))
            && found == name
        {
            return Some(id.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// What git says, with nothing of the user's.
    fn git(folder: &Path, arguments: &[&str]) -> String {
        let done = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", folder)
            .env_remove("GIT_DIR")
            .output()
            .expect("git");
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "git {arguments:?}: {told}");
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn repository(more: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        git(folder.path(), &[&["init", "-q"], more].concat());
        folder
    }

    fn commit(folder: &Path) {
        git(folder, &["commit", "-q", "--allow-empty", "-m", "a"]);
    }

    #[track_caller]
    fn is_as_git_says(folder: &Path) {
        assert_eq!(revision(folder), Some(git(folder, &["rev-parse", "HEAD"])));
    }

    #[test]
    fn the_commit_of_a_branch_a_tag_and_none_of_both_is_what_git_says() {
        let folder = repository(&[]);
        let path = folder.path();
        assert_eq!(revision(path), None, "there is no commit yet");
        commit(path);
        is_as_git_says(path);
        git(path, &["checkout", "-q", "-b", "deep/er/branch"]);
        commit(path);
        is_as_git_says(path);
        git(path, &["checkout", "-q", "--detach", "HEAD~1"]);
        is_as_git_says(path);
        git(path, &["symbolic-ref", "refs/heads/alias", "refs/heads/deep/er/branch"]);
        git(path, &["checkout", "-q", "alias"]);
        is_as_git_says(path);
        fs::create_dir(path.join("folder")).expect("a folder");
        assert_eq!(revision(&path.join("folder")), revision(path));
    }

    #[test]
    fn packed_references_count_where_there_is_no_file() {
        let folder = repository(&[]);
        let path = folder.path();
        commit(path);
        for number in 0..5 {
            git(path, &["tag", "-a", "-m", "a", &format!("v{number}")]);
        }
        git(path, &["pack-refs", "--all"]);
        assert!(!path.join(".git/refs/heads/main").exists());
        is_as_git_says(path);
        commit(path);
        is_as_git_says(path);
    }

    #[test]
    fn a_repository_of_sha256_has_longer_ids() {
        let folder = repository(&["--object-format=sha256"]);
        commit(folder.path());
        is_as_git_says(folder.path());
        assert_eq!(revision(folder.path()).map(|id| id.len()), Some(64));
    }

    #[test]
    fn a_work_tree_beside_and_a_submodule_have_their_own() {
        let folder = repository(&[]);
        let path = folder.path();
        commit(path);
        let beside = tempfile::tempdir().expect("a folder");
        let tree = beside.path().join("tree");
        git(path, &["worktree", "add", "-q", "-b", "other", tree.to_str().expect("utf-8")]);
        commit(&tree);
        is_as_git_says(&tree);
        assert_ne!(revision(&tree), revision(path));
        git(&tree, &["pack-refs", "--all"]);
        is_as_git_says(&tree);
        let other = repository(&[]);
        commit(other.path());
        git(path, &["submodule", "--quiet", "add", other.path().to_str().expect("utf-8"), "sub"]);
        is_as_git_says(&path.join("sub"));
        commit(path);
        assert_ne!(revision(&path.join("sub")), revision(path));
    }

    #[test]
    fn what_cannot_be_read_is_no_revision() {
        let folder = repository(&[]);
        let path = folder.path();
        commit(path);
        let head = path.join(".git/HEAD");
        let id = "a".repeat(40);
        fs::write(path.join("outside"), &id).expect("written");
        let table = [
            "",
            "ref: refs/heads/.invalid\n",
            "ref: refs/heads/absent\n",
            "ref: refs/heads/../../../outside\n",
            "ref: outside\n",
            "ref: /etc/hostname\n",
            "not an id\n",
            "ABCDEF\n",
        ];
        for said in table {
            fs::write(&head, said).expect("written");
            assert_eq!(revision(path), None, "{said:?}");
        }
        fs::write(&head, format!("{id}\n")).expect("written");
        assert_eq!(revision(path).as_ref(), Some(&id));
        fs::write(&head, "ref: refs/heads/loop\n").expect("written");
        fs::write(path.join(".git/refs/heads/loop"), "ref: refs/heads/loop\n").expect("written");
        assert_eq!(revision(path), None);
        fs::remove_file(&head).expect("removed");
        rustix::fs::mkfifoat(rustix::fs::CWD, &head, rustix::fs::Mode::RWXU).expect("a pipe");
        assert_eq!(revision(path), None);
    }

    #[test]
    fn long_lines_and_files_without_an_end_are_given_up() {
        let folder = repository(&[]);
        let path = folder.path();
        let id = "b".repeat(40);
        let packed = path.join(".git/packed-refs");
        fs::write(&packed, format!("# pack-refs\n{id} refs/heads/main\n")).expect("written");
        assert_eq!(revision(path).as_ref(), Some(&id));
        let long = "x".repeat(LINE_BYTES_MAX as usize);
        fs::write(&packed, format!("{long}\n{id} refs/heads/main\n")).expect("written");
        assert_eq!(revision(path), None);
        fs::remove_file(&packed).expect("removed");
        std::os::unix::fs::symlink("/dev/zero", &packed).expect("a link");
        assert_eq!(revision(path), None);
    }
}

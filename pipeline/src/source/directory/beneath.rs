//! Opens what a tree holds, and nothing else.
//!
//! A tree may be changed by somebody while it is read: between a look at a name and its opening, a
//! file becomes a link to a file that is none of the tree's, or a pipe that never answers, and a
//! folder a link to another folder. So no link is followed below the root, not even on the way, no
//! opening waits, and the kind is asked of what was opened.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Why something was not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// It is a link, or there is one on the way.
    #[error("it is a link")]
    Link,
    /// It is a socket, a pipe or a device.
    #[error("it is no regular file")]
    Special,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for OpenError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::LOOP => Self::Link,
            // What a socket says, and a device without a driver.
            Errno::NXIO | Errno::NODEV => Self::Special,
            error => Self::Io(error.into()),
        }
    }
}

/// A directory, below which files are opened.
#[derive(Debug)]
pub(super) struct Root {
    folder: OwnedFd,
    /// The kernel, or what filters its calls, does not open a whole path without links.
    by_steps: AtomicBool,
}

impl Root {
    /// Opens the directory, to which links may lead.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let folder = fs::open(path, FOLDER | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { folder, by_steps: AtomicBool::new(false) })
    }

    /// Opens a folder; the empty path is the root.
    pub(super) fn folder(&self, path: &Path) -> Result<OwnedFd, OpenError> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(self.beneath(path, FOLDER)?)
    }

    /// Opens a file that is a regular one, and says what it is.
    pub(super) fn file(&self, path: &Path) -> Result<(File, Stat), OpenError> {
        checked(self.beneath(path, FILE)?)
    }

    fn beneath(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        #[cfg(target_os = "linux")]
        if !self.by_steps.load(Ordering::Relaxed) {
            let within = fs::ResolveFlags::BENEATH | fs::ResolveFlags::NO_SYMLINKS;
            match fs::openat2(&self.folder, path, flags, Mode::empty(), within) {
                // Something on the way was renamed just now.
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS | Errno::PERM) => self.by_steps.store(true, Ordering::Relaxed),
                opened => return opened,
            }
        }
        let mut steps = path.components().filter(|step| *step != Component::CurDir).peekable();
        let on_the_way = FOLDER | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = fs::openat(&self.folder, ".", on_the_way, Mode::empty())?;
        while let Some(step) = steps.next() {
            let step_flags = if steps.peek().is_some() { on_the_way } else { flags };
            folder = fs::openat(&folder, step.as_os_str(), step_flags, Mode::empty())?;
        }
        Ok(folder)
    }
}

/// Opens a regular file by its name in a folder.
pub(super) fn regular_in(folder: &OwnedFd, name: &str) -> Result<File, OpenError> {
    let flags = FILE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(checked(fs::openat(folder, name, flags, Mode::empty())?)?.0)
}

/// Opens a regular file that is no link.
pub(super) fn regular(path: &Path) -> Result<File, OpenError> {
    let flags = FILE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(checked(fs::open(path, flags, Mode::empty())?)?.0)
}

/// Opens a regular file, to which links may lead.
pub(super) fn linked(path: &Path) -> Result<File, OpenError> {
    Ok(checked(fs::open(path, FILE | OFlags::CLOEXEC, Mode::empty())?)?.0)
}

/// The text of a regular file, to which links may lead; `None` where it is none, or too long.
pub(super) fn text(path: &Path, bytes_max: u64) -> Option<String> {
    let file = linked(path).ok()?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).ok()?;
    let fits = bytes.len() as u64 <= bytes_max;
    fits.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn checked(opened: OwnedFd) -> Result<(File, Stat), OpenError> {
    let stat = fs::fstat(opened.as_fd())?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((File::from(opened), stat)),
        FileType::Directory => Err(io::Error::from(io::ErrorKind::IsADirectory).into()),
        _ => Err(OpenError::Special),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root whose kernel opens whole paths, and one whose kernel does not.
    fn roots(path: &Path) -> [Root; 2] {
        let by_steps = Root::open(path).expect("opened");
        by_steps.by_steps.store(true, Ordering::Relaxed);
        [Root::open(path).expect("opened"), by_steps]
    }

    #[test]
    fn links_pipes_and_what_is_above_are_not_opened_in_either_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        std::fs::create_dir_all(path.join("tree/a/b")).expect("folders");
        std::fs::write(path.join("tree/a/b/file"), "x").expect("written");
        std::fs::write(path.join("secret"), "x").expect("written");
        symlink("a", path.join("tree/linked")).expect("a link");
        symlink("../secret", path.join("tree/link")).expect("a link");
        fs::mknodat(fs::CWD, path.join("tree/pipe"), FileType::Fifo, Mode::RWXU, 0)
            .expect("a pipe");
        for root in roots(&path.join("tree")) {
            assert!(root.file(Path::new("a/b/file")).is_ok());
            assert!(root.folder(Path::new("a/b")).is_ok() && root.folder(Path::new("")).is_ok());
            assert!(matches!(root.file(Path::new("link")), Err(OpenError::Link)));
            assert!(root.file(Path::new("linked/b/file")).is_err());
            assert!(root.folder(Path::new("linked")).is_err());
            assert!(matches!(root.file(Path::new("pipe")), Err(OpenError::Special)));
            assert!(matches!(root.file(Path::new("a")), Err(OpenError::Io(_))));
        }
    }
}

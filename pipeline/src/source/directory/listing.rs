//! What a folder of the tree holds, in the order of names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Stat, statat};
use rustix::io::Errno;

use super::beneath::{OpenError, Root};

/// A name in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
}

/// What it is a name of.
#[derive(Debug)]
pub(super) enum Kind {
    Folder,
    File(Box<Stat>),
    Link,
    /// A socket, a pipe or a device.
    Special,
    /// Nothing could be learned of it.
    Unknown(io::Error),
}

/// Lists a folder below the root, which stays open beside its entries.
pub(super) fn list(root: &Root, path: &Path) -> Result<(OwnedFd, Vec<Entry>), OpenError> {
    let folder = root.folder(path)?;
    let mut entries = Vec::new();
    for listed in Dir::read_from(&folder)? {
        let listed = listed?;
        let name = OsStr::from_bytes(listed.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match listed.file_type() {
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            // Of a file, its stamp is needed; some file systems do not say what a name is.
            FileType::RegularFile | FileType::Unknown => {
                match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => of(stat),
                    // It went away meanwhile, and that is no error.
                    Err(Errno::NOENT) => continue,
                    Err(error) => Kind::Unknown(error.into()),
                }
            }
            _ => Kind::Special,
        };
        entries.push(Entry { name: name.to_owned(), kind });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok((folder, entries))
}

fn of(stat: Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Folder,
        FileType::RegularFile => Kind::File(Box::new(stat)),
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    }
}

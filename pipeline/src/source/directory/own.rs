//! The files of the stores that are written to, which are no part of the directory.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Stat;

/// What SQLite keeps beside a file.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The files by their paths, and those that are there under whatever name.
#[derive(Debug, Default)]
pub(super) struct OwnFiles {
    paths: HashSet<String>,
    /// Device and inode.
    files: HashSet<(u64, u64)>,
}

impl OwnFiles {
    /// The files of stores at these places, as their types name them.
    pub(super) fn of(stores: &[String]) -> Self {
        let mut own = Self::default();
        for path in stores.iter().flat_map(|store| BESIDE.map(|end| format!("{store}{end}"))) {
            if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
            {
                own.files.insert((metadata.dev(), metadata.ino()));
            }
            own.paths.insert(path);
        }
        own
    }

    /// Whether this is the path of one, which may come to be while the directory is read.
    pub(super) fn has_path(&self, path: &Path) -> bool {
        path.to_str().is_some_and(|path| self.paths.contains(path))
    }

    /// Whether a file is one of them.
    pub(super) fn has_file(&self, stat: &Stat) -> bool {
        #[allow(clippy::useless_conversion, reason = "their types are the platform's")]
        self.files.contains(&(u64::from(stat.st_dev), u64::from(stat.st_ino)))
    }
}

//! What the size, times and inode of a file prove: that its content is known.
//!
//! A machine-local file per root, in the user's cache directory; losing it costs a reading. A file
//! that changed within two seconds of its reading may change again without a new time, so its stamp
//! proves nothing, as in git.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

const VERSION: u32 = 1;

/// The coarsest time stamps of a file system in use, in nanoseconds.
const RACY: i64 = 2_000_000_000;

/// What a file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.wrapping_mul(1_000_000_000) + rest;
        Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether a later change would have shown, seen from the time of the reading.
    fn is_settled(&self, read_at: i64) -> bool {
        self.modified.max(self.changed) < read_at.saturating_sub(RACY)
    }
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    stamp: Stamp,
    /// BLAKE3 of its content.
    pub(super) hash: [u8; 32],
    /// The language that its first line names, of a file whose name names none.
    pub(super) shebang: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    version: u32,
    root: PathBuf,
    files: HashMap<String, Known>,
}

/// The stamps of a root: those of the last load, and those of this one.
#[derive(Debug)]
pub(super) struct Stamps {
    place: Option<PathBuf>,
    root: PathBuf,
    known: HashMap<String, Known>,
    fresh: Mutex<HashMap<String, Known>>,
}

/// Now, in nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl Stamps {
    /// The stamps that the last load of this root left; none where there are none to be trusted.
    pub(super) fn load(root: &Path) -> Self {
        let place = place(root);
        let saved = place.as_ref().and_then(|place| {
            let file = BufReader::new(File::open(place).ok()?);
            serde_json::from_reader::<_, Saved>(file).ok()
        });
        let saved = saved.filter(|saved| saved.version == VERSION && saved.root == root);
        let known = saved.map(|saved| saved.files).unwrap_or_default();
        Self { place, root: root.to_path_buf(), known, fresh: Mutex::default() }
    }

    /// No stamps, which are not saved either.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        let (known, fresh) = (HashMap::new(), Mutex::default());
        Self { place: None, root: PathBuf::new(), known, fresh }
    }

    /// What is known of a file that has this stamp.
    pub(super) fn known(&self, path: &str, stamp: &Stamp) -> Option<&Known> {
        self.known.get(path).filter(|known| known.stamp == *stamp)
    }

    /// Keeps what is known for the next load.
    pub(super) fn keep(&self, path: &str, known: &Known) {
        self.insert(path, known.clone());
    }

    /// Remembers what was read, if the stamp proves it from then on.
    pub(super) fn remember(
        &self,
        path: &str,
        stamp: Stamp,
        read_at: i64,
        hash: [u8; 32],
        shebang: Option<&str>,
    ) {
        if stamp.is_settled(read_at) {
            self.insert(path, Known { stamp, hash, shebang: shebang.map(str::to_owned) });
        }
    }

    fn insert(&self, path: &str, known: Known) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.insert(path.to_owned(), known);
    }

    /// Writes the stamps of this load, whole or not at all. Files that an incomplete load did not
    /// come by keep theirs.
    pub(super) fn save(self, complete: bool) -> io::Result<()> {
        let Some(place) = self.place else { return Ok(()) };
        let mut files = self.fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
        if files == self.known {
            return Ok(());
        }
        if !complete {
            for (path, known) in self.known {
                files.entry(path).or_insert(known);
            }
        }
        let folder = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let draft = place.with_extension(format!("{}.tmp", std::process::id()));
        let mut output = BufWriter::new(File::create(&draft)?);
        let saved = Saved { version: VERSION, root: self.root, files };
        serde_json::to_writer(&mut output, &saved)?;
        output.flush()?;
        fs::rename(draft, place)
    }
}

/// `$XDG_CACHE_HOME/astload/stamps/…`, or below `~/.cache`.
fn place(root: &Path) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let name = format!("{:016x}.json", xxh3_64(root.as_os_str().as_encoded_bytes()));
    Some(cache.join("astload/stamps").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(known: HashMap<String, Known>) -> Stamps {
        Stamps { known, ..Stamps::none() }
    }

    const STAMP: Stamp =
        Stamp { size: 1, modified: 10_000_000_000, changed: 10_000_000_000, inode: 7 };

    fn remembered(read_at: i64) -> Stamps {
        let first = stamps(HashMap::new());
        first.remember("a", STAMP, read_at, [1; 32], None);
        stamps(first.fresh.into_inner().expect("whole"))
    }

    #[test]
    fn a_stamp_proves_a_file_that_was_old_when_it_was_read() {
        let stamps = remembered(STAMP.modified + RACY + 1);
        assert_eq!(stamps.known("a", &STAMP).map(|known| known.hash), Some([1; 32]));
    }

    #[test]
    fn a_file_that_changed_in_the_racy_second_is_read_again() {
        assert_eq!(remembered(STAMP.modified + RACY).known("a", &STAMP), None);
    }

    #[test]
    fn any_other_size_time_or_inode_is_another_file() {
        let stamps = remembered(i64::MAX);
        for other in [
            Stamp { size: 2, ..STAMP },
            Stamp { modified: 1, ..STAMP },
            Stamp { changed: 1, ..STAMP },
            Stamp { inode: 8, ..STAMP },
        ] {
            assert_eq!(stamps.known("a", &other), None, "{other:?}");
        }
        assert_eq!(stamps.known("b", &STAMP), None);
    }
}

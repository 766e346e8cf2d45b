//! What the size, times, inode and file system of a file prove: that its content is known.
//!
//! A machine-local log per root, in the user's cache directory; losing it costs a reading. A load
//! appends what it learns as it goes, a line a file, so it keeps nothing in memory, and what a load
//! learned that was killed is known to the next. A file that changed within two seconds of its
//! reading may change again without a new time, so its stamp proves nothing, as in git.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use blake3::Hash;
use rustix::fs::Stat;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::FileProblem;
use crate::folders;

const VERSION: u32 = 4;

/// Lines are appended in pieces of this size, each in one write.
const PIECE: usize = 64 << 10;

/// A log with more lines than this for each file that it knows is begun anew.
const LINES_A_FILE: usize = 4;

/// So is one with more bytes than this …
const LOG_BYTES_MAX: u64 = 1 << 30;

/// … or with a longer line, for a path has no more than `PATH_MAX` bytes.
const LINE_BYTES_MAX: u64 = 32 << 10;

/// The coarsest time stamps of a file system in use, in nanoseconds.
const RACY: i64 = 2_000_000_000;

/// What a file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified: i64,
    changed: i64,
    inode: u64,
    /// What tells its file system from others; of a file where nothing does, nothing is known.
    system: Option<u64>,
}

impl Stamp {
    /// Of a file of which nothing but its content is to be known.
    const UNPROVEN: Self = Self { size: 0, modified: 0, changed: 0, inode: 0, system: None };

    /// The stamp of a file on this file system.
    #[allow(clippy::unnecessary_cast, reason = "the types are the platform's")]
    pub(super) fn of(stat: &Stat, system: Option<u64>) -> Self {
        let nanoseconds = |seconds, rest| i64::wrapping_mul(seconds, 1_000_000_000) + rest;
        Self {
            size: stat.st_size as u64,
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
            system,
        }
    }

    /// The same file as it is now that it is open.
    pub(super) fn opened(&self, stat: &Stat) -> Self {
        Self::of(stat, self.system)
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether a later change would have shown, seen from the time of the reading.
    fn is_settled(&self, read_at: i64) -> bool {
        self.system.is_some() && self.modified.max(self.changed) < read_at.saturating_sub(RACY)
    }
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    stamp: Stamp,
    /// BLAKE3 of its content.
    pub(super) hash: [u8; 32],
    /// The language that its first line names, of a file whose name names none.
    pub(super) shebang: Option<String>,
    /// Why it could not be parsed, and what tried.
    failed: Option<(Failure, String)>,
}

/// What parsing a file took too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Failure {
    Time,
    Memory,
}

impl From<Failure> for FileProblem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Time => Self::ParseTimeout,
            Failure::Memory => Self::ParseMemory,
        }
    }
}

/// The first line of a log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u32,
    root: PathBuf,
}

/// Each other line; of two about one file, the later one holds.
#[derive(Debug, Serialize, Deserialize)]
struct Line<P, S> {
    path: P,
    stamp: Stamp,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shebang: Option<S>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<(Failure, S)>,
}

/// The stamps of a root: those of earlier loads, and the log of this one's.
#[derive(Debug)]
pub(super) struct Stamps {
    known: HashMap<String, Known>,
    log: Mutex<Log>,
}

/// What is to be appended.
#[derive(Debug)]
struct Log {
    place: Option<PathBuf>,
    /// Its first line; `None` where the log is there.
    header: Option<Header>,
    lines: Vec<u8>,
    error: Option<io::Error>,
}

/// Now, in nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

impl Stamps {
    /// What earlier loads of this root learned; nothing where there is nothing to be trusted.
    pub(super) fn load(root: &Path) -> Self {
        let place = place(root);
        let header = Header { version: VERSION, root: root.to_path_buf() };
        let log = place.as_deref().and_then(open_log);
        let known = log.and_then(|log| read(log, &header));
        let header = if known.is_some() { None } else { Some(header) };
        let log = Log { place, header, lines: Vec::new(), error: None };
        Self { known: known.unwrap_or_default(), log: Mutex::new(log) }
    }

    /// No stamps, which are not kept either.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        let log = Log { place: None, header: None, lines: Vec::new(), error: None };
        Self { known: HashMap::new(), log: Mutex::new(log) }
    }

    /// What is known of a file that has this stamp.
    pub(super) fn known(&self, path: &str, stamp: &Stamp) -> Option<&Known> {
        let proves = |known: &&Known| known.stamp == *stamp && stamp.system.is_some();
        self.known.get(path).filter(proves)
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
        let is_known = |known: &Known| {
            known.hash == hash && known.shebang.as_deref() == shebang && known.failed.is_none()
        };
        if !stamp.is_settled(read_at) || self.known(path, &stamp).is_some_and(is_known) {
            return;
        }
        let hash = Hash::from_bytes(hash).to_hex().to_string();
        self.add(&Line { path, stamp, hash, shebang, failed: None });
    }

    /// Remembers that a file of this content could not be parsed: it is read again, but not tried.
    pub(super) fn remember_failure(
        &self,
        path: &str,
        hash: [u8; 32],
        shebang: Option<&str>,
        failed: (Failure, &str),
    ) {
        let hash = Hash::from_bytes(hash).to_hex().to_string();
        self.add(&Line { path, stamp: Stamp::UNPROVEN, hash, shebang, failed: Some(failed) });
    }

    /// Why a file of this content could not be parsed when this tried.
    pub(super) fn failure(&self, path: &str, hash: &[u8; 32], by: &str) -> Option<Failure> {
        let known = self.known.get(path).filter(|known| known.hash == *hash)?;
        known.failed.as_ref().filter(|(_, other)| other == by).map(|(failure, _)| *failure)
    }

    fn add<S: Serialize>(&self, line: &Line<&str, S>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.add(line);
        if log.lines.len() >= PIECE {
            log.append();
        }
    }

    /// Appends what is left.
    ///
    /// # Errors
    /// The first that there was; the next load reads some files again.
    pub(super) fn save(self) -> io::Result<()> {
        let mut log = self.log.into_inner().unwrap_or_else(PoisonError::into_inner);
        log.append();
        log.error.map_or(Ok(()), Err)
    }
}

impl Log {
    fn add(&mut self, line: &impl Serialize) {
        match serde_json::to_writer(&mut self.lines, line) {
            Ok(()) => self.lines.push(b'\n'),
            Err(error) => self.error = Some(error.into()),
        }
    }

    fn append(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if let (Some(place), None, false) = (&self.place, &self.error, lines.is_empty()) {
            self.error = append(place, self.header.take().as_ref(), &lines).err();
        }
    }
}

/// Appends lines to a log, which begins anew with a header.
fn append(place: &Path, header: Option<&Header>, lines: &[u8]) -> io::Result<()> {
    let mut piece = Vec::new();
    let mut options = File::options();
    options.create(true);
    match header {
        Some(header) => {
            fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
            // Whatever is there is no log of ours, and may be a link to something else.
            match fs::remove_file(place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            serde_json::to_writer(&mut piece, header)?;
            options.write(true);
        }
        None => {
            options.append(true);
        }
    }
    // A line that a killed load left half written ends here, and is no JSON.
    piece.push(b'\n');
    piece.extend_from_slice(lines);
    options.open(place)?.write_all(&piece)
}

/// A log that is a file of a size that can be: not a link, and nothing that has no end.
fn open_log(place: &Path) -> Option<BufReader<File>> {
    let metadata = fs::symlink_metadata(place).ok()?;
    let is_log = metadata.is_file() && metadata.len() <= LOG_BYTES_MAX;
    is_log.then(|| File::open(place).ok()).flatten().map(BufReader::new)
}

/// The files of a log that is of this version and root, and not much longer than it must be.
fn read(mut log: impl BufRead, header: &Header) -> Option<HashMap<String, Known>> {
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        let read = log.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line).ok()?;
        (read < LINE_BYTES_MAX as usize).then_some(read > 0)
    };
    next(&mut line)?;
    if serde_json::from_slice::<Header>(&line).ok()? != *header {
        return None;
    }
    let mut known = HashMap::new();
    let mut count = 0;
    while next(&mut line)? {
        count += 1;
        if count > LINES_A_FILE * (known.len() + 1_000) {
            return None;
        }
        let Ok(Line { path, stamp, hash, shebang, failed }) =
            serde_json::from_slice::<Line<String, String>>(&line)
        else {
            continue;
        };
        let Ok(hash) = Hash::from_hex(&hash) else { continue };
        known.insert(path, Known { stamp, hash: *hash.as_bytes(), shebang, failed });
    }
    Some(known)
}

fn place(root: &Path) -> Option<PathBuf> {
    let name = format!("{:016x}.log", xxh3_64(root.as_os_str().as_encoded_bytes()));
    Some(folders::cache()?.join("stamps").join(name))
}

#[cfg(test)]
mod tests;

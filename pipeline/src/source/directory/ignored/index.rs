//! The names in git's index, as far as it takes to know whether git tracks a file.
//!
//! A name is kept as a hash: whoever commits names must not find one that makes an ignored file a tracked
//! one, so it is a cryptographic hash. The index's format: <https://git-scm.com/docs/index-format>.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::super::beneath::{self, OpenError};

/// Largest index; one entry is a hundred bytes.
const BYTES_MAX: u64 = 512 << 20;

/// Longest name, and largest configuration.
const NAME_MAX: usize = 4 << 10;
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// A flag of an entry that has two more bytes of them.
const EXTENDED: u16 = 0x4000;

/// What git tracks.
#[derive(Debug, Default)]
pub(super) struct Index {
    files: HashSet<u64>,
    folders: HashSet<u64>,
}

impl Index {
    /// The index of a repository; empty where there is none yet.
    pub(super) fn read(git: &Option<PathBuf>) -> io::Result<Self> {
        let mut index = Self::default();
        let Some(git) = git else { return Ok(index) };
        match open(&git.join("index"))? {
            Some(file) => {
                let hash_bytes = hash_bytes(git);
                if let Some(base) = index.add(file, hash_bytes)? {
                    // Most entries of a split index are in another file beside it.
                    let shared = git.join(format!("sharedindex.{base}"));
                    let file = open(&shared)?.ok_or_else(|| broken("its shared part is gone"))?;
                    index.add(file, hash_bytes)?;
                }
                Ok(index)
            }
            None => Ok(index),
        }
    }

    /// Whether this is tracked, as a file or as another repository.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.files.contains(&hashed(path))
    }

    /// Whether anything below this folder is tracked.
    pub(super) fn has_below(&self, path: &[u8]) -> bool {
        self.folders.contains(&hashed(path))
    }

    /// Adds the entries of a file; gives the name of the file that it builds upon, if it does.
    fn add(&mut self, file: File, hash_bytes: usize) -> io::Result<Option<String>> {
        let mut from = Reader { from: BufReader::new(file.take(BYTES_MAX)), read: 0 };
        if &from.array::<4>()? != b"DIRC" {
            return Err(broken("it does not begin as one"));
        }
        let version = u32::from_be_bytes(from.array()?);
        if !(2..=4).contains(&version) {
            return Err(broken("its version is not known"));
        }
        let entries = u32::from_be_bytes(from.array()?);
        let mut name = Vec::new();
        for _ in 0..entries {
            from.read = 0;
            from.skip(40 + hash_bytes)?;
            let flags = u16::from_be_bytes(from.array()?);
            if version >= 3 && flags & EXTENDED != 0 {
                from.skip(2)?;
            }
            if version == 4 {
                let keep = name.len().checked_sub(from.offset()?);
                name.truncate(keep.ok_or_else(|| broken("a name is cut by more than it has"))?);
            } else {
                name.clear();
            }
            from.name(&mut name)?;
            if version < 4 {
                from.skip((8 - from.read % 8) % 8)?;
            }
            self.insert(&name);
        }
        from.shared(hash_bytes)
    }

    fn insert(&mut self, name: &[u8]) {
        // A sparse index has folders, which are not there.
        self.files.insert(hashed(name));
        let mut rest = name;
        while let Some(slash) = rest.iter().rposition(|&byte| byte == b'/') {
            rest = &rest[..slash];
            if !self.folders.insert(hashed(rest)) {
                break;
            }
        }
    }
}

/// The first 64 bits of BLAKE3.
fn hashed(name: &[u8]) -> u64 {
    let first = blake3::hash(name).as_bytes().first_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(first)
}

struct Reader {
    from: BufReader<io::Take<File>>,
    /// Bytes of the entry so far.
    read: usize,
}

impl Reader {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.read += N;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: usize) -> io::Result<()> {
        self.read += bytes;
        let skipped = io::copy(&mut self.from.by_ref().take(bytes as u64), &mut io::sink())?;
        if skipped == bytes as u64 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// A name up to its NUL.
    fn name(&mut self, name: &mut Vec<u8>) -> io::Result<()> {
        let rest = (NAME_MAX + 1).saturating_sub(name.len()) as u64;
        self.read += self.from.by_ref().take(rest).read_until(0, name)?;
        if name.pop() == Some(0) { Ok(()) } else { Err(broken("a name has no end")) }
    }

    /// A number of variable length, as in packs.
    fn offset(&mut self) -> io::Result<usize> {
        let mut value = 0_usize;
        loop {
            let [byte] = self.array()?;
            value = value << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            if value > NAME_MAX {
                return Err(broken("a name is too long"));
            }
            value += 1;
        }
    }

    /// Looks through the extensions for the one that names a shared index.
    fn shared(&mut self, hash_bytes: usize) -> io::Result<Option<String>> {
        loop {
            // The last bytes are a hash of all.
            let mut head = [0; 8];
            if self.from.read_exact(&mut head).is_err() {
                return Ok(None);
            }
            let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
            if &head[..4] == b"link" {
                let mut hash = vec![0; hash_bytes];
                self.from.read_exact(&mut hash)?;
                let base = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                return Ok(hash.iter().any(|&byte| byte != 0).then_some(base));
            }
            if self.skip(length).is_err() {
                return Ok(None);
            }
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("git's index is broken: {what}"))
}

/// A file that git wrote; `None` where it did not.
fn open(path: &Path) -> io::Result<Option<File>> {
    match beneath::regular(&fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())) {
        Ok(file) => Ok(Some(file)),
        Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(OpenError::Io(error)) => Err(error),
        Err(other) => Err(broken(&other.to_string())),
    }
}

/// Bytes of an object's name.
fn hash_bytes(git: &Path) -> usize {
    let config = beneath::text(&git.join("config"), CONFIG_BYTES_MAX).unwrap_or_default();
    let line = |line: &str| line.replace(' ', "").eq_ignore_ascii_case("objectformat=sha256");
    if config.lines().any(|text| line(text.trim())) { 32 } else { 20 }
}

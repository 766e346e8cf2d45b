//! Any bytes as what the disk of a journal holds, frames, segments and dead letters: no panic, no
//! more memory than the bytes say, what is read is written again as the same, and a journal that
//! opens takes and gives what comes next.
//!
//! The first byte says whether checksums are set right first: who only guesses never gets past them.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::{env, fs, io};

use astload_backends::{ErrorKind, Origin, OtherRoot, RepoClaim};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_fuzz::let_arrow_panic;
use astload_model::ipc::Compression;
use astload_model::{Batch, canonical_hash};
use astload_pipeline::channel::{Cargo, Lanes};
use astload_pipeline::journal::disk::{Disk, DiskFile};
use astload_pipeline::journal::{
    Frame, HEADER_BYTES, Header, Journal, JournalSettings, Look, Retention, inspect,
};
use astload_pipeline::letters::{DeadLetters, Refusal};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const SEGMENT_HEADER_BYTES: usize = 32;
const SEGMENT: &str = "00000000000000000001.journal";
const SETTINGS: JournalSettings =
    JournalSettings { memory_bytes: 0, segment_bytes: 4_096, disk_bytes_max: u64::MAX };

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

/// A folder with one segment, and one with one letter.
static FOLDERS: LazyLock<[TempDir; 2]> = LazyLock::new(|| {
    // In memory, where the system has such a folder.
    let folder = || TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder");
    let folders = [folder(), folder()];
    fs::create_dir(folders[1].path().join("store")).expect("a folder");
    folders
});

/// A disk in memory.
#[derive(Debug, Clone, Default)]
struct MemoryDisk(Arc<Mutex<BTreeMap<String, MemoryFile>>>);

#[derive(Debug, Clone, Default)]
struct MemoryFile(Arc<Mutex<Vec<u8>>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.0).keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = MemoryFile::default();
        lock(&self.0).insert(name.into(), file.clone());
        Ok(Arc::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = lock(&self.0).get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = lock(&self.0);
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.into(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        lock(&self.0).remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let content = lock(&self.0);
        let from = offset as usize;
        let read = content.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(read);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut content = lock(&self.0);
        let (from, length) = (offset as usize, content.len());
        content.resize(length.max(from + bytes.len()), 0);
        content[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        lock(&self.0).truncate(bytes as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Sets the checksums of frames right, as far as their lengths can be believed.
fn mend_frames(mut bytes: &mut [u8]) {
    while bytes.len() >= HEADER_BYTES {
        let (header, rest) = bytes.split_at_mut(HEADER_BYTES);
        let number =
            |at: usize| header[at..at + 4].try_into().map_or(0, u32::from_le_bytes) as usize;
        let (index, payload) = (number(24), number(28));
        let whole = index.checked_add(payload).is_some_and(|bytes| bytes <= rest.len());
        if whole {
            let crcs = [&rest[..index], &rest[index..index + payload]].map(crc32c::crc32c);
            header[32..36].copy_from_slice(&crcs[0].to_le_bytes());
            header[36..40].copy_from_slice(&crcs[1].to_le_bytes());
        }
        let crc = crc32c::crc32c(&header[..40]);
        header[40..44].copy_from_slice(&crc.to_le_bytes());
        bytes = if whole { &mut rest[index + payload..] } else { &mut [] };
    }
}

fn mend_segment(bytes: &mut [u8]) {
    if let Some((header, frames)) = bytes.split_at_mut_checked(SEGMENT_HEADER_BYTES) {
        let crc = crc32c::crc32c(&header[..24]);
        header[24..28].copy_from_slice(&crc.to_le_bytes());
        mend_frames(frames);
    }
}

/// What a frame holds, if these bytes are one.
fn read_frame(bytes: &[u8]) -> Option<(Header, Cargo)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let header = Header::parse(header).ok()?;
    let (index, payload) = rest.split_at_checked(header.index_bytes)?;
    let marks = header.marks(index).ok()?;
    let cargo = header.cargo(&marks, payload.get(..header.payload_bytes)?).ok()?;
    Some((header, cargo))
}

/// What has to be the same when it is written and read again.
#[derive(Debug, PartialEq)]
enum Content {
    Repo(RepoClaim),
    Units(Vec<([u8; 32], Lanes)>),
}

impl Content {
    fn of(cargo: &Cargo) -> Self {
        match cargo {
            Cargo::Repo(repo) => Self::Repo(repo.clone()),
            Cargo::Units(batch, lanes) => {
                let hashes = batch.units().map(|unit| canonical_hash(&unit));
                Self::Units(hashes.zip(lanes.iter().copied()).collect())
            }
        }
    }
}

fn hold_frame(bytes: &[u8]) {
    let Some((header, cargo)) = read_frame(bytes) else { return };
    let mut again = Vec::new();
    again.extend_from_slice(
        Frame::of(&cargo, Compression::Lz4)
            .expect("what was read can be written")
            .numbered(header.seq)
            .1,
    );
    let (_, read) = read_frame(&again).expect("and read again");
    assert_eq!(Content::of(&read), Content::of(&cargo));
}

/// Opens a journal over a segment, reads all there is, and appends.
async fn hold_journal(segment: &[u8]) {
    let disk = MemoryDisk::default();
    lock(&disk.0).insert(SEGMENT.into(), MemoryFile(Arc::new(Mutex::new(segment.to_vec()))));
    let (mut appender, journal, _) =
        Journal::open_disk(SETTINGS, Box::new(disk)).expect("a disk that does not fail");
    let mut tail = journal.attach("a", 1, Retention::default());
    while let Some(entry) = tail.next_now().await.expect("a disk that does not fail") {
        tail.done(entry.seq);
    }
    // No other version of it can be there.
    let next = || Cargo::Units(batch("next.py"), vec![1]);
    appender.append(vec![next()]).await.expect("it takes what comes next");
    let entry = tail.next_now().await.expect("it reads").expect("and gives it");
    assert_eq!(Content::of(&entry.cargo), Content::of(&next()));
    tail.done(entry.seq);
    appender.maintain().await.expect("it lets go");
}

fn batch(path: &str) -> Batch {
    batch_of(&[UnitValue::sample(path).at_generation(1)])
}

fn hold_files(segment: &[u8], letter: &[u8]) {
    let [journal, letters] = &*FOLDERS;
    fs::write(journal.path().join(SEGMENT), segment).expect("written");
    inspect(journal.path(), Look::Read).expect("a disk that does not fail");
    fs::write(letters.path().join("store/a.letter"), letter).expect("written");
    let letters = DeadLetters::within(letters.path().into());
    letters.of("a", "b").expect("a disk that does not fail");
    for stored in letters.list().expect("a disk that does not fail").letters {
        let unit = letters.unit(&stored).expect("what is listed reads");
        assert_eq!(unit.unit(0).id(), stored.letter.unit());
    }
}

/// Called once, before the corpus is read: a segment, frames of both kinds and a letter.
fn begin() {
    let_arrow_panic();
    let Ok(corpus) = env::var("SEEDS") else { return };
    let repo = RepoClaim {
        repo: "r".into(),
        layer: "ast".into(),
        root: Some("/r".into()),
        remote: None,
        other_root: OtherRoot::Refuse,
        origin: Origin::Ours,
        generation: 7,
        ended: None,
    };
    let cargo = [Cargo::Units(batch("a.py"), vec![3]), Cargo::Repo(repo)];
    let mut frames = Vec::new();
    for (seq, cargo) in (1..).zip(&cargo) {
        let mut frame = Vec::new();
        frame.extend_from_slice(
            Frame::of(cargo, Compression::Lz4).expect("encoded").numbered(seq).1,
        );
        frames.push(frame);
    }
    let mut segment = b"AJSEGM02".to_vec();
    segment.extend_from_slice(&1_u64.to_le_bytes());
    segment.extend_from_slice(&[0; 16]);
    segment.extend(frames.concat());
    mend_segment(&mut segment);
    let folder = TempDir::new().expect("a folder");
    let letters = DeadLetters::within(folder.path().into());
    let refusal = Refusal { unit: batch("a.py"), kind: ErrorKind::Refused, reason: "bad".into() };
    let burying = letters.of("a", "b").expect("a folder");
    RUNTIME.block_on(async { burying.bury(&[refusal]).await }).1.expect("buried");
    let letter = fs::read(&letters.list().expect("listed").letters[0].path).expect("read");
    let seeds = [
        ("segment", segment),
        ("letter", letter),
        ("units", frames.remove(0)),
        ("repo", frames.remove(0)),
    ];
    for (name, bytes) in seeds {
        for mends in [0, 1] {
            let seed = [&[mends][..], &bytes].concat();
            let path = Path::new(&corpus).join(format!("{name}-{mends}"));
            fs::write(path, seed).expect("the corpus can be written");
        }
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |bytes: &[u8]| {
    let Some((mends, bytes)) = bytes.split_first() else { return };
    let (mut frame, mut segment) = (bytes.to_vec(), bytes.to_vec());
    if mends & 1 == 1 {
        mend_frames(&mut frame);
        mend_segment(&mut segment);
    }
    hold_frame(&frame);
    hold_files(&segment, &frame);
    RUNTIME.block_on(hold_journal(&segment));
});

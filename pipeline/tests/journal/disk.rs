//! A disk that keeps what was synced, and of what was not, after a crash, whatever chance decides:
//! sectors of a write may be lost, torn, or there without those before them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astload_pipeline::journal::disk::{Disk, DiskFile};

const SECTOR: usize = 512;

/// A disk in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrashDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The folder as a process sees it.
    names: BTreeMap<String, usize>,
    /// The folder as it was synced, and its changes since.
    synced_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    files: Vec<FileState>,
    /// Bytes that are left; `None` for no bound.
    room: Option<usize>,
    /// Whether the next sync fails.
    fails_sync: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Set(String, usize),
    Remove(String),
}

#[derive(Debug, Clone, Default)]
struct FileState {
    content: Vec<u8>,
    synced: Vec<u8>,
    writes: Vec<Write>,
}

#[derive(Debug, Clone)]
enum Write {
    At(usize, Vec<u8>),
    Cut(usize),
}

impl CrashDisk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is room for so many bytes.
    pub(crate) fn has_room_for(&self, bytes: Option<usize>) {
        self.inner().room = bytes;
    }

    /// The next sync of a file fails.
    pub(crate) fn fail_sync(&self) {
        self.inner().fails_sync = true;
    }

    /// The power goes, and comes back.
    pub(crate) fn crash(&self, random: &mut fastrand::Rng) {
        let mut inner = self.inner();
        // A file system logs changes of folders in order.
        let kept = random.usize(0..=inner.changes.len());
        let changes: Vec<Change> = inner.changes.drain(..).take(kept).collect();
        for change in changes {
            match change {
                Change::Set(name, file) => inner.synced_names.insert(name, file),
                Change::Remove(name) => inner.synced_names.remove(&name),
            };
        }
        inner.names = inner.synced_names.clone();
        for file in &mut inner.files {
            for write in std::mem::take(&mut file.writes) {
                match write {
                    Write::Cut(bytes) if random.bool() => file.synced.truncate(bytes),
                    Write::Cut(_) => {}
                    Write::At(offset, bytes) => {
                        for (at, sector) in sectors(offset, &bytes) {
                            if random.u8(0..3) > 0 {
                                put(&mut file.synced, at, sector);
                            }
                        }
                    }
                }
            }
            file.content = file.synced.clone();
        }
        inner.room = None;
        inner.fails_sync = false;
    }
}

/// The parts of a write that a disk writes at once.
fn sectors(offset: usize, bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let (sector, later) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
        parts.push((at, sector));
        at += sector.len();
        rest = later;
    }
    parts
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    content.resize(content.len().max(at + bytes.len()), 0);
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

#[derive(Debug)]
struct CrashFile {
    disk: CrashDisk,
    file: usize,
}

impl Disk for CrashDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.inner().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        let file = inner.files.len();
        inner.files.push(FileState::default());
        inner.names.insert(name.into(), file);
        inner.changes.push(Change::Set(name.into(), file));
        Ok(Arc::new(CrashFile { disk: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = *self.inner().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(CrashFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.inner();
        let file = inner.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.names.insert(to.into(), file);
        // Both at once, or neither.
        inner.changes.push(Change::Set(to.into(), file));
        inner.changes.push(Change::Remove(from.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        inner.changes.push(Change::Remove(name.into()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.synced_names = inner.names.clone();
        inner.changes.clear();
        Ok(())
    }
}

impl DiskFile for CrashFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.disk.inner().files[self.file].content.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let inner = self.disk.inner();
        let content = &inner.files[self.file].content;
        let start = offset as usize;
        let read = content.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(read);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let fits = inner.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut inner.room {
            *room -= fits;
        }
        let file = &mut inner.files[self.file];
        put(&mut file.content, offset as usize, &bytes[..fits]);
        file.writes.push(Write::At(offset as usize, bytes[..fits].to_vec()));
        match fits == bytes.len() {
            true => Ok(()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut inner = self.disk.inner();
        let file = &mut inner.files[self.file];
        file.content.truncate(bytes as usize);
        file.writes.push(Write::Cut(bytes as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        if std::mem::take(&mut inner.fails_sync) {
            return Err(io::Error::other("the disk does not say what it has"));
        }
        let file = &mut inner.files[self.file];
        file.synced = file.content.clone();
        file.writes.clear();
        Ok(())
    }
}

//! The dead letters of one backend: kept within a bound, and cleared when they are answered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astload_config::open_regular;
use astload_model::{Batch, UnitId};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::letter::{Letter, Refusal, now};
use super::store::{EXTENSION, entries, is_letter, private_folder, read_whole, remove};
use crate::journal::{FrameKind, HEADER_BYTES, Header};

/// The dead letters of one backend. Clones share them.
#[derive(Debug, Clone)]
pub struct Letters(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    backend: String,
    place: String,
    folder: PathBuf,
    bytes_max: u64,
    kept: Mutex<Kept>,
}

/// What is known of a backend's letters without reading them.
#[derive(Debug, Default)]
struct Kept {
    /// Generation and bytes.
    units: HashMap<UnitId, (u64, u64)>,
    bytes: u64,
}

impl Kept {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut kept = Self::default();
        for path in entries(folder)?.into_iter().filter(|path| is_letter(path)) {
            // What is no letter is told by whoever lists them.
            if let Ok((id, generation, bytes)) = head(&path) {
                kept.add(id, generation, bytes);
            }
        }
        Ok(kept)
    }

    fn add(&mut self, id: UnitId, generation: u64, bytes: u64) {
        let before = self.units.insert(id, (generation, bytes));
        self.bytes = self.bytes + bytes - before.map_or(0, |(_, bytes)| bytes);
    }

    fn remove(&mut self, id: UnitId) {
        self.bytes -= self.units.remove(&id).map_or(0, |(_, bytes)| bytes);
    }
}

impl Letters {
    /// Those in a folder, of which the letters tell this place.
    pub(super) fn open(
        backend: &str,
        told: &str,
        (folder, bytes_max): (PathBuf, u64),
    ) -> io::Result<Self> {
        let kept = Mutex::new(Kept::read(&folder)?);
        let (backend, place) = (backend.to_owned(), told.to_owned());
        Ok(Self(Arc::new(Shared { backend, place, folder, bytes_max, kept })))
    }

    /// Keeps units that the backend refused. Says how many of them, the first ones, are on the disk
    /// when this returns, and why not all: there is no room, or the disk does not take them.
    pub async fn bury(&self, refusals: &[Refusal]) -> (usize, io::Result<()>) {
        let letters: Vec<(Letter, Batch)> =
            refusals.iter().map(|refusal| (self.letter(refusal), refusal.unit.clone())).collect();
        let letters_box = self.clone();
        let kept = spawn_blocking(move || letters_box.keep_all(letters)).await;
        kept.unwrap_or_else(|error| (0, Err(io::Error::other(error))))
    }

    fn letter(&self, refusal: &Refusal) -> Letter {
        let (name, now) = (refusal.name(), now());
        Letter {
            backend: self.0.backend.clone(),
            place: self.0.place.clone(),
            repo: name.repo,
            path: name.path,
            layer: name.layer,
            generation: refusal.unit.unit(0).generation().unwrap_or(0),
            kind: refusal.kind.name().to_owned(),
            error: refusal.reason.clone(),
            attempts: 1,
            first_at: now,
            last_at: now,
        }
    }

    fn keep_all(&self, letters: Vec<(Letter, Batch)>) -> (usize, io::Result<()>) {
        let mut count = 0;
        let kept = self.make_folder().and_then(|()| {
            letters.into_iter().try_for_each(|(letter, unit)| {
                self.keep(letter, &unit)?;
                count += 1;
                Ok(())
            })
        });
        match File::open(&self.0.folder).and_then(|folder| folder.sync_all()) {
            Ok(()) => (count, kept),
            Err(error) => (0, kept.and(Err(error))),
        }
    }

    fn make_folder(&self) -> io::Result<()> {
        let folder = &self.0.folder;
        if !folder.is_dir() {
            private_folder(folder)?;
            // Its own name has to survive, too.
            if let Some(parent) = folder.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Ok(())
    }

    /// Its name survives once the folder is synced.
    fn keep(&self, mut letter: Letter, unit: &Batch) -> io::Result<()> {
        let Shared { folder, bytes_max, .. } = self.0.as_ref();
        let (id, path) = (letter.unit(), self.path(letter.unit()));
        if let Some((before, _)) =
            read_whole(&path).ok().and_then(|bytes| Letter::decode(&bytes).ok())
        {
            if before.generation > letter.generation {
                // An older version that comes late is not what anybody waits for.
                return Ok(());
            }
            letter.attempts += before.attempts;
            letter.first_at = before.first_at;
        }
        let bytes = letter.encode(unit).map_err(io::Error::other)?;
        let added = bytes.len() as u64;
        if !self.has_room(id, added) {
            // Another process may have made some.
            *self.kept() = Kept::read(folder)?;
        }
        if !self.has_room(id, added) {
            let room = bytesize::ByteSize(*bytes_max);
            let message = format!("there is room for {room} of this backend's");
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&bytes)?;
        file.as_file().sync_data()?;
        file.persist(&path)?;
        self.kept().add(id, letter.generation, added);
        Ok(())
    }

    /// Whether a letter of so many bytes, in place of the unit's own, is within the bound.
    fn has_room(&self, id: UnitId, added: u64) -> bool {
        let kept = self.kept();
        let own = kept.units.get(&id).map_or(0, |(_, bytes)| *bytes);
        kept.bytes - own + added <= self.0.bytes_max
    }

    /// Takes away the letters of units of which the backend now has this version, or took it.
    pub async fn clear(&self, written: &Batch) {
        let gone: Vec<UnitId> = {
            let kept = self.kept();
            if kept.units.is_empty() {
                return;
            }
            let is_newer = |id: &UnitId, generation: u64| {
                kept.units.get(id).is_some_and(|(refused, _)| generation >= *refused)
            };
            let written = written.units().map(|unit| (unit.id(), unit.generation().unwrap_or(0)));
            written.filter(|(id, generation)| is_newer(id, *generation)).map(|(id, _)| id).collect()
        };
        if !gone.is_empty() {
            self.drop_all(gone).await;
        }
    }

    /// Takes away the letters of these units.
    pub async fn drop_all(&self, gone: Vec<UnitId>) {
        let letters = self.clone();
        let cleared = spawn_blocking(move || letters.clear_all(&gone)).await;
        if let Err(error) = cleared.map_err(io::Error::other).flatten() {
            // It is replayed, or dropped, another time.
            tracing::warn!(backend = self.0.backend, %error, "a dead letter that is answered stays");
        }
    }

    fn clear_all(&self, gone: &[UnitId]) -> io::Result<()> {
        for id in gone {
            remove(&self.path(*id))?;
            self.kept().remove(*id);
        }
        Ok(())
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    fn path(&self, unit: UnitId) -> PathBuf {
        self.0.folder.join(format!("{unit}.{EXTENSION}"))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The unit, generation and size of a letter, by the head of its file.
fn head(path: &Path) -> io::Result<(UnitId, u64, u64)> {
    let mut file = open_regular(path)?;
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes)?;
    let header = Header::parse(&bytes).map_err(io::Error::other)?;
    let mut index = vec![0; header.index_bytes];
    file.read_exact(&mut index)?;
    let marks = header.marks(&index).map_err(io::Error::other)?;
    match (header.kind, marks.as_ref()) {
        (FrameKind::Letter, [mark]) => Ok((mark.id, mark.generation, file.metadata()?.len())),
        _ => Err(io::Error::other("it is no dead letter")),
    }
}

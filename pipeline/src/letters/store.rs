//! The folder of dead letters, and each backend's part of it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astload_config::open_regular;
use astload_model::{Batch, UnitId};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::letter::{Letter, Refusal, now};
use crate::journal::{FrameKind, HEADER_BYTES, Header};

const EXTENSION: &str = "letter";

/// Bytes of the dead letters of one backend, unless told otherwise.
const BYTES_MAX: u64 = 1 << 30;

/// The dead letters of all backends.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    pub(super) folder: PathBuf,
    bytes_max: u64,
}

/// A letter and where it is kept.
#[derive(Debug, Clone)]
pub struct StoredLetter {
    /// The letter.
    pub letter: Letter,
    /// Its file.
    pub path: PathBuf,
    /// The bytes of its file.
    pub bytes: u64,
}

impl StoredLetter {
    /// Whether it is of the store at this place.
    pub fn is_of(&self, place: &str) -> bool {
        let folder = self.path.parent().and_then(Path::file_name);
        folder.is_some_and(|folder| *folder == *digest(place))
    }
}

/// What a folder of dead letters holds.
#[derive(Debug)]
pub struct Listing {
    /// By backend, repository and path.
    pub letters: Vec<StoredLetter>,
    /// Files that are no letters, and why.
    pub broken: Vec<(PathBuf, String)>,
}

impl DeadLetters {
    /// Those in a folder, which is made when the first comes.
    pub fn within(folder: PathBuf) -> Self {
        Self { folder, bytes_max: BYTES_MAX }
    }

    /// The same, with room for so many bytes for each backend.
    #[must_use]
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Those of a backend, by its name and the place of its store.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn of(&self, backend: &str, place: &str) -> io::Result<Letters> {
        self.open(backend, place, place)
    }

    /// The same of a place that nobody is told: the letters have a digest in its stead.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn of_hidden(&self, backend: &str, place: &str) -> io::Result<Letters> {
        self.open(backend, place, &digest(place))
    }

    fn open(&self, backend: &str, place: &str, told: &str) -> io::Result<Letters> {
        let folder = self.folder.join(digest(place));
        let kept = Kept::read(&folder)?;
        Ok(Letters(Arc::new(Shared {
            backend: backend.to_owned(),
            place: told.to_owned(),
            folder,
            bytes_max: self.bytes_max,
            kept: Mutex::new(kept),
        })))
    }

    /// All letters.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list(&self) -> io::Result<Listing> {
        let mut all = Listing { letters: Vec::new(), broken: Vec::new() };
        for folder in entries(&self.folder)?.into_iter().filter(|path| path.is_dir()) {
            let Listing { letters, broken } = listed(&folder)?;
            all.letters.extend(letters);
            all.broken.extend(broken);
        }
        all.letters.sort_by(|a, b| order(&a.letter).cmp(&order(&b.letter)));
        Ok(all)
    }

    /// The letters of the store at a place.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list_of(&self, place: &str) -> io::Result<Listing> {
        listed(&self.folder.join(digest(place)))
    }

    /// A letter's unit.
    ///
    /// # Errors
    /// Where it cannot be read, or is not what was written.
    pub fn unit(&self, letter: &StoredLetter) -> io::Result<Batch> {
        read(&letter.path).map(|(_, _, unit)| unit)
    }

    /// Takes a letter away.
    ///
    /// # Errors
    /// Where it cannot be done.
    pub fn remove(&self, letter: &StoredLetter) -> io::Result<()> {
        remove(&letter.path)
    }
}

/// The letters in the folder of one store.
fn listed(folder: &Path) -> io::Result<Listing> {
    let (mut letters, mut broken) = (Vec::new(), Vec::new());
    for path in entries(folder)?.into_iter().filter(|path| is_letter(path)) {
        match read(&path) {
            Ok((letter, bytes, _)) => letters.push(StoredLetter { letter, path, bytes }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => broken.push((path, error.to_string())),
        }
    }
    letters.sort_by(|a, b| order(&a.letter).cmp(&order(&b.letter)));
    Ok(Listing { letters, broken })
}

fn read(path: &Path) -> io::Result<(Letter, u64, Batch)> {
    let bytes = read_whole(path)?;
    let (letter, unit) = Letter::decode(&bytes).map_err(io::Error::other)?;
    Ok((letter, bytes.len() as u64, unit))
}

fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a store is called in all of astload, by its type and the place that this gives it.
pub fn store_key(type_name: &str, place: &str) -> String {
    format!("{type_name} {place}")
}

/// What a store is called here, however it is named.
pub(super) fn digest(place: &str) -> String {
    blake3::hash(place.as_bytes()).to_hex()[..32].to_owned()
}

fn order(letter: &Letter) -> (&str, &str, &str, &str) {
    (&letter.backend, &letter.repo, &letter.path, &letter.layer)
}

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

/// The paths in a folder; none where it is not there.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_letter(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Source code is in there: it is for its owner's eyes.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

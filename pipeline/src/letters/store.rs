//! The folder of dead letters, in which each store has a part.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use astload_config::open_regular;
use astload_model::Batch;

use super::backend::Letters;
use super::letter::Letter;

pub(super) const EXTENSION: &str = "letter";

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
        Letters::open(backend, told, (self.folder.join(digest(place)), self.bytes_max))
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

pub(super) fn read_whole(path: &Path) -> io::Result<Vec<u8>> {
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

/// The paths in a folder; none where it is not there.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub(super) fn is_letter(path: &Path) -> bool {
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

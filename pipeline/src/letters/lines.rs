//! Lines of streams that were refused.
//!
//! A load keeps those of an input in one file, a JSON object a line: first what they are lines of,
//! then each with its place, its text and the reason. A million files would be dearer than what they
//! keep. Another load that reads the same file to its end begins anew: what it refuses is all that is
//! wrong with the file now. What came through a pipe is kept until somebody replays or drops it.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use astload_config::open_regular;
use astload_model::{Text, UnitName};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::letter::now;
use super::store::{DeadLetters, digest, entries, private_folder, remove};

const VERSION: u32 = 1;

const EXTENSION: &str = "lines";

/// Where they are among the dead letters.
const FOLDER: &str = "inputs";

/// Bytes of the lines of one input that one load keeps: past it something else is wrong than lines.
const BYTES_MAX: usize = 64 << 20;

/// A line that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLine {
    /// Where in the input: `line 17`, `batch 2, row 0`.
    pub at: String,
    /// Why.
    pub error: String,
    /// The unit that it names.
    pub unit: Option<NamedUnit>,
    /// The line, or the row as a line; what is not UTF-8 is U+FFFD in it.
    pub text: String,
    /// Whether the text goes on, and is not kept.
    pub cut: bool,
    /// How often it was refused.
    pub attempts: u64,
    /// When it was refused first, in microseconds since 1970.
    pub first_at: u64,
    /// When it was refused last.
    pub last_at: u64,
}

/// The name of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedUnit {
    /// The repository.
    pub repo: String,
    /// The file.
    pub path: String,
    /// The layer.
    pub layer: String,
}

impl From<UnitName> for NamedUnit {
    fn from(UnitName { repo, path, layer }: UnitName) -> Self {
        Self { repo, path, layer }
    }
}

impl RefusedLine {
    /// A line that is refused now.
    pub fn new(at: String, error: String, unit: Option<UnitName>, text: &Text) -> Self {
        let now = now();
        Self {
            at,
            error,
            unit: unit.map(NamedUnit::from),
            text: String::from_utf8_lossy(&text.bytes).into_owned(),
            cut: text.is_cut,
            attempts: 1,
            first_at: now,
            last_at: now,
        }
    }

    /// How long ago it was refused last.
    pub fn age(&self) -> Duration {
        Duration::from_micros(now().saturating_sub(self.last_at))
    }

    /// The same, refused once more.
    #[must_use]
    pub fn again(self, error: String) -> Self {
        Self { error, attempts: self.attempts + 1, last_at: now(), ..self }
    }
}

/// The first line of a file: what the others are lines of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedInput {
    version: u32,
    /// The input, as the user named it.
    pub input: String,
    /// The names of the backends that its units were for.
    pub backends: Vec<String>,
}

/// A file of refused lines, read.
#[derive(Debug, Clone)]
pub struct RefusedLines {
    /// What they are lines of.
    pub input: RefusedInput,
    /// In the order in which they were refused.
    pub lines: Vec<RefusedLine>,
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
}

/// What a folder of dead letters holds of refused lines.
#[derive(Debug)]
pub struct LinesListing {
    /// By input.
    pub files: Vec<RefusedLines>,
    /// Files that hold none, and why.
    pub broken: Vec<(PathBuf, String)>,
}

impl RefusedLines {
    /// Writes the file anew with the lines that are there now; without any, it goes.
    ///
    /// # Errors
    /// Where it cannot be done; then it is as it was.
    pub fn save(&self) -> io::Result<()> {
        if self.lines.is_empty() {
            return remove(&self.path);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = BufWriter::new(NamedTempFile::new_in(folder)?);
        write_line(&mut file, &self.input)?;
        self.lines.iter().try_for_each(|line| write_line(&mut file, line).map(drop))?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_data()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn write_line(into: &mut impl Write, value: &impl Serialize) -> io::Result<usize> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    into.write_all(&line)?;
    Ok(line.len())
}

/// Keeps the lines of one input that a load refuses.
#[derive(Debug)]
pub struct InputLetters {
    folder: PathBuf,
    /// What files of this input begin with; `None` of one that cannot be read again.
    replaces: Option<String>,
    path: PathBuf,
    input: RefusedInput,
    file: Option<BufWriter<File>>,
    bytes: usize,
}

impl InputLetters {
    /// Keeps a line.
    ///
    /// # Errors
    /// Where the disk does not take it, or there are too many.
    pub fn keep(&mut self, line: &RefusedLine) -> io::Result<()> {
        if self.bytes > BYTES_MAX {
            let size = bytesize::ByteSize(BYTES_MAX as u64);
            let message = format!("{size} of its refused lines are kept already");
            return Err(io::Error::new(ErrorKind::StorageFull, message));
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                private_folder(&self.folder)?;
                let mut file = BufWriter::new(File::create_new(&self.path)?);
                write_line(&mut file, &self.input)?;
                none.insert(file)
            }
        };
        self.bytes += write_line(file, line)?;
        Ok(())
    }

    /// Ends; what was kept is on the disk then. Where the input was read `to_its_end`, what earlier
    /// loads kept of the same file goes.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub fn close(self, to_its_end: bool) -> io::Result<()> {
        if let Some(file) = self.file {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_data()?;
        }
        let Some(replaces) = self.replaces.filter(|_| to_its_end) else { return Ok(()) };
        for path in entries(&self.folder)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path != self.path && name.starts_with(&replaces) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

impl DeadLetters {
    /// All lines of streams that were refused.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn list_lines(&self) -> io::Result<LinesListing> {
        let mut all = LinesListing { files: Vec::new(), broken: Vec::new() };
        for path in entries(&self.folder.join(FOLDER))? {
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            match read(&path) {
                Ok(lines) => all.files.push(lines),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => all.broken.push((path, error.to_string())),
            }
        }
        all.files.sort_by(|a, b| (&a.input.input, &a.path).cmp(&(&b.input.input, &b.path)));
        Ok(all)
    }

    /// Keeps lines of an input whose units are for these backends. `place` is where the input can be
    /// read again, if it can.
    pub fn of_input(
        &self,
        input: String,
        place: Option<&Path>,
        backends: Vec<String>,
    ) -> InputLetters {
        let folder = self.folder.join(FOLDER);
        let replaces = place.map(|place| format!("{}-", digest(&place.to_string_lossy())));
        let name = replaces.as_deref().unwrap_or("pipe-");
        let path = folder.join(format!("{name}{}-{}.{EXTENSION}", now(), std::process::id()));
        let input = RefusedInput { version: VERSION, input, backends };
        InputLetters { folder, replaces, path, input, file: None, bytes: 0 }
    }
}

fn read(path: &Path) -> io::Result<RefusedLines> {
    let mut lines = BufReader::new(open_regular(path)?).split(b'\n');
    let first = lines.next().transpose()?.unwrap_or_default();
    let input: RefusedInput = serde_json::from_slice(&first).map_err(io::Error::other)?;
    if input.version != VERSION {
        let message = format!("version {} is not known to this astload", input.version);
        return Err(io::Error::other(message));
    }
    // A load that was killed may have written half a line.
    let read = lines.map_while(|line| serde_json::from_slice(&line.ok()?).ok()).collect();
    let bytes = fs::metadata(path)?.len();
    Ok(RefusedLines { input, lines: read, path: path.to_path_buf(), bytes })
}

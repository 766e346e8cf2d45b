//! What a log stands on: named files in a folder, unnamed ones, or, in tests, a disk that crashes.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use astload_config::{open_regular, open_regular_with};

/// A folder of files.
pub trait Disk: Debug + Send + Sync + 'static {
    /// The names of all files.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file, to be read and written; in place of one that had the name.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// A file that is there.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, in place of one that had it.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a file away.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// What was made, renamed and removed survives a power cut when this returns.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn sync(&self) -> io::Result<()>;
}

/// A file of a [`Disk`]. May be read while it is written.
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Where it cannot be asked.
    fn bytes(&self) -> io::Result<u64>;

    /// Fills the buffer from an offset.
    ///
    /// # Errors
    /// Where it cannot be read, or ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// Where it cannot be written; some bytes may be.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts it to a length.
    ///
    /// # Errors
    /// Where it cannot be done.
    fn truncate(&self, bytes: u64) -> io::Result<()>;

    /// What was written survives a power cut when this returns.
    ///
    /// # Errors
    /// Where it cannot be done; then nobody knows what was.
    fn sync(&self) -> io::Result<()>;
}

impl DiskFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A folder on this machine.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder, made where it is missing, for its owner's eyes only.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(path.to_path_buf()))
    }

    /// A folder that is there.
    ///
    /// # Errors
    /// Where it is not.
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)?.is_dir() {
            true => Ok(Self(path.to_path_buf())),
            false => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")),
        }
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(file.open(self.0.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.0.join(name);
        let file = open_regular_with(&path, OpenOptions::new().read(true).write(true));
        // What may only be read can be looked at all the same.
        Ok(Arc::new(file.or_else(|_| open_regular(&path))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

/// Files without a name: however the process ends, they are gone with it. Nothing is ever synced.
#[derive(Debug)]
pub struct Unnamed(PathBuf);

impl Unnamed {
    /// Files in a folder, as a rule that of the system for temporary ones.
    pub fn within(folder: PathBuf) -> Self {
        Self(folder)
    }
}

impl Disk for Unnamed {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = tempfile::tempfile_in(&self.0).map_err(|error| {
            // The error of a lower level tells no path, or that of a file without a name.
            let folder = self.0.display();
            let message = format!("{folder}: {error}; $TMPDIR may name another folder");
            io::Error::new(error.kind(), message)
        })?;
        Ok(Arc::new(file))
    }

    fn open(&self, _: &str) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

//! Files of users that are read whole.
//!
//! Whoever opens a FIFO waits until somebody writes to it, and a device may never end. So a file is
//! opened without waiting, and looked at once it is open, when nobody can put another in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading, if it is a regular one.
///
/// # Errors
/// Where it cannot be opened, or is something else.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_regular_with(path, OpenOptions::new().read(true))
}

/// Opens a file as these options say, if it is a regular one.
///
/// # Errors
/// Where it cannot be opened, or is something else.
pub fn open_regular_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        // What a FIFO says that nobody reads from, and a socket.
        match error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) {
            true => irregular(),
            false => error,
        }
    })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(irregular()),
    }
}

/// Reads a regular file, of at most one byte more than so many.
///
/// # Errors
/// Where it cannot be read, or is something else.
pub fn read_regular(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn irregular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("a folder");
        let (fifo, file) = (folder.path().join("fifo"), folder.path().join("file"));
        let mode = Mode::from_raw_mode(0o600);
        mknodat(CWD, &fifo, FileType::Fifo, mode, 0).expect("a FIFO");
        std::fs::write(&file, "text").expect("written");
        for path in [fifo.as_path(), folder.path(), Path::new("/dev/zero"), Path::new("/dev/full")]
        {
            let error = read_regular(path, 10).expect_err("no file").to_string();
            assert_eq!(error, "it is no regular file", "{}", path.display());
        }
        let error = open_regular_with(&fifo, OpenOptions::new().append(true)).expect_err("no file");
        assert_eq!(error.to_string(), "it is no regular file");
        assert_eq!(read_regular(&file, 10).expect("read"), b"text");
        assert_eq!(read_regular(&file, 2).expect("read"), b"tex");
    }
}

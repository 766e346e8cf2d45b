//! Units that were processed elsewhere: NDJSON and Arrow IPC streams, from files or standard input.

mod pump;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use astload_model::{CodecError, Decoded, ipc, ndjson};
pub use pump::Stop;

const BUFFER_BYTES: usize = 1 << 20;

/// Every message of an Arrow IPC stream begins with these bytes.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Where a stream is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamInput {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// Lines that were refused before.
    Lines(Arc<str>),
}

impl StreamInput {
    /// Where it can be read again; `None` of a pipe and the like.
    pub fn place(&self) -> Option<&Path> {
        let path = match self {
            Self::File(path) => path.as_path(),
            Self::Stdin => Path::new("/dev/stdin"),
            Self::Lines(_) => return None,
        };
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file()).then_some(path)
    }

    /// Whether what was read of it is gone from it.
    pub fn is_read_once(&self) -> bool {
        !matches!(self, Self::Lines(_)) && self.place().is_none()
    }
}

impl std::fmt::Display for StreamInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
            Self::Lines(_) => f.write_str("dead letters"),
        }
    }
}

/// What a stream holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StreamFormat {
    /// What its first bytes say.
    #[default]
    Auto,
    /// One line, one unit.
    Ndjson,
    /// An Arrow IPC stream.
    Arrow,
}

/// The batches of a stream.
pub type Batches = Box<dyn Iterator<Item = Result<Decoded, CodecError>>>;

/// Opens a stream. One that can be read only once ends where it is told to stop; any other may be
/// left at any time.
///
/// # Errors
/// Where it cannot be opened, or its first bytes cannot be read.
pub fn open(input: &StreamInput, format: StreamFormat, stop: &Stop) -> io::Result<Batches> {
    let source = input.clone();
    let open = move || -> io::Result<Box<dyn Read>> {
        Ok(match source {
            StreamInput::File(path) => Box::new(File::open(path)?),
            StreamInput::Stdin => Box::new(io::stdin()),
            StreamInput::Lines(lines) => Box::new(io::Cursor::new(lines.as_bytes().to_vec())),
        })
    };
    let reader = if input.is_read_once() { Box::new(stop.reader(open)?) } else { open()? };
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
    let arrow = match format {
        StreamFormat::Arrow => true,
        StreamFormat::Ndjson => false,
        StreamFormat::Auto => is_arrow(&mut reader)?,
    };
    Ok(if arrow {
        Box::new(ipc::Reader::new(reader))
    } else {
        Box::new(ndjson::Reader::new(reader))
    })
}

/// Whether the first bytes are those of Arrow, stream or file; a pipe may give them one by one.
fn is_arrow(reader: &mut BufReader<Box<dyn Read>>) -> io::Result<bool> {
    let head = reader.fill_buf()?;
    Ok(head.first() == Some(&CONTINUATION[0]) || head.starts_with(b"ARROW1"))
}

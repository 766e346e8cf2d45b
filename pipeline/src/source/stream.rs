//! Units that were processed elsewhere: NDJSON and Arrow IPC streams, from files or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use astload_model::{CodecError, Decoded, ipc, ndjson};

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
}

impl std::fmt::Display for StreamInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
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

/// Opens a stream.
///
/// # Errors
/// Where it cannot be opened, or its first bytes cannot be read.
pub fn open(input: &StreamInput, format: StreamFormat) -> io::Result<Batches> {
    let reader: Box<dyn Read> = match input {
        StreamInput::File(path) => Box::new(File::open(path)?),
        StreamInput::Stdin => Box::new(io::stdin()),
    };
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

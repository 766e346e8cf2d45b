//! What a journal is made of: frames, each of which proves that it is whole.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "AJF1"
//!      4      1  version, 2
//!      5      1  kind: 1 units, 2 a repository, 3 a dead letter
//!      6      2  zero
//!      8      8  sequence number, from 1, ascending
//!     16      8  when it was written, in microseconds since 1970
//!     24      4  length of the index
//!     28      4  length of the payload
//!     32      4  crc32c of the index
//!     36      4  crc32c of the payload
//!     40      4  crc32c of bytes 0..40
//!     44      …  the index: for each unit its id, 16 bytes, its generation, and the lanes that want it
//!      …      …  the payload: units as an Arrow IPC stream, in an lz4 frame if the log is
//!                durable; anything else as JSON
//! ```
//!
//! All numbers are little-endian. The header has a checksum of its own, so a length that lies is
//! known before it is believed; the index has one, so that a log is opened without its payloads.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use astload_backends::RepoClaim;
use astload_model::ipc::Compression;
use astload_model::{UnitId, limits};
use serde::de::DeserializeOwned;

use super::units::{decode_units, encode_units};
use crate::channel::{Cargo, Lanes};

/// What every frame begins with.
pub(super) const MAGIC: [u8; 4] = *b"AJF1";

const VERSION: u8 = 2;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 44;

/// Bytes of the index for each unit.
const MARK_BYTES: usize = 32;

/// Longest payload: a batch at the model's limit does not reach it.
const PAYLOAD_BYTES_MAX: usize = i32::MAX as usize;

/// Longest index: as many units as a batch may have.
const INDEX_BYTES_MAX: usize = limits::BATCH_UNITS_MAX * MARK_BYTES;

/// The number of a frame in its log, from 1, ascending.
pub type Seq = u64;

/// The greatest number that is believed: whoever counts on from it comes to no end of numbers.
pub(super) const SEQ_MAX: Seq = Seq::MAX >> 1;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Units.
    Units,
    /// A repository that is to be recorded.
    Repo,
    /// A unit that a backend refused, with why.
    Letter,
}

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            Self::Units => 1,
            Self::Repo => 2,
            Self::Letter => 3,
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Self::Units, Self::Repo, Self::Letter].into_iter().find(|kind| kind.code() == code)
    }
}

/// A unit in a frame's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The unit.
    pub id: UnitId,
    /// Which version of it.
    pub generation: u64,
    /// The lanes that want it.
    pub lanes: Lanes,
}

/// The start of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What it holds.
    pub kind: FrameKind,
    /// Its number.
    pub seq: Seq,
    /// When it was written, in microseconds since 1970.
    pub written_at: u64,
    /// Bytes of the index.
    pub index_bytes: usize,
    /// Bytes of the payload.
    pub payload_bytes: usize,
    index_crc: u32,
    payload_crc: u32,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin as one.
    #[error("no frame begins here")]
    Magic,
    /// A part of it is not what was written.
    #[error("the {0} is damaged: its checksum differs")]
    Checksum(&'static str),
    /// It was written by another version.
    #[error("version {0} of frames is not known to this astload")]
    Version(u8),
    /// A field says what cannot be.
    #[error("{0}")]
    Field(String),
    /// What it holds cannot be read.
    #[error("what it holds cannot be read: {0}")]
    Content(String),
}

impl Header {
    /// Reads a header, and believes it only if its checksum is right.
    ///
    /// # Errors
    /// [`FrameError`] where these bytes are none.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let [u32_at, u64_at] = [4, 8].map(|width| {
            move |at: usize| {
                let mut number = [0; 8];
                number[..width].copy_from_slice(&bytes[at..at + width]);
                u64::from_le_bytes(number)
            }
        });
        if bytes[..4] != MAGIC {
            return Err(FrameError::Magic);
        }
        if u64::from(crc32c::crc32c(&bytes[..40])) != u32_at(40) {
            return Err(FrameError::Checksum("header"));
        }
        if bytes[4] != VERSION {
            return Err(FrameError::Version(bytes[4]));
        }
        let kind = FrameKind::of(bytes[5])
            .ok_or_else(|| FrameError::Field(format!("there is no kind {}", bytes[5])))?;
        let header = Self {
            kind,
            seq: u64_at(8),
            written_at: u64_at(16),
            index_bytes: u32_at(24) as usize,
            payload_bytes: u32_at(28) as usize,
            index_crc: u32_at(32) as u32,
            payload_crc: u32_at(36) as u32,
        };
        if header.index_bytes > INDEX_BYTES_MAX || !header.index_bytes.is_multiple_of(MARK_BYTES) {
            return Err(FrameError::Field(format!("an index has no {} bytes", header.index_bytes)));
        }
        if header.seq > SEQ_MAX {
            return Err(FrameError::Field(format!("no log has a frame {}", header.seq)));
        }
        if header.payload_bytes > PAYLOAD_BYTES_MAX {
            let message = format!("a payload has no {} bytes", header.payload_bytes);
            return Err(FrameError::Field(message));
        }
        Ok(header)
    }

    fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = self.kind.code();
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.written_at.to_le_bytes());
        bytes[24..28].copy_from_slice(&(self.index_bytes as u32).to_le_bytes());
        bytes[28..32].copy_from_slice(&(self.payload_bytes as u32).to_le_bytes());
        bytes[32..36].copy_from_slice(&self.index_crc.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..40]);
        bytes[40..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Bytes of the whole frame.
    pub fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES + self.index_bytes + self.payload_bytes) as u64
    }

    /// The units of an index.
    ///
    /// # Errors
    /// [`FrameError`] where it is not what was written.
    pub fn marks(&self, index: &[u8]) -> Result<Box<[Mark]>, FrameError> {
        if index.len() != self.index_bytes || crc32c::crc32c(index) != self.index_crc {
            return Err(FrameError::Checksum("index"));
        }
        let (marks, _) = index.as_chunks::<MARK_BYTES>();
        let mark = |bytes: &[u8; MARK_BYTES]| {
            let id = bytes.first_chunk().copied().unwrap_or_default();
            let [generation, lanes] =
                [16, 24].map(|at| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes));
            Mark { id: UnitId::from_bytes(id), generation, lanes }
        };
        Ok(marks.iter().map(mark).collect())
    }

    /// What a payload holds.
    ///
    /// # Errors
    /// [`FrameError`] where it is not what was written, or nothing that can be read.
    pub fn cargo(&self, marks: &[Mark], payload: &[u8]) -> Result<Cargo, FrameError> {
        self.check_payload(payload)?;
        match self.kind {
            FrameKind::Repo => Ok(Cargo::Repo(from_json::<RepoClaim>(payload)?)),
            FrameKind::Units => {
                let batch = decode_units(payload)?;
                if batch.len() != marks.len() {
                    let counts = format!("{} units, its index {}", batch.len(), marks.len());
                    return Err(FrameError::Content(format!("it holds {counts}")));
                }
                Ok(Cargo::Units(batch, marks.iter().map(|mark| mark.lanes).collect()))
            }
            FrameKind::Letter => Err(FrameError::Field("a journal holds no dead letters".into())),
        }
    }

    /// Whether a payload is what was written.
    ///
    /// # Errors
    /// [`FrameError`] where it is not.
    pub fn check_payload(&self, payload: &[u8]) -> Result<(), FrameError> {
        match payload.len() == self.payload_bytes && crc32c::crc32c(payload) == self.payload_crc {
            true => Ok(()),
            false => Err(FrameError::Checksum("payload")),
        }
    }
}

pub(super) fn unreadable(error: impl Display) -> FrameError {
    FrameError::Content(error.to_string())
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// A frame on its way to a disk.
#[derive(Debug)]
pub struct Frame {
    /// Its units.
    pub marks: Arc<[Mark]>,
    header: Header,
    /// As it will stand on the disk, once it has a number.
    bytes: Vec<u8>,
}

impl Frame {
    /// What a lane is to write.
    ///
    /// # Errors
    /// [`FrameError::Content`] where it cannot be encoded.
    pub fn of(cargo: &Cargo, compression: Compression) -> Result<Self, FrameError> {
        let marks = marks_of(cargo);
        match cargo {
            Cargo::Repo(repo) => Self::new(FrameKind::Repo, marks, |mut into| {
                serde_json::to_writer(&mut into, repo).map_err(unreadable)?;
                Ok(into)
            }),
            Cargo::Units(batch, _) => {
                Self::new(FrameKind::Units, marks, |into| encode_units(batch, compression, into))
            }
        }
    }

    /// A frame whose payload is appended to what stands before it.
    pub(crate) fn new(
        kind: FrameKind,
        marks: Arc<[Mark]>,
        payload: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, FrameError>,
    ) -> Result<Self, FrameError> {
        let mut bytes = vec![0; HEADER_BYTES];
        for mark in marks.iter() {
            bytes.extend_from_slice(&mark.id.to_bytes());
            for number in [mark.generation, mark.lanes] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        let index = HEADER_BYTES..bytes.len();
        let bytes = payload(bytes)?;
        let header = Header {
            kind,
            seq: 0,
            written_at: now(),
            index_bytes: index.len(),
            payload_bytes: bytes.len() - index.end,
            index_crc: crc32c::crc32c(&bytes[index.clone()]),
            payload_crc: crc32c::crc32c(&bytes[index.end..]),
        };
        Ok(Self { marks, header, bytes })
    }

    /// The same frame as it stood in another segment, narrowed to other cargo.
    pub(super) fn rewritten(cargo: &Cargo, header: &Header) -> Result<Self, FrameError> {
        let mut frame = Self::of(cargo, Compression::Lz4)?;
        frame.header.written_at = header.written_at;
        Ok(frame)
    }

    /// Bytes of the whole frame.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The frame with a number, as it stands on a disk.
    pub fn numbered(&mut self, seq: Seq) -> (Header, &[u8]) {
        self.header.seq = seq;
        self.bytes[..HEADER_BYTES].copy_from_slice(&self.header.bytes());
        (self.header, &self.bytes)
    }
}

/// The units of what a lane is to write.
pub(super) fn marks_of(cargo: &Cargo) -> Arc<[Mark]> {
    match cargo {
        Cargo::Repo(_) => Arc::default(),
        Cargo::Units(batch, wanted) => {
            let mark = |(unit, &lanes): (astload_model::Unit<'_>, &Lanes)| Mark {
                id: unit.id(),
                generation: unit.generation().unwrap_or(0),
                lanes,
            };
            batch.units().zip(wanted).map(mark).collect()
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

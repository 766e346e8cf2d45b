//! One dead letter, and how it stands in its file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use astload_backends::ErrorKind;
use astload_model::ipc::Compression;
use astload_model::{Batch, UnitId, UnitName};
use serde::{Deserialize, Serialize};

use crate::journal::{
    Frame, FrameError, FrameKind, HEADER_BYTES, Header, Mark, decode_units, encode_units,
};

/// A unit that a backend refused just now.
#[derive(Debug)]
pub struct Refusal {
    /// The unit, as a batch of its own.
    pub unit: Batch,
    /// The kind of the error.
    pub kind: ErrorKind,
    /// Why.
    pub reason: String,
}

impl Refusal {
    /// The unit's name.
    pub fn name(&self) -> UnitName {
        self.unit.unit(0).name()
    }
}

/// Why a unit is a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The backend's name.
    pub backend: String,
    /// The store, as its type names it, or a digest of that where it may hold a secret.
    pub place: String,
    /// The repository.
    pub repo: String,
    /// The file.
    pub path: String,
    /// The layer.
    pub layer: String,
    /// The version of the unit.
    pub generation: u64,
    /// The kind of the error.
    pub kind: String,
    /// The error.
    pub error: String,
    /// How often it was refused.
    pub attempts: u64,
    /// When it was refused first, in microseconds since 1970.
    pub first_at: u64,
    /// When it was refused last.
    pub last_at: u64,
}

impl Letter {
    /// The unit.
    pub fn unit(&self) -> UnitId {
        UnitId::of(&self.repo, &self.path, &self.layer)
    }

    /// How long ago it was refused last.
    pub fn age(&self) -> Duration {
        Duration::from_micros(now().saturating_sub(self.last_at))
    }

    /// The letter as it stands in its file.
    pub(super) fn encode(&self, unit: &Batch) -> Result<Vec<u8>, FrameError> {
        let head = serde_json::to_vec(self).map_err(unreadable)?;
        let mark = Mark { id: self.unit(), generation: self.generation, lanes: 0 };
        let mut frame = Frame::new(FrameKind::Letter, [mark].into(), |mut payload| {
            payload.extend_from_slice(&(head.len() as u32).to_le_bytes());
            payload.extend_from_slice(&head);
            encode_units(unit, Compression::Lz4, payload)
        })?;
        Ok(frame.numbered(0).1.to_vec())
    }

    /// Reads a letter's file.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, Batch), FrameError> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(FrameError::Magic)?;
        let header = Header::parse(header)?;
        if header.kind != FrameKind::Letter || rest.len() < header.index_bytes {
            return Err(FrameError::Field("it is no dead letter".into()));
        }
        let (index, payload) = rest.split_at(header.index_bytes);
        header.marks(index)?;
        header.check_payload(payload)?;
        let short = || FrameError::Field("it is too short".into());
        let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (head, units) = rest.split_at_checked(length).ok_or_else(short)?;
        let letter: Self = serde_json::from_slice(head).map_err(unreadable)?;
        let unit = decode_units(units)?;
        match unit.len() == 1 && unit.unit(0).id() == letter.unit() {
            true => Ok((letter, unit)),
            false => Err(FrameError::Field("it holds another unit than it says".into())),
        }
    }
}

fn unreadable(error: serde_json::Error) -> FrameError {
    FrameError::Content(error.to_string())
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

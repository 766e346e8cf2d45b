//! How units stand in a frame: as an Arrow IPC stream, in one lz4 frame where it is to be kept.
//!
//! Arrow's own compression begins anew for each of a hundred buffers, which a small batch never makes
//! up for.

use std::io::{Read, Write};

use astload_model::Batch;
use astload_model::ipc::{Compression, Reader, Writer};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::frame::{FrameError, unreadable};

/// What an lz4 frame begins with, and no stream does.
const LZ4_MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

/// Units that this program wrote.
pub(crate) fn decode_units(payload: &[u8]) -> Result<Batch, FrameError> {
    match payload.starts_with(&LZ4_MAGIC) {
        true => decode_stream(FrameDecoder::new(payload)),
        false => decode_stream(payload),
    }
}

fn decode_stream(stream: impl Read) -> Result<Batch, FrameError> {
    let mut batches = Vec::new();
    for decoded in Reader::new(stream) {
        let decoded = decoded.map_err(unreadable)?;
        if let Some(problem) = decoded.problems.first() {
            return Err(unreadable(problem));
        }
        batches.push(decoded.batch);
    }
    match <[Batch; 1]>::try_from(batches) {
        Ok([batch]) => Ok(batch),
        Err(batches) => Err(FrameError::Content(format!("{} batches, not one", batches.len()))),
    }
}

/// Appends units.
pub(crate) fn encode_units(
    batch: &Batch,
    compression: Compression,
    mut into: Vec<u8>,
) -> Result<Vec<u8>, FrameError> {
    match compression {
        Compression::None => {
            into.reserve(batch.bytes());
            encode_stream(batch, into)
        }
        Compression::Lz4 => {
            into.reserve(batch.bytes() / 2);
            let blocks = FrameInfo::new().block_size(BlockSize::Max64KB);
            let blocks = blocks.block_mode(BlockMode::Linked);
            let compressed = encode_stream(batch, FrameEncoder::with_frame_info(blocks, into))?;
            compressed.finish().map_err(unreadable)
        }
    }
}

fn encode_stream<W: Write>(batch: &Batch, into: W) -> Result<W, FrameError> {
    let stream = Writer::new(into, Compression::None).and_then(|mut stream| {
        stream.write(batch)?;
        stream.finish()
    });
    stream.map_err(unreadable)
}

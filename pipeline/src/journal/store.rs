//! Puts frames on the disk: into the last segment, or a new one.

use std::io;
use std::sync::Arc;

use super::Shared;
use super::disk::DiskFile;
use super::frame::{Frame, Seq};
use super::log::write_frames;
use super::segment::{FrameRef, SEGMENT_HEADER_BYTES, Segment};

/// Why frames were not stored.
pub(super) enum StoreError {
    /// It is as if it had not been tried.
    Undone(io::Error),
    /// Nobody knows what is there.
    Unknown(io::Error),
}

/// Writes frames, and says whether a segment was begun for them.
pub(super) fn store(
    shared: &Shared,
    first: Seq,
    mut frames: Vec<Frame>,
) -> (Result<Vec<FrameRef>, StoreError>, bool) {
    let bytes: usize = frames.iter().map(Frame::bytes).sum();
    let room = {
        let mut state = shared.state();
        // The segment that is written to stays, even if all lanes have passed what is in it.
        state.writing = true;
        state.log.room(bytes as u64, shared.settings.segment_bytes)
    };
    let rolled = room.is_none();
    let place = room.map_or_else(|| Ok((begin_segment(shared, first)?, SEGMENT_HEADER_BYTES)), Ok);
    let written = place.map_err(StoreError::Undone).and_then(|(file, at)| {
        write_and_sync(shared.durable, file.as_ref(), at, (first, &mut frames))
    });
    let mut state = shared.state();
    state.writing = false;
    if let Ok(refs) = &written {
        state.log.extend(refs.clone());
    }
    (written, rolled)
}

fn write_and_sync(
    durable: bool,
    file: &dyn DiskFile,
    at: u64,
    (first, frames): (Seq, &mut [Frame]),
) -> Result<Vec<FrameRef>, StoreError> {
    let written = write_frames(file, at, first, frames).map_err(|error| {
        // What was written of them must not be found.
        let undone = file.truncate(at).and_then(|()| if durable { file.sync() } else { Ok(()) });
        match undone {
            Ok(()) => StoreError::Undone(error),
            Err(error) => StoreError::Unknown(error),
        }
    })?;
    if durable {
        // After a sync that failed, nobody knows what the disk holds.
        file.sync().map_err(StoreError::Unknown)?;
    }
    Ok(written)
}

fn begin_segment(shared: &Shared, first: Seq) -> io::Result<Arc<dyn DiskFile>> {
    let name = Segment::name_of(first);
    let begun = Segment::create(shared.disk.as_ref(), &name, first, 0).and_then(|segment| {
        if shared.durable {
            segment.file.sync()?;
            shared.disk.sync()?;
        }
        Ok(segment)
    });
    match begun {
        Ok(segment) => {
            let file = segment.file.clone();
            let mut state = shared.state();
            state.log.seal();
            state.log.push_segment(segment);
            Ok(file)
        }
        Err(error) => {
            shared.disk.remove(&name).ok();
            Err(error)
        }
    }
}

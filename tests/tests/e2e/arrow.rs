//! Arrow streams, made of the same units as NDJSON.

use astload_model::{ipc, ndjson};

/// The marker at the end of a stream.
const END_BYTES: usize = 8;

/// One batch of all units.
pub(crate) fn stream(lines: &[u8]) -> Vec<u8> {
    written(&[lines.to_vec()])
}

/// A batch for each piece, and where each ends in the stream.
pub(crate) fn batches(pieces: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let end = |batches: usize| written(&pieces[..batches]).len() - END_BYTES;
    (written(pieces), (1..=pieces.len()).map(end).collect())
}

fn written(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = ipc::Writer::new(Vec::new(), ipc::Compression::None).expect("begun");
    for piece in pieces {
        for decoded in ndjson::Reader::new(piece.as_slice()) {
            let decoded = decoded.expect("NDJSON");
            assert!(decoded.problems.is_empty(), "{:?}", decoded.problems);
            writer.write(&decoded.batch).expect("written");
        }
    }
    writer.finish().expect("ended")
}

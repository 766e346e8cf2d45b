//! Any bytes as an Arrow IPC stream.

#![no_main]

use astload_fuzz::{begin, hold};
use astload_model::Batch;
use astload_model::ipc::{Compression, Reader, Writer};

fn write(batch: &Batch) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Compression::None).expect("a vector takes all");
    writer.write(batch).expect("a vector takes all");
    writer.finish().expect("a vector takes all")
}

libfuzzer_sys::fuzz_target!(init: begin(write), |bytes: &[u8]| {
    hold(Reader::new(bytes), |batch| {
        let written = write(batch);
        let read = Reader::new(&written[..]);
        read.map(|decoded| decoded.expect("what was written is read")).collect()
    });
});

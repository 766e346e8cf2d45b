//! Any bytes as NDJSON.

#![no_main]

use astload_fuzz::{begin, hold};
use astload_model::{Batch, ndjson};

fn write(batch: &Batch) -> Vec<u8> {
    let mut writer = ndjson::Writer::new(Vec::new());
    writer.write(batch).expect("a vector takes all");
    writer.into_inner()
}

libfuzzer_sys::fuzz_target!(init: begin(write), |bytes: &[u8]| {
    hold(ndjson::Reader::new(bytes), |batch| {
        let written = write(batch);
        let read = ndjson::Reader::new(&written[..]);
        read.map(|decoded| decoded.expect("what was written is read")).collect()
    });
});

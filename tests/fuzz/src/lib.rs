//! What the targets of the decoders hold the codecs to.

use std::panic;
use std::path::Path;
use std::{env, fs};

use astload_fixtures::units::{UnitValue, batch_of, chain};
use astload_model::{Batch, CodecError, Decoded, Intake, canonical_hash};

/// Reads bytes, and holds every batch that comes of them to this: it is valid, and written and
/// read again it is the same.
pub fn hold(
    stream: impl Iterator<Item = Result<Decoded, CodecError>>,
    again: impl Fn(&Batch) -> Vec<Decoded>,
) {
    for decoded in stream {
        let Ok(Decoded { batch, .. }) = decoded else { return };
        assert_eq!(Intake::validate(batch.clone()).refusals, [], "what is delivered is valid");
        let read = again(&batch);
        assert!(read.iter().all(|decoded| decoded.problems.is_empty()), "and stays valid");
        let hashes: Vec<_> = read.iter().flat_map(|decoded| hashes(&decoded.batch)).collect();
        assert_eq!(hashes, self::hashes(&batch), "and the same");
    }
}

fn hashes(batch: &Batch) -> Vec<[u8; 32]> {
    batch.units().map(|unit| canonical_hash(&unit)).collect()
}

/// Lets arrow panic, which the reader of its streams catches: libFuzzer's own hook would end the
/// process before that. A panic that nobody catches ends it all the same.
pub fn let_arrow_panic() {
    let ours = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|place| place.file().contains("/arrow-")) {
            ours(info);
        }
    }));
}

/// Called once by libFuzzer, before it reads the corpus of a decoder: writes seeds into the directory
/// that `SEEDS` names.
pub fn begin(write: impl Fn(&Batch) -> Vec<u8>) {
    let_arrow_panic();
    let Ok(directory) = env::var("SEEDS") else { return };
    let sample = UnitValue::sample("a.py");
    let seeds = [
        ("empty", vec![]),
        ("sample", vec![sample.clone()]),
        ("two", vec![sample, UnitValue::delete("b.py")]),
        ("deep", vec![UnitValue::new("deep.py", chain(30))]),
    ];
    for (name, units) in seeds {
        let path = Path::new(&directory).join(name);
        fs::write(path, write(&batch_of(&units))).expect("the corpus can be written");
    }
}

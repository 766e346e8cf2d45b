//! Bytes to units and back, as tests want them.

use astload_fixtures::units::{UnitValue, units_of};
use astload_model::ipc::Compression;
use astload_model::{Batch, CodecError, Decoded, ipc, ndjson};

/// Everything that a stream gave.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub units: Vec<UnitValue>,
    pub problems: Vec<String>,
    pub error: Option<String>,
}

impl Read {
    /// Units alone: nothing was refused.
    pub(crate) fn good(units: &[UnitValue]) -> Self {
        Self { units: units.to_vec(), ..Self::default() }
    }

    fn of(stream: impl Iterator<Item = Result<Decoded, CodecError>>) -> Self {
        let mut read = Self::default();
        for decoded in stream {
            assert_eq!(read.error, None, "nothing comes after an error");
            match decoded {
                Ok(Decoded { batch, problems, .. }) => {
                    read.units.extend(units_of(&batch));
                    read.problems.extend(problems.iter().map(ToString::to_string));
                }
                Err(error) => read.error = Some(error.to_string()),
            }
        }
        read
    }
}

pub(crate) fn read_ipc(bytes: &[u8]) -> Read {
    Read::of(ipc::Reader::new(bytes))
}

pub(crate) fn read_ndjson(bytes: impl AsRef<[u8]>) -> Read {
    Read::of(ndjson::Reader::new(bytes.as_ref()))
}

pub(crate) fn write_ipc(batches: &[Batch], compression: Compression) -> Vec<u8> {
    let mut writer = ipc::Writer::new(Vec::new(), compression).expect("a vector takes all");
    for batch in batches {
        writer.write(batch).expect("a vector takes all");
    }
    writer.finish().expect("a vector takes all")
}

pub(crate) fn write_ndjson(batch: &Batch) -> String {
    let mut writer = ndjson::Writer::new(Vec::new());
    writer.write(batch).expect("a vector takes all");
    String::from_utf8(writer.into_inner()).expect("JSON is UTF-8")
}

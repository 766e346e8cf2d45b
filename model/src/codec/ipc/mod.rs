//! Arrow IPC streams: the fast way in, from any language that has arrow.
//!
//! One record batch holds any number of units, one a row; the columns are those of
//! [`schema`](crate::schema), matched by name. With pyarrow, from plain dictionaries:
//!
//! ```python
//! import pyarrow as pa
//!
//! units = [{
//!     "repo": "example", "path": "a.py", "language": "python",
//!     "nodes": [
//!         {"kind": "module", "parent": None},
//!         {"kind": "function_definition", "parent": 0, "name": "main"},
//!     ],
//!     "symbols": [{"symbol": "name python main"}],
//!     "edges": [{"src": 1, "kind": "DEFINES", "dst_symbol": 0}],
//! }]
//! table = pa.Table.from_pylist(units)
//! with pa.ipc.new_stream("units.arrow", table.schema) as stream:
//!     stream.write_table(table)
//! ```
//!
//! Required are `repo`, `path`, `nodes`, and in them `kind` and (but for the root) `parent`; in edges
//! `src`, `kind` and an end; in vectors all columns. Nodes are in pre-order. Buffers may be compressed with lz4. The schema's metadata may say
//! `astload.model = 1`; another version is refused.
//!
//! A stream is read as far as it is good: the batches before a broken message are delivered, then
//! comes the error, with the byte where reading stopped.

mod message;
mod stream;

use std::fmt;
use std::io::{Read, Write};

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;

use super::{CodecError, Decoded, Places};
use crate::arrow::Intake;
use crate::batch::Batch;
use crate::schema::schema;
use stream::Stream;

/// Reads batches from an Arrow IPC stream.
#[derive(Debug)]
pub struct Reader<R> {
    stream: Stream<R>,
    batches: usize,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// A reader of a stream. It reads in large pieces: no buffer is needed.
    pub fn new(input: R) -> Self {
        Self { stream: Stream::new(input), batches: 0, failed: false }
    }

    fn decode_next(&mut self) -> Result<Option<Decoded>, CodecError> {
        let broken = |at, what| CodecError::Broken {
            at: format!("batch {}, at byte {at}", self.batches),
            what: format!("the stream {what}"),
        };
        let Some(record) = self.stream.next_record().map_err(|error| error.with_place(broken))?
        else {
            return Ok(None);
        };
        let intake = Intake::from_record(&record).map_err(|error| CodecError::Broken {
            at: format!("batch {}", self.batches),
            what: error.to_string(),
        })?;
        let places = Places::Rows(self.batches, (0..intake.whole.len()).collect());
        self.batches += 1;
        Ok(Some(super::decoded(intake, places, Vec::new(), self.batches)))
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Decoded, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let decoded = self.decode_next();
        self.failed = decoded.is_err();
        decoded.transpose()
    }
}

/// Whether the buffers of a stream are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are in memory.
    None,
    /// lz4 frames.
    Lz4,
}

/// Writes batches as an Arrow IPC stream. Words are sent once, for dictionaries grow by deltas; a
/// batch with fewer rows than its dictionary has words brings one of its own.
pub struct Writer<W: Write> {
    stream: StreamWriter<W>,
}

impl<W: Write> Writer<W> {
    /// Begins a stream: writes the schema.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn new(output: W, compression: Compression) -> Result<Self, CodecError> {
        let codec = match compression {
            Compression::None => None,
            Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        };
        let options = IpcWriteOptions::default()
            .with_dictionary_handling(DictionaryHandling::Delta)
            .try_with_compression(codec)
            .map_err(unwritten)?;
        let stream = StreamWriter::try_new_with_options(output, &schema(), options);
        Ok(Self { stream: stream.map_err(unwritten)? })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        self.stream.write(&RecordBatch::from(batch)).map_err(unwritten)
    }

    /// Ends the stream and gives the output back.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn finish(mut self) -> Result<W, CodecError> {
        self.stream.finish().map_err(unwritten)?;
        self.stream.into_inner().map_err(unwritten)
    }
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

fn unwritten(error: ArrowError) -> CodecError {
    CodecError::Write(error.to_string())
}

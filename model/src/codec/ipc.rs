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
//! Required are `repo`, `path`, `nodes`, and in them `kind` and (but for the root) `parent`. Nodes
//! are in pre-order. Buffers may be compressed with lz4. The schema's metadata may say
//! `astload.model = 1`; another version is refused.
//!
//! A stream is read as far as it is good: the batches before a broken message are delivered, then
//! comes the error, with the byte where reading stopped.

use std::fmt;
use std::io::{ErrorKind, Read, Write};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_schema::ArrowError;

use super::{CodecError, Decoded, Problem};
use crate::arrow::Intake;
use crate::batch::Batch;
use crate::schema::schema;

const CHUNK_BYTES: usize = 1 << 20;

/// Largest message. Offsets are `i32`, so a larger one could not be a batch.
const MESSAGE_BYTES_MAX: usize = i32::MAX as usize;

/// Reads batches from an Arrow IPC stream.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    decoder: StreamDecoder,
    chunk: Buffer,
    /// Bytes taken from the input.
    taken: usize,
    /// `taken`, when the last batch was complete.
    complete: usize,
    batches: usize,
    failed: bool,
}

impl<R: Read> Reader<R> {
    /// A reader of a stream.
    pub fn new(input: R) -> Self {
        let chunk = Buffer::default();
        let decoder = StreamDecoder::new();
        Self { input, decoder, chunk, taken: 0, complete: 0, batches: 0, failed: false }
    }

    fn next_record(&mut self) -> Result<Option<RecordBatch>, CodecError> {
        loop {
            if self.chunk.is_empty() && !self.fill()? {
                let schema = self.decoder.schema();
                let finished = self.decoder.finish().map_err(|error| self.broken(&error));
                return match schema {
                    None if self.taken == 0 => Err(self.broken("is empty: not even a schema")),
                    _ => finished.map(|()| None),
                };
            }
            match self.decoder.decode(&mut self.chunk) {
                Ok(Some(record)) => {
                    self.complete = self.taken - self.chunk.len();
                    return Ok(Some(record));
                }
                Ok(None) if self.taken - self.complete > MESSAGE_BYTES_MAX => {
                    let what = format!("a message is larger than {MESSAGE_BYTES_MAX} bytes");
                    return Err(self.broken(what));
                }
                Ok(None) => {}
                Err(ArrowError::IpcError(what)) => return Err(self.broken(what)),
                Err(error) => return Err(self.broken(error)),
            }
        }
    }

    /// The next chunk; false at the end of the input.
    fn fill(&mut self) -> Result<bool, CodecError> {
        let mut bytes = vec![0; CHUNK_BYTES];
        let read = loop {
            match self.input.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        bytes.truncate(read);
        self.taken += read;
        self.chunk = bytes.into();
        Ok(read > 0)
    }

    fn broken(&self, what: impl fmt::Display) -> CodecError {
        let at = format!("batch {}, at byte {}", self.batches, self.taken - self.chunk.len());
        CodecError::Broken { at, what: format!("no Arrow IPC stream of units: {what}") }
    }

    fn decode_next(&mut self) -> Result<Option<Decoded>, CodecError> {
        let Some(record) = self.next_record()? else {
            return Ok(None);
        };
        let intake = Intake::from_record(&record).map_err(|error| self.broken(error))?;
        let problem = |(row, refusal): (usize, crate::Refusal)| Problem {
            at: format!("batch {}, row {row}", self.batches),
            what: refusal.to_string(),
            unit: Some(refusal.unit),
        };
        let problems = intake.refusals.into_iter().map(problem).collect();
        self.batches += 1;
        Ok(Some(Decoded { batch: intake.batch, problems }))
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

/// Writes batches as an Arrow IPC stream. Words are sent once: dictionaries grow by deltas.
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

//! Takes a stream apart into messages, and puts record batches together.
//!
//! Arrow's own decoder trusts what messages say of themselves: some lies make it panic, others
//! allocate without bound. So a [`Message`] is checked before arrow sees it, and read here, where
//! the size of each is known before it is allocated.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{MessageHeader, convert::try_fb_to_schema};
use arrow_schema::{ArrowError, SchemaRef};

use super::message::{Message, check_types};
use crate::codec::CodecError;
use crate::limits;

/// Longest metadata of a message. Ours have 6 KiB.
const METADATA_BYTES_MAX: usize = 16 << 20;

/// Longest body of a message. Offsets are `i32`, so a larger one could not be a batch.
pub(super) const BODY_BYTES_MAX: usize = i32::MAX as usize;

/// What is read at once: a length that lies costs this much memory and not what it says.
const PIECE_BYTES: usize = 16 << 20;

const CONTINUATION: [u8; 4] = [0xff; 4];
/// What is said of everything that is no stream at all.
const NO_STREAM: &str = "is no Arrow IPC stream: it does not begin with a message";
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Why there is no further record batch.
#[derive(Debug)]
pub(super) enum StreamError {
    Read(std::io::Error),
    /// What is wrong, and at which byte.
    Broken(usize, String),
}

impl StreamError {
    pub(super) fn with_place(self, broken: impl Fn(usize, String) -> CodecError) -> CodecError {
        match self {
            Self::Read(error) => CodecError::Read(error),
            Self::Broken(at, what) => broken(at, what),
        }
    }
}

#[derive(Debug)]
pub(super) struct Stream<R> {
    input: R,
    /// Bytes read.
    at: usize,
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl<R: Read> Stream<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, at: 0, schema: None, dictionaries: HashMap::new() }
    }

    /// The next record batch; `None` at the end of the stream.
    pub(super) fn next_record(&mut self) -> Result<Option<RecordBatch>, StreamError> {
        loop {
            let start = self.at;
            let Some(metadata) = self.metadata()? else {
                return Ok(None);
            };
            let broken = |what| StreamError::Broken(start, what);
            let message = Message::parse(&metadata).map_err(broken)?;
            let body = self.bytes(message.body_bytes().map_err(broken)?, "a message's body")?;
            let record = self.take(&message, &body.into()).map_err(broken)?;
            if record.is_some() {
                return Ok(record);
            }
        }
    }

    /// The metadata of the next message.
    fn metadata(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let start = self.at;
        let broken = |what: &str| Err(StreamError::Broken(start, what.into()));
        let word = self.up_to(4)?;
        let length = match word.as_slice() {
            [] if start == 0 => return broken("is empty, not even a schema"),
            // Writers may leave the end mark out.
            [] if self.schema.is_some() => return Ok(None),
            [b'A', b'R', b'R', b'O'] if start == 0 => {
                return broken(if self.up_to(2)? == FILE_MAGIC[4..] {
                    "is an Arrow file; write a stream (pyarrow: ipc.new_stream, not new_file)"
                } else {
                    NO_STREAM
                });
            }
            word if word == CONTINUATION => self.bytes(4, "a message's length")?,
            word if start == 0 && word.len() < 4 => return broken(NO_STREAM),
            word if word.len() < 4 => return broken("ends inside a message's length"),
            // Before Arrow 0.15 there was no continuation mark.
            word => word.to_vec(),
        };
        let length = length.try_into().map_or(-1, i32::from_le_bytes);
        match usize::try_from(length) {
            Ok(0) => self.end(),
            Ok(length) if length <= METADATA_BYTES_MAX => {
                self.bytes(length, "a message's metadata").map(Some)
            }
            _ if start == 0 => broken(NO_STREAM),
            _ => {
                broken(&format!("has a message whose metadata has {length} bytes, not 1 to 16 MiB"))
            }
        }
    }

    /// Nothing may follow the end mark.
    fn end(&mut self) -> Result<Option<Vec<u8>>, StreamError> {
        let at = self.at;
        let ended = self.up_to(1)?.is_empty();
        match (&self.schema, ended) {
            (None, _) => Err(StreamError::Broken(at, "ends before its schema".into())),
            (Some(_), false) => {
                Err(StreamError::Broken(at, "goes on after the end mark; send one stream".into()))
            }
            (Some(_), true) => Ok(None),
        }
    }

    /// As many bytes, or an error that says what was to be read.
    fn bytes(&mut self, length: usize, what: &str) -> Result<Vec<u8>, StreamError> {
        let bytes = self.up_to(length)?;
        if bytes.len() < length {
            let what = format!("ends inside {what}: {} of {length} bytes", bytes.len());
            return Err(StreamError::Broken(self.at, what));
        }
        Ok(bytes)
    }

    /// As many bytes, fewer where the input ends.
    fn up_to(&mut self, length: usize) -> Result<Vec<u8>, StreamError> {
        let mut bytes = Vec::with_capacity(length.min(PIECE_BYTES));
        while bytes.len() < length {
            // Not with `Vec::resize` to the whole length: memory is taken as bytes arrive.
            let piece = (length - bytes.len()).min(PIECE_BYTES) as u64;
            match self.input.by_ref().take(piece).read_to_end(&mut bytes) {
                Ok(0) => break,
                Ok(read) => self.at += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(StreamError::Read(error)),
            }
        }
        Ok(bytes)
    }

    /// Learns from a message, or makes a record batch of it.
    fn take(
        &mut self,
        message: &Message<'_>,
        body: &Buffer,
    ) -> Result<Option<RecordBatch>, String> {
        let header = message.header();
        let Some(schema) = self.schema.clone() else {
            let MessageHeader::Schema = header.header_type() else {
                return Err("does not begin with a schema".into());
            };
            let found = header.header_as_schema().ok_or("has a message without schema")?;
            let schema = guarded(|| try_fb_to_schema(found))?;
            check_types(schema.fields())?;
            self.schema = Some(schema.into());
            return Ok(None);
        };
        match header.header_type() {
            MessageHeader::Schema => Err("has a second schema; send one stream".into()),
            MessageHeader::DictionaryBatch => {
                let batch = header
                    .header_as_dictionary_batch()
                    .ok_or("has a message without dictionary")?;
                message.check_batch(batch.data().ok_or("has a dictionary without words")?, body)?;
                let (known, version) = (&mut self.dictionaries, header.version());
                guarded(|| read_dictionary(body, batch, &schema, known, &version))?;
                let bytes: usize = known.values().map(|words| words.get_buffer_memory_size()).sum();
                match bytes <= limits::BATCH_BYTES_MAX {
                    true => Ok(None),
                    false => Err(format!("has dictionaries of {bytes} bytes, which is too much")),
                }
            }
            MessageHeader::RecordBatch => {
                let batch = header.header_as_record_batch().ok_or("has a message without batch")?;
                message.check_batch(batch, body)?;
                let (known, version) = (&self.dictionaries, header.version());
                guarded(|| read_record_batch(body, batch, schema, known, None, &version)).map(Some)
            }
            other => Err(format!("has a message of type {other:?}")),
        }
    }
}

/// What arrow makes of a message. The last resort: it panics on some lies that no [`Message`] is
/// held against (a buffer of offsets whose length is odd), and then the stream is broken and the
/// process is not. The panic's own message still goes to stderr, for the hook belongs to whoever
/// runs the process.
fn guarded<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    let what = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(ArrowError::IpcError(what) | ArrowError::InvalidArgumentError(what))) => what,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "its buffers do not fit their columns".into(),
    };
    Err(format!("has a message that arrow cannot read: {what}"))
}

//! One message of a stream, checked before arrow trusts it.

use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, RecordBatch, root_as_message};
use arrow_schema::{DataType, Fields};

use super::stream::BODY_BYTES_MAX;
use crate::limits;

/// What a buffer whose length is -1 says: it is not compressed after all.
const UNCOMPRESSED: i64 = -1;

#[derive(Debug)]
pub(super) struct Message<'a>(arrow_ipc::Message<'a>);

impl<'a> Message<'a> {
    pub(super) fn parse(metadata: &'a [u8]) -> Result<Self, String> {
        match root_as_message(metadata) {
            Ok(message) => Ok(Self(message)),
            Err(_) => Err("has a message whose metadata is damaged".into()),
        }
    }

    pub(super) fn header(&self) -> &arrow_ipc::Message<'a> {
        &self.0
    }

    pub(super) fn body_bytes(&self) -> Result<usize, String> {
        let length = self.0.bodyLength();
        match usize::try_from(length) {
            Ok(length) if length <= BODY_BYTES_MAX => Ok(length),
            _ => Err(format!("has a message whose body has {length} bytes, not 0 to 2 GiB")),
        }
    }

    /// Holds what a batch says of its columns against limits and against its body.
    pub(super) fn check_batch(&self, batch: RecordBatch<'_>, body: &Buffer) -> Result<(), String> {
        let is_count =
            |count: i64, max: usize| usize::try_from(count).is_ok_and(|count| count <= max);
        if !is_count(batch.length(), limits::BATCH_BYTES_MAX) {
            return Err(format!("has a batch of {} rows", batch.length()));
        }
        for node in batch.nodes().into_iter().flatten() {
            let (length, nulls) = (node.length(), node.null_count());
            if !is_count(length, limits::BATCH_BYTES_MAX) || nulls < 0 || nulls > length {
                return Err(format!("has a column of {length} rows and {nulls} nulls"));
            }
        }
        let compressed = match batch.compression().map(|compression| compression.codec()) {
            None => false,
            Some(CompressionType::LZ4_FRAME) => true,
            Some(CompressionType::ZSTD) => {
                return Err("is compressed with zstd; write it with lz4, or uncompressed".into());
            }
            Some(other) => return Err(format!("is compressed in an unknown way ({})", other.0)),
        };
        let mut total = 0_usize;
        for buffer in batch.buffers().into_iter().flatten() {
            let (offset, length) = (buffer.offset(), buffer.length());
            let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
            let bytes = range.and_then(|(offset, length)| {
                body.as_slice().get(offset..offset.checked_add(length)?)
            });
            let Some(bytes) = bytes else {
                return Err(format!(
                    "has a buffer of {length} bytes at {offset} in a body of {} bytes",
                    body.len()
                ));
            };
            total = total.saturating_add(if compressed { inflated(bytes)? } else { bytes.len() });
        }
        if total > BODY_BYTES_MAX {
            return Err(format!("has a batch whose buffers have {total} bytes, more than 2 GiB"));
        }
        Ok(())
    }
}

/// How many bytes a compressed buffer says it has when it is not.
fn inflated(bytes: &[u8]) -> Result<usize, String> {
    let Some((length, data)) = bytes.split_first_chunk() else {
        return if bytes.is_empty() {
            Ok(0)
        } else {
            Err("has a compressed buffer that is cut off".into())
        };
    };
    match i64::from_le_bytes(*length) {
        UNCOMPRESSED => Ok(data.len()),
        length => usize::try_from(length)
            .map_err(|_| format!("has a compressed buffer of {length} bytes")),
    }
}

/// Whether all columns are of types of the model, or of types that are brought to them.
pub(super) fn check_types(fields: &Fields) -> Result<(), String> {
    fields.iter().try_for_each(|field| check_type(field.name(), field.data_type()))
}

fn check_type(column: &str, data_type: &DataType) -> Result<(), String> {
    match data_type {
        DataType::Struct(fields) => fields.iter().try_for_each(|field| {
            check_type(&format!("{column}.{}", field.name()), field.data_type())
        }),
        DataType::List(item) | DataType::LargeList(item) => check_type(column, item.data_type()),
        DataType::FixedSizeList(item, width) if *width >= 0 => check_type(column, item.data_type()),
        DataType::FixedSizeBinary(width) if *width > 0 => Ok(()),
        DataType::Dictionary(key, value) if key.is_dictionary_key_type() && value.is_string() => {
            Ok(())
        }
        DataType::Null | DataType::Boolean | DataType::Binary | DataType::LargeBinary => Ok(()),
        plain if plain.is_string() || plain.is_integer() || plain.is_floating() => Ok(()),
        other => Err(format!("has column `{column}` of type {other}, which no column takes")),
    }
}

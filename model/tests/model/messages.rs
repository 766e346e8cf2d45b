//! Messages of a stream that lie.

use arrow_ipc::{
    BodyCompression, BodyCompressionArgs, BodyCompressionMethod, Buffer, CompressionType,
    FieldNode, Message, MessageArgs, MessageHeader, MetadataVersion, RecordBatchArgs,
};
use flatbuffers::FlatBufferBuilder;

/// A message with this metadata and body.
pub(crate) fn message(metadata: &[u8], body: &[u8]) -> Vec<u8> {
    let padded = metadata.len().next_multiple_of(8);
    let mut bytes = vec![0xff; 4];
    bytes.extend((padded as i32).to_le_bytes());
    bytes.extend(metadata);
    bytes.resize(8 + padded, 0);
    bytes.extend(body);
    bytes
}

/// What a record batch says of itself.
pub(crate) struct Lie {
    pub(crate) rows: i64,
    pub(crate) nodes: Vec<FieldNode>,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) compression: Option<CompressionType>,
    pub(crate) body_bytes: i64,
}

pub(crate) const TRUTH: Lie =
    Lie { rows: 1, nodes: Vec::new(), buffers: Vec::new(), compression: None, body_bytes: 0 };

/// A record batch message that may lie.
pub(crate) fn lying(lie: Lie, body: &[u8]) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes = builder.create_vector(&lie.nodes);
    let buffers = builder.create_vector(&lie.buffers);
    let compression = lie.compression.map(|codec| {
        let method = BodyCompressionMethod::BUFFER;
        BodyCompression::create(&mut builder, &BodyCompressionArgs { codec, method })
    });
    let args = RecordBatchArgs {
        length: lie.rows,
        nodes: Some(nodes),
        buffers: Some(buffers),
        compression,
        variadicBufferCounts: None,
    };
    let batch = arrow_ipc::RecordBatch::create(&mut builder, &args);
    finish(builder, MessageHeader::RecordBatch, Some(batch.as_union_value()), lie.body_bytes, body)
}

pub(crate) fn finish(
    mut builder: FlatBufferBuilder<'_>,
    header_type: MessageHeader,
    header: Option<flatbuffers::WIPOffset<flatbuffers::UnionWIPOffset>>,
    body_bytes: i64,
    body: &[u8],
) -> Vec<u8> {
    let args = MessageArgs {
        version: MetadataVersion::V5,
        header_type,
        header,
        bodyLength: body_bytes,
        custom_metadata: None,
    };
    let root = Message::create(&mut builder, &args);
    builder.finish(root, None);
    message(builder.finished_data(), body)
}

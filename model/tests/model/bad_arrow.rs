//! Bad streams: what was whole is delivered, then comes one error that says what and where.

use std::sync::{Arc, LazyLock};

use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{Buffer, CompressionType, FieldNode, MessageHeader};
use arrow_schema::{Field, Schema};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::ipc::Compression;
use flatbuffers::FlatBufferBuilder;

use crate::codecs::{Read, read_ipc, write_ipc};
use crate::messages::{Lie, TRUTH, finish, lying, message};

const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// A good stream of one batch, `a.py`. It has the words that the process knew when it was made.
static GOOD: LazyLock<Vec<u8>> =
    LazyLock::new(|| write_ipc(&[batch_of(&[UnitValue::sample("a.py")])], Compression::None));

/// Bytes of its schema.
const SCHEMA: usize = 4_928;

fn good() -> Vec<u8> {
    GOOD.clone()
}

/// The good stream without its end mark, and then these bytes.
fn good_then(bytes: &[u8]) -> Vec<u8> {
    let good = good();
    [&good[..good.len() - END.len()], bytes].concat()
}

pub(crate) fn stream(record: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &record.schema()).expect("a schema");
    writer.write(record).expect("a vector takes all");
    writer.into_inner().expect("a vector takes all")
}

fn file_format() -> Vec<u8> {
    let record = RecordBatch::from(&batch_of(&[UnitValue::sample("a.py")]));
    let mut writer = FileWriter::try_new(Vec::new(), &record.schema()).expect("a schema");
    writer.write(&record).expect("a vector takes all");
    writer.into_inner().expect("a vector takes all")
}

pub(crate) fn schema_only(fields: Vec<Field>) -> Vec<u8> {
    let schema = Arc::new(Schema::new(fields));
    let options = IpcWriteOptions::default();
    let writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options);
    writer.expect("a schema").into_inner().expect("a vector takes all")
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum First {
    /// The good batch comes before the error.
    Delivered,
    /// There is none.
    None,
}

pub(crate) fn check(table: &[(&str, Vec<u8>, First, &str)]) {
    let mut wrong = Vec::new();
    for (case, bytes, first, expected) in table {
        let units = match first {
            First::Delivered => vec![UnitValue::sample("a.py")],
            First::None => Vec::new(),
        };
        let found = read_ipc(bytes);
        let end = GOOD.len() - END.len();
        let expected = expected
            .replace("END+160", &(end + 160).to_string())
            .replace("END+8", &(end + 8).to_string())
            .replace("END", &end.to_string());
        let expected = Read { units, problems: Vec::new(), error: Some(expected) };
        if found != expected {
            let Read { units, problems, error } = found;
            let units = units.len();
            wrong.push(format!(
                "{case}: {units} units, {problems:?},\n  said     {error:?}\n  expected {:?}",
                expected.error
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_stream_is_refused_with_the_byte() {
    use First::None;
    check(&[
        ("empty", Vec::new(), None, "batch 0, at byte 0: the stream is empty, not even a schema"),
        (
            "text",
            b"{\"repo\":\"r\",\"path\":\"p\",\"op\":1}\n".into(),
            None,
            "batch 0, at byte 0: the stream is no Arrow IPC stream: it does not begin with a message",
        ),
        (
            "two bytes",
            b"AR".into(),
            None,
            "batch 0, at byte 0: the stream is no Arrow IPC stream: it does not begin with a message",
        ),
        ("zeros", vec![0; 64], None, "batch 0, at byte 4: the stream ends before its schema"),
        (
            "the file format",
            file_format(),
            None,
            "batch 0, at byte 0: the stream is an Arrow file; write a stream (pyarrow: ipc.new_stream, not new_file)",
        ),
        (
            "the end mark alone",
            END.into(),
            None,
            "batch 0, at byte 8: the stream ends before its schema",
        ),
        (
            "cut in the schema",
            good()[..SCHEMA + 2].into(),
            None,
            "batch 0, at byte 4928: the stream ends inside a message's length",
        ),
        (
            "a batch before the schema",
            lying(TRUTH, &[]),
            None,
            "batch 0, at byte 0: the stream does not begin with a schema",
        ),
    ]);
}

#[test]
fn messages_that_lie_are_refused_with_the_byte() {
    use First::Delivered;
    check(&[
        (
            "a length of 2 GiB",
            good_then(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            Delivered,
            "batch 1, at byte END: the stream has a message whose metadata has 2147483647 bytes, not 1 to 16 MiB",
        ),
        (
            "a negative length",
            good_then(&[0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff]),
            Delivered,
            "batch 1, at byte END: the stream has a message whose metadata has -2 bytes, not 1 to 16 MiB",
        ),
        (
            "metadata of zeros",
            good_then(&message(&[0; 64], &[])),
            Delivered,
            "batch 1, at byte END: the stream has a message of type NONE",
        ),
        (
            "a negative body",
            good_then(&lying(Lie { body_bytes: -1, ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a message whose body has -1 bytes, not 0 to 2 GiB",
        ),
        (
            "a body of 2^60 bytes",
            good_then(&lying(Lie { body_bytes: 1 << 60, ..TRUTH }, &[0; 64])),
            Delivered,
            "batch 1, at byte END: the stream has a message whose body has 1152921504606846976 bytes, not 0 to 2 GiB",
        ),
        (
            "a body that ends early",
            good_then(&lying(Lie { body_bytes: 1 << 20, ..TRUTH }, &[0; 64])),
            Delivered,
            "batch 1, at byte END+160: the stream ends inside a message's body: 64 of 1048576 bytes",
        ),
        (
            "a message after the end",
            [good(), lying(TRUTH, &[])].concat(),
            Delivered,
            "batch 1, at byte END+8: the stream goes on after the end mark; send one stream",
        ),
        (
            "a stream after the stream",
            [good(), good()].concat(),
            Delivered,
            "batch 1, at byte END+8: the stream goes on after the end mark; send one stream",
        ),
        (
            "a second schema",
            good_then(&good()),
            Delivered,
            "batch 1, at byte END: the stream has a second schema; send one stream",
        ),
        (
            "a message without header",
            good_then(&finish(
                FlatBufferBuilder::new(),
                MessageHeader::RecordBatch,
                Option::None,
                0,
                &[],
            )),
            Delivered,
            "batch 1, at byte END: the stream has a message whose metadata is damaged",
        ),
        (
            "a message of no type",
            good_then(&finish(FlatBufferBuilder::new(), MessageHeader::NONE, Option::None, 0, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a message of type NONE",
        ),
    ]);
}

#[test]
fn batches_that_lie_are_refused() {
    use First::Delivered;
    let node = |rows, nulls| FieldNode::new(rows, nulls);
    let zstd = Some(CompressionType::ZSTD);
    let lz4 = Some(CompressionType::LZ4_FRAME);
    let inflated = |length: i64| {
        let lie =
            Lie { compression: lz4, buffers: vec![Buffer::new(0, 16)], body_bytes: 16, ..TRUTH };
        lying(lie, &[length.to_le_bytes(), [0; 8]].concat())
    };
    check(&[
        (
            "negative rows",
            good_then(&lying(Lie { rows: -1, ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a batch of -1 rows",
        ),
        (
            "2^60 rows",
            good_then(&lying(Lie { rows: 1 << 60, ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a batch of 1152921504606846976 rows",
        ),
        (
            "no columns",
            good_then(&lying(TRUTH, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a message that arrow cannot read: Schema error: Invalid data for schema. Field { \"op\": UInt8 } refers to node not found in schema",
        ),
        (
            "a column of negative length",
            good_then(&lying(Lie { nodes: vec![node(-1, 0)], ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a column of -1 rows and 0 nulls",
        ),
        (
            "more nulls than rows",
            good_then(&lying(Lie { nodes: vec![node(1, 2)], ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a column of 1 rows and 2 nulls",
        ),
        (
            "a buffer past its body",
            good_then(&lying(Lie { buffers: vec![Buffer::new(0, 8)], ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a buffer of 8 bytes at 0 in a body of 0 bytes",
        ),
        (
            "a buffer before its body",
            good_then(&lying(Lie { buffers: vec![Buffer::new(-8, 8)], ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a buffer of 8 bytes at -8 in a body of 0 bytes",
        ),
        (
            "a buffer whose end overflows",
            good_then(&lying(Lie { buffers: vec![Buffer::new(i64::MAX, i64::MAX)], ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream has a buffer of 9223372036854775807 bytes at 9223372036854775807 in a body of 0 bytes",
        ),
        (
            "zstd",
            good_then(&lying(Lie { compression: zstd, ..TRUTH }, &[])),
            Delivered,
            "batch 1, at byte END: the stream is compressed with zstd; write it with lz4, or uncompressed",
        ),
        (
            "a compressed buffer of 2^60 bytes",
            good_then(&inflated(1 << 60)),
            Delivered,
            "batch 1, at byte END: the stream has a batch whose buffers have 1152921504606846976 bytes, more than 2 GiB",
        ),
        (
            "a compressed buffer of -2 bytes",
            good_then(&inflated(-2)),
            Delivered,
            "batch 1, at byte END: the stream has a compressed buffer of -2 bytes",
        ),
        (
            "a compressed buffer that is cut off",
            good_then(&lying(
                Lie { compression: lz4, buffers: vec![Buffer::new(0, 4)], body_bytes: 8, ..TRUTH },
                &[0; 8],
            )),
            Delivered,
            "batch 1, at byte END: the stream has a compressed buffer that is cut off",
        ),
    ]);
}

#[test]
fn a_stream_that_is_cut_gives_whole_batches_and_then_an_error() {
    let units = ["a.py", "b.py"].map(UnitValue::sample);
    let batches: Vec<_> = units.iter().map(|unit| batch_of(std::slice::from_ref(unit))).collect();
    for compression in [Compression::None, Compression::Lz4] {
        let bytes = write_ipc(&batches, compression);
        for cut in (0..bytes.len()).step_by(64) {
            let Read { units: found, problems, error } = read_ipc(&bytes[..cut]);
            assert!(units.starts_with(&found), "whole units, in order, of {cut} bytes");
            assert_eq!(problems, Vec::<String>::new());
            // A cut between two messages looks like a stream whose end mark was left out.
            let whole = read_ipc(&[&bytes[..cut], &END[..]].concat());
            assert!(error.is_some() || whole.error.is_none(), "{cut} bytes are no stream");
            if let Some(error) = error {
                assert!(error.starts_with(&format!("batch {}, at byte", found.len())), "{error}");
            }
        }
    }
}

#[test]
fn a_stream_with_a_byte_changed_never_panics() {
    let bytes = write_ipc(&[batch_of(&[UnitValue::sample("a.py")])], Compression::None);
    for at in (0..bytes.len()).step_by(2) {
        let mut bytes = bytes.clone();
        bytes[at] ^= [0x01, 0x80, 0xff][at % 3];
        read_ipc(&bytes);
    }
}

#[test]
fn a_schema_without_batches_is_an_empty_stream() {
    assert_eq!(read_ipc(&write_ipc(&[], Compression::None)), Read::default());
}

#[test]
fn the_end_mark_may_be_left_out() {
    assert_eq!(read_ipc(&good_then(&[])), Read::good(&[UnitValue::sample("a.py")]));
}

#[test]
fn an_empty_batch_is_taken() {
    let bytes = write_ipc(&[batch_of(&[])], Compression::None);
    assert_eq!(read_ipc(&bytes), Read::default());
    let numbers: ArrayRef = Arc::new(UInt32Array::from(vec![0_u32; 0]));
    assert_eq!(numbers.len(), 0);
}

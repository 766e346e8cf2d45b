//! Streams that are well formed, of columns and units that are not.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, DictionaryArray, Int8Array, StringArray, StructArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field};

use crate::bad_arrow::{First, check, schema_only, stream};
use crate::codecs::{Read, read_ipc};
use crate::records::{lists, node_columns, numbers, one_unit, record, structs, text};

#[test]
fn columns_that_do_not_fit_are_refused_by_name() {
    use First::None;
    let with = |name: &'static str, array: ArrayRef| {
        let mut columns = one_unit(node_columns());
        columns.retain(|(other, _)| *other != name);
        columns.push((name, array));
        columns
    };
    let mut without = one_unit(node_columns());
    without.remove(0);
    let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]));
    let version = |version: &str| {
        let record = record(one_unit(node_columns()));
        let metadata = [("astload.model".to_owned(), version.to_owned())];
        let schema = record.schema().as_ref().clone().with_metadata(HashMap::from(metadata));
        stream(&record.with_schema(Arc::new(schema)).expect("the same columns"))
    };
    let union = DataType::Union(arrow_schema::UnionFields::empty(), arrow_schema::UnionMode::Dense);
    check(&[
        ("a missing column", stream(&record(without)), None, "batch 0: column `repo` is missing"),
        (
            "an unknown column",
            stream(&record(with("colour", text(&["red"])))),
            None,
            "batch 0: unknown column `colour`",
        ),
        (
            "a column of another type",
            stream(&record(with("path", numbers(&[Some(1)])))),
            None,
            "batch 0: column `path` has type UInt32, expected text",
        ),
        (
            "a list of another type",
            stream(&record(with("nodes", text(&["[]"])))),
            None,
            "batch 0: column `nodes` has type Utf8, expected a list of structs",
        ),
        (
            "a type that no column takes",
            stream(&record(with("size_bytes", time))),
            None,
            "batch 0, at byte 0: the stream has column `size_bytes` of type Timestamp(s), which no column takes",
        ),
        (
            "a union",
            schema_only(vec![Field::new("path", union, true)]),
            None,
            "batch 0, at byte 0: the stream has column `path` of type Union(Dense), which no column takes",
        ),
        (
            "hashes of negative width",
            schema_only(vec![Field::new("path", DataType::FixedSizeBinary(-1), true)]),
            None,
            "batch 0, at byte 0: the stream has column `path` of type FixedSizeBinary(-1), which no column takes",
        ),
        (
            "another version of the model",
            version("2"),
            None,
            "batch 0: the schema says astload.model = 2, this is version 1",
        ),
    ]);
}

#[test]
fn units_that_break_a_rule_are_refused_by_row() {
    let absent: Vec<Option<&str>> = vec![None, Some("f"), Some("i"), Some("c")];
    let mut columns = node_columns();
    columns[0] = ("kind", Arc::new(StringArray::from(absent)));
    let null_kind = record(one_unit(columns));
    let (fields, arrays, _) = structs(node_columns()).into_parts();
    let nulls = Some(vec![true, false, true, true].into());
    let null_node = lists(&[4], StructArray::new(fields, arrays, nulls));
    let mut columns = one_unit(node_columns());
    columns[2] = ("nodes", null_node);
    let null_node = record(columns);
    let mut columns = one_unit(node_columns());
    columns[1] = ("path", Arc::new(StringArray::from(vec![None::<&str>])));
    let null_path = record(columns);
    let table = [
        (null_kind, "batch 0, row 0: unit example:a.py: nodes[0]: kind: is null"),
        (null_node, "batch 0, row 0: unit example:a.py: nodes[1]: row: is null"),
        (null_path, "batch 0, row 0: unit example:: path: is null"),
    ];
    for (record, expected) in table {
        let expected = Read { problems: vec![expected.to_owned()], ..Read::default() };
        assert_eq!(read_ipc(&stream(&record)), expected);
    }
}

#[test]
fn a_key_past_the_dictionary_is_refused() {
    // The only byte 0x55 of the stream is the key that is made to lie.
    let values = StringArray::from_iter_values((0..86).map(|word| format!("w{word:03}")));
    let kinds = DictionaryArray::new(Int8Array::from(vec![0, 0x55, 0, 0]), Arc::new(values));
    let mut columns = node_columns();
    columns[0] = ("kind", Arc::new(kinds));
    let mut bytes = stream(&record(one_unit(columns)));
    let at = bytes.windows(4).position(|keys| keys == [0, 0x55, 0, 0]).expect("the keys");
    bytes[at + 1] = 0x56;
    let error = read_ipc(&bytes).error.expect("an error");
    let expected = "batch 0, at byte 1408: the stream has a message that arrow cannot read: \
                    Value at position 1 out of bounds: 86 (should be in [0, 85])";
    assert_eq!(error, expected);
}

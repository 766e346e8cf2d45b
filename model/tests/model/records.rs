//! Record batches as others build them.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StringArray, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{Field, Fields, Schema};

pub(crate) type Columns = Vec<(&'static str, ArrayRef)>;

pub(crate) fn structs(columns: Columns) -> StructArray {
    let fields: Fields = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    StructArray::new(fields, columns.into_iter().map(|(_, array)| array).collect(), None)
}

/// Lists of these lengths.
pub(crate) fn lists(lengths: &[usize], values: StructArray) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    Arc::new(ListArray::new(item(&values), offsets, Arc::new(values), None))
}

pub(crate) fn item(values: &dyn Array) -> Arc<Field> {
    Arc::new(Field::new("item", values.data_type().clone(), true))
}

pub(crate) fn record(columns: Columns) -> RecordBatch {
    let fields: Fields = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

pub(crate) fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn numbers(values: &[Option<u32>]) -> ArrayRef {
    Arc::new(UInt32Array::from(values.to_vec()))
}

/// `m(f(i) c)` without a number: what a sender has to say of a tree at least.
pub(crate) fn node_columns() -> Columns {
    let parents = [None, Some(0), Some(1), Some(0)];
    vec![("kind", text(&["m", "f", "i", "c"])), ("parent", numbers(&parents))]
}

/// One unit, `example:a.py`, with these nodes.
pub(crate) fn one_unit(nodes: Columns) -> Columns {
    let nodes = structs(nodes);
    vec![
        ("repo", text(&["example"])),
        ("path", text(&["a.py"])),
        ("nodes", lists(&[nodes.len()], nodes)),
    ]
}

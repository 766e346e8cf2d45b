//! The seam to arrow: batches to record batches and back, both without copying where types agree.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Schema};

use crate::batch::{Batch, Children, Tables};
use crate::column::{ChildRows, child_rows};
use crate::number::number;
use crate::schema::{
    ColumnFault, EdgeColumns, LISTS, MODEL_KEY, MODEL_VERSION, NodeColumns, SymbolColumns, Table,
    TableError, UnitColumns, VectorColumns, schema,
};
use crate::validate::{Place, Refusal};

/// Why a whole record batch is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another version of the model.
    #[error("the schema says {MODEL_KEY} = {0}, this is version {MODEL_VERSION}")]
    Version(String),
    /// A column that is unknown, missing or of another type.
    #[error("{0}")]
    Columns(String),
}

impl From<TableError> for RecordError {
    fn from(error: TableError) -> Self {
        Self::Columns(error.to_string())
    }
}

/// What came in: the units that keep the rules, and those that do not.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The good units, in order; may be empty.
    pub batch: Batch,
    /// The others, each with its position in what came in.
    pub refusals: Vec<(usize, Refusal)>,
}

impl Intake {
    /// Validates units that are of the model's types already.
    pub fn validate(batch: Batch) -> Self {
        let refusals = batch.refusals();
        Self::without(batch, refusals)
    }

    /// Brings a record batch to the model's types, and validates it.
    ///
    /// Columns are matched by name. Nullable ones and those with a default may be absent; any
    /// integer type that fits and any layout of text are accepted. Nodes without `ord` are numbered
    /// by position, without `last` by their parents, edges without `ord` in order.
    ///
    /// # Errors
    /// [`RecordError`] where the schema does not fit; then no unit is taken.
    pub fn from_record(record: &RecordBatch) -> Result<Self, RecordError> {
        check_version(&record.schema())?;
        let mut misfits = Misfits::default();
        let (own, lists) = split(record)?;
        let mut faults = Vec::new();
        let units = UnitColumns::from_struct(&own, &mut faults)?;
        for (column, fault) in faults {
            misfits.add(fault.row, None, format!("{column} {}", fault.what));
        }
        let rows = record.num_rows();
        let [nodes, symbols, edges, vectors] = lists;
        let nodes: Children<NodeColumns> = children(nodes, rows, &mut misfits)?;
        let symbols: Children<SymbolColumns> = children(symbols, rows, &mut misfits)?;
        let edges: Children<EdgeColumns> = children(edges, rows, &mut misfits)?;
        let vectors: Children<VectorColumns> = children(vectors, rows, &mut misfits)?;
        let batch = number(Batch::new(Tables::new(units, nodes, symbols, edges, vectors)));
        let mut refusals = misfits.refusals(&batch);
        let known: Vec<usize> = refusals.iter().map(|(position, _)| *position).collect();
        let broken = batch.refusals().into_iter();
        refusals.extend(broken.filter(|(position, _)| !known.contains(position)));
        refusals.sort_by_key(|(position, _)| *position);
        Ok(Self::without(batch, refusals))
    }

    fn without(batch: Batch, refusals: Vec<(usize, Refusal)>) -> Self {
        let mut refused = refusals.iter().map(|(position, _)| *position).peekable();
        let good: Vec<usize> =
            (0..batch.len()).filter(|position| refused.next_if_eq(position).is_none()).collect();
        Self { batch: batch.take(&good), refusals }
    }
}

/// The first value of each unit that did not fit its column.
#[derive(Default)]
struct Misfits(Vec<(usize, Option<Place>, String)>);

impl Misfits {
    fn add(&mut self, row: usize, place: Option<Place>, rule: String) {
        self.0.push((row, place, rule));
    }

    fn refusals(mut self, batch: &Batch) -> Vec<(usize, Refusal)> {
        self.0.sort_by_key(|(row, _, _)| *row);
        self.0.dedup_by_key(|(row, _, _)| *row);
        let refusal =
            |(row, place, rule)| (row, Refusal { unit: batch.unit(row).name(), place, rule });
        self.0.into_iter().map(refusal).collect()
    }
}

fn check_version(schema: &Schema) -> Result<(), RecordError> {
    match schema.metadata().get(MODEL_KEY) {
        Some(version) if version != MODEL_VERSION => Err(RecordError::Version(version.clone())),
        _ => Ok(()),
    }
}

type Lists = [Option<ChildRows>; 4];

/// The unit's own columns, and its lists.
fn split(record: &RecordBatch) -> Result<(StructArray, Lists), RecordError> {
    let mut lists: Lists = [const { None }; 4];
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (field, array) in record.schema().fields().iter().zip(record.columns()) {
        match LISTS.iter().position(|list| list == field.name()) {
            Some(list) => {
                let rows = child_rows(array).map_err(|mismatch| {
                    RecordError::Columns(format!("column `{}` {mismatch}", field.name()))
                })?;
                lists[list] = Some(rows);
            }
            None => {
                fields.push(field.clone());
                arrays.push(array.clone());
            }
        }
    }
    let own = StructArray::try_new_with_length(fields.into(), arrays, None, record.num_rows());
    Ok((own.map_err(|error| RecordError::Columns(error.to_string()))?, lists))
}

/// A list's children; none where the list is absent.
fn children<T: Table>(
    rows: Option<ChildRows>,
    units: usize,
    misfits: &mut Misfits,
) -> Result<Children<T>, RecordError> {
    let Some(ChildRows { offsets, columns, faults: nulls }) = rows else {
        return Ok(Children { offsets: vec![0; units + 1].into(), columns: T::none() });
    };
    let mut faults: Vec<ColumnFault> = nulls.into_iter().map(|fault| ("the row", fault)).collect();
    let columns = T::from_struct(&columns, &mut faults)?;
    for (column, fault) in faults {
        let after = offsets.partition_point(|&offset| offset as usize <= fault.row);
        // A child outside every list belongs to nobody and harms nobody.
        if (1..offsets.len()).contains(&after) {
            let position = fault.row - offsets[after - 1] as usize;
            let place = Place { list: T::NAME, position };
            misfits.add(after - 1, Some(place), format!("{column} {}", fault.what));
        }
    }
    Ok(Children { offsets: offsets.into(), columns })
}

impl From<&Batch> for RecordBatch {
    /// The batch as arrow has it; nothing but the lists' offsets is copied.
    fn from(batch: &Batch) -> Self {
        let (tables, rows) = (batch.tables(), batch.row_range());
        let mut columns = tables.units.arrays(rows.clone());
        columns.push(list(&tables.nodes, &rows));
        columns.push(list(&tables.symbols, &rows));
        columns.push(list(&tables.edges, &rows));
        columns.push(list(&tables.vectors, &rows));
        RecordBatch::try_new(schema(), columns)
            .unwrap_or_else(|error| unreachable!("a batch is of the model's schema: {error}"))
    }
}

fn list<T: Table>(children: &Children<T>, rows: &Range<usize>) -> ArrayRef {
    let range = children.of(rows.clone());
    let fields = T::fields();
    let item = Field::new("item", DataType::Struct(fields.clone()), false);
    let offsets = children.offsets[rows.start..=rows.end].iter();
    let offsets: ScalarBuffer<i32> = offsets.map(|offset| offset - range.start as i32).collect();
    let structs = StructArray::new(fields, children.columns.arrays(range), None);
    Arc::new(ListArray::new(Arc::new(item), OffsetBuffer::new(offsets), Arc::new(structs), None))
}

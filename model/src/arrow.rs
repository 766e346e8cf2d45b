//! The seam to arrow: batches to record batches and back, both without copying where types agree.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, RecordBatch, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Schema};

use crate::batch::{Batch, Children, Tables};
use crate::column::{ChildRows, Fault, Faults, child_rows};
use crate::limits;
use crate::number::{number_edges, number_nodes};
use crate::schema::{
    EdgeColumns, LISTS, MODEL_KEY, MODEL_VERSION, NodeColumns, SymbolColumns, Table, TableError,
    UnitColumns, VectorColumns, schema,
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
    /// More than a batch may have.
    #[error("{0}; send smaller batches")]
    TooLarge(String),
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
    /// All that came in.
    pub whole: Batch,
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
        if record.num_rows() > limits::BATCH_UNITS_MAX {
            return Err(too_large("units", record.num_rows(), limits::BATCH_UNITS_MAX));
        }
        let (own, [nodes, symbols, edges, vectors]) = split(record)?;
        let rows: Vec<Range<usize>> = (0..record.num_rows()).map(|row| row..row + 1).collect();
        let mut faults = Faults::new(&rows);
        let units = UnitColumns::from_struct(&own, &mut faults)?;
        let mut misfits = Misfits::default();
        misfits.add(None, faults.into_found());
        let nodes: Children<NodeColumns> = children(nodes, rows.len(), &mut misfits)?;
        let symbols: Children<SymbolColumns> = children(symbols, rows.len(), &mut misfits)?;
        let edges: Children<EdgeColumns> = children(edges, rows.len(), &mut misfits)?;
        let vectors: Children<VectorColumns> = children(vectors, rows.len(), &mut misfits)?;
        let (nodes, edges) = (number_nodes(nodes), number_edges(edges));
        let batch = Batch::new(Tables::new(units, nodes, symbols, edges, vectors));
        if batch.bytes() > limits::BATCH_BYTES_MAX {
            return Err(too_large("bytes in memory", batch.bytes(), limits::BATCH_BYTES_MAX));
        }
        let mut refusals = misfits.refusals(&batch);
        let known: HashSet<usize> = refusals.iter().map(|(position, _)| *position).collect();
        let broken = batch.refusals().into_iter();
        refusals.extend(broken.filter(|(position, _)| !known.contains(position)));
        refusals.sort_by_key(|(position, _)| *position);
        Ok(Self::without(batch, refusals))
    }

    fn without(batch: Batch, refusals: Vec<(usize, Refusal)>) -> Self {
        let mut refused = refusals.iter().map(|(position, _)| *position).peekable();
        let good: Vec<usize> =
            (0..batch.len()).filter(|position| refused.next_if_eq(position).is_none()).collect();
        Self { batch: batch.take(&good), refusals, whole: batch }
    }
}

/// Values that did not fit their columns, each with the row of its unit.
#[derive(Default)]
struct Misfits(Vec<(usize, Option<Place>, String)>);

impl Misfits {
    fn add(&mut self, list: Option<&'static str>, faults: Vec<Fault>) {
        self.0.extend(faults.into_iter().map(|Fault { unit, position, what }| {
            (unit, list.map(|list| Place { list, position }), what)
        }));
    }

    /// The first of each unit.
    fn refusals(mut self, batch: &Batch) -> Vec<(usize, Refusal)> {
        self.0.sort_by_key(|(row, _, _)| *row);
        self.0.dedup_by_key(|(row, _, _)| *row);
        let refusal =
            |(row, place, rule)| (row, Refusal { unit: batch.unit(row).name(), place, rule });
        self.0.into_iter().map(refusal).collect()
    }
}

fn too_large(what: &str, found: usize, max: usize) -> RecordError {
    RecordError::TooLarge(format!("the batch has {found} {what}, more than {max}"))
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
    let (mut lists, mut seen): (Lists, _) = ([const { None }; 4], [false; 4]);
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (field, array) in record.schema().fields().iter().zip(record.columns()) {
        match LISTS.iter().position(|list| list == field.name()) {
            Some(list) => {
                let column =
                    |what| RecordError::Columns(format!("column `{}` {what}", LISTS[list]));
                if std::mem::replace(&mut seen[list], true) {
                    return Err(column("is given twice".to_owned()));
                }
                lists[list] = child_rows(array).map_err(|mismatch| column(mismatch.to_string()))?;
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
    let Some(ChildRows { ranges, columns }) = rows else {
        return Ok(Children { offsets: vec![0; units + 1].into(), columns: T::none() });
    };
    if columns.len() > limits::BATCH_ROWS_MAX {
        return Err(too_large(T::NAME, columns.len(), limits::BATCH_ROWS_MAX));
    }
    let mut faults = Faults::new(&ranges);
    if let Some(nulls) = columns.nulls() {
        faults.turn_to("row");
        let null = (0..nulls.len()).filter(|&row| nulls.is_null(row));
        null.for_each(|row| faults.add(row, || "is null".into()));
    }
    let columns = T::from_struct(&columns, &mut faults)?;
    misfits.add(Some(T::NAME), faults.into_found());
    if ranges.windows(2).all(|pair| pair[0].end == pair[1].start) {
        let start = ranges.first().map_or(0, |range| range.start as i32);
        let ends = ranges.iter().map(|range| range.end as i32);
        return Ok(Children { offsets: std::iter::once(start).chain(ends).collect(), columns });
    }
    let columns =
        columns.gather(&ranges).map_err(|full| RecordError::TooLarge(full.to_string()))?;
    let mut end = 0;
    let ends = ranges.iter().map(|range| {
        end += range.len() as i32;
        end
    });
    Ok(Children { offsets: std::iter::once(0).chain(ends).collect(), columns })
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

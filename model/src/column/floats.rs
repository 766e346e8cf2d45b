//! Vectors of 32-bit floats, each of its own length.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, Float32Array, ListArray, cast::AsArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};

use super::faults::Faults;
use super::intake::{Mismatch, list_parts};
use super::{Absent, BatchFull, Column, ColumnBuilder};

/// A column of vectors. None is null.
#[derive(Debug, Clone)]
pub struct FloatColumn {
    offsets: OffsetBuffer<i32>,
    values: ScalarBuffer<f32>,
}

/// A column of vectors, read.
#[derive(Debug, Clone, Copy)]
pub struct Floats<'a> {
    offsets: &'a [i32],
    values: &'a [f32],
}

impl<'a> Floats<'a> {
    /// The vector of a row.
    pub fn at(&self, row: usize) -> &'a [f32] {
        &self.values[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, false))
}

impl Column for FloatColumn {
    type View<'a> = Floats<'a>;
    type Builder = FloatsBuilder;
    type Default = &'static [f32];

    fn data_type() -> DataType {
        DataType::List(item())
    }

    fn view(&self) -> Floats<'_> {
        Floats { offsets: &self.offsets, values: &self.values }
    }

    fn to_array(&self, rows: Range<usize>) -> ArrayRef {
        let values = Arc::new(Float32Array::new(self.values.clone(), None));
        let offsets = self.offsets.slice(rows.start, rows.len());
        Arc::new(ListArray::new(item(), offsets, values, None))
    }

    fn from_array(
        _: &'static str,
        array: &dyn Array,
        absent: Absent<&'static [f32]>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch> {
        if let Some(same) = array.as_list_opt::<i32>().filter(|list| list.null_count() == 0)
            && let Some(numbers) = same.values().as_primitive_opt::<Float32Type>()
            && numbers.null_count() == 0
        {
            let (offsets, values) = (same.offsets().clone(), numbers.values().clone());
            return Ok(Self { offsets, values });
        }
        let (ranges, values) = list_parts(array)?;
        let number: Box<dyn Fn(usize) -> f32> = match values.data_type() {
            DataType::Float32 => {
                Box::new(|index| values.as_primitive::<Float32Type>().value(index))
            }
            DataType::Float64 => {
                Box::new(|index| values.as_primitive::<Float64Type>().value(index) as f32)
            }
            _ => return Err(Mismatch::new("list<float32>", array)),
        };
        let mut builder = FloatsBuilder::default();
        let mut vector = Vec::new();
        for (row, range) in ranges.enumerate() {
            vector.clear();
            match (range, absent) {
                (Some(range), _) => {
                    if range.clone().any(|index| values.is_null(index)) {
                        faults.add(row, || "has a null".into());
                    } else {
                        vector.extend(range.map(&number));
                    }
                }
                (None, Absent::Is(default)) => vector.extend_from_slice(default),
                (None, Absent::Null) => {}
                (None, Absent::Refused) => faults.add(row, || "is null".into()),
            }
            builder.push(Some(&vector));
        }
        Ok(builder.finish())
    }

    fn repeat(_: &'static str, value: Option<&'static [f32]>, len: usize) -> Self {
        let mut builder = FloatsBuilder::default();
        (0..len).for_each(|_| builder.push(value));
        builder.finish()
    }

    fn bytes(&self, rows: Range<usize>) -> usize {
        let numbers = self.offsets[rows.end] - self.offsets[rows.start];
        numbers as usize * size_of::<f32>() + rows.len() * size_of::<i32>()
    }
}

/// Fills a column of vectors.
#[derive(Debug)]
pub struct FloatsBuilder {
    offsets: Vec<i32>,
    values: Vec<f32>,
}

impl Default for FloatsBuilder {
    fn default() -> Self {
        Self { offsets: vec![0], values: Vec::new() }
    }
}

impl ColumnBuilder for FloatsBuilder {
    type Column = FloatColumn;
    type Item<'a> = &'a [f32];

    fn new(_: &'static str) -> Self {
        Self::default()
    }

    fn push(&mut self, item: Option<&[f32]>) {
        self.values.extend_from_slice(item.unwrap_or_default());
        self.offsets.push(self.values.len() as i32);
    }

    fn extend(&mut self, column: &FloatColumn, rows: Range<usize>) -> Result<(), BatchFull> {
        let view = column.view();
        rows.for_each(|row| self.push(Some(view.at(row))));
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.values.truncate(self.offsets[len] as usize);
    }

    fn bytes(&self) -> usize {
        self.values.len() * size_of::<f32>() + self.offsets.len() * size_of::<i32>()
    }

    fn finish(&mut self) -> FloatColumn {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        FloatColumn {
            offsets: OffsetBuffer::new(offsets.into()),
            values: std::mem::take(&mut self.values).into(),
        }
    }
}

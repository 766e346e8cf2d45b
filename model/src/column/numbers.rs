//! Integers.

use std::fmt::Debug;
use std::ops::{Deref, Range};
use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_buffer::{ArrowNativeType, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::faults::Faults;
use super::intake::{Mismatch, integers};
use super::validity::{Validity, null_bytes, nulls_in, nulls_of};
use super::{Absent, BatchFull, Column, ColumnBuilder};

/// An integer type of the model.
pub trait Number: ArrowNativeType + Default + TryFrom<i128> {
    /// The arrow type of an array of these.
    type Arrow: ArrowPrimitiveType<Native = Self>;
}

impl Number for u8 {
    type Arrow = UInt8Type;
}
impl Number for u16 {
    type Arrow = UInt16Type;
}
impl Number for u32 {
    type Arrow = UInt32Type;
}
impl Number for u64 {
    type Arrow = UInt64Type;
}

/// A column of integers.
#[derive(Debug, Clone)]
pub struct NumberColumn<T: Number> {
    values: ScalarBuffer<T>,
    nulls: Option<NullBuffer>,
}

/// A column of integers, read: a slice, in which the value of a null is arbitrary.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a, T> {
    values: &'a [T],
    nulls: Option<&'a NullBuffer>,
}

impl<T: Copy> Numbers<'_, T> {
    /// The value, unless it is null.
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

impl<'a, T> Numbers<'a, T> {
    /// The values of these rows, unless one is null.
    pub(crate) fn all(&self, rows: Range<usize>) -> Option<&'a [T]> {
        match nulls_in(self.nulls, rows.clone()) {
            None => Some(&self.values[rows]),
            Some(_) => None,
        }
    }
}

impl<T> Deref for Numbers<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.values
    }
}

impl<T: Number> NumberColumn<T> {
    const TYPE: DataType = T::Arrow::DATA_TYPE;

    /// A column of these numbers, none of which is null.
    pub(crate) fn of(values: Vec<T>) -> Self {
        Self { values: values.into(), nulls: None }
    }
}

impl<T: Number> Column for NumberColumn<T> {
    type View<'a> = Numbers<'a, T>;
    type Builder = NumbersBuilder<T>;
    type Default = T;

    fn data_type() -> DataType {
        Self::TYPE
    }

    fn view(&self) -> Numbers<'_, T> {
        Numbers { values: &self.values, nulls: self.nulls.as_ref() }
    }

    fn to_array(&self, rows: Range<usize>) -> ArrayRef {
        let nulls = nulls_of(self.nulls.as_ref(), rows.clone());
        let values = self.values.slice(rows.start, rows.len());
        Arc::new(PrimitiveArray::<T::Arrow>::new(values, nulls))
    }

    fn from_array(
        _: &'static str,
        array: &dyn Array,
        absent: Absent<T>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch> {
        if let Some(same) = array.as_any().downcast_ref::<PrimitiveArray<T::Arrow>>()
            && (same.null_count() == 0 || matches!(absent, Absent::Null))
        {
            return Ok(Self { values: same.values().clone(), nulls: same.nulls().cloned() });
        }
        let mut builder = NumbersBuilder::default();
        integers(array, |row, value| {
            let item = match (value, absent) {
                (Some(wide), _) => T::try_from(wide).ok().or_else(|| {
                    faults.add(row, || format!("is {wide}, which does not fit {}", Self::TYPE));
                    Some(T::default())
                }),
                (None, Absent::Null) => None,
                (None, Absent::Is(default)) => Some(default),
                (None, Absent::Refused) => {
                    faults.add(row, || "is null".into());
                    Some(T::default())
                }
            };
            builder.push(item);
        })?;
        Ok(builder.finish())
    }

    fn repeat(_: &'static str, value: Option<T>, len: usize) -> Self {
        let nulls = value.is_none().then(|| NullBuffer::new_null(len));
        Self { values: vec![value.unwrap_or_default(); len].into(), nulls }
    }

    fn bytes(&self, rows: Range<usize>) -> usize {
        rows.len() * size_of::<T>() + null_bytes(self.nulls.as_ref(), rows)
    }
}

/// Fills a column of integers. `values` may be changed after it was pushed.
#[derive(Debug)]
pub struct NumbersBuilder<T> {
    /// The values so far.
    pub values: Vec<T>,
    validity: Validity,
}

impl<T> Default for NumbersBuilder<T> {
    fn default() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }
}

impl<T: Number> ColumnBuilder for NumbersBuilder<T> {
    type Column = NumberColumn<T>;
    type Item<'a> = T;

    fn new(_: &'static str) -> Self {
        Self::default()
    }

    #[inline]
    fn push(&mut self, item: Option<T>) {
        self.validity.push(self.values.len(), item.is_some());
        self.values.push(item.unwrap_or_default());
    }

    fn extend(&mut self, column: &NumberColumn<T>, rows: Range<usize>) -> Result<(), BatchFull> {
        self.validity.extend(self.values.len(), column.nulls.as_ref(), rows.clone());
        self.values.extend_from_slice(&column.values[rows]);
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.validity.truncate(len);
    }

    fn bytes(&self) -> usize {
        self.values.len() * size_of::<T>()
    }

    fn finish(&mut self) -> NumberColumn<T> {
        let len = self.values.len();
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(len));
        NumberColumn { values: values.into(), nulls: self.validity.finish(len) }
    }
}

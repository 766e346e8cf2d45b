//! Hashes of a fixed width.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, LargeBinaryArray};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_schema::DataType;

use super::faults::Faults;
use super::intake::Mismatch;
use super::validity::{Validity, null_bytes, nulls_of};
use super::{Absent, BatchFull, Column, ColumnBuilder};

/// A column of hashes of `N` bytes.
#[derive(Debug, Clone)]
pub struct HashColumn<const N: usize> {
    values: Buffer,
    nulls: Option<NullBuffer>,
}

/// A column of hashes, read.
#[derive(Debug, Clone, Copy)]
pub struct Hashes<'a, const N: usize> {
    values: &'a [[u8; N]],
    nulls: Option<&'a NullBuffer>,
}

impl<'a, const N: usize> Hashes<'a, N> {
    /// The hash, unless it is null.
    pub fn get(&self, row: usize) -> Option<&'a [u8; N]> {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(&self.values[row]),
        }
    }
}

impl<const N: usize> HashColumn<N> {
    fn rows(&self) -> &[[u8; N]] {
        self.values.as_chunks().0
    }
}

impl<const N: usize> Column for HashColumn<N> {
    type View<'a> = Hashes<'a, N>;
    type Builder = HashesBuilder<N>;
    type Default = &'static [u8; N];

    fn data_type() -> DataType {
        DataType::FixedSizeBinary(N as i32)
    }

    fn view(&self) -> Hashes<'_, N> {
        Hashes { values: self.rows(), nulls: self.nulls.as_ref() }
    }

    fn to_array(&self, rows: Range<usize>) -> ArrayRef {
        let nulls = nulls_of(self.nulls.as_ref(), rows.clone());
        let values = self.values.slice_with_length(rows.start * N, rows.len() * N);
        Arc::new(FixedSizeBinaryArray::new(N as i32, values, nulls))
    }

    fn from_array(
        _: &'static str,
        array: &dyn Array,
        absent: Absent<&'static [u8; N]>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch> {
        let value = values(array)?;
        let nulls = array.logical_nulls();
        let mut builder = HashesBuilder::default();
        for row in 0..array.len() {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            let item = match (is_null, absent) {
                (false, _) => {
                    let bytes = value(row);
                    bytes.try_into().ok().or_else(|| {
                        faults.add(row, || format!("has {} bytes instead of {N}", bytes.len()));
                        None
                    })
                }
                (true, Absent::Null) => None,
                (true, Absent::Is(default)) => Some(default),
                (true, Absent::Refused) => {
                    faults.add(row, || "is null".into());
                    None
                }
            };
            builder.push(item);
        }
        Ok(builder.finish())
    }

    fn repeat(_: &'static str, value: Option<&'static [u8; N]>, len: usize) -> Self {
        let nulls = value.is_none().then(|| NullBuffer::new_null(len));
        Self { values: value.unwrap_or(&[0; N]).repeat(len).into(), nulls }
    }

    fn bytes(&self, rows: Range<usize>) -> usize {
        rows.len() * N + null_bytes(self.nulls.as_ref(), rows)
    }
}

type Bytes<'a> = Box<dyn Fn(usize) -> &'a [u8] + 'a>;

/// The bytes of each row of a binary array.
fn values<'a>(array: &'a dyn Array) -> Result<Bytes<'a>, Mismatch> {
    let any = array.as_any();
    Ok(if let Some(array) = any.downcast_ref::<FixedSizeBinaryArray>() {
        Box::new(|row| array.value(row))
    } else if let Some(array) = any.downcast_ref::<BinaryArray>() {
        Box::new(|row| array.value(row))
    } else if let Some(array) = any.downcast_ref::<LargeBinaryArray>() {
        Box::new(|row| array.value(row))
    } else if array.data_type() == &DataType::Null {
        Box::new(|_| &[])
    } else {
        return Err(Mismatch::new("binary", array));
    })
}

/// Fills a column of hashes.
#[derive(Debug)]
pub struct HashesBuilder<const N: usize> {
    values: Vec<u8>,
    validity: Validity,
}

impl<const N: usize> Default for HashesBuilder<N> {
    fn default() -> Self {
        Self { values: Vec::new(), validity: Validity::default() }
    }
}

impl<const N: usize> ColumnBuilder for HashesBuilder<N> {
    type Column = HashColumn<N>;
    type Item<'a> = &'a [u8; N];

    fn new(_: &'static str) -> Self {
        Self::default()
    }

    fn push(&mut self, item: Option<&[u8; N]>) {
        self.validity.push(self.values.len() / N, item.is_some());
        self.values.extend_from_slice(item.unwrap_or(&[0; N]));
    }

    fn extend(&mut self, column: &HashColumn<N>, rows: Range<usize>) -> Result<(), BatchFull> {
        self.validity.extend(self.values.len() / N, column.nulls.as_ref(), rows.clone());
        self.values.extend_from_slice(column.rows()[rows].as_flattened());
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len * N);
        self.validity.truncate(len);
    }

    fn bytes(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> HashColumn<N> {
        let rows = self.values.len() / N;
        HashColumn {
            values: std::mem::take(&mut self.values).into(),
            nulls: self.validity.finish(rows),
        }
    }
}

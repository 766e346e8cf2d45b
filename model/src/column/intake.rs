//! Brings arrays of related types to the model's: any integer that fits, any layout of text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StringArray, StructArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

/// An array of a type that cannot be brought to the column's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    expected: &'static str,
    found: String,
}

impl Mismatch {
    pub(crate) fn new(expected: &'static str, array: &dyn Array) -> Self {
        Self { expected, found: array.data_type().to_string() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has type {}, expected {}", self.found, self.expected)
    }
}

/// Any integers, row by row, wide enough for all of them.
pub(super) fn integers(
    array: &dyn Array,
    mut each: impl FnMut(usize, Option<i128>),
) -> Result<(), Mismatch> {
    macro_rules! wide {
        ($type:ty) => {
            for (row, value) in array.as_primitive::<$type>().iter().enumerate() {
                each(row, value.map(i128::from));
            }
        };
    }
    match array.data_type() {
        DataType::UInt8 => wide!(UInt8Type),
        DataType::UInt16 => wide!(UInt16Type),
        DataType::UInt32 => wide!(UInt32Type),
        DataType::UInt64 => wide!(UInt64Type),
        DataType::Int8 => wide!(Int8Type),
        DataType::Int16 => wide!(Int16Type),
        DataType::Int32 => wide!(Int32Type),
        DataType::Int64 => wide!(Int64Type),
        DataType::Null => (0..array.len()).for_each(|row| each(row, None)),
        _ => return Err(Mismatch::new("an integer", array)),
    }
    Ok(())
}

/// Any layout of text, row by row.
pub(crate) fn strings(
    array: &dyn Array,
    each: &mut dyn FnMut(usize, Option<&str>),
) -> Result<(), Mismatch> {
    match array.data_type() {
        DataType::Utf8 => {
            array.as_string::<i32>().iter().enumerate().for_each(|(row, text)| each(row, text));
        }
        DataType::LargeUtf8 => {
            array.as_string::<i64>().iter().enumerate().for_each(|(row, text)| each(row, text));
        }
        DataType::Utf8View => {
            array.as_string_view().iter().enumerate().for_each(|(row, text)| each(row, text));
        }
        DataType::Null => (0..array.len()).for_each(|row| each(row, None)),
        DataType::Dictionary(_, _) => {
            let Keys { keys, nulls, values } = Keys::of(array)?;
            let mut words = Vec::with_capacity(values.len());
            strings(&values, &mut |_, word| words.push(word.map(str::to_owned)))?;
            for row in 0..keys.len() {
                let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                each(row, if valid { words[keys.key(row)].as_deref() } else { None });
            }
        }
        _ => return Err(Mismatch::new("text", array)),
    }
    Ok(())
}

/// A dictionary array, taken apart.
pub(super) struct Keys {
    /// A key a row, below the number of values; of a null, any number.
    pub(super) keys: RowKeys,
    pub(super) nulls: Option<NullBuffer>,
    pub(super) values: ArrayRef,
}

pub(super) enum RowKeys {
    /// As arrow has them: those of the model, which are not copied.
    Short(ScalarBuffer<u16>),
    Any(Vec<usize>),
}

impl Keys {
    pub(super) fn of(array: &dyn Array) -> Result<Self, Mismatch> {
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            return Err(Mismatch::new("a dictionary", array));
        };
        let values = dictionary.values().clone();
        if values.is_empty() {
            // All rows are null, so one null stands for every value.
            let values: ArrayRef = Arc::new(StringArray::new_null(1));
            let nulls = Some(NullBuffer::new_null(array.len()));
            return Ok(Self { keys: RowKeys::Any(vec![0; array.len()]), nulls, values });
        }
        let nulls = dictionary.keys().nulls().cloned();
        let keys = match array.as_dictionary_opt::<UInt16Type>() {
            Some(short) => RowKeys::Short(short.keys().values().clone()),
            _ => RowKeys::Any(dictionary.normalized_keys()),
        };
        Ok(Self { keys, nulls, values })
    }
}

impl RowKeys {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(keys) => keys.len(),
            Self::Any(keys) => keys.len(),
        }
    }

    pub(super) fn key(&self, row: usize) -> usize {
        match self {
            Self::Short(keys) => keys[row].into(),
            Self::Any(keys) => keys[row],
        }
    }

    /// What a table has for each key; of a null, any key.
    pub(super) fn translated(&self, table: &[u16], no_nulls: bool) -> ScalarBuffer<u16> {
        let is_same = || table.iter().enumerate().all(|(key, to)| key == usize::from(*to));
        match self {
            Self::Short(keys) if no_nulls && is_same() => keys.clone(),
            Self::Short(keys) => {
                let key = |&key| table.get(usize::from(key)).copied().unwrap_or_default();
                keys.iter().map(key).collect()
            }
            Self::Any(keys) => keys.iter().map(|&key| table[key]).collect(),
        }
    }
}

type Ranges<'a> = Box<dyn Iterator<Item = Option<Range<usize>>> + 'a>;

/// The rows of a list's child that belong to each of its rows, and the child.
pub(super) fn list_parts(array: &dyn Array) -> Result<(Ranges<'_>, ArrayRef), Mismatch> {
    let nulls = array.logical_nulls();
    let valid = move |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let range = |pair: &[i64]| pair[0] as usize..pair[1] as usize;
    Ok(match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let ranges = list.value_offsets().windows(2).enumerate();
            let ranges = ranges.map(move |(row, pair)| {
                valid(row).then(|| range(&[pair[0].into(), pair[1].into()]))
            });
            (Box::new(ranges), list.values().clone())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let ranges = list.value_offsets().windows(2).enumerate();
            (
                Box::new(ranges.map(move |(row, pair)| valid(row).then(|| range(pair)))),
                list.values().clone(),
            )
        }
        DataType::FixedSizeList(_, width) => {
            let width = *width as usize;
            let ranges =
                (0..array.len()).map(move |row| valid(row).then(|| row * width..(row + 1) * width));
            (Box::new(ranges), array.as_fixed_size_list().values().clone())
        }
        _ => return Err(Mismatch::new("a list", array)),
    })
}

/// The rows of a list of structs.
pub(crate) struct ChildRows {
    /// The children of each row, ascending. Rows of children between two ranges are those that a
    /// null list hides: they belong to nobody.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The children's columns by name.
    pub(crate) columns: StructArray,
}

/// Takes a column of lists of structs apart; nothing where all lists are empty for want of a type.
pub(crate) fn child_rows(array: &dyn Array) -> Result<Option<ChildRows>, Mismatch> {
    if array.data_type() == &DataType::Null {
        return Ok(None);
    }
    let mismatch = || Mismatch::new("a list of structs", array);
    let (ranges, values) = list_parts(array).map_err(|_| mismatch())?;
    // What pyarrow makes of `"nodes": []`.
    if values.data_type() == &DataType::Null && values.is_empty() {
        return Ok(None);
    }
    let columns = values.as_struct_opt().ok_or_else(mismatch)?.clone();
    let mut end = 0;
    let rows = ranges.enumerate().map(|(row, range)| {
        let range = range.unwrap_or(if row == 0 { 0..0 } else { end..end });
        end = range.end;
        range
    });
    let ranges = rows.collect();
    Ok(Some(ChildRows { ranges, columns }))
}

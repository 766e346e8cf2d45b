//! Brings arrays of related types to the model's: any integer that fits, any layout of text.

use std::fmt;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::DataType;

/// A value that a column cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its row in the array.
    pub row: usize,
    /// What is wrong with it, to be read after the column's name.
    pub what: String,
}

impl Fault {
    pub(super) fn new(row: usize, what: impl Into<String>) -> Self {
        Self { row, what: what.into() }
    }
}

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

/// Any integers, wide enough for all of them.
pub(super) fn integers<'a>(
    array: &'a dyn Array,
) -> Result<Box<dyn Iterator<Item = Option<i128>> + 'a>, Mismatch> {
    macro_rules! wide {
        ($type:ty) => {
            Box::new(array.as_primitive::<$type>().iter().map(|value| value.map(i128::from)))
        };
    }
    Ok(match array.data_type() {
        DataType::UInt8 => wide!(UInt8Type),
        DataType::UInt16 => wide!(UInt16Type),
        DataType::UInt32 => wide!(UInt32Type),
        DataType::UInt64 => wide!(UInt64Type),
        DataType::Int8 => wide!(Int8Type),
        DataType::Int16 => wide!(Int16Type),
        DataType::Int32 => wide!(Int32Type),
        DataType::Int64 => wide!(Int64Type),
        DataType::Null => Box::new(std::iter::repeat_n(None, array.len())),
        _ => return Err(Mismatch::new("an integer", array)),
    })
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
            let (keys, values) = dictionary_parts(array)?;
            let mut words = Vec::with_capacity(values.len());
            strings(&values, &mut |_, word| words.push(word.map(str::to_owned)))?;
            for (row, key) in keys.enumerate() {
                each(row, key.and_then(|key| words.get(key)?.as_deref()));
            }
        }
        _ => return Err(Mismatch::new("text", array)),
    }
    Ok(())
}

type Keys<'a> = Box<dyn Iterator<Item = Option<usize>> + 'a>;

/// The keys of a dictionary array, and its values.
pub(super) fn dictionary_parts(array: &dyn Array) -> Result<(Keys<'_>, ArrayRef), Mismatch> {
    fn parts<K: ArrowDictionaryKeyType>(array: &dyn Array) -> (Keys<'_>, ArrayRef)
    where
        K::Native: TryInto<usize>,
    {
        let array = array.as_dictionary::<K>();
        let keys = array.keys().iter().map(|key| key.and_then(|key| key.try_into().ok()));
        (Box::new(keys), array.values().clone())
    }
    let DataType::Dictionary(key, _) = array.data_type() else {
        return Err(Mismatch::new("a dictionary", array));
    };
    Ok(match key.as_ref() {
        DataType::UInt8 => parts::<UInt8Type>(array),
        DataType::UInt16 => parts::<UInt16Type>(array),
        DataType::UInt32 => parts::<UInt32Type>(array),
        DataType::UInt64 => parts::<UInt64Type>(array),
        DataType::Int8 => parts::<Int8Type>(array),
        DataType::Int16 => parts::<Int16Type>(array),
        DataType::Int32 => parts::<Int32Type>(array),
        DataType::Int64 => parts::<Int64Type>(array),
        _ => return Err(Mismatch::new("a dictionary with integer keys", array)),
    })
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

/// The rows of a list of structs: where each row's children begin and end, and the children's
/// columns by name. A null list is empty; a struct that is null is a fault.
pub(crate) struct ChildRows {
    /// One more than rows; ascending.
    pub(crate) offsets: Vec<i32>,
    pub(crate) columns: StructArray,
    pub(crate) faults: Vec<Fault>,
}

/// Takes a column of lists of structs apart.
pub(crate) fn child_rows(array: &dyn Array) -> Result<ChildRows, Mismatch> {
    let mismatch = || Mismatch::new("a list of structs", array);
    let (ranges, values) = list_parts(array).map_err(|_| mismatch())?;
    let columns = values.as_struct_opt().ok_or_else(mismatch)?.clone();
    let mut offsets: Vec<i32> = Vec::with_capacity(array.len() + 1);
    for range in ranges {
        // A null list may hide children between its neighbours': they belong to nobody.
        let end = offsets.last().copied().unwrap_or(0);
        let (start, next) =
            range.map_or((end, end), |range| (range.start as i32, range.end as i32));
        match offsets.last() {
            None => offsets.push(start),
            Some(&end) if end != start => return Err(mismatch()),
            Some(_) => {}
        }
        offsets.push(next);
    }
    if offsets.is_empty() {
        offsets.push(0);
    }
    let nulls = columns.nulls().into_iter().flat_map(|nulls| {
        (0..nulls.len()).filter(|&row| nulls.is_null(row)).map(|row| Fault::new(row, "is null"))
    });
    let faults = nulls.collect();
    Ok(ChildRows { offsets, columns, faults })
}

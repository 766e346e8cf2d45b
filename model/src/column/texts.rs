//! Text that is mostly distinct.

use std::ops::{Index, Range};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer};
use arrow_schema::DataType;

use super::faults::Faults;
use super::intake::{Mismatch, strings};
use super::validity::{Validity, null_bytes, nulls_of};
use super::{Absent, BatchFull, Column, ColumnBuilder};
use crate::limits;

/// A column of text.
#[derive(Debug, Clone)]
pub struct TextColumn {
    array: StringArray,
}

/// A column of text, read.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    array: &'a StringArray,
}

impl<'a> Texts<'a> {
    /// The text, unless it is null.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self.array.nulls() {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.array.value(row)),
        }
    }

    /// Whether any of these rows has a text.
    pub fn any(&self, rows: Range<usize>) -> bool {
        match self.array.nulls() {
            None => !rows.is_empty(),
            Some(nulls) => nulls.slice(rows.start, rows.len()).null_count() < rows.len(),
        }
    }

    /// Whether these rows are free of U+0000 and none is longer than `max` bytes; false also where
    /// a null hides such a text.
    pub(crate) fn fit(&self, rows: Range<usize>, max: usize) -> bool {
        let offsets = &self.array.value_offsets()[rows.start..=rows.end];
        let bytes = offsets[0] as usize..offsets[rows.len()] as usize;
        !self.array.value_data()[bytes].contains(&0)
            && (max == usize::MAX || offsets.windows(2).all(|o| (o[1] - o[0]) as usize <= max))
    }

    /// The text; of a null, the empty one.
    pub fn at(&self, row: usize) -> &'a str {
        self.array.value(row)
    }
}

impl Index<usize> for Texts<'_> {
    type Output = str;

    fn index(&self, row: usize) -> &str {
        self.array.value(row)
    }
}

impl Column for TextColumn {
    type View<'a> = Texts<'a>;
    type Builder = TextsBuilder;
    type Default = &'static str;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn view(&self) -> Texts<'_> {
        Texts { array: &self.array }
    }

    fn to_array(&self, rows: Range<usize>) -> ArrayRef {
        let nulls = nulls_of(self.array.nulls(), rows.clone());
        let (offsets, values, _) = self.array.slice(rows.start, rows.len()).into_parts();
        Arc::new(StringArray::new(offsets, values, nulls))
    }

    fn from_array(
        _: &'static str,
        array: &dyn Array,
        absent: Absent<&'static str>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch> {
        if let Some(same) = array.as_any().downcast_ref::<StringArray>()
            && (same.null_count() == 0 || matches!(absent, Absent::Null))
        {
            return Ok(Self { array: same.clone() });
        }
        let mut builder = TextsBuilder::default();
        strings(array, &mut |row, text| {
            let item = match (text, absent) {
                // Dictionaries and views can say the same long text in every row.
                (Some(text), _) if builder.pool.len() + text.len() > limits::BATCH_BYTES_MAX => {
                    faults.add(row, || BatchFull::Bytes.to_string());
                    Some("")
                }
                (Some(text), _) => Some(text),
                (None, Absent::Null) => None,
                (None, Absent::Is(default)) => Some(default),
                (None, Absent::Refused) => {
                    faults.add(row, || "is null".into());
                    Some("")
                }
            };
            builder.push(item);
        })?;
        Ok(builder.finish())
    }

    fn repeat(_: &'static str, value: Option<&'static str>, len: usize) -> Self {
        match value {
            Some(value) => Self { array: StringArray::from(vec![value; len]) },
            None => Self { array: StringArray::new_null(len) },
        }
    }

    fn bytes(&self, rows: Range<usize>) -> usize {
        let offsets = self.array.value_offsets();
        let text = (offsets[rows.end] - offsets[rows.start]) as usize;
        text + rows.len() * size_of::<i32>() + null_bytes(self.array.nulls(), rows)
    }
}

/// Fills a column of text: one pool of bytes, one vector of ends.
#[derive(Debug)]
pub struct TextsBuilder {
    pool: String,
    offsets: Vec<i32>,
    validity: Validity,
}

impl Default for TextsBuilder {
    fn default() -> Self {
        Self { pool: String::new(), offsets: vec![0], validity: Validity::default() }
    }
}

impl ColumnBuilder for TextsBuilder {
    type Column = TextColumn;
    type Item<'a> = &'a str;

    fn new(_: &'static str) -> Self {
        Self::default()
    }

    #[inline]
    fn push(&mut self, item: Option<&str>) {
        if let Some(text) = item {
            self.pool.push_str(text);
        }
        self.validity.push(self.offsets.len() - 1, item.is_some());
        self.offsets.push(self.pool.len() as i32);
    }

    fn extend(&mut self, column: &TextColumn, rows: Range<usize>) -> Result<(), BatchFull> {
        let array = &column.array;
        let offsets = &array.value_offsets()[rows.start..=rows.end];
        let (start, end) = (offsets[0], offsets[rows.len()]);
        // A StringArray holds UTF-8 whose offsets lie on character boundaries.
        let text = std::str::from_utf8(&array.value_data()[start as usize..end as usize]);
        let base = self.pool.len() as i32 - start;
        self.pool.push_str(text.unwrap_or_default());
        self.validity.extend(self.offsets.len() - 1, array.nulls(), rows);
        self.offsets.extend(offsets[1..].iter().map(|end| end + base));
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.pool.truncate(self.offsets[len] as usize);
        self.validity.truncate(len);
    }

    fn bytes(&self) -> usize {
        self.pool.len() + self.offsets.len() * size_of::<i32>()
    }

    fn finish(&mut self) -> TextColumn {
        let pool = String::with_capacity(self.pool.len());
        let pool = std::mem::replace(&mut self.pool, pool);
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        let offsets = std::mem::replace(&mut self.offsets, offsets);
        let offsets = OffsetBuffer::new(offsets.into());
        let nulls = self.validity.finish(offsets.len() - 1);
        let array = StringArray::new(offsets, Buffer::from(pool.into_bytes()), nulls);
        TextColumn { array }
    }
}

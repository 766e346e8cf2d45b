//! Which rows of a column are not null.

use std::ops::Range;

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// The validity of some rows of a column.
pub(super) fn nulls_in(nulls: Option<&NullBuffer>, rows: Range<usize>) -> Option<NullBuffer> {
    nulls.map(|nulls| nulls.slice(rows.start, rows.len())).filter(|nulls| nulls.null_count() > 0)
}

/// The same in a buffer of its own, unless it is of all rows: no bit is of a row outside, so that
/// a slice is encoded to the bytes of a batch built alone.
pub(super) fn nulls_of(nulls: Option<&NullBuffer>, rows: Range<usize>) -> Option<NullBuffer> {
    let part = nulls_in(nulls, rows)?;
    if nulls.is_some_and(|nulls| nulls.len() == part.len()) {
        return Some(part);
    }
    let mut bytes = part.inner().sliced().to_vec();
    bytes.truncate(part.len().div_ceil(8));
    if let Some(last) = bytes.last_mut()
        && !part.len().is_multiple_of(8)
    {
        *last &= (1 << (part.len() % 8)) - 1;
    }
    Some(NullBuffer::new(BooleanBuffer::new(bytes.into(), 0, part.len())))
}

/// The bytes that the validity of these rows takes: nothing where none is null.
pub(super) fn null_bytes(nulls: Option<&NullBuffer>, rows: Range<usize>) -> usize {
    let bytes = rows.len().div_ceil(8);
    let has_null = match nulls {
        // How many are null in all rows is known; of a slice it has to be counted.
        Some(nulls) if nulls.len() == rows.len() => nulls.null_count() > 0,
        nulls => nulls_in(nulls, rows).is_some(),
    };
    if has_null { bytes } else { 0 }
}

/// Gathers the validity of a column, a bit a row; how many rows there are, its column knows.
///
/// Most columns are valid or null in every row: no bit is written before a row differs from the
/// first. Arrow's own builder looks at its capacity at every bit; this one, once in 64 rows.
#[derive(Debug)]
pub(super) struct Validity {
    rows: Rows,
    /// The words that are full, of mixed rows.
    words: Vec<u64>,
    /// The bits of the rows after them; those of rows to come are clear.
    current: u64,
}

/// What the rows so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Null,
    Valid,
    Mixed,
}

impl Default for Validity {
    fn default() -> Self {
        Self { rows: Rows::Valid, words: Vec::new(), current: 0 }
    }
}

impl Validity {
    /// The validity of this row, the next one.
    #[inline]
    pub(super) fn push(&mut self, row: usize, valid: bool) {
        let alike = if valid { Rows::Valid } else { Rows::Null };
        if self.rows == alike {
            return;
        }
        if self.rows != Rows::Mixed {
            if row == 0 {
                self.rows = alike;
                return;
            }
            self.mix(row);
        }
        self.current |= u64::from(valid) << (row % 64);
        if row % 64 == 63 {
            self.words.push(self.current);
            self.current = 0;
        }
    }

    /// Writes the bits of the rows so far, if there are none yet.
    #[cold]
    fn mix(&mut self, rows: usize) {
        let bits = match self.rows {
            Rows::Mixed => return,
            Rows::Null => 0,
            Rows::Valid => u64::MAX,
        };
        self.rows = Rows::Mixed;
        self.words.clear();
        self.words.resize(rows / 64, bits);
        self.current = bits & ((1 << (rows % 64)) - 1);
    }

    /// The lowest bits of a word, in which the others are clear, from this row on.
    fn append(&mut self, row: usize, word: u64, bits: usize) {
        let used = row % 64;
        self.current |= word << used;
        if used + bits >= 64 {
            self.words.push(self.current);
            self.current = word.checked_shr(64 - used as u32).unwrap_or(0);
        }
    }

    /// The validity of rows of another column, from this row on.
    pub(super) fn extend(&mut self, row: usize, nulls: Option<&NullBuffer>, rows: Range<usize>) {
        let (whole, rest) = (rows.len() / 64, rows.len() % 64);
        let nulls = nulls_in(nulls, rows);
        if row == 0 {
            self.rows = Rows::Valid;
        }
        if nulls.is_none() && self.rows == Rows::Valid {
            return;
        }
        self.mix(row);
        let chunks = nulls.as_ref().map(|nulls| nulls.inner().bit_chunks());
        let mut words = chunks.iter().flat_map(|chunks| chunks.iter());
        for word in 0..whole {
            self.append(row + 64 * word, words.next().unwrap_or(u64::MAX), 64);
        }
        let bits = chunks.as_ref().map_or((1 << rest) - 1, |chunks| chunks.remainder_bits());
        self.append(row + 64 * whole, bits, rest);
    }

    /// Takes back all rows from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        if self.rows != Rows::Mixed {
            return;
        }
        if let Some(&word) = self.words.get(len / 64) {
            self.current = word;
        }
        self.words.truncate(len / 64);
        self.current &= (1 << (len % 64)) - 1;
    }

    /// The validity of this many rows, unless none is null; empty again.
    pub(super) fn finish(&mut self, len: usize) -> Option<NullBuffer> {
        let nulls = match self.rows {
            Rows::Valid => return None,
            Rows::Null => NullBuffer::new_null(len),
            Rows::Mixed => {
                let capacity = self.words.len() + 1;
                let mut words = std::mem::replace(&mut self.words, Vec::with_capacity(capacity));
                words.push(self.current);
                NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, len))
            }
        };
        (self.rows, self.current) = (Rows::Valid, 0);
        Some(nulls).filter(|nulls| nulls.null_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(nulls: Option<NullBuffer>, len: usize) -> Vec<bool> {
        (0..len).map(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))).collect()
    }

    /// Rows that are mixed, or all alike.
    fn rows(max: usize) -> impl Strategy<Value = Vec<bool>> {
        let mixed = prop::collection::vec(prop::bool::weighted(0.98), 0..max);
        let alike = (any::<bool>(), 0..max).prop_map(|(valid, len)| vec![valid; len]);
        prop_oneof![mixed, alike]
    }

    proptest! {
        #[test]
        fn validity_is_what_was_pushed_extended_and_truncated(
            first in rows(200),
            cut in prop_oneof![Just(0), 0..200_usize],
            then in rows(200),
            last in rows(70),
        ) {
            let mut validity = Validity::default();
            for _ in 0..2 {
                let mut expected = first.clone();
                first.iter().enumerate().for_each(|(row, &valid)| validity.push(row, valid));
                expected.truncate(cut);
                validity.truncate(expected.len());
                let nulls = NullBuffer::from(then.clone());
                validity.extend(expected.len(), Some(&nulls), then.len() / 3..then.len());
                expected.extend(&then[then.len() / 3..]);
                validity.extend(expected.len(), None, 0..70);
                expected.extend([true; 70]);
                for valid in &last {
                    validity.push(expected.len(), *valid);
                    expected.push(*valid);
                }
                prop_assert_eq!(bits(validity.finish(expected.len()), expected.len()), expected);
            }
        }
    }
}

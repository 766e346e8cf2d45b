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
    nulls_in(nulls, rows).map_or(0, |_| bytes)
}

/// Gathers the validity of a column: a counter until the first null, then a bit a row.
///
/// Arrow's own builder checks its capacity at every bit; this one, once in 64 rows.
#[derive(Debug, Default)]
pub(super) struct Validity {
    len: usize,
    /// Bits of all rows so far; empty while no row is null.
    words: Vec<u64>,
}

impl Validity {
    #[inline]
    pub(super) fn push(&mut self, valid: bool) {
        if self.words.is_empty() {
            if valid {
                self.len += 1;
                return;
            }
            self.materialise();
        }
        let (word, bit) = (self.len / 64, self.len % 64);
        match self.words.get_mut(word) {
            Some(word) => *word |= u64::from(valid) << bit,
            None => self.words.push(u64::from(valid)),
        }
        self.len += 1;
    }

    /// Bits of the rows so far, none of which is null.
    #[cold]
    fn materialise(&mut self) {
        self.words = vec![u64::MAX; self.len / 64];
        if !self.len.is_multiple_of(64) {
            self.words.push((1 << (self.len % 64)) - 1);
        }
    }

    pub(super) fn extend(&mut self, nulls: Option<&NullBuffer>, rows: Range<usize>) {
        match nulls_in(nulls, rows.clone()) {
            Some(nulls) => nulls.iter().for_each(|valid| self.push(valid)),
            None if self.words.is_empty() => self.len += rows.len(),
            None => rows.for_each(|_| self.push(true)),
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.len = len;
        self.words.truncate(len.div_ceil(64));
        // The bits past the end must be clear, for a bit is set by adding it.
        if let Some(last) = self.words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last &= (1 << (len % 64)) - 1;
        }
    }

    /// The validity, unless no row is null; empty again.
    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        let len = std::mem::take(&mut self.len);
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return None;
        }
        let nulls = NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, len));
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

    proptest! {
        #[test]
        fn validity_is_what_was_pushed_extended_and_truncated(
            first in prop::collection::vec(prop::bool::weighted(0.98), 0..200),
            cut in 0..200_usize,
            then in prop::collection::vec(any::<bool>(), 0..200),
        ) {
            let mut expected = first.clone();
            let mut validity = Validity::default();
            first.iter().for_each(|&valid| validity.push(valid));
            validity.truncate(cut);
            expected.truncate(cut);
            let nulls = NullBuffer::from(then.clone());
            validity.extend(Some(&nulls), then.len() / 3..then.len());
            expected.extend(&then[then.len() / 3..]);
            validity.extend(None, 0..70);
            expected.extend([true; 70]);
            prop_assert_eq!(bits(validity.finish(), expected.len()), expected);
        }
    }
}

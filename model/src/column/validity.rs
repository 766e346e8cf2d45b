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

/// Gathers the validity of a column, a bit a row.
///
/// Arrow's own builder looks at its capacity at every bit; this one, once in 64 rows.
#[derive(Debug, Default)]
pub(super) struct Validity {
    len: usize,
    /// The words that are full.
    words: Vec<u64>,
    /// The bits of the rows after them; those of rows to come are clear.
    current: u64,
}

impl Validity {
    #[inline]
    pub(super) fn push(&mut self, valid: bool) {
        self.current |= u64::from(valid) << (self.len % 64);
        self.len += 1;
        if self.len.is_multiple_of(64) {
            self.words.push(self.current);
            self.current = 0;
        }
    }

    /// Appends the lowest bits of a word, in which the others are clear.
    fn append(&mut self, word: u64, bits: usize) {
        let used = self.len % 64;
        self.current |= word << used;
        self.len += bits;
        if used + bits >= 64 {
            self.words.push(self.current);
            self.current = word.checked_shr(64 - used as u32).unwrap_or(0);
        }
    }

    pub(super) fn extend(&mut self, nulls: Option<&NullBuffer>, rows: Range<usize>) {
        let rest = rows.len() % 64;
        let Some(nulls) = nulls_in(nulls, rows.clone()) else {
            (0..rows.len() / 64).for_each(|_| self.append(u64::MAX, 64));
            return self.append((1 << rest) - 1, rest);
        };
        let chunks = nulls.inner().bit_chunks();
        chunks.iter().for_each(|word| self.append(word, 64));
        self.append(chunks.remainder_bits(), rest);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.len = len;
        if let Some(&word) = self.words.get(len / 64) {
            self.current = word;
        }
        self.words.truncate(len / 64);
        self.current &= (1 << (len % 64)) - 1;
    }

    /// The validity, unless no row is null; empty again.
    pub(super) fn finish(&mut self) -> Option<NullBuffer> {
        let len = std::mem::take(&mut self.len);
        let capacity = self.words.len() + 1;
        let mut words = std::mem::replace(&mut self.words, Vec::with_capacity(capacity));
        words.push(std::mem::take(&mut self.current));
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

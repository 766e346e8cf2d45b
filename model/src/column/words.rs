//! Text that repeats: dictionary columns.

use std::ops::{Index, Range};
use std::sync::Arc;

use arrow_array::types::UInt16Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::faults::Faults;
use super::intake::Mismatch;
use super::validity::{Validity, null_bytes, nulls_of};
use super::word_intake::WordIntake;
use super::{Absent, BatchFull, Column, ColumnBuilder};
use crate::dictionary::{Dictionary, Full, Snapshot, WordMap};

/// A column of words.
#[derive(Debug, Clone)]
pub struct WordColumn {
    keys: ScalarBuffer<u16>,
    nulls: Option<NullBuffer>,
    snapshot: Arc<Snapshot>,
}

/// A column of words, read.
///
/// Two columns with the same [`dictionary`](Words::dictionary) agree on every key that both have,
/// so what a sink learned of a key stays true as long as the dictionary is the same.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// A key a row; of a null, an arbitrary one.
    pub keys: &'a [u16],
    nulls: Option<&'a NullBuffer>,
    snapshot: &'a Snapshot,
}

impl<'a> Words<'a> {
    /// The word, unless it is null.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        self.key(row).map(|key| self.word(key))
    }

    /// The word; of a null, an arbitrary one, or none where the dictionary is empty.
    pub fn at(&self, row: usize) -> &'a str {
        if self.is_empty() { "" } else { self.word(self.keys[row]) }
    }

    /// The key, unless it is null.
    #[inline]
    pub fn key(&self, row: usize) -> Option<u16> {
        match self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.keys[row]),
        }
    }

    /// The word of a key.
    ///
    /// # Panics
    /// Where the dictionary has no such key.
    pub fn word(&self, key: u16) -> &'a str {
        self.snapshot.words.value(key as usize)
    }

    /// How many words the dictionary has; keys are below it.
    pub fn len(&self) -> usize {
        self.snapshot.words.len()
    }

    /// Whether the dictionary has no word; then every row is null.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names the dictionary within this process.
    pub fn dictionary(&self) -> u64 {
        self.snapshot.dictionary.id()
    }
}

impl Index<usize> for Words<'_> {
    type Output = str;

    fn index(&self, row: usize) -> &str {
        self.at(row)
    }
}

impl WordColumn {
    /// A column of keys of a dictionary.
    pub(super) fn of(
        keys: ScalarBuffer<u16>,
        nulls: Option<NullBuffer>,
        to: &WordsBuilder,
    ) -> Self {
        Self { keys, nulls, snapshot: to.dictionary.snapshot() }
    }

    /// The rows with a dictionary of their own, for that of the process would outweigh them.
    fn words_in_use(&self, rows: Range<usize>) -> (ScalarBuffer<u16>, StringArray) {
        let view = self.view();
        let mut own: Vec<Option<u16>> = vec![None; view.len()];
        let mut words = Vec::new();
        let keys = rows.map(|row| match view.key(row) {
            None => 0,
            Some(key) => *own[key as usize].get_or_insert_with(|| {
                words.push(view.word(key));
                // There are fewer of them than keys.
                (words.len() - 1) as u16
            }),
        });
        (keys.collect(), StringArray::from_iter_values(words))
    }

    /// The column with this word in these rows.
    pub(crate) fn with_word(&self, rows: &[usize], word: &str) -> Result<Self, BatchFull> {
        let mut builder = WordsBuilder::new(self.snapshot.dictionary.column());
        builder.extend(self, 0..self.keys.len())?;
        let key = builder.key(word)?;
        rows.iter().for_each(|&row| builder.keys[row] = key);
        Ok(builder.finish())
    }
}

impl Column for WordColumn {
    type View<'a> = Words<'a>;
    type Builder = WordsBuilder;
    type Default = &'static str;

    fn data_type() -> DataType {
        DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8))
    }

    fn view(&self) -> Words<'_> {
        Words { keys: &self.keys, nulls: self.nulls.as_ref(), snapshot: &self.snapshot }
    }

    fn to_array(&self, rows: Range<usize>) -> ArrayRef {
        let nulls = nulls_of(self.nulls.as_ref(), rows.clone());
        let (keys, words) = match self.snapshot.words.len() > rows.len() {
            true => self.words_in_use(rows),
            false => (self.keys.slice(rows.start, rows.len()), self.snapshot.words.clone()),
        };
        let keys = PrimitiveArray::<UInt16Type>::new(keys, nulls);
        Arc::new(DictionaryArray::new(keys, Arc::new(words)))
    }

    fn from_array(
        name: &'static str,
        array: &dyn Array,
        absent: Absent<&'static str>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch> {
        WordIntake { builder: WordsBuilder::new(name), absent, faults }.take_in(array)
    }

    fn repeat(name: &'static str, value: Option<&'static str>, len: usize) -> Self {
        let mut builder = WordsBuilder::new(name);
        let key = value.and_then(|word| builder.key(word).ok());
        (0..len).for_each(|_| builder.push(key));
        builder.finish()
    }

    fn bytes(&self, rows: Range<usize>) -> usize {
        rows.len() * size_of::<u16>() + null_bytes(self.nulls.as_ref(), rows)
    }
}

/// Fills a column of words.
#[derive(Debug)]
pub struct WordsBuilder {
    keys: Vec<u16>,
    validity: Validity,
    dictionary: Arc<Dictionary>,
    /// What was asked before, so that a word that repeats takes no lock.
    known: WordMap,
}

impl WordsBuilder {
    /// The key of a word. It holds until this builder's [`dictionary`](Self::dictionary) changes.
    ///
    /// # Errors
    /// [`BatchFull`] where the batch has used up all keys.
    pub fn key(&mut self, word: &str) -> Result<u16, BatchFull> {
        if let Some(&key) = self.known.get(word) {
            return Ok(key);
        }
        let key = match self.dictionary.intern(word) {
            Ok(key) => key,
            Err(Full) => {
                self.move_to(self.dictionary.succeed())?;
                self.dictionary
                    .intern(word)
                    .map_err(|_| BatchFull::Words(self.dictionary.column()))?
            }
        };
        self.known.insert(word.into(), key);
        Ok(key)
    }

    /// Names the dictionary that keys are of.
    pub fn dictionary(&self) -> u64 {
        self.dictionary.id()
    }

    /// The qualified name of the column.
    pub(super) fn column(&self) -> &'static str {
        self.dictionary.column()
    }

    /// The key of a word that the dictionary has.
    pub(super) fn find(&self, word: &str) -> Option<u16> {
        self.dictionary.find(word)
    }

    /// The key of a word in this dictionary and no successor.
    pub(super) fn intern(&self, word: &str) -> Result<u16, Full> {
        self.dictionary.intern(word)
    }

    /// Turns to a new dictionary while there is no row yet.
    pub(super) fn succeed(&mut self) {
        debug_assert!(self.keys.is_empty(), "rows would lose their words");
        self.dictionary = self.dictionary.succeed();
        self.known.clear();
    }

    /// Takes the words in use along to another dictionary.
    fn move_to(&mut self, dictionary: Arc<Dictionary>) -> Result<(), BatchFull> {
        let old = self.dictionary.snapshot();
        let mut moved = vec![None; old.words.len()];
        let to = |&key: &u16| match moved.get(key as usize).copied().flatten() {
            Some(moved) => Ok(moved),
            // Only a null has a key that the dictionary does not know.
            None if key as usize >= moved.len() => Ok(0),
            None => {
                let fresh = dictionary.intern(old.words.value(key as usize))?;
                moved[key as usize] = Some(fresh);
                Ok(fresh)
            }
        };
        let keys: Result<Vec<u16>, Full> = self.keys.iter().map(to).collect();
        self.keys = keys.map_err(|Full| BatchFull::Words(dictionary.column()))?;
        self.known.clear();
        self.dictionary = dictionary;
        Ok(())
    }
}

impl ColumnBuilder for WordsBuilder {
    type Column = WordColumn;
    type Item<'a> = u16;

    fn new(name: &'static str) -> Self {
        Self {
            keys: Vec::new(),
            validity: Validity::default(),
            dictionary: Dictionary::current(name),
            known: WordMap::default(),
        }
    }

    #[inline]
    fn push(&mut self, item: Option<u16>) {
        self.validity.push(self.keys.len(), item.is_some());
        self.keys.push(item.unwrap_or_default());
    }

    fn extend(&mut self, column: &WordColumn, rows: Range<usize>) -> Result<(), BatchFull> {
        if self.keys.is_empty() {
            self.dictionary = column.snapshot.dictionary.clone();
            self.known.clear();
        }
        let keys = &column.keys[rows.clone()];
        if self.dictionary.id() == column.snapshot.dictionary.id() {
            self.validity.extend(self.keys.len(), column.nulls.as_ref(), rows);
            self.keys.extend_from_slice(keys);
        } else {
            let view = column.view();
            for row in rows {
                let key = view.get(row).map(|word| self.key(word)).transpose()?;
                self.push(key);
            }
        }
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.keys.truncate(len);
        self.validity.truncate(len);
    }

    fn bytes(&self) -> usize {
        self.keys.len() * size_of::<u16>()
    }

    fn finish(&mut self) -> WordColumn {
        let len = self.keys.len();
        let keys = std::mem::replace(&mut self.keys, Vec::with_capacity(len));
        let column = WordColumn {
            keys: keys.into(),
            nulls: self.validity.finish(len),
            snapshot: self.dictionary.snapshot(),
        };
        let current = Dictionary::current(self.dictionary.column());
        if current.id() != self.dictionary.id() {
            self.dictionary = current;
            self.known.clear();
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &'static str, words: impl IntoIterator<Item = String>) -> WordColumn {
        let mut builder = WordsBuilder::new(name);
        for word in words {
            let key = builder.key(&word).expect("keys are left");
            builder.push(Some(key));
        }
        builder.finish()
    }

    #[test]
    fn words_survive_the_dictionary_that_ends_in_the_middle_of_a_batch() {
        let name = "test.words.rebase";
        let dictionary = Dictionary::current(name);
        let mut builder = WordsBuilder::new(name);
        let first = builder.key("first").expect("a key");
        builder.push(Some(first));
        for word in 0..=u16::MAX {
            dictionary.intern(&format!("foreign {word}")).ok();
        }
        let second = builder.key("second").expect("a key in the successor");
        builder.push(Some(second));
        let column = builder.finish();
        let words = column.view();
        assert_eq!((words.at(0), words.at(1), words.len()), ("first", "second", 2));
    }

    #[test]
    fn a_batch_with_too_many_words_is_refused_by_the_column_s_name() {
        let mut builder = WordsBuilder::new("test.words.hostile");
        let mut error = None;
        for word in 0..=u16::MAX as u32 + 1 {
            match builder.key(&word.to_string()) {
                Ok(key) => builder.push(Some(key)),
                Err(full) => error = Some(full),
            }
        }
        assert_eq!(error, Some(BatchFull::Words("test.words.hostile")));
    }

    #[test]
    fn columns_of_two_dictionaries_are_joined_by_their_words() {
        let old = column("test.words.join", ["a".into(), "b".into()]);
        Dictionary::current("test.words.join").succeed();
        let new = column("test.words.join", ["b".into(), "c".into()]);
        assert_ne!(old.view().dictionary(), new.view().dictionary());
        let mut joined = WordsBuilder::new("test.words.join");
        joined.extend(&old, 0..2).expect("fits");
        joined.extend(&new, 0..2).expect("fits");
        let joined = joined.finish();
        let words: Vec<_> = (0..4).map(|row| joined.view().at(row)).collect();
        assert_eq!(words, ["a", "b", "b", "c"]);
    }
}

//! Brings words from outside to the process's dictionary.

use arrow_array::Array;
use arrow_schema::DataType;

use super::faults::Faults;
use super::intake::{Keys, Mismatch, strings};
use super::words::{WordColumn, WordsBuilder};
use super::{Absent, BatchFull, ColumnBuilder};
use crate::dictionary::Full;

pub(super) struct WordIntake<'a, 'u> {
    pub(super) builder: WordsBuilder,
    pub(super) absent: Absent<&'static str>,
    pub(super) faults: &'a mut Faults<'u>,
}

/// What the values of a foreign dictionary are in ours.
struct Translation {
    /// A key a value; `None` where the value is null, is of no row, or found no free key.
    keys: Vec<Option<u16>>,
    /// The key of the default word, if the column has one.
    default: Option<u16>,
    /// Whether every word found a key.
    complete: bool,
}

impl WordIntake<'_, '_> {
    pub(super) fn take_in(mut self, array: &dyn Array) -> Result<WordColumn, Mismatch> {
        match array.data_type() {
            DataType::Dictionary(_, _) => self.dictionary(array),
            _ => self.plain(array).map(|()| self.builder.finish()),
        }
    }

    /// Looks each row up.
    fn plain(&mut self, array: &dyn Array) -> Result<(), Mismatch> {
        // Once the keys are used up, every new word would build another dictionary in vain.
        let mut full = None;
        strings(array, &mut |row, word| {
            let default = match self.absent {
                Absent::Is(default) => Some(default),
                Absent::Null | Absent::Refused => None,
            };
            let found = match (word.or(default), full) {
                (None, _) => Ok(None),
                (Some(word), Some(full)) => self.builder.find(word).map(Some).ok_or(full),
                (Some(word), None) => self.builder.key(word).map(Some),
            };
            let key = found.unwrap_or_else(|error| {
                full = Some(error);
                self.faults.add(row, || error.to_string());
                None
            });
            if word.is_none() && self.absent == Absent::Refused {
                self.faults.add(row, || "is null".into());
            }
            self.builder.push(key);
        })
    }

    /// Looks each word up once, not each row.
    fn dictionary(mut self, array: &dyn Array) -> Result<WordColumn, Mismatch> {
        let Keys { keys, nulls, values } = Keys::of(array)?;
        if (nulls.is_none() || self.absent == Absent::Null)
            && let Some(table) = self.known(&values)?
        {
            let keys = keys.translated(&table, nulls.is_none());
            return Ok(WordColumn::of(keys, nulls, &self.builder));
        }
        let valid = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let mut used = vec![false; values.len()];
        match &nulls {
            None => (0..keys.len()).for_each(|row| used[keys.key(row)] = true),
            Some(nulls) => nulls.valid_indices().for_each(|row| used[keys.key(row)] = true),
        }
        let translation = self.translate(&values, &used)?;
        let is_known = |(used, key): (&bool, &Option<u16>)| !used || key.is_some();
        if used.iter().zip(&translation.keys).all(is_known)
            && (nulls.is_none() || self.absent == Absent::Null)
        {
            let table: Vec<u16> =
                translation.keys.iter().map(|key| key.unwrap_or_default()).collect();
            let keys = keys.translated(&table, nulls.is_none());
            return Ok(WordColumn::of(keys, nulls, &self.builder));
        }
        let value_nulls = values.logical_nulls();
        let is_word = |key| value_nulls.as_ref().is_none_or(|nulls| nulls.is_valid(key));
        for row in 0..keys.len() {
            let key = keys.key(row);
            let is_word = valid(row) && is_word(key);
            let found = match (is_word, self.absent) {
                (true, _) => translation.keys[key],
                (false, Absent::Is(_)) => translation.default,
                (false, Absent::Null | Absent::Refused) => None,
            };
            match (found, is_word, self.absent) {
                (Some(_), _, _) | (None, false, Absent::Null) => {}
                (None, false, Absent::Refused) => self.faults.add(row, || "is null".into()),
                (None, _, _) => {
                    let full = BatchFull::Words(self.builder.column());
                    self.faults.add(row, || full.to_string());
                }
            }
            self.builder.push(found);
        }
        Ok(self.builder.finish())
    }

    /// The keys of all values, where each is a word that the dictionary has already: most streams
    /// say the same words in every batch.
    fn known(&self, values: &dyn Array) -> Result<Option<Vec<u16>>, Mismatch> {
        let mut known = Some(Vec::with_capacity(values.len()));
        strings(values, &mut |_, word| {
            let key = word.and_then(|word| self.builder.find(word));
            match (&mut known, key) {
                (Some(keys), Some(key)) => keys.push(key),
                _ => known = None,
            }
        })?;
        Ok(known)
    }

    /// Into the current dictionary or, where that fills up, into its successor.
    fn translate(&mut self, values: &dyn Array, used: &[bool]) -> Result<Translation, Mismatch> {
        let translation = self.intern(values, used)?;
        if translation.complete {
            return Ok(translation);
        }
        self.builder.succeed();
        self.intern(values, used)
    }

    fn intern(&self, values: &dyn Array, used: &[bool]) -> Result<Translation, Mismatch> {
        let mut complete = true;
        let mut key = |word: &str| {
            let key = self.builder.intern(word);
            complete &= key.is_ok();
            key.map_err(|Full| ()).ok()
        };
        let default = match self.absent {
            Absent::Is(default) => key(default),
            Absent::Null | Absent::Refused => None,
        };
        let mut keys = vec![None; used.len()];
        strings(values, &mut |at, word| {
            if used[at] {
                keys[at] = word.and_then(&mut key);
            }
        })?;
        Ok(Translation { keys, default, complete })
    }
}

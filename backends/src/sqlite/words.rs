//! What the store calls a word or a symbol: local numbers, looked up once and remembered.

use std::collections::HashMap;
use std::ops::Range;

use astload_model::{Batch, SymbolId, Words};
use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension};

/// Symbols that are remembered; past it, all are forgotten. About 17 MB.
const SYMBOLS_MAX: usize = 1 << 18;

/// Words that are remembered besides; past it, all are forgotten.
const WORDS_MAX: usize = 1 << 16;

/// Dictionaries whose keys are remembered; past it, all are forgotten. A column has one until it is
/// full, so there are as many as columns for a long time.
const DICTIONARIES_MAX: usize = 32;

/// A word that was not looked up yet; numbers start at 1.
const UNKNOWN: i64 = 0;

/// Numbers of words and symbols, as long as nobody else changes the store.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    words: HashMap<Box<str>, i64>,
    /// By dictionary, by key.
    keys: HashMap<u64, Vec<i64>>,
    symbols: HashMap<SymbolId, i64, RandomState>,
}

impl Numbers {
    /// Forgets everything: a transaction was rolled back, or somebody else wrote.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The number of a word, which is added if it is new.
    pub(super) fn word(&mut self, connection: &Connection, word: &str) -> rusqlite::Result<i64> {
        if let Some(&id) = self.words.get(word) {
            return Ok(id);
        }
        let found = connection
            .prepare_cached("SELECT id FROM word WHERE word = ?1")?
            .query_row([word], |row| row.get(0))
            .optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                connection.prepare_cached("INSERT INTO word(word) VALUES (?1)")?.insert([word])?
            }
        };
        if self.words.len() >= WORDS_MAX {
            self.words.clear();
        }
        self.words.insert(word.into(), id);
        Ok(id)
    }

    /// The numbers of a column's words, by key, for the keys that these rows use.
    pub(super) fn of_column(
        &mut self,
        connection: &Connection,
        words: &Words<'_>,
        rows: Range<usize>,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut numbers = self.keys.remove(&words.dictionary()).unwrap_or_default();
        numbers.resize(numbers.len().max(words.len()), UNKNOWN);
        for row in rows {
            if let Some(key) = words.key(row).map(usize::from)
                && numbers[key] == UNKNOWN
            {
                numbers[key] = self.word(connection, words.at(row))?;
            }
        }
        if self.keys.len() >= DICTIONARIES_MAX {
            self.keys.clear();
        }
        self.keys.insert(words.dictionary(), numbers.clone());
        Ok(numbers)
    }

    /// The number of a symbol that a batch mentions, and whether it was added.
    pub(super) fn symbol(
        &mut self,
        connection: &Connection,
        batch: &Batch,
        row: usize,
    ) -> rusqlite::Result<(i64, bool)> {
        let id = batch.symbol_ids()[row];
        if let Some(&number) = self.symbols.get(&id) {
            return Ok((number, false));
        }
        let bytes = id.to_bytes();
        let added: Option<i64> = connection
            .prepare_cached(
                "INSERT INTO symbol(symbol_id, symbol) VALUES (?1, ?2)
                 ON CONFLICT(symbol_id) DO NOTHING RETURNING number",
            )?
            .query_row((bytes.as_slice(), batch.symbols().symbol.at(row)), |row| row.get(0))
            .optional()?;
        let number = match added {
            Some(number) => number,
            None => connection
                .prepare_cached("SELECT number FROM symbol WHERE symbol_id = ?1")?
                .query_row([bytes.as_slice()], |row| row.get(0))?,
        };
        if self.symbols.len() >= SYMBOLS_MAX {
            self.symbols.clear();
        }
        self.symbols.insert(id, number);
        Ok((number, added.is_some()))
    }
}

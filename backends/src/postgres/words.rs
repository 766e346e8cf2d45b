//! What is known of the store without asking it: numbers of words, symbols that are there, numbers
//! for units. All of it holds for one epoch, which ends when somebody collects garbage or makes the
//! tables anew.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Range;

use astload_model::{Batch, SymbolId, Words};
use foldhash::fast::RandomState;
use tokio_postgres::types::Type;

use super::classify::Attempt;
use super::connect::Lease;
use super::names::Names;
use super::schema::NUMBERS;
use crate::error::{Error, Result};

/// Symbols that are remembered; past it, all are forgotten. About 9 MB.
const SYMBOLS_MAX: usize = 1 << 18;

/// Words that are remembered; past it, all are forgotten.
const WORDS_MAX: usize = 1 << 16;

/// Dictionaries whose keys are remembered; past it, all are forgotten.
const DICTIONARIES_MAX: usize = 32;

/// A word that was not looked up yet; numbers start at 1.
const UNKNOWN: i32 = 0;

/// Attempts to learn words that others add at the same time.
const LEARNING_MAX: usize = 8;

/// What is known of a store.
#[derive(Debug, Default)]
pub(super) struct Known {
    epoch: Option<i64>,
    words: HashMap<Box<str>, i32>,
    /// By dictionary, by key.
    keys: HashMap<u64, Vec<i32>>,
    symbols: HashSet<SymbolId, RandomState>,
    /// Numbers for units, in blocks that may not follow each other.
    numbers: VecDeque<Range<i64>>,
}

/// The numbers of a batch's words, by key of their columns.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) label: Vec<i32>,
    pub(super) kind: Vec<i32>,
    pub(super) field: Vec<i32>,
    pub(super) edge_kind: Vec<i32>,
    pub(super) model: Vec<i32>,
    pub(super) repo: Vec<i32>,
    pub(super) layer: Vec<i32>,
    pub(super) language: Vec<i32>,
    pub(super) extractor: Vec<i32>,
}

impl Known {
    /// Takes note of the store's epoch; says whether what was known holds in it.
    pub(super) fn holds_in(&mut self, epoch: i64) -> bool {
        if self.epoch == Some(epoch) {
            return true;
        }
        let is_first = self.epoch.is_none();
        let words = if is_first { std::mem::take(&mut self.words) } else { HashMap::new() };
        *self = Self { epoch: Some(epoch), words, ..Self::default() };
        is_first
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The symbols of these that may not be there.
    pub(super) fn lacking(
        &self,
        ids: impl Iterator<Item = (SymbolId, usize)>,
    ) -> Vec<(SymbolId, usize)> {
        ids.filter(|(id, _)| !self.symbols.contains(id)).collect()
    }

    /// These symbols are there.
    pub(super) fn add_symbols(&mut self, ids: impl Iterator<Item = SymbolId>) {
        if self.symbols.len() >= SYMBOLS_MAX {
            self.symbols.clear();
        }
        self.symbols.extend(ids);
    }

    /// Numbers for so many units; else how many blocks of them are lacking.
    pub(super) fn take_numbers(&mut self, count: usize) -> Result<Vec<i64>, usize> {
        let free: i64 = self.numbers.iter().map(|block| block.end - block.start).sum();
        let lacking = count as i64 - free;
        if lacking > 0 {
            return Err((lacking as u64).div_ceil(NUMBERS as u64) as usize);
        }
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let Some(block) = self.numbers.front_mut() else { break };
            match block.next() {
                Some(number) => taken.push(number),
                None => drop(self.numbers.pop_front()),
            }
        }
        Ok(taken)
    }

    /// The store gave the block that ends with this number.
    pub(super) fn add_numbers(&mut self, last: i64) {
        self.numbers.push_back(last - NUMBERS + 1..last + 1);
    }

    /// Forgets words before there are too many. A batch needs all of its own at once.
    pub(super) fn trim(&mut self) {
        if self.words.len() > WORDS_MAX {
            self.words.clear();
            self.keys.clear();
        }
    }

    /// The words of a batch as numbers, or those that have to be learned first.
    pub(super) fn translate(&mut self, batch: &Batch) -> Result<Translated, BTreeSet<String>> {
        let mut missing = BTreeSet::new();
        let (nodes, edges, vectors, units) =
            (batch.nodes(), batch.edges(), batch.vectors(), batch.unit_columns());
        let mut of = |words: &Words<'_>, rows| self.of_column(words, rows, &mut missing);
        let unit_rows = || match (batch.units().next(), batch.units().last()) {
            (Some(first), Some(last)) => first.row()..last.row() + 1,
            _ => 0..0,
        };
        let translated = Translated {
            label: of(&nodes.label, batch.node_range()),
            kind: of(&nodes.kind, batch.node_range()),
            field: of(&nodes.field, batch.node_range()),
            edge_kind: of(&edges.kind, batch.edge_range()),
            model: of(&vectors.model, batch.vector_range()),
            repo: of(&units.repo, unit_rows()),
            layer: of(&units.layer, unit_rows()),
            language: of(&units.language, unit_rows()),
            extractor: of(&units.extractor, unit_rows()),
        };
        if missing.is_empty() { Ok(translated) } else { Err(missing) }
    }

    fn of_column(
        &mut self,
        words: &Words<'_>,
        rows: Range<usize>,
        missing: &mut BTreeSet<String>,
    ) -> Vec<i32> {
        let mut numbers = self.keys.remove(&words.dictionary()).unwrap_or_default();
        numbers.resize(numbers.len().max(words.len()), UNKNOWN);
        for row in rows {
            if let Some(key) = words.key(row).map(usize::from)
                && numbers[key] == UNKNOWN
            {
                let word = words.at(row);
                match self.words.get(word) {
                    Some(&number) => numbers[key] = number,
                    None => drop(missing.insert(word.to_owned())),
                }
            }
        }
        if self.keys.len() >= DICTIONARIES_MAX {
            self.keys.clear();
        }
        self.keys.insert(words.dictionary(), numbers.clone());
        numbers
    }

    /// The number of a word that is known.
    pub(super) fn word(&self, word: &str) -> Option<i32> {
        self.words.get(word).copied()
    }

    /// Takes note of words and their numbers.
    pub(super) fn add_words(&mut self, learned: Vec<(String, i32)>) {
        self.words.extend(learned.into_iter().map(|(word, number)| (word.into(), number)));
    }
}

/// Adds words where they are new and learns their numbers. They stay whatever becomes of those who
/// need them, so nobody has to unlearn one.
pub(super) async fn learn(
    lease: &mut Lease<'_>,
    names: &Names,
    words: &BTreeSet<String>,
) -> Result<Vec<(String, i32)>> {
    const WHAT: &str = "learning words";
    let sql = names.sql(
        "WITH added AS (
             INSERT INTO {word} (word) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
             RETURNING word, id)
         SELECT word, id FROM added
         UNION ALL SELECT word, id FROM {word} WHERE word = ANY ($1)",
    );
    let mut missing: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut learned = Vec::with_capacity(missing.len());
    for _ in 0..LEARNING_MAX {
        let tx = lease.begin(WHAT).await?;
        let rows = tx
            .transaction
            .query_typed(&sql, &[(&missing, Type::TEXT_ARRAY)])
            .await
            .attempt(WHAT)?;
        tx.commit(WHAT).await?;
        learned.extend(rows.iter().map(|row| (row.get::<_, String>(0), row.get::<_, i32>(1))));
        // What another session added meanwhile is seen the next time.
        let found: HashSet<&str> = learned.iter().map(|(word, _)| word.as_str()).collect();
        missing.retain(|word| !found.contains(word));
        if missing.is_empty() {
            return Ok(learned);
        }
    }
    Err(Error::transient(format!("{WHAT}: others add the same ones all the time")))
}

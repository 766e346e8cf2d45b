//! The rules for words: checked once a word and batch, not once a row.

use std::cell::Cell;
use std::ops::Range;

use super::{name, shorten};
use crate::batch::Batch;
use crate::column::Words;
use crate::limits;
use crate::schema::LABELS;

pub(super) struct WordRules {
    pub(super) label: WordRule,
    pub(super) node_kind: WordRule,
    pub(super) field: WordRule,
    pub(super) symbol_kind: WordRule,
    pub(super) edge_kind: WordRule,
    pub(super) vector_model: WordRule,
}

impl WordRules {
    pub(super) fn new(batch: &Batch) -> Self {
        let (nodes, edges) = (batch.nodes(), batch.edges());
        Self {
            label: WordRule::new(&nodes.label, label),
            node_kind: WordRule::new(&nodes.kind, |word| name("kind", word, limits::NAME_MAX)),
            field: WordRule::new(&nodes.field, |word| name("field", word, limits::NAME_MAX)),
            symbol_kind: WordRule::new(&batch.symbols().kind, |word| {
                name("kind", word, limits::NAME_MAX)
            }),
            edge_kind: WordRule::new(&edges.kind, edge_kind),
            vector_model: WordRule::new(&batch.vectors().model, |word| {
                name("model", word, limits::NAME_MAX)
            }),
        }
    }
}

/// The rule of a column, and for each word of its dictionary whether it is known to keep it: most
/// of the words are of other batches, so they are looked at when a row has them.
pub(super) struct WordRule {
    rule: fn(&str) -> Result<(), String>,
    good: Vec<Cell<bool>>,
    /// Whether every word of the dictionary keeps it, as far as that is worth finding out.
    all_good: bool,
}

/// A dictionary with more words than this is not looked at whole: it has those of other batches.
const WORDS_FEW: usize = 1_024;

impl WordRule {
    fn new(words: &Words<'_>, rule: fn(&str) -> Result<(), String>) -> Self {
        let few = 0..words.len().min(WORDS_FEW) as u16;
        let all_good =
            words.len() <= WORDS_FEW && few.map(|key| rule(words.word(key))).all(|r| r.is_ok());
        Self { rule, good: vec![Cell::new(all_good); words.len()], all_good }
    }

    /// Whether all these rows keep the rule.
    pub(super) fn holds(&self, words: &Words<'_>, rows: Range<usize>) -> bool {
        if self.all_good {
            return true;
        }
        let known = |key: u16| self.good.get(usize::from(key)).is_some_and(Cell::get);
        let keys = &words.keys[rows.clone()];
        keys.iter().zip(rows).all(|(&key, i)| known(key) || self.check(words, i).is_ok())
    }

    pub(super) fn check(&self, words: &Words<'_>, i: usize) -> Result<(), String> {
        match words.key(i) {
            Some(key) if !self.good[key as usize].get() => {
                (self.rule)(words.word(key))?;
                self.good[key as usize].set(true);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn label(word: &str) -> Result<(), String> {
    match LABELS.contains(&word) {
        true => Ok(()),
        false => Err(format!("label: `{}` is none of {}", shorten(word), LABELS.join(", "))),
    }
}

fn edge_kind(word: &str) -> Result<(), String> {
    name("kind", word, limits::NAME_MAX)?;
    let upper_snake = |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    match word.bytes().all(upper_snake) {
        true => Ok(()),
        false => Err(format!("kind: `{}` is not in UPPER_SNAKE", shorten(word))),
    }
}

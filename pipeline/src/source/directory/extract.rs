//! From text to rows: a pre-order walk over the tree, and the tags query over it.
//!
//! The walk moves a cursor (asking a node for its parent is six times slower) and writes columns;
//! kinds are keys that were looked up when the grammar was first met.

mod effort;
mod grammar;
mod operators;
mod tags;
mod walk;

use std::collections::HashMap;
use std::ops::ControlFlow;

use astload_model::{BatchBuilder, BatchFull, UNIT_FLAGS, flags};
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

use super::NodeChoice;
use crate::languages::Language;
use effort::Effort;
pub(super) use effort::Large;
use grammar::Grammar;
use tags::Tagger;

/// Changes when the same file would give other rows.
const EXTRACTION: &str = "2";

/// What reads files of a language, as its units name it.
pub(super) fn extractor_name(language: &Language, nodes: NodeChoice) -> String {
    format!("{}/{}/{EXTRACTION}", language.grammar_version, nodes.word())
}

/// Why a file became no unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExtractError {
    /// The load was stopped.
    Stopped,
    /// It took too long.
    Timeout,
    /// It took too much memory.
    Memory,
    /// The unit would break this rule.
    Refused(String),
}

impl From<BatchFull> for ExtractError {
    fn from(full: BatchFull) -> Self {
        Self::Refused(full.to_string())
    }
}

/// What bounds the work on a file.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    /// Held by the one file that takes much more memory than others of its size.
    pub(super) large: &'a Large,
    /// Whether the load was stopped.
    pub(super) stopped: &'a dyn Fn() -> bool,
}

/// What a file gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extracted {
    pub(super) nodes: usize,
    pub(super) has_error: bool,
    pub(super) not_utf8: bool,
    pub(super) text_replaced: bool,
}

impl Extracted {
    /// The unit's flags.
    pub(super) fn flags(&self) -> u16 {
        let flag = |name: &str, set: bool| match set {
            true => flags(&UNIT_FLAGS, &[name]).unwrap_or_default(),
            false => 0,
        };
        flag("has_error", self.has_error) | flag("text_replaced", self.text_replaced)
    }
}

/// One thread's parsers, made when a language is first met.
#[derive(Default)]
pub(super) struct Extractor {
    grammars: HashMap<&'static str, Grammar>,
}

impl Extractor {
    /// Adds a file's nodes, symbols and edges to the unit that is being built. On an error some may
    /// be there: the unit is to be abandoned.
    pub(super) fn extract(
        &mut self,
        language: &'static Language,
        nodes: NodeChoice,
        source: &[u8],
        to: &mut BatchBuilder,
        bounds: Bounds<'_>,
    ) -> Result<Extracted, ExtractError> {
        let grammar = self.grammar(language)?;
        let effort = Effort::new(source.len(), bounds.large, bounds.stopped);
        let give_up = || effort.is_spent();
        let tree = parse(&mut grammar.parser, source, &give_up).ok_or_else(|| effort.error())?;
        grammar.meet(to)?;
        let mut tagger = Tagger::new(&grammar.tags, &mut grammar.cursor, source, &give_up);
        let walked = walk::walk(&tree, nodes, &grammar.kinds, &mut tagger, to)?;
        if tagger.gave_up {
            return Err(effort.error());
        }
        tags::edges(tagger.finish(), language, source, to)?;
        let replaced = walked.text_replaced;
        let not_utf8 = replaced && std::str::from_utf8(source).is_err();
        let has_error = tree.root_node().has_error();
        Ok(Extracted { nodes: walked.nodes, has_error, not_utf8, text_replaced: replaced })
    }

    fn grammar(&mut self, language: &'static Language) -> Result<&mut Grammar, ExtractError> {
        if !self.grammars.contains_key(language.name) {
            self.grammars.insert(language.name, Grammar::new(language)?);
        }
        self.grammars
            .get_mut(language.name)
            .ok_or_else(|| ExtractError::Refused("the grammar is gone".into()))
    }
}

fn parse(parser: &mut Parser, source: &[u8], give_up: &dyn Fn() -> bool) -> Option<Tree> {
    let mut go_on = |_: &ParseState| match give_up() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let rest = &mut |offset: usize, _| source.get(offset..).unwrap_or_default();
    let tree = parser.parse_with_options(rest, None, Some(options));
    if tree.is_none() {
        // The parser would go on where it stopped.
        parser.reset();
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_is_stopped_gives_up_a_file_that_is_parsed_already() {
        let (large, stopped) = (Large::default(), || true);
        let bounds = Bounds { large: &large, stopped: &stopped };
        let python = Language::by_name("python").expect("known");
        let extracted = Extractor::default().extract(
            python,
            NodeChoice::Named,
            b"def f(): pass\n",
            &mut BatchBuilder::default(),
            bounds,
        );
        assert_eq!(extracted.expect_err("given up"), ExtractError::Stopped);
    }
}

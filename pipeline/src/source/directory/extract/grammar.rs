//! A language's parser, its tags query, and the keys of its words in the batch that is being built.

use astload_model::{BatchBuilder, BatchFull, ROOT_LABEL};
use tree_sitter::{Parser, Query, QueryCursor, StreamingIterator, Tree};

use super::ExtractError;
use super::tags::{Role, Tags};
use crate::languages::Language;

/// What one thread needs of a language.
pub(super) struct Grammar {
    pub(super) parser: Parser,
    grammar: tree_sitter::Language,
    query: Query,
    cursor: QueryCursor,
    /// By capture index.
    roles: Vec<Role>,
    pub(super) kinds: Kinds,
}

/// Keys by the grammar's own numbers, valid for one dictionary of each column.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    /// Of the columns kind, field and label, in this order.
    dictionaries: Option<[u64; 3]>,
    /// By kind id: the kind's key, and the label's.
    by_id: Vec<(u16, u16)>,
    /// By field id.
    fields: Vec<Option<u16>>,
    pub(super) root_label: u16,
    pub(super) symbol_label: u16,
    /// `ERROR`, whose id is none of the grammar's.
    error: (u16, u16),
}

impl Kinds {
    /// The keys of a kind and of its label.
    #[inline]
    pub(super) fn of(&self, kind_id: u16) -> (u16, u16) {
        self.by_id.get(kind_id as usize).copied().unwrap_or(self.error)
    }

    /// The key of a field's name.
    #[inline]
    pub(super) fn field(&self, field_id: u16) -> Option<u16> {
        self.fields.get(field_id as usize).copied().flatten()
    }
}

impl Grammar {
    pub(super) fn new(language: &'static Language) -> Result<Self, ExtractError> {
        let broken = |error: String| {
            ExtractError::Refused(format!(
                "the grammar of {} cannot be used: {error}",
                language.name
            ))
        };
        let grammar = language.grammar();
        let mut parser = Parser::new();
        parser.set_language(&grammar).map_err(|error| broken(error.to_string()))?;
        let query = Query::new(&grammar, &language.tags_query())
            .map_err(|error| broken(error.to_string()))?;
        let roles = query.capture_names().iter().map(|name| Role::named(name)).collect();
        let (cursor, kinds) = (QueryCursor::new(), Kinds::default());
        Ok(Self { parser, grammar, query, cursor, roles, kinds })
    }

    /// Looks the grammar's words up, unless the batch has the same dictionaries as the last one.
    pub(super) fn meet(&mut self, to: &mut BatchBuilder) -> Result<(), BatchFull> {
        let nodes = &mut to.nodes;
        let current = |nodes: &astload_model::NodesBuilder| {
            [nodes.kind.dictionary(), nodes.field.dictionary(), nodes.label.dictionary()]
        };
        if self.kinds.dictionaries == Some(current(nodes)) {
            return Ok(());
        }
        let mut kinds = Kinds::default();
        for id in 0..self.grammar.node_kind_count() as u16 {
            let kind = self.grammar.node_kind_for_id(id).unwrap_or_default();
            let label = match self.grammar.node_kind_is_named(id) {
                false => "Token",
                true if kind.contains("comment") => "Comment",
                true => "Ast",
            };
            kinds.by_id.push((nodes.kind.key(kind)?, nodes.label.key(label)?));
        }
        for id in 0..=self.grammar.field_count() as u16 {
            let name = self.grammar.field_name_for_id(id);
            kinds.fields.push(name.map(|name| nodes.field.key(name)).transpose()?);
        }
        kinds.error = (nodes.kind.key("ERROR")?, nodes.label.key("Ast")?);
        kinds.root_label = nodes.label.key(ROOT_LABEL)?;
        kinds.symbol_label = nodes.label.key("Symbol")?;
        // A dictionary that filled up on the way has made the first keys void: those of the next
        // file are right, and this file is refused.
        kinds.dictionaries = Some(current(nodes));
        self.kinds = kinds;
        Ok(())
    }

    /// What the tags query finds.
    pub(super) fn tags(&mut self, tree: &Tree, source: &[u8]) -> Tags {
        let mut tags = Tags::default();
        let mut matches = self.cursor.matches(&self.query, tree.root_node(), source);
        while let Some(found) = matches.next() {
            tags.add(found.captures(), &self.roles);
        }
        tags.sort();
        tags
    }
}

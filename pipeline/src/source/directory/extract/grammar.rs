//! A language's parser, its tags query, and the keys of its words in the batch that is being built.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use astload_model::{BatchBuilder, BatchFull, NodesBuilder, ROOT_LABEL};
use tree_sitter::{Parser, Query, QueryCursor};

use super::ExtractError;
use super::operators::Tokens;
use super::tags::Role;
use crate::languages::Language;

/// Matches that the cursor keeps open at once; fewer lose definitions.
const OPEN_MATCHES_MAX: u32 = 256;

/// What one thread needs of a language.
pub(super) struct Grammar {
    pub(super) parser: Parser,
    grammar: tree_sitter::Language,
    pub(super) tags: Arc<TagsQuery>,
    pub(super) cursor: QueryCursor,
    pub(super) kinds: Kinds,
}

/// A tags query, compiled once for all threads: C++'s takes most of a second.
pub(super) struct TagsQuery {
    pub(super) query: Query,
    /// By capture index.
    pub(super) roles: Vec<Role>,
    /// By kind id: whether a match can begin at such a node.
    roots: Vec<bool>,
}

impl TagsQuery {
    /// The query of a language; who asks first compiles it, and only who needs the same one waits.
    fn of(language: &'static Language) -> Result<Arc<Self>, String> {
        type Compiled = OnceLock<Result<Arc<TagsQuery>, String>>;
        static QUERIES: LazyLock<HashMap<&str, Compiled>> = LazyLock::new(|| {
            let all = Language::all().iter();
            all.map(|language| (language.name, Compiled::new())).collect()
        });
        match QUERIES.get(language.name) {
            Some(compiled) => {
                compiled.get_or_init(|| Self::compile(language).map(Arc::new)).clone()
            }
            None => Err("it is not among the languages".into()),
        }
    }

    fn compile(language: &'static Language) -> Result<Self, String> {
        let query = Query::new(&language.grammar(), &language.tags_query())
            .map_err(|error| error.to_string())?;
        let roles = query.capture_names().iter().map(|name| Role::named(name)).collect();
        // `ERROR` has the last id of all.
        let mut roots = vec![false; usize::from(u16::MAX) + 1];
        for root in language.tag_roots(&query) {
            roots[root as usize] = true;
        }
        Ok(Self { query, roles, roots })
    }

    /// Whether a match can begin at a node of this kind.
    #[inline]
    pub(super) fn begins_at(&self, kind_id: u16) -> bool {
        self.roots.get(kind_id as usize).copied().unwrap_or(false)
    }
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
    /// What is told of tokens where they have no nodes.
    pub(super) tokens: Tokens,
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
        let tags = TagsQuery::of(language).map_err(broken)?;
        let mut cursor = QueryCursor::new();
        // The walk comes by every node and asks at those where a match can begin.
        cursor.set_max_start_depth(Some(0));
        cursor.set_match_limit(OPEN_MATCHES_MAX);
        Ok(Self { parser, grammar, tags, cursor, kinds: Kinds::default() })
    }

    /// Looks the grammar's words up, unless the batch has the same dictionaries as the last one.
    pub(super) fn meet(&mut self, to: &mut BatchBuilder) -> Result<(), BatchFull> {
        let nodes = &mut to.nodes;
        let current = |nodes: &NodesBuilder| {
            [nodes.kind.dictionary(), nodes.field.dictionary(), nodes.label.dictionary()]
        };
        if self.kinds.dictionaries == Some(current(nodes)) {
            return Ok(());
        }
        let mut kinds = Kinds { tokens: Tokens::of(&self.grammar), ..Kinds::default() };
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
}

//! Definitions and references: what a tags query finds, and the edges that it becomes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::ControlFlow;

use astload_model::{BatchBuilder, EDGE_FLAGS, EdgeRow, SymbolRow, flags, limits};
use tree_sitter::{
    Node, Point, QueryCapture, QueryCursor, QueryCursorOptions, QueryCursorState, StreamingIterator,
};

use super::ExtractError;
use super::grammar::TagsQuery;
use crate::languages::Language;

/// What a capture of a tags query means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The identifier.
    Name,
    /// What it defines: the node around it, and the kind of thing as JSON properties.
    Definition { properties: String },
    /// What it is used in, as the kind of an edge.
    Reference { edge: &'static str, import: bool },
    /// Nothing here.
    Other,
}

impl Role {
    /// The role of a capture, by the convention of tags queries.
    ///
    /// <https://tree-sitter.github.io/tree-sitter/4-code-navigation.html>
    pub(super) fn named(name: &str) -> Self {
        match name.split_once('.') {
            None if name == "name" => Self::Name,
            Some(("definition", kind)) => {
                Self::Definition { properties: serde_json::json!({ "kind": kind }).to_string() }
            }
            Some(("reference", "call")) => Self::Reference { edge: "CALL", import: false },
            Some(("reference", kind)) => Self::Reference { edge: "REF", import: kind == "import" },
            _ => Self::Other,
        }
    }
}

/// Where an identifier stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    start: usize,
    end: usize,
    point: Point,
}

impl Site {
    fn of(node: &Node<'_>) -> Self {
        Self { start: node.start_byte(), end: node.end_byte(), point: node.start_position() }
    }
}

/// A definition: a node, and the identifier that names it.
#[derive(Debug)]
struct Definition {
    /// The node, as tree-sitter names it while the tree lives.
    node: usize,
    start: usize,
    end: usize,
    name: Site,
    properties: Box<str>,
    /// The node's number, once the walk has come by.
    ord: Option<u32>,
}

#[derive(Debug)]
struct Reference {
    edge: &'static str,
    import: bool,
    site: Site,
}

/// What a tags query found in a file, by position.
#[derive(Debug, Default)]
pub(super) struct Tags {
    definitions: Vec<Definition>,
    references: Vec<Reference>,
}

/// Runs the tags query where a match can begin, as the walk comes by. That finds what a cursor over
/// the whole tree finds, in a fraction of its time.
pub(super) struct Tagger<'a> {
    tags: &'a TagsQuery,
    cursor: &'a mut QueryCursor,
    pub(super) source: &'a [u8],
    give_up: &'a dyn Fn() -> bool,
    /// Whether a query was not run to its end.
    pub(super) gave_up: bool,
    found: Tags,
    /// Definitions whose nodes the walk has not come by: start, node, position in `found`.
    ahead: BinaryHeap<Reverse<(usize, usize, usize)>>,
}

impl<'a> Tagger<'a> {
    pub(super) fn new(
        tags: &'a TagsQuery,
        cursor: &'a mut QueryCursor,
        source: &'a [u8],
        give_up: &'a dyn Fn() -> bool,
    ) -> Self {
        let (found, ahead) = (Tags::default(), BinaryHeap::new());
        Self { tags, cursor, source, give_up, gave_up: false, found, ahead }
    }

    /// The name that the node defines, if it is a definition. Comes by every node, in pre-order.
    #[inline]
    pub(super) fn visit(&mut self, node: &Node<'_>, kind_id: u16, ord: u32) -> Option<&'a str> {
        if self.tags.begins_at(kind_id) {
            self.ask(node);
        }
        let Reverse((start, ..)) = self.ahead.peek()?;
        if *start <= node.start_byte() { self.meet(node, ord) } else { None }
    }

    fn ask(&mut self, node: &Node<'_>) {
        // A query that takes few steps never asks by itself, and each may look at all that follows.
        self.gave_up |= (self.give_up)();
        if self.gave_up {
            return;
        }
        let (give_up, gave_up) = (self.give_up, &mut self.gave_up);
        let mut go_on = |_: &QueryCursorState| {
            *gave_up |= give_up();
            if *gave_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = QueryCursorOptions::new().progress_callback(&mut go_on);
        let (query, source) = (&self.tags.query, self.source);
        let mut matches = self.cursor.matches_with_options(query, *node, source, options);
        while let Some(found) = matches.next() {
            let captures = found.captures();
            let role_of = |capture: &QueryCapture<'_>| &self.tags.roles[capture.index as usize];
            let name = captures.iter().find(|capture| *role_of(capture) == Role::Name);
            let Some(site) = name.map(|capture| Site::of(&capture.node)) else { continue };
            for capture in captures {
                match role_of(capture) {
                    Role::Definition { properties } => {
                        let (id, start) = (capture.node.id(), capture.node.start_byte());
                        self.ahead.push(Reverse((start, id, self.found.definitions.len())));
                        self.found.definitions.push(Definition {
                            node: id,
                            start,
                            end: capture.node.end_byte(),
                            name: site,
                            properties: properties.as_str().into(),
                            ord: None,
                        });
                    }
                    Role::Reference { edge, import } => {
                        let import = *import;
                        self.found.references.push(Reference { edge, import, site })
                    }
                    Role::Name | Role::Other => {}
                }
            }
        }
    }

    /// Tells the definitions at this node its number.
    fn meet(&mut self, node: &Node<'_>, ord: u32) -> Option<&'a str> {
        let (id, here) = (node.id(), node.start_byte());
        let mut name = None;
        let mut others = Vec::new();
        while let Some(Reverse((start, of, position))) = self.ahead.peek().copied() {
            if start > here {
                break;
            }
            self.ahead.pop();
            if of == id {
                let definition = &mut self.found.definitions[position];
                definition.ord = Some(ord);
                name = name.or_else(|| identifier(self.source, &definition.name));
            } else if start == here {
                // Of a node that begins here as well, further down.
                others.push(Reverse((start, of, position)));
            }
        }
        self.ahead.extend(others);
        name
    }

    /// All that was found, by position, what two patterns found alike only once.
    pub(super) fn finish(self) -> Tags {
        let mut tags = self.found;
        tags.definitions.retain(|definition| definition.ord.is_some());
        tags.definitions.sort_by_key(|definition| {
            (definition.start, Reverse(definition.end), definition.name.start)
        });
        tags.definitions.dedup_by_key(|definition| (definition.node, definition.name.start));
        tags.references.sort_by_key(|reference| (reference.site.start, reference.edge));
        tags.references.dedup_by(|next, kept| {
            let alike = (next.site.start, next.edge) == (kept.site.start, kept.edge);
            kept.import |= alike && next.import;
            alike
        });
        tags
    }
}

/// An identifier, unless it is none that a symbol could be called by.
fn identifier<'s>(source: &'s [u8], site: &Site) -> Option<&'s str> {
    let text = std::str::from_utf8(source.get(site.start..site.end)?).ok()?;
    let fits = !text.is_empty() && text.len() <= limits::NAME_MAX && !text.contains('\0');
    fits.then_some(text)
}

/// Adds the edges: from each definition to what it defines, and from the innermost definition
/// around a reference, else the file, to what is referred to.
pub(super) fn edges(
    tags: Tags,
    language: &'static Language,
    source: &[u8],
    to: &mut BatchBuilder,
) -> Result<(), ExtractError> {
    let mut edges = Edges::new(language, source, to)?;
    for definition in &tags.definitions {
        let src = definition.ord.unwrap_or_default();
        let flags = edges.definition_flag;
        edges.add(src, edges.defines, &definition.name, (flags, Some(&definition.properties)))?;
    }
    let mut around: Vec<&Definition> = Vec::new();
    let mut next = tags.definitions.iter().peekable();
    for reference in &tags.references {
        let site = &reference.site;
        while let Some(definition) = next.next_if(|definition| definition.start <= site.start) {
            around.push(definition);
        }
        // What ended before this reference ends before all later ones.
        while around.last().is_some_and(|definition| definition.end < site.end) {
            around.pop();
        }
        let src = around.last().and_then(|definition| definition.ord).unwrap_or(0);
        let kind = if reference.edge == "CALL" { edges.call } else { edges.reference };
        let flags = if reference.import { edges.import_flag } else { 0 };
        edges.add(src, kind, site, (flags, None))?;
    }
    Ok(())
}

/// The edges of one unit, as they are added.
struct Edges<'a> {
    language: &'a str,
    source: &'a [u8],
    to: &'a mut BatchBuilder,
    /// The unit's symbols by identifier.
    symbols: HashMap<&'a str, u32>,
    /// How many edges share a source, a kind and a symbol.
    numbers: HashMap<(u32, u16, u32), u32>,
    key: String,
    symbol_kind: u16,
    defines: u16,
    call: u16,
    reference: u16,
    definition_flag: u16,
    import_flag: u16,
}

impl<'a> Edges<'a> {
    fn new(
        language: &'static Language,
        source: &'a [u8],
        to: &'a mut BatchBuilder,
    ) -> Result<Self, ExtractError> {
        Ok(Self {
            language: symbol_language(language.name),
            source,
            symbols: HashMap::new(),
            numbers: HashMap::new(),
            key: String::new(),
            symbol_kind: to.symbols.kind.key("name")?,
            defines: to.edges.kind.key("DEFINES")?,
            call: to.edges.kind.key("CALL")?,
            reference: to.edges.kind.key("REF")?,
            definition_flag: flags(&EDGE_FLAGS, &["definition"]).unwrap_or_default(),
            import_flag: flags(&EDGE_FLAGS, &["import"]).unwrap_or_default(),
            to,
        })
    }

    fn add(
        &mut self,
        src: u32,
        kind: u16,
        site: &Site,
        (flags, properties): (u16, Option<&str>),
    ) -> Result<(), ExtractError> {
        let Some(name) = identifier(self.source, site) else { return Ok(()) };
        let symbol = self.symbol(name);
        let number = self.numbers.entry((src, kind, symbol)).or_default();
        let ord = *number;
        *number += 1;
        self.to.edges.push(EdgeRow {
            src,
            kind,
            dst_node: None,
            dst_symbol: Some(symbol),
            ord,
            start_byte: Some(site.start as u32),
            end_byte: Some(site.end as u32),
            start_line: Some(site.point.row as u32),
            start_col: Some(site.point.column as u32),
            flags,
            properties,
        });
        Ok(())
    }

    /// The position of a name's symbol in the unit, to which it is added at its first mention.
    fn symbol(&mut self, name: &'a str) -> u32 {
        let next = self.symbols.len() as u32;
        let position = *self.symbols.entry(name).or_insert(next);
        if position == next {
            self.key.clear();
            self.key.extend(["name ", self.language, " ", name]);
            let (symbol, kind) = (self.key.as_str(), self.symbol_kind);
            self.to.symbols.push(SymbolRow { symbol, kind, name: Some(name), package: None });
        }
        position
    }
}

/// The language in whose names a language's files speak: TSX and TypeScript meet.
fn symbol_language(language: &str) -> &str {
    match language {
        "tsx" => "typescript",
        language => language,
    }
}

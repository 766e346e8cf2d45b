//! The walk: every kept node becomes a row, in pre-order.

use std::borrow::Cow;

use astload_model::{BatchBuilder, NODE_FLAGS, NodeRow, NodesBuilder, flags, limits};
use tree_sitter::{Node, Tree, TreeCursor};

use super::grammar::Kinds;
use super::tags::Tagger;
use super::{ExtractError, NodeChoice};

/// What a walk came by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walked {
    pub(super) nodes: usize,
    pub(super) text_replaced: bool,
}

/// Adds a tree's nodes, and tells definitions their numbers.
pub(super) fn walk(
    tree: &Tree,
    choice: NodeChoice,
    kinds: &Kinds,
    tagger: &mut Tagger<'_>,
    to: &mut BatchBuilder,
) -> Result<Walked, ExtractError> {
    let first = to.unit_start();
    let mut walk = Walk {
        cursor: tree.walk(),
        choice,
        kinds,
        tagger,
        flags: NodeFlags::new(),
        nodes: &mut to.nodes,
        first,
        open: Vec::new(),
        text_replaced: false,
        told: String::new(),
    };
    walk.run()?;
    let text_replaced = walk.text_replaced;
    drop(walk);
    Ok(Walked { nodes: to.nodes.len() - first, text_replaced })
}

struct NodeFlags {
    named: u16,
    extra: u16,
    error: u16,
    missing: u16,
    definition: u16,
}

impl NodeFlags {
    fn new() -> Self {
        let flag = |name| flags(&NODE_FLAGS, &[name]).unwrap_or_default();
        Self {
            named: flag("named"),
            extra: flag("extra"),
            error: flag("error"),
            missing: flag("missing"),
            definition: flag("definition"),
        }
    }
}

struct Walk<'w, 's> {
    cursor: TreeCursor<'w>,
    choice: NodeChoice,
    kinds: &'w Kinds,
    tagger: &'w mut Tagger<'s>,
    flags: NodeFlags,
    nodes: &'w mut NodesBuilder,
    /// The index of the unit's first node.
    first: usize,
    /// A level a descent: the kept node's number, or the nearest kept ancestor's, and whether kept.
    open: Vec<(u32, bool)>,
    text_replaced: bool,
    /// What the tokens of a node tell.
    told: String,
}

impl<'s> Walk<'_, 's> {
    fn run(&mut self) -> Result<(), ExtractError> {
        while !self.tagger.gave_up {
            let node = self.cursor.node();
            let ord = (self.nodes.len() - self.first) as u32;
            let kept = self.choice == NodeChoice::All || node.is_named() || self.open.is_empty();
            let parent = self.open.last().map(|(ord, _)| *ord);
            let leaf = node.child_count() == 0;
            if kept {
                self.push(&node, ord, parent, leaf);
            }
            if !leaf && self.cursor.goto_first_child() {
                self.open.push(if kept { (ord, true) } else { (parent.unwrap_or(0), false) });
                if self.open.len() + 1 > limits::TREE_DEPTH_MAX {
                    let rule = format!("nests deeper than {} nodes", limits::TREE_DEPTH_MAX);
                    return Err(ExtractError::Refused(rule));
                }
                continue;
            }
            while !self.cursor.goto_next_sibling() {
                let Some((ord, kept)) = self.open.pop() else { return Ok(()) };
                self.cursor.goto_parent();
                if kept {
                    let last = (self.nodes.len() - self.first - 1) as u32;
                    self.nodes.last.values[self.first + ord as usize] = last;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn push(&mut self, node: &Node<'_>, ord: u32, parent: Option<u32>, leaf: bool) {
        let kind_id = node.kind_id();
        let (kind, label) = self.kinds.of(kind_id);
        let named = node.is_named();
        let range = node.byte_range();
        let (start, end) = (node.start_position(), node.end_position());
        let mut flags = if named { self.flags.named } else { 0 };
        if node.is_extra() {
            flags |= self.flags.extra;
        }
        if node.is_error() {
            flags |= self.flags.error;
        }
        if node.is_missing() {
            flags |= self.flags.missing;
        }
        let name = self.tagger.visit(node, kind_id, ord);
        self.told.clear();
        let text = if leaf && named { self.text(range.clone()) } else { None };
        if !leaf && named && self.choice == NodeChoice::Named {
            self.kinds.tokens.tell(node, kind_id, self.tagger.source, &mut self.told);
        }
        let told = (!self.told.is_empty()).then_some(self.told.as_str());
        let label = match (parent, name) {
            (None, _) => self.kinds.root_label,
            (_, Some(_)) => self.kinds.symbol_label,
            _ => label,
        };
        self.nodes.push(NodeRow {
            ord,
            parent,
            last: ord,
            label,
            kind,
            field: self.cursor.field_id().and_then(|field| self.kinds.field(field.get())),
            name,
            text: text.as_deref().or(told),
            start_byte: Some(range.start as u32),
            end_byte: Some(range.end as u32),
            start_line: Some(start.row as u32),
            start_col: Some(start.column as u32),
            end_line: Some(end.row as u32),
            end_col: Some(end.column as u32),
            flags: if name.is_some() { flags | self.flags.definition } else { flags },
            properties: None,
        });
    }

    /// A leaf's text; what is not UTF-8 or U+0000 in it is replaced by U+FFFD.
    #[inline]
    fn text(&mut self, range: std::ops::Range<usize>) -> Option<Cow<'s, str>> {
        let bytes = self.tagger.source.get(range).filter(|bytes| !bytes.is_empty())?;
        let text = String::from_utf8_lossy(bytes);
        if text.contains('\0') {
            self.text_replaced = true;
            return Some(text.replace('\0', "\u{fffd}").into());
        }
        self.text_replaced |= matches!(text, Cow::Owned(_));
        Some(text)
    }
}

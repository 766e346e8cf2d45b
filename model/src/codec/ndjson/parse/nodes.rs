//! Reads nodes, flat or nested: a stack of our own, so that depth is a limit and not a crash.

use jiter::Peek;

use super::super::columns::{Json, Next, syntax};
use super::super::draft::{NodeDraft, NodeField};
use super::{LineParser, Place, TWICE, flag_names, properties, too_many};
use crate::limits;
use crate::schema::NODE_FLAGS;

impl LineParser {
    /// A node of the list, with all that hang below it.
    pub(super) fn nodes(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut open: Vec<u32> = Vec::new();
        let mut key = self.open_node(json, &mut open)?;
        loop {
            let Some(field) = key else {
                self.close_node(&mut open);
                // The parent's list goes on, or ends, and then the parent's fields go on.
                loop {
                    if open.is_empty() {
                        return Ok(());
                    }
                    match json.jiter.array_step().map_err(syntax)? {
                        Some(Peek::Object) => {
                            key = self.open_node(json, &mut open)?;
                            break;
                        }
                        Some(_) => {
                            let position = open[open.len() - 1] as usize;
                            self.place = Place { list: "nodes", position, field: "children" };
                            return Err("a child is no object".into());
                        }
                        None => match self.next_field(json)? {
                            None => self.close_node(&mut open),
                            field => {
                                key = field;
                                break;
                            }
                        },
                    }
                }
                continue;
            };
            let node = open[open.len() - 1] as usize;
            if let NodeKey::Column(column) = field {
                self.node_field(node, column, json)?;
                key = self.next_field(json)?;
                continue;
            }
            self.place = Place { list: "nodes", position: node, field: "children" };
            key = match self.enter_children(json, node)? {
                true => self.open_node(json, &mut open)?,
                false => self.next_field(json)?,
            };
        }
    }

    /// Whether there is a child to be read.
    fn enter_children(&mut self, json: &mut Json<'_>, node: usize) -> Result<bool, String> {
        if json.peek()? == Peek::Null {
            return json.jiter.known_null().map(|()| false).map_err(syntax);
        }
        if self.nodes.len() > node + 1 {
            return Err(TWICE.into());
        }
        if !self.nested && node > 0 {
            return Err(
                "nodes are nested below one root, which is the only node of the list".into()
            );
        }
        self.nested = true;
        match json.jiter.next_array().map_err(syntax)? {
            None => Ok(false),
            Some(Peek::Object) => Ok(true),
            Some(_) => Err("a child is no object".into()),
        }
    }

    /// Reserves the node's row, so that it stands before its descendants'.
    fn open_node(
        &mut self,
        json: &mut Json<'_>,
        open: &mut Vec<u32>,
    ) -> Result<Option<NodeKey>, String> {
        let node = self.nodes.len() as u32;
        self.place = Place { list: "nodes", position: self.nodes.len(), field: "" };
        if open.len() >= limits::TREE_DEPTH_MAX {
            return Err(format!("lies deeper than {} nodes", limits::TREE_DEPTH_MAX));
        }
        if self.nodes.len() >= limits::UNIT_NODES_MAX {
            return Err(too_many(limits::UNIT_NODES_MAX));
        }
        let parent = open.last().copied();
        if self.nested && parent.is_none() {
            return Err("is a second root; nodes are nested below one".into());
        }
        self.nodes.push(NodeDraft { parent, ..NodeDraft::default() });
        open.push(node);
        json.field(Next::First, NodeKey::named)
    }

    fn close_node(&mut self, open: &mut Vec<u32>) {
        if let Some(node) = open.pop().filter(|_| self.nested) {
            let last = self.nodes.len() as u32 - 1;
            let draft = &mut self.nodes[node as usize];
            (draft.ord, draft.last) = (draft.ord.or(Some(node)), Some(last));
        }
    }

    fn next_field(&mut self, json: &mut Json<'_>) -> Result<Option<NodeKey>, String> {
        self.place.field = "";
        json.field(Next::Further, NodeKey::named)
    }

    fn node_field(
        &mut self,
        node: usize,
        column: NodeField,
        json: &mut Json<'_>,
    ) -> Result<(), String> {
        self.place = Place { list: "nodes", position: node, field: column.name() };
        let draft = &mut self.nodes[node];
        match (column, json.peek()?) {
            (_, Peek::Null) => json.jiter.known_null().map_err(syntax)?,
            (NodeField::ord | NodeField::parent | NodeField::last, _)
                if draft.parent.is_some() && self.nested =>
            {
                return Err("is computed where nodes are nested".into());
            }
            (column, _) if draft.has(column) => return Err(TWICE.into()),
            (NodeField::flags, Peek::Array) => draft.flags = Some(flag_names(json, &NODE_FLAGS)?),
            (NodeField::properties, _) => draft.properties = properties(json)?,
            (column, _) => draft.read(column, json)?,
        }
        Ok(())
    }
}

/// A field of a node.
enum NodeKey {
    Children,
    Column(NodeField),
}

impl NodeKey {
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"children" => Some(Self::Children),
            name => NodeField::named(name).map(Self::Column),
        }
    }
}

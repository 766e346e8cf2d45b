//! Reads one line: a pull parser and a stack of our own, so that depth is a limit and not a crash.

use jiter::{Jiter, Peek};

use super::columns::{Json, Piece, Pool, syntax};
use super::draft::{
    EdgeDraft, EdgeField, NodeDraft, NodeField, SymbolDraft, SymbolField, UnitDraft, UnitField,
    VectorDraft, VectorField,
};
use crate::builder::BatchBuilder;
use crate::ids::UnitId;
use crate::limits;
use crate::schema::{EDGE_FLAGS, NODE_FLAGS, OPS, POSITION_ENCODINGS, UNIT_FLAGS, flags};

/// Reads lines, one unit each. What it allocates is reused for the next one.
#[derive(Debug, Default)]
pub(super) struct LineParser {
    pool: Pool,
    unit: UnitDraft,
    nodes: Vec<NodeDraft>,
    symbols: Vec<SymbolDraft>,
    edges: Vec<EdgeDraft>,
    /// Keys that edges name, by the edge's position.
    edge_symbols: Vec<(usize, Piece)>,
    vectors: Vec<VectorDraft>,
    /// Whether a node has `children`: then `ord`, `parent` and `last` are computed.
    nested: bool,
    place: Place,
}

/// Where in the unit the parser is, for errors.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    list: &'static str,
    position: usize,
    field: &'static str,
}

impl LineParser {
    /// Reads a line, and says which unit it holds.
    pub(super) fn parse(&mut self, line: &[u8]) -> Result<UnitId, String> {
        self.pool.clear();
        self.unit = UnitDraft::default();
        self.nodes.clear();
        self.symbols.clear();
        self.edges.clear();
        self.edge_symbols.clear();
        self.vectors.clear();
        self.nested = false;
        self.place = Place::default();
        let mut pool = std::mem::take(&mut self.pool);
        let mut json = Json { jiter: Jiter::new(line), pool: &mut pool };
        let parsed = self.unit(&mut json);
        let column = json.jiter.current_index() + 1;
        self.pool = pool;
        parsed.map_err(|what| format!("{}{what}, at column {column}", self.place()))?;
        self.id()
    }

    fn place(&self) -> String {
        let Place { list, position, field } = self.place;
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        if list.is_empty() { field } else { format!("{list}[{position}]: {field}") }
    }

    fn id(&mut self) -> Result<UnitId, String> {
        let text = |piece: Option<Piece>, name: &str| match piece {
            Some(piece) => Ok(self.pool.get(piece)),
            None => Err(format!("field `{name}` is missing")),
        };
        let layer = self.unit.layer.map_or("ast", |piece| self.pool.get(piece));
        Ok(UnitId::of(text(self.unit.repo, "repo")?, text(self.unit.path, "path")?, layer))
    }

    /// Adds the unit to a batch.
    pub(super) fn finish(&mut self, to: &mut BatchBuilder) -> Result<(), String> {
        self.name_symbols()?;
        let pool = &self.pool;
        let at = |list: &'static str| move |(position, what)| format!("{list}[{position}]: {what}");
        add(&self.nodes, |row| row.push(pool, &mut to.nodes)).map_err(at("nodes"))?;
        add(&self.symbols, |row| row.push(pool, &mut to.symbols)).map_err(at("symbols"))?;
        add(&self.edges, |row| row.push(pool, &mut to.edges)).map_err(at("edges"))?;
        add(&self.vectors, |row| row.push(pool, &mut to.vectors)).map_err(at("vectors"))?;
        self.unit.push(pool, &mut to.units)?;
        to.end_unit();
        Ok(())
    }

    /// Gives edges that name a symbol by its key the symbol's position, adding it where the unit
    /// did not list it.
    fn name_symbols(&mut self) -> Result<(), String> {
        if self.edge_symbols.is_empty() {
            return Ok(());
        }
        let mut positions = std::collections::HashMap::with_capacity(self.symbols.len());
        for (position, symbol) in self.symbols.iter().enumerate() {
            if let Some(key) = symbol.symbol {
                positions.entry(self.pool.get(key)).or_insert(position as u32);
            }
        }
        for &(edge, key) in &self.edge_symbols {
            let draft = &mut self.edges[edge];
            if draft.dst_symbol.is_some() {
                return Err(format!("edges[{edge}]: has both symbol and dst_symbol"));
            }
            let next = self.symbols.len() as u32;
            let position = *positions.entry(self.pool.get(key)).or_insert(next);
            if position == next {
                self.symbols.push(SymbolDraft { symbol: Some(key), ..SymbolDraft::default() });
            }
            draft.dst_symbol = Some(position);
        }
        Ok(())
    }

    fn unit(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        if json.peek()? != Peek::Object {
            return Err("a line is an object".into());
        }
        let mut key = json.jiter.known_object().map_err(syntax)?;
        while let Some(name) = key {
            match name {
                "nodes" => self.list(json, "nodes", Self::nodes)?,
                "symbols" => self.list(json, "symbols", Self::symbol)?,
                "edges" => self.list(json, "edges", Self::edge)?,
                "vectors" => self.list(json, "vectors", Self::vector)?,
                name => match UnitField::named(name) {
                    None => return Err(unknown(name)),
                    Some(column) => self.unit_field(column, json)?,
                },
            }
            self.place = Place::default();
            key = json.jiter.next_key().map_err(syntax)?;
        }
        json.jiter.finish().map_err(syntax)
    }

    fn unit_field(&mut self, column: UnitField, json: &mut Json<'_>) -> Result<(), String> {
        self.place.field = column.name();
        let unit = &mut self.unit;
        match (column, json.peek()?) {
            (UnitField::op, Peek::String) => unit.op = Some(word(json, &OPS)?),
            (UnitField::position_encoding, Peek::String) => {
                unit.position_encoding = Some(word(json, &POSITION_ENCODINGS)?);
            }
            (UnitField::flags, Peek::Array) => unit.flags = Some(flag_names(json, &UNIT_FLAGS)?),
            (UnitField::properties, _) => unit.properties = properties(json)?,
            (column, _) => unit.read(column, json)?,
        }
        Ok(())
    }

    /// A list of objects, or null.
    fn list(
        &mut self,
        json: &mut Json<'_>,
        list: &'static str,
        element: fn(&mut Self, &mut Json<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        self.place = Place { list, position: 0, field: "" };
        match json.peek()? {
            Peek::Null => return json.jiter.known_null().map_err(syntax),
            Peek::Array => {}
            _ => return Err("is no list".into()),
        }
        let mut next = json.jiter.known_array().map_err(syntax)?;
        let mut position = 0;
        while let Some(peek) = next {
            self.place = Place { list, position, field: "" };
            if peek != Peek::Object {
                return Err("is no object".into());
            }
            element(self, json)?;
            position += 1;
            next = json.jiter.array_step().map_err(syntax)?;
        }
        Ok(())
    }

    /// A node of the list, with all that hang below it.
    fn nodes(&mut self, json: &mut Json<'_>) -> Result<(), String> {
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
                        Some(_) => return Err("children are objects".into()),
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
            self.place.field = "children";
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
        let root = &mut self.nodes[0];
        if !self.nested && (node > 0 || root.ord.is_some_and(|ord| ord > 0)) {
            return Err("nested nodes have one root, the first of the list, with ord 0".into());
        }
        self.nested = true;
        root.ord = Some(0);
        match json.jiter.next_array().map_err(syntax)? {
            None => Ok(false),
            Some(Peek::Object) => Ok(true),
            Some(_) => Err("children are objects".into()),
        }
    }

    /// Reserves the node's row, so that it stands before its descendants'.
    fn open_node(
        &mut self,
        json: &mut Json<'_>,
        open: &mut Vec<u32>,
    ) -> Result<Option<NodeKey>, String> {
        let ord = self.nodes.len() as u32;
        self.place = Place { list: "nodes", position: self.nodes.len(), field: "" };
        if open.len() >= limits::TREE_DEPTH_MAX {
            return Err(format!("lies deeper than {} nodes", limits::TREE_DEPTH_MAX));
        }
        if self.nodes.len() >= limits::UNIT_NODES_MAX {
            return Err(format!("has more than {} nodes", limits::UNIT_NODES_MAX));
        }
        let parent = open.last().copied();
        if self.nested && parent.is_none() {
            return Err("nested nodes have one root, this is the second".into());
        }
        self.nodes.push(NodeDraft { ord: parent.map(|_| ord), parent, ..NodeDraft::default() });
        open.push(ord);
        let key = json.jiter.next_object().map_err(syntax)?;
        key.map(NodeKey::named).transpose()
    }

    fn close_node(&mut self, open: &mut Vec<u32>) {
        if let Some(node) = open.pop().filter(|_| self.nested) {
            self.nodes[node as usize].last = Some(self.nodes.len() as u32 - 1);
        }
    }

    fn next_field(&mut self, json: &mut Json<'_>) -> Result<Option<NodeKey>, String> {
        json.jiter.next_key().map_err(syntax)?.map(NodeKey::named).transpose()
    }

    fn node_field(
        &mut self,
        node: usize,
        column: NodeField,
        json: &mut Json<'_>,
    ) -> Result<(), String> {
        self.place.field = column.name();
        let draft = &mut self.nodes[node];
        match (column, json.peek()?) {
            (NodeField::ord | NodeField::parent | NodeField::last, _)
                if draft.parent.is_some() && self.nested =>
            {
                return Err("is computed where nodes are nested".into());
            }
            (NodeField::flags, Peek::Array) => draft.flags = Some(flag_names(json, &NODE_FLAGS)?),
            (NodeField::properties, _) => draft.properties = properties(json)?,
            (column, _) => draft.read(column, json)?,
        }
        Ok(())
    }

    fn symbol(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = SymbolDraft::default();
        let mut key = json.jiter.known_object().map_err(syntax)?;
        while let Some(name) = key {
            let column = SymbolField::named(name).ok_or_else(|| unknown(name))?;
            self.place.field = column.name();
            draft.read(column, json)?;
            key = json.jiter.next_key().map_err(syntax)?;
        }
        self.symbols.push(draft);
        Ok(())
    }

    fn edge(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = EdgeDraft::default();
        let mut key = json.jiter.known_object().map_err(syntax)?;
        while let Some(name) = key {
            if name == "symbol" {
                self.place.field = "symbol";
                self.edge_symbols.push((self.edges.len(), json.text()?));
            } else {
                let column = EdgeField::named(name).ok_or_else(|| unknown(name))?;
                self.place.field = column.name();
                match (column, json.peek()?) {
                    (EdgeField::flags, Peek::Array) => {
                        draft.flags = Some(flag_names(json, &EDGE_FLAGS)?);
                    }
                    (EdgeField::properties, _) => draft.properties = properties(json)?,
                    (column, _) => draft.read(column, json)?,
                }
            }
            key = json.jiter.next_key().map_err(syntax)?;
        }
        self.edges.push(draft);
        Ok(())
    }

    fn vector(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        let mut draft = VectorDraft::default();
        let mut key = json.jiter.known_object().map_err(syntax)?;
        while let Some(name) = key {
            let column = VectorField::named(name).ok_or_else(|| unknown(name))?;
            self.place.field = column.name();
            draft.read(column, json)?;
            key = json.jiter.next_key().map_err(syntax)?;
        }
        self.vectors.push(draft);
        Ok(())
    }
}

/// A field of a node.
enum NodeKey {
    Children,
    Column(NodeField),
}

impl NodeKey {
    fn named(name: &str) -> Result<Self, String> {
        match NodeField::named(name) {
            Some(column) => Ok(Self::Column(column)),
            None if name == "children" => Ok(Self::Children),
            None => Err(unknown(name)),
        }
    }
}

fn add<T>(
    rows: &[T],
    mut push: impl FnMut(&T) -> Result<(), String>,
) -> Result<(), (usize, String)> {
    let mut numbered = rows.iter().enumerate();
    numbered.try_for_each(|(position, row)| push(row).map_err(|what| (position, what)))
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().take(60).collect();
    format!("unknown field `{name}`")
}

/// A word of a closed list, as its number.
fn word(json: &mut Json<'_>, words: &[&str]) -> Result<u8, String> {
    let word = json.jiter.next_str().map_err(syntax)?;
    match words.iter().position(|known| *known == word) {
        Some(number) => Ok(number as u8),
        None => Err(format!("is none of {}", words.join(", "))),
    }
}

/// Flags by their names.
fn flag_names(json: &mut Json<'_>, names: &[&str]) -> Result<u16, String> {
    let mut set = 0;
    let mut next = json.jiter.next_array().map_err(syntax)?;
    while next.is_some() {
        let flag = json.jiter.next_str().map_err(syntax)?;
        set |= flags(names, &[flag]).ok_or_else(|| format!("is none of {}", names.join(", ")))?;
        next = json.jiter.array_step().map_err(syntax)?;
    }
    Ok(set)
}

/// A JSON value, as its text.
fn properties(json: &mut Json<'_>) -> Result<Option<Piece>, String> {
    match json.peek()? {
        Peek::Null => return json.jiter.known_null().map(|()| None).map_err(syntax),
        Peek::Object => {}
        _ => return Err("is no object".into()),
    }
    let start = json.jiter.current_index();
    json.jiter.next_skip().map_err(syntax)?;
    let raw = json.jiter.slice_to_current(start);
    let text = std::str::from_utf8(raw).map_err(|error| error.to_string())?;
    Ok(Some(json.pool.add(text)))
}

//! Reads one line by a pull parser, into drafts, for the fields of an object come in any order.

mod edges;
mod nodes;

use std::fmt;

use jiter::{Jiter, JiterErrorType, JsonErrorType, Peek};

use super::columns::{Json, Next, Piece, Pool, syntax};
use super::draft::{
    EdgeDraft, NodeDraft, SymbolDraft, Unfinished, UnitDraft, UnitField, VectorDraft,
};
use crate::builder::BatchBuilder;
use crate::column::BatchFull;
use crate::limits;
use crate::schema::{OPS, POSITION_ENCODINGS, UNIT_FLAGS, flags};
use crate::validate::{UnitName, shorten};

/// What is said of a field that an object has already.
const TWICE: &str = "is given twice";

/// Drafts for more nodes than this are freed after the unit that needed them.
const KEPT_NODES: usize = 1 << 20;

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
    /// Which of the unit's lists were read.
    lists: Vec<&'static str>,
    place: Place,
}

/// Where in the unit the parser is, for errors.
#[derive(Debug, Default, Clone, Copy)]
struct Place {
    list: &'static str,
    position: usize,
    field: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, position, field } = self;
        match (list.is_empty(), field.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => write!(f, "{field}: "),
            (false, true) => write!(f, "{list}[{position}]: "),
            (false, false) => write!(f, "{list}[{position}]: {field}: "),
        }
    }
}

/// Why a unit was not added to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unadded {
    /// The batch has no room for it; another may.
    Full(BatchFull),
    /// It lacks a column.
    Broken(String),
}

impl LineParser {
    /// Reads a line, and says which unit it holds.
    pub(super) fn parse(&mut self, line: &[u8]) -> Result<UnitName, String> {
        self.clear();
        let mut pool = std::mem::take(&mut self.pool);
        let mut json = Json { jiter: Jiter::new(line), pool: &mut pool };
        let parsed = self.unit(&mut json);
        let column = json.jiter.current_index() + 1;
        self.pool = pool;
        parsed.map_err(|what| format!("{}{what}, at column {column}", self.place))?;
        self.name_symbols()?;
        let missing = || {
            let field = if self.unit.repo.is_none() { "repo" } else { "path" };
            format!("{field}: is missing")
        };
        self.name().ok_or_else(missing)
    }

    fn clear(&mut self) {
        if self.nodes.capacity() > KEPT_NODES {
            *self = Self::default();
        }
        self.pool.clear();
        self.unit = UnitDraft::default();
        self.nodes.clear();
        self.symbols.clear();
        self.edges.clear();
        self.edge_symbols.clear();
        self.vectors.clear();
        self.nested = false;
        self.lists.clear();
        self.place = Place::default();
    }

    /// The unit of the line, as far as it was read.
    pub(super) fn name(&self) -> Option<UnitName> {
        let text = |piece| self.pool.get(piece);
        let layer = self.unit.layer.map_or("ast", text).to_owned();
        let (repo, path) = (self.unit.repo.map(text)?, self.unit.path.map(text)?);
        Some(UnitName { repo: repo.to_owned(), path: path.to_owned(), layer })
    }

    /// Adds the unit to a batch; where that fails, its children are left for the caller to
    /// abandon.
    pub(super) fn finish(&self, to: &mut BatchBuilder) -> Result<(), Unadded> {
        let pool = &self.pool;
        add("nodes", &self.nodes, |row| row.push(pool, &mut to.nodes))?;
        add("symbols", &self.symbols, |row| row.push(pool, &mut to.symbols))?;
        add("edges", &self.edges, |row| row.push(pool, &mut to.edges))?;
        add("vectors", &self.vectors, |row| row.push(pool, &mut to.vectors))?;
        self.unit.push(pool, &mut to.units).map_err(|error| Unadded::of(error, ""))?;
        to.end_unit();
        Ok(())
    }

    fn unit(&mut self, json: &mut Json<'_>) -> Result<(), String> {
        if json.peek()? != Peek::Object {
            return Err("the line is no object".into());
        }
        let mut next = json.field(Next::First, UnitKey::named)?;
        while let Some(key) = next {
            match key {
                UnitKey::Nodes => self.list(json, "nodes", Self::nodes)?,
                UnitKey::Symbols => self.list(json, "symbols", Self::symbol)?,
                UnitKey::Edges => self.list(json, "edges", Self::edge)?,
                UnitKey::Vectors => self.list(json, "vectors", Self::vector)?,
                UnitKey::Column(column) => self.unit_field(column, json)?,
            }
            self.place = Place::default();
            next = json.field(Next::Further, UnitKey::named)?;
        }
        json.jiter.finish().map_err(syntax)
    }

    fn unit_field(&mut self, column: UnitField, json: &mut Json<'_>) -> Result<(), String> {
        self.place.field = column.name();
        let unit = &mut self.unit;
        match (column, json.peek()?) {
            (column, _) if unit.has(column) => return Err(TWICE.into()),
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
        self.place.field = list;
        if self.lists.contains(&list) {
            return Err(TWICE.into());
        }
        self.lists.push(list);
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
            if position >= limits::UNIT_NODES_MAX {
                return Err(too_many(limits::UNIT_NODES_MAX));
            }
            element(self, json)?;
            position += 1;
            self.place = Place { list: "", position: 0, field: list };
            next = json.jiter.array_step().map_err(syntax)?;
        }
        Ok(())
    }
}

/// The unit that a line names which breaks a rule before it does so: fields come in any order.
pub(super) fn named(line: &[u8]) -> Option<UnitName> {
    let mut json = Jiter::new(line);
    let (mut repo, mut path, mut layer) = (None, None, None);
    let mut key = json.next_object().ok()?.map(str::to_owned);
    while let Some(field) = key {
        let text = match field.as_str() {
            "repo" => &mut repo,
            "path" => &mut path,
            "layer" => &mut layer,
            _ => &mut None,
        };
        match json.peek().ok()? {
            Peek::String => *text = Some(json.next_str().ok()?.to_owned()),
            _ => json.next_skip().ok()?,
        }
        key = json.next_key().ok()?.map(str::to_owned);
    }
    json.finish().ok()?;
    Some(UnitName { repo: repo?, path: path?, layer: layer.unwrap_or_else(|| "ast".to_owned()) })
}

/// A field of a unit.
enum UnitKey {
    Nodes,
    Symbols,
    Edges,
    Vectors,
    Column(UnitField),
}

impl UnitKey {
    fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"nodes" => Some(Self::Nodes),
            b"symbols" => Some(Self::Symbols),
            b"edges" => Some(Self::Edges),
            b"vectors" => Some(Self::Vectors),
            name => UnitField::named(name).map(Self::Column),
        }
    }
}

impl Unadded {
    fn of(error: Unfinished, place: &str) -> Self {
        match error {
            Unfinished::Full(full) => Self::Full(full),
            missing @ Unfinished::Missing(_) => Self::Broken(format!("{place}{missing}")),
        }
    }
}

fn add<T>(
    list: &str,
    rows: &[T],
    mut push: impl FnMut(&T) -> Result<(), Unfinished>,
) -> Result<(), Unadded> {
    rows.iter().enumerate().try_for_each(|(position, row)| {
        push(row).map_err(|error| Unadded::of(error, &format!("{list}[{position}]: ")))
    })
}

fn too_many(max: usize) -> String {
    format!("are more than {max}")
}

/// A word of a closed list, as its number.
fn word(json: &mut Json<'_>, words: &[&str]) -> Result<u8, String> {
    let word = json.jiter.next_str().map_err(syntax)?;
    match words.iter().position(|known| *known == word) {
        Some(number) => Ok(number as u8),
        None => Err(format!("`{}` is none of {}", shorten(word), words.join(", "))),
    }
}

/// Flags by their names.
fn flag_names(json: &mut Json<'_>, names: &[&str]) -> Result<u16, String> {
    let mut set = 0;
    let mut next = json.jiter.next_array().map_err(syntax)?;
    while next.is_some() {
        let flag = json.jiter.next_str().map_err(syntax)?;
        set |= flags(names, &[flag])
            .ok_or_else(|| format!("`{}` is none of {}", shorten(flag), names.join(", ")))?;
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
    json.jiter.next_skip().map_err(|error| match error.error_type {
        JiterErrorType::JsonError(JsonErrorType::RecursionLimitExceeded) => {
            format!("nests deeper than {} levels", limits::PROPERTIES_DEPTH_MAX)
        }
        _ => syntax(error),
    })?;
    let raw = json.jiter.slice_to_current(start);
    let text = std::str::from_utf8(raw).map_err(|error| error.to_string())?;
    Ok(Some(json.pool.add(text)))
}

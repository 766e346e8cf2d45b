//! The documents of a unit, as lines of `_bulk`.
//!
//! A version of a unit has documents of its own, named by what is in it: a version that is being written
//! touches none of the one that is there, and writers of two versions none of each other's. The unit's
//! own document says which version counts, and is written last.

use std::collections::{BTreeMap, HashSet};

use astload_model::{Batch, Unit, UnitId};

use super::bulk::Bulk;
use super::found::now;
use super::json::{self, Object};
use super::schema::Names;
use crate::hex::hex;

/// What a unit's documents are, without themselves.
#[derive(Debug)]
pub(super) struct Version {
    /// Names the documents of its nodes.
    pub(super) name: String,
    /// The hash of all that is in it, but for its generation.
    pub(super) content: String,
}

/// A unit that is to be written.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    unit: Unit<'a>,
    pub(super) version: Version,
    /// The documents of its nodes, but for what says whose they are.
    pub(super) bodies: Vec<u8>,
    ends: Vec<usize>,
}

/// The id of a unit's document.
pub(super) fn unit_id(id: UnitId) -> String {
    format!("{:016x}", id.as_i64())
}

/// The id of a node's document.
pub(super) fn node_id(unit: &str, version: &str, position: usize) -> String {
    format!("{unit}.{version}.{position:x}")
}

impl<'a> Draft<'a> {
    /// Of a unit that is replaced, in a buffer that may have been another's.
    pub(super) fn of(batch: &'a Batch, unit: Unit<'a>, mut bodies: Vec<u8>) -> Self {
        bodies.clear();
        let by_node = ByNode::of(batch, unit);
        let mut ends = Vec::with_capacity(unit.nodes().len());
        let mut hash = blake3::Hasher::new();
        hash.update(&unit_columns(&unit));
        for i in unit.nodes() {
            let start = bodies.len();
            by_node.node(i, &mut bodies);
            hash.update(&bodies[start..]);
            ends.push(bodies.len());
        }
        let content = hash.finalize().to_hex()[..32].to_owned();
        // Of the same content at another generation the documents are others: those that are deleted
        // with one version are never those that another writer has just written.
        hash.update(&unit.generation().unwrap_or_default().to_le_bytes());
        let name = hash.finalize().to_hex()[..32].to_owned();
        Self { unit, version: Version { name, content }, bodies, ends }
    }

    /// Adds the documents of its nodes.
    pub(super) fn push(&self, bulk: &mut Bulk, names: &Names, route: bool) {
        let (id, version) = (unit_id(self.unit.id()), &self.version.name);
        let index = names.alias("nodes");
        let owner = format!(",\"unit_id\":\"{id}\",\"version\":\"{version}\",\"at\":{}}}\n", now());
        let mut start = 0;
        for (position, &end) in self.ends.iter().enumerate() {
            bulk.push(|lines| {
                let node = node_id(&id, version, position);
                action(lines, "index", &index, &node, routing(&self.unit, route));
                // What says whose it is comes after what was hashed.
                lines.extend_from_slice(&self.bodies[start..end - 1]);
                lines.extend_from_slice(owner.as_bytes());
            });
            start = end;
        }
    }
}

fn routing<'a>(unit: &Unit<'a>, route: bool) -> Option<&'a str> {
    route.then(|| unit.repo())
}

/// The line before a document.
pub(super) fn action(lines: &mut Vec<u8>, op: &str, index: &str, id: &str, routing: Option<&str>) {
    lines.extend_from_slice(b"{\"");
    lines.extend_from_slice(op.as_bytes());
    lines.extend_from_slice(b"\":{\"_index\":\"");
    lines.extend_from_slice(index.as_bytes());
    lines.extend_from_slice(b"\",\"_id\":\"");
    lines.extend_from_slice(id.as_bytes());
    lines.push(b'"');
    if let Some(routing) = routing {
        lines.extend_from_slice(b",\"routing\":");
        json::text(lines, routing);
    }
    lines.extend_from_slice(b"}}\n");
}

/// The columns of a unit that are the same whenever it is written.
fn unit_columns(unit: &Unit<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut object = Object::begin(&mut bytes);
    columns(unit, &mut object);
    object.end();
    bytes
}

fn columns(unit: &Unit<'_>, object: &mut Object<'_>) {
    let hash = unit.content_hash().map(|hash| hex(hash));
    object.text("repo", Some(unit.repo()));
    object.text("path", Some(unit.path()));
    object.text("layer", Some(unit.layer()));
    object.text("revision", unit.revision());
    object.text("language", unit.language());
    object.text("content_hash", hash.as_deref());
    object.text("extractor", Some(unit.extractor()));
    object.number("size_bytes", unit.size_bytes());
    object.number("line_count", unit.line_count());
    object.number("position_encoding", Some(unit.position_encoding()));
    object.number("flags", Some(unit.flags()));
    if unit.flags() & 1 == 1 {
        object.truth("has_error");
    }
    object.properties(unit.properties());
}

/// The document of a unit whose nodes are there.
pub(super) fn unit_document(unit: &Unit<'_>, version: &Version, selection: Option<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut object = Object::begin(&mut bytes);
    object.text("unit_id", Some(&unit_id(unit.id())));
    columns(unit, &mut object);
    object.number("generation", unit.generation());
    object.text("selection", selection.map(|digest| digest.to_string()).as_deref());
    object.number("nodes", Some(unit.nodes().len() as u64));
    object.number("edges", Some(unit.edges().len() as u64));
    object.number("vectors", Some(unit.vectors().len() as u64));
    object.text("version", Some(&version.name));
    object.text("content", Some(&version.content));
    object.end();
    bytes
}

/// The document of a unit that is deleted.
pub(super) fn tombstone(id: &str, repo: &str, path: &str, layer: &str, generation: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut object = Object::begin(&mut bytes);
    object.text("unit_id", Some(id));
    object.text("repo", Some(repo));
    object.text("path", Some(path));
    object.text("layer", Some(layer));
    object.number("generation", Some(generation));
    object.truth("deleted");
    object.end();
    bytes
}

/// A unit's edges and vectors by the node where they start.
struct ByNode<'a> {
    batch: &'a Batch,
    unit: Unit<'a>,
    edges: Vec<(u32, usize)>,
    vectors: Vec<(u32, usize)>,
}

impl<'a> ByNode<'a> {
    fn of(batch: &'a Batch, unit: Unit<'a>) -> Self {
        let (all, vectors_of) = (batch.edges(), batch.vectors());
        let sorted = |mut rows: Vec<(u32, usize)>| {
            rows.sort_unstable();
            rows
        };
        let edges = unit.edges().map(|i| (all.src[i], i)).collect();
        let vectors = unit.vectors().map(|i| (vectors_of.node[i], i)).collect();
        Self { batch, unit, edges: sorted(edges), vectors: sorted(vectors) }
    }

    /// A node's document, but for what says whose it is.
    fn node(&self, i: usize, bytes: &mut Vec<u8>) {
        let nodes = self.batch.nodes();
        let ord = nodes.ord[i];
        let mut object = Object::begin(bytes);
        object.number("ord", Some(ord));
        object.number("last", Some(nodes.last[i]));
        object.number("parent", nodes.parent.get(i));
        object.text("label", Some(nodes.label.at(i)));
        object.text("kind", Some(nodes.kind.at(i)));
        object.text("field", nodes.field.get(i));
        object.text("name", nodes.name.get(i));
        object.text("text", nodes.text.get(i));
        object.number("start_byte", nodes.start_byte.get(i));
        object.number("end_byte", nodes.end_byte.get(i));
        object.number("start_line", nodes.start_line.get(i));
        object.number("start_col", nodes.start_col.get(i));
        object.number("end_line", nodes.end_line.get(i));
        object.number("end_col", nodes.end_col.get(i));
        object.number("flags", Some(nodes.flags[i]));
        object.properties(nodes.properties.get(i));
        object.text("repo", Some(self.unit.repo()));
        object.text("path", Some(self.unit.path()));
        object.text("language", self.unit.language());
        // What no edge ends at is kept with the root.
        let mentions = if i == self.unit.nodes().start { self.mentions() } else { Vec::new() };
        let edges = of_node(&self.edges, ord);
        if !edges.is_empty() || !mentions.is_empty() {
            self.edges(edges, &mentions, &mut object);
        }
        let vectors = of_node(&self.vectors, ord);
        if !vectors.is_empty() {
            object.value("vectors", |bytes| self.vectors(vectors, bytes));
        }
        object.end();
    }

    /// The symbols of the unit's list that no edge ends at.
    fn mentions(&self) -> Vec<usize> {
        let ends: HashSet<u32> =
            self.edges.iter().filter_map(|&(_, i)| self.batch.edges().dst_symbol.get(i)).collect();
        let own = self.unit.symbols().zip(0..);
        own.filter(|(_, position)| !ends.contains(position)).map(|(row, _)| row).collect()
    }

    /// The edges as they were given, with their symbols; symbols that are mentioned besides; and what
    /// of all these is searched.
    fn edges(&self, rows: &[(u32, usize)], mentions: &[usize], object: &mut Object<'_>) {
        let (edges, symbols) = (self.batch.edges(), self.batch.symbols());
        let first = self.unit.symbols().start;
        let symbol_of =
            |i: usize| edges.dst_symbol.get(i).map(|position| first + position as usize);
        let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let (mut keys, mut named) = (Vec::new(), Vec::new());
        for &(_, i) in rows {
            if let Some(row) = symbol_of(i) {
                let key = symbols.symbol.at(row);
                uses.entry(edges.kind.at(i)).or_default().push(key);
                keys.push(key);
                named.extend(symbols.name.get(row));
            }
        }
        keys.extend(mentions.iter().map(|&row| symbols.symbol.at(row)));
        named.extend(mentions.iter().filter_map(|&row| symbols.name.get(row)));
        for list in uses.values_mut().chain([&mut keys, &mut named]) {
            list.sort_unstable();
            list.dedup();
        }
        // A name that is a path to the server, or too long for it, cannot be one of `uses`.
        uses.retain(|kind, _| !kind.contains('.') && kind.len() <= 256);
        for list in uses.values_mut() {
            list.retain(|key| key.len() <= 8_000);
        }
        if !uses.is_empty() {
            object.value("uses", |bytes| json::any(bytes, &uses));
        }
        if !keys.is_empty() {
            object.value("symbols", |bytes| json::any(bytes, &keys));
        }
        if !named.is_empty() {
            object.value("symbol_names", |bytes| json::any(bytes, &named));
        }
        if !mentions.is_empty() {
            object.value("mentions", |bytes| {
                bytes.extend_from_slice(b"{\"rows\":[");
                for (at, &row) in mentions.iter().enumerate() {
                    bytes.extend_from_slice(if at > 0 { b",[" } else { b"[" });
                    self.symbol(row, bytes);
                    bytes.push(b']');
                }
                bytes.extend_from_slice(b"]}");
            });
        }
        if rows.is_empty() {
            return;
        }
        object.value("edges", |bytes| {
            bytes.extend_from_slice(b"{\"rows\":[");
            for (at, &(_, i)) in rows.iter().enumerate() {
                if at > 0 {
                    bytes.push(b',');
                }
                self.edge(i, symbol_of(i), bytes);
            }
            bytes.extend_from_slice(b"]}");
        });
    }

    /// In the order in which it is read back.
    fn edge(&self, i: usize, symbol: Option<usize>, bytes: &mut Vec<u8>) {
        let edges = self.batch.edges();
        bytes.push(b'[');
        json::text(bytes, edges.kind.at(i));
        for number in [
            edges.dst_node.get(i),
            Some(edges.ord[i]),
            edges.start_byte.get(i),
            edges.end_byte.get(i),
            edges.start_line.get(i),
            edges.start_col.get(i),
            Some(edges.flags[i].into()),
        ] {
            bytes.push(b',');
            json::number_or_null(bytes, number);
        }
        bytes.push(b',');
        json::text_or_null(bytes, edges.properties.get(i));
        if let Some(row) = symbol {
            bytes.push(b',');
            self.symbol(row, bytes);
        }
        bytes.push(b']');
    }

    /// What the unit says of a symbol.
    fn symbol(&self, row: usize, bytes: &mut Vec<u8>) {
        let symbols = self.batch.symbols();
        json::text(bytes, symbols.symbol.at(row));
        for text in [Some(symbols.kind.at(row)), symbols.name.get(row), symbols.package.get(row)] {
            bytes.push(b',');
            json::text_or_null(bytes, text);
        }
    }

    fn vectors(&self, rows: &[(u32, usize)], bytes: &mut Vec<u8>) {
        let vectors = self.batch.vectors();
        bytes.extend_from_slice(b"{\"rows\":[");
        for (at, &(_, i)) in rows.iter().enumerate() {
            if at > 0 {
                bytes.push(b',');
            }
            bytes.push(b'[');
            json::text(bytes, vectors.model.at(i));
            bytes.push(b',');
            json::text(bytes, &vectors.text_hash.get(i).map(|hash| hex(hash)).unwrap_or_default());
            // Their bits, for JSON has no number that is none.
            for number in vectors.vector.at(i) {
                bytes.push(b',');
                json::number(bytes, number.to_bits().into());
            }
            bytes.push(b']');
        }
        bytes.extend_from_slice(b"]}");
    }
}

/// The rows of one node, of rows that are sorted.
fn of_node(rows: &[(u32, usize)], ord: u32) -> &[(u32, usize)] {
    let start = rows.partition_point(|(node, _)| *node < ord);
    let count = rows[start..].partition_point(|(node, _)| *node == ord);
    &rows[start..start + count]
}

//! One form of a unit that does not depend on who holds it.

use crate::column::{Numbers, Texts, Words};
use crate::unit::Unit;

/// The hash of a unit's canonical form; equal for two stores that hold the same rows.
///
/// BLAKE3 over the unit's rows: the columns in the order of the schema, words instead of keys,
/// symbols sorted by their keys, edges by what identifies them, with the symbols' keys in them. Left out
/// is the generation, which says when and not what. A null is a byte 0; any other value begins with a byte 1, then comes an integer as a u64, little-endian, or a text
/// after its length as such. Lists follow their length in the same form.
pub fn canonical_hash(unit: &Unit<'_>) -> [u8; 32] {
    let mut form = Form { hasher: blake3::Hasher::new(), pending: Vec::new() };
    own_columns(&mut form, unit);
    nodes(&mut form, unit);
    symbols(&mut form, unit);
    edges(&mut form, unit);
    vectors(&mut form, unit);
    form.hasher.update(&form.pending);
    *form.hasher.finalize().as_bytes()
}

/// What is hashed. It is never held as a whole: a unit may take a GiB.
struct Form {
    hasher: blake3::Hasher,
    /// Written, but not hashed yet, for the hash is quick on long pieces only.
    pending: Vec<u8>,
}

impl Form {
    fn write(&mut self, bytes: &[u8]) {
        const PIECE: usize = 64 << 10;
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= PIECE {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    fn number(&mut self, value: Option<impl Into<u64>>) {
        self.write(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            self.write(&value.into().to_le_bytes());
        }
    }

    fn bytes(&mut self, value: Option<&[u8]>) {
        self.number(value.map(|value| value.len() as u64));
        self.write(value.unwrap_or_default());
    }

    fn text(&mut self, value: Option<&str>) {
        self.bytes(value.map(str::as_bytes));
    }

    fn numbers<T: Copy + Into<u64>>(&mut self, row: usize, columns: &[Numbers<'_, T>]) {
        columns.iter().for_each(|column| self.number(column.get(row)));
    }

    fn texts(&mut self, row: usize, columns: &[Texts<'_>]) {
        columns.iter().for_each(|column| self.text(column.get(row)));
    }

    fn words(&mut self, row: usize, columns: &[Words<'_>]) {
        columns.iter().for_each(|column| self.text(column.get(row)));
    }
}

fn own_columns(form: &mut Form, unit: &Unit<'_>) {
    form.number(Some(unit.op().code()));
    form.text(Some(unit.repo()));
    form.text(Some(unit.path()));
    form.text(Some(unit.layer()));
    form.text(unit.revision());
    form.text(unit.language());
    form.bytes(unit.content_hash().map(<[u8; 32]>::as_slice));
    form.text(Some(unit.extractor()));
    form.number(unit.size_bytes());
    form.number(unit.line_count());
    form.number(Some(unit.position_encoding()));
    form.number(Some(unit.flags()));
    form.text(unit.properties());
}

fn nodes(form: &mut Form, unit: &Unit<'_>) {
    let nodes = unit.node_view();
    form.number(Some(unit.nodes().len() as u64));
    for i in unit.nodes() {
        form.numbers(i, &[nodes.ord, nodes.parent, nodes.last]);
        form.words(i, &[nodes.label, nodes.kind, nodes.field]);
        form.texts(i, &[nodes.name, nodes.text]);
        form.numbers(i, &[nodes.start_byte, nodes.end_byte, nodes.start_line, nodes.start_col]);
        form.numbers(i, &[nodes.end_line, nodes.end_col]);
        form.number(Some(nodes.flags[i]));
        form.text(nodes.properties.get(i));
    }
}

fn symbols(form: &mut Form, unit: &Unit<'_>) {
    let symbols = unit.symbol_view();
    let mut sorted: Vec<usize> = unit.symbols().collect();
    sorted.sort_unstable_by_key(|&i| symbols.symbol.at(i));
    form.number(Some(sorted.len() as u64));
    for i in sorted {
        form.text(Some(symbols.symbol.at(i)));
        form.words(i, &[symbols.kind]);
        form.texts(i, &[symbols.name, symbols.package]);
    }
}

fn edges(form: &mut Form, unit: &Unit<'_>) {
    let (edges, symbols) = (unit.edge_view(), unit.symbol_view());
    let first = unit.symbols().start;
    let symbol = |i: usize| {
        edges.dst_symbol.get(i).map(|position| symbols.symbol.at(first + position as usize))
    };
    let key =
        |i: usize| (edges.src[i], edges.kind.at(i), edges.dst_node.get(i), symbol(i), edges.ord[i]);
    let mut sorted: Vec<usize> = unit.edges().collect();
    sorted.sort_unstable_by(|&a, &b| key(a).cmp(&key(b)));
    form.number(Some(sorted.len() as u64));
    for i in sorted {
        form.number(Some(edges.src[i]));
        form.text(Some(edges.kind.at(i)));
        form.number(edges.dst_node.get(i));
        form.text(symbol(i));
        form.number(Some(edges.ord[i]));
        form.numbers(i, &[edges.start_byte, edges.end_byte, edges.start_line, edges.start_col]);
        form.number(Some(edges.flags[i]));
        form.text(edges.properties.get(i));
    }
}

fn vectors(form: &mut Form, unit: &Unit<'_>) {
    let vectors = unit.vector_view();
    let mut sorted: Vec<usize> = unit.vectors().collect();
    sorted.sort_unstable_by_key(|&i| (vectors.node[i], vectors.model.at(i)));
    form.number(Some(sorted.len() as u64));
    for i in sorted {
        form.number(Some(vectors.node[i]));
        form.text(Some(vectors.model.at(i)));
        form.bytes(vectors.text_hash.get(i).map(<[u8; 16]>::as_slice));
        let numbers = vectors.vector.at(i);
        form.number(Some(numbers.len() as u64));
        numbers.iter().for_each(|number| form.write(&number.to_le_bytes()));
    }
}

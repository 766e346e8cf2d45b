//! Rows that need only be bound: words and symbols are numbers, absent values are decided.

use std::collections::HashMap;

use astload_model::{Batch, SymbolId, UnitId, Words};

/// A row of `node`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeReady<'a> {
    pub(crate) unit: i64,
    pub(crate) ord: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) last: u32,
    pub(crate) label: i64,
    pub(crate) kind: i64,
    pub(crate) field: Option<i64>,
    pub(crate) name: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
    pub(crate) span: [Option<u32>; 6],
    pub(crate) flags: u16,
    pub(crate) properties: Option<&'a str>,
}

/// A row of `symbol`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SymbolReady<'a> {
    pub(crate) number: i64,
    pub(crate) id: [u8; 16],
    pub(crate) symbol: &'a str,
}

/// A row of `edge`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EdgeReady<'a> {
    pub(crate) unit: i64,
    pub(crate) position: i64,
    pub(crate) src: u32,
    pub(crate) kind: i64,
    pub(crate) dst_node: Option<u32>,
    pub(crate) dst_symbol: Option<i64>,
    pub(crate) ord: u32,
    pub(crate) span: [Option<u32>; 4],
    pub(crate) flags: u16,
    pub(crate) properties: Option<&'a str>,
}

/// A row of `unit`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitReady<'a> {
    pub(crate) number: i64,
    pub(crate) id: i64,
    /// Repository, layer, extractor.
    pub(crate) words: [i64; 3],
    pub(crate) path: &'a str,
    pub(crate) language: Option<i64>,
    pub(crate) content_hash: Option<&'a [u8; 32]>,
    pub(crate) generation: i64,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) line_count: Option<u32>,
    pub(crate) flags: u16,
    /// Nodes, edges, vectors.
    pub(crate) counts: [i64; 3],
}

/// All rows of a batch, and the numbers of the units that they replace.
#[derive(Debug, Default)]
pub struct ReadyRows<'a> {
    pub(crate) words: Vec<(i64, String)>,
    pub(crate) nodes: Vec<NodeReady<'a>>,
    pub(crate) symbols: Vec<SymbolReady<'a>>,
    pub(crate) edges: Vec<EdgeReady<'a>>,
    pub(crate) units: Vec<UnitReady<'a>>,
    pub(crate) replaced: Vec<i64>,
}

impl ReadyRows<'_> {
    /// How many rows a store will hold of it.
    pub fn len(&self) -> usize {
        self.nodes.len() + self.symbols.len() + self.edges.len() + self.units.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Gives local numbers, as a store would that sees these batches one after another.
#[derive(Debug, Default)]
pub struct Numbering {
    words: HashMap<String, i64>,
    symbols: HashMap<SymbolId, i64>,
    units: HashMap<UnitId, i64>,
    last_unit: i64,
}

impl Numbering {
    /// A batch's rows, ready to be bound.
    pub fn ready<'a>(&mut self, batch: &'a Batch) -> ReadyRows<'a> {
        let mut ready = ReadyRows::default();
        for unit in batch.units() {
            self.last_unit += 1;
            let number = self.last_unit;
            ready.replaced.extend(self.units.insert(unit.id(), number));
            let words = [unit.repo(), unit.layer(), unit.extractor()]
                .map(|word| self.word(word, &mut ready.words));
            let counts =
                [unit.nodes(), unit.edges(), unit.vectors()].map(|range| range.len() as i64);
            ready.units.push(UnitReady {
                number,
                id: unit.id().as_i64(),
                words,
                path: unit.path(),
                language: unit.language().map(|word| self.word(word, &mut ready.words)),
                content_hash: unit.content_hash(),
                generation: unit.generation().unwrap_or_default() as i64,
                size_bytes: unit.size_bytes().map(|size| size as i64),
                line_count: unit.line_count(),
                flags: unit.flags(),
                counts,
            });
            self.nodes(batch, unit.nodes(), number, &mut ready);
            let symbols = self.symbols(batch, unit.symbols(), &mut ready);
            self.edges(batch, unit.edges(), number, &symbols, &mut ready);
        }
        ready
    }

    fn nodes<'a>(
        &mut self,
        batch: &'a Batch,
        rows: std::ops::Range<usize>,
        unit: i64,
        ready: &mut ReadyRows<'a>,
    ) {
        let nodes = batch.nodes();
        for i in rows {
            ready.nodes.push(NodeReady {
                unit,
                ord: nodes.ord[i],
                parent: nodes.parent.get(i),
                last: nodes.last[i],
                label: self.word(nodes.label.at(i), &mut ready.words),
                kind: self.word(nodes.kind.at(i), &mut ready.words),
                field: self.optional(&nodes.field, i, &mut ready.words),
                name: nodes.name.get(i),
                text: nodes.text.get(i),
                span: [
                    nodes.start_byte.get(i),
                    nodes.end_byte.get(i),
                    nodes.start_line.get(i),
                    nodes.start_col.get(i),
                    nodes.end_line.get(i),
                    nodes.end_col.get(i),
                ],
                flags: nodes.flags[i],
                properties: nodes.properties.get(i),
            });
        }
    }

    /// The numbers of a unit's symbols; those that are new become rows.
    fn symbols<'a>(
        &mut self,
        batch: &'a Batch,
        rows: std::ops::Range<usize>,
        ready: &mut ReadyRows<'a>,
    ) -> Vec<i64> {
        let symbols = batch.symbols();
        let mut numbers = Vec::with_capacity(rows.len());
        for i in rows {
            let id = SymbolId::of(symbols.symbol.at(i));
            let next = self.symbols.len() as i64 + 1;
            let number = *self.symbols.entry(id).or_insert(next);
            numbers.push(number);
            if number == next {
                ready.symbols.push(SymbolReady {
                    number,
                    id: id.to_bytes(),
                    symbol: symbols.symbol.at(i),
                });
            }
        }
        numbers
    }

    fn edges<'a>(
        &mut self,
        batch: &'a Batch,
        rows: std::ops::Range<usize>,
        unit: i64,
        symbols: &[i64],
        ready: &mut ReadyRows<'a>,
    ) {
        let edges = batch.edges();
        for (position, i) in rows.enumerate() {
            ready.edges.push(EdgeReady {
                unit,
                position: position as i64,
                src: edges.src[i],
                kind: self.word(edges.kind.at(i), &mut ready.words),
                dst_node: edges.dst_node.get(i),
                dst_symbol: edges.dst_symbol.get(i).map(|symbol| symbols[symbol as usize]),
                ord: edges.ord[i],
                span: [
                    edges.start_byte.get(i),
                    edges.end_byte.get(i),
                    edges.start_line.get(i),
                    edges.start_col.get(i),
                ],
                flags: edges.flags[i],
                properties: edges.properties.get(i),
            });
        }
    }

    fn optional(
        &mut self,
        words: &Words<'_>,
        row: usize,
        new: &mut Vec<(i64, String)>,
    ) -> Option<i64> {
        words.get(row).map(|word| self.word(word, new))
    }

    fn word(&mut self, word: &str, new: &mut Vec<(i64, String)>) -> i64 {
        if let Some(&number) = self.words.get(word) {
            return number;
        }
        let number = self.words.len() as i64 + 1;
        self.words.insert(word.to_owned(), number);
        new.push((number, word.to_owned()));
        number
    }
}

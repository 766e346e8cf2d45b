//! The rows of accepted units, as one statement's values.
//!
//! One statement, the same for every batch: it makes all nodes, symbols and relationships, and what it
//! made is bound, so nothing is looked up by an index but units and symbols. `bench/README.md` has what
//! other shapes cost the server. Rows are lists, for a map would repeat its keys in each.

use std::collections::HashMap;

use astload_model::{Batch, Mention, Op, Said, SymbolId, Unit};
use neo4rs::{BoltType, Query};

use super::connect::Tx;
use super::names::{CODE, Names, type_of};
use super::statements::{PUT_REPOS, WRITE};
use super::value::{floats, int, int_or_null, list, map, text, text_or_null};
use crate::contract::RowCounts;
use crate::error::Result;
use crate::hex::hex;

/// Units that are to be written.
pub(super) struct Rows<'a> {
    pub(super) names: &'a Names,
    pub(super) batch: &'a Batch,
    /// Positions in the batch.
    pub(super) accepted: &'a [usize],
    /// Ids of units that were locked, and stay.
    pub(super) untouched: &'a [i64],
    pub(super) selection: Option<u64>,
    pub(super) repos: &'a [((&'a str, &'a str), u64)],
}

/// Values that are sent once, and their numbers.
struct Once<K> {
    numbers: HashMap<K, i64>,
    values: Vec<BoltType>,
}

impl<K: std::hash::Hash + Eq> Once<K> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }

    fn number(&mut self, key: K, value: impl FnOnce() -> BoltType) -> i64 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.values.push(value());
            self.values.len() as i64 - 1
        })
    }
}

impl Rows<'_> {
    pub(super) async fn write(&self, tx: &mut Tx, what: &str) -> Result<RowCounts> {
        let kept: Vec<Unit<'_>> = self.units(Op::Replace);
        let mut types = Once::new();
        let (nodes, children, labels) = self.nodes(&kept);
        let (symbols, positions) = self.symbols(&kept);
        let (uses, edges) = self.edges(&kept, &positions, &mut types);
        let mentions = self.mentions(&kept, &positions);
        let vectors = self.vectors(&kept);
        let counts = RowCounts {
            nodes: (nodes.len() + kept.len()) as u64,
            edges: (uses.len() + edges.len()) as u64,
            symbols: 0,
            vectors: vectors.len() as u64,
        };
        let made = (nodes.len() + vectors.len()) as u64;
        let units = kept.iter().map(|unit| self.unit(unit)).collect();
        let tombstones = self.units(Op::Delete).iter().map(tombstone).collect();
        let query = Query::new(self.names.cypher(WRITE))
            .param("units", list(units))
            .param("tombstones", list(tombstones))
            .param("untouched", list(self.untouched.iter().map(|&id| int(id)).collect()))
            .param("labels", list(labels))
            .param("nodes", list(nodes))
            .param("symbols", list(symbols))
            .param("mentions", list(mentions))
            .param("children", list(children))
            .param("types", list(types.values))
            .param("uses", list(uses))
            .param("edges", list(edges))
            .param("vectors", list(vectors));
        let created = tx.run(query, what).await?;
        self.put_repos(tx, what).await?;
        Ok(RowCounts { symbols: created.saturating_sub(made), ..counts })
    }

    async fn put_repos(&self, tx: &mut Tx, what: &str) -> Result<()> {
        if self.repos.is_empty() {
            return Ok(());
        }
        let row = |((repo, layer), generation): &((&str, &str), u64)| {
            list(vec![text(repo), text(layer), int(*generation as i64)])
        };
        let rows = list(self.repos.iter().map(row).collect());
        let query = Query::new(self.names.cypher(PUT_REPOS)).param("repos", rows);
        tx.run(query, what).await.map(drop)
    }

    fn units(&self, op: Op) -> Vec<Unit<'_>> {
        let units = self.accepted.iter().map(|&at| self.batch.unit(at));
        units.filter(|unit| unit.op() == op).collect()
    }

    /// A kind is a label, but where it could be taken for another.
    fn labels_of(&self, label: &str, kind: &str) -> (BoltType, bool) {
        let is_label = self.names.is_label(kind);
        let mut labels = vec![text(&self.names.of(CODE)), text(label)];
        if is_label {
            labels.push(text(kind));
        }
        (list(labels), is_label)
    }

    /// All nodes but the roots, which are the units' own; which is below which; and the labels of
    /// both. Positions count the roots first.
    fn nodes(&self, kept: &[Unit<'_>]) -> (Vec<BoltType>, Vec<BoltType>, Vec<BoltType>) {
        let nodes = self.batch.nodes();
        let total: usize = kept.iter().map(|unit| unit.nodes().len() - 1).sum();
        let mut rows = Vec::with_capacity(total);
        let mut children = Vec::with_capacity(total);
        let mut combined = Once::new();
        let mut as_labels: HashMap<i64, bool> = HashMap::new();
        for (at, unit) in kept.iter().enumerate() {
            let range = unit.nodes();
            let place =
                Place { ords: &nodes.ord[range.clone()], unit: at, first: kept.len() + rows.len() };
            for i in range.skip(1) {
                let (label, kind) = (nodes.label.at(i), nodes.kind.at(i));
                let mut is_label = None;
                let keys = (nodes.label.keys[i], nodes.kind.keys[i]);
                let number = combined.number(keys, || {
                    let (labels, known) = self.labels_of(label, kind);
                    is_label = Some(known);
                    labels
                });
                if let Some(known) = is_label {
                    as_labels.insert(number, known);
                }
                let told = as_labels.get(&number).copied().unwrap_or_default();
                children.push(list(vec![
                    int(place.of(nodes.parent.get(i).unwrap_or_default())),
                    int((kept.len() + rows.len()) as i64),
                ]));
                rows.push(list(vec![
                    int(number),
                    int(nodes.ord[i]),
                    int(nodes.last[i]),
                    int(nodes.flags[i]),
                    text_or_null(nodes.name.get(i)),
                    int_or_null(nodes.start_byte.get(i)),
                    int_or_null(nodes.end_byte.get(i)),
                    int_or_null(nodes.start_line.get(i)),
                    int_or_null(nodes.start_col.get(i)),
                    int_or_null(nodes.end_line.get(i)),
                    int_or_null(nodes.end_col.get(i)),
                    text_or_null(nodes.field.get(i)),
                    text_or_null(nodes.text.get(i)),
                    text_or_null(nodes.properties.get(i)),
                    text_or_null((!told).then_some(kind)),
                ]));
            }
        }
        (rows, children, combined.values)
    }

    /// What units say of symbols beyond what is known by their keys and edges, by symbol.
    fn mentions(&self, kept: &[Unit<'_>], symbols: &HashMap<SymbolId, i64>) -> Vec<BoltType> {
        let ids = self.batch.symbol_ids();
        let mut rows = Vec::new();
        for (at, unit) in kept.iter().enumerate() {
            for Mention { row, said } in unit.mentions() {
                let end = symbols.get(&ids[row]).copied().unwrap_or_default();
                let mention = list(vec![
                    int(at as i64),
                    int(end),
                    text_or_null(said.map(|said| said.kind)),
                    text_or_null(said.and_then(|said| said.name)),
                    text_or_null(said.and_then(|said| said.package)),
                ]);
                rows.push((end, mention));
            }
        }
        rows.sort_by_key(|(symbol, _)| *symbol);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The symbols of the units' lists, by their ids, and where each is.
    fn symbols(&self, kept: &[Unit<'_>]) -> (Vec<BoltType>, HashMap<SymbolId, i64>) {
        let (symbols, ids) = (self.batch.symbols(), self.batch.symbol_ids());
        let mut rows: Vec<usize> = kept.iter().flat_map(Unit::symbols).collect();
        rows.sort_unstable_by_key(|&row| ids[row]);
        rows.dedup_by_key(|row| ids[*row]);
        let positions = rows.iter().enumerate().map(|(at, &row)| (ids[row], at as i64));
        let positions = positions.collect();
        let values = rows.into_iter().map(|row| {
            let key = symbols.symbol.at(row);
            let told = Said::by_key(key);
            list(vec![
                text(&ids[row].to_string()),
                text(key),
                text(told.kind),
                text_or_null(told.name),
            ])
        });
        (values.collect(), positions)
    }

    /// Edges to symbols, by symbol, so that writers meet at them in one order; and those within units.
    fn edges(
        &self,
        kept: &[Unit<'_>],
        symbols: &HashMap<SymbolId, i64>,
        types: &mut Once<u16>,
    ) -> (Vec<BoltType>, Vec<BoltType>) {
        let (nodes, edges, ids) = (self.batch.nodes(), self.batch.edges(), self.batch.symbol_ids());
        let (mut uses, mut own) = (Vec::new(), Vec::new());
        let mut first = kept.len();
        for (at, unit) in kept.iter().enumerate() {
            let range = unit.nodes();
            let place = Place { ords: &nodes.ord[range.clone()], unit: at, first };
            first += range.len() - 1;
            for i in unit.edges() {
                let kind = edges.kind.at(i);
                let number = types.number(edges.kind.keys[i], || text(&type_of(kind)));
                let row = |end: i64| {
                    list(vec![
                        int(place.of(edges.src[i])),
                        int(end),
                        int(number),
                        int(edges.ord[i]),
                        int(edges.flags[i]),
                        int_or_null(edges.start_byte.get(i)),
                        int_or_null(edges.end_byte.get(i)),
                        int_or_null(edges.start_line.get(i)),
                        int_or_null(edges.start_col.get(i)),
                        text_or_null(edges.properties.get(i)),
                    ])
                };
                match edges.dst_symbol.get(i) {
                    Some(position) => {
                        let id = ids[unit.symbols().start + position as usize];
                        let end = symbols.get(&id).copied().unwrap_or_default();
                        uses.push((end, row(end)));
                    }
                    None => own.push(row(place.of(edges.dst_node.get(i).unwrap_or_default()))),
                }
            }
        }
        uses.sort_by_key(|(symbol, _)| *symbol);
        (uses.into_iter().map(|(_, row)| row).collect(), own)
    }

    fn vectors(&self, kept: &[Unit<'_>]) -> Vec<BoltType> {
        let (nodes, vectors) = (self.batch.nodes(), self.batch.vectors());
        let mut rows = Vec::new();
        let mut first = kept.len();
        for (at, unit) in kept.iter().enumerate() {
            let range = unit.nodes();
            let place = Place { ords: &nodes.ord[range.clone()], unit: at, first };
            first += range.len() - 1;
            for i in unit.vectors() {
                let hash = vectors.text_hash.get(i).map(|hash| hex(hash)).unwrap_or_default();
                rows.push(list(vec![
                    int(place.of(vectors.node[i])),
                    text(vectors.model.at(i)),
                    text(&hash),
                    floats(vectors.vector.at(i)),
                ]));
            }
        }
        rows
    }

    /// A unit's columns and those of its root, which are one node.
    fn unit(&self, unit: &Unit<'_>) -> BoltType {
        let (nodes, root) = (self.batch.nodes(), unit.nodes().start);
        let kind = nodes.kind.at(root);
        let (labels, is_label) = self.labels_of(nodes.label.at(root), kind);
        let properties = map([
            ("unit_id", int(unit.id().as_i64())),
            ("generation", int(unit.generation().unwrap_or_default() as i64)),
            ("repo", text(unit.repo())),
            ("path", text(unit.path())),
            ("layer", text(unit.layer())),
            ("revision", text_or_null(unit.revision())),
            ("language", text_or_null(unit.language())),
            ("content_hash", text_or_null(unit.content_hash().map(|hash| hex(hash)).as_deref())),
            ("extractor", text(unit.extractor())),
            ("selection", int_or_null(self.selection.map(|digest| digest as i64))),
            ("size_bytes", int_or_null(unit.size_bytes().map(|size| size as i64))),
            ("line_count", int_or_null(unit.line_count())),
            ("position_encoding", int(unit.position_encoding())),
            ("unit_flags", int(unit.flags())),
            ("unit_properties", text_or_null(unit.properties())),
            ("nodes", int(unit.nodes().len() as i64)),
            ("edges", int(unit.edges().len() as i64)),
            ("vectors", int(unit.vectors().len() as i64)),
            ("ord", int(0)),
            ("last", int(nodes.last[root])),
            ("flags", int(nodes.flags[root])),
            ("name", text_or_null(nodes.name.get(root))),
            ("start_byte", int_or_null(nodes.start_byte.get(root))),
            ("end_byte", int_or_null(nodes.end_byte.get(root))),
            ("start_line", int_or_null(nodes.start_line.get(root))),
            ("start_col", int_or_null(nodes.start_col.get(root))),
            ("end_line", int_or_null(nodes.end_line.get(root))),
            ("end_col", int_or_null(nodes.end_col.get(root))),
            ("field", text_or_null(nodes.field.get(root))),
            ("text", text_or_null(nodes.text.get(root))),
            ("properties", text_or_null(nodes.properties.get(root))),
            ("kind", text_or_null((!is_label).then_some(kind))),
        ]);
        list(vec![int(unit.id().as_i64()), labels, properties])
    }
}

/// What is left of a deleted unit.
fn tombstone(unit: &Unit<'_>) -> BoltType {
    let id = unit.id().as_i64();
    let properties = map([
        ("unit_id", int(id)),
        ("generation", int(unit.generation().unwrap_or_default() as i64)),
        ("repo", text(unit.repo())),
        ("path", text(unit.path())),
        ("layer", text(unit.layer())),
        ("deleted", BoltType::Boolean(neo4rs::BoltBoolean::new(true))),
    ]);
    list(vec![int(id), properties])
}

/// Where the nodes of a unit are among those of the batch.
struct Place<'a> {
    /// Ascending, the root's first.
    ords: &'a [u32],
    unit: usize,
    /// That of the node after the root.
    first: usize,
}

impl Place<'_> {
    fn of(&self, ord: u32) -> i64 {
        // Where all nodes are kept, they are where their numbers say.
        let at = match self.ords.get(ord as usize) {
            Some(&here) if here == ord => ord as usize,
            _ => self.ords.binary_search(&ord).unwrap_or_default(),
        };
        if at == 0 { self.unit as i64 } else { (self.first + at - 1) as i64 }
    }
}

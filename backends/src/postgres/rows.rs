//! The rows of accepted units, table by table.

use astload_model::{Batch, Mention, Op, Unit};

use super::connect::Tx;
use super::copy::CopyIn;
use super::kinds::KindChanges;
use super::names::Names;
use super::words::Translated;
use crate::contract::RowCounts;
use crate::error::Result;

/// Units that are to be written, each with its number; deleted ones have none.
pub(super) struct Rows<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) names: &'a Names,
    pub(super) words: &'a Translated,
    pub(super) batch: &'a Batch,
    pub(super) accepted: &'a [(usize, Option<i64>)],
    pub(super) selection: Option<u64>,
}

const WHAT: &str = "writing a batch";

const NODE: [&str; 17] = [
    "unit",
    "ord",
    "parent",
    "last",
    "label",
    "kind",
    "field",
    "start_byte",
    "end_byte",
    "start_line",
    "start_col",
    "end_line",
    "end_col",
    "flags",
    "name",
    "text",
    "properties",
];

const EDGE: [&str; 12] = [
    "unit",
    "src",
    "kind",
    "dst_node",
    "ord",
    "dst_symbol",
    "start_byte",
    "end_byte",
    "start_line",
    "start_col",
    "flags",
    "properties",
];

const MENTION: [&str; 5] = ["unit", "symbol", "kind", "name", "package"];

const VECTOR: [&str; 5] = ["unit", "node", "model", "text_hash", "vector"];

const UNIT: [&str; 19] = [
    "unit_id",
    "number",
    "generation",
    "selection",
    "size_bytes",
    "nodes",
    "edges",
    "vectors",
    "repo",
    "layer",
    "language",
    "extractor",
    "line_count",
    "position_encoding",
    "flags",
    "path",
    "revision",
    "content_hash",
    "properties",
];

impl<'a> Rows<'a> {
    /// Writes them all, the row that proves a unit last. Symbols are there already.
    pub(super) async fn write(&self) -> Result<RowCounts> {
        let nodes = self.nodes().await?;
        self.mentions().await?;
        let edges = self.edges().await?;
        let vectors = self.vectors().await?;
        self.units().await?;
        Ok(RowCounts { nodes, edges, symbols: 0, vectors })
    }

    /// Adds their nodes to the counts of kinds.
    pub(super) fn count_kinds(&self, kinds: &mut KindChanges) {
        let (keys, numbers) = (self.batch.nodes().kind.keys, &self.words.kind);
        let mut counts = vec![0; numbers.len()];
        let nodes = self.units_of().flat_map(|(unit, _)| unit.nodes());
        nodes.for_each(|i| counts[keys[i] as usize] += 1);
        numbers.iter().zip(counts).for_each(|(&kind, nodes)| kinds.add(kind, nodes));
    }

    fn units_of(&self) -> impl Iterator<Item = (Unit<'a>, i64)> + use<'a> {
        let batch = self.batch;
        self.accepted.iter().filter_map(move |&(at, number)| Some((batch.unit(at), number?)))
    }

    async fn begin(&self, table: &str, columns: &[&str]) -> Result<CopyIn<'_>> {
        CopyIn::begin(self.tx, &self.names.of(table), columns, WHAT).await
    }

    async fn nodes(&self) -> Result<u64> {
        if self.units_of().all(|(unit, _)| unit.nodes().is_empty()) {
            return Ok(0);
        }
        let (nodes, words) = (self.batch.nodes(), self.words);
        let mut copy = self.begin("node", &NODE).await?;
        for (unit, number) in self.units_of() {
            for i in unit.nodes() {
                copy.row(|row| {
                    row.int8(number);
                    row.uint4(nodes.ord[i]);
                    row.uint4_or_null(nodes.parent.get(i));
                    row.uint4(nodes.last[i]);
                    row.int4(words.label[nodes.label.keys[i] as usize]);
                    row.int4(words.kind[nodes.kind.keys[i] as usize]);
                    row.int4_or_null(nodes.field.key(i).map(|key| words.field[key as usize]));
                    row.uint4_or_null(nodes.start_byte.get(i));
                    row.uint4_or_null(nodes.end_byte.get(i));
                    row.uint4_or_null(nodes.start_line.get(i));
                    row.uint4_or_null(nodes.start_col.get(i));
                    row.uint4_or_null(nodes.end_line.get(i));
                    row.uint4_or_null(nodes.end_col.get(i));
                    row.uint2(nodes.flags[i]);
                    row.text_or_null(nodes.name.get(i));
                    row.text_or_null(nodes.text.get(i));
                    row.text_or_null(nodes.properties.get(i));
                })
                .await?;
            }
        }
        copy.finish().await
    }

    /// What units say of symbols beyond what is known by their keys and edges.
    async fn mentions(&self) -> Result<()> {
        let of = |(unit, number): (Unit<'a>, i64)| {
            unit.mentions().into_iter().map(move |mention| (number, mention))
        };
        let mentions: Vec<(i64, Mention<'_>)> = self.units_of().flat_map(of).collect();
        if mentions.is_empty() {
            return Ok(());
        }
        let ids = self.batch.symbol_ids();
        let mut copy = self.begin("mention", &MENTION).await?;
        for (number, Mention { row, said }) in mentions {
            copy.row(|to| {
                to.int8(number);
                to.bytes(&ids[row].to_bytes());
                to.text_or_null(said.map(|said| said.kind));
                to.text_or_null(said.and_then(|said| said.name));
                to.text_or_null(said.and_then(|said| said.package));
            })
            .await?;
        }
        copy.finish().await.map(drop)
    }

    async fn edges(&self) -> Result<u64> {
        if self.units_of().all(|(unit, _)| unit.edges().is_empty()) {
            return Ok(0);
        }
        let (edges, words, ids) = (self.batch.edges(), self.words, self.batch.symbol_ids());
        let mut copy = self.begin("edge", &EDGE).await?;
        for (unit, number) in self.units_of() {
            let first = unit.symbols().start;
            for i in unit.edges() {
                copy.row(|row| {
                    row.int8(number);
                    row.uint4(edges.src[i]);
                    row.int4(words.edge_kind[edges.kind.keys[i] as usize]);
                    row.uint4_or_null(edges.dst_node.get(i));
                    row.uint4(edges.ord[i]);
                    let symbol = edges.dst_symbol.get(i);
                    match symbol.map(|position| ids[first + position as usize].to_bytes()) {
                        Some(id) => row.bytes(&id),
                        None => row.null(),
                    }
                    row.uint4_or_null(edges.start_byte.get(i));
                    row.uint4_or_null(edges.end_byte.get(i));
                    row.uint4_or_null(edges.start_line.get(i));
                    row.uint4_or_null(edges.start_col.get(i));
                    row.uint2(edges.flags[i]);
                    row.text_or_null(edges.properties.get(i));
                })
                .await?;
            }
        }
        copy.finish().await
    }

    async fn vectors(&self) -> Result<u64> {
        if self.units_of().all(|(unit, _)| unit.vectors().is_empty()) {
            return Ok(0);
        }
        let (vectors, words) = (self.batch.vectors(), self.words);
        let mut copy = self.begin("vector", &VECTOR).await?;
        for (unit, number) in self.units_of() {
            for i in unit.vectors() {
                copy.row(|row| {
                    row.int8(number);
                    row.uint4(vectors.node[i]);
                    row.int4(words.model[vectors.model.keys[i] as usize]);
                    row.bytes_or_null(vectors.text_hash.get(i).map(<[u8; 16]>::as_slice));
                    row.floats(vectors.vector.at(i));
                })
                .await?;
            }
        }
        copy.finish().await
    }

    /// In the order of their ids, so that writers who meet wait for each other in one order.
    async fn units(&self) -> Result<()> {
        if self.accepted.is_empty() {
            return Ok(());
        }
        let (columns, words) = (self.batch.unit_columns(), self.words);
        let mut sorted = self.accepted.to_vec();
        sorted.sort_unstable_by_key(|&(at, _)| self.batch.unit(at).id());
        let mut copy = self.begin("unit", &UNIT).await?;
        for (at, number) in sorted {
            let unit = self.batch.unit(at);
            let i = unit.row();
            let is_kept = unit.op() == Op::Replace;
            copy.row(|row| {
                row.int8(unit.id().as_i64());
                row.int8_or_null(number);
                row.int8(unit.generation().unwrap_or_default() as i64);
                row.int8_or_null(self.selection.map(|digest| digest as i64));
                row.int8_or_null(unit.size_bytes().map(|size| size as i64).filter(|_| is_kept));
                row.int8(unit.nodes().len() as i64);
                row.int8(unit.edges().len() as i64);
                row.int8(unit.vectors().len() as i64);
                row.int4(words.repo[columns.repo.keys[i] as usize]);
                row.int4(words.layer[columns.layer.keys[i] as usize]);
                let language = columns.language.key(i).filter(|_| is_kept);
                row.int4_or_null(language.map(|key| words.language[key as usize]));
                row.int4(words.extractor[columns.extractor.keys[i] as usize]);
                row.uint4_or_null(unit.line_count().filter(|_| is_kept));
                row.uint2(unit.position_encoding().into());
                row.uint2(unit.flags());
                row.bytes(unit.path().as_bytes());
                row.text_or_null(unit.revision().filter(|_| is_kept));
                row.bytes_or_null(
                    unit.content_hash().map(<[u8; 32]>::as_slice).filter(|_| is_kept),
                );
                row.text_or_null(unit.properties().filter(|_| is_kept));
            })
            .await?;
        }
        copy.finish().await.map(drop)
    }
}

//! What a parser fills: plain vectors, no allocation a node.

use std::ops::Range;
use std::sync::Arc;

use crate::batch::{Batch, Children, Tables};
use crate::column::BatchFull;
use crate::limits;
use crate::number::{number_edges, number_nodes};
use crate::schema::{
    EdgesBuilder, NodeRow, NodesBuilder, Op, SymbolsBuilder, UnitRow, UnitsBuilder, VectorsBuilder,
};
use crate::unit::Unit;
use crate::validate::UnitName;

/// Builds batches, one after another, reusing what it learned of the dictionaries.
///
/// Whoever fills it finishes the batch far below [`limits::BATCH_BYTES_MAX`]; [`bytes`] tells.
///
/// [`bytes`]: Self::bytes
///
/// A unit's children are pushed first, then the unit itself:
///
/// ```
/// # use astload_model::{BatchBuilder, NodeRow, UnitRow};
/// let mut batch = BatchBuilder::default();
/// let kind = batch.nodes.kind.key("module")?;
/// let label = batch.nodes.label.key("File")?;
/// batch.nodes.push(NodeRow { label, kind, ..NodeRow::at(0, None, 0) });
/// let (repo, layer) = (batch.units.repo.key("example")?, batch.units.layer.key("ast")?);
/// let extractor = batch.units.extractor.key("upstream")?;
/// batch.finish_unit(UnitRow { extractor, ..UnitRow::of(repo, "src/a.py", layer) });
/// assert_eq!(batch.finish().len(), 1);
/// # Ok::<(), astload_model::BatchFull>(())
/// ```
#[derive(Debug, Default)]
pub struct BatchBuilder {
    /// The units that are finished.
    pub units: UnitsBuilder,
    /// Nodes, of finished units and of the one that is being built.
    pub nodes: NodesBuilder,
    /// Symbols.
    pub symbols: SymbolsBuilder,
    /// Edges.
    pub edges: EdgesBuilder,
    /// Vectors.
    pub vectors: VectorsBuilder,
    ends: Ends,
}

/// Where the children of each finished unit end.
#[derive(Debug, Default)]
struct Ends {
    nodes: Vec<i32>,
    symbols: Vec<i32>,
    edges: Vec<i32>,
    vectors: Vec<i32>,
}

impl BatchBuilder {
    /// An empty builder whose words have the keys that they have in the batch.
    pub(crate) fn like(batch: &Batch) -> Self {
        let mut builder = Self::default();
        builder
            .append_unmeasured(&batch.slice(0..0))
            .unwrap_or_else(|_| unreachable!("nothing needs no key"));
        builder
    }

    /// Ends a unit, whose children are all that were pushed since the last one.
    pub fn finish_unit(&mut self, unit: UnitRow<'_>) {
        self.units.push(unit);
        self.end_unit();
    }

    pub(crate) fn end_unit(&mut self) {
        self.ends.nodes.push(self.nodes.len() as i32);
        self.ends.symbols.push(self.symbols.len() as i32);
        self.ends.edges.push(self.edges.len() as i32);
        self.ends.vectors.push(self.vectors.len() as i32);
    }

    /// Ends a unit whose own columns are those of a unit elsewhere.
    pub(crate) fn finish_unit_of(
        &mut self,
        tables: &Tables,
        unit: &Unit<'_>,
    ) -> Result<(), BatchFull> {
        self.units.extend(&tables.units, unit.row()..unit.row() + 1)?;
        self.end_unit();
        Ok(())
    }

    /// Adds the delete of a unit.
    ///
    /// # Errors
    /// [`BatchFull`] where its words do not fit.
    pub fn delete_unit(
        &mut self,
        name: &UnitName,
        generation: Option<u64>,
    ) -> Result<(), BatchFull> {
        let units = &mut self.units;
        let row = UnitRow {
            op: Op::Delete.code(),
            generation,
            extractor: units.extractor.key("upstream")?,
            ..UnitRow::of(units.repo.key(&name.repo)?, &name.path, units.layer.key(&name.layer)?)
        };
        self.finish_unit(row);
        Ok(())
    }

    /// Takes back the children that were pushed since the last unit.
    pub fn abandon_unit(&mut self) {
        let end = |ends: &Vec<i32>| ends.last().copied().unwrap_or(0) as usize;
        self.nodes.truncate(end(&self.ends.nodes));
        self.symbols.truncate(end(&self.ends.symbols));
        self.edges.truncate(end(&self.ends.edges));
        self.vectors.truncate(end(&self.ends.vectors));
    }

    /// The index of the first node of the unit that is being built.
    pub fn unit_start(&self) -> usize {
        self.ends.nodes.last().copied().unwrap_or(0) as usize
    }

    /// Copies units that are finished elsewhere.
    ///
    /// # Errors
    /// [`BatchFull`] where they do not fit; nothing is appended then.
    pub fn append(&mut self, batch: &Batch) -> Result<(), BatchFull> {
        if self.bytes() + batch.bytes() > limits::BATCH_BYTES_MAX {
            return Err(BatchFull::Bytes);
        }
        self.append_unmeasured(batch)
    }

    /// Copies units that are known to leave the batch below the limit.
    pub(crate) fn append_unmeasured(&mut self, batch: &Batch) -> Result<(), BatchFull> {
        let finished = self.len();
        let appended = self.append_columns(batch);
        if appended.is_err() {
            self.units.truncate(finished);
            self.abandon_unit();
            return appended;
        }
        let Ends { nodes, symbols, edges, vectors } = &mut self.ends;
        let tables = batch.tables();
        let rows = batch.row_range();
        shift(nodes, &tables.nodes.offsets, &rows);
        shift(symbols, &tables.symbols.offsets, &rows);
        shift(edges, &tables.edges.offsets, &rows);
        shift(vectors, &tables.vectors.offsets, &rows);
        Ok(())
    }

    fn append_columns(&mut self, batch: &Batch) -> Result<(), BatchFull> {
        let tables = batch.tables();
        self.nodes.extend(&tables.nodes.columns, batch.node_range())?;
        self.symbols.extend(&tables.symbols.columns, batch.symbol_range())?;
        self.edges.extend(&tables.edges.columns, batch.edge_range())?;
        self.vectors.extend(&tables.vectors.columns, batch.vector_range())?;
        self.units.extend(&tables.units, batch.row_range())
    }

    /// Units so far.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether no unit is finished.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Rows so far: nodes, edges, symbols and vectors.
    pub fn rows(&self) -> usize {
        self.nodes.len() + self.symbols.len() + self.edges.len() + self.vectors.len()
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        let children = self.nodes.bytes() + self.symbols.bytes() + self.edges.bytes();
        self.units.bytes() + children + self.vectors.bytes()
    }

    /// The batch of all finished units; the builder is empty again.
    pub fn finish(&mut self) -> Batch {
        Batch::new(self.finish_tables())
    }

    /// The batch of all finished units, with everything numbered that was left to us.
    pub(crate) fn finish_numbered(&mut self) -> Batch {
        let mut tables = self.finish_tables();
        tables.nodes = number_nodes(tables.nodes);
        tables.edges = number_edges(tables.edges);
        Batch::new(tables)
    }

    fn finish_tables(&mut self) -> Tables {
        self.abandon_unit();
        Tables::new(
            self.units.finish(),
            Children { offsets: offsets(&mut self.ends.nodes), columns: self.nodes.finish() },
            Children { offsets: offsets(&mut self.ends.symbols), columns: self.symbols.finish() },
            Children { offsets: offsets(&mut self.ends.edges), columns: self.edges.finish() },
            Children { offsets: offsets(&mut self.ends.vectors), columns: self.vectors.finish() },
        )
    }
}

/// Appends the ends of these rows, as if their children followed those that are there.
fn shift(ends: &mut Vec<i32>, offsets: &[i32], rows: &Range<usize>) {
    let base = ends.last().copied().unwrap_or(0) - offsets[rows.start];
    ends.extend(offsets[rows.start + 1..=rows.end].iter().map(|end| end + base));
}

fn offsets(ends: &mut Vec<i32>) -> Arc<[i32]> {
    std::iter::once(0).chain(ends.drain(..)).collect()
}

impl UnitRow<'_> {
    /// A replacement of a unit, everything but its name absent.
    pub fn of(repo: u16, path: &str, layer: u16) -> UnitRow<'_> {
        UnitRow {
            op: 0,
            repo,
            path,
            layer,
            revision: None,
            language: None,
            content_hash: None,
            extractor: 0,
            generation: None,
            size_bytes: None,
            line_count: None,
            position_encoding: 0,
            flags: 0,
            properties: None,
        }
    }
}

impl NodeRow<'_> {
    /// A node at its place in the tree, everything else absent.
    pub fn at(ord: u32, parent: Option<u32>, last: u32) -> Self {
        NodeRow {
            ord,
            parent,
            last,
            label: 0,
            kind: 0,
            field: None,
            name: None,
            text: None,
            start_byte: None,
            end_byte: None,
            start_line: None,
            start_col: None,
            end_line: None,
            end_col: None,
            flags: 0,
            properties: None,
        }
    }
}

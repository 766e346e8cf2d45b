//! A batch: whole units that are written together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::builder::BatchBuilder;
use crate::column::{Column, ColumnBuilder, NumbersBuilder};
use crate::ids::{SymbolId, UnitId};
use crate::schema::{
    EdgeColumns, Edges, NodeColumns, Nodes, SymbolColumns, Symbols, Table, UnitColumns, Units,
    VectorColumns, Vectors,
};
use crate::unit::Unit;

/// What the columns of a batch take besides their values: a hundred buffers, each allocated on its own.
const COLUMNS_BYTES: usize = 10 << 10;

/// Whole units, written together. Each unit in it is replaced or deleted as a whole.
///
/// Cheap to clone and to slice: the columns are shared. A slice keeps the whole batch in memory;
/// [`take`](Batch::take) copies.
///
/// Children are addressed by absolute index, as a unit's ranges give them, whether the batch is a
/// slice or not:
///
/// ```
/// # fn write(batch: &astload_model::Batch) {
/// let nodes = batch.nodes();
/// for unit in batch.units() {
///     for i in unit.nodes() {
///         let (_ord, _parent, _kind) = (nodes.ord[i], nodes.parent.get(i), nodes.kind.at(i));
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Batch {
    tables: Arc<Tables>,
    rows: Range<usize>,
}

/// The columns of a batch. `ends[n]..ends[n + 1]` are the children of unit `n`.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) units: UnitColumns,
    pub(crate) ids: Vec<UnitId>,
    pub(crate) nodes: Children<NodeColumns>,
    pub(crate) symbols: Children<SymbolColumns>,
    pub(crate) edges: Children<EdgeColumns>,
    pub(crate) vectors: Children<VectorColumns>,
    pub(crate) symbol_ids: OnceLock<Box<[SymbolId]>>,
}

/// One of a unit's lists, for all units.
#[derive(Debug, Clone)]
pub(crate) struct Children<C> {
    /// One more than there are units, ascending.
    pub(crate) offsets: Arc<[i32]>,
    pub(crate) columns: C,
}

impl<C> Children<C> {
    pub(crate) fn of(&self, rows: Range<usize>) -> Range<usize> {
        self.offsets[rows.start] as usize..self.offsets[rows.end] as usize
    }
}

impl Tables {
    pub(crate) fn new(
        units: UnitColumns,
        nodes: Children<NodeColumns>,
        symbols: Children<SymbolColumns>,
        edges: Children<EdgeColumns>,
        vectors: Children<VectorColumns>,
    ) -> Self {
        let view = units.view();
        let id = |row| UnitId::of(view.repo.at(row), view.path.at(row), view.layer.at(row));
        let ids = (0..units.len()).map(id).collect();
        Self { units, ids, nodes, symbols, edges, vectors, symbol_ids: OnceLock::new() }
    }
}

impl Batch {
    pub(crate) fn new(tables: Tables) -> Self {
        let rows = 0..tables.units.len();
        Self { tables: Arc::new(tables), rows }
    }

    /// How many units it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no unit.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows a store will hold of it: nodes, edges, symbols and vectors.
    pub fn rows(&self) -> usize {
        let (nodes, edges) = (self.node_range().len(), self.edge_range().len());
        nodes + edges + self.symbol_range().len() + self.vector_range().len()
    }

    /// The bytes that its values take; of a slice, only the slice's.
    pub fn bytes(&self) -> usize {
        let Tables { units, nodes, symbols, edges, vectors, .. } = &*self.tables;
        units.bytes(self.rows.clone())
            + nodes.columns.bytes(self.node_range())
            + symbols.columns.bytes(self.symbol_range())
            + edges.columns.bytes(self.edge_range())
            + vectors.columns.bytes(self.vector_range())
    }

    /// The bytes that it takes in memory, if it is no slice: its values and the columns around them.
    /// Whatever bounds what is kept in memory counts these, for of a batch of one small unit the
    /// values are a fiftieth.
    pub fn footprint(&self) -> usize {
        self.bytes() + COLUMNS_BYTES
    }

    /// The units in `range`, sharing the columns.
    ///
    /// # Panics
    /// Where the range does not lie in the batch.
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len(), "slice outside the batch");
        let rows = self.rows.start + range.start..self.rows.start + range.end;
        Self { tables: self.tables.clone(), rows }
    }

    /// Units whose number another one has that stands before them, each with the position of that one.
    /// A store can keep one unit of a number, see [`UnitId::as_i64`].
    pub fn twins(&self) -> HashMap<UnitId, usize> {
        let mut numbered: Vec<(i64, usize)> =
            self.units().map(|unit| unit.id().as_i64()).zip(0..).collect();
        numbered.sort_unstable();
        let of_one_number = numbered.chunk_by(|a, b| a.0 == b.0).filter(|some| some.len() > 1);
        let pairs = of_one_number.flat_map(|some| some[1..].iter().map(|twin| (twin.1, some[0].1)));
        let pairs = pairs.map(|(twin, first)| (self.unit(twin).id(), first));
        pairs.filter(|(id, first)| self.unit(*first).id() != *id).collect()
    }

    /// The units at these positions, in this order, copied unless it is all of them.
    ///
    /// # Panics
    /// Where the batch has no such position.
    pub fn take(&self, positions: &[usize]) -> Self {
        if positions.len() == self.len() && positions.iter().enumerate().all(|(at, &p)| at == p) {
            return self.clone();
        }
        let mut builder = BatchBuilder::default();
        // Positions that follow one another are copied together.
        for run in positions.chunk_by(|a, b| a + 1 == *b) {
            let units = self.slice(run[0]..run[0] + run.len());
            builder
                .append_unmeasured(&units)
                .unwrap_or_else(|_| unreachable!("the words of one batch fit into another"));
        }
        builder.finish()
    }

    /// Deletes of the units at these positions, at the generations that they have.
    ///
    /// # Panics
    /// Where the batch has no such position.
    pub fn deletes(&self, positions: &[usize]) -> Self {
        let mut builder = BatchBuilder::default();
        for &position in positions {
            let unit = self.unit(position);
            builder
                .delete_unit(&unit.name(), unit.generation())
                .unwrap_or_else(|_| unreachable!("the words of one batch fit into another"));
        }
        builder.finish()
    }

    /// The units of all batches, in order; the batches themselves where they do not fit into one
    /// (a column would have more than 65,536 distinct words, or 2 GiB of text).
    pub fn concat(batches: &[Batch]) -> Vec<Batch> {
        if let [one] = batches {
            return vec![one.clone()];
        }
        let mut builder = BatchBuilder::default();
        for batch in batches {
            if builder.append(batch).is_err() {
                return batches.to_vec();
            }
        }
        vec![builder.finish()]
    }

    /// The same units, those without a generation given the one of their position.
    #[must_use]
    pub fn with_generations(&self, of: impl Fn(usize) -> u64) -> Self {
        let given = self.tables.units.generation.view();
        if self.rows.clone().all(|row| given.get(row).is_some()) {
            return self.clone();
        }
        self.with_generation_column(|row| match self.rows.contains(&row) {
            true => given.get(row).or_else(|| Some(of(row - self.rows.start))),
            false => given.get(row),
        })
    }

    /// The same units without a generation: whoever loads them numbers them.
    #[must_use]
    pub fn without_generations(&self) -> Self {
        self.with_generation_column(|_| None)
    }

    fn with_generation_column(&self, generation: impl Fn(usize) -> Option<u64>) -> Self {
        let mut filled = NumbersBuilder::default();
        for row in 0..self.tables.units.len() {
            filled.push(generation(row));
        }
        let mut units = self.tables.units.clone();
        units.generation = filled.finish();
        self.with_units(units)
    }

    /// Other columns for the same units, which keep their names.
    fn with_units(&self, units: UnitColumns) -> Self {
        let Tables { ids, nodes, symbols, edges, vectors, symbol_ids, .. } = &*self.tables;
        let tables = Tables {
            units,
            ids: ids.clone(),
            nodes: nodes.clone(),
            symbols: symbols.clone(),
            edges: edges.clone(),
            vectors: vectors.clone(),
            symbol_ids: symbol_ids.clone(),
        };
        Self { tables: Arc::new(tables), rows: self.rows.clone() }
    }

    /// The units, in order.
    pub fn units(&self) -> impl ExactSizeIterator<Item = Unit<'_>> + Clone {
        self.rows.clone().map(|row| Unit { tables: &self.tables, row })
    }

    /// The unit at a position.
    ///
    /// # Panics
    /// Where the batch has no such position.
    pub fn unit(&self, position: usize) -> Unit<'_> {
        assert!(position < self.len(), "unit {position} outside the batch");
        Unit { tables: &self.tables, row: self.rows.start + position }
    }

    /// The columns of all units, indexed by [`Unit::row`].
    pub fn unit_columns(&self) -> Units<'_> {
        self.tables.units.view()
    }

    /// The columns of all nodes.
    pub fn nodes(&self) -> Nodes<'_> {
        self.tables.nodes.columns.view()
    }

    /// The columns of all symbols that are mentioned.
    pub fn symbols(&self) -> Symbols<'_> {
        self.tables.symbols.columns.view()
    }

    /// The columns of all edges.
    pub fn edges(&self) -> Edges<'_> {
        self.tables.edges.columns.view()
    }

    /// The columns of all vectors.
    pub fn vectors(&self) -> Vectors<'_> {
        self.tables.vectors.columns.view()
    }

    /// The ids of all symbols that are mentioned; computed once, whoever asks first.
    pub fn symbol_ids(&self) -> &[SymbolId] {
        self.tables.symbol_ids.get_or_init(|| {
            let symbols = self.symbols();
            let len = self.tables.symbols.columns.len();
            (0..len).map(|row| SymbolId::of(symbols.symbol.at(row))).collect()
        })
    }

    /// The indices of this batch's nodes.
    pub fn node_range(&self) -> Range<usize> {
        self.tables.nodes.of(self.rows.clone())
    }

    /// The indices of this batch's symbols.
    pub fn symbol_range(&self) -> Range<usize> {
        self.tables.symbols.of(self.rows.clone())
    }

    /// The indices of this batch's edges.
    pub fn edge_range(&self) -> Range<usize> {
        self.tables.edges.of(self.rows.clone())
    }

    /// The indices of this batch's vectors.
    pub fn vector_range(&self) -> Range<usize> {
        self.tables.vectors.of(self.rows.clone())
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn row_range(&self) -> Range<usize> {
        self.rows.clone()
    }
}

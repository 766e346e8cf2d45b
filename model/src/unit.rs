//! One unit of a batch, as a sink meets it.

use std::ops::Range;

use crate::batch::Tables;
use crate::column::Column;
use crate::ids::UnitId;
use crate::schema::{Edges, Nodes, Op, Symbols, Table, Vectors};
use crate::validate::UnitName;

/// One unit of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) row: usize,
}

/// A value of a unit's own columns.
macro_rules! own {
    ($($(#[$doc:meta])* $name:ident -> $type:ty = $read:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(&self) -> $type {
            self.tables.units.$name.view().$read(self.row)
        })*
    };
}

impl<'a> Unit<'a> {
    own! {
        /// The repository's name.
        repo -> &'a str = at;
        /// The file's path in it.
        path -> &'a str = at;
        /// The layer.
        layer -> &'a str = at;
        /// The revision that was read.
        revision -> Option<&'a str> = get;
        /// The language.
        language -> Option<&'a str> = get;
        /// BLAKE3 of the file's bytes.
        content_hash -> Option<&'a [u8; 32]> = get;
        /// What read the file.
        extractor -> &'a str = at;
        /// The version of the unit.
        generation -> Option<u64> = get;
        /// The file's size in bytes.
        size_bytes -> Option<u64> = get;
        /// The file's lines.
        line_count -> Option<u32> = get;
        /// A JSON object.
        properties -> Option<&'a str> = get;
    }

    /// What it is called.
    pub fn name(&self) -> UnitName {
        let (repo, path, layer) = (self.repo().into(), self.path().into(), self.layer().into());
        UnitName { repo, path, layer }
    }

    /// Its id.
    pub fn id(&self) -> UnitId {
        self.tables.ids[self.row]
    }

    /// Its index in [`Batch::unit_columns`](crate::Batch::unit_columns).
    pub fn row(&self) -> usize {
        self.row
    }

    /// What is done to it.
    pub fn op(&self) -> Op {
        match self.tables.units.op.view()[self.row] {
            0 => Op::Replace,
            _ => Op::Delete,
        }
    }

    /// What is done to it, as a number that may be out of range before it is validated.
    pub(crate) fn op_code(&self) -> u8 {
        self.tables.units.op.view()[self.row]
    }

    /// How columns are counted, an index into [`POSITION_ENCODINGS`](crate::POSITION_ENCODINGS).
    pub fn position_encoding(&self) -> u8 {
        self.tables.units.position_encoding.view()[self.row]
    }

    /// Its flags.
    pub fn flags(&self) -> u16 {
        self.tables.units.flags.view()[self.row]
    }

    /// The indices of its nodes in [`Batch::nodes`](crate::Batch::nodes).
    pub fn nodes(&self) -> Range<usize> {
        self.tables.nodes.of(self.row..self.row + 1)
    }

    /// The indices of its symbols in [`Batch::symbols`](crate::Batch::symbols).
    pub fn symbols(&self) -> Range<usize> {
        self.tables.symbols.of(self.row..self.row + 1)
    }

    /// The indices of its edges in [`Batch::edges`](crate::Batch::edges).
    pub fn edges(&self) -> Range<usize> {
        self.tables.edges.of(self.row..self.row + 1)
    }

    /// The indices of its vectors in [`Batch::vectors`](crate::Batch::vectors).
    pub fn vectors(&self) -> Range<usize> {
        self.tables.vectors.of(self.row..self.row + 1)
    }

    /// How many rows a store will hold of it: nodes, edges, symbols and vectors.
    pub fn rows(&self) -> usize {
        self.nodes().len() + self.edges().len() + self.symbols().len() + self.vectors().len()
    }

    /// The bytes that its values take.
    pub fn bytes(&self) -> usize {
        let Tables { units, nodes, symbols, edges, vectors, .. } = self.tables;
        units.bytes(self.row..self.row + 1)
            + nodes.columns.bytes(self.nodes())
            + symbols.columns.bytes(self.symbols())
            + edges.columns.bytes(self.edges())
            + vectors.columns.bytes(self.vectors())
    }

    pub(crate) fn node_view(&self) -> Nodes<'a> {
        self.tables.nodes.columns.view()
    }

    pub(crate) fn symbol_view(&self) -> Symbols<'a> {
        self.tables.symbols.columns.view()
    }

    pub(crate) fn edge_view(&self) -> Edges<'a> {
        self.tables.edges.columns.view()
    }

    pub(crate) fn vector_view(&self) -> Vectors<'a> {
        self.tables.vectors.columns.view()
    }
}

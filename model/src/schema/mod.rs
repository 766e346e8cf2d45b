//! The tables of the model, each column written once.
//!
//! A batch is one table of units; `nodes`, `symbols`, `edges` and `vectors` are lists in it. What
//! arrow calls the schema, what a parser fills and what a sink reads all follow from the lines
//! below, in this order.

mod columns;
mod table;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, FieldRef, Schema};

pub(crate) use columns::{
    EdgeColumns, NodeColumns, SymbolColumns, UnitColumns, VectorColumns, tables,
};
pub use columns::{
    EdgeRow, Edges, EdgesBuilder, NodeRow, Nodes, NodesBuilder, SymbolRow, Symbols, SymbolsBuilder,
    UnitRow, Units, UnitsBuilder, VectorRow, Vectors, VectorsBuilder,
};
pub(crate) use table::{Table, TableError};
pub(crate) use words::DEFAULT_LABEL;
pub use words::{
    EDGE_FLAGS, LABELS, LANGUAGES, NODE_FLAGS, OPS, Op, POSITION_ENCODINGS, ROOT_LABEL, UNIT_FLAGS,
    flags,
};

/// The key of the schema's metadata that carries [`MODEL_VERSION`].
pub const MODEL_KEY: &str = "astload.model";

/// The version of this data model.
pub const MODEL_VERSION: &str = "1";

/// An edge without a number, a node without an order: they are numbered where they enter.
pub(crate) const UNNUMBERED: u32 = u32::MAX;

/// Names of the units' lists.
pub(crate) const LISTS: [&str; 4] =
    [NodeColumns::NAME, SymbolColumns::NAME, EdgeColumns::NAME, VectorColumns::NAME];

fn list<T: Table>() -> FieldRef {
    let item = Field::new("item", DataType::Struct(T::fields()), false);
    Arc::new(Field::new(T::NAME, DataType::List(Arc::new(item)), false))
}

/// The schema of a batch.
pub fn schema() -> Arc<Schema> {
    static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let lists = [
            list::<NodeColumns>(),
            list::<SymbolColumns>(),
            list::<EdgeColumns>(),
            list::<VectorColumns>(),
        ];
        let fields: Vec<FieldRef> = UnitColumns::fields().iter().cloned().chain(lists).collect();
        let metadata: HashMap<_, _> = [(MODEL_KEY.to_owned(), MODEL_VERSION.to_owned())].into();
        Arc::new(Schema::new_with_metadata(fields, metadata))
    });
    SCHEMA.clone()
}

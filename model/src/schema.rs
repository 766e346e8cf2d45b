//! The tables of the model, each column written once.
//!
//! A batch is one table of units; `nodes`, `symbols`, `edges` and `vectors` are lists in it. What
//! arrow calls the schema, what a parser fills and what a sink reads all follow from the lines
//! below, in this order.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};

use crate::column::{
    Absent, BatchFull, Column, ColumnBuilder, Fault, FloatColumn, HashColumn, NumberColumn,
    TextColumn, WordColumn,
};

/// The key of the schema's metadata that carries [`MODEL_VERSION`].
pub const MODEL_KEY: &str = "astload.model";

/// The version of this data model.
pub const MODEL_VERSION: &str = "1";

/// An edge without a number, a node without an order: they are numbered where they enter.
pub(crate) const UNNUMBERED: u32 = u32::MAX;

/// A fault, and the column that has it.
pub(crate) type ColumnFault = (&'static str, Fault);

/// Why an array of structs is not a table of the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TableError {
    #[error("unknown column `{0}`")]
    Unknown(String),
    #[error("column `{0}` is missing")]
    Missing(&'static str),
    #[error("column `{0}` {1}")]
    Type(&'static str, String),
}

/// The columns of a table.
pub(crate) trait Table: Sized {
    /// What it is called in a batch.
    const NAME: &'static str;
    /// How many rows.
    fn len(&self) -> usize;
    /// No rows.
    fn none() -> Self;
    /// The columns as arrow names them.
    fn fields() -> Fields;
    /// The columns as arrow has them, without copying.
    fn arrays(&self, rows: Range<usize>) -> Vec<ArrayRef>;
    /// Brings columns of related types to these, and says which values did not fit.
    fn from_struct(
        columns: &StructArray,
        faults: &mut Vec<ColumnFault>,
    ) -> Result<Self, TableError>;
    /// The bytes that these rows take.
    fn bytes(&self, rows: Range<usize>) -> usize;
}

macro_rules! item {
    ($kind:ty, nullable, $life:lifetime) => {
        Option<<<$kind as Column>::Builder as ColumnBuilder>::Item<$life>>
    };
    ($kind:ty, $required:tt, $life:lifetime) => {
        <<$kind as Column>::Builder as ColumnBuilder>::Item<$life>
    };
}

macro_rules! push {
    ($builder:expr, nullable, $item:expr) => {
        $builder.push($item)
    };
    ($builder:expr, $required:tt, $item:expr) => {
        $builder.push(Some($item))
    };
}

macro_rules! absent {
    ($kind:ty, required) => {
        Absent::<<$kind as Column>::Default>::Refused
    };
    ($kind:ty, nullable) => {
        Absent::<<$kind as Column>::Default>::Null
    };
    ($kind:ty, ($default:expr)) => {
        Absent::<<$kind as Column>::Default>::Is($default)
    };
}

macro_rules! table {
    (
        $(#[$doc:meta])*
        $table:literal: $Columns:ident, $View:ident, $Builder:ident, $Row:ident, $Draft:ident, $Field:ident {
            $($(#[$column_doc:meta])* $name:ident: $kind:ty, $absent:tt;)*
        }
    ) => {
        $(#[$doc])*
        ///
        /// The columns, as a batch keeps them.
        #[derive(Debug, Clone)]
        pub(crate) struct $Columns {
            len: usize,
            $(pub(crate) $name: $kind,)*
        }

        $(#[$doc])*
        ///
        /// What a sink reads: a field a column, indexed by row.
        #[derive(Debug, Clone, Copy)]
        pub struct $View<'a> {
            $($(#[$column_doc])* pub $name: <$kind as Column>::View<'a>,)*
        }

        $(#[$doc])*
        ///
        /// One row, as a parser writes it; words are keys that the column's builder gave.
        #[derive(Debug, Clone, Copy)]
        pub struct $Row<'a> {
            $($(#[$column_doc])* pub $name: item!($kind, $absent, 'a),)*
        }

        $(#[$doc])*
        ///
        /// What a parser fills.
        #[derive(Debug)]
        pub struct $Builder {
            len: usize,
            $($(#[$column_doc])* pub $name: <$kind as Column>::Builder,)*
        }

        impl $Columns {
            pub(crate) fn view(&self) -> $View<'_> {
                $View { $($name: self.$name.view(),)* }
            }
        }

        impl Table for $Columns {
            const NAME: &'static str = $table;

            fn len(&self) -> usize {
                self.len
            }

            fn none() -> Self {
                $Builder::default().finish()
            }

            fn fields() -> Fields {
                Fields::from(vec![$(Field::new(
                    stringify!($name),
                    <$kind as Column>::data_type(),
                    matches!(absent!($kind, $absent), Absent::Null),
                ),)*])
            }

            fn arrays(&self, rows: Range<usize>) -> Vec<ArrayRef> {
                vec![$(self.$name.to_array(rows.clone()),)*]
            }

            fn from_struct(
                columns: &StructArray,
                faults: &mut Vec<ColumnFault>,
            ) -> Result<Self, TableError> {
                for name in columns.column_names() {
                    if ![$(stringify!($name),)*].contains(&name) {
                        return Err(TableError::Unknown(format!("{}{name}", prefix($table))));
                    }
                }
                let len = columns.len();
                let mut found = Vec::new();
                Ok(Self { len, $($name: {
                    let column = concat!($table, ".", stringify!($name));
                    let name = column.strip_prefix("units.").unwrap_or(column);
                    match (columns.column_by_name(stringify!($name)), absent!($kind, $absent)) {
                        (Some(array), absent) => {
                            let built = <$kind>::from_array(column, array, absent, &mut found)
                                .map_err(|mismatch| TableError::Type(name, mismatch.to_string()))?;
                            faults.extend(found.drain(..).map(|fault| (stringify!($name), fault)));
                            built
                        }
                        (None, Absent::Refused) => return Err(TableError::Missing(name)),
                        (None, Absent::Null) => <$kind>::repeat(column, None, len),
                        (None, Absent::Is(value)) => <$kind>::repeat(column, Some(value), len),
                    }
                },)* })
            }

            fn bytes(&self, rows: Range<usize>) -> usize {
                0 $(+ self.$name.bytes(rows.clone()))*
            }
        }

        impl Default for $Builder {
            fn default() -> Self {
                Self {
                    len: 0,
                    $($name: ColumnBuilder::new(concat!($table, ".", stringify!($name))),)*
                }
            }
        }

        impl $Builder {
            /// Rows so far.
            pub fn len(&self) -> usize {
                self.len
            }

            /// Whether there is no row yet.
            pub fn is_empty(&self) -> bool {
                self.len == 0
            }

            /// Appends a row.
            #[inline]
            pub fn push(&mut self, row: $Row<'_>) {
                $(push!(self.$name, $absent, row.$name);)*
                self.len += 1;
            }

            pub(crate) fn extend(
                &mut self,
                columns: &$Columns,
                rows: Range<usize>,
            ) -> Result<(), BatchFull> {
                $(self.$name.extend(&columns.$name, rows.clone())?;)*
                self.len += rows.len();
                Ok(())
            }

            pub(crate) fn truncate(&mut self, len: usize) {
                $(self.$name.truncate(len);)*
                self.len = len;
            }

            /// Bytes so far.
            pub fn bytes(&self) -> usize {
                0 $(+ self.$name.bytes())*
            }

            pub(crate) fn finish(&mut self) -> $Columns {
                let len = std::mem::take(&mut self.len);
                $Columns { len, $($name: self.$name.finish(),)* }
            }
        }
    };
}

fn prefix(table: &str) -> String {
    if table == "units" { String::new() } else { format!("{table}.") }
}

/// Hands each table to a macro, which makes of it what its module needs.
macro_rules! tables {
    ($table:ident) => {
        $table! {
            /// Units: a layer of a file of a repository each.
            "units": UnitColumns, Units, UnitsBuilder, UnitRow, UnitDraft, UnitField {
                /// What is done: [`Op`] as a number.
                op: NumberColumn<u8>, (0);
                /// The repository's name in the world.
                repo: WordColumn, required;
                /// The file's path in it, with `/`.
                path: TextColumn, required;
                /// Who says so: `ast`, `scip`, `cpg` …
                layer: WordColumn, ("ast");
                /// The revision that was read.
                revision: TextColumn, nullable;
                /// The language, by its short name in lower case.
                language: WordColumn, nullable;
                /// BLAKE3 of the file's bytes.
                content_hash: HashColumn<32>, nullable;
                /// What read the file, with its version and options.
                extractor: WordColumn, ("upstream");
                /// Grows with every version of the unit; null where it is ours to give.
                generation: NumberColumn<u64>, nullable;
                /// The file's size in bytes.
                size_bytes: NumberColumn<u64>, nullable;
                /// The file's lines.
                line_count: NumberColumn<u32>, nullable;
                /// How columns are counted: 0 in UTF-8 bytes, 1 in UTF-16 units, 2 in code points.
                position_encoding: NumberColumn<u8>, (0);
                /// [`UNIT_FLAGS`], from bit 0 on.
                flags: NumberColumn<u16>, (0);
                /// A JSON object.
                properties: TextColumn, nullable;
            }
        }

        $table! {
            /// Nodes of the units' trees, in pre-order.
            "nodes": NodeColumns, Nodes, NodesBuilder, NodeRow, NodeDraft, NodeField {
                /// The pre-order number in the unit.
                ord: NumberColumn<u32>, (UNNUMBERED);
                /// The parent's `ord`; null for the root.
                parent: NumberColumn<u32>, nullable;
                /// The `ord` of the last descendant.
                last: NumberColumn<u32>, (UNNUMBERED);
                /// One of [`LABELS`].
                label: WordColumn, ("Ast");
                /// The native kind, verbatim.
                kind: WordColumn, required;
                /// The field of the parent that holds the node.
                field: WordColumn, nullable;
                /// What a definition defines.
                name: TextColumn, nullable;
                /// A leaf's text, a signature or a chunk.
                text: TextColumn, nullable;
                /// The span, in bytes of UTF-8, half-open.
                start_byte: NumberColumn<u32>, nullable;
                /// The span's end.
                end_byte: NumberColumn<u32>, nullable;
                /// The first line, from 0.
                start_line: NumberColumn<u32>, nullable;
                /// The first column, from 0, counted as the unit says.
                start_col: NumberColumn<u32>, nullable;
                /// The last line.
                end_line: NumberColumn<u32>, nullable;
                /// The column after the last.
                end_col: NumberColumn<u32>, nullable;
                /// [`NODE_FLAGS`], from bit 0 on.
                flags: NumberColumn<u16>, (0);
                /// A JSON object.
                properties: TextColumn, nullable;
            }
        }

        $table! {
            /// Symbols that the units mention.
            "symbols": SymbolColumns, Symbols, SymbolsBuilder, SymbolRow, SymbolDraft, SymbolField {
                /// The key, verbatim.
                symbol: TextColumn, required;
                /// What the key tells: namespace, type, method, term, macro, name …
                kind: WordColumn, ("name");
                /// The name for people.
                name: TextColumn, nullable;
                /// The package that it belongs to.
                package: TextColumn, nullable;
            }
        }

        $table! {
            /// Edges, from an own node to an own node or to a symbol.
            "edges": EdgeColumns, Edges, EdgesBuilder, EdgeRow, EdgeDraft, EdgeField {
                /// The `ord` of the node where it starts.
                src: NumberColumn<u32>, required;
                /// DEFINES, REF, CALL … in UPPER_SNAKE.
                kind: WordColumn, required;
                /// The `ord` of the node where it ends, or null.
                dst_node: NumberColumn<u32>, nullable;
                /// The position in the unit's symbols of the one where it ends, or null.
                dst_symbol: NumberColumn<u32>, nullable;
                /// Numbers the edges that share src, kind and end.
                ord: NumberColumn<u32>, (UNNUMBERED);
                /// The site's span, in bytes of UTF-8, half-open.
                start_byte: NumberColumn<u32>, nullable;
                /// The site's end.
                end_byte: NumberColumn<u32>, nullable;
                /// The site's line, from 0.
                start_line: NumberColumn<u32>, nullable;
                /// The site's column, from 0.
                start_col: NumberColumn<u32>, nullable;
                /// [`EDGE_FLAGS`], from bit 0 on.
                flags: NumberColumn<u16>, (0);
                /// A JSON object.
                properties: TextColumn, nullable;
            }
        }

        $table! {
            /// Vectors of nodes.
            "vectors": VectorColumns, Vectors, VectorsBuilder, VectorRow, VectorDraft, VectorField {
                /// The node's `ord`.
                node: NumberColumn<u32>, required;
                /// The model that made it.
                model: WordColumn, required;
                /// The hash of the text that was embedded.
                text_hash: HashColumn<16>, required;
                /// The numbers.
                vector: FloatColumn, required;
            }
        }
    };
}
pub(crate) use tables;

tables!(table);

/// What a batch does to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// The unit becomes what the row says.
    Replace,
    /// The unit goes.
    Delete,
}

impl Op {
    /// The number in the column `op`.
    pub fn code(self) -> u8 {
        match self {
            Self::Replace => 0,
            Self::Delete => 1,
        }
    }

    /// The word in NDJSON.
    pub fn word(self) -> &'static str {
        OPS[self.code() as usize]
    }
}

/// The words for `op`, by their number.
pub const OPS: [&str; 2] = ["replace", "delete"];

/// The words for `position_encoding`, by their number.
pub const POSITION_ENCODINGS: [&str; 3] = ["utf-8", "utf-16", "utf-32"];

/// What a node may be labelled.
pub const LABELS: [&str; 12] = [
    "File",
    "Symbol",
    "Local",
    "Ast",
    "Token",
    "Comment",
    "Chunk",
    "Type",
    "Cfg",
    "Diagnostic",
    "Tag",
    "Meta",
];

/// The label of node 0.
pub const ROOT_LABEL: &str = "File";

/// The bits of a unit's flags.
pub const UNIT_FLAGS: [&str; 6] =
    ["has_error", "generated", "test", "binary", "truncated", "text_replaced"];

/// The bits of a node's flags.
pub const NODE_FLAGS: [&str; 6] = ["named", "extra", "error", "missing", "definition", "external"];

/// The bits of an edge's flags.
pub const EDGE_FLAGS: [&str; 7] =
    ["definition", "import", "write", "read", "generated", "test", "forward"];

/// The flags with these names, of [`UNIT_FLAGS`], [`NODE_FLAGS`] or [`EDGE_FLAGS`].
///
/// ```
/// # use astload_model::{NODE_FLAGS, flags};
/// assert_eq!(flags(&NODE_FLAGS, &["named", "error"]), Some(0b101));
/// assert_eq!(flags(&NODE_FLAGS, &["named", "typo"]), None);
/// ```
pub fn flags(names: &[&str], set: &[&str]) -> Option<u16> {
    set.iter().try_fold(0, |flags, flag| {
        let bit = names.iter().position(|name| name == flag)?;
        Some(flags | 1 << bit)
    })
}

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

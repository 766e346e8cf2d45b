//! The columns of each table, in their order.

use std::ops::Range;

use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{Field, Fields};

use super::table::{Table, TableError, absent, item, known_once, push, table};
use super::{DEFAULT_LABEL, UNNUMBERED};
use crate::column::{
    Absent, BatchFull, Column, ColumnBuilder, Faults, FloatColumn, HashColumn, NumberColumn,
    TextColumn, WordColumn,
};

/// Hands each table to a macro, which makes of it what its module needs.
macro_rules! tables {
    ($table:ident) => {
        $table! {
            /// Units: a layer of a file of a repository each.
            "units": UnitColumns, Units, UnitsBuilder, UnitRow, UnitDraft, UnitField {
                /// What is done: [`Op`](super::Op) as a number.
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
                /// [`UNIT_FLAGS`](super::UNIT_FLAGS), from bit 0 on.
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
                /// One of [`LABELS`](super::LABELS).
                label: WordColumn, (DEFAULT_LABEL);
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
                /// [`NODE_FLAGS`](super::NODE_FLAGS), from bit 0 on.
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
                /// [`EDGE_FLAGS`](super::EDGE_FLAGS), from bit 0 on.
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

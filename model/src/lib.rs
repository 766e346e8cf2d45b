//! The data model of astload: **one row is one unit**.
//!
//! A [`Batch`] holds whole units, a unit its nodes, symbols, edges and vectors. The same shape is
//! one line of [NDJSON](ndjson) and one row of an [Arrow IPC stream](ipc).
//!
//! * [`BatchBuilder`] fills batches, [`Batch`] gives them to sinks as flat typed columns.
//! * [`Intake`] is the gate for everything from outside: brought to the model's types, validated
//!   once, each unit that breaks a rule refused by name, the others unharmed.
//! * [`Selection`] narrows what a backend holds, [`canonical_hash`] compares what two hold.

mod arrow;
mod batch;
mod builder;
mod canonical;
mod codec;
mod column;
mod dictionary;
mod ids;
pub mod limits;
mod mention;
mod number;
mod schema;
mod select;
mod unit;
mod validate;

pub use arrow::{Intake, RecordError};
pub use batch::Batch;
pub use builder::BatchBuilder;
pub use canonical::canonical_hash;
pub use codec::{
    CodecError, Decoded, PROBLEM_TEXT_MAX, Places, Problem, Text, ipc, ndjson, text_of,
};
pub use column::{
    BatchFull, Floats, FloatsBuilder, Hashes, HashesBuilder, Numbers, NumbersBuilder, Texts,
    TextsBuilder, Words, WordsBuilder,
};
pub use ids::{SymbolId, UnitId};
pub use mention::{Mention, Said};
pub use schema::{
    EDGE_FLAGS, EdgeRow, Edges, EdgesBuilder, LABELS, LANGUAGES, MODEL_KEY, MODEL_VERSION,
    NODE_FLAGS, NodeRow, Nodes, NodesBuilder, OPS, Op, POSITION_ENCODINGS, ROOT_LABEL, SymbolRow,
    Symbols, SymbolsBuilder, UNIT_FLAGS, UnitRow, Units, UnitsBuilder, VectorRow, Vectors,
    VectorsBuilder, flags, schema,
};
pub use select::{Selection, SelectionError, SelectionRules};
pub use unit::Unit;
pub use validate::{Place, Refusal, UnitName};

//! The five kinds of columns that the model is made of.
//!
//! Each kind has a column (immutable, shared), a view (what a sink reads: plain slices, never an
//! arrow type) and a builder (what a parser fills: plain vectors). [`table!`](crate::schema) puts
//! them together into the tables of the model.

mod faults;
mod floats;
mod hashes;
mod intake;
mod numbers;
mod texts;
mod validity;
mod word_intake;
mod words;

use std::fmt::Debug;
use std::ops::Range;

use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

pub(crate) use faults::{Fault, Faults};
pub(crate) use floats::FloatColumn;
pub use floats::{Floats, FloatsBuilder};
pub(crate) use hashes::HashColumn;
pub use hashes::{Hashes, HashesBuilder};
pub(crate) use intake::{ChildRows, Mismatch, child_rows};
pub(crate) use numbers::{Number, NumberColumn};
pub use numbers::{Numbers, NumbersBuilder};
pub(crate) use texts::TextColumn;
pub use texts::{Texts, TextsBuilder};
pub(crate) use words::WordColumn;
pub use words::{Words, WordsBuilder};

/// A batch cannot take what was to be added to it; it is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchFull {
    /// A column of words has no key left.
    #[error("{0} has more than 65,536 distinct words in one batch")]
    Words(&'static str),
    /// Offsets into its text would overflow.
    #[error("one batch holds at most 1.9 GB")]
    Bytes,
}

/// What an absent value means for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent<D> {
    /// It is an error.
    Refused,
    /// It is null.
    Null,
    /// It is this value.
    Is(D),
}

/// A column of some kind.
pub trait Column: Clone + Debug + Sized {
    /// What a sink reads.
    type View<'a>
    where
        Self: 'a;
    /// What a parser fills.
    type Builder: ColumnBuilder<Column = Self>;
    /// A value that stands for an absent one.
    type Default: Copy;

    /// The arrow type.
    fn data_type() -> DataType;
    /// A view of all rows.
    fn view(&self) -> Self::View<'_>;
    /// The rows as arrow has them, without copying; of words more than rows, only those in use.
    fn to_array(&self, rows: Range<usize>) -> ArrayRef;
    /// Brings an array of any related type to this column, values that do not fit to faults.
    fn from_array(
        name: &'static str,
        array: &dyn Array,
        absent: Absent<Self::Default>,
        faults: &mut Faults<'_>,
    ) -> Result<Self, Mismatch>;
    /// A column of one value; null where `value` is `None`.
    fn repeat(name: &'static str, value: Option<Self::Default>, len: usize) -> Self;
    /// The bytes that these rows take.
    fn bytes(&self, rows: Range<usize>) -> usize;
}

/// Fills a column.
pub trait ColumnBuilder: Debug + Sized {
    /// The column that is filled.
    type Column: Column<Builder = Self>;
    /// One value.
    type Item<'a>;

    /// A builder of the column with this qualified name (`nodes.kind`).
    fn new(name: &'static str) -> Self;
    /// Appends a value, or null.
    fn push(&mut self, item: Option<Self::Item<'_>>);
    /// Appends rows of a finished column.
    fn extend(&mut self, column: &Self::Column, rows: Range<usize>) -> Result<(), BatchFull>;
    /// Takes back all rows from `len` on.
    fn truncate(&mut self, len: usize);
    /// The bytes so far.
    fn bytes(&self) -> usize;
    /// The column; the builder is empty again and ready for as many rows.
    fn finish(&mut self) -> Self::Column;
}

//! What a table of the model is, and the macro that makes one of a list of columns.

use std::ops::Range;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::Fields;

use crate::column::{BatchFull, Faults};

/// Why an array of structs is not a table of the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TableError {
    #[error("unknown column `{0}`")]
    Unknown(String),
    #[error("column `{0}` is missing")]
    Missing(&'static str),
    #[error("column `{0}` is given twice")]
    Twice(String),
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
    fn from_struct(columns: &StructArray, faults: &mut Faults<'_>) -> Result<Self, TableError>;
    /// A copy of these rows.
    fn gather(&self, rows: &[Range<usize>]) -> Result<Self, BatchFull>;
    /// The bytes that these rows take.
    fn bytes(&self, rows: Range<usize>) -> usize;
}

/// Whether each column is one of the table's, and there once.
pub(super) fn known_once(table: &str, found: &[&str], known: &[&str]) -> Result<(), TableError> {
    let qualified = |name: &str| match table {
        "units" => name.to_owned(),
        list => format!("{list}.{name}"),
    };
    for (at, name) in found.iter().enumerate() {
        if !known.contains(name) {
            return Err(TableError::Unknown(qualified(name)));
        }
        if found[..at].contains(name) {
            return Err(TableError::Twice(qualified(name)));
        }
    }
    Ok(())
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

/// The four types of a table: its columns, what a sink reads, a row, and what a parser fills.
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
            pub(crate) len: usize,
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
                faults: &mut Faults<'_>,
            ) -> Result<Self, TableError> {
                known_once($table, &columns.column_names(), &[$(stringify!($name),)*])?;
                let len = columns.len();
                Ok(Self { len, $($name: {
                    let column = concat!($table, ".", stringify!($name));
                    let name = column.strip_prefix("units.").unwrap_or(column);
                    faults.turn_to(stringify!($name));
                    match (columns.column_by_name(stringify!($name)), absent!($kind, $absent)) {
                        (Some(array), absent) => {
                            <$kind>::from_array(column, array, absent, faults)
                                .map_err(|mismatch| TableError::Type(name, mismatch.to_string()))?
                        }
                        (None, Absent::Refused) => return Err(TableError::Missing(name)),
                        (None, Absent::Null) => <$kind>::repeat(column, None, len),
                        (None, Absent::Is(value)) => <$kind>::repeat(column, Some(value), len),
                    }
                },)* })
            }

            fn gather(&self, rows: &[Range<usize>]) -> Result<Self, BatchFull> {
                let mut builder = $Builder::default();
                rows.iter().try_for_each(|rows| builder.extend(self, rows.clone()))?;
                Ok(builder.finish())
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

pub(super) use {absent, item, push, table};

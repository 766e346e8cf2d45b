//! Rows while a line is being read: fields come in any order, so a row is kept until it is whole.

use super::columns::{Json, JsonColumn, Pool};
use crate::column::{BatchFull, FloatColumn, HashColumn, NumberColumn, TextColumn, WordColumn};
use crate::schema::{
    DEFAULT_LABEL, EdgeRow, Edges, EdgesBuilder, NodeRow, Nodes, NodesBuilder, SymbolRow, Symbols,
    SymbolsBuilder, UNNUMBERED, UnitRow, Units, UnitsBuilder, VectorRow, Vectors, VectorsBuilder,
    tables,
};

/// Why a row cannot be added to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfinished {
    /// A column that every row has.
    #[error("{0}: is missing")]
    Missing(&'static str),
    /// The batch has no room for it.
    #[error("{0}")]
    Full(#[from] BatchFull),
}

macro_rules! item {
    (required, $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => <$kind>::item(draft, $pool, &mut $to.$name)?,
            None => return Err(Unfinished::Missing(stringify!($name))),
        }
    };
    (nullable, $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => Some(<$kind>::item(draft, $pool, &mut $to.$name)?),
            None => None,
        }
    };
    (($default:expr), $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => <$kind>::item(draft, $pool, &mut $to.$name),
            None => <$kind>::default_item($default, &mut $to.$name),
        }?
    };
}

macro_rules! draft {
    (
        $(#[$doc:meta])*
        $table:literal: $Columns:ident, $View:ident, $Builder:ident, $Row:ident, $Draft:ident, $Field:ident {
            $($(#[$column_doc:meta])* $name:ident: $kind:ty, $absent:tt;)*
        }
    ) => {
        #[derive(Debug, Clone, Copy, Default)]
        pub(super) struct $Draft {
            $(pub(super) $name: Option<<$kind as JsonColumn>::Draft>,)*
        }

        #[allow(non_camel_case_types, reason = "they are the columns' names")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $Field {
            $($name,)*
        }

        impl $Field {
            pub(super) fn named(name: &[u8]) -> Option<Self> {
                $(if name == stringify!($name).as_bytes() {
                    return Some(Self::$name);
                })*
                None
            }

            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }

        impl $Draft {
            /// Whether a field was read before.
            pub(super) fn has(&self, column: $Field) -> bool {
                match column {
                    $($Field::$name => self.$name.is_some(),)*
                }
            }

            /// Reads the value of a field.
            pub(super) fn read(&mut self, column: $Field, json: &mut Json<'_>) -> Result<(), String> {
                match column {
                    $($Field::$name => self.$name = json.value::<$kind>()?,)*
                }
                Ok(())
            }

            /// Adds the row to a batch.
            pub(super) fn push(&self, pool: &Pool, to: &mut $Builder) -> Result<(), Unfinished> {
                let row = $Row { $($name: item!($absent, $kind, $name, self, pool, to),)* };
                to.push(row);
                Ok(())
            }
        }

        impl $View<'_> {
            /// Writes a row's fields, but for absent ones and `properties`.
            pub(super) fn write_fields(&self, row: usize, out: &mut Fields<'_>) {
                $(if stringify!($name) != "properties" {
                    <$kind>::write(&self.$name, row, stringify!($name), out);
                })*
            }
        }
    };
}

tables!(draft);

/// The fields of an object that is being written.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Begins a field; its value is to be appended to what is returned.
    pub(super) fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A field whose value is JSON already. It may have been written on several lines; a break can
    /// only lie between its words.
    pub(super) fn json(&mut self, name: &str, json: Option<&str>) {
        let Some(json) = json else { return };
        let out = self.field(name);
        out.extend(json.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

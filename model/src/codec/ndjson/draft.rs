//! Rows while a line is being read: fields come in any order, so a row is kept until it is whole.

use std::io::{self, Write};

use super::columns::{Json, JsonColumn, Pool};
use crate::column::{FloatColumn, HashColumn, NumberColumn, TextColumn, WordColumn};
use crate::schema::{
    EdgeRow, Edges, EdgesBuilder, NodeRow, Nodes, NodesBuilder, SymbolRow, Symbols, SymbolsBuilder,
    UNNUMBERED, UnitRow, Units, UnitsBuilder, VectorRow, Vectors, VectorsBuilder, tables,
};

macro_rules! item {
    (required, $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => {
                <$kind>::item(draft, $pool, &mut $to.$name).map_err(|e| e.to_string())?
            }
            None => return Err(concat!("field `", stringify!($name), "` is missing").into()),
        }
    };
    (nullable, $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => {
                Some(<$kind>::item(draft, $pool, &mut $to.$name).map_err(|e| e.to_string())?)
            }
            None => None,
        }
    };
    (($default:expr), $kind:ty, $name:ident, $draft:expr, $pool:expr, $to:expr) => {
        match &$draft.$name {
            Some(draft) => <$kind>::item(draft, $pool, &mut $to.$name),
            None => <$kind>::default_item($default, &mut $to.$name),
        }
        .map_err(|e| e.to_string())?
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
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub(super) fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }

        impl $Draft {
            /// Reads the value of a field.
            pub(super) fn read(&mut self, column: $Field, json: &mut Json<'_>) -> Result<(), String> {
                match column {
                    $($Field::$name => self.$name = json.value::<$kind>()?,)*
                }
                Ok(())
            }

            /// Adds the row to a batch.
            pub(super) fn push(&self, pool: &Pool, to: &mut $Builder) -> Result<(), String> {
                let row = $Row { $($name: item!($absent, $kind, $name, self, pool, to),)* };
                to.push(row);
                Ok(())
            }
        }

        impl $View<'_> {
            /// Writes a row's fields, but for absent ones and `properties`.
            pub(super) fn write_fields(&self, row: usize, out: &mut Fields<'_>) -> io::Result<()> {
                $(if stringify!($name) != "properties" {
                    out.field::<$kind>(stringify!($name), &self.$name, row)?;
                })*
                Ok(())
            }
        }
    };
}

tables!(draft);

/// The fields of an object that is being written.
pub(super) struct Fields<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) first: bool,
    scratch: Vec<u8>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, first: true, scratch: Vec::new() }
    }

    pub(super) fn name(&mut self, name: &str) -> io::Result<()> {
        self.out.write_all(if self.first { b"{\"" } else { b",\"" })?;
        self.first = false;
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(b"\":")
    }

    fn field<C: JsonColumn>(
        &mut self,
        name: &str,
        view: &C::View<'_>,
        row: usize,
    ) -> io::Result<()> {
        self.scratch.clear();
        if C::write(view, row, &mut self.scratch)? {
            self.name(name)?;
            self.out.write_all(&self.scratch)?;
        }
        Ok(())
    }

    /// A field whose value is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: Option<&str>) -> io::Result<()> {
        let Some(json) = json else { return Ok(()) };
        self.name(name)?;
        self.out.write_all(json.as_bytes())
    }

    pub(super) fn end(self) -> io::Result<()> {
        self.out.write_all(if self.first { b"{}" } else { b"}" })
    }
}

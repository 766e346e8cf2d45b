//! Writes batches as lines.

use std::io::{self, Write};
use std::ops::Range;

use super::draft::Fields;
use crate::batch::{Batch, Unit};
use crate::codec::CodecError;
use crate::schema::Op;

/// Writes units as NDJSON, flat, so that every column is kept.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// A writer of lines. It writes often: give it a buffer.
    pub fn new(output: W) -> Self {
        Self { output }
    }

    /// Writes a batch, a line a unit.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        let write = |unit: Unit<'_>| write_unit(batch, &unit, &mut self.output);
        batch.units().try_for_each(write).map_err(|error| CodecError::Write(error.to_string()))
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.output
    }
}

fn write_unit(batch: &Batch, unit: &Unit<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut fields = Fields::new(out);
    batch.unit_columns().write_fields(unit.row(), &mut fields)?;
    fields.raw("properties", unit.properties())?;
    if unit.op() == Op::Replace {
        let (nodes, symbols) = (batch.nodes(), batch.symbols());
        let (edges, vectors) = (batch.edges(), batch.vectors());
        write_list(&mut fields, "nodes", unit.nodes(), |row, fields| {
            nodes.write_fields(row, fields)?;
            fields.raw("properties", nodes.properties.get(row))
        })?;
        write_list(&mut fields, "symbols", unit.symbols(), |row, fields| {
            symbols.write_fields(row, fields)
        })?;
        write_list(&mut fields, "edges", unit.edges(), |row, fields| {
            edges.write_fields(row, fields)?;
            fields.raw("properties", edges.properties.get(row))
        })?;
        write_list(&mut fields, "vectors", unit.vectors(), |row, fields| {
            vectors.write_fields(row, fields)
        })?;
    }
    fields.end()?;
    out.write_all(b"\n")
}

fn write_list(
    fields: &mut Fields<'_>,
    name: &str,
    rows: Range<usize>,
    write_row: impl Fn(usize, &mut Fields<'_>) -> io::Result<()>,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    fields.name(name)?;
    for row in rows.clone() {
        fields.out.write_all(if row == rows.start { b"[" } else { b"," })?;
        let mut object = Fields::new(fields.out);
        write_row(row, &mut object)?;
        object.end()?;
    }
    fields.out.write_all(b"]")
}

//! Writes batches as lines.

use std::io::Write;
use std::ops::Range;

use super::draft::Fields;
use crate::batch::Batch;
use crate::codec::CodecError;
use crate::schema::Op;
use crate::unit::Unit;

/// Writes units as NDJSON, flat, so that every column is kept.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    /// What was written of a unit, and not yet to the output.
    line: Vec<u8>,
}

/// A long line goes out in pieces of about this size.
const PIECE_BYTES: usize = 256 << 10;

impl<W: Write> Writer<W> {
    /// A writer of lines. It writes in large pieces: no buffer is needed.
    pub fn new(output: W) -> Self {
        Self { output, line: Vec::new() }
    }

    /// Writes a batch, a line a unit.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn write(&mut self, batch: &Batch) -> Result<(), CodecError> {
        batch.units().try_for_each(|unit| self.unit(batch, &unit))?;
        self.flush(0)
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.output
    }

    fn unit(&mut self, batch: &Batch, unit: &Unit<'_>) -> Result<(), CodecError> {
        let mut fields = Fields::new(&mut self.line);
        batch.unit_columns().write_fields(unit.row(), &mut fields);
        fields.json("properties", unit.properties());
        if unit.op() == Op::Replace {
            let (nodes, symbols) = (batch.nodes(), batch.symbols());
            let (edges, vectors) = (batch.edges(), batch.vectors());
            self.list("nodes", unit.nodes(), |row, fields| {
                nodes.write_fields(row, fields);
                fields.json("properties", nodes.properties.get(row));
            })?;
            self.list("symbols", unit.symbols(), |row, fields| symbols.write_fields(row, fields))?;
            self.list("edges", unit.edges(), |row, fields| {
                edges.write_fields(row, fields);
                fields.json("properties", edges.properties.get(row));
            })?;
            self.list("vectors", unit.vectors(), |row, fields| vectors.write_fields(row, fields))?;
        }
        self.line.extend_from_slice(b"}\n");
        self.flush(PIECE_BYTES)
    }

    /// A further field of the unit, which has some: a list, unless it is empty.
    fn list(
        &mut self,
        name: &str,
        rows: Range<usize>,
        write_row: impl Fn(usize, &mut Fields<'_>),
    ) -> Result<(), CodecError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.line.extend_from_slice(b",\"");
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"\":");
        for row in rows.clone() {
            self.line.push(if row == rows.start { b'[' } else { b',' });
            let mut object = Fields::new(&mut self.line);
            write_row(row, &mut object);
            object.end();
            self.flush(PIECE_BYTES)?;
        }
        self.line.push(b']');
        Ok(())
    }

    /// Gives the output what is there, if it is more than this.
    fn flush(&mut self, bytes: usize) -> Result<(), CodecError> {
        if self.line.len() > bytes {
            let written = self.output.write_all(&self.line);
            written.map_err(|error| CodecError::Write(error.to_string()))?;
            self.line.clear();
        }
        Ok(())
    }
}

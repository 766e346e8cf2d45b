//! Rows in the format of `COPY … (FORMAT binary)`, encoded straight from the columns.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html>, Binary Format.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::CopyInSink;

use super::classify::Attempt;
use super::connect::Tx;
use crate::error::Result;

/// Bytes that are sent at once.
const CHUNK: usize = 256 << 10;

const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The `oid` of `real`.
const FLOAT4: i32 = 700;

/// Rows on their way into a table.
pub(super) struct CopyIn<'a> {
    is_copying: &'a AtomicBool,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    row: RowBytes,
    what: &'static str,
}

impl<'a> CopyIn<'a> {
    /// Begins to copy into these columns.
    pub(super) async fn begin(
        tx: &Tx<'a>,
        table: &str,
        columns: &[&str],
        what: &'static str,
    ) -> Result<Self> {
        let columns_named = columns.join(", ");
        let copy = format!("COPY {table} ({columns_named}) FROM STDIN (FORMAT binary)");
        let statement = tx.prepare(&copy, what).await?;
        tx.is_copying.store(true, Ordering::Relaxed);
        let sink = Box::pin(tx.transaction.copy_in(&statement).await.attempt(what)?);
        let mut bytes = Vec::with_capacity(CHUNK + CHUNK / 4);
        bytes.extend_from_slice(HEADER);
        Ok(Self {
            is_copying: tx.is_copying,
            sink,
            row: RowBytes { bytes, fields: columns.len() as i16 },
            what,
        })
    }

    /// A row, which the caller fills field by field.
    pub(super) async fn row(&mut self, fill: impl FnOnce(&mut RowBytes)) -> Result<()> {
        self.row.bytes.extend_from_slice(&self.row.fields.to_be_bytes());
        fill(&mut self.row);
        match self.row.bytes.len() < CHUNK {
            true => Ok(()),
            false => self.send().await,
        }
    }

    async fn send(&mut self) -> Result<()> {
        let next = Vec::with_capacity(CHUNK + CHUNK / 4);
        let chunk = Bytes::from(std::mem::replace(&mut self.row.bytes, next));
        self.sink.send(chunk).await.attempt(self.what)
    }

    /// Says that there are no more; only now the server says what it thinks of them.
    pub(super) async fn finish(mut self) -> Result<u64> {
        self.row.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.send().await?;
        let rows = self.sink.as_mut().finish().await.attempt(self.what)?;
        self.is_copying.store(false, Ordering::Relaxed);
        Ok(rows)
    }
}

/// The fields of rows.
pub(super) struct RowBytes {
    bytes: Vec<u8>,
    fields: i16,
}

impl RowBytes {
    #[inline]
    pub(super) fn int8(&mut self, value: i64) {
        self.fixed::<12, 8>(value.to_be_bytes());
    }

    #[inline]
    pub(super) fn int4(&mut self, value: i32) {
        self.fixed::<8, 4>(value.to_be_bytes());
    }

    /// A number of the model, of the same bits.
    #[inline]
    pub(super) fn uint4(&mut self, value: u32) {
        self.int4(value as i32);
    }

    #[inline]
    pub(super) fn uint4_or_null(&mut self, value: Option<u32>) {
        match value {
            Some(value) => self.uint4(value),
            None => self.null(),
        }
    }

    #[inline]
    pub(super) fn int4_or_null(&mut self, value: Option<i32>) {
        match value {
            Some(value) => self.int4(value),
            None => self.null(),
        }
    }

    #[inline]
    pub(super) fn int8_or_null(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.int8(value),
            None => self.null(),
        }
    }

    #[inline]
    pub(super) fn uint2(&mut self, value: u16) {
        self.fixed::<6, 2>((value as i16).to_be_bytes());
    }

    #[inline]
    pub(super) fn bytes(&mut self, value: &[u8]) {
        // No value of the model is larger than a GiB.
        self.bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    #[inline]
    pub(super) fn bytes_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    #[inline]
    pub(super) fn text_or_null(&mut self, value: Option<&str>) {
        self.bytes_or_null(value.map(str::as_bytes));
    }

    #[inline]
    pub(super) fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL);
    }

    /// An array of one dimension, from 1 on.
    pub(super) fn floats(&mut self, values: &[f32]) {
        let dimensions = i32::from(!values.is_empty());
        let head = if values.is_empty() { 12 } else { 20 };
        self.bytes.extend_from_slice(&(head + 8 * values.len() as i32).to_be_bytes());
        for part in [dimensions, 0, FLOAT4] {
            self.bytes.extend_from_slice(&part.to_be_bytes());
        }
        if !values.is_empty() {
            for part in [values.len() as i32, 1] {
                self.bytes.extend_from_slice(&part.to_be_bytes());
            }
        }
        for value in values {
            self.fixed::<8, 4>(value.to_be_bytes());
        }
    }

    /// A length and a value in one piece.
    #[inline]
    fn fixed<const WITH_LENGTH: usize, const BYTES: usize>(&mut self, value: [u8; BYTES]) {
        let mut field = [0; WITH_LENGTH];
        field[..4].copy_from_slice(&(BYTES as i32).to_be_bytes());
        field[4..].copy_from_slice(&value);
        self.bytes.extend_from_slice(&field);
    }
}

//! Inserts of many rows a statement, so that SQLite's cursor stays open and appends.

use rusqlite::{CachedStatement, Connection};

/// Rows a statement; more gain nothing.
const ROWS: usize = 16;

/// Inserts a known number of rows into one table, sixteen at a time, the rest one by one.
pub(super) struct RowInsert<'a> {
    many: CachedStatement<'a>,
    one: CachedStatement<'a>,
    columns: usize,
    /// Rows that are still to come.
    left: usize,
    /// Rows that are bound and not yet written.
    bound: usize,
}

impl<'a> RowInsert<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        table: &str,
        columns: &[&str],
        rows: usize,
    ) -> rusqlite::Result<Self> {
        let row = format!("({})", vec!["?"; columns.len()].join(","));
        let into = format!("INSERT INTO {table}({}) VALUES ", columns.join(","));
        let rows_of_one = vec![row.as_str(); ROWS].join(",");
        let many = connection.prepare_cached(&format!("{into}{rows_of_one}"))?;
        let one = connection.prepare_cached(&format!("{into}{row}"))?;
        Ok(Self { many, one, columns: columns.len(), left: rows, bound: 0 })
    }

    /// Inserts a row, whose values `bind` binds from left to right.
    #[inline]
    pub(super) fn row(
        &mut self,
        bind: impl FnOnce(&mut BoundRow<'_, 'a>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        if self.bound == 0 && self.left < ROWS {
            self.left -= 1;
            bind(&mut BoundRow { statement: &mut self.one, next: 1 })?;
            return self.one.raw_execute().map(drop);
        }
        self.left -= 1;
        let next = self.bound * self.columns + 1;
        bind(&mut BoundRow { statement: &mut self.many, next })?;
        self.bound += 1;
        if self.bound == ROWS {
            self.many.raw_execute()?;
            self.bound = 0;
        }
        Ok(())
    }
}

/// A row whose values are bound from left to right.
pub(super) struct BoundRow<'s, 'a> {
    statement: &'s mut CachedStatement<'a>,
    next: usize,
}

impl BoundRow<'_, '_> {
    #[inline]
    pub(super) fn bind(&mut self, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

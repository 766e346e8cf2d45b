//! Inserts of many rows a statement, so that SQLite's cursor stays open and appends.

use rusqlite::types::Null;
use rusqlite::{CachedStatement, Connection, ToSql};

/// Rows a statement; more gain nothing.
const ROWS: usize = 16;

/// Inserts a known number of rows into one table, sixteen at a time, the rest one by one.
pub(super) struct RowInsert<'a> {
    many: Bindings<'a>,
    one: Bindings<'a>,
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
        let into = format!("INSERT OR ROLLBACK INTO {table}({}) VALUES ", columns.join(","));
        let rows_of_one = vec![row.as_str(); ROWS].join(",");
        let many = connection.prepare_cached(&format!("{into}{rows_of_one}"))?;
        let one = connection.prepare_cached(&format!("{into}{row}"))?;
        Ok(Self {
            many: Bindings::new(many, ROWS * columns.len()),
            one: Bindings::new(one, columns.len()),
            columns: columns.len(),
            left: rows,
            bound: 0,
        })
    }

    /// Inserts a row, whose values `bind` binds from left to right.
    #[inline(always)]
    pub(super) fn row(
        &mut self,
        bind: impl FnOnce(&mut BoundRow<'_, 'a>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let alone = self.bound == 0 && self.left < ROWS;
        self.left -= 1;
        let (bindings, next) = match alone {
            true => (&mut self.one, 0),
            false => (&mut self.many, self.bound * self.columns),
        };
        bind(&mut BoundRow { bindings: &mut *bindings, next })?;
        if !alone {
            self.bound += 1;
            if self.bound < ROWS {
                return Ok(());
            }
            self.bound = 0;
        }
        bindings.statement.raw_execute().map(drop)
    }
}

/// A statement, and what its parameters are bound to: a value that is there already is not bound
/// again, for that costs more than to compare it. Flags, labels, units and nulls mostly are.
struct Bindings<'a> {
    statement: CachedStatement<'a>,
    /// A parameter's integer, [`NULL`] or [`OTHER`].
    known: Vec<i64>,
}

/// Bound to NULL.
const NULL: i64 = i64::MIN;
/// Bound to text, to bytes, or to an integer that is not told from these two.
const OTHER: i64 = i64::MIN + 1;

impl<'a> Bindings<'a> {
    /// A statement comes from the cache with nothing bound: every parameter is NULL.
    fn new(statement: CachedStatement<'a>, parameters: usize) -> Self {
        Self { statement, known: vec![NULL; parameters] }
    }
}

/// A row whose values are bound from left to right.
pub(super) struct BoundRow<'s, 'a> {
    bindings: &'s mut Bindings<'a>,
    next: usize,
}

impl BoundRow<'_, '_> {
    #[inline(always)]
    pub(super) fn integer(&mut self, value: impl Into<i64>) -> rusqlite::Result<()> {
        let value = value.into();
        self.bind(value.max(OTHER), value)
    }

    #[inline(always)]
    pub(super) fn integer_or_null(
        &mut self,
        value: Option<impl Into<i64>>,
    ) -> rusqlite::Result<()> {
        match value {
            Some(value) => self.integer(value),
            None => self.bind(NULL, Null),
        }
    }

    /// Text or bytes, or NULL.
    #[inline(always)]
    pub(super) fn value_or_null(&mut self, value: Option<impl ToSql>) -> rusqlite::Result<()> {
        match value {
            Some(value) => self.bind(OTHER, value),
            None => self.bind(NULL, Null),
        }
    }

    #[inline(always)]
    fn bind(&mut self, known: i64, value: impl ToSql) -> rusqlite::Result<()> {
        let Bindings { statement, known: bound } = &mut *self.bindings;
        let slot = &mut bound[self.next];
        self.next += 1;
        if known == OTHER || *slot != known {
            *slot = known;
            statement.raw_bind_parameter(self.next, value)?;
        }
        Ok(())
    }
}

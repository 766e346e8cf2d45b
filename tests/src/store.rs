//! A look into a store, past all of our own code.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// The views that are promised to users.
pub const VIEWS: [&str; 7] = ["units", "kinds", "nodes", "edges", "symbols", "mentions", "vectors"];

/// An SQLite store, open for reading.
#[derive(Debug)]
pub struct Stored {
    connection: Connection,
}

impl Stored {
    /// Opens a store.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags);
        let connection = opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { connection }
    }

    /// The rows of a question, each as its values joined by `|`.
    ///
    /// # Panics
    /// Where it cannot be asked.
    #[track_caller]
    pub fn ask(&self, question: &str) -> Vec<String> {
        let mut select = self.connection.prepare(question).expect(question);
        let columns = select.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|column| Ok(text(row.get_ref(column)?)));
            Ok(values.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        };
        let rows = select.query_map([], row).expect(question);
        rows.collect::<rusqlite::Result<_>>().expect(question)
    }

    /// The one number that a question gives.
    ///
    /// # Panics
    /// Where it gives none.
    #[track_caller]
    pub fn number(&self, question: &str) -> i64 {
        self.connection.query_row(question, [], |row| row.get(0)).expect(question)
    }

    /// Runs statements.
    ///
    /// # Panics
    /// Where one fails.
    #[track_caller]
    pub fn execute(&self, statements: &str) {
        self.connection.execute_batch(statements).expect(statements);
    }

    /// SQLite plans as for a store of any size: of a small one that was analysed it reads all.
    #[track_caller]
    pub fn forgets_its_size(&self) {
        self.execute("ANALYZE; DELETE FROM sqlite_stat1; ANALYZE sqlite_schema");
    }

    /// The columns of a view.
    #[track_caller]
    pub fn columns(&self, view: &str) -> Vec<String> {
        self.texts(&format!("SELECT name FROM pragma_table_info('{view}')"))
    }

    /// All rows of all views but for their generations, sorted.
    #[track_caller]
    pub fn dump(&self) -> Vec<String> {
        let mut dump = Vec::new();
        for view in VIEWS {
            let mut columns = self.columns(view);
            columns.retain(|column| column != "generation");
            let mut rows =
                self.ask(&format!("SELECT '{view}', {} FROM {view}", columns.join(", ")));
            rows.sort_unstable();
            dump.append(&mut rows);
        }
        dump
    }

    /// The texts that a question gives, as they are.
    ///
    /// # Panics
    /// Where it cannot be asked.
    #[track_caller]
    pub fn texts(&self, question: &str) -> Vec<String> {
        let mut select = self.connection.prepare(question).expect(question);
        let rows = select.query_map([], |row| row.get(0)).expect(question);
        rows.collect::<rusqlite::Result<_>>().expect(question)
    }

    /// Requires that another store has the same rows in all views, but for their generations.
    ///
    /// # Panics
    /// Where they differ; it shows where.
    #[track_caller]
    pub fn equals(&self, what: &str, other: &Path) {
        let attach = format!("ATTACH '{}' AS other", other.display());
        self.execute(&attach);
        let differ = VIEWS.iter().any(|view| {
            let mut columns = self.columns(view);
            columns.retain(|column| column != "generation");
            let columns = columns.join(", ");
            let (ours, theirs) = (format!("main.{view}"), format!("other.{view}"));
            let count = |of: &str| self.number(&format!("SELECT count(*) FROM {of}"));
            let extra = |of: &str, than: &str| {
                let only =
                    format!("SELECT {columns} FROM {of} EXCEPT SELECT {columns} FROM {than}");
                self.number(&format!("SELECT EXISTS ({only})")) == 1
            };
            count(&ours) != count(&theirs) || extra(&ours, &theirs) || extra(&theirs, &ours)
        });
        self.execute("DETACH other");
        if differ {
            assert_same(what, &self.dump(), &Self::open(other).dump());
            panic!("{what}: the same rows, but not as often");
        }
    }

    /// The paths of its units, sorted.
    #[track_caller]
    pub fn paths(&self) -> Vec<String> {
        self.texts("SELECT path FROM units ORDER BY 1")
    }

    /// Requires that the file is whole.
    ///
    /// # Panics
    /// Where SQLite finds it damaged.
    #[track_caller]
    pub fn is_whole(&self) {
        assert_eq!(self.texts("PRAGMA integrity_check"), ["ok"]);
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("x'{}'", hex.collect::<String>())
        }
    }
}

/// Requires that two dumps are equal, and shows only where they differ.
///
/// # Panics
/// Where they are not.
#[track_caller]
pub fn assert_same(what: &str, left: &[String], right: &[String]) {
    if left == right {
        return;
    }
    let only = |these: &[String], those: &[String]| -> String {
        let missing = these.iter().filter(|row| those.binary_search(row).is_err());
        missing.take(10).map(|row| format!("  {row}\n")).collect()
    };
    let sorted = |rows: &[String]| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    };
    let (left, right) = (sorted(left), sorted(right));
    panic!(
        "{what}: {} rows and {} rows\nonly left:\n{}only right:\n{}",
        left.len(),
        right.len(),
        only(&left, &right),
        only(&right, &left)
    );
}

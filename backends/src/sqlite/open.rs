//! Opens a file, makes its schema, and refuses what is not ours.
//!
//! A file that has another name, a hard link, is refused: SQLite calls the log as the file is called, so
//! whoever opens it by the other name does not see the log, and overwrites what is in it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::classify::Attempt;
use super::options::{Durability, SqliteOptions};
use super::schema::{APPLICATION_ID, TABLES_AND_VIEWS, VERSION};
use crate::error::{Error, ErrorKind, Result};
use crate::factory::Access;
use crate::schema_version;

/// Large pages suit rows that are appended and read in order.
const PAGE_BYTES: i64 = 16_384;

/// Pages in the log before it is checkpointed, 64 MB: the source works on while such a checkpoint
/// runs. One four times as long stalls it, for the channel is full before.
const CHECKPOINT_PAGES: i64 = 4_000;

/// Page cache of the writer, in KiB; rows are appended, so more is no faster.
const CACHE_KIB: i64 = 32 << 10;

/// Between two attempts at a lock.
const BUSY_STEP: Duration = Duration::from_millis(5);

/// A connection that writes; the schema is there and up to date.
pub(super) fn for_writing(options: &SqliteOptions) -> Result<Connection> {
    let path = &options.path;
    let what = format!("opening {}", path.display());
    check_folder(path)?;
    check_one_name(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        flags(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE),
    )
    .attempt(&what)?;
    connection.busy_timeout(options.busy_timeout()).attempt(&what)?;
    check_ours(&connection, path, Access::Write)?;
    let synchronous = match options.durability {
        Durability::Normal => "NORMAL",
        Durability::Full => "FULL",
    };
    let pragma = |name: &str, value: &dyn rusqlite::ToSql| {
        connection.pragma_update(None, name, value).attempt(&what)
    };
    pragma("page_size", &PAGE_BYTES)?;
    log_ahead(&connection, options).attempt(&what)?;
    pragma("synchronous", &synchronous)?;
    pragma("wal_autocheckpoint", &CHECKPOINT_PAGES)?;
    pragma("cache_size", &-CACHE_KIB)?;
    // Sorting for an index may use the other core.
    pragma("threads", &2)?;
    make(&mut connection, path)?;
    Ok(connection)
}

/// A connection that drops what is there, of whatever version it is.
pub(super) fn for_dropping(options: &SqliteOptions) -> Result<Connection> {
    let path = &options.path;
    check_one_name(path)?;
    let what = format!("opening {}", path.display());
    let access = flags(OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = Connection::open_with_flags(path, access).attempt(&what)?;
    connection.busy_timeout(options.busy_timeout()).attempt(&what)?;
    check_ours(&connection, path, Access::Drop)?;
    Ok(connection)
}

/// Turns on the log. That needs the file alone for a moment, for which SQLite does not wait by
/// itself: two loads may begin a store at the same time.
fn log_ahead(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && start.elapsed() < options.busy_timeout() =>
            {
                std::thread::sleep(BUSY_STEP);
            }
            done => return done,
        }
    }
}

/// A connection that reads.
pub(super) fn for_reading(options: &SqliteOptions, access: Access) -> Result<Connection> {
    let path = &options.path;
    if !path.exists() {
        return Err(Error::misconfigured(format!("there is no store at {}", path.display()))
            .with_hint("load something into it first: astload load PATH"));
    }
    check_one_name(path)?;
    let opened = read_through(path, OpenFlags::SQLITE_OPEN_READ_WRITE, (options, access));
    let connection = match opened {
        // The place is read-only, so there can be no log, and nobody who changes the file.
        Err(error) if error.kind == ErrorKind::Misconfigured && !log_of(path).exists() => {
            match immutable(path) {
                Some(uri) => read_through(
                    Path::new(&uri),
                    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
                    (options, access),
                )
                .map_err(|_| error)?,
                None => return Err(error),
            }
        }
        opened => opened?,
    };
    connection.pragma_update(None, "query_only", true).attempt("opening for reading")?;
    if check_ours(&connection, path, access)? == 0 {
        return Err(Error::misconfigured(format!("{} is empty", path.display()))
            .with_hint("load something into it first: astload load PATH"));
    }
    Ok(connection)
}

/// Reads may need the log's files to be made, and the last to close takes them away: so they are
/// opened for writing where that is allowed, and write nothing.
fn read_through(
    path: &Path,
    mode: OpenFlags,
    (options, access): (&SqliteOptions, Access),
) -> Result<Connection> {
    let what = format!("opening {}", options.path.display());
    let connection = Connection::open_with_flags(path, flags(mode)).attempt(&what)?;
    connection.busy_timeout(options.busy_timeout()).attempt(&what)?;
    check_ours(&connection, &options.path, access)?;
    Ok(connection)
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// The file as a URI that says that nobody changes it.
fn immutable(path: &Path) -> Option<String> {
    let encoded = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{encoded}?immutable=1"))
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

pub(super) fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(Error::misconfigured(format!("there is no folder {}", folder.display()))
                .with_hint("make it, or choose another place for the store"))
        }
        _ if path.is_dir() => Err(Error::misconfigured(format!("{} is a folder", path.display()))
            .with_hint(format!("name a file in it: sqlite:{}", path.join("code.db").display()))),
        _ => Ok(()),
    }
}

/// Refuses a file that has more than one name. One that is not there has none.
fn check_one_name(path: &Path) -> Result<()> {
    match path.metadata() {
        Ok(found) if found.is_file() && found.nlink() > 1 => {
            let (path, names) = (path.display(), found.nlink());
            let message = format!(
                "{path} has {names} names, and what is written to it by one is lost to the others"
            );
            let hint = format!(
                "`find DIR -samefile {path}` lists them; remove all but one, or put a copy in its place"
            );
            Err(Error::misconfigured(message).with_hint(hint))
        }
        _ => Ok(()),
    }
}

/// The schema's version, of a file that is empty or ours.
fn check_ours(connection: &Connection, path: &Path, access: Access) -> Result<i64> {
    let what = format!("opening {}", path.display());
    let number = |pragma: &str| -> Result<i64> {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).attempt(&what)
    };
    let version = number("user_version")?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'", [], |row| {
            row.get(0)
        })
        .attempt(&what)?;
    if number("application_id")? != APPLICATION_ID && (tables > 0 || version > 0) {
        return Err(Error::misconfigured(format!(
            "{} is an SQLite database of another program",
            path.display()
        ))
        .with_hint("choose another file"));
    }
    if version != 0 {
        schema_version::check(&path.display().to_string(), version, VERSION, access)?;
    }
    Ok(version)
}

/// Makes the schema of a new store, in one transaction, also with two loaders at once.
fn make(connection: &mut Connection, path: &Path) -> Result<()> {
    let what = format!("making the schema of {}", path.display());
    let version = |connection: &Connection| -> Result<i64> {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).attempt(&what)
    };
    if version(connection)? == VERSION {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).attempt(&what)?;
    if version(&transaction)? == VERSION {
        return Ok(());
    }
    transaction.execute_batch(TABLES_AND_VIEWS).attempt(&what)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).attempt(&what)?;
    transaction.pragma_update(None, "user_version", VERSION).attempt(&what)?;
    transaction.commit().attempt(&what)
}

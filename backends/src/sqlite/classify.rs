//! Which SQLite error is of which kind.

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind, Result};

/// Says what was attempted when it fails.
pub(super) trait Attempt<T> {
    fn attempt(self, what: &str) -> Result<T>;
}

impl<T> Attempt<T> for rusqlite::Result<T> {
    fn attempt(self, what: &str) -> Result<T> {
        self.map_err(|error| classify(what, error))
    }
}

/// The error for what SQLite says.
pub(super) fn classify(what: &str, error: rusqlite::Error) -> Error {
    let (kind, hint) = match error.sqlite_error_code() {
        None => (ErrorKind::Unexpected, None),
        Some(code) => kind_of(code),
    };
    let classified = Error::new(kind, format!("{what}: {error}"));
    match hint {
        Some(hint) => classified.with_hint(hint).with_source(error),
        None => classified.with_source(error),
    }
}

fn kind_of(code: ErrorCode) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind::{Misconfigured, Refused, TooLarge, Transient, Unexpected};
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (Transient, Some("another program is writing to the file; wait for it or stop it"))
        }
        ErrorCode::DiskFull => (Misconfigured, Some("free some space; what was committed is safe")),
        ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied => {
            (Misconfigured, Some("make the file and its folder writable"))
        }
        ErrorCode::CannotOpen => {
            (Misconfigured, Some("check that the folder exists and may be written"))
        }
        ErrorCode::NotADatabase => (Misconfigured, Some("choose another file")),
        ErrorCode::DatabaseCorrupt => {
            (Misconfigured, Some("the file is damaged: move it away and load again"))
        }
        ErrorCode::SchemaChanged | ErrorCode::FileLockingProtocolFailed => (Transient, None),
        ErrorCode::OutOfMemory => (Transient, None),
        ErrorCode::TooBig => (TooLarge, None),
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => (Refused, None),
        _ => (Unexpected, None),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn each_code_has_its_kind() {
        let table = [
            (ffi::SQLITE_BUSY, ErrorKind::Transient),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Transient),
            (ffi::SQLITE_LOCKED, ErrorKind::Transient),
            (ffi::SQLITE_NOMEM, ErrorKind::Transient),
            (ffi::SQLITE_SCHEMA, ErrorKind::Transient),
            (ffi::SQLITE_FULL, ErrorKind::Misconfigured),
            (ffi::SQLITE_READONLY, ErrorKind::Misconfigured),
            (ffi::SQLITE_READONLY_DBMOVED, ErrorKind::Misconfigured),
            (ffi::SQLITE_PERM, ErrorKind::Misconfigured),
            (ffi::SQLITE_CANTOPEN, ErrorKind::Misconfigured),
            (ffi::SQLITE_NOTADB, ErrorKind::Misconfigured),
            (ffi::SQLITE_CORRUPT, ErrorKind::Misconfigured),
            (ffi::SQLITE_TOOBIG, ErrorKind::TooLarge),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, ErrorKind::Refused),
            (ffi::SQLITE_MISMATCH, ErrorKind::Refused),
            (ffi::SQLITE_IOERR_READ, ErrorKind::Unexpected),
            (ffi::SQLITE_ERROR, ErrorKind::Unexpected),
        ];
        for (code, kind) in table {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(classify("write", error).kind, kind, "code {code}");
        }
    }
}

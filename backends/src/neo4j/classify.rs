//! Which status code of the server, and which failure of a connection, is an error of which kind.
//!
//! <https://neo4j.com/docs/status-codes/5/errors/all-errors/>

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use neo4rs::Error as BoltError;

use crate::error::{Error, ErrorKind, Result};

/// Says what was attempted when it fails.
pub(super) trait Attempt<T> {
    fn attempt(self, what: &str) -> Result<T>;
}

impl<T> Attempt<T> for Result<T, BoltError> {
    fn attempt(self, what: &str) -> Result<T> {
        self.map_err(|error| classify(what, error))
    }
}

/// The code that the server gave for an error.
pub(super) fn code_of(error: &Error) -> Option<&str> {
    match error.source()?.downcast_ref::<BoltError>()? {
        BoltError::Neo4j(said) => Some(said.code()),
        _ => None,
    }
}

/// Whether it failed for what another writer, or a collector of garbage, does at the same time.
pub(super) fn is_meeting(error: &Error) -> bool {
    let is_theirs = |code: &str| {
        [".DeadlockDetected", ".EntityNotFound", ".Outdated"].iter().any(|end| code.ends_with(end))
    };
    error.retry_after == Some(Duration::ZERO) || code_of(error).is_some_and(is_theirs)
}

pub(super) fn wrong_password(what: &str) -> Error {
    Error::misconfigured(format!("{what}: the server refuses this user or password"))
}

/// The error for what the driver says.
pub(super) fn classify(what: &str, error: BoltError) -> Error {
    let classified = match &error {
        BoltError::Neo4j(said) => of_server(what, said.code(), said.message()),
        BoltError::AuthenticationError(said) if said.contains("too many times") => {
            Error::transient(format!("{what}: {said}"))
                .with_hint("the server was asked with a wrong password too often")
        }
        BoltError::AuthenticationError(_) => {
            wrong_password(what).with_hint("check `user` and `password`, or those of the URL")
        }
        BoltError::IOError { detail } => of_connection(what, detail),
        BoltError::UnsupportedVersion(major, minor) => not_supported(what, *major, *minor),
        BoltError::ProtocolMismatch(0) => not_supported(what, 0, 0),
        // The first byte is that of an alert of TLS.
        BoltError::ProtocolMismatch(answer) if answer >> 24 == 0x15 => {
            Error::misconfigured(format!("{what}: the server takes encrypted connections only"))
                .with_hint("write the URL with bolt+s:// or neo4j+s://")
        }
        BoltError::ProtocolMismatch(_) => {
            Error::misconfigured(format!("{what}: what answers does not speak Bolt"))
                .with_hint("the port of Bolt is 7687 where nobody changed it, that of HTTP 7474")
        }
        BoltError::UrlParseError(_)
        | BoltError::UnsupportedScheme(_)
        | BoltError::InvalidDnsName(_)
        | BoltError::InvalidConfig => Error::misconfigured(format!("{what}: {error}")),
        BoltError::StringTooLong
        | BoltError::MapTooBig
        | BoltError::BytesTooBig
        | BoltError::ListTooLong => Error::new(ErrorKind::TooLarge, format!("{what}: {error}")),
        BoltError::ConnectionError
        | BoltError::ConnectionTimedOut
        | BoltError::IncompleteBoltExchange
        | BoltError::ConnectionClosed(_)
        | BoltError::Ignored(_)
        | BoltError::RequestIgnoredError
        | BoltError::RoutingTableError(_)
        | BoltError::RoutingTableRefreshFailed(_)
        | BoltError::ServerUnavailableError(_) => Error::transient(format!("{what}: {error}")),
        _ => Error::unexpected(format!("{what}: {error}")),
    };
    classified.with_source(error)
}

/// A server that shares no version with us answers with zeros.
fn not_supported(what: &str, major: u8, minor: u8) -> Error {
    let speaks = match major {
        0 => "the server speaks no version of Bolt that astload does".to_owned(),
        _ => format!("the server speaks Bolt {major}.{minor}"),
    };
    Error::misconfigured(format!("{what}: {speaks}; astload needs 4.0 to 4.4"))
        .with_hint("Neo4j 5.26 and newer speak it")
}

fn of_connection(what: &str, error: &io::Error) -> Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        let hint = match tls {
            rustls::Error::InvalidCertificate(_) => {
                "name the authority that signed the server's certificate by `ca`, and the host as it does"
            }
            _ => "does the server take encrypted connections? Without them the scheme is bolt://",
        };
        return Error::misconfigured(format!("{what}: TLS: {tls}")).with_hint(hint);
    }
    let hint = match error.kind() {
        io::ErrorKind::UnexpectedEof if error.to_string().contains("tls") => {
            "does the server take encrypted connections? Without them the scheme is bolt://"
        }
        io::ErrorKind::ConnectionRefused => "does the server run, and is the port right?",
        io::ErrorKind::UnexpectedEof => {
            "the connection was closed; does the server want TLS, as with bolt+s://?"
        }
        _ => "is the host right, and can it be reached?",
    };
    Error::transient(format!("{what}: {error}")).with_hint(hint)
}

/// What the server says, by its status code: `Neo.Class.Category.Title`.
fn of_server(what: &str, code: &str, message: &str) -> Error {
    let (kind, hint) = kind_of(code, message);
    let error = Error::new(kind, format!("{what}: {message} [{code}]"));
    let error = if is_overload(code) { error.for_overload() } else { error };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn is_overload(code: &str) -> bool {
    code.ends_with("OutOfMemoryError") || code.ends_with("NoThreadsAvailable")
}

const RIGHTS: &str = "the user needs the rights of `editor`, and of `architect` to make the store: docs/stores/neo4j.md, Rights";
const READ_ONLY: &str =
    "the database takes no writes: connect to the one that does, or see to its access";

fn kind_of(code: &str, message: &str) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind::{Misconfigured, Refused, TooLarge, Transient, Unexpected};
    let mut parts = code.split('.').skip(1);
    let [class, category, title] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    match (class, category, title) {
        (_, "Security", "Forbidden") => (Misconfigured, Some(RIGHTS)),
        (_, "Security", "AuthorizationExpired" | "TokenExpired") => (Transient, None),
        (_, "Security", "AuthenticationRateLimit") => {
            (Transient, Some("the server was asked with a wrong password too often"))
        }
        (_, "Security", "CredentialsExpired") => (
            Misconfigured,
            Some("the password has to be changed first: ALTER CURRENT USER SET PASSWORD"),
        ),
        (_, "Security", _) => {
            (Misconfigured, Some("check `user` and `password`, or those of the URL"))
        }
        (_, "Database", "DatabaseNotFound") => {
            (Misconfigured, Some("check `database`; without one it is the user's own"))
        }
        (_, "Database", _) | (_, "Cluster", _) => (Transient, None),
        (_, "General", "ForbiddenOnReadOnlyDatabase" | "WriteOnReadOnlyAccessDatabase") => {
            (Misconfigured, Some(READ_ONLY))
        }
        (_, "General", "DatabaseUnavailable") => (Transient, None),
        // Of one transaction alone, by `db.memory.transaction.max`.
        (_, "General", "TransactionOutOfMemoryError") => {
            (TooLarge, Some("raise `db.memory.transaction.max` on the server"))
        }
        (_, "General", "MemoryPoolOutOfMemoryError" | "OutOfMemoryError") => (
            Transient,
            Some(
                "the server's memory is full: see `dbms.memory.transaction.total.max` and its heap",
            ),
        ),
        (_, "Schema", "ConstraintValidationFailed" | "TokenNameError") => (Refused, None),
        (_, "Schema", _) => {
            (Misconfigured, Some("`astload schema plan` shows what the store lacks"))
        }
        (_, "Statement", "EntityNotFound") => (Transient, None),
        (_, "Statement", "SyntaxError") if message.contains("$(") || message.contains("CALL") => {
            (Misconfigured, Some("astload needs Neo4j 5.26 or newer"))
        }
        (_, "Statement", "ArgumentError" | "TypeError") => (Refused, None),
        ("ClientError", "Transaction", _) | ("TransientError", ..) => (Transient, None),
        ("DatabaseError", "General", "UnknownError") if message.contains("No space left") => {
            (Misconfigured, Some("free some space on the server; what was committed is safe"))
        }
        ("DatabaseError", "Transaction", _) => {
            (Transient, Some("the server's log says more; is its disk full?"))
        }
        _ => (Unexpected, None),
    }
}

//! Which error of the server, the connection or the pool is of which kind.
//!
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::error::Error as StdError;
use std::io;

use deadpool_postgres::PoolError;
use deadpool_postgres::TimeoutType;
use rustls::{CertificateError, Error as TlsError};
use tokio_postgres::Error as PgError;
use tokio_postgres::error::DbError;

use crate::error::{Error, ErrorKind, Result};

/// Says what was attempted when it fails.
pub(super) trait Attempt<T> {
    fn attempt(self, what: &str) -> Result<T>;
}

impl<T> Attempt<T> for Result<T, PgError> {
    fn attempt(self, what: &str) -> Result<T> {
        self.map_err(|error| classify(what, error))
    }
}

/// The error for what the driver says.
pub(super) fn classify(what: &str, error: PgError) -> Error {
    let classified = match error.as_db_error() {
        Some(said) => of_server(what, said),
        None => of_connection(what, &error),
    };
    classified.with_source(error)
}

/// The error for a pool that gives no connection.
pub(super) fn of_pool(error: PoolError) -> Error {
    const WHAT: &str = "connecting";
    match error {
        PoolError::Backend(error) => classify(WHAT, error),
        PoolError::Timeout(TimeoutType::Wait) => {
            Error::transient("no connection of the pool is free").for_overload()
        }
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            Error::transient("connecting: the server does not answer")
                .with_hint("check that the host and port are right and that it runs")
        }
        PoolError::Closed => Error::misconfigured("the store is closed"),
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            Error::unexpected(format!("{WHAT}: {error}"))
        }
    }
}

/// What the server says, by its SQLSTATE.
fn of_server(what: &str, said: &DbError) -> Error {
    let code = said.code().code();
    let (kind, hint) = kind_of(code, said.message());
    let detail = said.detail().map_or_else(String::new, |detail| format!(" ({detail})"));
    let error = Error::new(kind, format!("{what}: {}{detail} [{code}]", said.message()));
    let error = if is_overload(code) { error.for_overload() } else { error };
    match hint.map(str::to_owned).or_else(|| said.hint().map(str::to_owned)) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn is_overload(code: &str) -> bool {
    // Too many connections, out of memory.
    matches!(code, "53300" | "53200")
}

const GRANT: &str =
    "let the owner run `astload schema apply`, or grant it: docs/stores/postgres.md, Rights";
const APPLY: &str = "the tables are not there, or not as this version has them: `astload schema plan` shows what is missing";
const READ_ONLY: &str = "connect to the primary: target_session_attrs=read-write; or see to the role's default_transaction_read_only";
const IN_USE: &str = "it is not astload's, and would not work any more: drop it first, or leave all as it is; nothing was dropped";
const POOLER: &str = "behind a pooler of transactions set `pgbouncer: true`";

fn kind_of(code: &str, message: &str) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind::{Misconfigured, Refused, TooLarge, Transient, Unexpected};
    match code {
        "28P01" | "28000" => {
            (Misconfigured, Some("check user, password and the server's pg_hba.conf"))
        }
        "42501" => (Misconfigured, Some(GRANT)),
        "3D000" => (Misconfigured, Some("create the database first: `createdb NAME`")),
        "3F000" | "42P01" | "42703" | "42883" => (Misconfigured, Some(APPLY)),
        "42704" if message.contains("tablespace") => {
            (Misconfigured, Some("make the tablespace first, or leave `tablespace` out"))
        }
        "2BP01" => (Misconfigured, Some(IN_USE)),
        "26000" | "42P05" => (Misconfigured, Some(POOLER)),
        "25006" => (Misconfigured, Some(READ_ONLY)),
        "53100" => {
            (Misconfigured, Some("free some space on the server; what was committed is safe"))
        }
        "53300" => (Transient, Some("raise max_connections on the server, or lower `connections`")),
        "53200" => (Transient, None),
        "55P03" => (
            Transient,
            Some("another session holds a lock: see pg_stat_activity and `lock_timeout`"),
        ),
        "57014" => (Transient, Some("`statement_timeout` says how long a statement may take")),
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => (Transient, None),
        "57P04" => (Misconfigured, Some("the database was dropped")),
        // A pooler says everything with this code.
        "08P01" if message.contains("authentication failed") => {
            (Misconfigured, Some("check user, password and the pooler's auth_file"))
        }
        "08P01" if message.contains("no such ") => {
            (Misconfigured, Some("add it to the pooler's configuration"))
        }
        // The tables have changed since the statement was prepared.
        "0A000" if message.contains("cached plan") => (Transient, None),
        "54001" | "54011" | "54023" => (TooLarge, None),
        "XX001" | "XX002" => (Misconfigured, Some("the server says that its files are damaged")),
        "55000" | "55006" => (Transient, None),
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "40" => (Transient, None),
            "22" | "23" | "44" | "54" | "P0" => (Refused, None),
            "28" | "0L" | "0P" | "2B" | "53" | "F0" => (Misconfigured, None),
            "57" => (Transient, None),
            _ => (Unexpected, None),
        },
    }
}

/// What the way to the server says.
fn of_connection(what: &str, error: &PgError) -> Error {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next);
        // An io error shows what it wraps as a source of its own only in part.
        let inner = next.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inner.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| next.source());
    }
    let words = causes.iter().map(ToString::to_string).fold(Vec::new(), |mut words, word| {
        // A cause often repeats the words of what it caused.
        if words.last() != Some(&word) {
            words.push(word);
        }
        words
    });
    let said = std::iter::once(error.to_string()).chain(words).collect::<Vec<_>>().join(": ");
    let message = format!("{what}: {said}");
    if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<TlsError>()) {
        return of_tls(message, tls);
    }
    let is_io = causes.iter().any(|cause| cause.is::<io::Error>());
    match error.to_string().as_str() {
        "error performing TLS handshake" if !is_io => Error::misconfigured(message)
            .with_hint("the server does not speak TLS: turn it on there, or say sslmode=disable"),
        "authentication error" => {
            Error::misconfigured(message).with_hint("check user and password, or PGPASSFILE")
        }
        "invalid configuration" if message.ends_with("password missing") => {
            Error::misconfigured(message)
                .with_hint("give it in PGPASSWORD, or in a file that PGPASSFILE names")
        }
        "invalid connection string" | "invalid configuration" => Error::misconfigured(message),
        _ if error.is_closed() => Error::transient(format!("{what}: the connection was closed")),
        "timeout waiting for server" => Error::transient(message),
        _ if is_io => Error::transient(message)
            .with_hint("check that the host and port are right and that the server runs"),
        _ => Error::unexpected(message),
    }
}

fn of_tls(message: String, error: &TlsError) -> Error {
    let hint = match error {
        TlsError::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "sslrootcert=FILE names the authority that signed the server's certificate"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "the server needs a certificate that is valid today"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use the host's name as it is in the certificate, or sslmode=verify-ca"
            }
            _ => "see to the server's certificate",
        },
        TlsError::AlertReceived(_) => {
            "the server wants another certificate, see sslcert and sslkey"
        }
        _ => return Error::transient(message),
    };
    Error::misconfigured(message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_kind() {
        use ErrorKind::{Misconfigured, Refused, TooLarge, Transient, Unexpected};
        for (code, kind) in [
            ("08006", Transient),
            ("0A000", Unexpected),
            ("22021", Refused),
            ("22P02", Refused),
            ("23502", Refused),
            ("23505", Refused),
            ("23514", Refused),
            ("25006", Misconfigured),
            ("25P02", Unexpected),
            ("26000", Misconfigured),
            ("28P01", Misconfigured),
            ("3D000", Misconfigured),
            ("40001", Transient),
            ("40P01", Transient),
            ("42501", Misconfigured),
            ("42601", Unexpected),
            ("42703", Misconfigured),
            ("42P01", Misconfigured),
            ("53100", Misconfigured),
            ("53200", Transient),
            ("53300", Transient),
            ("54000", Refused),
            ("54001", TooLarge),
            ("55P03", Transient),
            ("57014", Transient),
            ("57P01", Transient),
            ("57P03", Transient),
            ("58030", Unexpected),
            ("P0001", Refused),
            ("XX000", Unexpected),
            ("XX001", Misconfigured),
        ] {
            assert_eq!(kind_of(code, "").0, kind, "{code}");
        }
        assert_eq!(kind_of("0A000", "cached plan must not change result type").0, Transient);
        for (message, kind) in [
            ("SASL authentication failed", Misconfigured),
            ("no such database: code", Misconfigured),
            ("query_wait_timeout", Transient),
        ] {
            assert_eq!(kind_of("08P01", message).0, kind, "{message}");
        }
        assert!(is_overload("53300") && !is_overload("40P01"));
    }
}

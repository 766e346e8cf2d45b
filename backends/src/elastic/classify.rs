//! Which status of an answer or of one of its items, and which failure of a connection, is an error of
//! which kind.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use serde_json::Value;

use super::client::Answer;
use crate::error::{Error, ErrorKind, Result};

const FULL: &str = "the disk of a node is past its flood stage: free some space, then the server lifts the block, or lift it: PUT INDEX/_settings {\"index.blocks.read_only_allow_delete\": null}";
const BLOCKED: &str = "the index takes no writes: see its settings `index.blocks.*`";
const RIGHTS: &str = "the user needs `create_index`, `manage`, `read` and `write` on these indices: see the store's page, Rights";
const APPLY: &str = "`astload schema plan` shows what is missing, `astload schema apply` makes it";
const BUSY: &str = "the server has too much to do: fewer `connections`, or more nodes";

/// Whether nothing was sent, so that another node may be asked.
pub(super) fn is_unreached(error: &elasticsearch::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        // The driver's own crate has no name here, and says so only in words.
        if error.to_string().contains("client error (Connect)") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn causes(error: &elasticsearch::Error) -> String {
    let mut words = Vec::new();
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    // The first ones say what was asked, with the URL; the last ones why.
    words.into_iter().next_back().unwrap_or_else(|| "no answer".to_owned())
}

/// A node that cannot be reached.
pub(super) fn of_connection(what: &str, error: &elasticsearch::Error) -> Error {
    let why = causes(error);
    let is_tls =
        ["certificate", "Certificate", "TLS", "tls", "InvalidContentType", "corrupt message"];
    if is_tls.iter().any(|word| why.contains(word)) {
        return Error::misconfigured(format!("{what}: TLS: {why}")).with_hint(
            "name the authority that signed the server's certificate by `ca`, and the host as it does; without encryption the URL begins with http://",
        );
    }
    Error::transient(format!("{what}: {why}"))
        .with_hint("does the server run, and are host and port right?")
}

/// A request of which nobody knows what became.
pub(super) fn unanswered(
    what: &str,
    longest: Duration,
    error: Option<&elasticsearch::Error>,
) -> Error {
    match error {
        Some(error) if !error.is_timeout() && !is_timeout(error) => {
            Error::transient(format!("{what}: {}", causes(error)))
                .with_hint("does the server want TLS, as with https://?")
        }
        _ => Error::transient(format!("{what}: the server does not answer within {longest:?}"))
            .with_hint("check that it runs; `timeout` says how long a request may take"),
    }
}

fn is_timeout(error: &elasticsearch::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        let timed_out = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
        if timed_out || error.to_string() == "operation timed out" {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Requires that an answer is no error.
pub(super) fn checked(what: &str, answer: Answer) -> Result<Answer> {
    match answer.status {
        200..=299 => Ok(answer),
        status => Err(of_answer(what, status, &answer.json()["error"])),
    }
}

/// The error for a whole answer.
pub(super) fn of_answer(what: &str, status: u16, said: &Value) -> Error {
    let (type_name, reason) = words(said);
    let (kind, hint) = kind_of(status, &type_name, &reason);
    let reason = if reason.is_empty() { "the server says no more".to_owned() } else { reason };
    let error = Error::new(kind, format!("{what}: {reason} [{status} {type_name}]"));
    let is_busy = status == 429 && kind == ErrorKind::Transient;
    let error = if is_busy { error.for_overload() } else { error };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// An error's type and its reason, that of its cause included.
pub(super) fn words(said: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut reason = text(&said["reason"]);
    let cause = text(&said["caused_by"]["reason"]);
    if !cause.is_empty() && !reason.contains(&cause) {
        reason = format!("{reason}: {cause}");
    }
    (text(&said["type"]), reason)
}

/// Of a status, an error's type and its reason.
pub(super) fn kind_of(
    status: u16,
    type_name: &str,
    reason: &str,
) -> (ErrorKind, Option<&'static str>) {
    use ErrorKind::{Misconfigured, Refused, TooLarge, Transient, Unexpected};
    match (status, type_name) {
        (_, "cluster_block_exception") if reason.contains("/12/") => (Misconfigured, Some(FULL)),
        (_, "cluster_block_exception") if reason.contains("SERVICE_UNAVAILABLE") => {
            (Transient, None)
        }
        (_, "cluster_block_exception") => (Misconfigured, Some(BLOCKED)),
        (401, _) => (Misconfigured, Some("check `user` and `password`, `api_key` or `token`")),
        (403, _) => (Misconfigured, Some(RIGHTS)),
        (404, "index_not_found_exception") => (Misconfigured, Some(APPLY)),
        (413, _) => (TooLarge, Some("`http.max_content_length` of the server bounds a request")),
        (429, _) => (Transient, Some(BUSY)),
        (408 | 409 | 500, "timeout_exception" | "version_conflict_engine_exception") => {
            (Transient, None)
        }
        (502..=504, _) => (Transient, None),
        // A mapping that was changed by hand, or an index that the server made itself for want of ours.
        (400, "strict_dynamic_mapping_exception" | "illegal_argument_exception")
            if reason.contains("dynamic introduction")
                || reason.contains("mapping set to strict") =>
        {
            (Misconfigured, Some("the mapping was changed by hand: load into another `prefix`"))
        }
        (400, _) => (Refused, None),
        (404 | 405, _) => {
            (Misconfigured, Some("does the URL lead to Elasticsearch or OpenSearch?"))
        }
        _ => (Unexpected, None),
    }
}

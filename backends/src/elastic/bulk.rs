//! Many documents in few requests.
//!
//! Each item has a status of its own: those that the server had no time for are sent again alone, and what
//! became of the others is whoever sent them's to judge.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::Method;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use super::classify;
use super::client::{Body, Client};
use crate::error::{Error, Result};

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 8 << 20;

/// How much smaller bodies are made when one was too much for the server.
const SMALLER: usize = 4;

/// Bodies that are on their way at the same time.
const IN_FLIGHT: usize = 2;

/// Attempts for items that the server has no time for.
const ATTEMPTS: u32 = 6;

const FIRST_WAIT: Duration = Duration::from_millis(50);

const PATH: &str = "_bulk?require_alias=true&filter_path=items.*.status,items.*.error.type,\
items.*.error.reason,items.*.error.caused_by.reason";

/// Lines to be sent.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    lines: Vec<u8>,
    /// Where each item begins.
    starts: Vec<usize>,
}

/// What became of an item.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    pub(super) status: u16,
    pub(super) error: Value,
}

impl Item {
    fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 503) && self.error["type"] != "cluster_block_exception"
    }

    /// Whether the server had no memory for all that it was sent at once; else it had no time.
    /// <https://www.elastic.co/docs/reference/elasticsearch/index-settings/pressure>
    fn is_too_much(&self) -> bool {
        classify::words(&self.error).1.contains("_bytes=")
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.status == 409
    }

    /// Whether what should be deleted was not there.
    pub(super) fn is_gone(&self) -> bool {
        self.status == 404 && self.error.is_null()
    }

    /// The error for an item that is not done.
    pub(super) fn as_error(&self, what: &str) -> Error {
        classify::of_answer(what, self.status, &self.error)
    }
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    items: Vec<Answer>,
}

/// What is said of an item, under the name of its action.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Index(Item),
    Create(Item),
    Delete(Item),
}

impl Bulk {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Adds an item: its action, and its document where it has one.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.starts.push(self.lines.len());
        write(&mut self.lines);
    }

    /// Sends all of it; says what became of each item.
    pub(super) async fn send(self, client: &Client, what: &str) -> Result<Vec<Item>> {
        let mut items = vec![Item::default(); self.len()];
        let mut left: Vec<usize> = (0..self.len()).collect();
        let lines = Lines { bytes: self.lines.into(), starts: self.starts };
        let (mut wait, mut bytes_max) = (FIRST_WAIT, BODY_BYTES_MAX);
        for attempt in 1..=ATTEMPTS {
            let bodies = lines.bodies(&left, bytes_max);
            let sent = bodies.into_iter().map(|(who, body)| send(client, what, who, body));
            let in_flight = if attempt == 1 { IN_FLIGHT } else { 1 };
            let answers: Vec<Vec<(usize, Item)>> =
                stream::iter(sent).buffer_unordered(in_flight).try_collect().await?;
            left.clear();
            let mut is_too_much = false;
            for (at, item) in answers.into_iter().flatten() {
                if item.is_busy() {
                    left.push(at);
                    is_too_much |= item.is_too_much();
                }
                items[at] = item;
            }
            if left.is_empty() || attempt == ATTEMPTS {
                break;
            }
            if is_too_much {
                bytes_max /= SMALLER;
            }
            left.sort_unstable();
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(items)
    }
}

/// Lines that are written, and shared by the bodies that are made of them.
struct Lines {
    bytes: Bytes,
    starts: Vec<usize>,
}

impl Lines {
    fn range(&self, items: Range<usize>) -> Bytes {
        let begin = |at: usize| self.starts.get(at).copied().unwrap_or(self.bytes.len());
        self.bytes.slice(begin(items.start)..begin(items.end))
    }

    /// Items in bodies, each with who is in it.
    fn bodies(&self, of: &[usize], bytes_max: usize) -> Vec<(Vec<usize>, Bytes)> {
        let mut groups: Vec<(Vec<usize>, usize)> = Vec::new();
        for &at in of {
            let bytes = self.range(at..at + 1).len();
            match groups.last_mut() {
                Some((who, all)) if *all + bytes <= bytes_max => {
                    who.push(at);
                    *all += bytes;
                }
                _ => groups.push((vec![at], bytes)),
            }
        }
        let body = |(who, _): (Vec<usize>, usize)| {
            let (first, last) = (who[0], who[who.len() - 1]);
            let body = match last - first + 1 == who.len() {
                true => self.range(first..last + 1),
                false => {
                    let items: Vec<Bytes> = who.iter().map(|&at| self.range(at..at + 1)).collect();
                    items.concat().into()
                }
            };
            (who, body)
        };
        groups.into_iter().map(body).collect()
    }
}

async fn send(
    client: &Client,
    what: &str,
    who: Vec<usize>,
    body: Bytes,
) -> Result<Vec<(usize, Item)>> {
    let answer = client.send(what, Method::Post, PATH, Body::Lines(body)).await?;
    if answer.status == 429 {
        let item = Item { status: 429, error: answer.json()["error"].clone() };
        if item.is_busy() {
            // It looked at none of them.
            return Ok(who.into_iter().map(|at| (at, item.clone())).collect());
        }
    }
    let answer = classify::checked(what, answer)?;
    let answered: Answered = serde_json::from_slice(&answer.body).map_err(|error| {
        Error::unexpected(format!("{what}: an answer of another form: {error}"))
    })?;
    if answered.items.len() != who.len() {
        let (told, sent) = (answered.items.len(), who.len());
        return Err(Error::unexpected(format!("{what}: {told} answers to {sent} items")));
    }
    let item = |answer| match answer {
        Answer::Index(item) | Answer::Create(item) | Answer::Delete(item) => item,
    };
    Ok(who.into_iter().zip(answered.items.into_iter().map(item)).collect())
}

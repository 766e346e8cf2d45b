//! Many documents in few requests.
//!
//! Each item has a status of its own: those that the server had no time for are sent again alone, and what
//! became of the others is whoever sent them's to judge.

use std::time::Duration;

use elasticsearch::http::Method;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::Value;

use super::classify;
use super::client::{Body, Client};
use crate::error::{Error, Result};

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 8 << 20;

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
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub(super) status: u16,
    pub(super) error: Value,
}

impl Item {
    fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 503) && self.error["type"] != "cluster_block_exception"
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.status == 409
    }

    /// The error for an item that is not done.
    pub(super) fn as_error(&self, what: &str) -> Error {
        classify::of_answer(what, self.status, &self.error)
    }
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    items: Vec<Value>,
}

impl Bulk {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Adds an item: its action, and its document where it has one.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.starts.push(self.lines.len());
        write(&mut self.lines);
    }

    /// Adds items that are written already.
    pub(super) fn extend(&mut self, lines: &[u8], starts: &[usize]) {
        let base = self.lines.len();
        self.starts.extend(starts.iter().map(|start| base + start));
        self.lines.extend_from_slice(lines);
    }

    fn item(&self, at: usize) -> &[u8] {
        let end = self.starts.get(at + 1).copied().unwrap_or(self.lines.len());
        &self.lines[self.starts[at]..end]
    }

    /// Items in bodies, each with who is in it.
    fn bodies(&self, of: &[usize]) -> Vec<(Vec<usize>, Vec<u8>)> {
        let mut bodies: Vec<(Vec<usize>, Vec<u8>)> = Vec::new();
        for &at in of {
            let item = self.item(at);
            match bodies.last_mut() {
                Some((who, body)) if body.len() + item.len() <= BODY_BYTES_MAX => {
                    who.push(at);
                    body.extend_from_slice(item);
                }
                _ => bodies.push((vec![at], item.to_vec())),
            }
        }
        bodies
    }

    /// Sends all of it; says what became of each item.
    pub(super) async fn send(&self, client: &Client, what: &str) -> Result<Vec<Item>> {
        let mut items = vec![Item::default(); self.len()];
        let mut left: Vec<usize> = (0..self.len()).collect();
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            let sent =
                self.bodies(&left).into_iter().map(|(who, body)| send(client, what, who, body));
            let answers: Vec<Vec<(usize, Item)>> =
                stream::iter(sent).buffer_unordered(IN_FLIGHT).try_collect().await?;
            left.clear();
            for (at, item) in answers.into_iter().flatten() {
                if item.is_busy() {
                    left.push(at);
                }
                items[at] = item;
            }
            if left.is_empty() || attempt == ATTEMPTS {
                break;
            }
            left.sort_unstable();
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(items)
    }
}

async fn send(
    client: &Client,
    what: &str,
    who: Vec<usize>,
    body: Vec<u8>,
) -> Result<Vec<(usize, Item)>> {
    let answer = client.send(what, Method::Post, PATH, Body::Lines(body.into())).await?;
    if answer.status == 429 {
        let item = Item { status: 429, error: answer.json()["error"].clone() };
        if item.is_busy() {
            // All of it is too much at once.
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
    let item = |value: Value| {
        // Under the name of its action.
        let inner = value.as_object().and_then(|map| map.values().next()).cloned();
        let inner = inner.unwrap_or_default();
        let status = inner["status"].as_u64().unwrap_or_default() as u16;
        Item { status, error: inner["error"].clone() }
    };
    Ok(who.into_iter().zip(answered.items.into_iter().map(item)).collect())
}

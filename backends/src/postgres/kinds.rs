//! How many nodes there are of each kind. To count them would read the whole store, so a transaction
//! that adds or removes nodes changes the counts with them.
//!
//! All writers change the counts of the same few kinds. So that none waits for another, each has a slot
//! of its own, and a count is the sum over the slots.

use std::collections::BTreeMap;

use super::classify::Attempt;
use super::connect::Tx;
use super::names::Names;
use crate::error::Result;

/// Slots that sessions share; two that meet in one wait for each other's commit.
const SLOTS: u32 = 64;

/// What a transaction changes of the counts, by the number of the kind's word.
#[derive(Debug, Default)]
pub(super) struct KindChanges(BTreeMap<i32, i64>);

impl KindChanges {
    /// Nodes of a kind are added; with a number below 0, removed.
    pub(super) fn add(&mut self, kind: i32, nodes: i64) {
        *self.0.entry(kind).or_default() += nodes;
    }

    /// Writes them: the last that the transaction does.
    pub(super) async fn write(&self, tx: &Tx<'_>, names: &Names, what: &str) -> Result<()> {
        let changed = || self.0.iter().filter(|&(_, &nodes)| nodes != 0);
        if changed().next().is_none() {
            return Ok(());
        }
        let sql = names.sql(&format!(
            "INSERT INTO {{kind}} AS old (slot, kind, nodes)
             SELECT pg_backend_pid() % {SLOTS}, * FROM unnest($1::int[], $2::bigint[])
             ON CONFLICT (slot, kind) DO UPDATE SET nodes = old.nodes + excluded.nodes"
        ));
        let put = tx.prepare(&sql, what).await?;
        let kinds: Vec<i32> = changed().map(|(&kind, _)| kind).collect();
        let nodes: Vec<i64> = changed().map(|(_, &nodes)| nodes).collect();
        tx.transaction.execute(&put, &[&kinds, &nodes]).await.attempt(what).map(drop)
    }
}

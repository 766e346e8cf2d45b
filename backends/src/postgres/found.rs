//! What the store has of a batch's units and repositories before they are written.

use std::collections::HashMap;

use astload_model::Batch;
use tokio::join;
use tokio_postgres::types::ToSql;

use super::Store;
use super::classify::Attempt;
use super::connect::Tx;
use super::names::Lock;
use super::words::Translated;
use crate::error::Result;
use crate::verdict::Held;

const WHAT: &str = "writing a batch";

/// What the store has before a batch is written.
pub(super) struct Found {
    pub(super) epoch: i64,
    pub(super) indexed: bool,
    pub(super) units: HashMap<i64, Standing>,
    /// Of repositories that were written a moment ago.
    pub(super) generations: HashMap<(i32, i32), u64>,
}

impl Found {
    /// Repositories of which the store has to learn that they were written: not each time, for those
    /// who write to one would wait for each other.
    pub(super) fn without_known_generations(
        &self,
        repos: Vec<RepoGeneration>,
    ) -> Vec<RepoGeneration> {
        let is_new = |repo: &RepoGeneration| {
            let known = self.generations.get(&(repo.repo, repo.layer));
            known.is_none_or(|known| *known < repo.generation)
        };
        repos.into_iter().filter(is_new).collect()
    }
}

/// The greatest generation of a (repository, layer) in a batch.
pub(super) struct RepoGeneration {
    pub(super) repo: i32,
    pub(super) layer: i32,
    pub(super) generation: u64,
}

pub(super) fn repos_of(batch: &Batch, words: &Translated) -> Vec<RepoGeneration> {
    let columns = batch.unit_columns();
    let mut greatest: HashMap<(i32, i32), u64> = HashMap::new();
    for unit in batch.units() {
        let repo = words.repo[columns.repo.keys[unit.row()] as usize];
        let layer = words.layer[columns.layer.keys[unit.row()] as usize];
        let known = greatest.entry((repo, layer)).or_default();
        *known = unit.generation().unwrap_or_default().max(*known);
    }
    let of = |((repo, layer), generation)| RepoGeneration { repo, layer, generation };
    let mut all: Vec<RepoGeneration> = greatest.into_iter().map(of).collect();
    all.sort_unstable_by_key(|repo| (repo.repo, repo.layer));
    all
}

/// A unit as it stands in the store.
pub(super) struct Standing {
    /// Its number; `None` for a tombstone.
    pub(super) number: Option<i64>,
    pub(super) generation: u64,
    pub(super) repo: i32,
    pub(super) layer: i32,
    pub(super) path: String,
}

impl Standing {
    pub(super) fn held(&self) -> Held {
        self.number.map_or(Held::Tombstone, |_| Held::Rows)
    }
}

impl Store {
    /// What the store has of these units and repositories; nobody changes the units until we are done.
    pub(super) async fn found(
        &self,
        tx: &Tx<'_>,
        ids: &[i64],
        repos: &[RepoGeneration],
    ) -> Result<Found> {
        let lock = tx.prepare("SELECT pg_advisory_xact_lock_shared($1)", WHAT).await?;
        let store = tx.prepare(&self.names.sql("SELECT epoch, indexed FROM {store}"), WHAT).await?;
        let standing = self.names.sql(
            "SELECT unit_id, number, generation, repo, layer, path FROM {unit}
             WHERE unit_id = ANY ($1) ORDER BY unit_id FOR UPDATE",
        );
        let standing = tx.prepare(&standing, WHAT).await?;
        let known = self.names.sql(
            "SELECT repo, layer, generation FROM {repo}
             WHERE (repo, layer) IN (SELECT * FROM unnest($1::int[], $2::int[]))
               AND written_at > now() - interval '10 s'",
        );
        let known = tx.prepare(&known, WHAT).await?;
        let (names, layers): (Vec<i32>, Vec<i32>) =
            repos.iter().map(|repo| (repo.repo, repo.layer)).unzip();
        let (lock_id, client) = (self.names.lock(Lock::Garbage), &tx.transaction);
        let values: [&[&(dyn ToSql + Sync)]; 3] = [&[&lock_id], &[&ids], &[&names, &layers]];
        // All are on their way before the first is answered.
        let (locked, store, standing, known) = join!(
            client.query(&lock, values[0]),
            client.query_one(&store, &[]),
            client.query(&standing, values[1]),
            client.query(&known, values[2]),
        );
        locked.attempt(WHAT)?;
        let store = store.attempt(WHAT)?;
        let units = standing.attempt(WHAT)?.into_iter().map(|row| {
            let standing = Standing {
                number: row.get(1),
                generation: row.get::<_, i64>(2) as u64,
                repo: row.get(3),
                layer: row.get(4),
                path: row.get(5),
            };
            (row.get(0), standing)
        });
        let generations = known
            .attempt(WHAT)?
            .into_iter()
            .map(|row| ((row.get(0), row.get(1)), row.get::<_, i64>(2) as u64));
        Ok(Found {
            epoch: store.get(0),
            indexed: store.get(1),
            units: units.collect(),
            generations: generations.collect(),
        })
    }
}

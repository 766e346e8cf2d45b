//! Manages repositories and the file itself.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use super::Sqlite;
use super::classify::Attempt;
use super::kinds::KindChanges;
use super::read::{RECORD, recorded};
use super::schema::{APPLICATION_ID, INDEXES, TABLES_AND_VIEWS};
use super::write::{Store, remove_unit};
use crate::claim::RepoClaim;
use crate::contract::{Admin, GcReport, Receipt};
use crate::error::Result;

/// A file with more free pages than one in this many is rewritten by `gc`.
const FREE_PAGES_TOLERATED: i64 = 4;

#[async_trait]
impl Admin for Sqlite {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        self.read(|connection| {
            let version: i64 = connection
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .attempt("planning the schema")?;
            let pending = (version == 0).then(|| TABLES_AND_VIEWS.to_owned());
            let missing = INDEXES.iter().filter(|index| !has_index(connection, index));
            Ok(pending.into_iter().chain(missing.map(|index| (*index).to_owned())).collect())
        })
        .await
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        self.dropper()?.call(Store::drop_schema).await
    }

    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()> {
        let claim = claim.clone();
        self.writer()?.call(move |store| store.claim_repo(&claim)).await
    }

    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        let (repo, path) = (repo.to_owned(), path.map(str::to_owned));
        self.writer()?.call(move |store| store.remove(&repo, path.as_deref())).await
    }

    async fn gc(&self) -> Result<GcReport> {
        self.writer()?.call(Store::gc).await
    }
}

fn has_index(connection: &Connection, statement: &str) -> bool {
    let name = statement.split_whitespace().nth(5).unwrap_or_default();
    let found = connection.prepare_cached("SELECT 1 FROM sqlite_master WHERE name = ?1");
    found.and_then(|mut select| select.exists([name])).unwrap_or(false)
}

impl Store {
    /// The transaction is the only one that writes, so nobody claims it in between.
    fn claim_repo(&mut self, claim: &RepoClaim) -> Result<()> {
        const WHAT: &str = "claiming a repository";
        self.transaction(WHAT, |transaction, numbers| {
            let repo = numbers.word(transaction, &claim.repo).attempt(WHAT)?;
            let layer = numbers.word(transaction, &claim.layer).attempt(WHAT)?;
            let select =
                format!("SELECT ?3, ?4, {RECORD}, 0 FROM repo WHERE repo = ?1 AND layer = ?2");
            let of = (repo, layer, &claim.repo, &claim.layer);
            let recorded = transaction.query_row(&select, of, recorded).optional();
            let state = claim.over(recorded.attempt(WHAT)?.as_ref())?;
            let load = state.last_load.as_ref();
            let put = transaction.execute(
                "INSERT INTO repo(repo, layer, root, remote, origin, generation, revision, loaded_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT(repo, layer) DO UPDATE SET root = ?3, remote = ?4, origin = ?5,
                 generation = ?6, revision = ?7, loaded_at = ?8",
                (
                    repo,
                    layer,
                    &state.root,
                    &state.remote,
                    state.origin.name(),
                    state.generation as i64,
                    load.and_then(|load| load.revision.as_deref()),
                    load.map(|load| load.at as i64),
                ),
            );
            put.attempt(WHAT).map(drop)
        })
    }

    /// A tombstone keeps the unit's generation: a replay of it loses, a newer one wins.
    fn remove(&mut self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        const WHAT: &str = "removing units";
        const UNITS: &str = "FROM unit WHERE repo = (SELECT id FROM word WHERE word = ?1)
             AND (?2 IS NULL OR path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')";
        self.transaction(WHAT, |transaction, _| {
            let numbers: Vec<i64> = transaction
                .prepare(&format!("SELECT number {UNITS}"))
                .and_then(|mut select| select.query_map((repo, path), |row| row.get(0))?.collect())
                .attempt(WHAT)?;
            let bury = format!(
                "INSERT INTO tombstone(unit_id, repo, path, layer, generation)
                 SELECT unit_id, repo, path, layer, generation {UNITS}"
            );
            transaction.execute(&bury, (repo, path)).attempt(WHAT)?;
            let mut kinds = KindChanges::default();
            for number in &numbers {
                remove_unit(transaction, *number, &mut kinds).attempt(WHAT)?;
            }
            kinds.write(transaction).attempt(WHAT)?;
            if path.is_none() {
                let end_claim = "UPDATE repo SET root = NULL, remote = NULL, origin = 'nobody',
                     revision = NULL, loaded_at = NULL
                     WHERE repo = (SELECT id FROM word WHERE word = ?1)";
                transaction.execute(end_claim, [repo]).attempt(WHAT)?;
            }
            Ok(Receipt { deleted: numbers.len() as u64, ..Receipt::default() })
        })
    }

    fn gc(&mut self) -> Result<GcReport> {
        const WHAT: &str = "collecting garbage";
        let before = self.bytes().attempt(WHAT)?;
        let (tombstones, symbols) = self.transaction(WHAT, |transaction, numbers| {
            let tombstones = transaction.execute("DELETE FROM tombstone", []).attempt(WHAT)?;
            let symbols = transaction
                .execute(
                    "DELETE FROM symbol WHERE number NOT IN
                     (SELECT dst_symbol FROM edge WHERE dst_symbol IS NOT NULL
                      UNION SELECT symbol FROM mention)",
                    [],
                )
                .attempt(WHAT)?;
            numbers.forget();
            Ok((tombstones as u64, symbols as u64))
        })?;
        let number = |pragma: &str| -> Result<i64> {
            self.connection.pragma_query_value(None, pragma, |row| row.get(0)).attempt(WHAT)
        };
        if number("freelist_count")? > number("page_count")? / FREE_PAGES_TOLERATED {
            self.connection.execute_batch("VACUUM").attempt(WHAT)?;
        }
        self.settle()?;
        let after = self.bytes().attempt(WHAT)?;
        Ok(GcReport { tombstones, symbols, bytes: before.saturating_sub(after) })
    }

    fn bytes(&self) -> rusqlite::Result<u64> {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            self.connection.pragma_query_value(None, pragma, |row| row.get(0))
        };
        Ok((number("page_count")? * number("page_size")?) as u64)
    }

    /// Indexes and triggers go with their tables. While something of the user's is left, the file stays
    /// ours, so that it can be loaded into again.
    fn drop_schema(&mut self) -> Result<Vec<String>> {
        const WHAT: &str = "dropping the schema";
        self.transaction(WHAT, |transaction, numbers| {
            let drops = made().map(|(kind, name)| format!("DROP {kind} IF EXISTS \"{name}\""));
            for drop in drops.collect::<Vec<_>>().iter().rev() {
                transaction.execute_batch(drop).attempt(WHAT)?;
            }
            let left: Vec<String> = transaction
                .prepare(
                    "SELECT type || ' ' || name FROM sqlite_master
                     WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                     ORDER BY 1",
                )
                .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
                .attempt(WHAT)?;
            transaction.pragma_update(None, "user_version", 0).attempt(WHAT)?;
            let id = if left.is_empty() { 0 } else { APPLICATION_ID };
            transaction.pragma_update(None, "application_id", id).attempt(WHAT)?;
            numbers.forget();
            Ok(left)
        })
    }
}

/// What the schema makes: kind and name.
fn made() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES_AND_VIEWS.lines().filter_map(|line| {
        let mut words = line.strip_prefix("CREATE ")?.split([' ', '(']);
        let kind = words.next().filter(|kind| ["TABLE", "VIEW"].contains(kind))?;
        Some((kind, words.next()?))
    })
}

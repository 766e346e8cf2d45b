//! Manages repositories, and the tables themselves.

use async_trait::async_trait;
use tokio_postgres::types::Type;

use super::classify::Attempt;
use super::connect::{Lease, Tx};
use super::names::Lock;
use super::read::{RECORD, Value, recorded};
use super::schema::{self, INDEXES};
use super::{Store, write};
use crate::claim::RepoClaim;
use crate::contract::{Admin, GcReport, Receipt};
use crate::error::{Error, ErrorKind, Result};

/// Tables that a user may want to be smaller.
const TABLES: [&str; 6] = ["unit", "symbol", "node", "mention", "edge", "vector"];

#[async_trait]
impl Admin for Store {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        let missing = self.missing_indexes().await?;
        Ok(missing.iter().map(|index| index.create(&self.names, &self.form)).collect())
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        const WHAT: &str = "dropping the schema";
        self.access.check_drop()?;
        self.change(WHAT, async |tx| {
            for statement in schema::drop(&self.names) {
                tx.transaction.batch_execute(&statement).await.attempt(WHAT)?;
            }
            Ok(())
        })
        .await?;
        self.known().forget();
        // What else is in the schema is not ours, and neither is then the schema.
        let mut lease = self.connections.lease().await?;
        let statement = format!("DROP SCHEMA IF EXISTS {}", self.names.schema());
        let dropped = lease.alone(&statement, WHAT).await;
        lease.give_back();
        match dropped {
            Ok(()) => Ok(Vec::new()),
            Err(error) if error.kind == ErrorKind::Misconfigured => self.left(WHAT).await,
            Err(error) => Err(error),
        }
    }

    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()> {
        let mut lease = self.connections.lease().await?;
        let claimed = self.claim(&mut lease, claim).await;
        lease.give_back();
        claimed
    }

    /// A tombstone keeps the unit's generation: a replay of it loses, a newer one wins.
    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        const WHAT: &str = "removing units";
        self.change(WHAT, async |tx| {
            self.lock(Lock::Garbage, false, tx, WHAT).await?;
            let select = self.names.sql(
                "SELECT unit_id, number FROM {unit}
                 WHERE repo = (SELECT id FROM {word} WHERE word = $1) AND number IS NOT NULL
                   AND ($2::text IS NULL OR path = $2 OR starts_with(path, $2 || '/'))
                 ORDER BY unit_id FOR UPDATE",
            );
            let values: [Value<'_>; 2] = [(&repo, Type::TEXT), (&path, Type::TEXT)];
            let found = tx.transaction.query_typed(&select, &values).await.attempt(WHAT)?;
            let ids: Vec<i64> = found.iter().map(|row| row.get(0)).collect();
            let numbers: Vec<i64> = found.iter().map(|row| row.get(1)).collect();
            let kinds = write::remove(tx, &self.names, &[], &numbers, WHAT).await?;
            let bury = self.names.sql(
                "UPDATE {unit} SET number = NULL, nodes = 0, edges = 0, vectors = 0
                 WHERE unit_id = ANY ($1)",
            );
            let ids: Value<'_> = (&ids, Type::INT8_ARRAY);
            tx.transaction.execute_typed(&bury, &[ids]).await.attempt(WHAT)?;
            if path.is_none() {
                let end_claim = self.names.sql(
                    "UPDATE {repo} SET root = NULL, remote = NULL, origin = 'nobody',
                     revision = NULL, loaded_at = NULL
                     WHERE repo = (SELECT id FROM {word} WHERE word = $1)",
                );
                tx.transaction
                    .execute_typed(&end_claim, &[(&repo, Type::TEXT)])
                    .await
                    .attempt(WHAT)?;
            }
            kinds.write(tx, &self.names, WHAT).await?;
            Ok(Receipt { deleted: numbers.len() as u64, ..Receipt::default() })
        })
        .await
    }

    async fn gc(&self) -> Result<GcReport> {
        const WHAT: &str = "collecting garbage";
        let before = self.bytes(&TABLES, WHAT).await?;
        let (tombstones, symbols) = self
            .change(WHAT, async |tx| {
                // Nobody relies on a symbol that nothing refers to yet.
                self.lock(Lock::Garbage, true, tx, WHAT).await?;
                let run = async |sql: &str| {
                    tx.transaction.execute_typed(&self.names.sql(sql), &[]).await.attempt(WHAT)
                };
                let tombstones = run("DELETE FROM {unit} WHERE number IS NULL").await?;
                let symbols = run("DELETE FROM {symbol} AS symbol WHERE NOT EXISTS
                     (SELECT 1 FROM {edge} AS edge WHERE edge.dst_symbol = symbol.symbol_id)
                     AND NOT EXISTS
                     (SELECT 1 FROM {mention} AS mention WHERE mention.symbol = symbol.symbol_id)")
                .await?;
                run("UPDATE {store} SET epoch = epoch + 1").await?;
                Ok((tombstones, symbols))
            })
            .await?;
        self.known().forget();
        self.build_missing().await?;
        let mut lease = self.connections.lease().await?;
        for table in TABLES {
            // Of somebody else's tables the server only warns.
            let vacuum = self.names.sql(&format!("VACUUM (ANALYZE) {{{table}}}"));
            if let Err(error) = lease.alone(&vacuum, WHAT).await {
                tracing::warn!(%error, "the store's space is not given back yet");
                break;
            }
        }
        lease.give_back();
        let after = self.bytes(&TABLES, WHAT).await?;
        Ok(GcReport { tombstones, symbols, bytes: before.saturating_sub(after) })
    }
}

impl Store {
    /// What is in the schema, none of which is ours.
    async fn left(&self, what: &str) -> Result<Vec<String>> {
        let question = "SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view '
               WHEN 'S' THEN 'sequence ' WHEN 'f' THEN 'foreign table ' ELSE 'table ' END || relname
             FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE '\"' || replace(nspname, '\"', '\"\"') || '\"' = $1 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
             ORDER BY relname";
        let schema = self.names.schema();
        let rows = self.ask(what, question, &[(&schema, Type::TEXT)]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Runs a change of the store as one transaction, however long it takes.
    pub(super) async fn change<T>(
        &self,
        what: &str,
        change: impl AsyncFnOnce(&Tx<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut lease = self.connections.lease().await?;
        let changed = async {
            let tx = lease.begin(what).await?;
            let patient = "SET LOCAL statement_timeout = 0";
            tx.transaction.batch_execute(patient).await.attempt(what)?;
            let value = change(&tx).await?;
            tx.commit(what).await?;
            Ok(value)
        };
        let changed = changed.await;
        lease.give_back();
        changed
    }

    /// Records a claim over what is recorded, which is there and locked while it is looked at.
    async fn claim(&self, lease: &mut Lease<'_>, claim: &RepoClaim) -> Result<()> {
        const WHAT: &str = "claiming a repository";
        let name = self.word(lease, &claim.repo).await?;
        let layer = self.word(lease, &claim.layer).await?;
        let tx = lease.begin(WHAT).await?;
        let run = async |sql: &str, values: &[Value<'_>]| {
            tx.transaction.query_typed(&self.names.sql(sql), values).await.attempt(WHAT)
        };
        let key: [Value<'_>; 2] = [(&name, Type::INT4), (&layer, Type::INT4)];
        let make = "INSERT INTO {repo} (repo, layer, origin, generation)
             VALUES ($1, $2, 'nobody', 0) ON CONFLICT DO NOTHING";
        run(make, &key).await?;
        let look = format!(
            "SELECT $3::text, $4::text, {RECORD}, 0::bigint FROM {{repo}} AS repo
             WHERE repo.repo = $1 AND repo.layer = $2 FOR UPDATE"
        );
        let named: [Value<'_>; 4] = [
            (&name, Type::INT4),
            (&layer, Type::INT4),
            (&claim.repo, Type::TEXT),
            (&claim.layer, Type::TEXT),
        ];
        let found = run(&look, &named).await?;
        let state = claim.over(found.first().map(recorded).as_ref())?;
        let (origin, generation) = (state.origin.name(), state.generation as i64);
        let loaded_at = state.last_load.as_ref().map(|load| load.at as i64);
        let revision = state.last_load.and_then(|load| load.revision);
        let put = "UPDATE {repo} SET root = $3, remote = $4, origin = $5, generation = $6,
               revision = $7, loaded_at = $8
             WHERE repo = $1 AND layer = $2";
        let values: [Value<'_>; 8] = [
            (&name, Type::INT4),
            (&layer, Type::INT4),
            (&state.root, Type::TEXT),
            (&state.remote, Type::TEXT),
            (&origin, Type::TEXT),
            (&generation, Type::INT8),
            (&revision, Type::TEXT),
            (&loaded_at, Type::INT8),
        ];
        run(put, &values).await?;
        tx.commit(WHAT).await
    }

    /// Takes a lock until the transaction ends: alone, or with others who share it.
    pub(super) async fn lock(&self, of: Lock, alone: bool, tx: &Tx<'_>, what: &str) -> Result<()> {
        let shared = if alone { "" } else { "_shared" };
        let sql = format!("SELECT pg_advisory_xact_lock{shared}($1)");
        let key: Value<'_> = (&self.names.lock(of), Type::INT8);
        tx.transaction.query_typed(&sql, &[key]).await.attempt(what).map(drop)
    }

    async fn word(&self, lease: &mut Lease<'_>, word: &str) -> Result<i32> {
        if let Some(number) = self.known().word(word) {
            return Ok(number);
        }
        let learned = super::words::learn(lease, &self.names, &[word.to_owned()].into()).await?;
        let number = learned.first().map(|(_, number)| *number);
        self.known().add_words(learned);
        number.ok_or_else(|| Error::unexpected("a word that was added is not there"))
    }

    /// The bytes of these tables with their indexes.
    pub(super) async fn bytes(&self, tables: &[&str], what: &str) -> Result<u64> {
        let names: Vec<String> = tables.iter().map(|table| self.names.of(table)).collect();
        // A partitioned table has its bytes in its partitions.
        let question = "SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint
             FROM unnest($1::text[]) AS name, pg_partition_tree(name::regclass)
             UNION ALL
             SELECT coalesce(sum(pg_total_relation_size(name::regclass)), 0)::bigint
             FROM unnest($1::text[]) AS name
             WHERE NOT EXISTS (SELECT 1 FROM pg_partition_tree(name::regclass))";
        let rows = self.ask(what, question, &[(&names, Type::TEXT_ARRAY)]).await?;
        Ok(rows.iter().map(|row| row.get::<_, i64>(0) as u64).sum())
    }

    /// Indexes that the store does not have.
    pub(super) async fn missing_indexes(&self) -> Result<Vec<&'static schema::Index>> {
        let named: Vec<String> = INDEXES.iter().map(|index| self.names.of(index.name)).collect();
        let question = "SELECT to_regclass(name) IS NOT NULL
             FROM unnest($1::text[]) WITH ORDINALITY AS named (name, at) ORDER BY at";
        let rows = self.ask("looking for indexes", question, &[(&named, Type::TEXT_ARRAY)]).await?;
        let there = rows.iter().map(|row| row.get::<_, bool>(0));
        Ok(INDEXES.iter().zip(there).filter(|(_, there)| !there).map(|(index, _)| index).collect())
    }
}

//! Reads back what the store holds.

use astload_model::{Batch, UnitId, UnitName};
use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::Store;
use super::units::{self, hash};
use crate::claim::LastLoad;
use crate::contract::{Origin, Reader, RepoState, StoredUnit, UnitFilter};
use crate::error::Result;
use crate::verdict::asked_for;

const WHAT: &str = "reading units";

/// What is recorded of a repository, in the order in which it is read.
pub(super) const RECORD: &str =
    "repo.root, repo.remote, repo.origin, repo.generation, repo.loaded_at, repo.revision";

/// A repository's record, between its names and the number of its units.
pub(super) fn recorded(row: &Row) -> RepoState {
    let loaded_at = row.get::<_, Option<i64>>(6).map(|at| at as u64);
    RepoState {
        repo: row.get(0),
        layer: row.get(1),
        root: row.get(2),
        remote: row.get(3),
        origin: Origin::of_name(row.get(4)),
        generation: row.get::<_, i64>(5) as u64,
        last_load: LastLoad::recorded(loaded_at, row.get(7)),
        units: row.get::<_, i64>(8) as u64,
    }
}

#[async_trait]
impl Reader for Store {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        let rows = self
            .ask(
                "reading repositories",
                &format!(
                    "SELECT name.word, layer_name.word, {RECORD},
                        (SELECT count(*) FROM {{unit}} AS unit WHERE unit.repo = repo.repo
                         AND unit.layer = repo.layer AND unit.number IS NOT NULL)
                     FROM {{repo}} AS repo
                     JOIN {{word}} AS name ON name.id = repo.repo
                     JOIN {{word}} AS layer_name ON layer_name.id = repo.layer
                     ORDER BY 1, 2"
                ),
                &[],
            )
            .await?;
        Ok(rows.iter().map(recorded).collect())
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        let wanted =
            "($1::text IS NULL OR repo.word = $1) AND ($2::text IS NULL OR layer.word = $2)";
        self.stored(wanted, &[(&filter.repo, Type::TEXT), (&filter.layer, Type::TEXT)], WHAT).await
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        let mut lease = self.connections.lease().await?;
        let read = async {
            let tx = lease.snapshot(WHAT).await?;
            let batch = units::units(&tx, &self.names, ids).await?;
            tx.commit(WHAT).await?;
            Ok(asked_for(batch, ids))
        };
        let read = read.await;
        lease.give_back();
        read
    }
}

/// A value and its type.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

impl Store {
    /// All rows of a question, in which `{name}` stands for a name of ours.
    pub(super) async fn ask(
        &self,
        what: &str,
        question: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>> {
        let mut lease = self.connections.lease().await?;
        let rows = lease.ask(&self.names.sql(question), values, what).await;
        lease.give_back();
        rows
    }

    /// Units that a condition over `unit`, `repo` and `layer` passes.
    pub(super) async fn stored(
        &self,
        condition: &str,
        values: &[Value<'_>],
        what: &str,
    ) -> Result<Vec<StoredUnit>> {
        let question = format!(
            "SELECT unit.unit_id, repo.word, unit.path, layer.word, unit.generation,
                    unit.content_hash, extractor.word, unit.selection, language.word, unit.nodes,
                    unit.size_bytes
             FROM {{unit}} AS unit
             JOIN {{word}} AS repo ON repo.id = unit.repo
             JOIN {{word}} AS layer ON layer.id = unit.layer
             JOIN {{word}} AS extractor ON extractor.id = unit.extractor
             LEFT JOIN {{word}} AS language ON language.id = unit.language
             WHERE unit.number IS NOT NULL AND {condition} ORDER BY 2, 3, 4"
        );
        let rows = self.ask(what, &question, values).await?;
        let unit = |row: &Row| {
            let name = UnitName { repo: row.get(1), path: row.get(2), layer: row.get(3) };
            StoredUnit {
                id: UnitId::of(&name.repo, &name.path, &name.layer),
                name,
                generation: row.get::<_, i64>(4) as u64,
                content_hash: hash(row, 5),
                extractor: row.get(6),
                selection: row.get::<_, Option<i64>>(7).map(|digest| digest as u64),
                language: row.get(8),
                nodes: row.get::<_, i64>(9) as u64,
                size_bytes: row.get::<_, Option<i64>>(10).map(|size| size as u64),
            }
        };
        Ok(rows.iter().map(unit).collect())
    }
}

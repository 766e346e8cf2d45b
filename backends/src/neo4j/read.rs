//! Reads back what the store holds.

use astload_model::{Batch, UnitId, UnitName};
use async_trait::async_trait;
use neo4rs::Query;

use super::Store;
use super::connect::Tx;
use super::units::{self, Lock};
use super::value::{Answer, text_or_null};
use crate::claim::LastLoad;
use crate::contract::{Origin, Reader, RepoState, StoredUnit, UnitFilter};
use crate::error::Result;
use crate::factory::Access;
use crate::hex::unhex;
use crate::verdict::asked_for;

const WHAT: &str = "reading units";

/// What is recorded of a repository, in the order in which it is read.
pub(super) const RECORD: &str = "repo.repo, repo.layer, repo.root, repo.remote, repo.origin, \
    repo.generation, repo.loaded_at.epochMillis * 1000, repo.revision";

/// A repository's record, and after it the number of its units.
pub(super) fn recorded_of(mut row: Answer) -> RepoState {
    RepoState {
        repo: row.word(),
        layer: row.word(),
        root: row.text(),
        remote: row.text(),
        origin: Origin::of_name(&row.word()),
        generation: row.number(),
        last_load: LastLoad::recorded(row.int().map(|at| at as u64), row.text()),
        units: row.number(),
    }
}

#[async_trait]
impl Reader for Store {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        let units = "COUNT { (unit:{Unit}) WHERE unit.repo = repo.repo AND unit.layer = repo.layer
                      AND unit.nodes IS NOT NULL }";
        let question = format!(
            "MATCH (repo:{{Repo}})
             RETURN [{RECORD}, {units}] AS row
             ORDER BY repo.repo, repo.layer"
        );
        let question = Query::new(self.names.cypher(&question));
        let rows = self.ask("reading repositories", question).await?;
        Ok(rows.into_iter().map(recorded_of).collect())
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        let condition = "($repo IS NULL OR unit.repo = $repo)
            AND ($layer IS NULL OR unit.layer = $layer)";
        self.stored(WHAT, condition, |query| {
            query
                .param("repo", text_or_null(filter.repo.as_deref()))
                .param("layer", text_or_null(filter.layer.as_deref()))
        })
        .await
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        let lock = match self.access {
            Access::Write => Lock::Take,
            Access::Read | Access::Drop => Lock::Absent,
        };
        let read = async |tx: &mut Tx| {
            tx.abandon();
            units::units(tx, &self.names, ids, lock).await.map(|found| asked_for(found, ids))
        };
        self.connections.transact(WHAT, read).await
    }
}

impl Store {
    pub(super) async fn ask(&self, what: &str, query: Query) -> Result<Vec<Answer>> {
        self.connections.ask(what, query).await
    }

    /// Units that a condition passes.
    pub(super) async fn stored(
        &self,
        what: &str,
        condition: &str,
        with: impl FnOnce(Query) -> Query,
    ) -> Result<Vec<StoredUnit>> {
        let question = format!(
            "MATCH (unit:{{Unit}})
             WHERE unit.nodes IS NOT NULL AND {condition}
             RETURN [unit.repo, unit.path, unit.layer, unit.generation, unit.content_hash,
               unit.extractor, unit.selection, unit.language, unit.nodes, unit.size_bytes] AS row"
        );
        let rows = self.ask(what, with(Query::new(self.names.cypher(&question)))).await?;
        let unit = |mut row: Answer| {
            let name = UnitName { repo: row.word(), path: row.word(), layer: row.word() };
            StoredUnit {
                id: UnitId::of(&name.repo, &name.path, &name.layer),
                name,
                generation: row.number(),
                content_hash: row.text().as_deref().and_then(unhex),
                extractor: row.word(),
                selection: row.int().map(|digest| digest as u64),
                language: row.text(),
                nodes: row.number(),
                size_bytes: row.int().map(|size| size as u64),
            }
        };
        let mut units: Vec<StoredUnit> = rows.into_iter().map(unit).collect();
        let key = |unit: &StoredUnit| {
            let UnitName { repo, path, layer } = unit.name.clone();
            (repo, path, layer)
        };
        units.sort_by_cached_key(key);
        Ok(units)
    }
}

//! Manages repositories, and the store itself.

use std::collections::HashSet;

use async_trait::async_trait;
use neo4rs::Query;

use super::Store;
use super::connect::Tx;
use super::read::{RECORD, recorded_of};
use super::schema::{RULES, Rule};
use super::value::{int, int_or_null, list, text, text_or_null};
use crate::claim::RepoClaim;
use crate::contract::{Admin, GcReport, Receipt};
use crate::error::Result;

/// Nodes that one transaction takes away.
const NODES_AT_ONCE: u64 = 1 << 14;

#[async_trait]
impl Admin for Store {
    async fn plan_schema(&self) -> Result<Vec<String>> {
        Ok(self.lacking().await?.into_iter().map(|rule| rule.create(&self.names)).collect())
    }

    async fn drop_schema(&self) -> Result<Vec<String>> {
        const WHAT: &str = "dropping the store";
        self.access.check_drop()?;
        for (label, has) in MADE {
            let some =
                format!("MATCH (node:{{{label}}}) WHERE {has} WITH node LIMIT {NODES_AT_ONCE}");
            self.delete_all(&format!("{some} DETACH DELETE node"), WHAT).await?;
        }
        for rule in &RULES {
            let drop = Query::new(rule.drop(&self.names));
            self.connections.transact(WHAT, async |tx| tx.run(drop.clone(), WHAT).await).await?;
        }
        let mut left = Vec::new();
        for (label, _) in MADE {
            let count = format!("MATCH (node:{{{label}}}) RETURN [count(node)] AS row");
            let rows = self.ask(WHAT, Query::new(self.names.cypher(&count))).await?;
            let nodes = rows.into_iter().next().map_or(0, |mut row| row.number());
            if nodes > 0 {
                left.push(format!("{nodes} nodes with the label {}", self.names.of(label)));
            }
        }
        Ok(left)
    }

    async fn claim_repo(&self, claim: &RepoClaim) -> Result<()> {
        const WHAT: &str = "claiming a repository";
        self.check_writable()?;
        let of = |cypher: &str| {
            let query = Query::new(self.names.cypher(cypher));
            query.param("repo", text(&claim.repo)).param("layer", text(&claim.layer))
        };
        let run = async |tx: &mut Tx| {
            let lock = of(&format!("{LOCK_REPO} RETURN [{RECORD}, 0] AS row"));
            let recorded = tx.rows(lock, WHAT).await?.into_iter().next();
            let state = claim.over(recorded.map(recorded_of).as_ref())?;
            let load = state.last_load.as_ref();
            let put = of(PUT_REPO)
                .param("origin", text(state.origin.name()))
                .param("root", text_or_null(state.root.as_deref()))
                .param("remote", text_or_null(state.remote.as_deref()))
                .param("revision", text_or_null(load.and_then(|load| load.revision.as_deref())))
                .param("loaded_at", int_or_null(load.map(|load| (load.at / 1_000) as i64)))
                .param("generation", int(state.generation as i64));
            tx.run(put, WHAT).await.map(drop)
        };
        self.connections.transact(WHAT, run).await
    }

    /// A tombstone keeps the unit's generation: a replay of it loses, a newer one wins.
    async fn remove(&self, repo: &str, path: Option<&str>) -> Result<Receipt> {
        const WHAT: &str = "removing units";
        self.check_writable()?;
        let mut deleted = 0;
        let condition = "unit.repo = $repo
            AND ($path IS NULL OR unit.path = $path OR unit.path STARTS WITH $path + '/')";
        let with = |query: Query| query.param("repo", text(repo)).param("path", text_or_null(path));
        let mut ids: Vec<(i64, u64)> = self
            .stored(WHAT, condition, with)
            .await?
            .into_iter()
            .map(|unit| (unit.id.as_i64(), unit.nodes))
            .collect();
        ids.sort_unstable();
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let mut nodes = 0;
            let fits = |unit: &&(i64, u64)| {
                let before = nodes;
                nodes += unit.1;
                before == 0 || nodes <= NODES_AT_ONCE
            };
            let (some, others) = rest.split_at(rest.iter().take_while(fits).count());
            let some: Vec<i64> = some.iter().map(|(id, _)| *id).collect();
            deleted += self
                .connections
                .transact(WHAT, async |tx| {
                    let ids = list(some.iter().map(|&id| int(id)).collect());
                    let lock = Query::new(self.names.cypher(LOCK)).param("ids", ids);
                    tx.run(lock, WHAT).await?;
                    self.clear(tx, &some).await?;
                    let bury = Query::new(self.names.cypher(BURY));
                    let ids = list(some.iter().map(|&id| int(id)).collect());
                    Ok(tx.rows(bury.param("ids", ids), WHAT).await?.len() as u64)
                })
                .await?;
            rest = others;
        }
        if path.is_none() {
            let end = "MATCH (repo:{Repo} {repo: $repo}) SET repo.origin = 'nobody'
                REMOVE repo.root, repo.remote, repo.revision, repo.loaded_at";
            let end = Query::new(self.names.cypher(end)).param("repo", text(repo));
            let run = async |tx: &mut Tx| tx.run(end.clone(), WHAT).await;
            self.connections.transact(WHAT, run).await?;
        }
        Ok(Receipt { deleted, ..Receipt::default() })
    }

    async fn gc(&self) -> Result<GcReport> {
        const WHAT: &str = "collecting garbage";
        self.check_writable()?;
        // What is locked is looked at once more: a writer may have brought it back meanwhile.
        let tombstones = format!(
            "MATCH (unit:{{Unit}}) WHERE unit.deleted WITH unit LIMIT {NODES_AT_ONCE}
             SET unit.writing = true REMOVE unit.writing
             WITH unit WHERE unit.deleted DELETE unit"
        );
        let tombstones = self.delete_all(&tombstones, WHAT).await?;
        let symbols = format!(
            "MATCH (symbol:{{SharedSymbol}}) WHERE NOT EXISTS {{ (symbol)<--() }}
             WITH symbol LIMIT {NODES_AT_ONCE}
             SET symbol.writing = true REMOVE symbol.writing
             WITH symbol WHERE NOT EXISTS {{ (symbol)<--() }} DELETE symbol"
        );
        let symbols = self.delete_all(&symbols, WHAT).await?;
        Ok(GcReport { tombstones, symbols, bytes: 0 })
    }
}

/// The labels of what astload makes, and what each of its nodes has: somebody else's may be called so.
/// Without the store's own node, the first, nobody writes any more.
const MADE: [(&str, &str); 6] = [
    ("AstloadStore", "node.prefix IS NOT NULL AND node.version IS NOT NULL"),
    ("Repo", "node.layer IS NOT NULL AND node.origin IS NOT NULL"),
    ("Code", "node.ord IS NOT NULL AND node.last IS NOT NULL"),
    ("Vector", "node.model IS NOT NULL AND node.vector IS NOT NULL"),
    ("Unit", "node.unit_id IS NOT NULL"),
    ("SharedSymbol", "node.symbol_id IS NOT NULL"),
];

/// A repository's record, which is there and locked before it is read.
const LOCK_REPO: &str = "
MERGE (repo:{Repo} {repo: $repo, layer: $layer})
ON CREATE SET repo.origin = 'nobody', repo.generation = 0
SET repo.writing = true
REMOVE repo.writing";

/// What is recorded of it from now on.
const PUT_REPO: &str = "
MATCH (repo:{Repo} {repo: $repo, layer: $layer})
SET repo.origin = $origin, repo.root = $root, repo.remote = $remote, repo.generation = $generation,
  repo.revision = $revision, repo.loaded_at =
  CASE WHEN $loaded_at IS NOT NULL THEN datetime({epochMillis: $loaded_at}) END";

/// What is locked is changed by nobody else until this transaction ends.
const LOCK: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
SET unit.writing = true";

/// Of a unit that was cleared, nothing stays but its name and its generation.
const BURY: &str = "
UNWIND $ids AS id
MATCH (unit:{Unit} {unit_id: id})
USING INDEX unit:{Unit}(unit_id)
WHERE unit.nodes IS NOT NULL
SET unit = {unit_id: id, generation: unit.generation, repo: unit.repo, path: unit.path,
  layer: unit.layer, deleted: true}
RETURN [id] AS row";

impl Store {
    /// Repeats a statement that deletes some until there are none; says how many there were.
    async fn delete_all(&self, some: &str, what: &str) -> Result<u64> {
        let statement = self.names.cypher(&format!("{some} RETURN [count(*)] AS row"));
        let mut total = 0;
        loop {
            let rows = self.ask(what, Query::new(statement.clone())).await?;
            let deleted = rows.into_iter().next().map_or(0, |mut row| row.number());
            total += deleted;
            if deleted < NODES_AT_ONCE {
                return Ok(total);
            }
        }
    }

    /// Constraints and indexes that the database does not have.
    pub(super) async fn lacking(&self) -> Result<Vec<&'static Rule>> {
        let question = "SHOW INDEXES YIELD name RETURN [name] AS row";
        let rows = self.ask("looking for indexes", Query::new(question.into())).await?;
        let there: HashSet<String> = rows.into_iter().map(|mut row| row.word()).collect();
        let is_there = |rule: &&Rule| there.contains(&rule.full_name(&self.names));
        Ok(RULES.iter().filter(|rule| !is_there(rule)).collect())
    }
}

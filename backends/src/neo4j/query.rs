//! The few questions of the command line, asked of the graph.

use async_trait::async_trait;
use neo4rs::Query as Cypher;

use super::Store;
use super::names::kind_of;
use super::value::{Answer, int, text};
use crate::contract::{
    Enclosing, KindCount, Language, Query, Reference, RepoUnits, RowCounts, StoreSummary,
    StoredUnit, SymbolCount,
};
use crate::error::Result;

const SUMMING: &str = "summing up";

#[async_trait]
impl Query for Store {
    async fn summary(&self, most: usize) -> Result<StoreSummary> {
        let mut summary = self.totals().await?;
        summary.take_repos(self.repositories().await?);
        summary.languages = self.languages().await?;
        if most > 0 {
            self.lists(most, &mut summary).await?;
        }
        Ok(summary)
    }

    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>> {
        let condition = "(unit.path = $path OR unit.path ENDS WITH '/' + $path)";
        self.stored("finding a file", condition, |query| query.param("path", text(path))).await
    }

    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>> {
        let id = astload_model::SymbolId::of(name).to_string();
        let question = "
            CALL () {
              MATCH (symbol:{SharedSymbol} {name: $name}) RETURN symbol
              UNION
              MATCH (:{Unit})-[:HAS_MENTION {name: $name}]->(symbol:{SharedSymbol}) RETURN symbol
              UNION
              MATCH (symbol:{SharedSymbol} {symbol_id: $id}) RETURN symbol
            }
            MATCH (node)-[edge]->(symbol)
            WHERE edge.ord IS NOT NULL
            MATCH (unit:{Unit})-[:HAS_CHILD*0..]->(node)
            WITH symbol, edge, node, unit
            ORDER BY type(edge) <> 'DEFINES', unit.repo, unit.path, edge.start_line, edge.start_col
            LIMIT $most
            CALL (edge, node) {
              OPTIONAL MATCH (around)-[:HAS_CHILD*0..]->(node)
              WHERE around.name IS NOT NULL AND around.ord > 0
                AND (around.ord < node.ord OR type(edge) <> 'DEFINES')
              RETURN around ORDER BY around.ord DESC LIMIT 1
            }
            RETURN [type(edge), symbol.symbol, unit.repo, unit.path, edge.start_line,
              edge.start_col, labels(node), node.kind, around.name, labels(around),
              around.kind] AS row
            ORDER BY type(edge) <> 'DEFINES', unit.repo, unit.path, edge.start_line, edge.start_col";
        let query = Cypher::new(self.names.cypher(question))
            .param("name", text(name))
            .param("id", text(&id))
            .param("most", int(i64::try_from(most).unwrap_or(i64::MAX)));
        let rows = self.ask("finding references", query).await?;
        Ok(rows.into_iter().map(|row| self.reference(row)).collect())
    }
}

impl Store {
    fn reference(&self, mut row: Answer) -> Reference {
        let (kind, symbol, repo, path) = (row.word(), row.word(), row.word(), row.word());
        let from_one = |number: Option<u32>| number.map(|number| number.saturating_add(1));
        let (line, column) = (from_one(row.uint()), from_one(row.uint()));
        let node_kind = |row: &mut Answer| {
            let (labels, own) = (row.words(), row.text());
            self.names.kind(&labels, own.as_deref()).to_owned()
        };
        let kind = kind_of(&kind).to_owned();
        let own = node_kind(&mut row);
        let (name, around) = (row.text(), node_kind(&mut row));
        let defined = (kind == "DEFINES").then_some(own);
        let within = Enclosing::of(name, Some(around));
        Reference { kind, symbol, repo, path, line, column, defined, within }
    }

    async fn totals(&self) -> Result<StoreSummary> {
        let question = "
            CALL () {
              MATCH (unit:{Unit}) WHERE unit.nodes IS NOT NULL
              RETURN count(*) AS units, sum(unit.nodes) AS nodes, sum(unit.edges) AS edges,
                sum(unit.vectors) AS vectors, sum(unit.unit_flags % 2) AS broken
            }
            CALL () { MATCH (symbol:{SharedSymbol}) RETURN count(*) AS symbols }
            CALL () { MATCH (repo:{Repo}) RETURN max(repo.loaded_at) AS at }
            RETURN [units, nodes, edges, symbols, vectors, broken, at.epochMillis * 1000] AS row";
        let rows = self.ask(SUMMING, Cypher::new(self.names.cypher(question))).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(StoreSummary::default()) };
        Ok(StoreSummary {
            units: row.number(),
            rows: RowCounts {
                nodes: row.number(),
                edges: row.number(),
                symbols: row.number(),
                vectors: row.number(),
            },
            units_with_errors: row.number(),
            last_load: row.int().map(|at| at as u64),
            ..StoreSummary::default()
        })
    }

    async fn repositories(&self) -> Result<Vec<RepoUnits>> {
        let question = "
            MATCH (unit:{Unit}) WHERE unit.nodes IS NOT NULL
            WITH unit.repo AS name, unit.layer AS layer, count(*) AS units, sum(unit.nodes) AS nodes
            OPTIONAL MATCH (repo:{Repo} {repo: name, layer: layer})
            WITH name, repo, units, nodes ORDER BY name
            RETURN [name, repo.root, repo.revision, repo.loaded_at.epochMillis * 1000, units, nodes]
              AS row";
        let rows = self.ask(SUMMING, Cypher::new(self.names.cypher(question))).await?;
        let repo = |mut row: Answer| RepoUnits {
            repo: row.word(),
            root: row.text(),
            revision: row.text(),
            loaded_at: row.int().map(|at| at as u64),
            units: row.number(),
            nodes: row.number(),
        };
        Ok(rows.into_iter().map(repo).collect())
    }

    async fn languages(&self) -> Result<Vec<Language>> {
        let question = "
            MATCH (unit:{Unit}) WHERE unit.nodes IS NOT NULL
            WITH coalesce(unit.language, 'unknown') AS language, count(*) AS units,
              sum(unit.nodes) AS nodes, sum(unit.line_count) AS lines
            ORDER BY nodes DESC, language
            RETURN [language, units, nodes, lines] AS row";
        let rows = self.ask(SUMMING, Cypher::new(self.names.cypher(question))).await?;
        let language = |mut row: Answer| Language {
            language: row.word(),
            units: row.number(),
            nodes: row.number(),
            lines: row.number(),
        };
        Ok(rows.into_iter().map(language).collect())
    }

    /// The parts that read whole stores.
    async fn lists(&self, most: usize, summary: &mut StoreSummary) -> Result<()> {
        let limited = |question: &str| {
            let most = int(i64::try_from(most).unwrap_or(i64::MAX));
            Cypher::new(self.names.cypher(question)).param("most", most)
        };
        let kinds = "
            MATCH (node:{Code})
            WITH labels(node) AS labels, node.kind AS kind, count(*) AS nodes
            RETURN [labels, kind, nodes] AS row";
        let rows = self.ask(SUMMING, Cypher::new(self.names.cypher(kinds))).await?;
        summary.kinds = self.kinds(rows, most);
        let symbols = "
            MATCH (symbol:{SharedSymbol})<-[edge]-()
            WHERE edge.ord IS NOT NULL AND type(edge) <> 'DEFINES'
            WITH symbol, count(*) AS uses ORDER BY uses DESC LIMIT $most
            CALL (symbol) {
              OPTIONAL MATCH (symbol)<-[said:HAS_MENTION]-() WHERE said.kind IS NOT NULL
              WITH said ORDER BY said.kind, coalesce(said.name, ''), coalesce(said.package, '')
              RETURN said LIMIT 1
            }
            WITH CASE WHEN said IS NULL THEN coalesce(symbol.name, symbol.symbol)
              ELSE coalesce(said.name, symbol.symbol) END AS symbol, uses
            ORDER BY uses DESC, symbol
            RETURN [symbol, uses] AS row";
        let rows = self.ask(SUMMING, limited(symbols)).await?;
        let symbol = |mut row: Answer| SymbolCount { symbol: row.word(), references: row.number() };
        summary.symbols = rows.into_iter().map(symbol).collect();
        let broken = "
            MATCH (unit:{Unit}) WHERE unit.unit_flags % 2 = 1 AND unit.nodes IS NOT NULL
            WITH unit.path AS path ORDER BY path LIMIT $most
            RETURN [path] AS row";
        let rows = self.ask(SUMMING, limited(broken)).await?;
        summary.errors = rows.into_iter().map(|mut row| row.word()).collect();
        Ok(())
    }

    /// The labels of nodes differ where their kinds do not: `File` or not, and a user's own.
    fn kinds(&self, rows: Vec<Answer>, most: usize) -> Vec<KindCount> {
        let mut counted = std::collections::BTreeMap::<String, u64>::new();
        for mut row in rows {
            let (labels, own) = (row.words(), row.text());
            let kind = self.names.kind(&labels, own.as_deref()).to_owned();
            *counted.entry(kind).or_default() += row.number();
        }
        let mut kinds: Vec<KindCount> =
            counted.into_iter().map(|(kind, nodes)| KindCount { kind, nodes }).collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.nodes));
        kinds.truncate(most);
        kinds
    }
}

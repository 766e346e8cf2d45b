//! The few questions of the command line, asked of the tables.

use async_trait::async_trait;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::Store;
use super::uuid::Uuid;
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
        summary.bytes = self
            .bytes(&["unit", "symbol", "mention", "node", "edge", "vector", "word"], SUMMING)
            .await?;
        summary.take_repos(self.repositories().await?);
        summary.languages = self.languages().await?;
        if most > 0 {
            self.lists(most as i64, &mut summary).await?;
        }
        Ok(summary)
    }

    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>> {
        let ends = "(unit.path = $1 OR right(unit.path, length($1) + 1) = '/' || $1)";
        self.stored(ends, &[(&path, Type::TEXT)], "finding a file").await
    }

    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>> {
        let id = Uuid(astload_model::SymbolId::of(name).to_bytes());
        let most = most as i64;
        let rows = self
            .ask(
                "finding references",
                "SELECT place.kind, place.symbol, place.repo, place.path, place.line, place.col,
                        own_kind.word, around.name, around_kind.word
                 FROM (SELECT edge_kind.word AS kind, symbol.symbol AS symbol, repo.word AS repo,
                              unit.path AS path, edge.start_line AS line, edge.start_col AS col,
                              edge.unit AS unit, edge.src AS src,
                              edge_kind.word = 'DEFINES' AS defines
                       FROM (SELECT symbol_id FROM {symbol} WHERE name = $1
                             UNION SELECT symbol FROM {mention} WHERE name = $1
                             UNION SELECT $2::uuid) AS found
                       JOIN {symbol} AS symbol ON symbol.symbol_id = found.symbol_id
                       JOIN {edge} AS edge ON edge.dst_symbol = symbol.symbol_id
                       JOIN {word} AS edge_kind ON edge_kind.id = edge.kind
                       JOIN {unit} AS unit ON unit.number = edge.unit
                       JOIN {word} AS repo ON repo.id = unit.repo
                       ORDER BY edge_kind.word <> 'DEFINES', 3, 4, 5, 6 LIMIT $3) AS place
                 LEFT JOIN {node} AS own
                   ON place.defines AND own.unit = place.unit AND own.ord = place.src
                 LEFT JOIN {word} AS own_kind ON own_kind.id = own.kind
                 LEFT JOIN LATERAL (
                     SELECT node.name, node.kind FROM {node} AS node
                     WHERE node.unit = place.unit
                       AND node.ord BETWEEN 1 AND place.src - place.defines::int
                       AND node.last >= place.src AND node.name IS NOT NULL
                     ORDER BY node.ord DESC LIMIT 1) AS around ON true
                 LEFT JOIN {word} AS around_kind ON around_kind.id = around.kind
                 ORDER BY NOT place.defines, 3, 4, 5, 6",
                &[(&name, Type::TEXT), (&id, Type::UUID), (&most, Type::INT8)],
            )
            .await?;
        let from_one = |row: &Row, column| {
            row.get::<_, Option<i32>>(column).map(|number| (number as u32).saturating_add(1))
        };
        let reference = |row: &Row| Reference {
            kind: row.get(0),
            symbol: row.get(1),
            repo: row.get(2),
            path: row.get(3),
            line: from_one(row, 4),
            column: from_one(row, 5),
            defined: row.get(6),
            within: Enclosing::of(row.get(7), row.get(8)),
        };
        Ok(rows.iter().map(reference).collect())
    }
}

fn count(row: &Row, column: usize) -> u64 {
    row.get::<_, Option<i64>>(column).unwrap_or(0) as u64
}

impl Store {
    async fn totals(&self) -> Result<StoreSummary> {
        let rows = self
            .ask(
                SUMMING,
                "SELECT count(*), sum(nodes)::bigint, sum(edges)::bigint,
                        (SELECT count(*) FROM {symbol}), sum(vectors)::bigint,
                        count(*) FILTER (WHERE flags & 1 = 1),
                        (SELECT max(loaded_at) FROM {repo})
                 FROM {unit} WHERE number IS NOT NULL",
                &[],
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(StoreSummary::default()) };
        let rows = RowCounts {
            nodes: count(row, 1),
            edges: count(row, 2),
            symbols: count(row, 3),
            vectors: count(row, 4),
        };
        Ok(StoreSummary {
            units: count(row, 0),
            rows,
            units_with_errors: count(row, 5),
            last_load: row.get::<_, Option<i64>>(6).map(|at| at as u64),
            ..StoreSummary::default()
        })
    }

    async fn repositories(&self) -> Result<Vec<RepoUnits>> {
        let rows = self
            .ask(
                SUMMING,
                "SELECT word.word, repo.root, repo.revision, repo.loaded_at, held.units, held.nodes
                 FROM (SELECT repo, layer, count(*) AS units, sum(nodes)::bigint AS nodes
                       FROM {unit} WHERE number IS NOT NULL GROUP BY repo, layer) AS held
                 JOIN {word} AS word ON word.id = held.repo
                 LEFT JOIN {repo} AS repo ON repo.repo = held.repo AND repo.layer = held.layer
                 ORDER BY 1",
                &[],
            )
            .await?;
        let repo = |row: &Row| RepoUnits {
            repo: row.get(0),
            root: row.get(1),
            revision: row.get(2),
            loaded_at: row.get::<_, Option<i64>>(3).map(|at| at as u64),
            units: count(row, 4),
            nodes: count(row, 5),
        };
        Ok(rows.iter().map(repo).collect())
    }

    async fn languages(&self) -> Result<Vec<Language>> {
        let rows = self
            .ask(
                SUMMING,
                "SELECT coalesce(word.word, 'unknown'), count(*), sum(unit.nodes)::bigint,
                        sum(unit.line_count)::bigint
                 FROM {unit} AS unit LEFT JOIN {word} AS word ON word.id = unit.language
                 WHERE unit.number IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1",
                &[],
            )
            .await?;
        let language = |row: &Row| {
            let (units, nodes, lines) = (count(row, 1), count(row, 2), count(row, 3));
            Language { language: row.get(0), units, nodes, lines }
        };
        Ok(rows.iter().map(language).collect())
    }

    /// The lists, which are cut.
    async fn lists(&self, most: i64, summary: &mut StoreSummary) -> Result<()> {
        let kinds = self
            .ask(
                SUMMING,
                "SELECT kind, nodes FROM {kinds} ORDER BY 2 DESC, 1 LIMIT $1",
                &[(&most, Type::INT8)],
            )
            .await?;
        let kind = |row: &Row| KindCount { kind: row.get(0), nodes: count(row, 1) };
        summary.kinds = kinds.iter().map(kind).collect();
        let symbols = self
            .ask(
                SUMMING,
                "SELECT coalesce(symbol.name, symbol.symbol), uses FROM
                     (SELECT dst_symbol, count(*) AS uses FROM {edge}
                      WHERE dst_symbol IS NOT NULL AND kind IS DISTINCT FROM
                          (SELECT id FROM {word} WHERE word = 'DEFINES')
                      GROUP BY dst_symbol ORDER BY 2 DESC LIMIT $1) AS counted
                 JOIN {symbols} AS symbol ON symbol.symbol_id = counted.dst_symbol
                 ORDER BY 2 DESC, 1",
                &[(&most, Type::INT8)],
            )
            .await?;
        let symbol = |row: &Row| SymbolCount { symbol: row.get(0), references: count(row, 1) };
        summary.symbols = symbols.iter().map(symbol).collect();
        let errors = self
            .ask(
                SUMMING,
                "SELECT path FROM {unit} WHERE flags & 1 = 1 AND number IS NOT NULL
                 ORDER BY path LIMIT $1",
                &[(&most, Type::INT8)],
            )
            .await?;
        summary.errors = errors.iter().map(|row| row.get(0)).collect();
        Ok(())
    }
}

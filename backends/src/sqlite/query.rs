//! The few questions of the command line, asked of the tables.

use astload_model::SymbolId;
use async_trait::async_trait;
use rusqlite::{Connection, Row, ToSql};

use super::Sqlite;
use super::classify::Attempt;
use super::read::stored;
use crate::contract::{
    Enclosing, KindCount, Language, Query, Reference, RepoUnits, RowCounts, StoreSummary,
    StoredUnit, SymbolCount,
};
use crate::error::Result;

#[async_trait]
impl Query for Sqlite {
    async fn summary(&self, most: usize) -> Result<StoreSummary> {
        self.read(move |connection| summary(connection, most as i64).attempt("summing up")).await
    }

    async fn find(&self, path: &str) -> Result<Vec<StoredUnit>> {
        let path = path.to_owned();
        self.read(move |connection| {
            let ends = "path = ?1 OR substr(path, -length(?1) - 1) = '/' || ?1";
            stored(connection, ends, &[&path]).attempt("finding a file")
        })
        .await
    }

    async fn references(&self, name: &str, most: usize) -> Result<Vec<Reference>> {
        let name = name.to_owned();
        self.read(move |connection| {
            references(connection, &name, most as i64).attempt("finding references")
        })
        .await
    }
}

/// All rows of a question.
fn ask<T>(
    connection: &Connection,
    question: &str,
    values: &[&dyn ToSql],
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(question)?.query_map(values, row)?.collect()
}

/// A sum or a count; of nothing, 0.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<i64>>(column)?.unwrap_or(0) as u64)
}

fn summary(connection: &Connection, most: i64) -> rusqlite::Result<StoreSummary> {
    let mut summary = connection.query_row(
        "SELECT count(*), sum(nodes), sum(edges), (SELECT count(*) FROM symbol), sum(vectors),
                sum(flags & 1), (SELECT max(loaded_at) FROM repo)
         FROM unit",
        [],
        |row| {
            let rows = RowCounts {
                nodes: count(row, 1)?,
                edges: count(row, 2)?,
                symbols: count(row, 3)?,
                vectors: count(row, 4)?,
            };
            Ok(StoreSummary {
                units: count(row, 0)?,
                rows,
                units_with_errors: count(row, 5)?,
                last_load: row.get::<_, Option<i64>>(6)?.map(|at| at as u64),
                ..StoreSummary::default()
            })
        },
    )?;
    let number = |pragma: &str| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, pragma, |row| row.get(0))
    };
    summary.bytes = (number("page_count")? * number("page_size")?) as u64;
    summary.take_repos(ask(
        connection,
        "SELECT word, root, revision, loaded_at, units, nodes
         FROM (SELECT repo, layer, count(*) AS units, sum(nodes) AS nodes FROM unit
               GROUP BY repo, layer) AS held
         JOIN word ON word.id = held.repo
         LEFT JOIN repo ON repo.repo = held.repo AND repo.layer = held.layer
         ORDER BY word",
        &[],
        |row| {
            Ok(RepoUnits {
                repo: row.get(0)?,
                root: row.get(1)?,
                revision: row.get(2)?,
                loaded_at: row.get::<_, Option<i64>>(3)?.map(|at| at as u64),
                units: count(row, 4)?,
                nodes: count(row, 5)?,
            })
        },
    )?);
    summary.languages = ask(
        connection,
        "SELECT coalesce(word, 'unknown'), count(*), sum(nodes), sum(line_count) FROM unit
         LEFT JOIN word ON word.id = unit.language
         GROUP BY unit.language ORDER BY 3 DESC, 1",
        &[],
        |row| {
            let (units, nodes, lines) = (count(row, 1)?, count(row, 2)?, count(row, 3)?);
            Ok(Language { language: row.get(0)?, units, nodes, lines })
        },
    )?;
    if most > 0 {
        lists(connection, most, &mut summary)?;
    }
    Ok(summary)
}

/// The lists, which are cut.
fn lists(connection: &Connection, most: i64, summary: &mut StoreSummary) -> rusqlite::Result<()> {
    summary.kinds = ask(
        connection,
        "SELECT kind, nodes FROM kinds ORDER BY 2 DESC, 1 LIMIT ?1",
        &[&most],
        |row| Ok(KindCount { kind: row.get(0)?, nodes: row.get::<_, i64>(1)? as u64 }),
    )?;
    summary.symbols = ask(
        connection,
        "SELECT coalesce(symbols.name, symbols.symbol), uses FROM
             (SELECT dst_symbol, count(*) AS uses FROM edge
              WHERE dst_symbol IS NOT NULL
                AND kind IS NOT (SELECT id FROM word WHERE word = 'DEFINES')
              GROUP BY dst_symbol ORDER BY 2 DESC LIMIT ?1)
         JOIN symbol ON symbol.number = dst_symbol
         JOIN symbols ON symbols.symbol_id = symbol.symbol_id ORDER BY 2 DESC, 1",
        &[&most],
        |row| Ok(SymbolCount { symbol: row.get(0)?, references: row.get::<_, i64>(1)? as u64 }),
    )?;
    summary.errors = ask(
        connection,
        "SELECT path FROM unit WHERE flags & 1 ORDER BY path LIMIT ?1",
        &[&most],
        |row| row.get(0),
    )?;
    Ok(())
}

fn references(connection: &Connection, name: &str, most: i64) -> rusqlite::Result<Vec<Reference>> {
    let id = SymbolId::of(name).to_bytes();
    ask(
        connection,
        "SELECT place.kind, place.symbol, place.repo, place.path, place.line, place.col,
                own_kind.word, around.name, around_kind.word
         FROM (SELECT edge_kind.word AS kind, symbol.symbol AS symbol, repo.word AS repo,
                      unit.path AS path, edge.start_line AS line, edge.start_col AS col,
                      edge.unit AS unit, edge.src AS src, edge_kind.word = 'DEFINES' AS defines
               FROM (SELECT number FROM symbol WHERE name = ?1
                     UNION SELECT symbol FROM mention WHERE name = ?1
                     UNION SELECT number FROM symbol WHERE symbol_id = ?3) AS found
               JOIN symbol ON symbol.number = found.number
               JOIN edge ON edge.dst_symbol = symbol.number
               JOIN word AS edge_kind ON edge_kind.id = edge.kind
               JOIN unit ON unit.number = edge.unit
               JOIN word AS repo ON repo.id = unit.repo
               ORDER BY edge_kind.word <> 'DEFINES', 3, 4, 5, 6 LIMIT ?2) AS place
         LEFT JOIN node AS own
           ON place.defines AND own.unit = place.unit AND own.ord = place.src
         LEFT JOIN word AS own_kind ON own_kind.id = own.kind
         LEFT JOIN node AS around ON around.unit = place.unit AND around.ord =
             (SELECT node.ord FROM node
              WHERE node.unit = place.unit AND node.ord BETWEEN 1 AND place.src - place.defines
                AND node.last >= place.src AND node.name IS NOT NULL
              ORDER BY node.ord DESC LIMIT 1)
         LEFT JOIN word AS around_kind ON around_kind.id = around.kind
         ORDER BY NOT place.defines, 3, 4, 5, 6",
        &[&name, &most, &id.as_slice()],
        |row| {
            let from_one = |number: u32| number + 1;
            Ok(Reference {
                kind: row.get(0)?,
                symbol: row.get(1)?,
                repo: row.get(2)?,
                path: row.get(3)?,
                line: row.get::<_, Option<u32>>(4)?.map(from_one),
                column: row.get::<_, Option<u32>>(5)?.map(from_one),
                defined: row.get(6)?,
                within: Enclosing::of(row.get(7)?, row.get(8)?),
            })
        },
    )
}

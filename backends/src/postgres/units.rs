//! Units with all their rows, as a transaction sees them.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use astload_model::{
    Batch, BatchBuilder, BatchFull, EdgeRow, NodeRow, Said, SymbolRow, UnitId, UnitRow, VectorRow,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::classify::Attempt;
use super::connect::Tx;
use super::names::Names;
use super::uuid::Uuid;
use crate::error::{Error, Result};

const WHAT: &str = "reading units";

/// Rows that are held while a part of the units is read.
const ROWS_AT_ONCE: i64 = 1 << 17;

/// A hash that a column keeps as bytes.
pub(super) fn hash<const BYTES: usize>(row: &Row, column: usize) -> Option<[u8; BYTES]> {
    row.get::<_, Option<&[u8]>>(column).and_then(|bytes| bytes.try_into().ok())
}

/// These units with all their rows, as a transaction sees them.
pub(super) async fn units(tx: &Tx<'_>, names: &Names, ids: &[UnitId]) -> Result<Batch> {
    let mut reading =
        Reading { tx, names, words: HashMap::new(), builder: BatchBuilder::default() };
    let wanted: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
    let rows = reading
        .rows(
            "SELECT unit_id, number, repo, path, layer, revision, language, content_hash, extractor,
                    generation, size_bytes, line_count, position_encoding, flags, properties::text,
                    nodes + edges + vectors
             FROM {unit} WHERE unit_id = ANY ($1) AND number IS NOT NULL",
            &[&wanted],
        )
        .await?;
    let found: HashMap<i64, &Row> = rows.iter().map(|row| (row.get(0), row)).collect();
    let found: Vec<&Row> = wanted.iter().filter_map(|id| found.get(id).copied()).collect();
    let mut rest = found.as_slice();
    while !rest.is_empty() {
        let mut sum = 0;
        let fits = |row: &&&Row| {
            let before = sum;
            sum += row.get::<_, i64>(15);
            before == 0 || sum <= ROWS_AT_ONCE
        };
        let (some, others) = rest.split_at(rest.iter().take_while(fits).count());
        reading.part(some).await?;
        rest = others;
    }
    Ok(reading.builder.finish())
}

struct Reading<'a> {
    tx: &'a Tx<'a>,
    names: &'a Names,
    words: HashMap<i32, String>,
    builder: BatchBuilder,
}

/// Rows of several units, sorted by their numbers.
struct ByUnit {
    rows: Vec<Row>,
    units: HashMap<i64, Range<usize>>,
}

impl ByUnit {
    /// Of rows that begin with the unit's number; those of one unit by a key.
    fn of(mut rows: Vec<Row>, key: impl Fn(&Row) -> u32) -> Self {
        rows.sort_by_cached_key(|row| (row.get::<_, i64>(0), key(row)));
        let mut units: HashMap<i64, Range<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            units.entry(row.get(0)).or_insert(at..at).end = at + 1;
        }
        Self { rows, units }
    }

    fn unit(&self, number: i64) -> &[Row] {
        self.units.get(&number).map_or(&[], |range| &self.rows[range.clone()])
    }

    fn words(&self, columns: &[usize], words: &mut BTreeSet<i32>) {
        for row in &self.rows {
            words.extend(columns.iter().filter_map(|&column| row.get::<_, Option<i32>>(column)));
        }
    }
}

/// A number of the model, of the same bits.
fn uint4(row: &Row, column: usize) -> u32 {
    row.get::<_, i32>(column) as u32
}

fn uint4_or_null(row: &Row, column: usize) -> Option<u32> {
    row.get::<_, Option<i32>>(column).map(|value| value as u32)
}

fn uint2(row: &Row, column: usize) -> u16 {
    row.get::<_, i16>(column) as u16
}

fn full(error: BatchFull) -> Error {
    Error::unexpected(format!("{WHAT}: {error}"))
}

impl Reading<'_> {
    async fn rows(&self, question: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let statement = self.tx.prepare(&self.names.sql(question), WHAT).await?;
        self.tx.transaction.query(&statement, values).await.attempt(WHAT)
    }

    /// Units whose rows are held at once.
    async fn part(&mut self, units: &[&Row]) -> Result<()> {
        let numbers: Vec<i64> = units.iter().map(|row| row.get(1)).collect();
        let nodes = self
            .rows(
                "SELECT unit, ord, parent, last, label, kind, field, name, text, start_byte, end_byte,
                        start_line, start_col, end_line, end_col, flags, properties::text
                 FROM {node} WHERE unit = ANY ($1)",
                &[&numbers],
            )
            .await?;
        let edges = self
            .rows(
                "SELECT unit, src, kind, dst_node, dst_symbol, ord, start_byte, end_byte, start_line,
                        start_col, flags, properties::text
                 FROM {edge} WHERE unit = ANY ($1)",
                &[&numbers],
            )
            .await?;
        let mentions = self
            .rows(
                "SELECT unit, symbol, kind, name, package FROM {mention} WHERE unit = ANY ($1)",
                &[&numbers],
            )
            .await?;
        let vectors = self
            .rows(
                "SELECT unit, node, model, text_hash, vector FROM {vector} WHERE unit = ANY ($1)",
                &[&numbers],
            )
            .await?;
        let nodes = ByUnit::of(nodes, |row| uint4(row, 1));
        let edges = ByUnit::of(edges, |row| uint4(row, 1));
        let vectors = ByUnit::of(vectors, |row| uint4(row, 1));
        let mentions = ByUnit::of(mentions, |_| 0);
        let symbols = self.symbols(&edges, &mentions).await?;
        let mut words = BTreeSet::new();
        for row in units {
            words.extend([2, 4, 8].map(|column| row.get::<_, i32>(column)));
            words.extend(row.get::<_, Option<i32>>(6));
        }
        nodes.words(&[4, 5, 6], &mut words);
        edges.words(&[2], &mut words);
        vectors.words(&[2], &mut words);
        self.learn(words).await?;
        for row in units {
            let number = row.get(1);
            self.nodes(nodes.unit(number))?;
            self.edges(edges.unit(number), &symbols, mentions.unit(number))?;
            self.vectors(vectors.unit(number))?;
            self.unit(row)?;
        }
        Ok(())
    }

    /// The keys of symbols by their ids.
    async fn symbols(&self, edges: &ByUnit, mentions: &ByUnit) -> Result<HashMap<Uuid, String>> {
        let mut ids: Vec<Uuid> = edges.rows.iter().filter_map(|row| row.get(4)).collect();
        ids.extend(mentions.rows.iter().map(|row| row.get::<_, Uuid>(1)));
        ids.sort_unstable();
        ids.dedup();
        let question = "SELECT symbol_id, symbol FROM {symbol} WHERE symbol_id = ANY ($1)";
        let rows = self.rows(question, &[&ids]).await?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn learn(&mut self, words: BTreeSet<i32>) -> Result<()> {
        let unknown: Vec<i32> =
            words.into_iter().filter(|word| !self.words.contains_key(word)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let question = "SELECT id, word FROM {word} WHERE id = ANY ($1)";
        let rows = self.rows(question, &[&unknown]).await?;
        self.words.extend(rows.iter().map(|row| (row.get::<_, i32>(0), row.get::<_, String>(1))));
        Ok(())
    }

    fn word(words: &HashMap<i32, String>, id: i32) -> Result<&str> {
        let word = words.get(&id).map(String::as_str);
        word.ok_or_else(|| Error::unexpected(format!("{WHAT}: the store has no word {id}")))
    }

    fn nodes(&mut self, rows: &[Row]) -> Result<()> {
        let (words, nodes) = (&self.words, &mut self.builder.nodes);
        for row in rows {
            let field = match row.get(6) {
                Some(field) => Some(nodes.field.key(Self::word(words, field)?).map_err(full)?),
                None => None,
            };
            let node = NodeRow {
                ord: uint4(row, 1),
                parent: uint4_or_null(row, 2),
                last: uint4(row, 3),
                label: nodes.label.key(Self::word(words, row.get(4))?).map_err(full)?,
                kind: nodes.kind.key(Self::word(words, row.get(5))?).map_err(full)?,
                field,
                name: row.get(7),
                text: row.get(8),
                start_byte: uint4_or_null(row, 9),
                end_byte: uint4_or_null(row, 10),
                start_line: uint4_or_null(row, 11),
                start_col: uint4_or_null(row, 12),
                end_line: uint4_or_null(row, 13),
                end_col: uint4_or_null(row, 14),
                flags: uint2(row, 15),
                properties: row.get(16),
            };
            nodes.push(node);
        }
        Ok(())
    }

    /// The edges of a unit, and its symbols: those that edges end at, and those that it mentions besides.
    fn edges(
        &mut self,
        rows: &[Row],
        symbols: &HashMap<Uuid, String>,
        mentions: &[Row],
    ) -> Result<()> {
        let said: HashMap<Uuid, &Row> = mentions.iter().map(|row| (row.get(1), row)).collect();
        let mut positions: HashMap<Uuid, u32> = HashMap::new();
        for row in rows {
            let dst_symbol = match row.get::<_, Option<Uuid>>(4) {
                None => None,
                Some(id) => {
                    let next = positions.len() as u32;
                    let position = *positions.entry(id).or_insert(next);
                    if position == next {
                        self.symbol(symbols.get(&id), said.get(&id).copied())?;
                    }
                    Some(position)
                }
            };
            let (words, edges) = (&self.words, &mut self.builder.edges);
            let edge = EdgeRow {
                src: uint4(row, 1),
                kind: edges.kind.key(Self::word(words, row.get(2))?).map_err(full)?,
                dst_node: uint4_or_null(row, 3),
                dst_symbol,
                ord: uint4(row, 5),
                start_byte: uint4_or_null(row, 6),
                end_byte: uint4_or_null(row, 7),
                start_line: uint4_or_null(row, 8),
                start_col: uint4_or_null(row, 9),
                flags: uint2(row, 10),
                properties: row.get(11),
            };
            edges.push(edge);
        }
        for mention in mentions {
            let id: Uuid = mention.get(1);
            if !positions.contains_key(&id) {
                self.symbol(symbols.get(&id), Some(mention))?;
            }
        }
        Ok(())
    }

    fn symbol(&mut self, key: Option<&String>, mention: Option<&Row>) -> Result<()> {
        let key = key.ok_or_else(|| Error::unexpected(format!("{WHAT}: a symbol is not there")))?;
        let kind: Option<&str> = mention.and_then(|row| row.get(2));
        let Said { kind, name, package } = match mention.zip(kind) {
            None => Said::by_key(key),
            Some((row, kind)) => Said { kind, name: row.get(3), package: row.get(4) },
        };
        let symbols = &mut self.builder.symbols;
        let kind = symbols.kind.key(kind).map_err(full)?;
        symbols.push(SymbolRow { symbol: key, kind, name, package });
        Ok(())
    }

    fn vectors(&mut self, rows: &[Row]) -> Result<()> {
        let (words, vectors) = (&self.words, &mut self.builder.vectors);
        for row in rows {
            let numbers: Vec<f32> = row.get(4);
            let vector = VectorRow {
                node: uint4(row, 1),
                model: vectors.model.key(Self::word(words, row.get(2))?).map_err(full)?,
                text_hash: &hash(row, 3).unwrap_or_default(),
                vector: &numbers,
            };
            vectors.push(vector);
        }
        Ok(())
    }

    fn unit(&mut self, row: &Row) -> Result<()> {
        let (words, units) = (&self.words, &mut self.builder.units);
        let language = match row.get(6) {
            Some(language) => Some(units.language.key(Self::word(words, language)?).map_err(full)?),
            None => None,
        };
        let content_hash = hash(row, 7);
        let unit = UnitRow {
            op: 0,
            repo: units.repo.key(Self::word(words, row.get(2))?).map_err(full)?,
            path: row.get(3),
            layer: units.layer.key(Self::word(words, row.get(4))?).map_err(full)?,
            revision: row.get(5),
            language,
            content_hash: content_hash.as_ref(),
            extractor: units.extractor.key(Self::word(words, row.get(8))?).map_err(full)?,
            generation: Some(row.get::<_, i64>(9) as u64),
            size_bytes: row.get::<_, Option<i64>>(10).map(|size| size as u64),
            line_count: uint4_or_null(row, 11),
            position_encoding: uint2(row, 12) as u8,
            flags: uint2(row, 13),
            properties: row.get(14),
        };
        self.builder.finish_unit(unit);
        Ok(())
    }
}

//! Reads units back.

use std::collections::{BTreeMap, HashMap};

use astload_model::{
    Batch, BatchBuilder, EdgeRow, NodeRow, Said, SymbolRow, UnitId, UnitName, UnitRow, VectorRow,
};
use async_trait::async_trait;
use rusqlite::{Connection, Row};

use super::Sqlite;
use super::classify::Attempt;
use crate::claim::LastLoad;
use crate::contract::{Origin, Reader, RepoState, StoredUnit, UnitFilter};
use crate::error::Result;
use crate::verdict::asked_for;

#[async_trait]
impl Reader for Sqlite {
    async fn repos(&self) -> Result<Vec<RepoState>> {
        self.read(|connection| repos(connection).attempt("reading repositories")).await
    }

    async fn units(&self, filter: &UnitFilter) -> Result<Vec<StoredUnit>> {
        let filter = filter.clone();
        self.read(move |connection| {
            let wanted = "(?1 IS NULL OR repo.word = ?1) AND (?2 IS NULL OR layer.word = ?2)";
            stored(connection, wanted, &[&filter.repo, &filter.layer]).attempt("reading units")
        })
        .await
    }

    async fn read_units(&self, ids: &[UnitId]) -> Result<Batch> {
        let ids = ids.to_vec();
        self.read(move |connection| {
            let snapshot = connection.transaction().attempt("reading units")?;
            units(&snapshot, &ids)
        })
        .await
    }
}

/// What is recorded of a repository, in the order in which it is read.
pub(super) const RECORD: &str = "root, remote, origin, generation, loaded_at, revision";

/// A repository's record, between its names and the number of its units.
pub(super) fn recorded(row: &Row<'_>) -> rusqlite::Result<RepoState> {
    let loaded_at = row.get::<_, Option<i64>>(6)?.map(|at| at as u64);
    Ok(RepoState {
        repo: row.get(0)?,
        layer: row.get(1)?,
        root: row.get(2)?,
        remote: row.get(3)?,
        origin: Origin::of_name(&row.get::<_, String>(4)?),
        generation: row.get::<_, i64>(5)? as u64,
        last_load: LastLoad::recorded(loaded_at, row.get(7)?),
        units: row.get::<_, i64>(8)? as u64,
    })
}

fn repos(connection: &Connection) -> rusqlite::Result<Vec<RepoState>> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT name.word, layer_name.word, {RECORD},
                (SELECT count(*) FROM unit WHERE unit.repo = repo.repo AND unit.layer = repo.layer)
         FROM repo
         JOIN word AS name ON name.id = repo.repo
         JOIN word AS layer_name ON layer_name.id = repo.layer
         ORDER BY 1, 2"
    ))?;
    select.query_map([], recorded)?.collect()
}

/// Units that a condition over `unit`, `repo` and `layer` passes.
pub(super) fn stored(
    connection: &Connection,
    condition: &str,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Vec<StoredUnit>> {
    let mut select = connection.prepare(&format!(
        "SELECT repo.word, path, layer.word, generation, content_hash, extractor.word,
                selection, language.word, nodes, size_bytes
         FROM unit
         JOIN word AS repo ON repo.id = unit.repo
         JOIN word AS layer ON layer.id = unit.layer
         JOIN word AS extractor ON extractor.id = unit.extractor
         LEFT JOIN word AS language ON language.id = unit.language
         WHERE {condition} ORDER BY 1, 2, 3"
    ))?;
    let unit = |row: &Row<'_>| {
        let name = UnitName { repo: row.get(0)?, path: row.get(1)?, layer: row.get(2)? };
        Ok(StoredUnit {
            id: UnitId::of(&name.repo, &name.path, &name.layer),
            name,
            generation: row.get::<_, i64>(3)? as u64,
            content_hash: row.get(4)?,
            extractor: row.get(5)?,
            selection: row.get::<_, Option<i64>>(6)?.map(|digest| digest as u64),
            language: row.get(7)?,
            nodes: row.get::<_, i64>(8)? as u64,
            size_bytes: row.get::<_, Option<i64>>(9)?.map(|size| size as u64),
        })
    };
    select.query_map(values, unit)?.collect()
}

/// These units with all their rows.
pub(super) fn units(connection: &Connection, ids: &[UnitId]) -> Result<Batch> {
    let mut reading =
        Reading { connection, words: HashMap::new(), builder: BatchBuilder::default() };
    for id in ids {
        reading.unit(*id).attempt("reading a unit")?;
    }
    Ok(asked_for(reading.builder.finish(), ids))
}

/// What a unit says of symbols, by their numbers; `None` where that is what their keys tell.
type Mentions = BTreeMap<i64, Option<(String, Option<String>, Option<String>)>>;

struct Reading<'a> {
    connection: &'a Connection,
    words: HashMap<i64, String>,
    builder: BatchBuilder,
}

/// A word's key in a column of the batch.
macro_rules! key {
    ($reading:expr, $($column:ident).+, $id:expr) => {{
        let id: i64 = $id;
        $reading.learn(id)?;
        $reading.builder.$($column).+.key(&$reading.words[&id]).map_err(full)?
    }};
}

fn full(error: astload_model::BatchFull) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

impl Reading<'_> {
    fn learn(&mut self, id: i64) -> rusqlite::Result<()> {
        if !self.words.contains_key(&id) {
            let word = self
                .connection
                .prepare_cached("SELECT word FROM word WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?;
            self.words.insert(id, word);
        }
        Ok(())
    }

    fn unit(&mut self, id: UnitId) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached(
            "SELECT number, repo, path, layer, revision, language, content_hash, extractor,
                    generation, size_bytes, line_count, position_encoding, flags, properties
             FROM unit WHERE unit_id = ?1",
        )?;
        let mut rows = select.query([id.as_i64()])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let number = row.get(0)?;
        self.nodes(number)?;
        self.edges(number)?;
        self.vectors(number)?;
        let path: String = row.get(2)?;
        let revision: Option<String> = row.get(4)?;
        let properties: Option<String> = row.get(13)?;
        let content_hash: Option<[u8; 32]> = row.get(6)?;
        let language = match row.get(5)? {
            Some(language) => Some(key!(self, units.language, language)),
            None => None,
        };
        let unit = UnitRow {
            op: 0,
            repo: key!(self, units.repo, row.get(1)?),
            path: &path,
            layer: key!(self, units.layer, row.get(3)?),
            revision: revision.as_deref(),
            language,
            content_hash: content_hash.as_ref(),
            extractor: key!(self, units.extractor, row.get(7)?),
            generation: Some(row.get::<_, i64>(8)? as u64),
            size_bytes: row.get::<_, Option<i64>>(9)?.map(|size| size as u64),
            line_count: row.get(10)?,
            position_encoding: row.get(11)?,
            flags: row.get(12)?,
            properties: properties.as_deref(),
        };
        self.builder.finish_unit(unit);
        Ok(())
    }

    fn nodes(&mut self, unit: i64) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached(
            "SELECT ord, parent, last, label, kind, field, name, text, start_byte, end_byte,
                    start_line, start_col, end_line, end_col, flags, properties
             FROM node WHERE unit = ?1 ORDER BY ord",
        )?;
        let mut rows = select.query([unit])?;
        while let Some(row) = rows.next()? {
            let field = match row.get(5)? {
                Some(field) => Some(key!(self, nodes.field, field)),
                None => None,
            };
            let node = NodeRow {
                ord: row.get(0)?,
                parent: row.get(1)?,
                last: row.get(2)?,
                label: key!(self, nodes.label, row.get(3)?),
                kind: key!(self, nodes.kind, row.get(4)?),
                field,
                name: row.get_ref(6)?.as_str_or_null()?,
                text: row.get_ref(7)?.as_str_or_null()?,
                start_byte: row.get(8)?,
                end_byte: row.get(9)?,
                start_line: row.get(10)?,
                start_col: row.get(11)?,
                end_line: row.get(12)?,
                end_col: row.get(13)?,
                flags: row.get(14)?,
                properties: row.get_ref(15)?.as_str_or_null()?,
            };
            self.builder.nodes.push(node);
        }
        Ok(())
    }

    fn edges(&mut self, unit: i64) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached(
            "SELECT src, kind, dst_node, dst_symbol, ord, start_byte, end_byte, start_line,
                    start_col, flags, properties
             FROM edge WHERE unit = ?1 ORDER BY position",
        )?;
        let mut rows = select.query([unit])?;
        let mentions = self.mentions(unit)?;
        let mut positions: HashMap<i64, u32> = HashMap::new();
        while let Some(row) = rows.next()? {
            let dst_symbol = match row.get::<_, Option<i64>>(3)? {
                None => None,
                Some(symbol) => Some(self.symbol(symbol, &mut positions, &mentions)?),
            };
            let edge = EdgeRow {
                src: row.get(0)?,
                kind: key!(self, edges.kind, row.get(1)?),
                dst_node: row.get(2)?,
                dst_symbol,
                ord: row.get(4)?,
                start_byte: row.get(5)?,
                end_byte: row.get(6)?,
                start_line: row.get(7)?,
                start_col: row.get(8)?,
                flags: row.get(9)?,
                properties: row.get_ref(10)?.as_str_or_null()?,
            };
            self.builder.edges.push(edge);
        }
        // The rest of the list, which no edge ends at.
        for &number in mentions.keys() {
            self.symbol(number, &mut positions, &mentions)?;
        }
        Ok(())
    }

    /// What a unit says of symbols beyond what their keys tell, by their numbers.
    fn mentions(&self, unit: i64) -> rusqlite::Result<Mentions> {
        let mut select = self
            .connection
            .prepare_cached("SELECT symbol, kind, name, package FROM mention WHERE unit = ?1")?;
        let mention = |row: &Row<'_>| {
            let kind: Option<String> = row.get(1)?;
            let (name, package): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            Ok((row.get::<_, i64>(0)?, kind.map(|kind| (kind, name, package))))
        };
        select.query_map([unit], mention)?.collect()
    }

    /// The position of a symbol in the unit's list, to which it is added at its first mention.
    fn symbol(
        &mut self,
        number: i64,
        positions: &mut HashMap<i64, u32>,
        mentions: &Mentions,
    ) -> rusqlite::Result<u32> {
        let next = positions.len() as u32;
        let position = *positions.entry(number).or_insert(next);
        if position == next {
            let mut select =
                self.connection.prepare_cached("SELECT symbol FROM symbol WHERE number = ?1")?;
            let mut rows = select.query([number])?;
            let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            let key = row.get_ref(0)?.as_str()?;
            let said = mentions.get(&number).and_then(Option::as_ref);
            let Said { kind, name, package } = match said {
                None => Said::by_key(key),
                Some((kind, name, package)) => {
                    Said { kind, name: name.as_deref(), package: package.as_deref() }
                }
            };
            let symbols = &mut self.builder.symbols;
            let kind = symbols.kind.key(kind).map_err(full)?;
            symbols.push(SymbolRow { symbol: key, kind, name, package });
        }
        Ok(position)
    }

    fn vectors(&mut self, unit: i64) -> rusqlite::Result<()> {
        let mut select = self
            .connection
            .prepare_cached("SELECT node, model, text_hash, vector FROM vector WHERE unit = ?1")?;
        let mut rows = select.query([unit])?;
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(3)?;
            let floats = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
            let floats: Vec<f32> = floats.collect();
            let vector = VectorRow {
                node: row.get(0)?,
                model: key!(self, vectors.model, row.get(1)?),
                text_hash: &row.get(2)?,
                vector: &floats,
            };
            self.builder.vectors.push(vector);
        }
        Ok(())
    }
}

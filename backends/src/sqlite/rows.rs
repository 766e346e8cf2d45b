//! The rows of accepted units, table by table, in the order of their numbers: all appended.

use astload_model::{Batch, Mention, Unit};
use rusqlite::Connection;

use super::kinds::KindChanges;
use super::statements::RowInsert;
use super::words::Numbers;
use super::write::now;
use crate::contract::RowCounts;

/// Units that are to be written, each with its new number, ascending.
pub(super) struct Rows<'a> {
    pub(super) connection: &'a Connection,
    pub(super) numbers: &'a mut Numbers,
    pub(super) batch: &'a Batch,
    pub(super) accepted: &'a [(usize, i64)],
    pub(super) selection: Option<u64>,
    pub(super) kinds: &'a mut KindChanges,
}

impl<'a> Rows<'a> {
    /// Writes them all, the row that proves a unit last.
    pub(super) fn write(mut self) -> rusqlite::Result<RowCounts> {
        let nodes = self.nodes()?;
        let symbols = self.symbols()?;
        let edges = self.edges(&symbols.numbers)?;
        self.mentions(&symbols.numbers)?;
        let vectors = self.vectors()?;
        self.units()?;
        self.repos()?;
        Ok(RowCounts { nodes, edges, symbols: symbols.added, vectors })
    }

    fn units_of(&self) -> impl Iterator<Item = (Unit<'a>, i64)> + use<'a> {
        let batch = self.batch;
        self.accepted.iter().map(move |&(position, number)| (batch.unit(position), number))
    }

    fn nodes(&mut self) -> rusqlite::Result<u64> {
        const COLUMNS: [&str; 17] = [
            "unit",
            "ord",
            "parent",
            "last",
            "label",
            "kind",
            "field",
            "name",
            "text",
            "start_byte",
            "end_byte",
            "start_line",
            "start_col",
            "end_line",
            "end_col",
            "flags",
            "properties",
        ];
        let (connection, nodes, all) =
            (self.connection, self.batch.nodes(), self.batch.node_range());
        let label = self.numbers.of_column(connection, &nodes.label, all.clone())?;
        let kind = self.numbers.of_column(connection, &nodes.kind, all.clone())?;
        let field = self.numbers.of_column(connection, &nodes.field, all)?;
        let rows: usize = self.units_of().map(|(unit, _)| unit.nodes().len()).sum();
        let mut insert = RowInsert::new(connection, "node", &COLUMNS, rows)?;
        let mut of_kind = vec![0; kind.len()];
        for (unit, number) in self.units_of() {
            for i in unit.nodes() {
                of_kind[nodes.kind.keys[i] as usize] += 1;
                insert.row(|row| {
                    row.integer(number)?;
                    row.integer(nodes.ord[i])?;
                    row.integer_or_null(nodes.parent.get(i))?;
                    row.integer(nodes.last[i])?;
                    row.integer(label[nodes.label.keys[i] as usize])?;
                    row.integer(kind[nodes.kind.keys[i] as usize])?;
                    row.integer_or_null(nodes.field.key(i).map(|key| field[key as usize]))?;
                    row.value_or_null(nodes.name.get(i))?;
                    row.value_or_null(nodes.text.get(i))?;
                    row.integer_or_null(nodes.start_byte.get(i))?;
                    row.integer_or_null(nodes.end_byte.get(i))?;
                    row.integer_or_null(nodes.start_line.get(i))?;
                    row.integer_or_null(nodes.start_col.get(i))?;
                    row.integer_or_null(nodes.end_line.get(i))?;
                    row.integer_or_null(nodes.end_col.get(i))?;
                    row.integer(nodes.flags[i])?;
                    row.value_or_null(nodes.properties.get(i))
                })?;
            }
        }
        kind.iter().zip(of_kind).for_each(|(&kind, nodes)| self.kinds.add(kind, nodes));
        Ok(rows as u64)
    }

    /// The local number of each symbol that is mentioned, by its index in the batch.
    fn symbols(&mut self) -> rusqlite::Result<SymbolNumbers> {
        let first = self.batch.symbol_range().start;
        let mut numbers = vec![0; self.batch.symbol_range().len()];
        let mut added = 0;
        for (unit, _) in self.units_of() {
            for row in unit.symbols() {
                let (number, new) = self.numbers.symbol(self.connection, self.batch, row)?;
                numbers[row - first] = number;
                added += u64::from(new);
            }
        }
        Ok(SymbolNumbers { numbers, added })
    }

    fn edges(&mut self, symbols: &[i64]) -> rusqlite::Result<u64> {
        const COLUMNS: [&str; 13] = [
            "unit",
            "position",
            "src",
            "kind",
            "dst_node",
            "dst_symbol",
            "ord",
            "start_byte",
            "end_byte",
            "start_line",
            "start_col",
            "flags",
            "properties",
        ];
        let (connection, edges, all) =
            (self.connection, self.batch.edges(), self.batch.edge_range());
        let kind = self.numbers.of_column(connection, &edges.kind, all)?;
        let first = self.batch.symbol_range().start;
        let rows: usize = self.units_of().map(|(unit, _)| unit.edges().len()).sum();
        let mut insert = RowInsert::new(connection, "edge", &COLUMNS, rows)?;
        for (unit, number) in self.units_of() {
            let own = unit.symbols().start - first;
            for (position, i) in unit.edges().enumerate() {
                insert.row(|row| {
                    row.integer(number)?;
                    row.integer(position as i64)?;
                    row.integer(edges.src[i])?;
                    row.integer(kind[edges.kind.keys[i] as usize])?;
                    row.integer_or_null(edges.dst_node.get(i))?;
                    row.integer_or_null(
                        edges.dst_symbol.get(i).map(|symbol| symbols[own + symbol as usize]),
                    )?;
                    row.integer(edges.ord[i])?;
                    row.integer_or_null(edges.start_byte.get(i))?;
                    row.integer_or_null(edges.end_byte.get(i))?;
                    row.integer_or_null(edges.start_line.get(i))?;
                    row.integer_or_null(edges.start_col.get(i))?;
                    row.integer(edges.flags[i])?;
                    row.value_or_null(edges.properties.get(i))
                })?;
            }
        }
        Ok(rows as u64)
    }

    /// What units say of symbols beyond what is known by their keys and edges.
    fn mentions(&mut self, symbols: &[i64]) -> rusqlite::Result<()> {
        const COLUMNS: [&str; 5] = ["unit", "symbol", "kind", "name", "package"];
        let first = self.batch.symbol_range().start;
        for (unit, number) in self.units_of() {
            let mentions = unit.mentions();
            if mentions.is_empty() {
                continue;
            }
            let mut insert = RowInsert::new(self.connection, "mention", &COLUMNS, mentions.len())?;
            for Mention { row, said } in mentions {
                insert.row(|bound| {
                    bound.integer(number)?;
                    bound.integer(symbols[row - first])?;
                    bound.value_or_null(said.map(|said| said.kind))?;
                    bound.value_or_null(said.and_then(|said| said.name))?;
                    bound.value_or_null(said.and_then(|said| said.package))
                })?;
            }
        }
        Ok(())
    }

    fn vectors(&mut self) -> rusqlite::Result<u64> {
        const COLUMNS: [&str; 5] = ["unit", "node", "model", "text_hash", "vector"];
        let connection = self.connection;
        let (vectors, all) = (self.batch.vectors(), self.batch.vector_range());
        let model = self.numbers.of_column(connection, &vectors.model, all)?;
        let rows: usize = self.units_of().map(|(unit, _)| unit.vectors().len()).sum();
        let mut insert = RowInsert::new(connection, "vector", &COLUMNS, rows)?;
        let mut bytes = Vec::new();
        for (unit, number) in self.units_of() {
            for i in unit.vectors() {
                bytes.clear();
                bytes.extend(vectors.vector.at(i).iter().flat_map(|value| value.to_le_bytes()));
                insert.row(|row| {
                    row.integer(number)?;
                    row.integer(vectors.node[i])?;
                    row.integer(model[vectors.model.keys[i] as usize])?;
                    row.value_or_null(vectors.text_hash.get(i).map(<[u8; 16]>::as_slice))?;
                    row.value_or_null(Some(bytes.as_slice()))
                })?;
            }
        }
        Ok(rows as u64)
    }

    fn units(&mut self) -> rusqlite::Result<()> {
        const COLUMNS: [&str; 19] = [
            "number",
            "unit_id",
            "repo",
            "path",
            "layer",
            "revision",
            "language",
            "content_hash",
            "extractor",
            "selection",
            "generation",
            "size_bytes",
            "line_count",
            "position_encoding",
            "flags",
            "properties",
            "nodes",
            "edges",
            "vectors",
        ];
        let connection = self.connection;
        let mut insert = RowInsert::new(connection, "unit", &COLUMNS, self.accepted.len())?;
        for (unit, number) in self.units_of() {
            let repo = self.numbers.word(connection, unit.repo())?;
            let layer = self.numbers.word(connection, unit.layer())?;
            let extractor = self.numbers.word(connection, unit.extractor())?;
            let language =
                unit.language().map(|word| self.numbers.word(connection, word)).transpose()?;
            insert.row(|row| {
                row.integer(number)?;
                row.integer(unit.id().as_i64())?;
                row.integer(repo)?;
                row.value_or_null(Some(unit.path()))?;
                row.integer(layer)?;
                row.value_or_null(unit.revision())?;
                row.integer_or_null(language)?;
                row.value_or_null(unit.content_hash().map(<[u8; 32]>::as_slice))?;
                row.integer(extractor)?;
                row.integer_or_null(self.selection.map(|digest| digest as i64))?;
                row.integer_or_null(unit.generation().map(|generation| generation as i64))?;
                row.integer_or_null(unit.size_bytes().map(|size| size as i64))?;
                row.integer_or_null(unit.line_count())?;
                row.integer(unit.position_encoding())?;
                row.integer(unit.flags())?;
                row.value_or_null(unit.properties())?;
                row.integer(unit.nodes().len() as i64)?;
                row.integer(unit.edges().len() as i64)?;
                row.integer(unit.vectors().len() as i64)
            })?;
        }
        Ok(())
    }

    /// The greatest generation of each repository, of deletes too, and when it was loaded.
    fn repos(&mut self) -> rusqlite::Result<()> {
        let mut greatest: Vec<(&str, &str, u64)> = Vec::new();
        for unit in self.batch.units() {
            let (repo, layer) = (unit.repo(), unit.layer());
            let generation = unit.generation().unwrap_or_default();
            match greatest.iter_mut().find(|(r, l, _)| (*r, *l) == (repo, layer)) {
                Some((_, _, greatest)) => *greatest = generation.max(*greatest),
                None => greatest.push((repo, layer, generation)),
            }
        }
        for (repo, layer, generation) in greatest {
            let repo = self.numbers.word(self.connection, repo)?;
            let layer = self.numbers.word(self.connection, layer)?;
            self.connection
                .prepare_cached(
                    "INSERT INTO repo(repo, layer, origin, generation, written_at)
                     VALUES (?1, ?2, 'nobody', ?3, ?4)
                     ON CONFLICT(repo, layer) DO UPDATE
                     SET generation = max(generation, ?3), written_at = ?4",
                )?
                .execute((repo, layer, generation as i64, now()))?;
        }
        Ok(())
    }
}

struct SymbolNumbers {
    numbers: Vec<i64>,
    added: u64,
}

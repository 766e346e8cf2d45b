//! Units with all their rows, out of the documents that their versions name.

use std::collections::HashMap;
use std::time::Duration;

use astload_model::{
    Batch, BatchBuilder, BatchFull, EdgeRow, NodeRow, SymbolRow, UnitId, UnitRow, VectorRow,
};
use serde_json::{Value, json};

use super::Store;
use super::documents::{node_id, unit_id};
use crate::error::{Error, Result};
use crate::hex::unhex;

const WHAT: &str = "reading units";

/// Documents that are asked for at once.
const AT_ONCE: usize = 1000;

/// Attempts to read units that others write at the same time.
const ATTEMPTS: usize = 6;

impl Store {
    /// These units; those that are not there are left out.
    pub(super) async fn read(&self, ids: &[UnitId]) -> Result<Batch> {
        let mut attempt = 1;
        loop {
            match self.read_once(ids).await {
                Err(error) if error.retry_after == Some(Duration::ZERO) && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                read => return read,
            }
        }
    }

    async fn read_once(&self, ids: &[UnitId]) -> Result<Batch> {
        let mut builder = BatchBuilder::default();
        let index = self.names.alias("units");
        for some in ids.chunks(AT_ONCE) {
            let asked = some.iter().map(|id| json!({ "_index": index, "_id": unit_id(*id) }));
            for unit in self.documents(WHAT, asked.collect()).await?.into_iter().flatten() {
                let unit = &unit["_source"];
                if unit["deleted"] != true {
                    self.nodes(unit, &mut builder).await?;
                    finish(unit, &mut builder)?;
                }
            }
        }
        Ok(builder.finish())
    }

    async fn nodes(&self, unit: &Value, builder: &mut BatchBuilder) -> Result<()> {
        let text = |field: &str| unit[field].as_str().unwrap_or_default();
        let (id, version, repo) = (text("unit_id"), text("version"), text("repo"));
        let count = unit["nodes"].as_u64().unwrap_or_default() as usize;
        let index = self.names.alias("nodes");
        let mut positions: HashMap<String, u32> = HashMap::new();
        for start in (0..count).step_by(AT_ONCE) {
            let end = count.min(start + AT_ONCE);
            let asked = (start..end).map(|position| {
                let mut asked = json!({ "_index": index, "_id": node_id(id, version, position) });
                if self.route_by_repo {
                    asked["routing"] = repo.into();
                }
                asked
            });
            for node in self.documents(WHAT, asked.collect()).await? {
                let node = node.ok_or_else(changed)?;
                row(&node["_source"], builder, &mut positions)?;
            }
        }
        Ok(())
    }
}

/// A document that its unit names is not there: another version counts by now.
fn changed() -> Error {
    Error::transient(format!("{WHAT}: they were written at the same time"))
        .with_hint(
            "if it stays so, documents were taken away by hand: delete the unit and load it again",
        )
        .with_retry_after(Duration::ZERO)
}

fn full(error: BatchFull) -> Error {
    Error::unexpected(format!("{WHAT}: {error}"))
}

fn uint(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// A node with its edges and vectors.
fn row(
    node: &Value,
    builder: &mut BatchBuilder,
    positions: &mut HashMap<String, u32>,
) -> Result<()> {
    let ord = uint(&node["ord"]).unwrap_or_default();
    let text = |field: &str| node[field].as_str();
    let nodes = &mut builder.nodes;
    let field = text("field").map(|field| nodes.field.key(field).map_err(full)).transpose()?;
    let label = nodes.label.key(text("label").unwrap_or_default()).map_err(full)?;
    let kind = nodes.kind.key(text("kind").unwrap_or_default()).map_err(full)?;
    nodes.push(NodeRow {
        ord,
        parent: uint(&node["parent"]),
        last: uint(&node["last"]).unwrap_or(ord),
        label,
        kind,
        field,
        name: text("name"),
        text: text("text"),
        start_byte: uint(&node["start_byte"]),
        end_byte: uint(&node["end_byte"]),
        start_line: uint(&node["start_line"]),
        start_col: uint(&node["start_col"]),
        end_line: uint(&node["end_line"]),
        end_col: uint(&node["end_col"]),
        flags: uint(&node["flags"]).unwrap_or_default() as u16,
        properties: node["properties_text"]["json"].as_str(),
    });
    for edge in node["edges"]["rows"].as_array().into_iter().flatten() {
        let dst_symbol = match edge[9].as_str() {
            None => None,
            Some(key) => {
                let columns = [&edge[10], &edge[11], &edge[12]];
                Some(symbol(key, columns, builder, positions)?)
            }
        };
        let edges = &mut builder.edges;
        let kind = edges.kind.key(edge[0].as_str().unwrap_or_default()).map_err(full)?;
        edges.push(EdgeRow {
            src: ord,
            kind,
            dst_node: uint(&edge[1]),
            dst_symbol,
            ord: uint(&edge[2]).unwrap_or_default(),
            start_byte: uint(&edge[3]),
            end_byte: uint(&edge[4]),
            start_line: uint(&edge[5]),
            start_col: uint(&edge[6]),
            flags: uint(&edge[7]).unwrap_or_default() as u16,
            properties: edge[8].as_str(),
        });
    }
    for mention in node["mentions"]["rows"].as_array().into_iter().flatten() {
        let columns = [&mention[1], &mention[2], &mention[3]];
        symbol(mention[0].as_str().unwrap_or_default(), columns, builder, positions)?;
    }
    for vector in node["vectors"]["rows"].as_array().into_iter().flatten() {
        let bits = vector.as_array().into_iter().flatten().skip(2);
        let numbers: Vec<f32> = bits.filter_map(uint).map(f32::from_bits).collect();
        let vectors = &mut builder.vectors;
        let model = vectors.model.key(vector[0].as_str().unwrap_or_default()).map_err(full)?;
        let hash = vector[1].as_str().and_then(unhex).unwrap_or_default();
        vectors.push(VectorRow { node: ord, model, text_hash: &hash, vector: &numbers });
    }
    Ok(())
}

/// The position of a symbol, of which the unit says these columns, among those of the unit.
fn symbol(
    key: &str,
    [kind, name, package]: [&Value; 3],
    builder: &mut BatchBuilder,
    positions: &mut HashMap<String, u32>,
) -> Result<u32> {
    if let Some(position) = positions.get(key) {
        return Ok(*position);
    }
    let position = positions.len() as u32;
    positions.insert(key.to_owned(), position);
    let symbols = &mut builder.symbols;
    let kind = symbols.kind.key(kind.as_str().unwrap_or_default()).map_err(full)?;
    symbols.push(SymbolRow { symbol: key, kind, name: name.as_str(), package: package.as_str() });
    Ok(position)
}

fn finish(unit: &Value, builder: &mut BatchBuilder) -> Result<()> {
    let text = |field: &str| unit[field].as_str();
    let word = |field: &str| text(field).unwrap_or_default();
    let hash = text("content_hash").and_then(unhex);
    let units = &mut builder.units;
    let language =
        text("language").map(|language| units.language.key(language).map_err(full)).transpose()?;
    let repo = units.repo.key(word("repo")).map_err(full)?;
    let layer = units.layer.key(word("layer")).map_err(full)?;
    let extractor = units.extractor.key(word("extractor")).map_err(full)?;
    builder.finish_unit(UnitRow {
        op: 0,
        repo,
        path: word("path"),
        layer,
        revision: text("revision"),
        language,
        content_hash: hash.as_ref(),
        extractor,
        generation: unit["generation"].as_u64(),
        size_bytes: unit["size_bytes"].as_u64(),
        line_count: uint(&unit["line_count"]),
        position_encoding: uint(&unit["position_encoding"]).unwrap_or_default() as u8,
        flags: uint(&unit["flags"]).unwrap_or_default() as u16,
        properties: unit["properties_text"]["json"].as_str(),
    });
    Ok(())
}

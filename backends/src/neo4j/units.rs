//! Units with all their rows, read back from the graph.
//!
//! A question sees what others commit while it is answered. Whoever may write locks the units that it
//! reads; whoever may not looks again afterwards whether they are still the same.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use astload_model::{
    Batch, BatchBuilder, BatchFull, EdgeRow, NodeRow, Said, SymbolRow, UnitId, UnitRow, VectorRow,
};
use neo4rs::Query;

use super::connect::Tx;
use super::names::{Names, kind_of};
use super::questions::{EDGES, MENTIONS, NODES, STILL, SYMBOLS, UNITS, VECTORS};
use super::value::{Answer, int, list, text};
use crate::error::{Error, Result};
use crate::hex::unhex;

const WHAT: &str = "reading units";

/// Rows that are held while a part of the units is read.
const ROWS_AT_ONCE: u64 = 1 << 15;

/// How units are kept from changing while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// This transaction has locked them already.
    Held,
    /// It locks them now.
    Take,
    /// It may not: that they changed is found out afterwards.
    Absent,
}

/// A unit of which the rows are to be read.
struct Head {
    id: i64,
    written: Option<String>,
    rest: Answer,
    counts: [u64; 3],
}

/// Units that changed while they were read.
fn changed() -> Error {
    Error::transient(format!("{WHAT}: they were written at the same time"))
        .with_retry_after(Duration::ZERO)
}

/// These units with all their rows; those that are not there are left out.
pub(super) async fn units(tx: &mut Tx, names: &Names, ids: &[UnitId], lock: Lock) -> Result<Batch> {
    let mut reading = Reading { tx, names, builder: BatchBuilder::default() };
    let mut heads = reading.heads(ids, lock).await?;
    let seen: Vec<(i64, Option<String>)> =
        heads.iter().map(|head| (head.id, head.written.clone())).collect();
    while !heads.is_empty() {
        let mut sum = 0;
        let fits = |head: &&Head| {
            let before = sum;
            sum += head.counts.iter().sum::<u64>();
            before == 0 || sum <= ROWS_AT_ONCE
        };
        let rest = heads.split_off(heads.iter().take_while(fits).count());
        reading.part(std::mem::replace(&mut heads, rest)).await?;
    }
    if lock == Lock::Absent {
        reading.check_still(&seen).await?;
    }
    Ok(reading.builder.finish())
}

struct Reading<'a> {
    tx: &'a mut Tx,
    names: &'a Names,
    builder: BatchBuilder,
}

/// The keys of symbols, by their ids.
type Symbols = HashMap<String, String>;

/// What a unit says of a symbol: its id, a kind, a name and a package.
type Mention = (String, [Option<String>; 3]);

/// Rows of several units, by unit and then by a number.
struct ByUnit<T> {
    rows: Vec<(i64, u32, T)>,
    units: HashMap<i64, Range<usize>>,
}

impl<T> ByUnit<T> {
    fn of(rows: Vec<Answer>, rest: impl Fn(Answer) -> T) -> Self {
        let keyed = |mut row: Answer| {
            let (id, number) = (row.int().unwrap_or_default(), row.uint().unwrap_or_default());
            (id, number, rest(row))
        };
        let mut rows: Vec<_> = rows.into_iter().map(keyed).collect();
        rows.sort_by_key(|(id, number, _)| (*id, *number));
        let mut units: HashMap<i64, Range<usize>> = HashMap::new();
        for (at, (id, ..)) in rows.iter().enumerate() {
            units.entry(*id).or_insert(at..at).end = at + 1;
        }
        Self { rows, units }
    }

    fn unit(&mut self, id: i64) -> &mut [(i64, u32, T)] {
        let range = self.units.get(&id).cloned().unwrap_or_default();
        &mut self.rows[range]
    }
}

fn full(error: BatchFull) -> Error {
    Error::unexpected(format!("{WHAT}: {error}"))
}

impl Reading<'_> {
    async fn rows(
        &mut self,
        question: &str,
        ids: impl Iterator<Item = i64>,
    ) -> Result<Vec<Answer>> {
        let query = Query::new(self.names.cypher(question));
        self.tx.rows(query.param("ids", list(ids.map(int).collect())), WHAT).await
    }

    /// In the order in which they are asked for; locked in that of their ids.
    async fn heads(&mut self, ids: &[UnitId], lock: Lock) -> Result<Vec<Head>> {
        let mut sorted: Vec<i64> = ids.iter().map(|id| id.as_i64()).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let locking = match lock {
            Lock::Take => "SET unit.writing = true",
            Lock::Held | Lock::Absent => "",
        };
        let rows = self.rows(&UNITS.replace("{lock}", locking), sorted.into_iter()).await?;
        let head = |mut row: Answer| {
            let (id, written) = (row.int().unwrap_or_default(), row.text());
            let mut rest = row.split_off(13);
            let counts = [rest.number(), rest.number(), rest.number()];
            (id, Head { id, written, rest: row, counts })
        };
        let mut found: HashMap<i64, Head> = rows.into_iter().map(head).collect();
        Ok(ids.iter().filter_map(|id| found.remove(&id.as_i64())).collect())
    }

    async fn check_still(&mut self, seen: &[(i64, Option<String>)]) -> Result<()> {
        let rows = self.rows(STILL, seen.iter().map(|(id, _)| *id)).await?;
        let now = rows.into_iter().map(|mut row| (row.int().unwrap_or_default(), row.text()));
        let now: HashMap<i64, Option<String>> = now.collect();
        match seen.iter().all(|(id, written)| now.get(id) == Some(written)) {
            true => Ok(()),
            false => Err(changed()),
        }
    }

    /// Units whose rows are held at once.
    async fn part(&mut self, heads: Vec<Head>) -> Result<()> {
        let ids = || heads.iter().map(|head| head.id);
        let nodes = self.rows(NODES, ids()).await?;
        let edges = self.rows(EDGES, ids()).await?;
        let vectors = self.rows(VECTORS, ids()).await?;
        let mentions = self.rows(MENTIONS, ids()).await?;
        let mut nodes = ByUnit::of(nodes, |row| row);
        let mut edges = ByUnit::of(edges, Edge::of);
        let mut vectors = ByUnit::of(vectors, |row| row);
        let mention = |mut row: Answer| (row.word(), [row.text(), row.text(), row.text()]);
        let mut mentions: ByUnit<Mention> = ByUnit::of(mentions, mention);
        let symbols = self.symbols(&edges, &mentions).await?;
        for head in heads {
            let (nodes, edges, vectors) =
                (nodes.unit(head.id), edges.unit(head.id), vectors.unit(head.id));
            let counts = [nodes.len() as u64, edges.len() as u64, vectors.len() as u64];
            if counts != head.counts {
                return Err(changed().with_hint("if it stays so, nodes or relationships were taken away by hand: delete the unit and load it again"));
            }
            self.nodes(nodes)?;
            self.edges(edges, &symbols, mentions.unit(head.id))?;
            self.vectors(vectors)?;
            self.unit(head.rest)?;
        }
        Ok(())
    }

    async fn symbols(
        &mut self,
        edges: &ByUnit<Edge>,
        mentions: &ByUnit<Mention>,
    ) -> Result<Symbols> {
        let mut ids: HashSet<&str> =
            edges.rows.iter().filter_map(|(.., edge)| edge.symbol.as_deref()).collect();
        ids.extend(mentions.rows.iter().map(|(.., mention)| mention.0.as_str()));
        let ids = list(ids.into_iter().map(text).collect());
        let query = Query::new(self.names.cypher(SYMBOLS)).param("ids", ids);
        let rows = self.tx.rows(query, WHAT).await?;
        Ok(rows.into_iter().map(|mut row| (row.word(), row.word())).collect())
    }

    /// A node's parent is the innermost one that it lies in.
    fn nodes(&mut self, rows: &mut [(i64, u32, Answer)]) -> Result<()> {
        let (names, nodes) = (self.names, &mut self.builder.nodes);
        let mut open: Vec<(u32, u32)> = Vec::new();
        for (_, ord, row) in rows {
            let ord = *ord;
            let last = row.uint().unwrap_or(ord);
            while open.last().is_some_and(|&(_, end)| end < ord) {
                open.pop();
            }
            let parent = open.last().map(|&(ord, _)| ord);
            open.push((ord, last));
            let (labels, kind) = (row.words(), row.text());
            let (label, kind) = (names.label(&labels), names.kind(&labels, kind.as_deref()));
            let field = row.text();
            let field = field.map(|field| nodes.field.key(&field).map_err(full)).transpose()?;
            let (label, kind) =
                (nodes.label.key(label).map_err(full)?, nodes.kind.key(kind).map_err(full)?);
            let (name, text) = (row.text(), row.text());
            let places: [Option<u32>; 6] = std::array::from_fn(|_| row.uint());
            let flags = row.number() as u16;
            let properties = row.text();
            nodes.push(NodeRow {
                ord,
                parent,
                last,
                label,
                kind,
                field,
                name: name.as_deref(),
                text: text.as_deref(),
                start_byte: places[0],
                end_byte: places[1],
                start_line: places[2],
                start_col: places[3],
                end_line: places[4],
                end_col: places[5],
                flags,
                properties: properties.as_deref(),
            });
        }
        Ok(())
    }

    /// The edges of a unit, and its symbols: those that edges end at, and those that it mentions besides.
    fn edges(
        &mut self,
        rows: &mut [(i64, u32, Edge)],
        symbols: &Symbols,
        mentions: &[(i64, u32, Mention)],
    ) -> Result<()> {
        let said: HashMap<&str, &Mention> =
            mentions.iter().map(|(.., mention)| (mention.0.as_str(), mention)).collect();
        let mut positions: HashMap<&str, u32> = HashMap::new();
        for (_, src, edge) in rows.iter_mut() {
            let Edge { kind, node, symbol, rest } = edge;
            let dst_symbol = match symbol.as_deref() {
                None => None,
                Some(id) => {
                    let next = positions.len() as u32;
                    let position = *positions.entry(id).or_insert(next);
                    if position == next {
                        self.symbol(symbols.get(id), said.get(id).copied())?;
                    }
                    Some(position)
                }
            };
            let ord = rest.uint().unwrap_or_default();
            let places: [Option<u32>; 4] = std::array::from_fn(|_| rest.uint());
            let flags = rest.number() as u16;
            let properties = rest.text();
            let edges = &mut self.builder.edges;
            let kind = edges.kind.key(kind_of(kind)).map_err(full)?;
            edges.push(EdgeRow {
                src: *src,
                kind,
                dst_node: *node,
                dst_symbol,
                ord,
                start_byte: places[0],
                end_byte: places[1],
                start_line: places[2],
                start_col: places[3],
                flags,
                properties: properties.as_deref(),
            });
        }
        for (.., mention) in mentions {
            if !positions.contains_key(mention.0.as_str()) {
                self.symbol(symbols.get(&mention.0), Some(mention))?;
            }
        }
        Ok(())
    }

    fn symbol(&mut self, key: Option<&String>, mention: Option<&Mention>) -> Result<()> {
        let key = key.ok_or_else(changed)?;
        let Said { kind, name, package } = match mention {
            Some((_, [Some(kind), name, package])) => {
                Said { kind, name: name.as_deref(), package: package.as_deref() }
            }
            _ => Said::by_key(key),
        };
        let symbols = &mut self.builder.symbols;
        let kind = symbols.kind.key(kind).map_err(full)?;
        symbols.push(SymbolRow { symbol: key, kind, name, package });
        Ok(())
    }

    fn vectors(&mut self, rows: &mut [(i64, u32, Answer)]) -> Result<()> {
        let vectors = &mut self.builder.vectors;
        for (_, node, row) in rows {
            let (model, hash) = (row.word(), row.word());
            let model = vectors.model.key(&model).map_err(full)?;
            vectors.push(VectorRow {
                node: *node,
                model,
                text_hash: &unhex(&hash).unwrap_or_default(),
                vector: &row.floats(),
            });
        }
        Ok(())
    }

    fn unit(&mut self, mut row: Answer) -> Result<()> {
        let units = &mut self.builder.units;
        let (repo, path, layer, revision) = (row.word(), row.word(), row.word(), row.text());
        let (language, hash, extractor) = (row.text(), row.text(), row.word());
        let language =
            language.map(|language| units.language.key(&language).map_err(full)).transpose()?;
        let hash = hash.as_deref().and_then(unhex);
        let numbers = (row.int(), row.int(), row.uint(), row.number(), row.number());
        let (generation, size, lines, encoding, flags) = numbers;
        let properties = row.text();
        let unit = UnitRow {
            op: 0,
            repo: units.repo.key(&repo).map_err(full)?,
            path: &path,
            layer: units.layer.key(&layer).map_err(full)?,
            revision: revision.as_deref(),
            language,
            content_hash: hash.as_ref(),
            extractor: units.extractor.key(&extractor).map_err(full)?,
            generation: generation.map(|generation| generation as u64),
            size_bytes: size.map(|size| size as u64),
            line_count: lines,
            position_encoding: encoding as u8,
            flags: flags as u16,
            properties: properties.as_deref(),
        };
        self.builder.finish_unit(unit);
        Ok(())
    }
}

/// The end of an edge, and what follows.
struct Edge {
    kind: String,
    node: Option<u32>,
    symbol: Option<String>,
    rest: Answer,
}

impl Edge {
    fn of(mut row: Answer) -> Self {
        let (kind, node, symbol) = (row.word(), row.uint(), row.text());
        Self { kind, node: node.filter(|_| symbol.is_none()), symbol, rest: row }
    }
}

//! Batches made of other batches: copies, later generations, and units of a hundred rows.

use anyhow::Result;
use astload_model::{Batch, BatchBuilder, EdgeRow, NodeRow, SymbolRow, UnitRow};

/// Rows of a small unit: so many nodes, and as many edges as are left of a hundred.
const NODES: usize = 96;
const EDGES: usize = 4;

/// Rows of a batch, as the directory source fills them.
const BATCH_ROWS: usize = 32_768;

/// A copy that nobody has computed anything of: a batch remembers the ids of its symbols.
///
/// # Errors
/// Where it does not fit, which a batch that was there does.
pub fn afresh(batch: &Batch) -> Result<Batch> {
    let mut builder = BatchBuilder::default();
    builder.append(batch)?;
    Ok(builder.finish())
}

/// A copy of some units, at another generation.
///
/// # Errors
/// As [`afresh`].
pub fn at_generation(batch: &Batch, units: &[usize], generation: u64) -> Result<Batch> {
    let mut builder = BatchBuilder::default();
    builder.append(&batch.take(units))?;
    builder.units.generation.values.fill(generation);
    Ok(builder.finish())
}

/// The same nodes cut into units of a hundred rows: each a root with leaves, and a few edges to the
/// symbols that the batch mentions.
///
/// # Errors
/// As [`afresh`].
pub fn of_hundred_rows(batches: &[Batch], rows: usize) -> Result<Vec<Batch>> {
    let mut cut = Cut::default();
    for batch in batches {
        cut.up_to(batch, rows)?;
    }
    cut.finish_batch();
    Ok(cut.batches)
}

/// The same without an end: the batches come again and again, each time as other units.
pub fn endless(mut batches: Vec<Batch>) -> impl Iterator<Item = Result<Batch>> {
    batches.retain(|batch| batch.node_range().len() >= NODES);
    let mut cut = Cut::default();
    let mut from = batches.into_iter().cycle();
    std::iter::from_fn(move || {
        while cut.batches.is_empty() {
            if let Err(error) = cut.up_to(&from.next()?, usize::MAX) {
                return Some(Err(error));
            }
        }
        Some(Ok(cut.batches.remove(0)))
    })
}

/// A batch of one unit with one node: nothing in it takes time.
///
/// # Errors
/// As [`afresh`].
pub fn of_one_node() -> Result<Batch> {
    let mut builder = BatchBuilder::default();
    let (kind, label) = (builder.nodes.kind.key("module")?, builder.nodes.label.key("File")?);
    builder.nodes.push(NodeRow { kind, label, ..NodeRow::at(0, None, 0) });
    let units = &mut builder.units;
    let (repo, layer) = (units.repo.key("example")?, units.layer.key("ast")?);
    let extractor = units.extractor.key("upstream")?;
    let row = UnitRow { extractor, generation: Some(1), ..UnitRow::of(repo, "a", layer) };
    builder.finish_unit(row);
    Ok(builder.finish())
}

#[derive(Default)]
struct Cut {
    builder: BatchBuilder,
    batches: Vec<Batch>,
    units: usize,
}

impl Cut {
    /// Cuts a batch, until there are so many rows of all.
    fn up_to(&mut self, batch: &Batch, rows: usize) -> Result<()> {
        let all = batch.node_range();
        for start in all.clone().step_by(NODES).take_while(|start| start + NODES <= all.end) {
            if (self.units + 1).saturating_mul(NODES + EDGES) > rows {
                break;
            }
            self.unit(batch, start)?;
        }
        Ok(())
    }

    fn unit(&mut self, batch: &Batch, start: usize) -> Result<()> {
        self.nodes(batch, start)?;
        self.edges(batch)?;
        let from = batch.unit(0);
        let units = &mut self.builder.units;
        let path = format!("unit/{:08}", self.units);
        let hash = {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&(self.units as u64).to_le_bytes());
            hash
        };
        let row = UnitRow {
            language: from.language().map(|language| units.language.key(language)).transpose()?,
            content_hash: Some(&hash),
            extractor: units.extractor.key(from.extractor())?,
            generation: from.generation(),
            size_bytes: Some(1_000),
            line_count: Some(30),
            ..UnitRow::of(units.repo.key(from.repo())?, &path, units.layer.key(from.layer())?)
        };
        self.builder.finish_unit(row);
        self.units += 1;
        if self.builder.rows() >= BATCH_ROWS {
            self.finish_batch();
        }
        Ok(())
    }

    fn nodes(&mut self, batch: &Batch, start: usize) -> Result<()> {
        let from = batch.nodes();
        let nodes = &mut self.builder.nodes;
        for (ord, i) in (start..start + NODES).enumerate() {
            let (parent, last) = if ord == 0 { (None, NODES - 1) } else { (Some(0), ord) };
            let label = nodes.label.key(if ord == 0 { "File" } else { from.label.at(i) })?;
            let kind = nodes.kind.key(from.kind.at(i))?;
            let field = from.field.get(i).map(|field| nodes.field.key(field)).transpose()?;
            nodes.push(NodeRow {
                ord: ord as u32,
                parent,
                last: last as u32,
                label,
                kind,
                field,
                name: from.name.get(i),
                text: from.text.get(i),
                start_byte: from.start_byte.get(i),
                end_byte: from.end_byte.get(i),
                start_line: from.start_line.get(i),
                start_col: from.start_col.get(i),
                end_line: from.end_line.get(i),
                end_col: from.end_col.get(i),
                flags: from.flags[i],
                properties: from.properties.get(i),
            });
        }
        Ok(())
    }

    fn edges(&mut self, batch: &Batch) -> Result<()> {
        let (from, all) = (batch.symbols(), batch.symbol_range());
        let (symbols, edges) = (&mut self.builder.symbols, &mut self.builder.edges);
        let reference = edges.kind.key("REF")?;
        let near = (0..EDGES.min(all.len())).map(|at| (self.units * EDGES + at) % all.len());
        // Other units of the batch may mention the same symbol, which one unit lists once.
        let mut mentioned: Vec<usize> = near.map(|at| all.start + at).collect();
        mentioned.sort_unstable_by_key(|&i| from.symbol.at(i));
        mentioned.dedup_by_key(|i| from.symbol.at(*i));
        for (edge, i) in mentioned.into_iter().enumerate() {
            let kind = symbols.kind.key(from.kind.at(i))?;
            symbols.push(SymbolRow {
                symbol: from.symbol.at(i),
                kind,
                name: from.name.get(i),
                package: from.package.get(i),
            });
            edges.push(EdgeRow {
                src: edge as u32,
                kind: reference,
                dst_node: None,
                dst_symbol: Some(edge as u32),
                ord: 0,
                start_byte: Some(10),
                end_byte: Some(20),
                start_line: Some(1),
                start_col: Some(2),
                flags: 0,
                properties: None,
            });
        }
        Ok(())
    }

    fn finish_batch(&mut self) {
        if !self.builder.is_empty() {
            self.batches.push(self.builder.finish());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use astload_model::{Decoded, ipc};

    use super::*;

    /// The batch as somebody else would get it, who checks it.
    fn decoded(batch: &Batch) -> Decoded {
        let mut stream =
            ipc::Writer::new(Vec::new(), ipc::Compression::None).expect("a stream begins");
        stream.write(batch).expect("it is encoded");
        let bytes = stream.finish().expect("the stream ends");
        let decoded = ipc::Reader::new(bytes.as_slice()).next().expect("a batch");
        decoded.expect("it is decoded")
    }

    #[test]
    fn a_copy_has_the_same_rows_and_another_generation() {
        let mut builder = BatchBuilder::default();
        let kind = builder.nodes.kind.key("k").expect("a key");
        let label = builder.nodes.label.key("Ast").expect("a key");
        for ord in 0..NODES as u32 {
            let parent = (ord > 0).then_some(0);
            builder.nodes.push(NodeRow { kind, label, ..NodeRow::at(ord, parent, ord) });
        }
        let (repo, layer) = (builder.units.repo.key("r"), builder.units.layer.key("ast"));
        let row = UnitRow::of(repo.expect("a key"), "p", layer.expect("a key"));
        let extractor = builder.units.extractor.key("e").expect("a key");
        builder.finish_unit(UnitRow { extractor, generation: Some(1), ..row });
        let batch = builder.finish();
        let later = at_generation(&batch, &[0], 2).expect("it fits");
        assert_eq!((later.rows(), later.unit(0).generation()), (NODES, Some(2)));
        let small = of_hundred_rows(&[afresh(&batch).expect("it fits")], 1_000).expect("it fits");
        assert_eq!(small.iter().map(Batch::len).sum::<usize>(), 1);
        let problems = small.iter().flat_map(|batch| decoded(batch).problems).collect::<Vec<_>>();
        assert!(problems.is_empty(), "{problems:?}");
        let three = endless(vec![batch]).take(3).collect::<Result<Vec<_>>>().expect("they fit");
        let units: HashSet<_> = three.iter().flat_map(Batch::units).map(|unit| unit.id()).collect();
        assert_eq!(units.len(), three.iter().map(Batch::len).sum::<usize>());
    }
}

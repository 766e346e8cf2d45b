//! The rules for symbols, edges and vectors.

use std::collections::HashSet;

use super::nodes::byte_span;
use super::properties::properties;
use super::words::WordRules;
use super::{Checked, at, known_flags, limited, name, shorten};
use crate::limits;
use crate::schema::{EDGE_FLAGS, Edges, UNNUMBERED};
use crate::unit::Unit;

pub(super) fn symbols(unit: &Unit<'_>, words: &WordRules) -> Checked {
    let symbols = unit.symbol_view();
    let mut keys = HashSet::with_capacity(unit.symbols().len());
    for (position, i) in unit.symbols().enumerate() {
        let here = |rule: String| at("symbols", position, rule);
        let key = symbols.symbol.at(i);
        name("symbol", key, limits::SYMBOL_MAX).or_else(here)?;
        if !keys.insert(key) {
            return here(format!("symbol: `{}` is in the list already", shorten(key)));
        }
        words.symbol_kind.check(&symbols.kind, i).or_else(here)?;
        for (column, texts) in [("name", symbols.name), ("package", symbols.package)] {
            if let Some(text) = texts.get(i) {
                limited(column, text, limits::NAME_MAX).or_else(here)?;
            }
        }
    }
    Ok(())
}

pub(super) fn edges(unit: &Unit<'_>, words: &WordRules) -> Checked {
    let edges = unit.edge_view();
    let ords = &unit.node_view().ord[unit.nodes()];
    let symbols = unit.symbols().len();
    for (position, i) in unit.edges().enumerate() {
        let here = |rule: String| at("edges", position, rule);
        ends(&edges, i, ords, symbols).or_else(here)?;
        words.edge_kind.check(&edges.kind, i).or_else(here)?;
        if edges.ord[i] == UNNUMBERED {
            return here("ord: is absent; number all edges of a unit or none".into());
        }
        byte_span(&edges.start_byte, &edges.end_byte, i).or_else(here)?;
        known_flags(edges.flags[i], &EDGE_FLAGS).or_else(here)?;
        edges.properties.get(i).map_or(Ok(()), properties).or_else(here)?;
    }
    distinct_edges(unit, &edges)
}

fn ends(edges: &Edges<'_>, i: usize, ords: &[u32], symbols: usize) -> Result<(), String> {
    let is_node = |column: &str, ord: u32| match has_node(ords, ord) {
        true => Ok(()),
        false => Err(format!("{column}: {ord} is no node of the unit")),
    };
    is_node("src", edges.src[i])?;
    match (edges.dst_node.get(i), edges.dst_symbol.get(i)) {
        (Some(node), None) => is_node("dst_node", node),
        (None, Some(symbol)) if symbol as usize >= symbols => {
            Err(format!("dst_symbol: {symbol} is past the unit's {symbols} symbols"))
        }
        (None, Some(_)) => Ok(()),
        (None, None) => Err("dst_node, dst_symbol: both are absent; an edge has one end".into()),
        (Some(_), Some(_)) => {
            Err("dst_node, dst_symbol: both are given; an edge has one end".into())
        }
    }
}

/// No two edges share source, kind, end and ord: that is their key in a store.
fn distinct_edges(unit: &Unit<'_>, edges: &Edges<'_>) -> Checked {
    let key = |i: usize| {
        let end = (edges.dst_node.get(i), edges.dst_symbol.get(i));
        (edges.src[i], edges.kind.keys[i], end, edges.ord[i])
    };
    let range = unit.edges();
    let ascending = range.clone().zip(range.clone().skip(1)).all(|(a, b)| key(a) < key(b));
    if ascending {
        return Ok(());
    }
    let mut sorted: Vec<usize> = range.clone().collect();
    sorted.sort_unstable_by_key(|&i| (key(i), i));
    let twice = sorted.windows(2).filter(|pair| key(pair[0]) == key(pair[1]));
    match twice.map(|pair| (pair[1], pair[0])).min() {
        None => Ok(()),
        Some((again, first)) => {
            let rule = format!(
                "ord: edges[{}] has the same src, kind, end and ord {}",
                first - range.start,
                edges.ord[first]
            );
            at("edges", again - range.start, rule)
        }
    }
}

pub(super) fn vectors(unit: &Unit<'_>, words: &WordRules) -> Checked {
    let vectors = unit.vector_view();
    let ords = &unit.node_view().ord[unit.nodes()];
    let mut seen = HashSet::new();
    for (position, i) in unit.vectors().enumerate() {
        let here = |rule: String| at("vectors", position, rule);
        let (node, numbers) = (vectors.node[i], vectors.vector.at(i));
        if !has_node(ords, node) {
            return here(format!("node: {node} is no node of the unit"));
        }
        words.vector_model.check(&vectors.model, i).or_else(here)?;
        if numbers.is_empty() || numbers.len() > limits::VECTOR_MAX {
            let (len, max) = (numbers.len(), limits::VECTOR_MAX);
            return here(format!("vector: has {len} numbers, not 1 to {max}"));
        }
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            return here(format!("vector: number {at} is not finite"));
        }
        if !seen.insert((node, vectors.model.keys[i])) {
            return here(format!("node: {node} has a vector of this model already"));
        }
    }
    Ok(())
}

/// Whether a unit has the node; `ords` ascend, and mostly without gaps.
fn has_node(ords: &[u32], ord: u32) -> bool {
    ords.get(ord as usize) == Some(&ord) || ords.binary_search(&ord).is_ok()
}

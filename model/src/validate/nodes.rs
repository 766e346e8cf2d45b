//! The rules for nodes.

use std::ops::Range;

use super::properties::properties;
use super::words::WordRules;
use super::{Checked, at, broken, known_flags, limited, without_nul};
use crate::column::Numbers;
use crate::limits;
use crate::schema::{NODE_FLAGS, Nodes, ROOT_LABEL, UNNUMBERED};
use crate::unit::Unit;

const LIST: &str = "nodes";

/// `parent < ord ≤ last`, ascending, properly nested: one walk with the open ancestors on a stack.
pub(super) fn tree(unit: &Unit<'_>) -> Checked {
    let (range, nodes) = (unit.nodes(), unit.node_view());
    if range.is_empty() {
        return broken("nodes: there is none, not even a root");
    }
    let (ords, lasts) = (&nodes.ord[range.clone()], &nodes.last[range.clone()]);
    if let Some(position) = ords.iter().position(|&ord| ord == UNNUMBERED) {
        return at(LIST, position, "ord: is absent; number all nodes of a unit or none");
    }
    if ords[0] != 0 || nodes.parent.get(range.start).is_some() || lasts[0] == UNNUMBERED {
        return at(LIST, 0, misplaced(unit, 0, None));
    }
    // All but the root have a parent, or else it is looked for where it is missing.
    let parents = nodes.parent.all(range.start + 1..range.end);
    let parent = |position: usize| match parents {
        Some(parents) => Some(parents[position - 1]),
        None => nodes.parent.get(range.start + position),
    };
    // The innermost open node and those above it, ord and last of each. A leaf is never opened.
    let (mut open, mut above) = ((0, lasts[0]), Vec::new());
    for position in 1..ords.len() {
        let (ord, last) = (ords[position], lasts[position]);
        while open.1 < ord {
            let Some(outer) = above.pop() else {
                return at(LIST, position, misplaced(unit, position, None));
            };
            open = outer;
        }
        let nests = parent(position) == Some(open.0) && last <= open.1;
        if !nests || ord <= ords[position - 1] || last < ord || last == UNNUMBERED {
            return at(LIST, position, misplaced(unit, position, Some(open)));
        }
        if above.len() + 2 > limits::TREE_DEPTH_MAX {
            return at(
                LIST,
                position,
                format!("lies deeper than {} nodes", limits::TREE_DEPTH_MAX),
            );
        }
        if last > ord {
            above.push(std::mem::replace(&mut open, (ord, last)));
        }
    }
    Ok(())
}

/// What is wrong with the place of a node, of which it is known that something is.
fn misplaced(unit: &Unit<'_>, position: usize, inner: Option<(u32, u32)>) -> String {
    let (i, nodes) = (unit.nodes().start + position, unit.node_view());
    let (ord, last, parent) = (nodes.ord[i], nodes.last[i], nodes.parent.get(i));
    if position == 0 && (ord != 0 || parent.is_some()) {
        return "ord, parent: the first node is the root, with ord 0 and no parent".into();
    }
    if position > 0 && ord <= nodes.ord[i - 1] {
        return format!("ord: {ord} does not ascend, {} is before it", nodes.ord[i - 1]);
    }
    match (inner, parent) {
        (_, None) if position > 0 => "parent: is absent; only the root has none".into(),
        (_, Some(parent)) if parent >= ord => format!("parent: {parent} is not before ord {ord}"),
        _ if last == UNNUMBERED => {
            "last: is absent; give it for all nodes of a unit or none".into()
        }
        _ if last < ord => format!("last: {last} is before ord {ord}"),
        (Some((open, end)), Some(parent)) if parent == open => {
            format!("last: {last} is past the parent's, which is {end}")
        }
        (Some((open, _)), Some(parent)) => format!(
            "parent: {parent} is not {open}, the innermost node that is open here; \
             nodes are in pre-order"
        ),
        (None, _) | (_, None) => format!("ord: {ord} is past the root's last"),
    }
}

pub(super) fn columns(unit: &Unit<'_>, words: &WordRules) -> Checked {
    let (range, nodes) = (unit.nodes(), unit.node_view());
    if nodes.label.at(range.start) != ROOT_LABEL {
        let label = super::shorten(nodes.label.at(range.start));
        return at(LIST, 0, format!("label: the root is a {ROOT_LABEL}, not a `{label}`"));
    }
    if has_no_fault(&nodes, range.clone(), words) {
        return Ok(());
    }
    let has_properties = nodes.properties.any(range.clone());
    for (position, i) in range.enumerate() {
        let here = |rule: String| at(LIST, position, rule);
        words.label.check(&nodes.label, i).or_else(here)?;
        words.node_kind.check(&nodes.kind, i).or_else(here)?;
        words.field.check(&nodes.field, i).or_else(here)?;
        if let Some(text) = nodes.name.get(i) {
            limited("name", text, limits::NAME_MAX).or_else(here)?;
        }
        if let Some(text) = nodes.text.get(i) {
            without_nul("text", text).or_else(here)?;
        }
        spans(&nodes, i).or_else(here)?;
        known_flags(nodes.flags[i], &NODE_FLAGS).or_else(here)?;
        if has_properties && let Some(json) = nodes.properties.get(i) {
            properties(json).or_else(here)?;
        }
    }
    Ok(())
}

/// Whether the columns keep all rules, seen at once: a column at a time is five times as quick as
/// a row at a time. Where it says no, the rows are looked at for what it was, if anything.
fn has_no_fault(nodes: &Nodes<'_>, rows: Range<usize>, words: &WordRules) -> bool {
    let flags = nodes.flags[rows.clone()].iter().fold(0, |all, flags| all | flags);
    words.label.holds(&nodes.label, rows.clone())
        && words.node_kind.holds(&nodes.kind, rows.clone())
        && words.field.holds(&nodes.field, rows.clone())
        && nodes.name.fit(rows.clone(), limits::NAME_MAX)
        && nodes.text.fit(rows.clone(), usize::MAX)
        && known_flags(flags, &NODE_FLAGS).is_ok()
        && !nodes.properties.any(rows.clone())
        && have_ordered_spans(nodes, rows)
}

fn have_ordered_spans(nodes: &Nodes<'_>, rows: Range<usize>) -> bool {
    let bytes = nodes.start_byte.all(rows.clone()).zip(nodes.end_byte.all(rows.clone()));
    let lines = nodes.start_line.all(rows.clone()).zip(nodes.end_line.all(rows.clone()));
    let columns = nodes.start_col.all(rows.clone()).zip(nodes.end_col.all(rows.clone()));
    let (Some(bytes), Some(lines), Some(columns)) = (bytes, lines, columns) else {
        return rows.clone().all(|i| spans(nodes, i).is_ok());
    };
    // Without early exits, so that it compiles to vector instructions.
    let zipped = bytes.0.iter().zip(bytes.1);
    let ordered = zipped.fold(true, |ordered, (start, end)| ordered & (start <= end));
    let lines = lines.0.iter().zip(lines.1);
    let columns = columns.0.iter().zip(columns.1);
    lines.zip(columns).fold(ordered, |ordered, ((start, end), (first, last))| {
        ordered & ((start < end) | ((start == end) & (first <= last)))
    })
}

fn spans(nodes: &Nodes<'_>, i: usize) -> Result<(), String> {
    byte_span(&nodes.start_byte, &nodes.end_byte, i)?;
    // A line without an end, or without columns, is what many tools have.
    let (Some(start), Some(end)) = (nodes.start_line.get(i), nodes.end_line.get(i)) else {
        return Ok(());
    };
    if start > end {
        return Err(format!("end_line: {end} is before start_line {start}"));
    }
    match (nodes.start_col.get(i), nodes.end_col.get(i)) {
        (Some(first), Some(last)) if start == end && first > last => {
            Err(format!("end_col: {last} is before start_col {first} of the same line"))
        }
        _ => Ok(()),
    }
}

/// Half-open, so both ends or neither.
pub(super) fn byte_span(
    start: &Numbers<'_, u32>,
    end: &Numbers<'_, u32>,
    i: usize,
) -> Result<(), String> {
    match (start.get(i), end.get(i)) {
        (None, None) => Ok(()),
        (Some(start), Some(end)) if start <= end => Ok(()),
        (Some(start), Some(end)) => Err(format!("end_byte: {end} is before start_byte {start}")),
        (Some(_), None) => Err("end_byte: is absent, though start_byte is given".into()),
        (None, Some(_)) => Err("start_byte: is absent, though end_byte is given".into()),
    }
}

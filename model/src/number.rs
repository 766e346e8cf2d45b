//! Computes what upstream may leave to us: `ord` and `last` of nodes, the label of the root, `ord`
//! of edges.

use std::collections::HashMap;
use std::ops::Range;

use crate::batch::Children;
use crate::column::{Column, NumberColumn};
use crate::schema::{DEFAULT_LABEL, EdgeColumns, NodeColumns, ROOT_LABEL, UNNUMBERED};

/// The nodes with everything that was left to us. What is inconsistent stays as it is, for the
/// validation to name.
pub(crate) fn number_nodes(nodes: Children<NodeColumns>) -> Children<NodeColumns> {
    let nodes = label_roots(nodes);
    let view = nodes.columns.view();
    if !view.ord.contains(&UNNUMBERED) && !view.last.contains(&UNNUMBERED) {
        return nodes;
    }
    let (mut ords, mut lasts) = (view.ord.to_vec(), view.last.to_vec());
    for rows in nodes.units() {
        let (ords, lasts) = (&mut ords[rows.clone()], &mut lasts[rows.clone()]);
        if ords.iter().all(|&ord| ord == UNNUMBERED) {
            ords.iter_mut().zip(0..).for_each(|(ord, position)| *ord = position);
        }
        if lasts.iter().all(|&last| last == UNNUMBERED) && ords.is_sorted() {
            lasts.copy_from_slice(ords);
            for child in (0..ords.len()).rev() {
                let parent = view.parent.get(rows.start + child);
                let parent = parent.and_then(|parent| ords.binary_search(&parent).ok());
                if let Some(parent) = parent.filter(|&parent| parent < child) {
                    lasts[parent] = lasts[parent].max(lasts[child]);
                }
            }
        }
    }
    let (ord, last) = (NumberColumn::of(ords), NumberColumn::of(lasts));
    let columns = NodeColumns { ord, last, ..nodes.columns.clone() };
    Children { columns, ..nodes }
}

/// The root is a File even where everything is labelled by default.
fn label_roots(nodes: Children<NodeColumns>) -> Children<NodeColumns> {
    let labels = nodes.columns.label.view();
    let roots = nodes.units().filter(|rows| !rows.is_empty()).map(|rows| rows.start);
    let unlabelled: Vec<usize> = roots.filter(|&root| labels.at(root) == DEFAULT_LABEL).collect();
    if unlabelled.is_empty() {
        return nodes;
    }
    match nodes.columns.label.with_word(&unlabelled, ROOT_LABEL) {
        Ok(label) => Children { columns: NodeColumns { label, ..nodes.columns.clone() }, ..nodes },
        // Of 65,536 labels most are wrong anyway.
        Err(_) => nodes,
    }
}

/// The edges, those that share source, kind and end numbered in units that left it to us.
pub(crate) fn number_edges(edges: Children<EdgeColumns>) -> Children<EdgeColumns> {
    let view = edges.columns.view();
    if !view.ord.contains(&UNNUMBERED) {
        return edges;
    }
    let mut ords = view.ord.to_vec();
    for rows in edges.units() {
        if ords[rows.clone()].iter().all(|&ord| ord == UNNUMBERED) {
            let mut seen: HashMap<_, u32> = HashMap::with_capacity(rows.len());
            for i in rows {
                let end = (view.dst_node.get(i), view.dst_symbol.get(i));
                let next = seen.entry((view.src[i], view.kind.key(i), end)).or_default();
                ords[i] = *next;
                *next += 1;
            }
        }
    }
    let columns = EdgeColumns { ord: NumberColumn::of(ords), ..edges.columns.clone() };
    Children { columns, ..edges }
}

impl<C> Children<C> {
    fn units(&self) -> impl Iterator<Item = Range<usize>> {
        self.offsets.windows(2).map(|pair| pair[0] as usize..pair[1] as usize)
    }
}

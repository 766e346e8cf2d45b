//! Computes what upstream may leave to us: `ord` and `last` of nodes, `ord` of edges.

use std::collections::HashMap;

use crate::batch::{Batch, Children, Tables};
use crate::column::{ColumnBuilder, NumberColumn, NumbersBuilder};
use crate::schema::{EdgeColumns, NodeColumns, Table, UNNUMBERED};

/// The batch with everything numbered that was left to us.
pub(crate) fn number(batch: Batch) -> Batch {
    let (tables, rows) = (batch.tables(), batch.row_range());
    debug_assert_eq!(rows, 0..tables.units.len(), "numbered before it is sliced");
    if !tables.nodes.columns.is_unnumbered() && !tables.edges.columns.is_unnumbered() {
        return batch;
    }
    let nodes = number_nodes(tables.nodes.clone());
    let edges = number_edges(tables.edges.clone());
    let (symbols, vectors) = (tables.symbols.clone(), tables.vectors.clone());
    Batch::new(Tables::new(tables.units.clone(), nodes, symbols, edges, vectors))
}

impl NodeColumns {
    fn is_unnumbered(&self) -> bool {
        self.view().ord.contains(&UNNUMBERED) || self.view().last.contains(&UNNUMBERED)
    }
}

impl EdgeColumns {
    fn is_unnumbered(&self) -> bool {
        self.view().ord.contains(&UNNUMBERED)
    }
}

/// Numbers the nodes of units that left `ord` or `last` to us. What is inconsistent stays
/// unnumbered, for the validation to name.
fn number_nodes(mut nodes: Children<NodeColumns>) -> Children<NodeColumns> {
    let view = nodes.columns.view();
    let (mut ords, mut lasts) = (view.ord.to_vec(), view.last.to_vec());
    for pair in nodes.offsets.windows(2) {
        let range = pair[0] as usize..pair[1] as usize;
        let ords = &mut ords[range.clone()];
        if ords.iter().all(|&ord| ord == UNNUMBERED) {
            ords.iter_mut().zip(0..).for_each(|(ord, position)| *ord = position);
        }
        let lasts = &mut lasts[range.clone()];
        if lasts.iter().all(|&last| last == UNNUMBERED) && ords.is_sorted() {
            lasts.copy_from_slice(ords);
            for child in (0..ords.len()).rev() {
                let parent = view.parent.get(range.start + child);
                let parent = parent.and_then(|parent| ords.binary_search(&parent).ok());
                if let Some(parent) = parent.filter(|&parent| parent < child) {
                    lasts[parent] = lasts[parent].max(lasts[child]);
                }
            }
        }
    }
    (nodes.columns.ord, nodes.columns.last) = (numbers(ords), numbers(lasts));
    nodes
}

/// Numbers the edges that share source, kind and end, in units that left it to us.
fn number_edges(mut edges: Children<EdgeColumns>) -> Children<EdgeColumns> {
    let view = edges.columns.view();
    let mut ords = view.ord.to_vec();
    for pair in edges.offsets.windows(2) {
        let range = pair[0] as usize..pair[1] as usize;
        if ords[range.clone()].iter().all(|&ord| ord == UNNUMBERED) {
            let mut seen: HashMap<_, u32> = HashMap::with_capacity(range.len());
            for i in range {
                let end = (view.dst_node.get(i), view.dst_symbol.get(i));
                let next = seen.entry((view.src[i], view.kind.key(i), end)).or_default();
                ords[i] = *next;
                *next += 1;
            }
        }
    }
    edges.columns.ord = numbers(ords);
    edges
}

fn numbers(values: Vec<u32>) -> NumberColumn<u32> {
    let mut builder = NumbersBuilder::default();
    values.into_iter().for_each(|value| builder.push(Some(value)));
    builder.finish()
}

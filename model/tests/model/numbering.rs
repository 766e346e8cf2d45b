//! What upstream may leave to us is computed, and computed alike for both codecs.

use arrow_array::ArrayRef;
use astload_fixtures::units::{UnitValue, any_unit, batch_of, units_of};
use astload_model::Intake;
use proptest::prelude::*;

use crate::codecs::{Read, read_ndjson, write_ndjson};
use crate::records::{lists, node_columns, numbers, one_unit, record, structs, text};

proptest! {
    #[test]
    fn lasts_that_are_absent_are_those_of_the_last_descendants(unit in any_unit()) {
        prop_assume!(unit.op == 0);
        let unit = without_properties(unit);
        let mut unnumbered = unit.clone();
        unnumbered.nodes.iter_mut().for_each(|node| node.last = u32::MAX);
        let lines = without(write_ndjson(&batch_of(&[unnumbered])), "last");
        let mut expected = unit;
        for at in 0..expected.nodes.len() {
            let ord = expected.nodes[at].ord;
            let descends = |other: &u32| is_below(&expected, *other, ord);
            let last = expected.nodes.iter().map(|node| node.ord).filter(descends).max();
            expected.nodes[at].last = last.unwrap_or(ord);
        }
        prop_assert_eq!(read_ndjson(lines), Read::good(&[expected]));
    }

    #[test]
    fn edges_without_ord_are_numbered_in_order(unit in any_unit()) {
        let lines = write_ndjson(&batch_of(&[without_properties(unit)]));
        let mut line: serde_json::Value = serde_json::from_str(&lines).expect("JSON");
        for edge in line.get_mut("edges").and_then(|list| list.as_array_mut()).into_iter().flatten() {
            edge.as_object_mut().expect("an edge").remove("ord");
        }
        let expected = read_ndjson(&lines);
        prop_assert_eq!(read_ndjson(line.to_string()), expected);
    }
}

/// Serde's values would not leave them as they are.
fn without_properties(mut unit: UnitValue) -> UnitValue {
    unit.drop_properties();
    unit
}

/// Whether a node is `ord` or below it.
fn is_below(unit: &UnitValue, node: u32, ord: u32) -> bool {
    let mut at = Some(node);
    while let Some(node) = at {
        if node == ord {
            return true;
        }
        let found = unit.nodes.iter().find(|other| other.ord == node).expect("a parent");
        at = found.parent;
    }
    false
}

/// The line, with a field left out of all its nodes.
fn without(line: String, field: &str) -> String {
    let mut line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    for node in line["nodes"].as_array_mut().expect("nodes") {
        node.as_object_mut().expect("a node").remove(field);
    }
    line.to_string()
}

#[test]
fn nodes_without_ord_are_numbered_by_position() {
    let line = r#"{"repo":"r","path":"p","nodes":[{"kind":"m"},{"kind":"f","parent":0}]}"#;
    let read = read_ndjson(line);
    let ords: Vec<_> = read.units[0].nodes.iter().map(|node| (node.ord, node.last)).collect();
    assert_eq!((read.problems, ords), (vec![], vec![(0, 1), (1, 1)]));
}

#[test]
fn the_first_node_is_a_file_and_the_others_are_ast_by_default() {
    let line = r#"{"repo":"r","path":"p","nodes":[{"kind":"m"},{"kind":"f","parent":0}]}"#;
    let read = read_ndjson(line);
    let labels: Vec<_> = read.units[0].nodes.iter().map(|node| node.label.as_str()).collect();
    assert_eq!(labels, ["File", "Ast"]);
}

#[test]
fn units_are_numbered_each_for_itself() {
    let nodes = structs(vec![
        ("ord", numbers(&[None, None, Some(0), Some(7)])),
        ("kind", text(&["m", "f", "m", "f"])),
        ("parent", numbers(&[None, Some(0), None, Some(0)])),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("repo", text(&["example"; 2])),
        ("path", text(&["a.py", "b.py"])),
        ("nodes", lists(&[2, 2], nodes)),
    ];
    let intake = Intake::from_record(&record(columns)).expect("the schema fits");
    assert_eq!(intake.refusals, []);
    let ords: Vec<Vec<_>> = units_of(&intake.batch)
        .iter()
        .map(|unit| unit.nodes.iter().map(|node| (node.ord, node.last)).collect())
        .collect();
    assert_eq!(ords, [[(0, 1), (1, 1)], [(0, 7), (7, 7)]]);
}

#[test]
fn a_unit_of_which_some_nodes_are_numbered_is_refused() {
    let ords = numbers(&[Some(0), None, Some(2), None]);
    let mut columns = node_columns();
    columns.push(("ord", ords));
    let intake = Intake::from_record(&record(one_unit(columns))).expect("the schema fits");
    let refusals: Vec<_> = intake.refusals.iter().map(|(_, refusal)| refusal.to_string()).collect();
    assert_eq!(
        refusals,
        ["unit example:a.py: nodes[1]: ord: is absent; number all nodes of a unit or none"]
    );
}

#[test]
fn a_unit_of_which_some_edges_are_numbered_is_refused() {
    let line = r#"{"repo":"r","path":"p","nodes":[{"kind":"m"}],"edges":[
        {"src":0,"kind":"CFG","dst_node":0,"ord":0},{"src":0,"kind":"CFG","dst_node":0}]}"#;
    let problems = read_ndjson(line.replace('\n', " ")).problems;
    assert_eq!(
        problems,
        ["line 1: unit r:p: edges[1]: ord: is absent; number all edges of a unit or none"]
    );
}

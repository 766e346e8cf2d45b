//! What is particular about lines: nesting, the order of fields, words in place of numbers.

use astload_fixtures::units::{NodeValue, UnitValue, any_units, batch_of, tree};
use astload_model::ndjson;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::codecs::{Read, read_ndjson, write_ndjson};

fn lines(units: &[UnitValue]) -> Vec<Map<String, Value>> {
    let text = write_ndjson(&batch_of(units));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn text(lines: Vec<Map<String, Value>>) -> String {
    lines.into_iter().map(|line| format!("{}\n", Value::Object(line))).collect()
}

/// Hangs the nodes of a flat line below each other.
fn nest(line: &mut Map<String, Value>) {
    let Some(Value::Array(flat)) = line.remove("nodes") else { return };
    let mut open: Vec<(u64, Map<String, Value>)> = Vec::new();
    let close = |open: &mut Vec<(u64, Map<String, Value>)>| {
        let (_, node) = open.pop().expect("a node is open");
        let (_, parent) = open.last_mut().expect("not the root");
        let children = parent.entry("children").or_insert_with(|| json!([]));
        children.as_array_mut().expect("a list").push(Value::Object(node));
    };
    for node in flat {
        let Value::Object(mut node) = node else { panic!("a node is an object") };
        let ord = node.remove("ord").and_then(|ord| ord.as_u64()).expect("an ord");
        let parent = node.remove("parent").and_then(|parent| parent.as_u64());
        node.remove("last");
        while open.last().is_some_and(|(ord, _)| Some(*ord) != parent) {
            close(&mut open);
        }
        open.push((ord, node));
    }
    while open.len() > 1 {
        close(&mut open);
    }
    let (_, root) = open.pop().expect("a root");
    line.insert("nodes".into(), json!([root]));
}

/// The unit with its nodes numbered without gaps, as nesting numbers them.
///
/// And without properties, which serde's values would not leave as they are.
fn dense(mut unit: UnitValue) -> UnitValue {
    unit.drop_properties();
    let ords: Vec<u32> = unit.nodes.iter().map(|node| node.ord).collect();
    let rank = |ord: u32| ords.partition_point(|&other| other < ord) as u32;
    let last = |last: u32| ords.partition_point(|&other| other <= last) as u32 - 1;
    for node in &mut unit.nodes {
        let NodeValue { ord, parent, last: end, .. } = node;
        (*ord, *parent, *end) = (rank(*ord), parent.map(rank), last(*end));
    }
    for edge in &mut unit.edges {
        (edge.src, edge.dst_node) = (rank(edge.src), edge.dst_node.map(rank));
    }
    for vector in &mut unit.vectors {
        vector.node = rank(vector.node);
    }
    unit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nested_and_flat_nodes_are_the_same_unit(units in any_units()) {
        let units: Vec<UnitValue> = units.into_iter().map(dense).collect();
        let mut nested = lines(&units);
        nested.iter_mut().for_each(nest);
        prop_assert_eq!(read_ndjson(text(nested)), Read::good(&units));
    }

    #[test]
    fn the_order_of_fields_is_free(units in any_units(), nested in any::<bool>()) {
        let units: Vec<UnitValue> = units.into_iter().map(dense).collect();
        let mut lines = lines(&units);
        if nested {
            lines.iter_mut().for_each(nest);
        }
        let written: Vec<String> = lines.iter().map(|line| backwards(&json!(line))).collect();
        prop_assert_eq!(read_ndjson(written.join("\n")), Read::good(&units));
    }
}

/// JSON with the fields of every object in the opposite order.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().rev();
            let fields =
                fields.map(|(name, value)| format!("{}:{}", json!(name), backwards(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(backwards).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn one(line: &str) -> UnitValue {
    let mut read = read_ndjson(line);
    assert_eq!((read.problems.len(), &read.error), (0, &None), "{:?}", read.problems);
    read.units.pop().expect("a unit")
}

#[test]
fn fields_of_a_node_may_follow_its_children() {
    let line = r#"{"nodes":[{"children":[{"children":[{"kind":"c"}],"kind":"b","name":"n"},
        {"kind":"d"}],"label":"File","kind":"a"}],"path":"p","repo":"example"}"#;
    let unit = one(&line.replace('\n', " "));
    assert_eq!(unit, UnitValue::new("p", tree("a(b:n(c) d)")));
}

#[test]
fn a_nested_root_may_say_its_ord_before_and_after_its_children() {
    for root in [
        r#"{"ord":0,"parent":null,"kind":"m","children":[{"kind":"f"}]}"#,
        r#"{"kind":"m","children":[{"kind":"f","ord":null}],"ord":0,"last":null}"#,
    ] {
        let line = format!(r#"{{"repo":"example","path":"p","nodes":[{root}]}}"#);
        assert_eq!(one(&line), UnitValue::new("p", tree("m(f)")));
    }
}

#[test]
fn empty_and_null_children_are_none() {
    let line = r#"{"repo":"example","path":"p","nodes":[{"kind":"m","children":[{"kind":"f","children":null},{"kind":"g","children":[]}]}]}"#;
    assert_eq!(one(line), UnitValue::new("p", tree("m(f g)")));
}

#[test]
fn words_stand_for_numbers_and_flags() {
    let line = r#"{"repo":"example","path":"p","op":"replace","position_encoding":"utf-16",
        "flags":["has_error","truncated"],"nodes":[{"kind":"m","flags":["named"]}],
        "edges":[{"src":0,"kind":"CFG","dst_node":0,"flags":["forward"]}]}"#;
    let unit = one(&line.replace('\n', " "));
    assert_eq!((unit.position_encoding, unit.flags), (1, 0b1_0001));
    assert_eq!((unit.nodes[0].flags, unit.edges[0].flags), (1, 0b100_0000));
    let line = r#"{"repo":"example","path":"p","op":"delete"}"#;
    assert_eq!(one(line), UnitValue::delete("p"));
}

#[test]
fn an_edge_names_its_symbol_by_key() {
    let line = r#"{"repo":"example","path":"p","edges":[
        {"src":0,"kind":"REF","symbol":"new"},{"src":0,"kind":"REF","symbol":"known"},
        {"src":0,"kind":"CALL","symbol":"new"},{"src":0,"kind":"CFG","symbol":null,"dst_node":0}],
        "symbols":[{"symbol":"other"},{"symbol":"known","kind":"type"}],"nodes":[{"kind":"m"}]}"#;
    let unit = one(&line.replace('\n', " "));
    let keys: Vec<_> = unit.symbols.iter().map(|symbol| symbol.symbol.as_str()).collect();
    assert_eq!(keys, ["other", "known", "new"]);
    let ends: Vec<_> = unit.edges.iter().map(|edge| edge.dst_symbol).collect();
    assert_eq!(ends, [Some(2), Some(1), Some(2), None]);
}

#[test]
fn crlf_empty_lines_and_a_byte_order_mark_are_taken() {
    let text = "\u{feff}{\"repo\":\"r\",\"path\":\"a\",\"op\":1}\r\n\r\n  \n{\"repo\":\"r\",\"path\":\"b\",\"op\":1}\r\n";
    let read = read_ndjson(text);
    let paths: Vec<_> = read.units.iter().map(|unit| unit.path.as_str()).collect();
    assert_eq!((read.problems, paths), (vec![], vec!["a", "b"]));
}

#[test]
fn versions_of_a_unit_come_in_batches_of_their_own_in_order() {
    let unit = |lines: u32| UnitValue { line_count: Some(lines), ..UnitValue::sample("a.py") };
    let other = UnitValue::sample("b.py");
    let units = [unit(1), other.clone(), unit(2), unit(3)];
    let text: String =
        units.iter().map(|unit| write_ndjson(&batch_of(std::slice::from_ref(unit)))).collect();
    let batches: Vec<usize> = ndjson::Reader::new(text.as_bytes())
        .map(|decoded| decoded.expect("is read").batch.len())
        .collect();
    assert_eq!(batches, [2, 1, 1]);
    assert_eq!(read_ndjson(text), Read::good(&units));
}

#[test]
fn a_unit_that_finds_no_keys_left_opens_the_next_batch() {
    // Two units of 40,000 kinds each fit two batches, and not one; few enough rows to be together.
    let unit = |path: &str, prefix: &str, kinds: u32| {
        let mut nodes = String::from(r#"{"kind":"m"}"#);
        (0..kinds).for_each(|kind| nodes += &format!(r#",{{"kind":"{prefix}{kind}","parent":0}}"#));
        format!("{{\"repo\":\"r\",\"path\":\"{path}\",\"nodes\":[{nodes}]}}\n")
    };
    let text = format!("{}{}", unit("a", "a", 30_000), unit("b", "b", 40_000));
    let mut sizes = Vec::new();
    for decoded in ndjson::Reader::new(text.as_bytes()) {
        let decoded = decoded.expect("is read");
        assert_eq!(decoded.problems, []);
        sizes.push(decoded.batch.rows());
    }
    assert_eq!(sizes, [30_001, 40_001]);
}

#[test]
fn problems_are_delivered_before_they_pile_up() {
    let text = "broken\n".repeat(5_000);
    let problems: Vec<usize> = ndjson::Reader::new(text.as_bytes())
        .map(|decoded| decoded.expect("is read").problems.len())
        .collect();
    assert_eq!(problems.iter().sum::<usize>(), 5_000);
    assert!(problems.iter().all(|&problems| problems <= 1024), "{problems:?}");
}

#[test]
fn properties_of_several_lines_are_written_on_one() {
    let unit = UnitValue { properties: Some("{\n\"a\":1\n}".into()), ..UnitValue::sample("a.py") };
    let text = write_ndjson(&batch_of(std::slice::from_ref(&unit)));
    assert_eq!(text.lines().count(), 1);
    let expected = UnitValue { properties: Some("{ \"a\":1 }".into()), ..unit };
    assert_eq!(read_ndjson(text), Read::good(&[expected]));
}

#[test]
fn the_lines_of_the_documentation_are_read() {
    let documentation = include_str!("../../src/codec/ndjson/mod.rs");
    let lines = documentation.lines().filter_map(|line| line.strip_prefix("//! {"));
    let lines: Vec<String> = lines.map(|line| format!("{{{line}")).collect();
    let read = read_ndjson(lines.join("\n"));
    assert_eq!((read.problems, read.units.len()), (vec![], 3));
}

#[test]
fn names_of_fields_may_be_written_with_escapes() {
    let line = r#"{"rep\u006f":"example","path":"p","nodes":[{"\u006bind":"m"}]}"#;
    assert_eq!(one(line), UnitValue::new("p", tree("m")));
}

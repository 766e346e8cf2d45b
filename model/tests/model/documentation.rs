//! `docs/units.md` says what is true of the schema.

use arrow_schema::{DataType, Fields};
use astload_model::{EDGE_FLAGS, LABELS, NODE_FLAGS, OPS, POSITION_ENCODINGS, UNIT_FLAGS, schema};

const PAGE: &str = include_str!("../../../docs/units.md");

/// The part of the page below a heading.
fn part(heading: &str) -> &'static str {
    let (_, part) = PAGE.split_once(&format!("\n## {heading}\n")).expect("a heading");
    part.split("\n## ").next().unwrap_or_default()
}

/// The columns that a part describes, in their rows.
fn described(heading: &str) -> Vec<&'static str> {
    let rows = part(heading).lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split(" |").next().unwrap_or_default());
    cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`')).collect()
}

fn names(fields: &Fields) -> Vec<&str> {
    fields.iter().map(|field| field.name().as_str()).collect()
}

fn is_described(heading: &str, fields: &Fields) {
    let (mut known, mut described) = (names(fields), described(heading));
    known.sort_unstable();
    described.sort_unstable();
    assert_eq!(described, known, "{heading}");
}

#[test]
fn every_column_is_described_and_no_other() {
    let schema = schema();
    is_described("Unit", schema.fields());
    for (list, heading) in
        [("nodes", "Nodes"), ("symbols", "Symbols"), ("edges", "Edges"), ("vectors", "Vectors")]
    {
        let field = schema.field_with_name(list).expect("a list");
        let DataType::List(item) = field.data_type() else { panic!("{list} is no list") };
        let DataType::Struct(fields) = item.data_type() else { panic!("{list} is of no structs") };
        is_described(heading, fields);
    }
}

#[test]
fn every_word_of_a_closed_list_is_named_in_its_order() {
    for (heading, words) in [
        ("Unit", UNIT_FLAGS.join(", ")),
        ("Unit", OPS.map(|op| format!("`\"{op}\"`")).join(" and ")),
        ("Unit", POSITION_ENCODINGS.map(|encoding| format!("`\"{encoding}\"`")).join(", ")),
        ("Nodes", NODE_FLAGS.join(", ")),
        ("Nodes", LABELS.join(", ")),
        ("Edges", EDGE_FLAGS.join(", ")),
    ] {
        assert!(part(heading).contains(&words), "{heading} lacks {words}");
    }
}

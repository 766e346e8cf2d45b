//! Every rule: the refusal names unit, list, position, column and rule, and the other units of the
//! batch are unharmed.

use astload_fixtures::units::{EdgeValue, UnitValue, VectorValue, batch_of, chain, tree, units_of};
use astload_model::Intake;

/// Refuses the sample unit, broken in one place, between two good ones.
fn refusal(break_it: impl FnOnce(&mut UnitValue)) -> String {
    let mut broken = UnitValue::sample("broken.py");
    break_it(&mut broken);
    let good = [UnitValue::sample("a.py"), UnitValue::sample("c.py")];
    let batch = batch_of(&[good[0].clone(), broken, good[1].clone()]);
    let intake = Intake::validate(batch);
    assert_eq!(units_of(&intake.batch), good, "the others are unharmed");
    let [(1, refusal)] = &intake.refusals[..] else {
        panic!("one refusal, of the second unit: {:?}", intake.refusals);
    };
    refusal.to_string()
}

macro_rules! refused {
    ($($(#[$attr:meta])* $name:ident: |$unit:ident| $break_it:expr => $expected:expr;)*) => {
        $($(#[$attr])* #[test]
        fn $name() {
            assert_eq!(refusal(|$unit| { $break_it; }), $expected);
        })*
    };
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn edge(src: u32, kind: &str, dst_node: u32) -> EdgeValue {
    EdgeValue { src, kind: kind.into(), dst_node: Some(dst_node), ..EdgeValue::default() }
}

refused! {
    an_empty_repo_is_refused: |unit| unit.repo = String::new()
        => "unit :broken.py: repo: is empty";
    a_repo_with_nul_is_refused: |unit| unit.repo = "a\0".into()
        => "unit a\0:broken.py: repo: holds U+0000, which stores do not take; send U+FFFD";
    a_long_repo_is_refused: |unit| unit.repo = long(1025)
        => format!("unit {}…:broken.py: repo: is longer than 1024 bytes", long(80));
    an_empty_path_is_refused: |unit| unit.path = String::new()
        => "unit example:: path: is empty";
    an_absolute_path_is_refused: |unit| unit.path = "/a.py".into()
        => "unit example:/a.py: path: `/a.py` is not relative";
    a_long_path_is_refused: |unit| unit.path = long(4097)
        => format!("unit example:{}…: path: is longer than 4096 bytes", long(80));
    a_path_with_nul_is_refused: |unit| unit.path = "a\0b".into()
        => "unit example:a\0b: path: holds U+0000, which stores do not take; send U+FFFD";
    an_empty_layer_is_refused: |unit| unit.layer = String::new()
        => "unit example:broken.py (): layer: is empty";
    an_empty_extractor_is_refused: |unit| unit.extractor = String::new()
        => "unit example:broken.py: extractor: is empty";
    an_empty_language_is_refused: |unit| unit.language = Some(String::new())
        => "unit example:broken.py: language: is empty";
    a_long_revision_is_refused: |unit| unit.revision = Some(long(1025))
        => "unit example:broken.py: revision: is longer than 1024 bytes";
    an_unknown_op_is_refused: |unit| unit.op = 2
        => "unit example:broken.py: op: 2 is neither 0 (replace) nor 1 (delete)";
    an_unknown_position_encoding_is_refused: |unit| unit.position_encoding = 3
        => "unit example:broken.py: position_encoding: 3 is none of 0 (utf-8), 1 (utf-16) and 2 (utf-32)";
    a_generation_of_64_bits_is_refused: |unit| unit.generation = Some(1 << 63)
        => "unit example:broken.py: generation: does not fit 63 bits";
    a_size_of_64_bits_is_refused: |unit| unit.size_bytes = Some(u64::MAX)
        => "unit example:broken.py: size_bytes: does not fit 63 bits";
    unknown_unit_flags_are_refused: |unit| unit.flags = 64
        => "unit example:broken.py: flags: 64 has bits past the 6 that have names";
    unit_properties_that_are_no_object_are_refused: |unit| unit.properties = Some("[]".into())
        => "unit example:broken.py: properties: are no JSON object";
    a_delete_with_nodes_is_refused: |unit| unit.op = 1
        => "unit example:broken.py: op: a delete has neither nodes nor symbols, edges or vectors";
    a_delete_with_symbols_is_refused: |unit| {
        let symbols = std::mem::take(&mut unit.symbols);
        *unit = UnitValue { symbols, ..UnitValue::delete("broken.py") };
    } => "unit example:broken.py: op: a delete has neither nodes nor symbols, edges or vectors";

    a_unit_without_nodes_is_refused: |unit| *unit = UnitValue::new("broken.py", Vec::new())
        => "unit example:broken.py: nodes: there is none, not even a root";
    a_root_with_another_ord_is_refused: |unit| unit.nodes[0].ord = 1
        => "unit example:broken.py: nodes[0]: ord, parent: the first node is the root, with ord 0 and no parent";
    a_root_with_a_parent_is_refused: |unit| unit.nodes[0].parent = Some(0)
        => "unit example:broken.py: nodes[0]: ord, parent: the first node is the root, with ord 0 and no parent";
    ords_that_repeat_are_refused: |unit| unit.nodes[3].ord = 2
        => "unit example:broken.py: nodes[3]: ord: 2 does not ascend, 2 is before it";
    ords_that_descend_are_refused: |unit| unit.nodes[3].ord = 1
        => "unit example:broken.py: nodes[3]: ord: 1 does not ascend, 2 is before it";
    an_ord_that_is_absent_among_others_is_refused: |unit| unit.nodes[5].ord = u32::MAX
        => "unit example:broken.py: nodes[5]: ord: is absent; number all nodes of a unit or none";
    a_last_before_ord_is_refused: |unit| unit.nodes[2].last = 1
        => "unit example:broken.py: nodes[2]: last: 1 is before ord 2";
    a_last_that_is_absent_among_others_is_refused: |unit| unit.nodes[2].last = u32::MAX
        => "unit example:broken.py: nodes[2]: last: is absent; give it for all nodes of a unit or none";
    a_last_past_the_parent_s_is_refused: |unit| unit.nodes[3].last = 6
        => "unit example:broken.py: nodes[3]: last: 6 is past the parent's, which is 5";
    a_second_root_is_refused: |unit| unit.nodes[1].parent = None
        => "unit example:broken.py: nodes[1]: parent: is absent; only the root has none";
    a_parent_that_is_the_node_is_refused: |unit| unit.nodes[2].parent = Some(2)
        => "unit example:broken.py: nodes[2]: parent: 2 is not before ord 2";
    a_parent_after_the_node_is_refused: |unit| unit.nodes[2].parent = Some(4)
        => "unit example:broken.py: nodes[2]: parent: 4 is not before ord 2";
    a_parent_that_is_not_open_is_refused: |unit| unit.nodes[3].parent = Some(2)
        => "unit example:broken.py: nodes[3]: parent: 2 is not 1, the innermost node that is open here; nodes are in pre-order";
    a_node_past_the_root_s_last_is_refused: |unit| unit.nodes[5].ord = 9
        => "unit example:broken.py: nodes[5]: last: 5 is before ord 9";
    a_node_outside_the_root_is_refused: |unit| {
        *unit = UnitValue::new("broken.py", tree("a(b c)"));
        (unit.nodes[0].last, unit.nodes[2].ord, unit.nodes[2].last) = (1, 2, 2);
    } => "unit example:broken.py: nodes[2]: ord: 2 is past the root's last";
    a_tree_of_10_001_levels_is_refused: |unit| unit.nodes = chain(10_001)
        => "unit example:broken.py: nodes[10000]: lies deeper than 10000 nodes";
    a_tree_of_100_000_levels_is_refused: |unit| unit.nodes = chain(100_000)
        => "unit example:broken.py: nodes[10000]: lies deeper than 10000 nodes";
    a_root_that_is_no_file_is_refused: |unit| unit.nodes[0].label = "Token".into()
        => "unit example:broken.py: nodes[0]: label: the root is a File, not a `Token`";
    an_unknown_label_is_refused: |unit| unit.nodes[2].label = "Function".into()
        => "unit example:broken.py: nodes[2]: label: `Function` is none of File, Symbol, Local, Ast, Token, \
            Comment, Chunk, Type, Cfg, Diagnostic, Tag, Meta";
    an_empty_kind_is_refused: |unit| unit.nodes[2].kind = String::new()
        => "unit example:broken.py: nodes[2]: kind: is empty";
    a_long_kind_is_refused: |unit| unit.nodes[2].kind = long(1025)
        => "unit example:broken.py: nodes[2]: kind: is longer than 1024 bytes";
    a_kind_with_nul_is_refused: |unit| unit.nodes[2].kind = "\0".into()
        => "unit example:broken.py: nodes[2]: kind: holds U+0000, which stores do not take; send U+FFFD";
    an_empty_field_is_refused: |unit| unit.nodes[2].field = Some(String::new())
        => "unit example:broken.py: nodes[2]: field: is empty";
    a_long_name_is_refused: |unit| unit.nodes[2].name = Some(long(1025))
        => "unit example:broken.py: nodes[2]: name: is longer than 1024 bytes";
    a_name_with_nul_is_refused: |unit| unit.nodes[2].name = Some("a\0".into())
        => "unit example:broken.py: nodes[2]: name: holds U+0000, which stores do not take; send U+FFFD";
    a_text_with_nul_is_refused: |unit| unit.nodes[2].text = Some("\0".into())
        => "unit example:broken.py: nodes[2]: text: holds U+0000, which stores do not take; send U+FFFD";
    a_span_that_ends_before_it_starts_is_refused:
        |unit| (unit.nodes[2].start_byte, unit.nodes[2].end_byte) = (Some(9), Some(8))
        => "unit example:broken.py: nodes[2]: end_byte: 8 is before start_byte 9";
    a_span_without_end_is_refused: |unit| unit.nodes[2].start_byte = Some(9)
        => "unit example:broken.py: nodes[2]: end_byte: is absent, though start_byte is given";
    a_span_without_start_is_refused: |unit| unit.nodes[2].end_byte = Some(9)
        => "unit example:broken.py: nodes[2]: start_byte: is absent, though end_byte is given";
    lines_that_end_before_they_start_are_refused:
        |unit| (unit.nodes[2].start_line, unit.nodes[2].end_line) = (Some(3), Some(2))
        => "unit example:broken.py: nodes[2]: end_line: 2 is before start_line 3";
    columns_that_end_before_they_start_are_refused: |unit| {
        (unit.nodes[2].start_line, unit.nodes[2].end_line) = (Some(3), Some(3));
        (unit.nodes[2].start_col, unit.nodes[2].end_col) = (Some(3), Some(2));
    } => "unit example:broken.py: nodes[2]: end_col: 2 is before start_col 3 of the same line";
    unknown_node_flags_are_refused: |unit| unit.nodes[2].flags = 0x8001
        => "unit example:broken.py: nodes[2]: flags: 32769 has bits past the 6 that have names";
    node_properties_that_do_not_parse_are_refused:
        |unit| unit.nodes[2].properties = Some(r#"{"a":}"#.into())
        => "unit example:broken.py: nodes[2]: properties: expected value at line 1 column 6";
    long_properties_are_refused:
        |unit| unit.nodes[2].properties = Some(format!("{{\"a\":\"{}\"}}", long(1 << 20)))
        => "unit example:broken.py: nodes[2]: properties: are longer than 1048576 bytes";

    an_empty_symbol_is_refused: |unit| unit.symbols[1].symbol = String::new()
        => "unit example:broken.py: symbols[1]: symbol: is empty";
    a_long_symbol_is_refused: |unit| unit.symbols[1].symbol = long(8193)
        => "unit example:broken.py: symbols[1]: symbol: is longer than 8192 bytes";
    a_symbol_that_is_there_twice_is_refused:
        |unit| unit.symbols[1].symbol = unit.symbols[0].symbol.clone()
        => "unit example:broken.py: symbols[1]: symbol: `name python main` is in the list already";
    an_empty_symbol_kind_is_refused: |unit| unit.symbols[1].kind = String::new()
        => "unit example:broken.py: symbols[1]: kind: is empty";
    a_long_symbol_name_is_refused: |unit| unit.symbols[1].name = Some(long(1025))
        => "unit example:broken.py: symbols[1]: name: is longer than 1024 bytes";
    a_package_with_nul_is_refused: |unit| unit.symbols[1].package = Some("\0".into())
        => "unit example:broken.py: symbols[1]: package: holds U+0000, which stores do not take; send U+FFFD";

    an_edge_from_no_node_is_refused: |unit| unit.edges[2].src = 6
        => "unit example:broken.py: edges[2]: src: 6 is no node of the unit";
    an_edge_to_no_node_is_refused: |unit| unit.edges[2].dst_node = Some(6)
        => "unit example:broken.py: edges[2]: dst_node: 6 is no node of the unit";
    an_edge_to_no_symbol_is_refused: |unit| unit.edges[1].dst_symbol = Some(2)
        => "unit example:broken.py: edges[1]: dst_symbol: 2 is past the unit's 2 symbols";
    an_edge_with_two_ends_is_refused: |unit| unit.edges[1].dst_node = Some(2)
        => "unit example:broken.py: edges[1]: dst_node, dst_symbol: both are given; an edge has one end";
    an_edge_without_end_is_refused: |unit| unit.edges[1].dst_symbol = None
        => "unit example:broken.py: edges[1]: dst_node, dst_symbol: both are absent; an edge has one end";
    an_edge_kind_in_lower_case_is_refused: |unit| unit.edges[1].kind = "calls".into()
        => "unit example:broken.py: edges[1]: kind: `calls` is not in UPPER_SNAKE";
    an_empty_edge_kind_is_refused: |unit| unit.edges[1].kind = String::new()
        => "unit example:broken.py: edges[1]: kind: is empty";
    an_edge_ord_that_is_absent_among_others_is_refused: |unit| unit.edges[1].ord = u32::MAX
        => "unit example:broken.py: edges[1]: ord: is absent; number all edges of a unit or none";
    edges_of_one_key_are_refused: |unit| {
        unit.edges = vec![edge(1, "CFG", 2), edge(4, "CFG", 2), edge(0, "CFG", 2), edge(4, "CFG", 2)];
    } => "unit example:broken.py: edges[3]: ord: edges[1] has the same src, kind, end and ord 0";
    a_site_that_ends_before_it_starts_is_refused:
        |unit| (unit.edges[1].start_byte, unit.edges[1].end_byte) = (Some(9), Some(8))
        => "unit example:broken.py: edges[1]: end_byte: 8 is before start_byte 9";
    unknown_edge_flags_are_refused: |unit| unit.edges[1].flags = 128
        => "unit example:broken.py: edges[1]: flags: 128 has bits past the 7 that have names";
    edge_properties_that_do_not_parse_are_refused: |unit| unit.edges[1].properties = Some("{".into())
        => "unit example:broken.py: edges[1]: properties: EOF while parsing an object at line 1 column 1";

    a_vector_of_no_node_is_refused: |unit| unit.vectors[0].node = 6
        => "unit example:broken.py: vectors[0]: node: 6 is no node of the unit";
    a_vector_of_an_unnamed_model_is_refused: |unit| unit.vectors[0].model = String::new()
        => "unit example:broken.py: vectors[0]: model: is empty";
    a_vector_without_numbers_is_refused: |unit| unit.vectors[0].vector = Vec::new()
        => "unit example:broken.py: vectors[0]: vector: has 0 numbers, not 1 to 16384";
    a_long_vector_is_refused: |unit| unit.vectors[0].vector = vec![0.0; 16_385]
        => "unit example:broken.py: vectors[0]: vector: has 16385 numbers, not 1 to 16384";
    a_vector_that_is_not_finite_is_refused: |unit| unit.vectors[0].vector[1] = f32::NAN
        => "unit example:broken.py: vectors[0]: vector: number 1 is not finite";
    two_vectors_of_one_node_and_model_are_refused: |unit| {
        let again = VectorValue { vector: vec![1.0], ..unit.vectors[0].clone() };
        unit.vectors.push(again);
    } => "unit example:broken.py: vectors[1]: node: 1 has a vector of this model already";
}

#[test]
fn a_unit_that_is_named_twice_in_a_batch_is_refused_the_second_time() {
    let first = UnitValue::sample("a.py");
    let second = UnitValue::new("a.py", tree("module"));
    let intake = Intake::validate(batch_of(&[first.clone(), second]));
    assert_eq!(units_of(&intake.batch), [first]);
    let refusals: Vec<_> =
        intake.refusals.iter().map(|(at, refusal)| (*at, refusal.to_string())).collect();
    assert_eq!(refusals, [(1, "unit example:a.py: is named twice in one batch".to_owned())]);
}

#[test]
fn what_many_tools_leave_out_is_taken() {
    let mut unit = UnitValue::sample("a.py");
    unit.nodes[2].name = Some(String::new());
    unit.nodes[2].start_line = Some(7);
    unit.nodes[3].end_col = Some(7);
    assert_eq!(Intake::validate(batch_of(&[unit])).refusals, []);
}

//! The hash of a unit depends on its rows and on nothing else.

use astload_fixtures::units::{UnitValue, any_unit, batch_of};
use astload_model::canonical_hash;
use proptest::prelude::*;

fn hash(unit: &UnitValue) -> [u8; 32] {
    canonical_hash(&batch_of(std::slice::from_ref(unit)).unit(0))
}

proptest! {
    #[test]
    fn the_order_of_edges_and_vectors_does_not_matter(unit in any_unit()) {
        let mut turned = unit.clone();
        turned.edges.reverse();
        turned.vectors.reverse();
        prop_assert_eq!(hash(&turned), hash(&unit));
    }

    #[test]
    fn the_positions_of_symbols_do_not_matter(unit in any_unit()) {
        let mut turned = unit.clone();
        turned.symbols.reverse();
        let last = unit.symbols.len().saturating_sub(1) as u32;
        for edge in &mut turned.edges {
            edge.dst_symbol = edge.dst_symbol.map(|position| last - position);
        }
        prop_assert_eq!(hash(&turned), hash(&unit));
    }

    #[test]
    fn symbols_that_no_edge_refers_to_matter(unit in any_unit()) {
        let mut more = unit.clone();
        more.symbols.push(astload_fixtures::units::SymbolValue {
            symbol: "unreferenced".into(),
            kind: "name".into(),
            ..Default::default()
        });
        prop_assert_ne!(hash(&more), hash(&unit));
    }

    #[test]
    fn the_generation_does_not_matter(unit in any_unit(), generation in any::<u32>()) {
        let other = UnitValue { generation: Some(generation.into()), ..unit.clone() };
        prop_assert_eq!(hash(&other), hash(&unit));
    }
}

macro_rules! matters {
    ($($name:ident: |$unit:ident| $change:expr;)*) => {
        $(#[test]
        fn $name() {
            let before = UnitValue::sample("a.py");
            let mut $unit = before.clone();
            $change;
            assert_ne!(hash(&$unit), hash(&before));
        })*
    };
}

matters! {
    the_repo_matters: |unit| unit.repo = "other".into();
    the_op_matters: |unit| unit.op = 1;
    a_null_is_no_empty_text: |unit| unit.nodes[2].name = Some(String::new());
    a_null_is_no_zero: |unit| unit.line_count = Some(0);
    a_kind_matters: |unit| unit.nodes[2].kind = "other".into();
    a_parent_matters: |unit| unit.nodes[2].parent = Some(0);
    the_side_of_a_border_matters: |unit| {
        (unit.nodes[1].name, unit.nodes[1].text) = (None, Some("main".into()));
    };
    a_symbol_s_key_matters: |unit| unit.symbols[0].symbol = "other".into();
    a_symbol_s_kind_matters: |unit| unit.symbols[0].kind = "other".into();
    a_symbol_s_name_matters: |unit| unit.symbols[0].name = None;
    a_symbol_s_package_matters: |unit| unit.symbols[0].package = Some(String::new());
    an_edge_s_symbol_matters: |unit| unit.edges[0].dst_symbol = Some(1);
    an_edge_s_flags_matter: |unit| unit.edges[0].flags = 1;
    a_vector_s_number_matters: |unit| unit.vectors[0].vector[0] = 0.25;
    a_vector_s_text_matters: |unit| unit.vectors[0].text_hash = [8; 16];
}

#[test]
fn the_hash_is_the_same_on_every_machine() {
    let hex: String =
        hash(&UnitValue::sample("a.py"))[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "d132d56a0c46a2b5");
}

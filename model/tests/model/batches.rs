//! Slices, copies and the memory that they take.

use astload_fixtures::units::{UnitValue, any_units, batch_of, units_of};
use astload_model::ipc::Compression;
use astload_model::{Batch, BatchBuilder};
use proptest::prelude::*;

use crate::codecs::write_ipc;

/// Which dictionaries a batch has, and how much of them.
fn words(batch: &Batch) -> [(u64, usize); 10] {
    let (units, nodes, edges) = (batch.unit_columns(), batch.nodes(), batch.edges());
    let columns = [
        units.repo,
        units.layer,
        units.language,
        units.extractor,
        nodes.kind,
        nodes.label,
        nodes.field,
        edges.kind,
        batch.symbols().kind,
        batch.vectors().model,
    ];
    columns.map(|words| (words.dictionary(), words.len()))
}

/// The units as a batch of their own, and as a slice, both of the same dictionaries: those grow
/// while other tests run.
fn alone_and_sliced(units: &[UnitValue], at: usize) -> (Batch, Batch) {
    loop {
        let alone = batch_of(&units[at..=at]);
        let slice = batch_of(units).slice(at..at + 1);
        if words(&alone) == words(&slice) {
            return (alone, slice);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_slice_encodes_to_the_bytes_of_a_batch_built_alone(units in any_units(), at in 0..6_usize) {
        prop_assume!(at < units.len());
        let (alone, slice) = alone_and_sliced(&units, at);
        let (alone, slice) = ([alone], [slice]);
        let bytes = |batch: &[Batch]| write_ipc(batch, Compression::None);
        prop_assert!(bytes(&slice) == bytes(&alone));
    }

    #[test]
    fn a_slice_has_the_bytes_of_a_batch_built_alone(units in any_units(), at in 0..6_usize) {
        prop_assume!(at < units.len());
        let (alone, slice) = alone_and_sliced(&units, at);
        prop_assert_eq!(slice.bytes(), alone.bytes());
        prop_assert_eq!(slice.unit(0).bytes(), alone.bytes());
        prop_assert_eq!(slice.rows(), alone.rows());
    }

    #[test]
    fn slices_are_the_units_of_the_range(units in any_units(), cut in 0..6_usize) {
        let cut = cut.min(units.len());
        let batch = batch_of(&units);
        prop_assert_eq!(units_of(&batch.slice(0..cut)), &units[..cut]);
        prop_assert_eq!(units_of(&batch.slice(cut..units.len())), &units[cut..]);
    }

    #[test]
    fn concat_is_the_units_in_order(first in any_units(), second in any_units()) {
        let batches = [batch_of(&first), batch_of(&second).slice(0..second.len()), batch_of(&[])];
        let joined = Batch::concat(&batches);
        prop_assert_eq!(joined.len(), 1);
        let all: Vec<UnitValue> = first.into_iter().chain(second).collect();
        prop_assert_eq!(units_of(&joined[0]), all);
    }

    #[test]
    fn take_is_the_units_at_the_positions(
        units in any_units(),
        positions in prop::collection::vec(0..6_usize, 0..8),
    ) {
        let positions: Vec<usize> =
            positions.into_iter().filter(|&position| position < units.len()).collect();
        let taken: Vec<UnitValue> =
            positions.iter().map(|&position| units[position].clone()).collect();
        prop_assert_eq!(units_of(&batch_of(&units).take(&positions)), taken);
    }

    #[test]
    fn a_generation_is_given_to_units_without_one_only(units in any_units(), from in 0..6_usize) {
        let from = from.min(units.len());
        let all = batch_of(&units).slice(from..units.len());
        let given = all.with_generations(|position| 42 + position as u64);
        let expected: Vec<UnitValue> = (42..)
            .zip(&units[from..])
            .map(|(new, unit)| UnitValue { generation: unit.generation.or(Some(new)), ..unit.clone() })
            .collect();
        prop_assert_eq!(units_of(&given), expected);
        let unnumbered = units_of(&all.without_generations());
        prop_assert!(unnumbered.iter().all(|unit| unit.generation.is_none()));
    }

    #[test]
    fn an_abandoned_unit_leaves_no_trace(units in any_units(), other in any_units()) {
        let mut builder = BatchBuilder::default();
        for (at, unit) in units.iter().enumerate() {
            // The children of another unit, half of which were pushed when its parser gave up.
            if let Some(node) = other.get(at).and_then(|other| other.nodes.first()) {
                let (label, kind) = (0, builder.nodes.kind.key(&node.kind).expect("a key"));
                let at = astload_model::NodeRow::at(0, None, 0);
                builder.nodes.push(astload_model::NodeRow { label, kind, ..at });
                builder.abandon_unit();
            }
            unit.push(&mut builder);
        }
        prop_assert_eq!(units_of(&builder.finish()), units);
    }
}

#[test]
fn a_batch_keeps_its_symbols_ids_in_a_slice() {
    let batch = batch_of(&[UnitValue::sample("a.py"), UnitValue::sample("b.py")]);
    let slice = batch.slice(1..2);
    let ids = &slice.symbol_ids()[slice.symbol_range()];
    assert_eq!(ids[0].to_string(), astload_model::SymbolId::of("name python main").to_string());
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_builder_is_empty_again_after_it_finished() {
    let mut builder = BatchBuilder::default();
    UnitValue::sample("a.py").push(&mut builder);
    let first = builder.finish();
    assert_eq!((builder.len(), builder.rows()), (0, 0));
    UnitValue::sample("b.py").push(&mut builder);
    let second = builder.finish();
    assert_eq!(units_of(&first), [UnitValue::sample("a.py")]);
    assert_eq!(units_of(&second), [UnitValue::sample("b.py")]);
}

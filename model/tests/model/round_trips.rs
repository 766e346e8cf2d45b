//! What is written is what is read.

use astload_fixtures::units::{
    NodeValue, UnitValue, any_unit, any_units, batch_of, chain, units_of,
};
use astload_model::ipc::Compression;
use astload_model::{Batch, Intake, canonical_hash};
use proptest::prelude::*;

use crate::codecs::{Read, read_ipc, read_ndjson, write_ipc, write_ndjson};

fn hashes(batch: &Batch) -> Vec<[u8; 32]> {
    batch.units().map(|unit| canonical_hash(&unit)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn random_units_are_valid(units in any_units()) {
        let intake = Intake::validate(batch_of(&units));
        prop_assert_eq!(intake.refusals, []);
        prop_assert_eq!(units_of(&intake.batch), units);
    }

    #[test]
    fn units_cross_an_ipc_stream(units in any_units()) {
        let bytes = write_ipc(&[batch_of(&units)], Compression::None);
        prop_assert_eq!(read_ipc(&bytes), Read::good(&units));
    }

    #[test]
    fn units_cross_a_compressed_ipc_stream(units in any_units()) {
        let bytes = write_ipc(&[batch_of(&units)], Compression::Lz4);
        prop_assert_eq!(read_ipc(&bytes), Read::good(&units));
    }

    #[test]
    fn several_batches_cross_one_stream(first in any_units(), second in any_units()) {
        let bytes = write_ipc(&[batch_of(&first), batch_of(&second)], Compression::None);
        let all: Vec<UnitValue> = first.into_iter().chain(second).collect();
        prop_assert_eq!(read_ipc(&bytes), Read::good(&all));
    }

    #[test]
    fn units_cross_ndjson(units in any_units()) {
        let read = read_ndjson(write_ndjson(&batch_of(&units)));
        prop_assert_eq!(read, Read::good(&units));
    }

    #[test]
    fn arrow_arrays_are_taken_in_as_they_are(units in any_units()) {
        let record = (&batch_of(&units)).into();
        let intake = Intake::from_record(&record).expect("the schema is the model's");
        prop_assert_eq!(intake.refusals, []);
        prop_assert_eq!(units_of(&intake.batch), units);
    }

    #[test]
    fn a_slice_crosses_a_stream(units in any_units(), from in 0..6_usize, to in 0..6_usize) {
        let (from, to) = (from.min(units.len()), to.min(units.len()));
        let range = from.min(to)..from.max(to);
        let slice = batch_of(&units).slice(range.clone());
        let read = read_ipc(&write_ipc(std::slice::from_ref(&slice), Compression::None));
        prop_assert_eq!(&read, &Read::good(&units[range]));
        prop_assert_eq!(read_ndjson(write_ndjson(&slice)), read);
    }

    #[test]
    fn the_canonical_hash_survives_both_codecs(unit in any_unit()) {
        let batch = batch_of(&[unit]);
        let record = (&batch).into();
        let intake = Intake::from_record(&record).expect("the schema is the model's");
        prop_assert_eq!(hashes(&intake.batch), hashes(&batch));
        let text = write_ndjson(&batch);
        let decoded = astload_model::ndjson::Reader::new(text.as_bytes()).next();
        let decoded = decoded.expect("a batch").expect("is read");
        prop_assert_eq!(hashes(&decoded.batch), hashes(&batch));
    }
}

#[test]
fn words_that_appear_later_in_a_stream_are_sent_as_deltas() {
    let unit = |path: &str, kind: &str| {
        let mut unit = UnitValue::sample(path);
        unit.nodes[1].kind = kind.into();
        unit
    };
    let (first, second) = (unit("a.py", "delta_first"), unit("b.py", "delta_second"));
    let bytes = write_ipc(
        &[batch_of(std::slice::from_ref(&first)), batch_of(std::slice::from_ref(&second))],
        Compression::None,
    );
    let times = bytes.windows(11).filter(|window| *window == b"delta_first").count();
    assert_eq!(times, 1, "a word is sent once");
    assert_eq!(read_ipc(&bytes), Read::good(&[first, second]));
}

/// A unit of so many nodes, each of a kind of its own but for the root.
fn unit_of_kinds(path: &str, kinds: std::ops::Range<usize>) -> UnitValue {
    let mut nodes = chain(kinds.len() as u32 + 1);
    for (node, kind) in nodes[1..].iter_mut().zip(kinds) {
        node.kind = format!("swapped_{kind:04}");
        // Every other row has no word.
        node.field = kind.is_multiple_of(2).then(|| format!("field_{kind:04}"));
    }
    UnitValue::new(path, nodes)
}

#[test]
fn a_stream_of_small_and_large_batches_changes_its_dictionaries_and_loses_no_word() {
    // The process's dictionary has more words than a small batch has rows, and fewer than a large one.
    let small = unit_of_kinds("small.py", 3..6);
    let mut large = unit_of_kinds("large.py", 0..600);
    large.nodes.iter_mut().skip(300).for_each(|node| node.kind = "swapped_0003".into());
    let other = unit_of_kinds("other.py", 4..9);
    batch_of(&[UnitValue::new(
        "unsent.py",
        vec![NodeValue { kind: "swapped_unsent".into(), ..small.nodes[0].clone() }],
    )]);
    let units = [large, small, other];
    // Built in the order in which the words come, sent small, large, small.
    let [large, small, other] = units.each_ref().map(|unit| batch_of(std::slice::from_ref(unit)));
    for compression in [Compression::None, Compression::Lz4] {
        let bytes = write_ipc(&[small.clone(), large.clone(), other.clone()], compression);
        let [large, small, other] = units.clone();
        assert_eq!(read_ipc(&bytes), Read::good(&[small, large, other]));
    }
    let bytes = write_ipc(&[small, large, other], Compression::None);
    let sent = |word: &[u8]| bytes.windows(word.len()).filter(|window| *window == word).count();
    assert_eq!(sent(b"swapped_0005"), 3, "in each batch's dictionary");
    assert_eq!(sent(b"swapped_0200"), 1, "in the large one's alone");
    assert_eq!(sent(b"swapped_unsent"), 1, "in the process's dictionary, which the large one has");
}

#[test]
fn trees_as_deep_as_the_limit_cross_both_codecs() {
    for depth in [9_999, 10_000] {
        let units = [UnitValue::new("deep.py", chain(depth))];
        let batch = batch_of(&units);
        let read = read_ipc(&write_ipc(std::slice::from_ref(&batch), Compression::None));
        assert!(read == Read::good(&units), "depth {depth} crosses IPC");
        assert!(read_ndjson(write_ndjson(&batch)) == read, "depth {depth} crosses NDJSON");
    }
}

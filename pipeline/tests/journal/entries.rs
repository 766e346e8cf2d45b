//! What is appended, and how it is read back.

use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::Batch;
use astload_pipeline::channel::{Cargo, Lanes};
use astload_pipeline::journal::{Appender, Tail};

/// Units of these names, at a generation.
pub(crate) fn units(names: &[&str], generation: u64) -> Batch {
    let unit = |name: &&str| UnitValue { generation: Some(generation), ..UnitValue::sample(name) };
    batch_of(&names.iter().map(unit).collect::<Vec<_>>())
}

pub(crate) fn for_lanes(batch: Batch, lanes: Lanes) -> Cargo {
    let wanted = vec![lanes; batch.len()];
    Cargo::Units(batch, wanted)
}

pub(crate) async fn append(appender: &mut Appender, batch: Batch) {
    appender.append(vec![for_lanes(batch, Lanes::MAX)]).await.expect("appended");
}

/// The next entry that is there: its number, and the paths and generations in it.
pub(crate) async fn next(tail: &mut Tail) -> Option<(u64, Vec<(String, u64)>)> {
    let entry = tail.next_now().await.expect("it reads")?;
    let Cargo::Units(batch, _) = entry.cargo.as_ref() else { panic!("only units went in") };
    let version =
        |unit: astload_model::Unit<'_>| (unit.path().to_owned(), unit.generation().expect("given"));
    Some((entry.seq, batch.units().map(version).collect()))
}

/// All that is there, each entry done with once it is read; the paths and generations.
pub(crate) async fn drain(tail: &mut Tail) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    while let Some((seq, versions)) = next(tail).await {
        all.extend(versions);
        tail.done(seq);
    }
    all
}

/// `name` and `generation`, as [`drain`] gives them.
pub(crate) fn version(name: &str, generation: u64) -> (String, u64) {
    (name.to_owned(), generation)
}

//! Many who write to one store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use astload_backends::ErrorKind::Transient;
use astload_backends::{Backend, Error, Result};
use astload_fixtures::units::{SymbolValue, UnitValue, batch_of};
use futures::future::join_all;
use serde_json::json;

use crate::server::{Server, connect};
use crate::store::{Store, deliver, unit, units};
use astload_fixtures::delivery::cut;

#[tokio::test(flavor = "multi_thread")]
async fn those_who_make_a_schema_at_the_same_time_all_find_it() {
    let Some(server) = Server::started() else { return };
    for _ in 0..5 {
        let store = server.name();
        let dropped = crate::server::Dropped { server: server.clone(), schema: store.clone() };
        let options = json!({ "url": server.url(), "schema": store });
        let made = join_all((0..4).map(|_| connect(&options))).await;
        for (at, backend) in made.into_iter().enumerate() {
            let backend = backend.expect("connects");
            let path = format!("{at}");
            backend.write_batch(&batch_of(&[unit(&path, 1)])).await.expect("written");
        }
        drop(dropped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_one_schema_may_be_made_at_the_same_time() {
    let Some(server) = Server::started() else { return };
    for _ in 0..5 {
        let schema = server.name();
        let dropped = crate::server::Dropped { server: server.clone(), schema: schema.clone() };
        let options = |prefix: usize| json!({ "url": server.url(), "schema": schema, "prefix": format!("p{prefix}_") });
        let all: Vec<_> = (0..4).map(options).collect();
        for made in join_all(all.iter().map(connect)).await {
            made.expect("connects");
        }
        drop(dropped);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_settle_at_the_same_time_wait_for_each_other() {
    let Some(server) = Server::started() else { return };
    let store = Store::with(&server, json!({ "lock_timeout": "1ms" })).await;
    // Rows enough that an index takes its time.
    for part in 0..4 {
        store.write(&units(&format!("{part}"), 2000, 1)).await;
    }
    let (one, other) = (store.other().await, store.other().await);
    let (one, other) = tokio::join!(one.settle(), other.settle());
    one.expect("settled");
    other.expect("settled");
}

/// A unit of this version, different from all others; now and then it is deleted.
fn version(path: u64, generation: u64) -> UnitValue {
    let path = format!("u{path}");
    if generation % 7 == 3 {
        return UnitValue::delete(&path).at_generation(generation);
    }
    let mut version = unit(&path, generation);
    version.symbols[1] = SymbolValue {
        symbol: format!("name python x{}", generation % 5),
        ..version.symbols[1].clone()
    };
    version
}

async fn write_all(backend: &dyn Backend, batches: &[Vec<UnitValue>]) {
    for batch in batches {
        deliver(backend, &batch_of(batch)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_units_in_any_order_end_with_the_newest_of_each() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut newest = BTreeMap::new();
    let mut all = Vec::new();
    for path in 0..12 {
        for generation in 1..=10 + path % 5 {
            all.push(version(path, generation));
        }
        newest.insert(path, 10 + path % 5);
    }
    let (one, other) = (store.other().await, store.other().await);
    let (ones, others) = (cut(all.clone(), &mut random), cut(all, &mut random));
    tokio::join!(write_all(&*one, &ones), write_all(&*other, &others));
    let expected = newest.into_iter().map(|(path, generation)| version(path, generation));
    let expected: Vec<_> = expected.filter(|unit| unit.op == 0).collect();
    store.holds(&expected).await;
}

/// Collects garbage; one who finds writers in the way may try again.
async fn collect(backend: &dyn Backend) -> Result<(), Error> {
    match backend.admin().expect("an admin").gc().await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Transient => Ok(()),
        Err(error) => Err(error),
    }
}

/// How often it is collected beside writers, at least.
const COLLECTED: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_that_is_collected_beside_writers_is_none_of_theirs() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let (one, other) = (store.other().await, store.other().await);
    let mut random = fastrand::Rng::with_seed(11);
    // Symbols come and go: each version has others than the one before.
    let all =
        |from: u64| (0..8).flat_map(move |path| (1..20).map(move |g| version(from + path, g)));
    let ones = cut(all(0).collect(), &mut random);
    let others = cut(all(4).collect(), &mut random);
    let (done, collected) = (tokio_util::sync::CancellationToken::new(), AtomicU64::new(0));
    let writers = async {
        // However slow the machine is, they have met often.
        while collected.load(Ordering::Relaxed) < COLLECTED {
            tokio::join!(write_all(&*one, &ones), write_all(&*other, &others));
        }
        done.cancel();
    };
    let collector = async {
        while !done.is_cancelled() {
            collect(&*store.backend).await.expect("collected");
            collected.fetch_add(1, Ordering::Relaxed);
        }
    };
    tokio::join!(writers, collector);
    let orphans = "SELECT count(*) FROM SCHEMA.edge LEFT JOIN SCHEMA.symbol
                   ON symbol_id = dst_symbol WHERE dst_symbol IS NOT NULL AND symbol_id IS NULL";
    assert_eq!(store.number(orphans).await, 0);
    // Who was deleted and forgotten may have come back at an older generation: rows have units all
    // the same.
    for table in ["node", "edge", "vector"] {
        let homeless = format!(
            "SELECT count(*) FROM SCHEMA.{table} AS row WHERE NOT EXISTS
             (SELECT FROM SCHEMA.unit WHERE number = row.unit)"
        );
        assert_eq!(store.number(&homeless).await, 0, "{table}");
    }
}

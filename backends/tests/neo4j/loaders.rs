//! Many who write to one store.

use std::collections::BTreeMap;

use astload_backends::ErrorKind::Transient;
use astload_backends::{Backend, Error, Result};
use astload_fixtures::delivery::{cut, deliver, unit};
use astload_fixtures::units::{SymbolValue, UnitValue, batch_of};
use futures::future::join_all;
use serde_json::json;

use crate::server::{Dropped, Server, connect};
use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn those_who_make_a_store_at_the_same_time_all_find_it() {
    let Some(server) = Server::started() else { return };
    for _ in 0..3 {
        let prefix = format!("{}N", server.prefix());
        let _dropped = Dropped { server: server.clone(), prefix: prefix.clone() };
        let options = json!({ "url": server.url(), "prefix": prefix });
        let made = join_all((0..4).map(|_| connect(&options))).await;
        for (at, backend) in made.into_iter().enumerate() {
            let backend = backend.expect("connects");
            let path = format!("{at}");
            backend.write_batch(&batch_of(&[unit(&path, 1)])).await.expect("written");
        }
        let stores = format!("MATCH (store:{prefix}AstloadStore) RETURN count(*) AS number");
        assert_eq!(server.number(&stores).await, 1);
        let units = format!("MATCH (unit:{prefix}Unit) RETURN count(*) AS number");
        assert_eq!(server.number(&units).await, 4);
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn garbage_that_is_collected_beside_writers_is_none_of_theirs() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let (one, other) = (store.other().await, store.other().await);
    let mut random = fastrand::Rng::with_seed(11);
    // Symbols come and go: each version has others than the one before.
    let all =
        |from: u64| (0..8).flat_map(move |path| (1..12).map(move |g| version(from + path, g)));
    let ones = cut(all(0).collect(), &mut random);
    let others = cut(all(4).collect(), &mut random);
    let done = tokio_util::sync::CancellationToken::new();
    let writers = async {
        tokio::join!(write_all(&*one, &ones), write_all(&*other, &others));
        done.cancel();
    };
    let collector = async {
        let mut times = 0;
        while !done.is_cancelled() {
            collect(&*store.backend).await.expect("collected");
            times += 1;
        }
        times
    };
    let ((), times) = tokio::join!(writers, collector);
    assert!(times > 3, "it was collected {times} times");
    // Who was deleted and forgotten may have come back at an older generation: nodes have units all
    // the same, and edges their ends.
    let homeless =
        "MATCH (node:P_Code) WHERE NOT node:P_Unit AND NOT EXISTS { (node)<-[:HAS_CHILD]-() }
        RETURN count(*) AS number";
    assert_eq!(store.number(homeless).await, 0);
    let units = "MATCH (unit:P_Unit) WHERE unit.nodes IS NOT NULL
        RETURN count(*) - sum(CASE WHEN unit.edges =
          COUNT { (unit)-[:HAS_CHILD*0..]->()-[edge]->() WHERE edge.ord IS NOT NULL }
          THEN 1 ELSE 0 END) AS number";
    assert_eq!(store.number(units).await, 0, "units lack edges");
}

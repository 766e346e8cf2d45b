//! Many who write to one store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use astload_backends::Backend;
use astload_fixtures::delivery::{cut, deliver, unit, until};
use astload_fixtures::units::{SymbolValue, UnitValue, batch_of};
use futures::future::join_all;
use neo4rs::{Txn, query};
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
        |from: u64| (0..8).flat_map(move |path| (1..12).map(move |g| version(from + path, g)));
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
            store.backend.admin().expect("an admin").gc().await.expect("collected");
            collected.fetch_add(1, Ordering::Relaxed);
        }
    };
    tokio::join!(writers, collector);
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

/// A transaction of another program that stands on this, and has a store's statement wait.
async fn in_the_way(store: &Store, statement: &str) -> Txn {
    let mut session = store.server.driver().start_txn().await.expect("begun");
    session.run(query(&statement.replace("P_", &store.prefix))).await.expect("executed");
    session
}

/// Ends such a transaction once a statement of the store's waits for it.
async fn out_of_the_way(store: &Store, session: Txn) {
    let waiting = "SHOW TRANSACTIONS YIELD status, currentQuery
        WHERE status STARTS WITH 'Blocked' AND currentQuery CONTAINS 'P_'
        RETURN count(*) AS number";
    until("a statement waits", async || store.number(waiting).await > 0).await;
    session.commit().await.expect("committed");
}

/// A unit that is nothing but its root.
fn lone(path: &str, generation: u64) -> UnitValue {
    let mut unit = unit(path, generation);
    unit.nodes.truncate(1);
    unit.nodes[0].last = 0;
    UnitValue { edges: vec![], symbols: vec![], vectors: vec![], ..unit }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_while_its_writer_waits_is_written_all_the_same() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    for (make, forgotten) in
        [(lone as fn(_, _) -> _, "Unit"), (unit, "Unit"), (unit, "SharedSymbol")]
    {
        let admin = store.backend.admin().expect("an admin");
        let written = ["a", "b", "c"].map(|path| make(path, 3));
        store.write(&["a", "b", "c"].map(|path| make(path, 1))).await;
        let tombstones = ["a", "b", "c"].map(|path| UnitValue::delete(path).at_generation(2));
        store.write(&tombstones).await;
        let forget = format!("MATCH (node:P_{forgotten}) DELETE node");
        let session = in_the_way(&store, &forget).await;
        let batch = batch_of(&written);
        let write = store.backend.write_batch(&batch);
        let (receipt, ()) = tokio::join!(write, out_of_the_way(&store, session));
        receipt.expect("written");
        store.holds(&written).await;
        admin.remove(&written[0].repo, None).await.expect("removed");
        admin.gc().await.expect("collected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_to_life_while_it_is_collected_stays() {
    let Some(server) = Server::started() else { return };
    let store = Store::new(&server).await;
    let collected = async |statement: &str| {
        let session = in_the_way(&store, statement).await;
        let gc = store.backend.admin().expect("an admin").gc();
        let (report, ()) = tokio::join!(gc, out_of_the_way(&store, session));
        report.expect("collected")
    };
    store.write(&[UnitValue::delete("a").at_generation(1)]).await;
    let revive = "MATCH (unit:P_Unit) SET unit.writing = true REMOVE unit.deleted, unit.writing";
    assert_eq!(collected(revive).await.tombstones, 0);
    assert_eq!(store.number("MATCH (unit:P_Unit) RETURN count(*) AS number").await, 1);
    let stray = "MATCH (unit:P_Unit) RETURN count(unit.writing) AS number";
    assert_eq!(store.number(stray).await, 0);

    store.write(&[unit("a", 2)]).await;
    store.write(&[UnitValue::delete("a").at_generation(3)]).await;
    let symbols = "MATCH (symbol:P_SharedSymbol) RETURN count(*) AS number";
    let all = store.number(symbols).await;
    assert!(all > 1, "{all} symbols");
    let refer = "MATCH (symbol:P_SharedSymbol) WITH symbol LIMIT 1
        CREATE (:P_Code)-[:REFERENCES]->(symbol)";
    assert_eq!(collected(refer).await.symbols, all as u64 - 1);
    assert_eq!(store.number(symbols).await, 1);
    store.execute("MATCH (node:P_Code) DETACH DELETE node").await;
}

/// The server's own procedure that waits for indexes waits for these, which wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_made_beside_constraints_that_others_make() {
    let Some(server) = Server::started() else { return };
    let mine = Store::new(&server).await;
    mine.execute("UNWIND range(1, 20000) AS at CREATE (:P_Other {at: at})").await;
    let done = tokio_util::sync::CancellationToken::new();
    let others = async {
        while !done.is_cancelled() {
            mine.execute("CREATE CONSTRAINT P_at FOR (n:P_Other) REQUIRE n.at IS UNIQUE").await;
            mine.execute("DROP CONSTRAINT P_at").await;
        }
    };
    let stores = async {
        for at in 0..5 {
            let prefix = format!("{}M{at}", mine.prefix);
            let options = json!({ "url": server.url(), "prefix": prefix, "timeout": "25s" });
            let made = connect(&options).await.expect("connects");
            made.admin().expect("an admin").drop_schema().await.expect("dropped");
        }
        done.cancel();
    };
    tokio::join!(others, stores);
    mine.execute("MATCH (n:P_Other) DELETE n").await;
}

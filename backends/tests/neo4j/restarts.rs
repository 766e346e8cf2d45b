//! A server that dies or hangs while it is written to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use astload_fixtures::delivery::{ATTEMPT, deliver, held, unit, units, until};
use astload_fixtures::servers::Own;
use astload_fixtures::units::batch_of;
use serde_json::json;
use tokio::time::timeout;

use crate::server::{Server, connect};
use crate::store::Store;

/// One server for all of it: it takes ten seconds to start.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_or_hangs_loses_and_doubles_nothing() {
    let Some(own) = Own::started("neo4j", "") else { return };
    let server = Server::at(own.folder.clone());
    what_was_acknowledged_survives_and_the_rest_follows(&own, &server).await;
    a_call_is_held_up_and_the_next_one_works(&own, &server).await;
    what_is_taken_late_is_not_doubled(&own, &server).await;
}

async fn what_was_acknowledged_survives_and_the_rest_follows(own: &Own, server: &Server) {
    let store = Store::new(server).await;
    let acknowledged = AtomicU64::new(0);
    let write = async {
        for generation in 1..=40 {
            deliver(&*store.backend, &batch_of(&units("a", 4, generation))).await;
            acknowledged.store(generation, Ordering::SeqCst);
        }
    };
    let kill = async {
        until("it writes", async || acknowledged.load(Ordering::SeqCst) >= 10).await;
        let before = acknowledged.load(Ordering::SeqCst);
        tokio::task::block_in_place(|| {
            own.kill();
            own.start();
        });
        is_there(&store, before).await;
    };
    tokio::join!(write, kill);
    store.holds(&units("a", 4, 40)).await;
}

/// What another process finds, which knows nothing of what was before.
async fn is_there(store: &Store, generation: u64) {
    let fresh = connect(&store.options).await.expect("connects");
    let held = held(&*fresh).await;
    assert_eq!(held.len(), 4);
    let all_newer = held.values().all(|(stored, _)| *stored >= generation);
    assert!(all_newer, "generation {generation} was acknowledged: {held:?}");
}

async fn a_call_is_held_up_and_the_next_one_works(own: &Own, server: &Server) {
    let store = Store::new(server).await;
    store.write(&units("a", 4, 1)).await;
    for generation in 2..5 {
        own.freeze();
        let batch = batch_of(&units("a", 4, generation));
        let wait = Duration::from_millis(300);
        timeout(wait, store.backend.write_batch(&batch)).await.expect_err("no answer");
        timeout(wait, store.backend.health_check()).await.expect_err("no answer");
        own.thaw();
        deliver(&*store.backend, &batch).await;
        store.holds(&units("a", 4, generation)).await;
    }
}

async fn what_is_taken_late_is_not_doubled(own: &Own, server: &Server) {
    let store = Store::with(server, json!({ "timeout": "2s" })).await;
    store.write(&[unit("a", 1)]).await;
    let mut stopped = 0;
    for generation in 2..30 {
        let batch = batch_of(&[unit("a", generation)]);
        // Cut at a moment of its own each time; what is on its way by then is taken when it wakes up.
        let moment = Duration::from_micros(700 * generation);
        let write = timeout(moment, store.backend.write_batch(&batch));
        if write.await.is_err() {
            stopped += 1;
            own.freeze();
            own.thaw();
        }
        timeout(4 * ATTEMPT, deliver(&*store.backend, &batch)).await.expect("delivered");
    }
    assert!(stopped > 5, "only {stopped} were cut");
    store.holds(&[unit("a", 29)]).await;
}

//! A server that dies, hangs or has too much to do while it is written to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use astload_backends::ErrorKind::Transient;
use astload_fixtures::delivery::{deliver, held, unit, units, until};
use astload_fixtures::servers::Own;
use astload_fixtures::units::batch_of;
use serde_json::json;
use tokio::time::timeout;

use crate::server::{Server, both};
use crate::store::Store;

/// One server of each for all of it: they take their time to start.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_or_hangs_loses_and_doubles_nothing() {
    for kind in both() {
        let Some(own) = Own::started(kind.name(), "") else { continue };
        let server = Server::at(kind, own.folder.clone());
        what_was_acknowledged_survives_and_the_rest_follows(&own, &server).await;
        a_call_is_held_up_and_the_next_one_works(&own, &server).await;
        what_is_taken_late_is_not_doubled(&own, &server).await;
    }
}

async fn what_was_acknowledged_survives_and_the_rest_follows(own: &Own, server: &Server) {
    let store = Store::new(server).await;
    let acknowledged = AtomicU64::new(0);
    let write = async {
        for generation in 1..=30 {
            deliver(&*store.backend, &batch_of(&units("a", 4, generation))).await;
            acknowledged.store(generation, Ordering::SeqCst);
        }
    };
    let kill = async {
        until("it writes", async || acknowledged.load(Ordering::SeqCst) >= 10).await;
        let before = acknowledged.load(Ordering::SeqCst);
        tokio::task::block_in_place(|| own.kill_and_start());
        let fresh = store.other().await;
        // Shards come back one by one.
        until("it is read", async || fresh.reader().expect("a reader").repos().await.is_ok()).await;
        until("all shards are there", async || fresh.health_check().await.is_ok()).await;
        let there = held(&*fresh).await;
        assert_eq!(there.len(), 4);
        let all_newer = there.values().all(|(stored, _)| *stored >= before);
        assert!(all_newer, "generation {before} was acknowledged: {there:?}");
    };
    tokio::join!(write, kill);
    store.holds(&units("a", 4, 30)).await;
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
    let store = Store::new(server).await;
    store.write(&[unit("a", 1)]).await;
    let mut stopped = 0;
    for generation in 2..20 {
        let batch = batch_of(&[unit("a", generation)]);
        // Cut at a moment of its own each time; what is on its way by then is taken when it wakes up.
        let moment = Duration::from_micros(500 * generation);
        if timeout(moment, store.backend.write_batch(&batch)).await.is_err() {
            stopped += 1;
            own.freeze();
            own.thaw();
        }
        deliver(&*store.backend, &batch).await;
    }
    assert!(stopped > 3, "only {stopped} were cut");
    store.holds(&[unit("a", 19)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_for_which_the_server_has_no_time_are_sent_again_alone() {
    for kind in both() {
        let settings = "thread_pool.write.size=1 thread_pool.write.queue_size=1";
        let Some(own) = Own::started(kind.name(), settings) else { continue };
        let server = Server::at(kind, own.folder.clone());
        let store = Store::with(&server, json!({ "shards": 8 })).await;
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let backend = store.backend.clone();
                tokio::spawn(async move {
                    let mut met = Vec::new();
                    for generation in 1..6 {
                        let batch = batch_of(&units(&format!("w{writer}"), 40, generation));
                        met.extend(deliver(&*backend, &batch).await);
                    }
                    met
                })
            })
            .collect();
        for writer in writers {
            let met = writer.await.expect("written");
            assert!(met.iter().all(|error| error.kind == Transient), "{met:?}");
        }
        let rejected = server.ask(
            "GET",
            "_nodes/stats/thread_pool?filter_path=nodes.*.thread_pool.write.rejected",
            &serde_json::Value::Null,
        );
        let rejected =
            rejected["nodes"].as_object().and_then(|nodes| nodes.values().next().cloned());
        let rejected = rejected.expect("a node")["thread_pool"]["write"]["rejected"].as_u64();
        assert!(rejected.expect("a number") > 0, "the queue was never full");
        let all: Vec<_> = (0..4).flat_map(|writer| units(&format!("w{writer}"), 40, 5)).collect();
        store.holds(&all).await;
    }
}

//! A server that dies, hangs or has too much to do while it is written to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use astload_backends::ErrorKind::{Misconfigured, Transient};
use astload_fixtures::delivery::{deliver, held, says, unit, units, until};
use astload_fixtures::servers::Own;
use astload_fixtures::units::batch_of;
use serde_json::{Value, json};
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
        a_disk_past_its_watermark_is_told_until_there_is_space(&server).await;
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
        tokio::task::block_in_place(|| {
            own.kill();
            own.start();
        });
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

/// The server itself blocks the indices, and lifts the blocks.
async fn a_disk_past_its_watermark_is_told_until_there_is_space(server: &Server) {
    let store = Store::new(server).await;
    store.write(&[unit("a", 1)]).await;
    let watermarks = |level: &str| {
        let mut settings = json!({
            // The shortest that it takes.
            "cluster.info.update.interval": "10s",
            // The launcher's servers do without, for disks of developers may be full.
            "cluster.routing.allocation.disk.threshold_enabled": true,
        });
        for name in ["low", "high", "flood_stage"] {
            settings[format!("cluster.routing.allocation.disk.watermark.{name}")] = level.into();
        }
        let set = server.ask("PUT", "_cluster/settings", &json!({ "transient": settings }));
        assert_eq!(set["acknowledged"], true, "{set}");
    };
    // So much used; then, so much free.
    watermarks("0.1%");
    let details = store.backend.health_check().await.expect("not yet");
    let told = |name| details.details.iter().find(|(told, _)| told == name).map(|(_, what)| what);
    assert_eq!(
        told("disk_watermarks").map(String::as_str),
        Some("0.1%, 0.1%, 0.1%"),
        "{details:?}"
    );
    let roles = told("roles").is_some_and(|roles| roles.split(", ").any(|role| role == "data"));
    assert!(roles, "{details:?}");
    let generations = AtomicU64::new(2);
    until("the server blocks it", async || {
        let generation = generations.fetch_add(1, Ordering::SeqCst);
        let written = store.backend.write_batch(&batch_of(&[unit("a", generation)])).await;
        written.is_err_and(|error| {
            says(&error, Misconfigured, "blocked", "flood stage", &[]);
            true
        })
    })
    .await;
    let unwell = store.backend.health_check().await.expect_err("unwell");
    says(&unwell, Misconfigured, "blocked", "flood stage", &[]);
    watermarks("1b");
    until("the server lifts it", async || store.backend.health_check().await.is_ok()).await;
    let last = generations.into_inner();
    store.write(&[unit("a", last)]).await;
    store.holds(&[unit("a", last)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_the_servers_memory_is_sent_in_parts() {
    for kind in both() {
        let Some(own) = Own::started(kind.name(), "indexing_pressure.memory.limit=600kb") else {
            continue;
        };
        let server = Server::at(kind, own.folder.clone());
        let store = Store::new(&server).await;
        let mut all = units("a", 60, 1);
        all.iter_mut().for_each(|unit| unit.nodes[1].text = Some("text ".repeat(10_000)));
        store.write(&all).await;
        store.holds(&all).await;
        let path = "_nodes/stats/indexing_pressure?filter_path=nodes.*.indexing_pressure";
        let said = server.ask("GET", path, &Value::Null).to_string();
        let rejected = said.split("coordinating_rejections\":").nth(1).expect("a number");
        assert!(!rejected.starts_with('0'), "nothing was too much: {said}");
    }
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
            &Value::Null,
        );
        let rejected =
            rejected["nodes"].as_object().and_then(|nodes| nodes.values().next().cloned());
        let rejected = rejected.expect("a node")["thread_pool"]["write"]["rejected"].as_u64();
        assert!(rejected.expect("a number") > 0, "the queue was never full");
        let all: Vec<_> = (0..4).flat_map(|writer| units(&format!("w{writer}"), 40, 5)).collect();
        store.holds(&all).await;
    }
}

//! A server that dies or hangs while it is written to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use astload_fixtures::units::batch_of;
use serde_json::json;
use tokio::time::timeout;

use crate::own::Own;
use crate::server::connect;
use crate::store::{ATTEMPT, Store, deliver, held, unit, units, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_server_that_is_killed_and_the_rest_follows() {
    let Some(own) = Own::started() else { return };
    for durability in ["full", "normal"] {
        let store = Store::with(&own.server, json!({ "durability": durability })).await;
        let acknowledged = AtomicU64::new(0);
        let write = async {
            for generation in 1..=60 {
                deliver(&*store.backend, &batch_of(&units("a", 4, generation))).await;
                acknowledged.store(generation, Ordering::SeqCst);
            }
        };
        let kill = async {
            for after in [10, 30] {
                until("it writes", async || acknowledged.load(Ordering::SeqCst) >= after).await;
                own.kill();
                let before = acknowledged.load(Ordering::SeqCst);
                own.start_again().await;
                if durability == "full" {
                    is_there(&store, before).await;
                }
            }
        };
        tokio::join!(write, kill);
        store.holds(&units("a", 4, 60)).await;
    }
}

/// What another process finds, which knows nothing of what was before.
async fn is_there(store: &Store, generation: u64) {
    let fresh = connect(&store.options).await.expect("connects");
    let held = held(&*fresh).await;
    assert_eq!(held.len(), 4);
    let all_newer = held.values().all(|(stored, _)| *stored >= generation);
    assert!(all_newer, "generation {generation} was acknowledged: {held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_a_call_up_and_the_next_one_works() {
    let Some(own) = Own::started() else { return };
    let store = Store::new(&own.server).await;
    store.write(&units("a", 4, 1)).await;
    for generation in 2..6 {
        own.freeze();
        let batch = batch_of(&units("a", 4, generation));
        let wait = Duration::from_millis(300);
        timeout(wait, store.backend.write_batch(&batch)).await.expect_err("no answer");
        timeout(wait, store.backend.health_check()).await.expect_err("no answer");
        own.thaw();
        let written = timeout(ATTEMPT, store.backend.write_batch(&batch)).await;
        written.expect("an answer").expect("written");
        store.holds(&units("a", 4, generation)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_a_hanging_server_takes_late_is_not_doubled() {
    let Some(own) = Own::started() else { return };
    let store = Store::with(&own.server, json!({ "connections": 1 })).await;
    store.write(&[unit("a", 1)]).await;
    for generation in 2..40 {
        let batch = batch_of(&[unit("a", generation)]);
        // Cut at a moment of its own each time; what is on its way by then is taken when it wakes up.
        let write =
            timeout(Duration::from_micros(200 * generation), store.backend.write_batch(&batch));
        let stopped = write.await.is_err();
        if stopped {
            own.freeze();
            own.thaw();
        }
        deliver(&*store.backend, &batch).await;
    }
    store.holds(&[unit("a", 39)]).await;
}

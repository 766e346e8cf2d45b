//! A bad way to the server: what was written is there once, and all goes on without help.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::ErrorKind::Transient;
use astload_backends::{Backend, GuardSettings, Guarded};
use astload_connection::BreakerSettings;
use astload_fixtures::delivery::{ATTEMPT, deliver, held, unit, units};
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::server::{PASSWORD, Proxy, Server};
use crate::store::{Store, says};

/// A store, a way to it, and a backend that takes that way.
struct Far {
    store: Store,
    proxy: Proxy,
    backend: Arc<dyn Backend>,
}

impl Far {
    async fn new() -> Option<Self> {
        let server = Server::started()?;
        let proxy = Proxy::to(server.port())?;
        let store = Store::new(&server).await;
        let url = format!("bolt://neo4j:{PASSWORD}@127.0.0.1:{}", proxy.port);
        let backend = store.by(&url).await.expect("connects");
        Some(Self { store, proxy, backend })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_and_distant_line_takes_longer_and_nothing_else() {
    let Some(far) = Far::new().await else { return };
    for stream in ["upstream", "downstream"] {
        far.proxy.poison(stream, "bandwidth", json!({ "rate": 1000 }));
        far.proxy.poison(stream, "latency", json!({ "latency": 25 }));
    }
    let mut all = units("a", 30, 1);
    all[7].nodes[1].text = Some("text ".repeat(200_000));
    far.backend.write_batch(&batch_of(&all)).await.expect("written");
    far.store.holds(&all).await;
    assert_eq!(held(&*far.backend).await.len(), all.len());
}

/// Generations of some units, batch by batch.
fn rounds(name: &str, rounds: u64) -> Vec<Vec<UnitValue>> {
    let round = |generation| {
        let mut round = units(name, 6, generation);
        if generation % 3 == 2 {
            round[4] = UnitValue::delete(&round[4].path).at_generation(generation);
        }
        round
    };
    (1..=rounds).map(round).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_at_random_lose_and_double_nothing() {
    let Some(far) = Far::new().await else { return };
    let settings = GuardSettings {
        attempt_timeout: Duration::from_secs(1),
        deadline: Duration::from_millis(1500),
        breaker: BreakerSettings { cooldown: Duration::from_millis(100), ..Default::default() },
        ..GuardSettings::for_concurrency(2)
    };
    let guarded = Guarded::new("far", far.backend.clone(), settings);
    let mut random = fastrand::Rng::with_seed(5);
    let (one, other) = (rounds("one", 25), rounds("other", 25));
    let write = async {
        for (one, other) in one.iter().zip(&other) {
            let (one, other) = (batch_of(one), batch_of(other));
            tokio::join!(deliver(&guarded, &one), deliver(&guarded, &other));
        }
    };
    let mut resets = 0;
    let reset = async {
        loop {
            resets += 1;
            sleep(Duration::from_millis(random.u64(50..300))).await;
            far.proxy.poison("downstream", "reset_peer", json!({ "timeout": random.u64(0..20) }));
            sleep(Duration::from_millis(random.u64(1..40))).await;
            far.proxy.heal("downstream", "reset_peer");
        }
    };
    tokio::select! {
        () = write => {}
        () = reset => {}
    }
    assert!(resets > 3, "there were {resets} resets");
    let last = [one.last(), other.last()].map(|round| round.expect("one").clone()).concat();
    far.store.holds(&last.into_iter().filter(|unit| unit.op == 0).collect::<Vec<_>>()).await;
}

/// Cuts connections after so many bytes of one direction, from the first byte to the last one that a
/// write needs, and there in small steps: it is the commit that is cut then, or its answer.
async fn cut_everywhere(stream: &str, step: u64) {
    let Some(far) = Far::new().await else { return };
    let mut random = fastrand::Rng::with_seed(9);
    let (mut generation, mut bytes, mut cuts) = (0, 0, 0);
    let mut next = || {
        generation += 1;
        generation
    };
    while !far.is_written_despite(stream, bytes, next()).await {
        bytes += random.u64(1..step);
        cuts += 1;
    }
    assert!(cuts > 8, "it was cut {cuts} times, until {bytes} bytes passed");
    for bytes in (bytes - 48..bytes).step_by(6) {
        far.is_written_despite(stream, bytes, next()).await;
    }
}

impl Far {
    /// Whether a write succeeds on connections that are cut after so many bytes. It does without cuts.
    async fn is_written_despite(&self, stream: &str, bytes: u64, generation: u64) -> bool {
        self.proxy.shut();
        self.proxy.open();
        self.proxy.poison(stream, "limit_data", json!({ "bytes": bytes }));
        let batch = batch_of(&units("a", 4, generation));
        let mut is_written = false;
        // The first may find connections that were cut before.
        for _ in 0..2 {
            let attempt = timeout(ATTEMPT, self.backend.write_batch(&batch)).await;
            match attempt.expect("an answer") {
                Ok(_) => is_written = true,
                Err(error) => says(&error, Transient, "", ""),
            }
        }
        self.proxy.heal(stream, "limit_data");
        deliver(&*self.backend, &batch).await;
        self.store.holds(&units("a", 4, generation)).await;
        is_written
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_on_its_way_to_the_server_is_written_once() {
    cut_everywhere("upstream", 900).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_on_its_way_back_is_written_once() {
    cut_everywhere("downstream", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_on_which_everything_vanishes_holds_a_call_up_and_nothing_else() {
    let Some(far) = Far::new().await else { return };
    for (generation, stream) in [(1, "upstream"), (2, "downstream")] {
        let batch = batch_of(&units("a", 4, generation));
        far.proxy.poison(stream, "timeout", json!({ "timeout": 0 }));
        timeout(ATTEMPT, far.backend.write_batch(&batch)).await.expect_err("no answer");
        far.proxy.heal(stream, "timeout");
        deliver(&*far.backend, &batch).await;
        far.store.holds(&units("a", 4, generation)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_of_our_own_says_so_and_what_was_applied_after_all_is_not_doubled() {
    let Some(server) = Server::started() else { return };
    let Some(proxy) = Proxy::to(server.port()) else { return };
    let url = format!("bolt://neo4j:{PASSWORD}@127.0.0.1:{}", proxy.port);
    let store = Store::with(&server, json!({ "url": url, "timeout": "400ms" })).await;
    deliver(&*store.backend, &batch_of(&units("a", 4, 1))).await;
    // The server does it all, and what it answers comes too late.
    proxy.poison("downstream", "latency", json!({ "latency": 700 }));
    let error = store.refused(&units("a", 4, 2)).await;
    says(&error, Transient, "does not answer within 400ms", "`timeout`");
    proxy.heal("downstream", "latency");
    deliver(&*store.backend, &batch_of(&units("a", 4, 2))).await;
    store.holds(&units("a", 4, 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_is_found_again() {
    let Some(far) = Far::new().await else { return };
    far.backend.write_batch(&batch_of(&[unit("a", 1)])).await.expect("written");
    far.proxy.shut();
    for _ in 0..3 {
        let error = far.backend.write_batch(&batch_of(&[unit("a", 2)])).await.expect_err("away");
        says(&error, Transient, "", "");
        far.backend.health_check().await.expect_err("away");
    }
    far.proxy.open();
    far.backend.health_check().await.expect("back");
    far.backend.write_batch(&batch_of(&[unit("a", 2)])).await.expect("written");
    far.store.holds(&[unit("a", 2)]).await;
}

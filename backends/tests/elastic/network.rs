//! A bad way to the server: what was written is there once, and all goes on without help.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::Backend;
use astload_backends::ErrorKind::Transient;
use astload_fixtures::delivery::{ATTEMPT, deliver, held, says, unit, units};
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::server::{Kind, Proxy, Server, both};
use crate::store::Store;

/// A store, a way to it, and a backend that takes that way.
struct Far {
    store: Store,
    proxy: Proxy,
    backend: Arc<dyn Backend>,
}

impl Far {
    async fn new(kind: Kind) -> Option<Self> {
        let server = Server::started(kind)?;
        let proxy = Proxy::to(server.port())?;
        let store = Store::new(&server).await;
        let backend =
            store.by(&format!("http://127.0.0.1:{}", proxy.port)).await.expect("connects");
        Some(Self { store, proxy, backend })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_and_distant_line_takes_longer_and_nothing_else() {
    for kind in both() {
        let Some(far) = Far::new(kind).await else { continue };
        for stream in ["upstream", "downstream"] {
            far.proxy.poison(stream, "bandwidth", json!({ "rate": 1000 }));
            far.proxy.poison(stream, "latency", json!({ "latency": 25 }));
        }
        let mut all = units("a", 30, 1);
        all[7].nodes[1].text = Some("text ".repeat(200_000));
        far.backend.write_batch(&batch_of(&all)).await.expect("written");
        assert_eq!(held(&*far.backend).await.len(), all.len());
        far.store.holds(&all).await;
    }
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
    for kind in both() {
        let Some(far) = Far::new(kind).await else { continue };
        let mut random = fastrand::Rng::with_seed(5);
        let (one, other) = (rounds("one", 25), rounds("other", 25));
        let write = async {
            for (one, other) in one.iter().zip(&other) {
                let (one, other) = (batch_of(one), batch_of(other));
                tokio::join!(deliver(&*far.backend, &one), deliver(&*far.backend, &other));
            }
        };
        let mut resets = 0;
        let reset = async {
            loop {
                resets += 1;
                sleep(Duration::from_millis(random.u64(50..300))).await;
                far.proxy.poison(
                    "downstream",
                    "reset_peer",
                    json!({ "timeout": random.u64(0..20) }),
                );
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
        let last: Vec<_> = last.into_iter().filter(|unit| unit.op == 0).collect();
        far.store.holds(&last).await;
    }
}

/// Cuts connections after so many bytes of one direction.
async fn cut_everywhere(kind: Kind, stream: &str, step: u64) {
    let Some(far) = Far::new(kind).await else { return };
    let mut random = fastrand::Rng::with_seed(9);
    let (mut generation, mut bytes, mut cuts) = (0, 0, 0);
    loop {
        generation += 1;
        if far.is_written_despite(stream, bytes, generation).await {
            break;
        }
        bytes += random.u64(1..step);
        cuts += 1;
    }
    assert!(cuts > 5, "it was cut {cuts} times, until {bytes} bytes passed");
}

impl Far {
    /// Whether a write succeeds on connections that are cut after so many bytes. It does without cuts.
    async fn is_written_despite(&self, stream: &str, bytes: u64, generation: u64) -> bool {
        self.proxy.shut();
        self.proxy.open();
        self.proxy.poison(stream, "limit_data", json!({ "bytes": bytes }));
        let batch = batch_of(&units("a", 4, generation));
        let attempt = timeout(ATTEMPT, self.backend.write_batch(&batch)).await;
        let written = attempt.expect("an answer");
        if let Err(error) = &written {
            says(error, Transient, "", "", &[]);
        }
        self.proxy.heal(stream, "limit_data");
        deliver(&*self.backend, &batch).await;
        assert_eq!(held(&*self.store.backend).await.len(), 4);
        written.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_on_its_way_is_written_once() {
    for kind in both() {
        cut_everywhere(kind, "upstream", 1_500).await;
        cut_everywhere(kind, "downstream", 120).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_on_which_everything_vanishes_holds_a_call_up_and_nothing_else() {
    for kind in both() {
        let Some(far) = Far::new(kind).await else { continue };
        for (generation, stream) in [(1, "upstream"), (2, "downstream")] {
            let batch = batch_of(&units("a", 4, generation));
            far.proxy.poison(stream, "timeout", json!({ "timeout": 0 }));
            timeout(ATTEMPT, far.backend.write_batch(&batch)).await.expect_err("no answer");
            far.proxy.heal(stream, "timeout");
            deliver(&*far.backend, &batch).await;
            far.store.holds(&units("a", 4, generation)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_of_our_own_says_so_and_what_was_applied_after_all_is_not_doubled() {
    for kind in both() {
        let Some(server) = Server::started(kind) else { continue };
        let Some(proxy) = Proxy::to(server.port()) else { continue };
        let url = format!("http://127.0.0.1:{}", proxy.port);
        let store = Store::with(&server, json!({ "url": url, "timeout": "1s" })).await;
        deliver(&*store.backend, &batch_of(&units("a", 4, 1))).await;
        // The server does it all, and what it answers comes too late.
        proxy.poison("downstream", "latency", json!({ "latency": 1500 }));
        let error = store.refused(&units("a", 4, 2)).await;
        says(&error, Transient, "does not answer within 1s", "`timeout`", &[]);
        proxy.heal("downstream", "latency");
        deliver(&*store.backend, &batch_of(&units("a", 4, 2))).await;
        store.holds(&units("a", 4, 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_is_left_out_and_another_one_asked() {
    for kind in both() {
        let Some(far) = Far::new(kind).await else { continue };
        let nodes = json!({ "nodes": [format!("http://127.0.0.1:{}", far.proxy.port)] });
        let mut options = far.store.options.clone();
        options["nodes"] = nodes["nodes"].clone();
        let backend = far.store.server.connect(&options).await.expect("connects");
        far.proxy.shut();
        for generation in 1..6 {
            backend.write_batch(&batch_of(&[unit("a", generation)])).await.expect("written");
        }
        // With that one alone, nothing goes.
        let error = far.backend.write_batch(&batch_of(&[unit("a", 9)])).await.expect_err("away");
        says(&error, Transient, "refused", "does the server run", &[]);
        far.proxy.open();
        deliver(&*far.backend, &batch_of(&[unit("a", 9)])).await;
        far.store.holds(&[unit("a", 9)]).await;
    }
}

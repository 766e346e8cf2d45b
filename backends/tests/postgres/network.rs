//! A bad way to the server: what was written is there once, and all goes on without help.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::ErrorKind::Transient;
use astload_backends::{Backend, GuardSettings, Guarded};
use astload_connection::BreakerSettings;
use astload_fixtures::units::{UnitValue, batch_of};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::server::{Proxy, Server};
use crate::store::{ATTEMPT, Store, deliver, held, says, unit, units};

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
        let near = server.url_by("plain:plainpw@127.0.0.1", "sslmode=disable");
        let store = Store::with(&server, json!({ "url": near })).await;
        let backend = store.by(&Server::url_through(&proxy)).await.expect("connects");
        Some(Self { store, proxy, backend })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_takes_longer_and_nothing_else() {
    let Some(far) = Far::new().await else { return };
    far.proxy.poison("upstream", "bandwidth", json!({ "rate": 1000 }));
    far.proxy.poison("downstream", "bandwidth", json!({ "rate": 1000 }));
    let mut all = units("a", 50, 1);
    all[7].nodes[1].text = Some("text ".repeat(600_000));
    far.backend.write_batch(&batch_of(&all)).await.expect("written");
    far.store.holds(&all).await;
    let held = held(&*far.backend).await;
    assert_eq!(held.len(), all.len());
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
    let (one, other) = (rounds("one", 60), rounds("other", 60));
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
            sleep(Duration::from_millis(random.u64(20..200))).await;
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
    assert!(cuts > 20, "it was cut {cuts} times, until {bytes} bytes passed");
    for bytes in (bytes - 64..bytes).step_by(4) {
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
    cut_everywhere("upstream", 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_on_its_way_back_is_written_once() {
    cut_everywhere("downstream", 150).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_outlive_its_client_by_much() {
    let Some(far) = Far::new().await else { return };
    let store = &far.store;
    store
        .execute(
            "CREATE TABLE SCHEMA.met (name text, setting text);
             GRANT ALL ON SCHEMA.met TO plain;
             CREATE FUNCTION SCHEMA.meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO SCHEMA.met SELECT name, setting FROM pg_settings; RETURN NEW; END $$;
             CREATE TRIGGER meet BEFORE INSERT ON SCHEMA.unit
             FOR EACH ROW EXECUTE FUNCTION SCHEMA.meet()",
        )
        .await;
    store.write(&[unit("a", 1)]).await;
    // Whose client is gone without a word, that session has locks until the server notices.
    for (name, most) in [
        ("idle_in_transaction_session_timeout", 60_000),
        ("client_connection_check_interval", 1_000),
        ("tcp_keepalives_idle", 60),
    ] {
        let set = format!(
            "SELECT count(*) FROM SCHEMA.met WHERE name = '{name}'
             AND setting::int BETWEEN 1 AND {most}"
        );
        assert_eq!(store.number(&set).await, 1, "{name}");
    }
}

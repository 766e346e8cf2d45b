//! Calls that are no writes: what becomes of a lane whose backend fails to settle, or to record a
//! repository.

use std::time::Duration;

use astload_backends::{Error, ErrorKind, Origin, OtherRoot, RepoClaim};
use astload_fixtures::backends::{Fault, Scripted, dead, hanging, slow};
use astload_pipeline::health::Health;
use astload_pipeline::lane::Patience;
use tokio::time::{Instant, sleep};

use crate::setup::{PATIENCE, Running, Setup, Store, batch};

const HOUR: Duration = Duration::from_secs(3_600);

fn repo() -> RepoClaim {
    RepoClaim {
        repo: "r".into(),
        layer: "ast".into(),
        root: Some("/r".into()),
        remote: None,
        other_root: OtherRoot::Refuse,
        origin: Origin::Ours,
        generation: 7,
        ended: None,
    }
}

fn fails(kind: ErrorKind, times: usize) -> Scripted {
    Scripted::new((0..times).map(|_| Fault::Before(Error::new(kind, "as it was asked to"))))
}

/// A repository, then units.
async fn send(running: &Running) {
    running.sender.send_claim(repo()).await.expect("taken");
    running.send(batch(0, 3)).await;
}

#[tokio::test(start_paused = true)]
async fn settling_that_fails_for_now_is_tried_again() {
    let store = [Store::good()];
    store[0].faulty.turn_settle(fails(ErrorKind::Transient, 3));
    let running = Setup::default().start(&store);
    send(&running).await;
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none(), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn settling_may_take_as_long_as_the_backend_answers_its_probes() {
    let store = [Store::good()];
    store[0].faulty.turn_settle(slow(HOUR));
    let running = Setup::default().start(&store);
    send(&running).await;
    let start = Instant::now();
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none(), "{reports:?}");
    assert!(start.elapsed() >= HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_while_it_settles_is_given_up_and_the_others_are_told_of() {
    let stores = [Store::good(), Store::good()];
    stores[0].faulty.turn_settle(hanging());
    let running = Setup::default().start(&stores);
    send(&running).await;
    stores[0].faulty.turn_health(hanging());
    let start = Instant::now();
    let (reports, _) = running.finish().await;
    let error = reports[0].error.as_ref().expect("given up");
    assert!(error.message.starts_with("settling: no answer for"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(600), "{:?}", start.elapsed());
    assert_eq!((reports[0].receipt.written, reports[1].receipt.written), (3, 3));
    assert!(reports[1].error.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_away_while_it_settled_and_is_back_is_asked_again() {
    let store = [Store::good()];
    store[0].faulty.turn_settle(Scripted::new([Fault::Hang]));
    let running = Setup::default().start(&store);
    let mut health = running.monitors[0].watch();
    send(&running).await;
    let finish = tokio::spawn(running.finish());
    sleep(Duration::from_secs(1)).await;
    store[0].faulty.turn_health(dead());
    health.wait_for(|health| *health != Health::Healthy).await.expect("watched");
    store[0].faulty.turn_health(Scripted::default());
    let (reports, _) = finish.await.expect("no panic");
    assert!(reports[0].error.is_none(), "{reports:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_stopped_does_not_wait_for_settling() {
    let store = [Store::good()];
    store[0].faulty.turn_settle(hanging());
    let running = Setup::default().start(&store);
    send(&running).await;
    let cancelled = running.cancelled.clone();
    let finish = tokio::spawn(running.finish());
    sleep(Duration::from_secs(10)).await;
    let start = Instant::now();
    cancelled.cancel();
    let (reports, _) = finish.await.expect("no panic");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(reports[0].error.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_cannot_be_recorded_for_now_is_recorded_before_its_units() {
    let store = [Store::good()];
    store[0].faulty.turn_admin(fails(ErrorKind::Transient, 4));
    let running = Setup::default().start(&store);
    send(&running).await;
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none(), "{reports:?}");
    assert_eq!(store[0].kept().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_records_nothing_is_given_up_when_patience_ends() {
    for hangs in [true, false] {
        let store = [Store::good()];
        match hangs {
            true => store[0].faulty.turn_admin(hanging()),
            false => store[0].faulty.turn_admin(dead()),
        }
        let running = Setup::default().start(&store);
        send(&running).await;
        let start = Instant::now();
        let (reports, _) = running.finish().await;
        assert!(reports[0].error.is_some());
        assert!(start.elapsed() <= PATIENCE * 2, "{:?}", start.elapsed());
        assert_eq!(store[0].kept().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_to_set_right_pauses_a_lane_that_waits_and_ends_one_that_does_not() {
    for (kind, times) in [(ErrorKind::Misconfigured, 2), (ErrorKind::Unexpected, 7)] {
        for patience in [Patience::Wait, Patience::GiveUp(PATIENCE)] {
            let store = [Store::good()];
            store[0].faulty.turn_admin(fails(kind, times));
            let running = Setup { patience, ..Setup::default() }.start(&store);
            let mut health = running.monitors[0].watch();
            send(&running).await;
            let paused = tokio::time::timeout(HOUR, async {
                health.wait_for(|health| *health == Health::Degraded).await.is_ok()
            });
            let paused = paused.await == Ok(true);
            let (reports, _) = running.finish().await;
            let waits = patience == Patience::Wait;
            assert_eq!((paused, reports[0].error.is_none()), (waits, waits), "{kind:?}");
            assert_eq!(store[0].kept().len(), if waits { 3 } else { 0 });
        }
    }
}

//! How a backend is, as its monitor sees it.

use std::time::Duration;

use astload_backends::Error;
use astload_fixtures::backends::{Fault, Scripted, dead, hanging};
use astload_pipeline::health::{Health, HealthEvent};
use astload_pipeline::lane::Patience;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::setup::{Setup, Store, batch};

/// The changes that were told, as far as they were.
fn changes(events: &mut broadcast::Receiver<HealthEvent>) -> Vec<(Health, Health)> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|event| (event.from, event.to)).collect()
}

async fn becomes(running: &crate::setup::Running, health: Health) {
    let mut watch = running.monitors[0].watch();
    let reached = watch.wait_for(|now| *now == health);
    tokio::time::timeout(Duration::from_secs(600), reached)
        .await
        .unwrap_or_else(|_| panic!("it never became {health:?}"))
        .expect("the monitor lives");
}

#[tokio::test(start_paused = true)]
async fn a_good_backend_is_healthy_then_drained_then_closed() {
    use Health::{Closed, Draining, Healthy, Starting};
    let store = [Store::good()];
    let running = Setup::default().start(&store);
    let monitor = running.monitors[0].clone();
    let mut events = monitor.subscribe();
    becomes(&running, Healthy).await;
    running.send(batch(0, 3)).await;
    running.finish().await;
    monitor.close();
    let expected = [(Starting, Healthy), (Healthy, Draining), (Draining, Closed)];
    assert_eq!(changes(&mut events), expected);
}

#[tokio::test(start_paused = true)]
async fn a_backend_whose_writes_fail_is_degraded_until_they_do_not() {
    let store = [Store::good()];
    let running = Setup { patience: Patience::Wait, ..Setup::default() }.start(&store);
    becomes(&running, Health::Healthy).await;
    store[0].faulty.turn(dead());
    let mut events = running.monitors[0].subscribe();
    running.send(batch(0, 3)).await;
    becomes(&running, Health::Degraded).await;
    store[0].faulty.turn(Scripted::default());
    becomes(&running, Health::Healthy).await;
    assert_eq!(store[0].kept().len(), 3);
    let told = changes(&mut events);
    assert_eq!(told.first(), Some(&(Health::Healthy, Health::Degraded)));
    assert_eq!(told.last(), Some(&(Health::Degraded, Health::Healthy)));
    running.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_is_unavailable_and_asked_more_often() {
    use Health::{Degraded, Healthy, Unavailable};
    let store = [Store::good()];
    let running = Setup { patience: Patience::Wait, ..Setup::default() }.start(&store);
    becomes(&running, Healthy).await;
    let mut events = running.monitors[0].subscribe();
    store[0].faulty.turn_health(hanging());
    let start = Instant::now();
    becomes(&running, Unavailable).await;
    // A healthy one is asked every 30 s, then after 5 s; an answer may take 10 s.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let start = Instant::now();
    store[0].faulty.turn_health(Scripted::default());
    becomes(&running, Healthy).await;
    assert!(start.elapsed() < Duration::from_secs(16), "{:?}", start.elapsed());
    let expected = [
        (Healthy, Degraded),
        (Degraded, Unavailable),
        (Unavailable, Degraded),
        (Degraded, Healthy),
    ];
    assert_eq!(changes(&mut events), expected);
    running.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_somebody_has_to_help_pauses_and_a_good_probe_resumes_it() {
    let fails = || Fault::Before(Error::misconfigured("the password is wrong"));
    let store = [Store::new(Scripted::new([fails(), fails()]))];
    let running = Setup { patience: Patience::Wait, ..Setup::default() }.start(&store);
    let mut events = running.monitors[0].subscribe();
    running.send(batch(0, 3)).await;
    running.send(batch(3, 3)).await;
    let (reports, _) = running.finish().await;
    assert!(reports[0].error.is_none());
    assert_eq!(store[0].kept().len(), 6);
    let mut reasons = Vec::new();
    while let Ok(event) = events.try_recv() {
        reasons.push(event.reason);
    }
    let pauses = reasons.iter().filter(|reason| reason.contains("the password is wrong")).count();
    assert_eq!(pauses, 2, "{reasons:?}");
}

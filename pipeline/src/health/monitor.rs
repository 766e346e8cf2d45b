//! Watches one backend: probes it, hears of its breaker and its lane, and tells of every change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use astload_backends::{Backend, Error, Guarded, HealthReport};
use astload_config::HealthSettings;
use astload_connection::BreakerState;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, field};

use super::state::{Health, Signs};

/// Changes that a subscriber may be behind.
const EVENTS: usize = 256;

/// How often a backend is asked how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorSettings {
    /// While it is healthy.
    pub interval: Duration,
    /// While it is not.
    pub unhealthy_interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            unhealthy_interval: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
        }
    }
}

impl MonitorSettings {
    /// The same, with what is configured.
    #[must_use]
    pub fn configured(self, health: &HealthSettings) -> Self {
        Self {
            interval: health.interval.unwrap_or(self.interval),
            unhealthy_interval: health.unhealthy_interval.unwrap_or(self.unhealthy_interval),
            timeout: health.timeout.unwrap_or(self.timeout),
        }
    }
}

/// A change of a backend's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthEvent {
    /// The backend.
    pub backend: String,
    /// How it was.
    pub from: Health,
    /// How it is.
    pub to: Health,
    /// What showed it.
    pub reason: String,
}

/// Watches one backend. Clones share it.
#[derive(Debug, Clone)]
pub struct Monitor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    backend: String,
    settings: MonitorSettings,
    signs: Mutex<Signs>,
    state: watch::Sender<Health>,
    /// Probes that were answered well.
    good_probes: watch::Sender<u64>,
    events: broadcast::Sender<HealthEvent>,
    /// The lane pauses, or goes on.
    changed: Notify,
}

/// A write that pauses; dropped, it goes on, or is given up.
struct Paused<'a>(&'a Monitor);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.see("its lane goes on".into(), |signs| signs.paused -= 1);
    }
}

impl Monitor {
    /// Who will watch a backend of this name.
    pub fn new(backend: impl Into<String>, settings: MonitorSettings) -> Self {
        let signs = Signs { failed_probes: 0, breaker: BreakerState::Closed, paused: 0 };
        Self(Arc::new(Shared {
            backend: backend.into(),
            settings,
            signs: Mutex::new(signs),
            state: watch::channel(Health::Starting).0,
            good_probes: watch::channel(0).0,
            events: broadcast::channel(EVENTS).0,
            changed: Notify::new(),
        }))
    }

    /// How the backend is, and the changes of it, of which a slow reader sees the last.
    pub fn watch(&self) -> watch::Receiver<Health> {
        self.0.state.subscribe()
    }

    /// Every change from now on, in order.
    pub fn subscribe(&self) -> broadcast::Receiver<HealthEvent> {
        self.0.events.subscribe()
    }

    /// Probes the backend until it is closed or `stop` is cancelled.
    pub async fn run(&self, backend: Arc<Guarded>, stop: CancellationToken) {
        let mut breaker = backend.breaker().watch();
        let mut next = Instant::now();
        while !stop.is_cancelled() && *self.0.state.borrow() != Health::Closed {
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep_until(next) => {
                    self.probe(backend.as_ref()).await;
                    next = Instant::now() + self.interval();
                }
                Ok(()) = breaker.changed() => {
                    let state = *breaker.borrow_and_update();
                    self.see(format!("its breaker is {}", state.name()), |signs| signs.breaker = state);
                    next = next.min(Instant::now() + self.interval());
                }
                () = self.0.changed.notified() => {
                    next = next.min(Instant::now() + self.interval());
                }
            }
        }
    }

    /// How long until the next probe: by chance a tenth more or less, so that many backends are not
    /// asked at once.
    fn interval(&self) -> Duration {
        let settings = self.0.settings;
        let interval = match *self.0.state.borrow() {
            Health::Healthy => settings.interval,
            Health::Starting
            | Health::Degraded
            | Health::Unavailable
            | Health::Draining
            | Health::Closed => settings.unhealthy_interval,
        };
        interval.mul_f64(0.9 + 0.2 * fastrand::f64())
    }

    async fn probe(&self, backend: &Guarded) {
        let most = self.0.settings.timeout;
        let span = tracing::info_span!(
            "probe",
            backend = self.0.backend,
            latency_ms = field::Empty,
            error = field::Empty
        );
        let answer = timeout(most, backend.health_check()).instrument(span.clone()).await;
        let answer =
            answer.unwrap_or_else(|_| Err(Error::transient(format!("no answer for {most:?}"))));
        match &answer {
            Ok(HealthReport { latency, .. }) => {
                let latency_ms = latency.as_secs_f64() * 1e3;
                span.record("latency_ms", latency_ms);
                tracing::debug!(target: "audit", event = "probe", backend = self.0.backend, latency_ms);
            }
            Err(error) => {
                span.record("error", field::display(error));
                tracing::debug!(target: "audit", event = "probe", backend = self.0.backend, %error);
            }
        }
        let _inside = span.enter();
        match answer {
            Ok(_) => {
                self.see("it answers".into(), |signs| signs.failed_probes = 0);
                self.0.good_probes.send_modify(|probes| *probes += 1);
            }
            Err(error) => {
                let reason = format!("a probe failed: {error}");
                self.see(reason, |signs| {
                    signs.failed_probes = signs.failed_probes.saturating_add(1)
                });
            }
        }
    }

    /// A write of the lane pauses until the backend answers a probe.
    pub async fn wait_out(&self, reason: &str) {
        let mut good_probes = self.0.good_probes.subscribe();
        self.see(format!("its lane pauses: {reason}"), |signs| signs.paused += 1);
        let _paused = Paused(self);
        self.0.changed.notify_one();
        // The sender is this monitor's own.
        good_probes.changed().await.ok();
    }

    /// Probes that were answered well, so far and from now on.
    pub fn good_probes(&self) -> watch::Receiver<u64> {
        self.0.good_probes.subscribe()
    }

    /// Within this it is asked at least once, and either answers or is known not to.
    pub fn longest_silence(&self) -> Duration {
        let MonitorSettings { interval, timeout, .. } = self.0.settings;
        interval * 2 + timeout
    }

    /// It gets what it still has to get, and nothing after that.
    pub fn drain(&self, reason: &str) {
        self.change_to(Health::Draining, reason);
    }

    /// Nobody uses it any more.
    pub fn close(&self) {
        self.change_to(Health::Closed, "it was closed");
        self.0.changed.notify_one();
    }

    fn see(&self, reason: String, sign: impl FnOnce(&mut Signs)) {
        let mut signs = self.signs();
        sign(&mut signs);
        let (health, now) = (signs.health(), *self.0.state.borrow());
        match now {
            Health::Draining | Health::Closed => {}
            Health::Starting | Health::Healthy | Health::Degraded | Health::Unavailable => {
                self.step_to(health, &reason, &signs);
            }
        }
    }

    fn change_to(&self, target: Health, reason: &str) {
        self.step_to(target, reason, &self.signs());
    }

    /// Changes by legal steps; each of them is an event. The lock is held while it is told, so that
    /// everybody hears of changes in their order.
    fn step_to(&self, target: Health, reason: &str, _signs: &MutexGuard<'_, Signs>) {
        loop {
            let from = *self.0.state.borrow();
            let Some(to) = from.step_to(target) else { return };
            self.0.state.send_replace(to);
            let backend = self.0.backend.clone();
            tracing::info!(backend, from = from.name(), to = to.name(), reason, "health changed");
            tracing::info!(
                target: "audit", event = "health", backend, from = from.name(), to = to.name(), reason
            );
            let reason = reason.to_owned();
            // Where nobody listens, nobody has to hear.
            self.0.events.send(HealthEvent { backend, from, to, reason }).ok();
        }
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

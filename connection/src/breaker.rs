//! Stops calling a store that fails, and lets one call at a time find out whether it lives again.
//!
//! failsafe decides when a store has failed too often. It lets everybody through a half-open
//! breaker, forgets a call whose future was dropped, and does not say what state it is in; that,
//! and the time an open breaker stays open, is the gate's, which is here. The gate's clock is
//! tokio's, so that tests can turn it.

use std::fmt;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use failsafe::{Instrument, StateMachine};
use tokio::sync::watch;
use tokio::time::Instant;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Faults in a row that open it.
    pub faults: u32,
    /// How long it stays open at first; twice as long each time that it does not help.
    pub cooldown: Duration,
    /// How long at most.
    pub cooldown_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        let (cooldown, cooldown_max) = (Duration::from_secs(1), Duration::from_secs(60));
        Self { faults: 5, cooldown, cooldown_max }
    }
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Every call.
    Closed,
    /// None.
    Open,
    /// One call, which decides.
    HalfOpen,
}

impl BreakerState {
    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// A call that a breaker did not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct Rejected {
    /// When another attempt may be let through.
    pub retry_after: Duration,
}

/// Counts faults in a row; how long it stays open is the gate's, so here it does not.
type Machine = StateMachine<ConsecutiveFailures<iter::Repeat<Duration>>, Tripped>;

/// A circuit breaker. Clones share its state.
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    settings: BreakerSettings,
    machine: Machine,
    tripped: Tripped,
    gate: Mutex<Gate>,
    state: watch::Sender<BreakerState>,
}

/// Whether failsafe holds the store to be dead.
#[derive(Debug, Clone, Default)]
struct Tripped(Arc<AtomicBool>);

impl Instrument for Tripped {
    fn on_call_rejected(&self) {}

    fn on_open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn on_half_open(&self) {}

    fn on_closed(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy)]
enum Gate {
    Closed,
    Open {
        until: Instant,
        cooldown: Duration,
    },
    /// Whether the call that decides is under way.
    HalfOpen {
        deciding: bool,
        cooldown: Duration,
    },
}

/// Leave for one call. Dropped without a word, it counts as a fault: a call that was given up is
/// one that did not answer.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a fault"]
pub struct Permit {
    breaker: Option<Breaker>,
    /// Whether its call decides for a half-open breaker.
    decides: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        let tripped = Tripped::default();
        let never_open = iter::repeat(Duration::ZERO);
        let policy = consecutive_failures(settings.faults.max(1), never_open);
        let machine = StateMachine::new(policy, tripped.clone());
        let (state, _) = watch::channel(BreakerState::Closed);
        let gate = Mutex::new(Gate::Closed);
        Self(Arc::new(Shared { settings, machine, tripped, gate, state }))
    }

    /// What it lets through now.
    pub fn state(&self) -> BreakerState {
        *self.0.state.borrow()
    }

    /// Tells of every change.
    pub fn watch(&self) -> watch::Receiver<BreakerState> {
        self.0.state.subscribe()
    }

    /// Asks for leave to call.
    ///
    /// # Errors
    /// [`Rejected`] while it is open, or half-open and another call decides.
    pub fn admit(&self) -> Result<Permit, Rejected> {
        let permit = |decides| Permit { breaker: Some(self.clone()), decides };
        self.change(|gate| match *gate {
            Gate::Closed => Ok(permit(false)),
            Gate::Open { until, cooldown } => {
                let retry_after = until.saturating_duration_since(Instant::now());
                if !retry_after.is_zero() {
                    return Err(Rejected { retry_after });
                }
                *gate = Gate::HalfOpen { deciding: true, cooldown };
                Ok(permit(true))
            }
            Gate::HalfOpen { deciding: false, cooldown } => {
                *gate = Gate::HalfOpen { deciding: true, cooldown };
                Ok(permit(true))
            }
            Gate::HalfOpen { deciding: true, .. } => {
                Err(Rejected { retry_after: self.0.settings.cooldown })
            }
        })
    }

    /// The store answered somebody else, such as a health probe: an open breaker lets a call
    /// through at once.
    pub fn allow_probe(&self) {
        self.change(|gate| {
            if let Gate::Open { cooldown, .. } = *gate {
                *gate = Gate::HalfOpen { deciding: false, cooldown };
            }
        });
    }

    /// Changes the gate, and tells those who watch.
    fn change<T>(&self, change: impl FnOnce(&mut Gate) -> T) -> T {
        let mut gate = self.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let value = change(&mut gate);
        let state = match *gate {
            Gate::Closed => BreakerState::Closed,
            Gate::Open { .. } => BreakerState::Open,
            Gate::HalfOpen { .. } => BreakerState::HalfOpen,
        };
        self.0.state.send_if_modified(|shown| std::mem::replace(shown, state) != state);
        value
    }

    fn answered(&self, decides: bool) {
        self.change(|gate| {
            // A slow call that began before the breaker opened decides nothing.
            if decides {
                self.0.machine.reset();
                *gate = Gate::Closed;
            } else if let Gate::Closed = gate {
                self.0.machine.on_success();
            }
        });
    }

    fn failed(&self, decides: bool) {
        let BreakerSettings { cooldown, cooldown_max, .. } = self.0.settings;
        self.change(|gate| {
            let open = |cooldown| Gate::Open { until: Instant::now() + cooldown, cooldown };
            match *gate {
                Gate::Closed => {
                    self.0.machine.on_error();
                    if self.0.tripped.0.load(Ordering::Relaxed) {
                        *gate = open(cooldown);
                    }
                }
                Gate::HalfOpen { cooldown, .. } if decides => {
                    *gate = open(cooldown.saturating_mul(2).min(cooldown_max));
                }
                Gate::Open { .. } | Gate::HalfOpen { .. } => {}
            }
        });
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Permit {
    /// The store answered: with what was asked for, or with a refusal, which shows that it lives.
    pub fn answered(mut self) {
        if let Some(breaker) = self.breaker.take() {
            breaker.answered(self.decides);
        }
    }

    /// The store did not answer, or said that it cannot.
    pub fn failed(self) {
        drop(self);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(breaker) = self.breaker.take() {
            breaker.failed(self.decides);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        faults: 3,
        cooldown: Duration::from_secs(1),
        cooldown_max: Duration::from_secs(3),
    };

    fn permit(breaker: &Breaker) -> Permit {
        breaker.admit().expect("let through")
    }

    fn retry_after(breaker: &Breaker) -> Duration {
        breaker.admit().expect_err("not let through").retry_after
    }

    fn opened() -> Breaker {
        let breaker = Breaker::new(SETTINGS);
        (0..SETTINGS.faults).for_each(|_| permit(&breaker).failed());
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn faults_in_a_row_open_it() {
        let breaker = Breaker::new(SETTINGS);
        for _ in 0..10 {
            permit(&breaker).failed();
            permit(&breaker).failed();
            permit(&breaker).answered();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(retry_after(&opened()), SETTINGS.cooldown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_is_dropped_is_a_fault() {
        let breaker = Breaker::new(SETTINGS);
        (0..SETTINGS.faults).for_each(|_| drop(permit(&breaker)));
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_cooldown_one_call_of_fifty_is_let_through() {
        let breaker = opened();
        tokio::time::advance(SETTINGS.cooldown / 4).await;
        assert_eq!(retry_after(&breaker), SETTINGS.cooldown * 3 / 4);
        tokio::time::advance(SETTINGS.cooldown * 3 / 4).await;
        let mut calls: Vec<_> = (0..50).map(|_| breaker.admit()).collect();
        assert_eq!(calls.iter().filter(|call| call.is_ok()).count(), 1);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        calls.remove(0).expect("the first").answered();
        assert_eq!(breaker.state(), BreakerState::Closed);
        let calls: Vec<_> = (0..50).map(|_| permit(&breaker)).collect();
        calls.into_iter().for_each(Permit::answered);
    }

    #[tokio::test(start_paused = true)]
    async fn the_cooldown_grows_to_its_bound_and_begins_anew() {
        let breaker = opened();
        for expected in [2, 3, 3] {
            tokio::time::advance(SETTINGS.cooldown_max).await;
            permit(&breaker).failed();
            assert_eq!(retry_after(&breaker), Duration::from_secs(expected));
        }
        tokio::time::advance(SETTINGS.cooldown_max).await;
        permit(&breaker).answered();
        (0..SETTINGS.faults).for_each(|_| permit(&breaker).failed());
        assert_eq!(retry_after(&breaker), SETTINGS.cooldown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_probe_half_opens_it_at_once() {
        let breaker = opened();
        breaker.allow_probe();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let decides = permit(&breaker);
        assert!(breaker.admit().is_err());
        decides.failed();
        assert_eq!(breaker.state(), BreakerState::Open);
        let closed = Breaker::new(SETTINGS);
        closed.allow_probe();
        assert_eq!(closed.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_it_opened_decides_nothing() {
        let breaker = Breaker::new(SETTINGS);
        let (slow, slower) = (permit(&breaker), permit(&breaker));
        (0..SETTINGS.faults).for_each(|_| permit(&breaker).failed());
        slow.answered();
        assert_eq!(breaker.state(), BreakerState::Open);
        tokio::time::advance(SETTINGS.cooldown).await;
        let decides = permit(&breaker);
        slower.failed();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        decides.answered();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn every_change_is_told_to_those_who_watch() {
        let breaker = Breaker::new(SETTINGS);
        let mut states = breaker.watch();
        let mut next = || {
            assert!(states.has_changed().expect("it lives"));
            *states.borrow_and_update()
        };
        (0..SETTINGS.faults).for_each(|_| permit(&breaker).failed());
        assert_eq!(next(), BreakerState::Open);
        tokio::time::advance(SETTINGS.cooldown).await;
        let decides = permit(&breaker);
        assert_eq!(next(), BreakerState::HalfOpen);
        decides.answered();
        assert_eq!(next(), BreakerState::Closed);
    }
}

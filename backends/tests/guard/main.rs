//! The rules of the guard, with a clock that the test turns.

use std::sync::Arc;
use std::time::Duration;

use astload_backends::{Backend, Error, ErrorKind, GuardSettings, Guarded, Receipt, Result};
use astload_connection::{
    BackoffSettings, BreakerSettings, BreakerState, BudgetSettings, LimiterSettings,
};
use astload_fixtures::backends::{
    Call, Fault, Faults, Faulty, Memory, Recorder, Scripted, dead, hanging, slow,
};
use astload_fixtures::units::{UnitValue, batch_of};
use astload_model::Batch;
use tokio::time::Instant;

const SETTINGS: GuardSettings = GuardSettings {
    attempt_timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(10),
    backoff: BackoffSettings {
        first: Duration::from_millis(100),
        longest: Duration::from_millis(200),
    },
    budget: BudgetSettings { ratio: 0.2, per_second: 1.0, most: 1_000.0 },
    limit: LimiterSettings { min: 1, max: 64 },
    breaker: BreakerSettings {
        faults: 5,
        cooldown: Duration::from_secs(3),
        cooldown_max: Duration::from_secs(12),
    },
};

/// A guarded backend that fails as it is told, and what reached it.
struct Setup {
    guarded: Arc<Guarded>,
    recorder: Arc<Recorder>,
    faulty: Arc<Faulty>,
    memory: Memory,
}

impl Setup {
    fn new(faults: impl Faults, settings: GuardSettings) -> Self {
        let memory = Memory::default();
        let faulty = Arc::new(Faulty::new(Arc::new(memory.clone()), faults));
        let recorder = Arc::new(Recorder::new(faulty.clone()));
        let guarded = Arc::new(Guarded::new("store", recorder.clone(), settings));
        Self { guarded, recorder, faulty, memory }
    }

    async fn write(&self) -> Result<Receipt> {
        self.guarded.write_batch(&batch()).await
    }

    fn calls(&self) -> Vec<Call> {
        self.recorder.calls()
    }

    /// Fails until the breaker is open.
    async fn open_breaker(&self) {
        self.faulty.turn(dead());
        while self.guarded.breaker().state() != BreakerState::Open {
            self.write().await.expect_err("dead");
        }
    }
}

fn batch() -> Batch {
    batch_of(&[UnitValue { generation: Some(1), ..UnitValue::sample("a") }])
}

fn before(kind: ErrorKind) -> Fault {
    Fault::Before(Error::new(kind, "as scripted"))
}

fn transient(count: usize) -> impl Iterator<Item = Fault> {
    (0..count).map(|_| before(ErrorKind::Transient))
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_tried_again_until_it_is_over() {
    let setup = Setup::new(Scripted::new(transient(3)), SETTINGS);
    assert_eq!(setup.write().await.expect("written").written, 1);
    assert_eq!(setup.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_will_never_succeed_is_tried_once() {
    for kind in [ErrorKind::Refused, ErrorKind::TooLarge, ErrorKind::Misconfigured] {
        let setup = Setup::new(Scripted::new([before(kind)]), SETTINGS);
        assert_eq!(setup.write().await.expect_err("not written").kind, kind);
        assert_eq!(setup.calls().len(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unexpected_is_tried_three_times() {
    let faults = (0..9).map(|_| before(ErrorKind::Unexpected));
    let setup = Setup::new(Scripted::new(faults), SETTINGS);
    assert_eq!(setup.write().await.expect_err("not written").kind, ErrorKind::Unexpected);
    assert_eq!(setup.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_kept() {
    for faults in [Box::new(dead()) as Box<dyn Faults>, Box::new(hanging())] {
        let never = BreakerSettings { faults: u32::MAX, ..SETTINGS.breaker };
        let setup = Setup::new(faults, GuardSettings { breaker: never, ..SETTINGS });
        let start = Instant::now();
        let error = setup.write().await.expect_err("not written");
        assert_eq!(error.kind, ErrorKind::Transient);
        assert!(start.elapsed() <= SETTINGS.deadline, "{:?}", start.elapsed());
        assert!(start.elapsed() > SETTINGS.deadline / 2, "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_asks_for_time_gets_it() {
    let wish = Duration::from_secs(2);
    let busy = Error::transient("busy").with_retry_after(wish);
    let setup = Setup::new(Scripted::new([Fault::Before(busy)]), SETTINGS);
    setup.write().await.expect("written");
    let calls = setup.calls();
    assert!(calls[1].began - calls[0].began >= wish);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_come_after_the_deadline_is_not_waited_for() {
    let late = Error::transient("busy").with_retry_after(SETTINGS.deadline);
    let setup = Setup::new(Scripted::new([Fault::Before(late)]), SETTINGS);
    let start = Instant::now();
    setup.write().await.expect_err("not written");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn retries_stay_in_their_budget() {
    let budget = BudgetSettings { ratio: 0.0, per_second: 0.001, most: 4.0 };
    let never = BreakerSettings { faults: u32::MAX, ..SETTINGS.breaker };
    let settings = GuardSettings { budget, breaker: never, ..SETTINGS };
    let setup = Setup::new(dead(), settings);
    setup.write().await.expect_err("dead");
    assert_eq!(setup.calls().len(), 5, "one call and four retries");
    setup.write().await.expect_err("dead");
    assert_eq!(setup.calls().len(), 6, "one call alone");
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_is_made_good_by_the_retry() {
    let lost = Fault::After(Error::transient("connection reset"));
    let setup = Setup::new(Scripted::new([lost]), SETTINGS);
    setup.write().await.expect("written");
    assert_eq!((setup.calls().len(), setup.memory.kept().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_makes_no_call_and_says_when_to_come_back() {
    let settings = GuardSettings { deadline: Duration::from_secs(2), ..SETTINGS };
    let setup = Setup::new(dead(), settings);
    setup.open_breaker().await;
    let calls = setup.calls().len();
    tokio::time::advance(Duration::from_millis(500)).await;
    let error = setup.write().await.expect_err("open");
    assert_eq!((error.kind, setup.calls().len()), (ErrorKind::Transient, calls));
    let rest = SETTINGS.breaker.cooldown - Duration::from_millis(500);
    let wait = error.retry_after.expect("it is known");
    assert!(wait <= rest && wait > rest / 2, "{wait:?} of {rest:?}");
    // What broke it is what helps.
    assert!(error.message.contains("connection refused (the circuit breaker is open"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_fifty_calls_on_a_half_open_breaker_one_goes_through() {
    let setup = Setup::new(dead(), SETTINGS);
    setup.open_breaker().await;
    let calls = setup.calls().len();
    setup.faulty.turn(hanging());
    tokio::time::advance(SETTINGS.breaker.cooldown_max).await;
    let writes: Vec<_> = (0..50)
        .map(|_| {
            let guarded = setup.guarded.clone();
            tokio::spawn(async move { guarded.write_batch(&batch()).await })
        })
        .collect();
    tokio::time::sleep(SETTINGS.attempt_timeout / 2).await;
    assert_eq!(setup.calls().len(), calls + 1);
    writes.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(start_paused = true)]
async fn a_good_probe_lets_a_write_through_an_open_breaker() {
    let setup = Setup::new(dead(), SETTINGS);
    setup.open_breaker().await;
    setup.faulty.turn(Scripted::default());
    setup.guarded.health_check().await.expect("well");
    let start = Instant::now();
    setup.write().await.expect("written");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(setup.guarded.breaker().state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn refusals_do_not_count_against_the_store() {
    for kind in [ErrorKind::Refused, ErrorKind::TooLarge, ErrorKind::Misconfigured] {
        let faults = (0..50).map(|_| before(kind));
        let setup = Setup::new(Scripted::new(faults), SETTINGS);
        for _ in 0..50 {
            setup.write().await.expect_err("not written");
        }
        assert_eq!(setup.guarded.breaker().state(), BreakerState::Closed, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_between_faults_shows_that_the_store_lives() {
    let faults = (0..12).map(|at| match at % 3 {
        2 => before(ErrorKind::Refused),
        _ => before(ErrorKind::Unexpected),
    });
    let setup = Setup::new(Scripted::new(faults), SETTINGS);
    for _ in 0..4 {
        assert_eq!(setup.write().await.expect_err("refused").kind, ErrorKind::Refused);
    }
    assert_eq!(setup.guarded.breaker().state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_future_is_dropped_counts_as_a_fault() {
    let setup = Setup::new(hanging(), SETTINGS);
    for _ in 0..SETTINGS.breaker.faults {
        assert_eq!(setup.guarded.breaker().state(), BreakerState::Closed);
        let write = tokio::time::timeout(SETTINGS.attempt_timeout / 2, setup.write());
        write.await.expect_err("it hangs");
    }
    assert_eq!(setup.guarded.breaker().state(), BreakerState::Open);
    assert_eq!(setup.guarded.limiter().under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_given_up_and_tried_again() {
    let setup = Setup::new(Scripted::new([Fault::Hang]), SETTINGS);
    setup.write().await.expect("written");
    let calls = setup.calls();
    assert_eq!((calls.len(), calls[0].answer), (2, None));
    assert!(calls[1].began - calls[0].began >= SETTINGS.attempt_timeout);
}

#[tokio::test(start_paused = true)]
async fn no_room_is_held_while_waiting_to_try_again() {
    let settings = GuardSettings { limit: LimiterSettings { min: 1, max: 1 }, ..SETTINGS };
    let busy = Error::transient("busy").with_retry_after(Duration::from_secs(5));
    let setup = Setup::new(Scripted::new([Fault::Before(busy)]), settings);
    let guarded = setup.guarded.clone();
    let waits = tokio::spawn(async move { guarded.write_batch(&batch()).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((setup.calls().len(), setup.guarded.limiter().under_way()), (1, 0));
    setup.write().await.expect("room");
    assert!(!waits.is_finished());
    waits.await.expect("no panic").expect("written");
}

#[tokio::test(start_paused = true)]
async fn no_more_writes_than_the_limit_are_under_way() {
    let settings = GuardSettings { limit: LimiterSettings { min: 1, max: 3 }, ..SETTINGS };
    let setup = Setup::new(slow(Duration::from_millis(300)), settings);
    let start = Instant::now();
    let writes: Vec<_> = (0..9)
        .map(|_| {
            let guarded = setup.guarded.clone();
            tokio::spawn(async move { guarded.write_batch(&batch()).await })
        })
        .collect();
    for write in writes {
        write.await.expect("no panic").expect("written");
    }
    let rounds = start.elapsed().as_millis() / 300;
    assert_eq!(rounds, 3);
}

#[tokio::test(start_paused = true)]
async fn overload_halves_the_limit() {
    let overloaded = Error::transient("429").for_overload();
    let setup = Setup::new(Scripted::new([Fault::Before(overloaded)]), SETTINGS);
    setup.write().await.expect("written at last");
    assert_eq!(setup.guarded.limiter().limit(), 32);
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_in_time_is_told_so() {
    let settings = GuardSettings {
        limit: LimiterSettings { min: 1, max: 1 },
        attempt_timeout: Duration::from_secs(60),
        ..SETTINGS
    };
    let setup = Setup::new(hanging(), settings);
    let guarded = setup.guarded.clone();
    let first = tokio::spawn(async move { guarded.write_batch(&batch()).await });
    tokio::task::yield_now().await;
    let error = setup.write().await.expect_err("no room");
    assert_eq!(error.kind, ErrorKind::Transient);
    assert_eq!(setup.calls().len(), 1);
    first.abort();
}

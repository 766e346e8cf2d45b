//! How many calls a store is given at the same time: halved when it says that it is overloaded,
//! regained one by one.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Between which bounds the limit moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterSettings {
    /// The least, from 1.
    pub min: usize,
    /// The most, and where it begins; never more than the store's pool has connections, or waiting
    /// for one would look like a slow store.
    pub max: usize,
}

/// Bounds the calls that are under way. Clones share the bound.
///
/// Additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989).
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: LimiterSettings,
    calls: Mutex<Calls>,
    room: Notify,
}

#[derive(Debug)]
struct Calls {
    limit: usize,
    under_way: usize,
    /// Good answers since the limit changed.
    answered: usize,
    /// How often the limit was halved.
    halvings: u64,
}

/// Room for one call. Dropped, it makes room for the next one and moves no limit.
#[derive(Debug)]
#[must_use = "a slot that is dropped bounds nothing"]
pub struct Slot {
    limiter: Limiter,
    /// How often the limit had been halved when the call began.
    halvings: u64,
}

impl Limiter {
    /// A limiter that begins at its most.
    pub fn new(settings: LimiterSettings) -> Self {
        let min = settings.min.max(1);
        let settings = LimiterSettings { min, max: settings.max.max(min) };
        let calls = Calls { limit: settings.max, under_way: 0, answered: 0, halvings: 0 };
        Self(Arc::new(Shared { settings, calls: Mutex::new(calls), room: Notify::new() }))
    }

    /// Waits for room.
    pub async fn acquire(&self) -> Slot {
        loop {
            // Registered before the look, so that room made in between is not missed.
            let mut room = pin!(self.0.room.notified());
            room.as_mut().enable();
            {
                let mut calls = self.calls();
                if calls.under_way < calls.limit {
                    calls.under_way += 1;
                    return Slot { limiter: self.clone(), halvings: calls.halvings };
                }
            }
            room.await;
        }
    }

    /// How many calls may be under way now.
    pub fn limit(&self) -> usize {
        self.calls().limit
    }

    /// How many are.
    pub fn under_way(&self) -> usize {
        self.calls().under_way
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// The store took the call: after as many such answers as the limit is, it rises by one.
    pub fn answered(self) {
        let most = self.limiter.0.settings.max;
        let mut calls = self.limiter.calls();
        calls.answered += 1;
        if calls.answered >= calls.limit && calls.limit < most {
            calls.limit += 1;
            calls.answered = 0;
            drop(calls);
            self.limiter.0.room.notify_one();
        }
    }

    /// The store said that it is overloaded: the limit is halved, once for all calls that were
    /// under way together.
    pub fn overloaded(self) {
        let least = self.limiter.0.settings.min;
        let mut calls = self.limiter.calls();
        if self.halvings == calls.halvings {
            calls.limit = (calls.limit / 2).max(least);
            calls.answered = 0;
            calls.halvings += 1;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut calls = self.limiter.calls();
        calls.under_way -= 1;
        let room = calls.under_way < calls.limit;
        drop(calls);
        if room {
            self.limiter.0.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn limiter(min: usize, max: usize) -> Limiter {
        Limiter::new(LimiterSettings { min, max })
    }

    async fn waits(limiter: &Limiter) -> bool {
        timeout(Duration::from_secs(1), limiter.acquire()).await.is_err()
    }

    async fn slots(limiter: &Limiter, count: usize) -> Vec<Slot> {
        let mut slots = Vec::new();
        for _ in 0..count {
            slots.push(limiter.acquire().await);
        }
        slots
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_are_under_way() {
        let limiter = limiter(1, 3);
        let mut slots = slots(&limiter, 3).await;
        assert!(waits(&limiter).await);
        slots.pop();
        assert!(!waits(&limiter).await);
        assert_eq!(limiter.under_way(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn room_wakes_one_who_waits_even_if_another_gave_up() {
        let limiter = limiter(1, 1);
        let slot = limiter.acquire().await;
        let gives_up = tokio::spawn({
            let limiter = limiter.clone();
            async move { drop(limiter.acquire().await) }
        });
        let waits = tokio::spawn({
            let limiter = limiter.clone();
            async move { limiter.acquire().await }
        });
        tokio::task::yield_now().await;
        drop(slot);
        gives_up.abort();
        timeout(Duration::from_secs(1), waits).await.expect("woken").expect("a slot").answered();
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_get_their_turn() {
        let limiter = limiter(1, 4);
        let calls = (0..200).map(|call: u64| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let slot = limiter.acquire().await;
                assert!(limiter.under_way() <= limiter.limit().max(4));
                tokio::time::sleep(Duration::from_millis(call % 7)).await;
                match call % 10 {
                    0 => slot.overloaded(),
                    _ => slot.answered(),
                }
            })
        });
        let calls: Vec<_> = calls.collect();
        for call in calls {
            timeout(Duration::from_secs(60), call).await.expect("its turn").expect("no panic");
        }
        assert_eq!(limiter.under_way(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn overload_halves_the_limit_once_for_calls_that_were_under_way_together() {
        let limiter = limiter(3, 16);
        slots(&limiter, 16).await.into_iter().for_each(Slot::overloaded);
        assert_eq!(limiter.limit(), 8);
        for expected in [4, 3, 3] {
            limiter.acquire().await.overloaded();
            assert_eq!(limiter.limit(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_of_good_answers_regains_one() {
        let limiter = limiter(1, 4);
        limiter.acquire().await.overloaded();
        assert_eq!(limiter.limit(), 2);
        for expected in [2, 3, 3, 3, 4, 4, 4, 4, 4, 4] {
            limiter.acquire().await.answered();
            assert_eq!(limiter.limit(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_fell_below_what_is_under_way_lets_nobody_in_before_enough_ended() {
        let limiter = limiter(1, 4);
        let mut slots = slots(&limiter, 4).await;
        slots.pop().expect("one").overloaded();
        slots.pop();
        assert!(waits(&limiter).await, "two are under way, and may be");
        slots.pop();
        assert!(!waits(&limiter).await);
    }
}

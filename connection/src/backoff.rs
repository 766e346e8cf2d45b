//! How long to wait before the next attempt.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// The longest wait that a store may ask for: one that asks for more is mistaken.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffSettings {
    /// The first wait, at most.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

/// Waits that double, each of a length by chance from nothing to all of it ("full jitter"), so that
/// many callers do not come back at once.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[derive(Debug)]
pub struct Backoff {
    longest: Duration,
    waits: ExponentialBackoff,
}

impl Backoff {
    /// From the first wait on.
    pub fn new(settings: BackoffSettings) -> Self {
        let BackoffSettings { first, longest } = settings;
        let builder = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(longest)
            .without_max_times();
        Self { longest, waits: builder.build() }
    }

    /// The next wait, at least as long as the store asked for, up to a day.
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.waits.next().unwrap_or(self.longest).min(self.longest);
        let wait = wait.mul_f64(fastrand::f64());
        asked.map_or(wait, |asked| wait.max(asked.min(ASKED_MAX)))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BackoffSettings::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: BackoffSettings =
        BackoffSettings { first: Duration::from_millis(10), longest: Duration::from_secs(1) };

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread_over_all_of_it() {
        let mut most = [Duration::ZERO; 12];
        let mut least = [Duration::MAX; 12];
        for _ in 0..1_000 {
            let mut backoff = Backoff::new(SETTINGS);
            for at in 0..12 {
                let wait = backoff.next_wait(None);
                (most[at], least[at]) = (wait.max(most[at]), wait.min(least[at]));
            }
        }
        for at in 0..12 {
            let all = (SETTINGS.first * (1 << at)).min(SETTINGS.longest);
            assert!(most[at] <= all && most[at] > all / 2, "{at}: {:?} of {all:?}", most[at]);
            assert!(least[at] < all / 10, "{at}: {:?} of {all:?}", least[at]);
        }
    }

    #[test]
    fn the_store_s_wish_is_kept() {
        let asked = Duration::from_secs(7);
        assert_eq!(Backoff::new(SETTINGS).next_wait(Some(asked)), asked);
        assert_eq!(Backoff::new(SETTINGS).next_wait(Some(Duration::MAX)), ASKED_MAX);
    }
}

//! How long to wait before the next attempt.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Waits that grow, spread by chance so that many callers do not come back at once.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .without_max_times();
        Self(builder.build())
    }
}

impl Backoff {
    /// The next wait, at least as long as the store asked for.
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.0.next().unwrap_or(LONGEST);
        asked.map_or(wait, |asked| wait.max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..20).map(|_| backoff.next_wait(None)).collect();
        assert!(waits[0] >= FIRST && waits[0] <= 2 * FIRST, "{:?}", waits[0]);
        assert!(waits.iter().all(|wait| *wait <= 2 * LONGEST), "{waits:?}");
        assert!(waits[19] > waits[0]);
    }

    #[test]
    fn the_store_s_wish_is_kept() {
        let asked = Duration::from_secs(7);
        assert_eq!(Backoff::default().next_wait(Some(asked)), asked);
    }
}

//! How fast something is counted: over the last seconds, for what is fast at first may be slow later.

use std::collections::VecDeque;

/// Seconds over which a rate is taken.
const WINDOW: f64 = 10.0;

/// A count as it grows.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When it was how much, within the window.
    seen: VecDeque<(f64, u64)>,
    /// When it grew last.
    grew: f64,
}

impl Pace {
    /// Sees the count at a time, in seconds since the start.
    pub(super) fn see(&mut self, seconds: f64, count: u64) {
        if self.seen.is_empty() {
            self.seen.push_back((0.0, 0));
        }
        if self.seen.back().is_some_and(|(_, last)| *last != count) {
            self.grew = seconds;
        }
        self.seen.push_back((seconds, count));
        // The one at the window's edge stays.
        while self.seen.get(1).is_some_and(|(at, _)| *at <= seconds - WINDOW) {
            self.seen.pop_front();
        }
    }

    /// How much a second.
    pub(super) fn rate(&self) -> f64 {
        match (self.seen.front(), self.seen.back()) {
            (Some((from, before)), Some((to, now))) if to > from => {
                now.saturating_sub(*before) as f64 / (to - from)
            }
            _ => 0.0,
        }
    }

    /// How many seconds so much more takes; nothing where it does not grow.
    pub(super) fn time_for(&self, more: u64) -> Option<f64> {
        let rate = self.rate();
        (rate > 0.0).then(|| more as f64 / rate)
    }

    /// Seconds since it grew, or since the start.
    pub(super) fn still(&self) -> f64 {
        self.seen.back().map_or(0.0, |(now, _)| now - self.grew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let mut pace = Pace::default();
        assert_eq!((pace.rate(), pace.time_for(1), pace.still()), (0.0, None, 0.0));
        pace.see(2.0, 2_000);
        assert_eq!(pace.rate(), 1_000.0);
        (3..=30).for_each(|second| pace.see(f64::from(second), 2_000 + 10 * (second as u64 - 2)));
        assert_eq!((pace.rate(), pace.time_for(100)), (10.0, Some(10.0)));
        (31..=50).for_each(|second| pace.see(f64::from(second), 2_280));
        assert_eq!((pace.rate(), pace.time_for(1), pace.still()), (0.0, None, 20.0));
    }
}

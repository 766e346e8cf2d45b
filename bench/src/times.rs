//! How long each of many calls took.

use std::time::{Duration, Instant};

/// The times of many calls.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Measures a call.
    pub fn of<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = call();
        self.0.push(start.elapsed());
        done
    }

    /// Adds one that was measured.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds those of others.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Seconds of a call in the mean.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<Duration>().as_secs_f64() / self.0.len() as f64
    }

    /// Microseconds that so many of a hundred calls did not exceed.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut times = self.0.clone();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let at = (last as f64 * percent / 100.0).round() as usize;
        times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_that_so_many_did_not_exceed() {
        let mut times = Times::default();
        (0..=100).rev().for_each(|micros| times.push(Duration::from_micros(micros)));
        assert_eq!(
            [0.0, 50.0, 99.0, 100.0].map(|percent| times.percentile(percent)),
            [0.0, 50.0, 99.0, 100.0]
        );
        assert!(Times::default().percentile(50.0).is_nan());
    }
}

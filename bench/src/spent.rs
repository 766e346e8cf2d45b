//! What a piece of work took.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Time on the wall, and time on the cores: on a shared machine the second is the steadier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// On the wall.
    pub wall: Duration,
    /// On all cores, in this process.
    pub cpu: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

/// Measures from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    wall: Instant,
    cpu: Duration,
}

impl Meter {
    /// Starts to measure.
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: process_cpu() }
    }

    /// What was spent since.
    pub fn spent(&self) -> Spent {
        Spent { wall: self.wall.elapsed(), cpu: process_cpu().saturating_sub(self.cpu) }
    }

    /// What a piece of work took, with its result.
    pub fn of<T>(work: impl FnOnce() -> T) -> (T, Spent) {
        let meter = Self::start();
        let done = work();
        (done, meter.spent())
    }
}

fn process_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The middle of some numbers; of an even count, the mean of the two in the middle.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.as_slice() {
        [] => f64::NAN,
        numbers if numbers.len() % 2 == 1 => numbers[middle],
        numbers => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}

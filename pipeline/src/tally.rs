//! Units, counted for each lane.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::channel::{LANES_MAX, Lanes};

/// A number of units for each lane.
#[derive(Debug)]
pub struct Tally([AtomicU64; LANES_MAX]);

impl Default for Tally {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; LANES_MAX])
    }
}

impl Tally {
    /// Counts a unit for each of these lanes.
    pub fn add(&self, lanes: Lanes) {
        let mut left = lanes;
        while left != 0 {
            self.0[left.trailing_zeros() as usize].fetch_add(1, Ordering::Relaxed);
            left &= left - 1;
        }
    }

    /// Counts so many units for a lane.
    pub fn add_all(&self, lane: usize, units: u64) {
        if let Some(counted) = self.0.get(lane) {
            counted.fetch_add(units, Ordering::Relaxed);
        }
    }

    /// The units of a lane.
    pub fn of(&self, lane: usize) -> u64 {
        self.0.get(lane).map_or(0, |units| units.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_counts_for_the_lanes_that_it_concerns() {
        let tally = Tally::default();
        [0b101, 0b100, Lanes::MAX, 0].into_iter().for_each(|lanes| tally.add(lanes));
        assert_eq!([0, 1, 2, 63, 64].map(|lane| tally.of(lane)), [2, 1, 3, 1, 0]);
    }
}

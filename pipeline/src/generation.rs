//! Numbers the generations that are ours to give.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generation above the greatest that any target has seen, and no earlier than the clock: in
/// microseconds since 1970. The targets keep the greatest, so the clock may be set back.
pub fn next(greatest: u64) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    now.max(greatest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_above_the_greatest_even_when_the_clock_was_set_back() {
        let future = next(0) + 1_000_000_000_000;
        assert_eq!(next(future), future + 1);
    }
}

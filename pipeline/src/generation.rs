//! Numbers the generations that are ours to give.

use std::time::{SystemTime, UNIX_EPOCH};

use astload_model::limits::{GENERATION_MAX, UPSTREAM_GENERATION_MAX};

/// A generation above the greatest that any target has seen of a (repository, layer), and no earlier
/// than the clock: in microseconds since 1970. The targets keep the greatest, so the clock may be set
/// back. `None` where there is none that is greater.
pub fn next(greatest: u64) -> Option<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A clock that is far off must not use up what there is.
    let now = u64::try_from(since.as_micros()).unwrap_or(u64::MAX).min(UPSTREAM_GENERATION_MAX);
    let next = now.max(greatest.checked_add(1)?);
    (next <= GENERATION_MAX).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_above_the_greatest_even_when_the_clock_was_set_back() {
        let future = next(0).expect("there are many") + 1_000_000_000_000;
        assert_eq!(next(future), Some(future + 1));
    }

    #[test]
    fn after_the_greatest_there_is_none() {
        assert_eq!(next(UPSTREAM_GENERATION_MAX), Some(UPSTREAM_GENERATION_MAX + 1));
        assert_eq!(next(GENERATION_MAX - 1), Some(GENERATION_MAX));
        assert_eq!((next(GENERATION_MAX), next(u64::MAX)), (None, None));
    }
}

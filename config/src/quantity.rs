//! Durations and sizes as people write them: `30s`, `64MiB`. A number without a unit is refused.

use std::time::Duration;

use bytesize::ByteSize;

/// Longest duration. More is a mistake, and would overflow a clock.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The format in a schema of what [`duration`] takes.
pub(crate) const DURATION_FORMAT: &str = "human-duration";

/// The format in a schema of what [`size`] takes.
pub(crate) const SIZE_FORMAT: &str = "human-size";

/// What is wrong with a duration, if anything: what follows `is`.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    if is_bare(text) {
        return Err("a number without a unit");
    }
    match humantime::parse_duration(text) {
        Err(_) => Err("no duration"),
        Ok(Duration::ZERO) => Err("no time at all"),
        Ok(long) if long > DURATION_MAX => Err("longer than a year"),
        Ok(duration) => Ok(duration),
    }
}

/// What is wrong with a size, if anything: what follows `is`.
pub(crate) fn size(text: &str) -> Result<u64, &'static str> {
    if is_bare(text) {
        return Err("a number without a unit");
    }
    match text.parse::<ByteSize>() {
        Err(_) => Err("no size"),
        Ok(ByteSize(0)) => Err("nothing at all"),
        Ok(ByteSize(bytes)) => Ok(bytes),
    }
}

fn is_bare(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30"), Err("a number without a unit"));
        assert_eq!(duration("0s"), Err("no time at all"));
        assert_eq!(duration("2y"), Err("longer than a year"));
        assert_eq!(duration("soon"), Err("no duration"));
        assert_eq!(duration("-5s"), Err("no duration"));
        assert_eq!(duration(""), Err("no duration"));
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(size("64"), Err("a number without a unit"));
        assert_eq!(size("0B"), Err("nothing at all"));
        assert_eq!(size("big"), Err("no size"));
        assert_eq!(size("-1MB"), Err("no size"));
    }
}

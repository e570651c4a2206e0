//! The wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970; 0 before, the largest number after the year 2554.
pub(crate) fn unix_ns() -> u64 {
    since_1970(SystemTime::now())
}

/// Nanoseconds; the largest number beyond 584 years.
pub(crate) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_off_is_clamped() {
        assert_eq!(since_1970(UNIX_EPOCH - Duration::from_secs(1)), 0, "EV-13");
        // The end of the year 9999.
        assert_eq!(since_1970(UNIX_EPOCH + Duration::from_secs(253_402_300_799)), u64::MAX, "EV-14");
        assert_eq!(since_1970(UNIX_EPOCH + Duration::from_nanos(i64::MAX as u64)), i64::MAX as u64, "EV-14");
    }
}

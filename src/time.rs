//! The clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970; 0 before, the largest number after the year 2554.
pub(crate) fn unix_ns() -> u64 {
    since_1970(SystemTime::now())
}

/// Tells how long something has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Nanoseconds so far.
    pub(crate) fn ns(self) -> u64 {
        ns(self.start.elapsed())
    }
}

/// Nanoseconds; the largest number beyond 584 years.
pub(crate) fn ns(duration: Duration) -> u64 {
    // Cheaper than by way of 128 bits: asked several times for each request.
    duration
        .as_secs()
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(duration.subsec_nanos().into()))
        .unwrap_or(u64::MAX)
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

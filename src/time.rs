//! The clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970; 0 before, the largest number after the year 2554.
pub(crate) fn unix_ns() -> u64 {
    since_1970(SystemTime::now())
}

/// Tells how long something has taken. Asked several times for each request, so it holds a number and subtracts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start_ns: u64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start_ns: monotonic_ns() }
    }

    /// Nanoseconds so far.
    pub(crate) fn ns(self) -> u64 {
        monotonic_ns().saturating_sub(self.start_ns)
    }
}

#[cfg(unix)]
fn monotonic_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

#[cfg(not(unix))]
fn monotonic_ns() -> u64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    ns(START.elapsed())
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

//! The clocks.
//!
//! A moment of the standard library is seconds and nanoseconds, and hashes as them. Asked several times for each request,
//! the difference of two numbers costs a third of what the difference of two moments does. Where a system's moments are
//! something else, which is looked at once, the difference of moments is taken.

use std::hash::{Hash, Hasher};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970; 0 before, the largest number after the year 2554.
pub(crate) fn unix_ns() -> u64 {
    since_1970(SystemTime::now())
}

/// Tells how long something has taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    /// The same as a number, or [`NONE`](Self::NONE).
    start_ns: u64,
}

impl Stopwatch {
    /// There are no numbers for this system's clock.
    const NONE: u64 = u64::MAX;

    pub(crate) fn start() -> Self {
        let start = Instant::now();
        Self { start, start_ns: if *IS_PLAIN { Seen::of(&start).ns() } else { Self::NONE } }
    }

    /// Nanoseconds so far.
    #[inline]
    pub(crate) fn ns(&self) -> u64 {
        let now = Instant::now();
        if self.start_ns == Self::NONE { self.between(now) } else { Seen::of(&now).ns().saturating_sub(self.start_ns) }
    }

    #[cold]
    fn between(&self, now: Instant) -> u64 {
        ns(now.saturating_duration_since(self.start))
    }
}

/// Nanoseconds; the largest number beyond 584 years.
pub(crate) fn ns(duration: Duration) -> u64 {
    // Cheaper than by way of 128 bits.
    duration
        .as_secs()
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(duration.subsec_nanos().into()))
        .unwrap_or(u64::MAX)
}

fn since_1970(time: SystemTime) -> u64 {
    /// Beyond, or before 1970, care is needed.
    const MOST: u64 = u64::MAX / 1_000_000_000;
    let seen = Seen::of(&time);
    if seen.secs < MOST && *IS_PLAIN_UNIX { seen.ns() } else { time.duration_since(UNIX_EPOCH).map_or(0, ns) }
}

/// Whether what is seen of two `Instant`s is as far apart as they are.
static IS_PLAIN: LazyLock<bool> = LazyLock::new(|| {
    let start = Instant::now();
    let by = |duration| Some(Seen::of(&start.checked_add(duration)?).ns().wrapping_sub(Seen::of(&start).ns()));
    all_are_right(by)
});

/// Whether what is seen of a `SystemTime` is the time since 1970.
static IS_PLAIN_UNIX: LazyLock<bool> =
    LazyLock::new(|| all_are_right(|duration| Some(Seen::of(&UNIX_EPOCH.checked_add(duration)?).ns())));

fn all_are_right(by: impl Fn(Duration) -> Option<u64>) -> bool {
    // Among the first hundred a second ends, wherever they begin.
    let short = (0..100).map(|step| Duration::from_nanos(step * 10_000_019));
    short.chain([1, 60, 1 << 32].map(Duration::from_secs)).all(|duration| by(duration) == Some(ns(duration)))
}

/// What a moment hashes as.
#[derive(Default)]
struct Seen {
    secs: u64,
    nanos: u32,
}

impl Seen {
    fn of(time: &impl Hash) -> Self {
        let mut seen = Self::default();
        time.hash(&mut seen);
        seen
    }

    fn ns(&self) -> u64 {
        self.secs.wrapping_mul(1_000_000_000).wrapping_add(self.nanos.into())
    }
}

impl Hasher for Seen {
    fn write(&mut self, _: &[u8]) {}

    fn write_i64(&mut self, secs: i64) {
        self.secs = secs.cast_unsigned();
    }

    fn write_u64(&mut self, secs: u64) {
        self.secs = secs;
    }

    fn write_u32(&mut self, nanos: u32) {
        self.nanos = nanos;
    }

    fn finish(&self) -> u64 {
        0
    }
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
        assert_eq!(since_1970(UNIX_EPOCH + Duration::from_nanos(u64::MAX)), u64::MAX, "EV-14");
    }

    #[test]
    fn a_stopwatch_tells_what_the_clock_does_whether_its_moments_are_plain_or_not() {
        let start = Instant::now();
        let plain = Stopwatch { start, start_ns: Seen::of(&start).ns() };
        let other = Stopwatch { start, start_ns: Stopwatch::NONE };
        let told = [ns(start.elapsed()), other.ns(), if *IS_PLAIN { plain.ns() } else { other.ns() }, ns(start.elapsed())];
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(other.between(start + Duration::from_nanos(1_999_999_999)), 1_999_999_999);
    }

    #[test]
    #[cfg(unix)]
    fn moments_of_unix_are_plain() {
        assert!(*IS_PLAIN && *IS_PLAIN_UNIX);
    }
}

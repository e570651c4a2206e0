//! Goes through what matches and sums it up.

use std::time::Duration;

use campanile::page::Spread;
use campanile::query::Query;
use campanile::record::{Outcome, Record};
use campanile::store::Reader;

use crate::failure::Failure;
use crate::output::Output;
use crate::walk::walk;

/// What is known of requests without keeping them.
pub(crate) struct Tally {
    /// All of them; one that was kept by a sampler stands for several.
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// By the first digit of their status; those without one are the first.
    pub(crate) classes: [u64; 10],
    pub(crate) duration_ns: Spread,
    /// When the first began, and the last, in nanoseconds since 1970.
    pub(crate) first_unix_ns: u64,
    pub(crate) last_unix_ns: u64,
    /// The slowest, by its short id, and how long it took.
    pub(crate) slowest: Option<(String, u64)>,
}

impl Tally {
    pub(crate) const fn new() -> Self {
        Self {
            requests: 0,
            failed: 0,
            classes: [0; 10],
            duration_ns: Spread::new(),
            first_unix_ns: u64::MAX,
            last_unix_ns: 0,
            slowest: None,
        }
    }

    pub(crate) fn add(&mut self, record: &Record) {
        let times = times(record);
        self.requests += times;
        if record.is_failed() {
            self.failed += times;
        }
        let class = record.status().map_or(0, |status| usize::from(status / 100));
        if let Some(count) = self.classes.get_mut(class) {
            *count += times;
        }
        self.first_unix_ns = self.first_unix_ns.min(record.start_unix_ns());
        self.last_unix_ns = self.last_unix_ns.max(record.start_unix_ns());
        // What was handed over goes on as long as somebody likes.
        if record.outcome() != Outcome::Upgraded {
            let took = record.duration_ns();
            self.duration_ns.add(took, times);
            if self.slowest.as_ref().is_none_or(|(_, most)| *most < took) {
                self.slowest = Some((record.span_id().to_short().to_string(), took));
            }
        }
    }

    /// Those whose status begins with this digit.
    pub(crate) fn class(&self, digit: usize) -> u64 {
        self.classes.get(digit).copied().unwrap_or_default()
    }

    /// From the first to the last.
    pub(crate) const fn span_ns(&self) -> u64 {
        self.last_unix_ns.saturating_sub(self.first_unix_ns)
    }
}

/// How many requests a record stands for.
pub(crate) fn times(record: &Record) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float stops at the bounds")]
    let times = record.weight().round() as u64;
    times.max(1)
}

/// Hands over what matches, and says what could not be read; fails where nothing matches.
pub(crate) fn each(
    reader: &mut Reader,
    query: &Query,
    seconds: u64,
    output: &mut Output,
    mut take: impl FnMut(&Record),
) -> Result<(), Failure> {
    let walked = walk(reader, query, Duration::from_secs(seconds.max(1)), |stored| {
        take(stored.record());
        Ok(())
    })?;
    for warning in reader.warnings() {
        output.complain(warning);
    }
    if walked.is_late {
        output.complain(&format!("time was over after {} requests, the newest; --seconds gives it more", walked.read));
    }
    walked.is_any()
}

//! The time that a drawing is about, in equal parts.

use crate::query::Query;
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

/// What is drawn where nobody says since when, in nanoseconds: an hour.
const DEFAULT_NS: u64 = 60 * 60 * 1_000_000_000;
const MAX_PARTS: usize = 500;
/// The end of time, in milliseconds: the year 2262.
const MAX_MS: f64 = 9.2e12;

/// A time in equal parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from_unix_ns: u64,
    /// Of one part.
    pub(super) step_ns: u64,
    pub(super) parts: usize,
}

impl Span {
    /// What `since_ms` and `until_ms` say, else the query, else the last hour.
    pub(super) fn of(params: &Params, query: &Query, parts: usize) -> Result<Self, Problem> {
        let now = crate::time::unix_ns();
        let parts = params.number("buckets", (1, MAX_PARTS), parts)?;
        let moment = |name: &str| -> Result<Option<u64>, Problem> {
            if params.text(name).is_none_or(str::is_empty) {
                return Ok(None);
            }
            let ms = params.number(name, (0.0, MAX_MS), 0.0)?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between its bounds")]
            let ns = (ms * 1e6) as u64;
            Ok(Some(ns))
        };
        let (since, until) = (moment("since_ms")?, moment("until_ms")?);
        let (from, before) = query.window(now);
        let until = until.or(before).unwrap_or(now.saturating_add(1));
        let from = since.or(from).unwrap_or(until.saturating_sub(DEFAULT_NS));
        if from >= until {
            return Err(Problem::wrong("the time ends before it begins"));
        }
        let step_ns = (until - from).div_ceil(parts as u64).max(1);
        Ok(Self { from_unix_ns: from, step_ns, parts })
    }

    /// The part that a moment is in.
    pub(super) fn part(&self, unix_ns: u64) -> Option<usize> {
        let part = unix_ns.checked_sub(self.from_unix_ns)? / self.step_ns;
        usize::try_from(part).ok().filter(|part| *part < self.parts)
    }

    pub(super) const fn until_unix_ns(&self) -> u64 {
        self.from_unix_ns.saturating_add(self.step_ns.saturating_mul(self.parts as u64))
    }
}

/// Adds to a count, where there is one.
pub(super) fn count(counts: &mut [u64], at: Option<usize>, times: u64) {
    if let Some(count) = at.and_then(|at| counts.get_mut(at)) {
        *count += times;
    }
}

/// How many requests a record stands for.
pub(super) fn times(record: &crate::record::Record) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float stops at the bounds")]
    let times = record.weight().round() as u64;
    times.max(1)
}

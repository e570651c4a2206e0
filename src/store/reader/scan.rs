//! Reads many records one after the other, without holding them.

use std::time::{Duration, Instant};

use super::{Error, Reader, Search, Stored};
use crate::query::{Query, number_column as number};

/// Which records [`Reader::scan`] goes through.
///
/// # Default
/// Every request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Scan<'a> {
    /// What they have to match.
    pub query: Option<&'a Query>,
    /// Began at or after it, in nanoseconds since 1970.
    pub from_unix_ns: Option<u64>,
    /// Began before it, in nanoseconds since 1970.
    pub before_unix_ns: Option<u64>,
    /// Also events and spans outside any request.
    pub with_outside: bool,
}

impl<'a> Scan<'a> {
    /// Every request that matches.
    #[must_use]
    pub const fn of(query: &'a Query) -> Self {
        Self { query: Some(query), from_unix_ns: None, before_unix_ns: None, with_outside: false }
    }
}

/// Whether [`Reader::scan`] read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scanned {
    /// It was.
    Whole,
    /// Whoever took the records had enough.
    Enough,
    /// The time was over.
    Late,
}

impl Reader {
    /// Hands over the requests that match, one at a time, until `take` returns false or the time `within` is over.
    ///
    /// Segments come newest first, and what is in one about so. What cannot be read is left out, with a
    /// [warning](Self::warnings).
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn scan(&mut self, scan: &Scan<'_>, within: Duration, mut take: impl FnMut(Stored) -> bool) -> Result<Scanned, Error> {
        let started = Instant::now();
        let all = Query::default();
        let search = Search::new(scan.query.unwrap_or(&all), false);
        let search = if scan.with_outside { search } else { search.of_requests() };
        let window = (
            scan.from_unix_ns.map_or(i64::MIN, number),
            scan.before_unix_ns.map_or(i64::MAX, |before| number(before).saturating_sub(1)),
        );
        let mut scanned = Scanned::Whole;
        for name in self.refresh()?.into_iter().rev() {
            let _ = self.visit(&name, |connection, rows| {
                let plan = search.plan(connection, rows, window)?;
                for range in plan.ranges() {
                    // Where no row matches, nobody else looks at the clock.
                    if started.elapsed() > within {
                        scanned = Scanned::Late;
                        break;
                    }
                    plan.each(connection, rows, range, window, |stored| {
                        if let Some(stored) = stored.filter(|stored| search.matches(stored))
                            && !take(stored)
                        {
                            scanned = Scanned::Enough;
                        } else if started.elapsed() > within {
                            scanned = Scanned::Late;
                        }
                        scanned == Scanned::Whole
                    })?;
                    if scanned != Scanned::Whole {
                        break;
                    }
                }
                Ok(())
            });
            if scanned != Scanned::Whole {
                break;
            }
        }
        Ok(scanned)
    }
}

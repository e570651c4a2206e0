//! Reads many records one after the other, without holding them.

use std::time::{Duration, Instant};

use super::{Error, Reader, Search, Stored};
use crate::query::{Query, number_column as number};

/// Which records are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan<'a> {
    pub(crate) query: Option<&'a Query>,
    /// Began at or after it.
    pub(crate) from_unix_ns: Option<u64>,
    /// Began before it.
    pub(crate) before_unix_ns: Option<u64>,
}

/// Whether everything was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    Whole,
    /// Whoever took the records had enough.
    Enough,
    /// The time was over.
    Late,
}

impl Reader {
    /// Hands over the requests that match, segment by segment and about the newest first, until told to stop or `within` is over.
    pub(crate) fn scan(
        &mut self,
        scan: &Scan<'_>,
        within: Duration,
        mut take: impl FnMut(Stored) -> bool,
    ) -> Result<Scanned, Error> {
        let started = Instant::now();
        let all = Query::default();
        let search = Search::new(scan.query.unwrap_or(&all), false).of_requests();
        let window = (
            scan.from_unix_ns.map_or(i64::MIN, number),
            scan.before_unix_ns.map_or(i64::MAX, |before| number(before).saturating_sub(1)),
        );
        let mut scanned = Scanned::Whole;
        for name in self.refresh()?.into_iter().rev() {
            let _ = self.visit(&name, |connection, rows| {
                let plan = search.plan(connection, rows.version, window)?;
                for range in plan.ranges() {
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

//! Reads many records one after the other, without holding them.

use std::time::{Duration, Instant, SystemTime};

use super::{Conditions, Error, Reader, Stored, binds, unix_ns};
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
    /// Hands over the requests that match, segment by segment and the newest first, until told to stop or `within` is over.
    pub(crate) fn scan(
        &mut self,
        scan: &Scan<'_>,
        within: Duration,
        mut take: impl FnMut(Stored) -> bool,
    ) -> Result<Scanned, Error> {
        let (started, now) = (Instant::now(), unix_ns(SystemTime::now()));
        let all = Query::default();
        let query = scan.query.unwrap_or(&all);
        let conditions = Conditions::of(query, now);
        let window = [scan.from_unix_ns.map_or(i64::MIN, number), scan.before_unix_ns.map_or(i64::MAX, number)];
        let mut scanned = Scanned::Whole;
        for name in self.refresh()?.into_iter().rev() {
            let _ = self.visit(&name, |connection, rows| {
                let sql = conditions.at(rows.version);
                let text = format!(
                    "SELECT id, resource, data FROM record
                     WHERE kind = 'request' AND {} AND start_unix_ns >= ? AND start_unix_ns < ?
                     ORDER BY start_unix_ns DESC, id DESC",
                    sql.text
                );
                rows.each(connection, &text, binds(sql, window), |_, stored| {
                    if let Some(stored) = stored.filter(|stored| query.matches_from(stored.resource(), stored.record(), now))
                        && !take(stored)
                    {
                        scanned = Scanned::Enough;
                    } else if started.elapsed() > within {
                        scanned = Scanned::Late;
                    }
                    scanned == Scanned::Whole
                })
            });
            if scanned != Scanned::Whole {
                break;
            }
        }
        Ok(scanned)
    }
}

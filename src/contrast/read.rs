//! Reads both sides from the store.

use std::collections::HashMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::facts::{self, place};
use super::judge::judge;
use super::tally::{STRATA, Tally};
use super::{Contrast, Options};
use crate::query::Query;
use crate::record::Record;
use crate::store::{Error, Reader, Scan, Scanned, Stored};

/// How far back the others are looked for at least, before the first that matches: a release or a client that came with the
/// trouble is seen only beside those before it.
const LOOK_BACK_NS: u64 = 60 * 60 * 1_000_000_000;
/// Records between two reports of progress.
const STEP: u64 = 1000;

/// Compares the requests that match with the others of the same routes in the same time.
///
/// That is the time that the query names; else it begins before the first that matches, by as much again as they span, at
/// least an hour, and ends with the last. `progress` is told now and then how many records were read.
///
/// # Errors
/// When the store's directory cannot be read.
///
/// # Example
/// ```no_run
/// use campanile::contrast::{self, Options};
/// use campanile::query::Query;
/// use campanile::store::Reader;
///
/// let mut reader = Reader::open(".campanile")?;
/// let contrast = contrast::of(&mut reader, &Query::parse("status:5xx since:1h")?, &Options::default(), |_| ())?;
/// for finding in &contrast.findings {
///     eprintln!("{}: {:?}", finding.name, finding.difference);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn of(reader: &mut Reader, query: &Query, options: &Options, progress: impl FnMut(u64)) -> Result<Contrast, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| u64::try_from(now.as_nanos()).ok());
    let now = now.unwrap_or_default();
    let mut reading = Reading { options, started: Instant::now(), now, read: 0, progress, notices: Vec::new() };
    let mut sides = Sides::default();
    reading.selection(reader, query, &mut sides)?;
    let (from, before) = query.window(now);
    let span = sides.last.saturating_sub(sides.first);
    let from = from.unwrap_or_else(|| sides.first.saturating_sub(span.max(LOOK_BACK_NS)));
    let until = before.unwrap_or(sides.last + 1);
    if sides.selected > 0 {
        reading.rest(reader, query, (from, until), &mut sides)?;
    }
    let mut contrast = sides.judge(query);
    (contrast.from_unix_ns, contrast.until_unix_ns) = (from, until);
    contrast.notices.splice(0..0, reading.notices);
    Ok(contrast)
}

struct Reading<'a, P> {
    options: &'a Options,
    started: Instant,
    /// From where the query's times count back, in nanoseconds since 1970.
    now: u64,
    read: u64,
    progress: P,
    notices: Vec<String>,
}

impl<P: FnMut(u64)> Reading<'_, P> {
    fn selection(&mut self, reader: &mut Reader, query: &Query, sides: &mut Sides) -> Result<(), Error> {
        let max = self.options.max_selected;
        let scan = Scan { query: Some(query), ..Scan::default() };
        // Half of the time at most, so that there is something left for the others.
        let scanned = reader.scan(&scan, self.options.within / 2, |stored| {
            self.count();
            sides.select(&stored);
            sides.selected < max
        })?;
        match scanned {
            Scanned::Whole => {}
            Scanned::Enough => self.notices.push(format!("only the newest {max} that match were looked at")),
            Scanned::Late => {
                self.notices.push("time was over before all that match were found; the newest were looked at".to_owned())
            }
        }
        Ok(())
    }

    fn rest(&mut self, reader: &mut Reader, query: &Query, window: (u64, u64), sides: &mut Sides) -> Result<(), Error> {
        let routes = sides.routes_query();
        let scan =
            Scan { query: routes.as_ref(), from_unix_ns: Some(window.0), before_unix_ns: Some(window.1), ..Scan::default() };
        let (max, now) = (self.options.max_rest, self.now);
        let left = self.options.within.saturating_sub(self.started.elapsed());
        let scanned = reader.scan(&scan, left, |stored| {
            self.count();
            if !query.matches_from(stored.resource(), stored.record(), now) {
                sides.compare(&stored);
            }
            sides.rest < max
        })?;
        match scanned {
            Scanned::Whole => {}
            Scanned::Enough => self.notices.push(format!("only the newest {max} others were looked at")),
            Scanned::Late => self.notices.push("time was over before all others were read; the newest were looked at".to_owned()),
        }
        Ok(())
    }

    fn count(&mut self) {
        self.read += 1;
        if self.read.is_multiple_of(STEP) {
            (self.progress)(self.read);
        }
    }
}

/// What is known of both sides so far.
#[derive(Debug, Default)]
pub(super) struct Sides {
    tally: Tally,
    /// Routes of the selection, with their group and how many there are.
    places: HashMap<String, (usize, u64)>,
    selected: u64,
    rest: u64,
    first: u64,
    last: u64,
}

impl Sides {
    pub(super) fn select(&mut self, stored: &Stored) {
        self.select_record(stored.record(), stored.resource());
    }

    pub(super) fn select_record(&mut self, record: &Record, resource: &crate::record::Resource) {
        let start = record.start_unix_ns();
        (self.first, self.last) = if self.selected == 0 { (start, start) } else { (self.first.min(start), self.last.max(start)) };
        self.selected += 1;
        let next = self.places.len().min(STRATA - 1);
        let (stratum, count) = self.places.entry(place(record).to_owned()).or_insert((next, 0));
        *count += 1;
        self.tally.add(&facts::of(record, resource), *stratum, true, record.kept().is_some());
    }

    pub(super) fn compare(&mut self, stored: &Stored) {
        self.compare_record(stored.record(), stored.resource());
    }

    pub(super) fn compare_record(&mut self, record: &Record, resource: &crate::record::Resource) {
        let Some((stratum, _)) = self.places.get(place(record)) else { return };
        self.rest += 1;
        self.tally.add(&facts::of(record, resource), *stratum, false, record.kept().is_some());
    }

    /// A query that leaves out records of other routes, where that is cheap to ask.
    fn routes_query(&self) -> Option<Query> {
        let is_plain = |place: &&String| !place.is_empty() && place.starts_with('/') && !place.contains(['"', '\\']);
        let terms: Option<Vec<_>> =
            self.places.keys().map(|place| Some(place).filter(is_plain).map(|place| format!("route:\"{place}\""))).collect();
        Query::parse(&terms?.join(" or ")).ok()
    }

    pub(super) fn judge(self, query: &Query) -> Contrast {
        let mut routes: Vec<_> = self.places.into_iter().map(|(place, (_, count))| (count, place)).collect();
        routes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut contrast = Contrast {
            selected: self.selected,
            rest: self.rest,
            routes: routes.into_iter().map(|(_, place)| place).collect(),
            from_unix_ns: 0,
            until_unix_ns: 0,
            findings: Vec::new(),
            compared: 0,
            notices: Vec::new(),
        };
        if self.tally.is_full {
            contrast.notices.push("some names or values found no room and were not compared".to_owned());
        }
        if contrast.is_enough() {
            (contrast.findings, contrast.compared) = judge(&self.tally, &query.names());
        }
        contrast
    }
}

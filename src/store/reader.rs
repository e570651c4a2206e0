//! Reads every segment of a directory.

mod complete;
mod count;
mod counting;
mod holes;
mod scan;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::blocks::Layout;
use super::directory::{Directory, Identity, Name};
use super::error::Kind;
use super::open::{Opened, open_read_only};
use super::rows::{Rows, Stored};
use super::search::{Search, end_of};
use super::{Error, codec, schema};
use crate::query::{Query, number_column as number};
use crate::record::{Losses, Reason, Resource};

pub use self::count::{Count, Counts};
pub(super) use self::holes::PURGED;
pub use self::scan::{Scan, Scanned};

/// Files that are kept open between two calls.
const MAX_OPEN: usize = 16;
/// How the warning begins that a search took too long.
const LATE: &str = "the search was stopped";
/// Records that one call of [`Reader::poll`] returns, at most.
const MAX_POLLED: usize = 1000;

/// Reads a store, also while applications write it.
///
/// Opens files read-only; SQLite may leave an empty log and a lock file beside one. A file that is damaged, foreign or newer than this version is left out, see
/// [`warnings`](Self::warnings).
#[derive(Debug)]
pub struct Reader {
    directory: Directory,
    expected: schema::Expected,
    open: BTreeMap<Name, Open>,
    resources: HashMap<(Name, i64), Arc<Resource>>,
    /// Files that are not tried again.
    skipped: HashSet<Name>,
    /// Of each process the segment up to which it was looked for holes.
    whole_up_to: HashMap<u32, Name>,
    warnings: Vec<String>,
    position: Cursor,
}

/// A file that is open.
#[derive(Debug)]
struct Open {
    connection: Connection,
    version: i32,
    /// What is known of its blocks.
    layout: Layout,
    /// Which file it is: one that was written anew is opened again.
    identity: Option<Identity>,
}

/// What [`Reader::find`] returns, and how long it may look for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Find {
    /// Records, at most; no more than [`MAX_LIMIT`](Self::MAX_LIMIT).
    pub limit: usize,
    /// How long it may take. What was found until then is returned, with a [warning](Reader::warnings).
    pub within: Duration,
    /// Only records that began before it, in nanoseconds since 1970.
    pub before_unix_ns: Option<u64>,
}

impl Find {
    /// The default of [`limit`](Self::limit).
    pub const DEFAULT_LIMIT: usize = 50;
    /// The highest [`limit`](Self::limit).
    pub const MAX_LIMIT: usize = 10_000;
    /// The default of [`within`](Self::within).
    pub const DEFAULT_WITHIN: Duration = Duration::from_secs(10);

    /// The default options with this limit.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }
}

impl Default for Find {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, within: Self::DEFAULT_WITHIN, before_unix_ns: None }
    }
}

/// A place in a store: everything up to it was read.
///
/// # Default
/// Before everything.
#[derive(Clone, Debug, Default)]
pub struct Cursor(BTreeMap<Name, i64>);

impl Cursor {
    /// How many records lie between another place and this one.
    #[cfg(feature = "viewer")]
    pub(crate) fn since(&self, earlier: &Self) -> u64 {
        let of = |(name, end): (&Name, &i64)| end.saturating_sub(earlier.0.get(name).copied().unwrap_or_default());
        self.0.iter().map(of).filter_map(|count| u64::try_from(count).ok()).sum()
    }

    /// Reads what [`Display`](fmt::Display) writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut places = BTreeMap::new();
        for part in text.split('_').filter(|_| text != "0") {
            let (name, end) = part.split_once('.')?;
            let digits = !end.is_empty() && end.len() < 19 && end.bytes().all(|byte| byte.is_ascii_digit());
            places.insert(Name::parse_short(name)?, end.parse().ok().filter(|_| digits)?);
        }
        Some(Self(places))
    }
}

/// Letters, digits and `-._`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (index, (name, end)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "_" };
            write!(f, "{separator}{}.{end}", name.short())?;
        }
        Ok(())
    }
}

/// What was lost on the way to the store.
#[derive(Clone, Debug)]
pub struct Gap {
    unix_ns: u64,
    losses: Losses,
}

impl Gap {
    /// When it was noted, in nanoseconds since 1970.
    #[must_use]
    pub const fn unix_ns(&self) -> u64 {
        self.unix_ns
    }

    /// How much was lost, by reason.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }
}

impl Reader {
    /// Opens the store in this directory.
    ///
    /// # Errors
    /// When there is no store here or nothing in it yet, see [`Error::is_not_found`], or the directory cannot be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = Directory::existing(directory.as_ref())?;
        if directory.segments()?.is_empty() {
            let message = format!("nothing is stored in '{}' yet", directory.path().display());
            return Err(Error::new(Kind::NotFound, message));
        }
        let expected = schema::Expected::known()?;
        Ok(Self {
            directory,
            expected,
            open: BTreeMap::new(),
            resources: HashMap::new(),
            skipped: HashSet::new(),
            whole_up_to: HashMap::new(),
            warnings: Vec::new(),
            position: Cursor::default(),
        })
    }

    /// The records that match, newest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn find(&mut self, query: &Query, options: &Find) -> Result<Vec<Stored>, Error> {
        self.look_for(query, options, query.wants_partial())
    }

    fn look_for(&mut self, query: &Query, options: &Find, with_partial: bool) -> Result<Vec<Stored>, Error> {
        let started = Instant::now();
        let limit = options.limit.min(Find::MAX_LIMIT);
        let search = Search::new(query, with_partial);
        let mut position = Cursor::default();
        let mut found: Vec<Stored> = Vec::new();
        let until = options.before_unix_ns.map_or(i64::MAX, |before| number(before).saturating_sub(1));
        let mut late = false;
        // What an earlier search left out is none of this one's business.
        self.warnings.retain(|warning| !warning.starts_with(LATE));
        let names = self.refresh()?;
        self.look_for_holes(&names);
        for name in names.into_iter().rev() {
            let seen = self.visit(&name, |connection, rows| {
                let plan = search.plan(connection, rows, (floor(&found, limit), until))?;
                for range in plan.ranges() {
                    // Where no row matches, nobody else looks at the clock.
                    late |= started.elapsed() > options.within;
                    // Whatever is older than everything on a full page does not have to be looked at.
                    let floor = floor(&found, limit);
                    if late || limit == 0 || range.latest_unix_ns < floor {
                        break;
                    }
                    let mut page = 0;
                    plan.each(connection, rows, range, (floor, until), |stored| {
                        let matching = stored.filter(|stored| search.matches(stored));
                        page += usize::from(matching.is_some());
                        found.extend(matching);
                        late = started.elapsed() > options.within;
                        page < limit && !late
                    })?;
                    if page > 0 {
                        // A clock that stands still, or is clamped, leaves the order to the records' numbers.
                        found.sort_by_key(|it| std::cmp::Reverse((it.record().start_unix_ns(), it.record().sequence())));
                        found.truncate(limit);
                    }
                }
                Ok(plan.end())
            });
            let Some(end) = seen else { continue };
            position.0.insert(name, end);
        }
        if late {
            let seconds = options.within.as_secs_f32();
            self.warn(format!("{LATE} after {seconds} s: older records were not looked at"));
        }
        self.position = position;
        Ok(found)
    }

    /// The records of which `id` is the start of the short id (at least 4 hexadecimal digits), the request id or the
    /// trace id, newest first.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn by_id(&mut self, id: &str) -> Result<Vec<Stored>, Error> {
        self.look_for(&Query::for_id(id), &Find::with_limit(1000), true)
    }

    /// The records whose request id or trace id begins so, newest first: at most 20, of those that two seconds suffice to
    /// look at.
    #[cfg(feature = "reading")]
    pub(crate) fn by_start_of_id(&mut self, start: &str) -> Result<Vec<Stored>, Error> {
        let options = Find { within: Duration::from_secs(2), ..Find::with_limit(20) };
        self.find(&Query::for_start_of_id(start), &options)
    }

    /// The place behind everything that the last [`find`](Self::find) looked at, to go on from with [`poll`](Self::poll).
    #[must_use]
    pub fn position(&self) -> Cursor {
        self.position.clone()
    }

    /// The records behind `cursor` that match, in the order of their ends, and moves `cursor` behind them.
    ///
    /// At most 1,000; the rest comes with the next call. Takes notice of segments that were begun or removed meanwhile.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn poll(&mut self, query: &Query, cursor: &mut Cursor) -> Result<Vec<Stored>, Error> {
        let search = Search::new(query, query.wants_partial());
        let names = self.refresh()?;
        cursor.0.retain(|name, _| names.contains(name));
        let mut found: Vec<Stored> = Vec::new();
        for name in names {
            if found.len() >= MAX_POLLED {
                break;
            }
            let from = cursor.0.get(&name).copied().unwrap_or_default();
            let read = self.visit(&name, |connection, rows| {
                let end = end_of(connection)?;
                if end == from {
                    return Ok((end, Vec::new()));
                }
                let (condition, binds) = search.condition(rows.version, [end, from]);
                let text = format!("SELECT id, resource, data FROM record WHERE {condition} AND id <= ? AND id > ? ORDER BY id");
                let (mut page, mut reached) = (Vec::new(), end);
                rows.each(connection, &text, binds, |id, stored| {
                    page.extend(stored.filter(|stored| search.matches(stored)));
                    let goes_on = found.len() + page.len() < MAX_POLLED;
                    if !goes_on {
                        reached = id;
                    }
                    goes_on
                })?;
                Ok((reached, page))
            });
            if let Some((reached, page)) = read {
                cursor.0.insert(name, reached);
                found.extend(page);
            }
        }
        found.sort_by_key(|stored| stored.record().end_unix_ns());
        Ok(found)
    }

    /// What was lost on the way to the store since this moment, oldest first.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn gaps(&mut self, since_unix_ns: u64) -> Result<Vec<Gap>, Error> {
        let mut gaps: BTreeMap<u64, Losses> = BTreeMap::new();
        for name in self.refresh()? {
            let rows = self.visit(&name, |connection, _| {
                let sql =
                    "SELECT unix_ns, reason, count FROM loss WHERE unix_ns >= ? AND reason <> ? ORDER BY id DESC LIMIT 1000";
                let mut statement = connection.prepare(sql)?;
                let rows = statement.query_map((number(since_unix_ns), PURGED), |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            });
            for (unix_ns, word, count) in rows.unwrap_or_default() {
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == word);
                let at = u64::try_from(unix_ns).unwrap_or_default();
                let count = u64::try_from(count).unwrap_or_default();
                // A reason of a later version is still a loss.
                gaps.entry(at).or_default().add(reason.unwrap_or(Reason::SinkIoError), count);
            }
        }
        Ok(gaps.into_iter().map(|(unix_ns, losses)| Gap { unix_ns, losses }).collect())
    }

    /// Files and records that were left out and why, each once.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) const fn directory(&self) -> &Directory {
        &self.directory
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The segments that are there now, oldest first; forgets what is known of others.
    pub(super) fn refresh(&mut self) -> Result<Vec<Name>, Error> {
        let names = self.directory.segments()?;
        self.open.retain(|name, open| open.identity.is_some() && self.directory.identity(name) == open.identity);
        self.resources.retain(|(name, _), _| names.contains(name));
        self.skipped.retain(|name| names.contains(name));
        Ok(names)
    }

    /// Does something with a segment; `None` when it cannot be read, which is no reason not to read the others.
    pub(super) fn visit<T>(
        &mut self,
        name: &Name,
        work: impl FnOnce(&Connection, &mut Rows<'_>) -> rusqlite::Result<T>,
    ) -> Option<T> {
        if self.skipped.contains(name) {
            return None;
        }
        let open = match self.open.remove(name) {
            Some(open) => open,
            None => match open_read_only(&self.directory, name, &self.expected) {
                Opened::Ready(connection, version, identity) => {
                    Open { connection, version, layout: Layout::new(version), identity }
                }
                Opened::NotYet => return None,
                Opened::Refused(why) => {
                    // It may also have been removed a moment ago.
                    if self.directory.contains(name) {
                        self.skipped.insert(name.clone());
                        self.warn(format!("{} was left out: {why}", name.as_str()));
                    }
                    return None;
                }
            },
        };
        let Open { connection, version, layout, identity } = open;
        let mut rows =
            Rows { name, version, layout, resources: &mut self.resources, resource: None, damaged: false, decode: codec::decode };
        let done = work(&connection, &mut rows);
        let Rows { layout, damaged, .. } = rows;
        if damaged {
            self.warn(format!("{} has records that cannot be read", name.as_str()));
        }
        match done {
            Ok(done) => {
                if self.open.len() < MAX_OPEN {
                    self.open.insert(name.clone(), Open { connection, version, layout, identity });
                }
                Some(done)
            }
            Err(error) => {
                drop(connection);
                if self.directory.contains(name) {
                    self.warn(format!("{} was left out: {error}", name.as_str()));
                }
                None
            }
        }
    }
}

/// When the oldest record of a full page began.
fn floor(found: &[Stored], limit: usize) -> i64 {
    found.last().filter(|_| found.len() >= limit).map_or(i64::MIN, |oldest| number(oldest.record().start_unix_ns()))
}

//! Takes records out of a store for good.
//!
//! # Shape
//! Each segment that has some of them is written anew without them, in a file of its own beside it, and takes the old one's
//! place in one step; rows keep their numbers, and blocks are told anew. The old file is unlinked with its log. A segment of
//! which nothing is left is removed. The history of groups is told anew from what is left, and its file is rewritten.
//!
//! # While others read and write
//! A segment is copied while it is written; only for what came meanwhile is its lock held, and the file is exchanged before
//! that is let go of. Whoever writes asks with the lock in hand whether the file still has its name, and begins another where
//! it has not: a record is either in the copy or in the next segment. Readers find the new file the next time they look. A
//! file whose log somebody is reading is not exchanged before they are done.
//!
//! # After a crash
//! The old file is complete until the new one has its name, so that nothing is lost but the work. What was half done is
//! swept away with the next purge or start of an application.

mod copy;
mod exchange;
mod history;
mod lock;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::SystemTime;

use self::exchange::Exchange;
use self::lock::Lock;
use super::directory::{Directory, Name};
use super::open::{Opened, open_to_replace};
use super::rows::Stored;
use super::search::Search;
use super::{Error, Reader, schema, unix_ns};
use crate::query::Query;
use crate::record::{GroupId, Kind, SpanId};

pub(super) use self::lock::sweep;

/// Requests that are remembered so that older reports about them go too, at most.
const MAX_SPANS: usize = 1_000_000;
/// Groups whose history is told anew, at most.
const MAX_GROUPS: usize = 100_000;

/// Takes what matches a query out of a store, so that no file of it holds its bytes any more.
///
/// Applications may write the store meanwhile, and readers read it. What is written after it began stays.
///
/// # Shape
/// Everything that matches goes: requests, spans, events and reports about requests in flight, and with a request what was
/// reported about it before. Of the history of groups, a group of which no record is left goes; one that has some is told
/// from them: its title, what made its fingerprint, its routes and its users, with its count lowered. What stays is that it
/// was seen, when it was first seen, and in which releases; and how many records were lost, by reason.
///
/// # Example
/// ```no_run
/// use campanile::query::Query;
/// use campanile::store::Purge;
///
/// let query = Query::parse("user:42")?;
/// let mut purge = Purge::new(".campanile", &query)?;
/// eprintln!("{} records match", purge.count()?.records);
/// let done = purge.run(|_, _| ())?;
/// eprintln!("{} are gone, {} bytes are free", done.records, done.bytes_freed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Purge<'a> {
    directory: Directory,
    query: &'a Query,
    /// From where its times count back.
    now_unix_ns: u64,
    expected: schema::Expected,
}

/// What [`Purge::run`] would take out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purgeable {
    /// Records that match, with reports about requests in flight.
    pub records: u64,
    /// Segments that have some of them.
    pub segments: u64,
    /// Files that cannot be looked into, and why.
    pub left: Vec<String>,
}

/// What [`Purge::run`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Records that are gone.
    pub records: u64,
    /// Segments that were written anew or removed.
    pub segments: u64,
    /// By how much these, and the history of groups, became smaller together.
    pub bytes_freed: u64,
    /// Groups of which nothing is left.
    pub groups: u64,
    /// Files that could not be looked into or written anew, and why: they may still hold what matches.
    pub left: Vec<String>,
}

/// What is known of the records that went.
#[derive(Debug, Default)]
struct Gone {
    spans: HashSet<SpanId>,
    groups: HashMap<GroupId, u64>,
}

impl Gone {
    fn see(&mut self, stored: &Stored) {
        let record = stored.record();
        if record.kind() != Kind::Partial && self.spans.len() < MAX_SPANS {
            self.spans.insert(record.span_id());
        }
        if let Some(group) = record.group().filter(|_| !record.kind().is_ahead())
            && (self.groups.len() < MAX_GROUPS || self.groups.contains_key(&group))
        {
            *self.groups.entry(group).or_default() += 1;
        }
    }

    /// Whether it is a report about a request that went.
    fn has_request_of(&self, stored: &Stored) -> bool {
        stored.record().kind() == Kind::Partial && self.spans.contains(&stored.record().span_id())
    }
}

impl<'a> Purge<'a> {
    /// Of what matches `query` in the store in this directory; times such as `until:7d` count back from now.
    ///
    /// # Errors
    /// When there is no store here, see [`Error::is_not_found`], or the directory cannot be read.
    pub fn new(directory: impl AsRef<Path>, query: &'a Query) -> Result<Self, Error> {
        let directory = Directory::existing(directory.as_ref())?;
        Ok(Self { directory, query, now_unix_ns: unix_ns(SystemTime::now()), expected: schema::Expected::known()? })
    }

    /// With times that count back from this moment, in nanoseconds since 1970.
    #[cfg(feature = "viewer")]
    pub(crate) fn counting_back_from(self, now_unix_ns: u64) -> Self {
        Self { now_unix_ns, ..self }
    }

    /// Whether it could begin now: the directory can be written, and nobody else is at it.
    #[cfg(feature = "viewer")]
    pub(crate) fn can_begin(&self) -> Result<(), Error> {
        Lock::take(&self.directory).map(drop)
    }

    /// Counts what matches, and changes nothing.
    ///
    /// # Errors
    /// As [`Reader::open`] and [`Reader::find`].
    pub fn count(&mut self) -> Result<Purgeable, Error> {
        let mut reader = Reader::open(self.directory.path())?;
        let search = Search::at(self.query, true, self.now_unix_ns);
        let mut found = Purgeable::default();
        for name in reader.refresh()? {
            let records = reader.visit(&name, |connection, rows| search.count(connection, rows)).unwrap_or_default();
            found.records += records;
            found.segments += u64::from(records > 0);
        }
        found.left = [reader.warnings().to_vec(), self.set_aside()?].concat();
        Ok(found)
    }

    /// Takes it out. `tell` hears now and then how many bytes were gone through, and of how many.
    ///
    /// A file that cannot be written anew stays as it is, and is named in [`Purged::left`]; nothing is half removed.
    ///
    /// # Errors
    /// When the directory cannot be read or written, or another purge is at work in it, see [`Error::is_busy`].
    pub fn run(&mut self, mut tell: impl FnMut(u64, u64)) -> Result<Purged, Error> {
        let lock = Lock::take(&self.directory)?;
        lock::sweep_with(&self.directory, &lock);
        let mut names = self.directory.segments()?;
        // A report about a request is never in a later segment than its record.
        names.reverse();
        let sizes: Vec<u64> = names.iter().map(|name| self.directory.bytes_of(name)).collect();
        let (mut done, all) = (0, sizes.iter().sum());
        let (mut purged, mut gone) = (Purged::default(), Gone::default());
        for (name, bytes) in names.iter().zip(sizes) {
            if let Err(why) = self.purge(name, &mut gone, &mut purged, |share| tell(done + share.min(bytes), all)) {
                // It may also have grown too old meanwhile.
                if self.directory.contains(name) {
                    purged.left.push(format!("{} stays as it is: {why}", name.as_str()));
                }
            }
            done += bytes;
            tell(done, all);
        }
        match history::tell_anew(&self.directory, &gone.groups) {
            Ok((groups, freed)) => {
                purged.groups = groups;
                purged.bytes_freed += freed;
            }
            Err(error) => purged.left.push(with_cause(&error)),
        }
        purged.left.extend(self.set_aside()?);
        Ok(purged)
    }

    fn purge(&self, name: &Name, gone: &mut Gone, purged: &mut Purged, tell: impl FnMut(u64)) -> Result<(), String> {
        let opened = match open_to_replace(&self.directory, name, &self.expected) {
            Opened::Ready(connection, version, Some(identity)) => {
                Exchange::new(&self.directory, name, connection, version, identity)
            }
            Opened::Ready(.., None) | Opened::NotYet => return Ok(()),
            Opened::Refused(why) => return Err(why),
        };
        let before = self.directory.bytes_of(name);
        let search = Search::at(self.query, true, self.now_unix_ns);
        let records = opened.without(&search, gone, tell).map_err(|error| with_cause(&error))?;
        if records > 0 {
            purged.records += records;
            purged.segments += 1;
            purged.bytes_freed += before.saturating_sub(self.directory.bytes_of(name));
        }
        Ok(())
    }

    /// Files that were set aside because they are damaged.
    fn set_aside(&self) -> Result<Vec<String>, Error> {
        let told = |name| format!("{name} is damaged and was not looked into: remove it yourself where it must not stay");
        Ok(self.directory.set_aside_before()?.into_iter().map(told).collect())
    }
}

fn with_cause(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

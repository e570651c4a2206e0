//! Puts a copy without some of its records in the place of a segment, which others may read and write meanwhile.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::Gone;
use super::copy::Copy;
use crate::store::blocks::Layout;
use crate::store::directory::{Directory, Identity, Name};
use crate::store::error::Kind;
use crate::store::rows::Rows;
use crate::store::search::{Search, end_of};
use crate::store::segment::{failed, is_busy, open_to_write};
use crate::store::{Error, codec, schema};

/// Numbers of rows that are copied at once: reading longer would keep the log from being carried over.
const STEP: i64 = 2000;
/// How long it is waited for those who read or write the file.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long whoever writes it has to wait for those who read it.
const HELD: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// A segment that is to be replaced.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    directory: &'a Directory,
    name: &'a Name,
    connection: Connection,
    version: i32,
    identity: Identity,
}

impl<'a> Exchange<'a> {
    pub(super) const fn new(
        directory: &'a Directory,
        name: &'a Name,
        connection: Connection,
        version: i32,
        identity: Identity,
    ) -> Self {
        Self { directory, name, connection, version, identity }
    }

    /// Replaces it by one without what matches, and says how many records went. `tell` hears how many bytes were gone through.
    pub(super) fn without(&self, search: &Search<'_>, gone: &mut Gone, mut tell: impl FnMut(u64)) -> Result<u64, Error> {
        let resources = &mut HashMap::new();
        let mut rows = Rows {
            name: self.name,
            version: self.version,
            layout: Layout::new(self.version),
            resources,
            resource: None,
            damaged: false,
            decode: codec::decode,
        };
        let is_concerned = self.is_concerned(search, &mut rows, gone).map_err(cannot)?;
        if !is_concerned {
            self.empty_log();
            return Ok(0);
        }
        let mut copy = Copy::begin(self.directory, self.name.copy(), self.version)?;
        let bytes = self.directory.bytes_of(self.name);
        let mut count = 0;
        let mut take = |copy: &mut Copy, source: &Connection, to: i64| {
            let goes = |stored: &_| {
                let goes = search.matches(stored) || gone.has_request_of(stored);
                if goes {
                    gone.see(stored);
                }
                goes
            };
            copy.take(source, &mut rows, to, goes).map(|gone| count += gone)
        };
        loop {
            let end = end_of(&self.connection).map_err(cannot)?;
            if end - copy.last() <= STEP {
                break;
            }
            let to = copy.last() + STEP;
            take(&mut copy, &self.connection, to).map_err(cannot)?;
            tell(bytes / u64::try_from(end).unwrap_or(1).max(1) * u64::try_from(to).unwrap_or_default());
        }
        let locked = self.lock()?;
        let end = end_of(&locked).map_err(cannot)?;
        take(&mut copy, &locked, end).map_err(cannot)?;
        let holds_any = copy.finish(&locked, count, search.now_unix_ns()).map_err(cannot)?;
        // One between two others stays, to tell of the numbers that are missing.
        let is_between =
            self.directory.segments()?.iter().any(|other| other < self.name && other.instance() == self.name.instance());
        self.put(&copy, holds_any || is_between)?;
        // The old file is nobody's now, and lets go of its lock with this.
        drop(locked);
        Ok(count)
    }

    /// Whether anything of it has to go.
    fn is_concerned(&self, search: &Search<'_>, rows: &mut Rows<'_>, gone: &Gone) -> rusqlite::Result<bool> {
        if search.is_any(&self.connection, rows)? {
            return Ok(true);
        }
        if gone.spans.is_empty() || !schema::has_reports(self.version) {
            return Ok(false);
        }
        let mut is_any = false;
        rows.each(&self.connection, "SELECT id, resource, data FROM record WHERE kind = 'partial'", Vec::new(), |_, stored| {
            is_any = stored.is_some_and(|stored| gone.has_request_of(&stored));
            !is_any
        })?;
        Ok(is_any)
    }

    /// What was replaced in a segment without any of it may still stand in its log. Where somebody reads that, it goes with
    /// time.
    fn empty_log(&self) {
        if self.directory.has_log(self.name) {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }

    /// Keeps everybody from writing it, with all of it in the file itself, so that its log can go.
    fn lock(&self) -> Result<Transaction<'_>, Error> {
        let started = Instant::now();
        loop {
            let locked = match Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate) {
                Ok(locked) => locked,
                Err(error) if is_busy(&error) && started.elapsed() < PATIENCE => continue,
                Err(error) => return Err(cannot(error)),
            };
            if self.directory.identity(self.name) != Some(self.identity) {
                return Err(Error::new(Kind::Io, "it is gone"));
            }
            let held = Instant::now();
            while held.elapsed() < HELD {
                if self.carry_over().map_err(cannot)? {
                    return Ok(locked);
                }
                std::thread::sleep(PAUSE);
            }
            drop(locked);
            if started.elapsed() > PATIENCE {
                return Err(Error::new(Kind::Busy, "somebody has been reading its log for too long"));
            }
            std::thread::sleep(10 * PAUSE);
        }
    }

    /// Writes what is in the log to the file; false where somebody still reads how it was before.
    fn carry_over(&self) -> rusqlite::Result<bool> {
        let other = open_to_write(&self.directory.file(self.name))?;
        other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let (busy, log, carried): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && log == carried)
        })
    }

    /// The file is whole without its log, which goes first: the new one must not be read with it.
    fn put(&self, copy: &Copy, holds_any: bool) -> Result<(), Error> {
        let failed = |error| Error::new(Kind::Io, "it cannot be replaced").because(error);
        if !holds_any {
            self.directory.remove_segment(self.name);
            return Ok(());
        }
        copy.sync().map_err(failed)?;
        self.directory.remove_beside(self.name.as_str());
        copy.rename(&self.directory.file(self.name)).map_err(failed)?;
        // Readers that came in between may have begun a log, in which nothing is.
        self.directory.sync();
        Ok(())
    }
}

fn cannot(error: rusqlite::Error) -> Error {
    failed(error, "it cannot be written anew")
}

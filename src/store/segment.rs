//! One segment while it is written.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, TransactionBehavior, params};

use super::blocks::{Block, Builder};
use super::directory::{Directory, Identity, Name};
use super::error::Kind as ErrorKind;
use super::partials::{Partials, is_over};
use super::{Error, codec, schema};
use crate::query::{Column, kind_word, number_column as number};
use crate::record::{Kind, Losses, Record, Resource};

const BUSY_TIMEOUT: Duration = Duration::from_millis(250);
const BUSY_TRIES: u32 = 8;

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: Name,
    directory: Directory,
    /// The file that was begun. Whoever takes records out of it puts another in its place.
    identity: Option<Identity>,
    connection: Connection,
    /// The resource that was written last, and its row.
    resource: Option<(Resource, i64)>,
    /// The number of the row that was written last. Numbers are not used again: readers go on behind the last they saw.
    last: i64,
    /// What the rows hold that are in no block yet.
    open: Builder,
    /// Rows but for those that are replaced.
    pub(super) rows: u64,
    pub(super) since: Instant,
}

/// A record and its encoding.
pub(super) type Row<'a> = (&'a Record, Vec<u8>);

impl Segment {
    /// Opens the empty file of this name and makes it a segment.
    pub(super) fn open(directory: &Directory, name: Name, max_bytes: u64) -> rusqlite::Result<Self> {
        let identity = directory.identity(&name);
        let connection = open_to_write(&directory.file(&name))?;
        // The log may take a sixteenth of a segment before it is carried over, between 256 KiB and 16 MiB: each time waits
        // for the disk.
        let pages = (max_bytes / 16 / 4096).clamp(64, 4096);
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {pages}; \
             PRAGMA journal_size_limit = {}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; {NOTHING_LEFT}",
            pages * 4096
        ))?;
        schema::create(&connection)?;
        Ok(Self {
            name,
            directory: directory.clone(),
            identity,
            connection,
            resource: None,
            last: 0,
            open: Builder::new(1),
            rows: 0,
            since: Instant::now(),
        })
    }

    /// Whether no row was ever written.
    pub(super) const fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// Whether its name still leads to it.
    pub(super) fn is_there(&self) -> bool {
        self.identity.is_some() && self.directory.identity(&self.name) == self.identity
    }

    /// Writes all of it in one transaction, or nothing. Waits a bounded time for whoever has locked the file.
    pub(super) fn write(
        &mut self,
        rows: &[Row<'_>],
        resource: &Resource,
        losses: &Losses,
        partials: &Partials,
        now_unix_ns: u64,
    ) -> rusqlite::Result<()> {
        let told = rows.iter().filter(|(record, _)| !is_over(record));
        let blocks: Vec<_> = told.filter_map(|(record, _)| self.open.add(record)).collect();
        let mut tries = 1;
        let done = loop {
            match self.try_write(rows, &blocks, resource, losses, partials, now_unix_ns) {
                Err(error) if is_busy(&error) && tries < BUSY_TRIES => tries += 1,
                done => break done,
            }
        };
        if done.is_err() {
            // What was told of rows that are not there is forgotten, and with it what was told of those before them.
            self.open.restart(self.last + 1);
        }
        done
    }

    /// Writes what is known of the last rows. Where that fails, searches read them.
    pub(super) fn close(mut self) {
        if let Some(block) = self.open.finish() {
            let _ = self.connection.transaction().and_then(|transaction| {
                block.write(&transaction)?;
                transaction.commit()
            });
        }
    }

    fn try_write(
        &mut self,
        rows: &[Row<'_>],
        blocks: &[Block],
        resource: &Resource,
        losses: &Losses,
        partials: &Partials,
        now_unix_ns: u64,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Whoever replaces a file holds its lock until it is done, so this is asked with the lock in hand.
        if self.identity.is_none() || self.directory.identity(&self.name) != self.identity {
            return Err(moved());
        }
        let known = self.resource.as_ref().filter(|(known, _)| known == resource).map(|(_, row)| *row);
        let resource_row = match known {
            Some(row) => row,
            None => {
                let attributes = codec::encode_pairs(resource.attributes());
                transaction.prepare_cached("INSERT INTO resource(attributes) VALUES (?)")?.insert([attributes])?
            }
        };
        for (reason, count) in losses.iter() {
            transaction
                .prepare_cached(
                    "INSERT INTO loss(record, unix_ns, reason, count)
                     VALUES (?, ?, ?, ?)",
                )?
                .execute(params![self.last + 1, number(now_unix_ns), reason.as_str(), number(count)])?;
        }
        let mut last = self.last;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for (record, data) in rows {
            partials.replace(&transaction, &self.name, record)?;
            if !is_over(record) {
                last += 1;
                insert_into(&mut insert, last, record, resource_row, data)?;
            }
        }
        drop(insert);
        blocks.iter().try_for_each(|block| block.write(&transaction))?;
        transaction.commit()?;
        self.last = last;
        self.rows += rows.iter().filter(|(record, _)| record.kind() != Kind::Partial).count() as u64;
        if known.is_none() {
            self.resource = Some((resource.clone(), resource_row));
        }
        Ok(())
    }
}

/// What is taken out is overwritten: a report that was replaced may tell of a request that is purged later.
pub(super) const NOTHING_LEFT: &str = "PRAGMA secure_delete = ON;";

/// The file that is open has no name any more, or another one.
fn moved() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
    rusqlite::Error::SqliteFailure(code, Some("another file is in its place".to_owned()))
}

/// Opens a file that is there, for writing; never by way of a link.
pub(super) fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

const INSERT: &str = "
INSERT INTO record(id, resource, sequence, start_unix_ns, duration_ns, kind, outcome, failed, span_id, trace_id, request_id, method,
route, path, status, user_id, error_type, group_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn insert_into(insert: &mut Statement<'_>, id: i64, record: &Record, resource: i64, data: &[u8]) -> rusqlite::Result<()> {
    insert.execute(params![
        id,
        resource,
        number(record.sequence()),
        number(record.start_unix_ns()),
        number(record.duration_ns()),
        kind_word(record.kind()),
        if record.kind() == Kind::Partial { "" } else { record.outcome().as_str() },
        record.is_failed(),
        record.span_id().0,
        record.trace_id().map(|id| id.0),
        Column::Request.of(record),
        Column::Method.of(record),
        Column::Route.of(record),
        Column::Path.of(record),
        record.status(),
        Column::User.of(record),
        record.error_type(),
        record.group().map(|group| group.0.to_be_bytes()),
        data,
    ])?;
    Ok(())
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether the file is no longer what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown))
}

/// An error of SQLite as one of ours.
pub(super) fn failed(error: rusqlite::Error, what: impl Into<String>) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::Full,
        _ if is_busy(&error) => ErrorKind::Busy,
        _ if is_damage(&error) => ErrorKind::Damaged,
        _ => ErrorKind::Io,
    };
    Error::new(kind, what).because(error)
}

/// Whether another file may do better: this one was removed, moved or taken from us.
pub(super) fn is_out_of_reach(error: &rusqlite::Error) -> bool {
    is_busy(error)
        || matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::FileLockingProtocolFailed
                    // The system refuses to read or write it, as one that may not grow. What was written before can be read.
                    | ErrorCode::SystemIoFailure
            )
        )
}

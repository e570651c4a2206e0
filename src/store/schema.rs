//! What stands in a segment.

use rusqlite::Connection;

/// Marks our files: "CAMP".
pub(super) const APPLICATION_ID: i32 = 0x4341_4d50;
/// The version that is written, and the newest that is understood.
pub(super) const VERSION: i32 = 2;
/// The first version that has a column for groups.
const WITH_GROUPS: i32 = 2;
/// The first version that keeps reports about running requests.
const WITH_REPORTS: i32 = 2;

/// `record` has a row for each record: what queries compare in columns, and everything in `data`. `resource` says who
/// wrote it. `loss` says what was lost before the record of that number.
///
/// The tables of version 1. A file is never brought up to a newer version: it belongs to the process that began it, and it
/// is removed soon enough.
const FIRST: &str = "
CREATE TABLE record(
  id INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  start_unix_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  failed INTEGER NOT NULL,
  span_id BLOB NOT NULL,
  trace_id BLOB,
  request_id TEXT,
  method TEXT,
  route TEXT,
  path TEXT,
  status INTEGER,
  user_id TEXT,
  error_type TEXT,
  data BLOB NOT NULL
);
CREATE INDEX record_start ON record(start_unix_ns);
CREATE INDEX record_span ON record(span_id);
CREATE INDEX record_trace ON record(trace_id);
CREATE INDEX record_request ON record(lower(request_id));
CREATE TABLE resource(id INTEGER PRIMARY KEY, attributes BLOB NOT NULL);
CREATE TABLE loss(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, unix_ns INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL);
";

/// What version 2 added.
const SECOND: &str = "
ALTER TABLE record ADD COLUMN group_id BLOB;
CREATE INDEX record_group ON record(group_id) WHERE group_id IS NOT NULL;
CREATE INDEX record_partial ON record(span_id) WHERE kind = 'partial';
";

/// Makes the tables, all or nothing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {FIRST} {SECOND} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// Type, name and text of everything that a file declares.
pub(super) type Objects = Vec<(String, String, Option<String>)>;

pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name LIMIT 64")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// What a file of each version declares, from version 1 on.
#[derive(Debug)]
pub(super) struct Expected(Vec<Objects>);

impl Expected {
    pub(super) fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        let mut versions = Vec::new();
        for added in [FIRST, SECOND] {
            connection.execute_batch(added)?;
            versions.push(objects(&connection)?);
        }
        Ok(Self(versions))
    }

    /// Whether these are the tables of this version.
    pub(super) fn is(&self, version: i32, objects: &Objects) -> bool {
        let known = usize::try_from(version).ok().and_then(|version| self.0.get(version.checked_sub(1)?));
        known == Some(objects)
    }
}

/// Whether the rows of this version have a column for groups.
pub(super) const fn has_groups(version: i32) -> bool {
    version >= WITH_GROUPS
}

/// Whether reports about running requests may be among the rows of this version.
pub(super) const fn has_reports(version: i32) -> bool {
    version >= WITH_REPORTS
}

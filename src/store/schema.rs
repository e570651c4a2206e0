//! What stands in a segment.

use std::sync::{Arc, OnceLock};

use rusqlite::Connection;

use super::Error;
use super::error::Kind;

/// Marks our files: "CAMP".
pub(super) const APPLICATION_ID: i32 = 0x4341_4d50;
/// The version that is written, and the newest that is understood.
pub(super) const VERSION: i32 = 4;
/// The first version that has a column for groups.
const WITH_GROUPS: i32 = 2;
/// The first version that keeps reports about running requests.
const WITH_REPORTS: i32 = 2;
/// The first version that tells of blocks of rows what they hold, in place of most indexes.
const WITH_BLOCKS: i32 = 3;
/// The first version whose blocks have filters of eight bits for each word, where there were six.
const WITH_EIGHT_PROBES: i32 = 4;

/// `record` has a row for each record: what queries compare in columns, and everything in `data`. `resource` says who
/// wrote it. `loss` says what was lost before the record of that number.
///
/// The tables that every version has. A file is never brought up to a newer version: it belongs to the process that began it, and it
/// is removed soon enough.
const TABLES: &str = "
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
CREATE TABLE resource(id INTEGER PRIMARY KEY, attributes BLOB NOT NULL);
CREATE TABLE loss(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, unix_ns INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL);
";

/// What versions 1 and 2 find records by. Each of these takes its place of a row anywhere in its tree, so that a few hundred
/// records changed most of its pages.
const BEFORE_BLOCKS: &str = "
CREATE INDEX record_start ON record(start_unix_ns);
CREATE INDEX record_span ON record(span_id);
CREATE INDEX record_trace ON record(trace_id);
CREATE INDEX record_request ON record(lower(request_id));
";

/// What version 2 added.
const SECOND: &str = "
ALTER TABLE record ADD COLUMN group_id BLOB;
CREATE INDEX record_group ON record(group_id) WHERE group_id IS NOT NULL;
CREATE INDEX record_partial ON record(span_id) WHERE kind = 'partial';
";

/// What versions 3 and 4 have in place of those indexes, see [`blocks`](super::blocks).
const THIRD: &str = "
CREATE TABLE block(
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  min_start_unix_ns INTEGER NOT NULL,
  max_start_unix_ns INTEGER NOT NULL,
  min_duration_ns INTEGER NOT NULL,
  max_duration_ns INTEGER NOT NULL,
  statuses BLOB NOT NULL,
  saturated INTEGER NOT NULL
);
CREATE TABLE piece(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
";

/// What makes the tables of each version, from version 1 on.
const VERSIONS: [&[&str]; 4] =
    [&[TABLES, BEFORE_BLOCKS], &[TABLES, BEFORE_BLOCKS, SECOND], &[TABLES, SECOND, THIRD], &[TABLES, SECOND, THIRD]];

/// Makes the tables, all or nothing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} {SECOND} {THIRD} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// Makes the tables of a version that is known, in a file without any.
pub(super) fn create_as(connection: &Connection, version: i32) -> rusqlite::Result<()> {
    let parts = usize::try_from(version - 1).ok().and_then(|index| VERSIONS.get(index)).copied().unwrap_or_default();
    parts.iter().try_for_each(|part| connection.execute_batch(part))?;
    connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"))
}

/// Type, name and text of everything that a file declares.
pub(super) type Objects = Vec<(String, String, Option<String>)>;

/// What a file says that it is.
pub(super) struct Declared {
    pub(super) application: i32,
    pub(super) version: i32,
    pub(super) objects: Objects,
}

/// All of it as it is at one moment: the file may be begun just now.
pub(super) fn declared(connection: &Connection) -> rusqlite::Result<Declared> {
    let snapshot = connection.unchecked_transaction()?;
    let number = |pragma: &str| snapshot.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    // The tables first: what is read first is what the moment begins with.
    let objects = objects(&snapshot)?;
    Ok(Declared { application: number("application_id")?, version: number("user_version")?, objects })
}

pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name LIMIT 64")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// What a file of each version declares, from version 1 on.
#[derive(Clone, Debug)]
pub(super) struct Expected(Arc<[Objects]>);

/// Found out once: SQLite has to be asked for it.
static EXPECTED: OnceLock<Expected> = OnceLock::new();

impl Expected {
    fn new() -> rusqlite::Result<Self> {
        if let Some(known) = EXPECTED.get() {
            return Ok(known.clone());
        }
        let declared = |parts: &[&str]| {
            let connection = Connection::open_in_memory()?;
            parts.iter().try_for_each(|part| connection.execute_batch(part))?;
            objects(&connection)
        };
        let expected: Arc<[Objects]> = VERSIONS.into_iter().map(declared).collect::<Result<_, _>>()?;
        Ok(EXPECTED.get_or_init(|| Self(expected)).clone())
    }

    /// As [`new`](Self::new), for whoever cannot go on without.
    pub(super) fn known() -> Result<Self, Error> {
        Self::new().map_err(|error| Error::new(Kind::Io, "SQLite does not work here").because(error))
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

/// How many bits of a block's filter stand for a word.
pub(super) const fn probes(version: i32) -> u32 {
    if version >= WITH_EIGHT_PROBES { 8 } else { 6 }
}

/// Whether blocks say what the rows of this version hold.
pub(super) const fn has_blocks(version: i32) -> bool {
    version >= WITH_BLOCKS
}

//! What stands in a segment.

use rusqlite::Connection;

/// Marks our files: "CAMP".
pub(super) const APPLICATION_ID: i32 = 0x4341_4d50;
/// The newest version that is understood.
pub(super) const VERSION: i32 = 1;

/// `record` has a row for each record: what queries compare in columns, and everything in `data`. `resource` says who
/// wrote it. `loss` says what was lost before the record of that number.
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
CREATE INDEX record_start ON record(start_unix_ns);
CREATE INDEX record_span ON record(span_id);
CREATE INDEX record_trace ON record(trace_id);
CREATE INDEX record_request ON record(lower(request_id));
CREATE TABLE resource(id INTEGER PRIMARY KEY, attributes BLOB NOT NULL);
CREATE TABLE loss(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, unix_ns INTEGER NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL);
";

/// Makes the tables, all or nothing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
}

/// Type, name and text of everything that a file declares.
pub(super) type Objects = Vec<(String, String, Option<String>)>;

pub(super) fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name LIMIT 64")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// What a file of our version declares.
pub(super) fn expected() -> rusqlite::Result<Objects> {
    let connection = Connection::open_in_memory()?;
    create(&connection)?;
    objects(&connection)
}

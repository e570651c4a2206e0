//! What stands in the file.

use rusqlite::Connection;

use crate::store::schema::{Objects, objects};

/// Marks the file: "CAMG".
pub(super) const APPLICATION_ID: i32 = 0x4341_4d47;
/// The version that is written, and the newest that is understood.
pub(super) const VERSION: i32 = 1;

/// `release` has a row for each version of the application that has written here, so that they have an order.
const TABLES: &str = "
CREATE TABLE error_group(
  id BLOB PRIMARY KEY,
  title TEXT NOT NULL,
  components BLOB NOT NULL,
  first_unix_ns INTEGER NOT NULL,
  last_unix_ns INTEGER NOT NULL,
  count INTEGER NOT NULL,
  routes BLOB NOT NULL,
  releases BLOB NOT NULL,
  users BLOB NOT NULL,
  resolved_unix_ns INTEGER,
  resolved_release TEXT,
  regressed_unix_ns INTEGER
);
CREATE INDEX error_group_last ON error_group(last_unix_ns);
CREATE TABLE release(name TEXT PRIMARY KEY, first_unix_ns INTEGER NOT NULL);
";

/// Makes the tables where there are none, all or nothing.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if objects(&transaction)?.is_empty() {
        transaction
            .execute_batch(&format!("{TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))?;
    }
    transaction.commit()
}

pub(super) fn expected() -> rusqlite::Result<Objects> {
    let connection = Connection::open_in_memory()?;
    create(&connection)?;
    objects(&connection)
}

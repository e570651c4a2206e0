//! Opens a file that may be anything.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::directory::{Directory, Identity, Name};
use super::{schema, segment};

const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest row that is read, in bytes; a stored record is a little larger than 1 MiB at most.
const MAX_ROW_BYTES: i32 = 32 * 1024 * 1024;

/// What became of it.
pub(super) enum Opened {
    /// With its version, and which file it is.
    Ready(Connection, i32, Option<Identity>),
    /// A segment that is being begun right now.
    NotYet,
    /// Why it is not read.
    Refused(String),
}

/// Opens a segment for reading, and refuses everything that is not one of ours.
pub(super) fn open_read_only(directory: &Directory, name: &Name, expected: &schema::Expected) -> Opened {
    let (path, identity) = (directory.file(name), directory.identity(name));
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let look = |connection: Connection| {
        connection.execute_batch("PRAGMA query_only = ON;")?;
        check(connection, identity, expected)
    };
    let first = Connection::open_with_flags(&path, read_only).and_then(look);
    match first {
        // In a directory that cannot be written SQLite has no place for its lock file, and needs none where nothing is
        // in the log any more.
        Err(error) if cannot_lock(&error) && !directory.has_log(name) => {
            let flags = read_only | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(immutable_uri(&path), flags).and_then(look)
        }
        first => first,
    }
    .unwrap_or_else(|error| Opened::Refused(error.to_string()))
}

/// Opens a segment that is to be written anew, with the same care.
pub(super) fn open_to_replace(directory: &Directory, name: &Name, expected: &schema::Expected) -> Opened {
    let identity = directory.identity(name);
    let opened = segment::open_to_write(&directory.file(name)).and_then(|connection| check(connection, identity, expected));
    opened.unwrap_or_else(|error| Opened::Refused(error.to_string()))
}

fn cannot_lock(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

pub(super) fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02x}");
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Keeps a file that somebody may have prepared from doing harm.
pub(super) fn defend(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;")
}

fn check(connection: Connection, identity: Option<Identity>, expected: &schema::Expected) -> rusqlite::Result<Opened> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    defend(&connection)?;
    let schema::Declared { application, version, objects } = schema::declared(&connection)?;
    if application == 0 && version == 0 && objects.is_empty() {
        return Ok(Opened::NotYet);
    }
    let refused = |why: &str| Ok(Opened::Refused(why.to_owned()));
    if application != schema::APPLICATION_ID {
        return refused("it is a database of another program");
    }
    if version > schema::VERSION {
        return refused("it was written by a newer version of campanile");
    }
    if !expected.is(version, &objects) {
        return refused("its tables are not those of a store");
    }
    Ok(Opened::Ready(connection, version, identity))
}

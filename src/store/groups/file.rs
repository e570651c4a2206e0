//! Opens the file, which may be anything, for reading and for resolving.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::row::{Group, cut};
use super::schema;
use crate::query::number_column as number;
use crate::record::GroupId;
use crate::store::directory::{self, Directory};
use crate::store::error::Kind;
use crate::store::schema::{Declared, declared};
use crate::store::segment::{self, is_damage, open_to_write};
use crate::store::{Error, open, unix_ns};

/// The file's name.
pub(super) const NAME: &str = directory::GROUPS;
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The groups of a store, to be read and resolved.
///
/// # Example
/// ```no_run
/// use campanile::store::Groups;
///
/// for group in Groups::open(".campanile")?.list()? {
///     eprintln!("{} {:>6} {}", group.id(), group.count(), group.title());
/// }
/// # Ok::<(), campanile::store::Error>(())
/// ```
#[derive(Debug)]
pub struct Groups {
    directory: Directory,
    connection: Connection,
}

impl Groups {
    /// Groups whose history is kept, at most.
    pub const MAX_GROUPS: usize = 10_000;

    /// Opens those of the store in this directory, read-only.
    ///
    /// # Errors
    /// When there is no store here or no error was seen yet, see [`Error::is_not_found`], or the file cannot be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = Directory::existing(directory.as_ref())?;
        let path = directory.path().join(NAME);
        let is_file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            let message = format!("no error was seen in '{}' yet", directory.path().display());
            return Err(Error::new(Kind::NotFound, message));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let first =
            Connection::open_with_flags(&path, flags).and_then(|connection| check(&connection).map(|what| (connection, what)));
        // In a directory that cannot be written SQLite has no place for its lock file.
        let opened = first.or_else(|_| {
            let uri = open::immutable_uri(&path);
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
                .and_then(|connection| check(&connection).map(|what| (connection, what)))
        });
        let (connection, what) = opened.map_err(failed)?;
        match what {
            What::Ours => Ok(Self { directory, connection }),
            What::Empty => Err(Error::new(Kind::NotFound, "no error was seen yet")),
            other => Err(other.refusal()),
        }
    }

    /// All groups, the one that was seen last first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<Group>, Error> {
        self.select("1 ORDER BY last_unix_ns DESC, id", params![])
    }

    /// The groups whose id begins with these 1 to 16 hexadecimal digits; none for any other text.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn starting_with(&self, digits: &str) -> Result<Vec<Group>, Error> {
        let Some((first, last)) = crate::query::group_range(digits) else { return Ok(Vec::new()) };
        self.select("id >= ? AND id <= ? ORDER BY last_unix_ns DESC, id", params![first.0.to_be_bytes(), last.0.to_be_bytes()])
    }

    /// Releases of the application that have written to this store, with the moment when each was first seen, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn releases(&self) -> Result<Vec<(String, u64)>, Error> {
        let read = || {
            let mut statement =
                self.connection.prepare("SELECT name, first_unix_ns FROM release ORDER BY first_unix_ns LIMIT 1000")?;
            let rows =
                statement.query_map([], |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default())))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(failed)
    }

    /// Marks a group as resolved; false where there is no such group. From now on it counts as regressed when it is seen
    /// again; with a release, when it is seen in that one or in one that came after it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn resolve(&self, id: GroupId, in_release: Option<&str>) -> Result<bool, Error> {
        let now = unix_ns(SystemTime::now());
        let release = in_release.map(|release| cut(release, 120));
        self.change(id, (Some(now), release))
    }

    /// Takes the mark of a resolved group away; false where there is no such group.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reopen(&self, id: GroupId) -> Result<bool, Error> {
        self.change(id, (None, None))
    }

    fn change(&self, id: GroupId, resolved: (Option<u64>, Option<&str>)) -> Result<bool, Error> {
        let Writable::Ready(connection) = open_writable(&self.directory)? else {
            return Err(Error::new(Kind::Io, "the groups cannot be written"));
        };
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let sql = "UPDATE error_group SET resolved_unix_ns = ?, resolved_release = ?, regressed_unix_ns = NULL WHERE id = ?";
        let changed = connection.execute(sql, params![resolved.0.map(number), resolved.1, id.0.to_be_bytes()]);
        Ok(changed.map_err(failed)? > 0)
    }

    fn select(&self, rest: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Group>, Error> {
        let read = || {
            let mut statement = self.connection.prepare(&format!("SELECT {} FROM error_group WHERE {rest}", Group::COLUMNS))?;
            let rows = statement.query_map(values, Group::read)?;
            // A row that somebody has spoilt does not hide the others.
            Ok(rows.filter_map(Result::ok).take(2 * Self::MAX_GROUPS).collect())
        };
        read().map_err(failed)
    }
}

/// What a file is.
pub(super) enum What {
    Ours,
    /// Nothing yet.
    Empty,
    Newer,
    Foreign,
    /// Marked as ours, and with other tables.
    Spoilt,
}

impl What {
    pub(super) fn refusal(&self) -> Error {
        let why = match self {
            Self::Newer => "was written by a newer version of campanile",
            Self::Foreign => "is a database of another program",
            Self::Spoilt | Self::Ours | Self::Empty => "is damaged",
        };
        Error::new(Kind::Damaged, format!("{NAME} {why}: there is no history of groups"))
    }
}

pub(super) fn check(connection: &Connection) -> rusqlite::Result<What> {
    open::defend(connection)?;
    let Declared { application, version, objects } = declared(connection)?;
    Ok(match (application, version) {
        (0, 0) if objects.is_empty() => What::Empty,
        (application, _) if application != schema::APPLICATION_ID => What::Foreign,
        (_, version) if version > schema::VERSION => What::Newer,
        (_, schema::VERSION) if objects == schema::expected()? => What::Ours,
        _ => What::Spoilt,
    })
}

/// A file that is to be written.
pub(in crate::store) enum Writable {
    Ready(Connection),
    /// It belongs to somebody else, or to a newer version.
    Refused,
}

/// Opens it for writing, and makes it where it is missing. One that is damaged is set aside first.
pub(in crate::store) fn open_writable(directory: &Directory) -> Result<Writable, Error> {
    for _ in 0..2 {
        let path = directory.path().join(NAME);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() && is_owners(&metadata, directory) => {}
            // A link leads wherever its owner likes.
            Ok(_) => return Ok(Writable::Refused),
            Err(_) => match directory.create_private(NAME) {
                Err(error) if !path.exists() => return Err(error),
                _ => {}
            },
        }
        let opened = open_to_write(&path).and_then(|connection| {
            let what = check(&connection)?;
            Ok((connection, what))
        });
        match opened {
            Ok((connection, What::Ours | What::Empty)) => {
                connection
                    .execute_batch(
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 1048576;
                     PRAGMA wal_autocheckpoint = 250; PRAGMA temp_store = MEMORY;",
                    )
                    .and_then(|()| schema::create(&connection))
                    .map_err(failed)?;
                return Ok(Writable::Ready(connection));
            }
            Ok((_, What::Foreign | What::Newer)) => return Ok(Writable::Refused),
            Ok((connection, What::Spoilt)) => {
                drop(connection);
                directory.set_aside(NAME);
            }
            Err(error) if is_damage(&error) => directory.set_aside(NAME),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(Writable::Refused)
}

fn is_owners(file: &Metadata, directory: &Directory) -> bool {
    fs::metadata(directory.path()).is_ok_and(|directory| directory::same_owner(file, &directory))
}

/// One group.
pub(in crate::store) fn group(connection: &Connection, id: GroupId) -> rusqlite::Result<Option<Group>> {
    let sql = format!("SELECT {} FROM error_group WHERE id = ?", Group::COLUMNS);
    connection.prepare_cached(&sql)?.query_row([id.0.to_be_bytes()], Group::read).optional()
}

fn failed(error: rusqlite::Error) -> Error {
    segment::failed(error, format!("cannot use {NAME}"))
}

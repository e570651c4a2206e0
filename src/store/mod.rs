//! The embedded store: SQLite in segments, written by the application and read by the command line.
//!
//! # Shape
//! A directory of files `segment-<16 digits, milliseconds since 1970>-<8 hexadecimal digits>.sqlite`, each with SQLite's
//! own `-wal` and `-shm` beside it. A segment is written by one process and begun anew at each start, so any number of
//! processes share a directory without a lock. It ends at an eighth of [`Settings::max_bytes`], at 256 MiB, or after an
//! eighth of [`Settings::max_age`]. Removal takes the oldest file as a whole, which needs no room and never delays a
//! query for long; only files of exactly this name, or of this name and `.damaged`, are removed so. A process whose file
//! was removed begins another. The history of groups counts towards the bytes, and segments give way to it; it is bounded
//! by its rows, and only `groups.sqlite.damaged`, of which there is one at most, is ever removed.
//!
//! [`Purge`] takes single records out for good: it writes the segments that hold some of them anew.
//!
//! Records are found by columns of their own, among them the group of an error, and by blocks of rows that tell what is in
//! them; segments of the first schemas, without those, are read as they are. What is known of each group outlives the segments in `groups.sqlite`, see [`Groups`].
//!
//! # When something is wrong on disk
//! With less than 256 MiB or 5 % of the disk left nothing is written, and what is lost is counted, until there is more.
//! Writing never depends on what is there: only a directory that cannot be used is an error. Where the system refuses to write a
//! file, or somebody holds it, what is in it stays and the records go to a new one. A file that proves damaged while it
//! is written is renamed to `.damaged`, and here too another is begun. Reading leaves out what is damaged, foreign or
//! newer and says so in [`Reader::warnings`].
//!
//! # Search
//! A query becomes a condition on columns, which leaves out rows that cannot match; what is left is decoded, newest first,
//! and asked with [`Query::matches`](crate::query::Query::matches), until the page is full or the time is up. Which rows are
//! read at all is told by what is known of each 128 of them: their times, their statuses, their ids, and a filter of the
//! words in them, by which a search for a rare word reads few others. A part of a word (`~`), what is negated, and an `or`
//! with either in it have to read them all.
//!
//! # Durability
//! Transactions are committed to SQLite's log without waiting for the disk (`synchronous = NORMAL`): a process that is
//! killed loses nothing committed, a power cut may lose the last moments, neither damages a file.
//!
//! # Example
//! ```no_run
//! use campanile::query::Query;
//! use campanile::store::{Find, Reader};
//!
//! let mut reader = Reader::open(".campanile")?;
//! for stored in reader.find(&Query::parse("status:5xx since:1h")?, &Find::with_limit(20))? {
//!     let record = stored.record();
//!     eprintln!("{} {} {:?}", stored.resource().service_name(), record.path(), record.status());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
mod agreement;
mod blocks;
mod codec;
mod directory;
mod error;
mod groups;
mod instance;
mod open;
mod partials;
mod purge;
mod reader;
mod rows;
mod schema;
mod search;
mod segment;
pub(crate) mod turns;
mod unfinished;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use self::error::Error;
pub use self::groups::{Group, GroupState, Groups, Release};
pub use self::purge::{Purge, Purgeable, Purged};
pub use self::reader::{Count, Counts, Cursor, Find, Gap, Reader, Scan, Scanned};
pub use self::rows::Stored;
pub use self::unfinished::{LeftBehind, Unfinished};
pub use self::writer::Store;

/// Where a store is and how large and old it may get.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The directory that holds the segments.
    pub directory: PathBuf,
    /// All files together, in bytes, at most; at least [`MIN_MAX_BYTES`](Self::MIN_MAX_BYTES).
    pub max_bytes: u64,
    /// How long a record is kept.
    pub max_age: Duration,
}

impl Settings {
    /// The default of [`max_bytes`](Self::max_bytes): 512 MiB.
    pub const DEFAULT_MAX_BYTES: u64 = 512 * 1024 * 1024;
    /// The default of [`max_age`](Self::max_age): 7 days.
    pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// A smaller [`max_bytes`](Self::max_bytes) counts as this: 4 MiB.
    pub const MIN_MAX_BYTES: u64 = 4 * 1024 * 1024;

    /// The default settings for this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), max_bytes: Self::DEFAULT_MAX_BYTES, max_age: Self::DEFAULT_MAX_AGE }
    }
}

fn unix_ns(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).ok().and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default()
}

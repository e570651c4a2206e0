//! The embedded store: SQLite in segments.

mod codec;
mod directory;
mod error;
mod open;
mod reader;
mod schema;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use self::error::Error;
pub use self::reader::{Cursor, Find, Gap, Reader, Stored};
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

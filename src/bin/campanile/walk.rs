//! Goes through what matches, however much it is.

use std::time::Duration;

use campanile::query::Query;
use campanile::store::{Reader, Scan, Scanned, Stored};

use crate::failure::Failure;
use crate::progress::Progress;

/// How far it came.
pub(crate) struct Walked {
    pub(crate) read: u64,
    /// Whether the time was over before the end.
    pub(crate) is_late: bool,
}

impl Walked {
    /// Fails where nothing matches.
    pub(crate) fn is_any(&self) -> Result<(), Failure> {
        if self.read == 0 { Err(Failure::new(Failure::NOTHING, "nothing matches")) } else { Ok(()) }
    }
}

/// Hands over the requests that match, until one cannot be taken or the time is over.
pub(crate) fn walk(
    reader: &mut Reader,
    query: &Query,
    within: Duration,
    take: impl FnMut(&Stored) -> Result<(), Failure>,
) -> Result<Walked, Failure> {
    walk_over(reader, &Scan::of(query), within, take)
}

/// The same with more than the query to say which.
pub(crate) fn walk_over(
    reader: &mut Reader,
    scan: &Scan<'_>,
    within: Duration,
    mut take: impl FnMut(&Stored) -> Result<(), Failure>,
) -> Result<Walked, Failure> {
    let mut progress = Progress::new();
    let mut read = 0_u64;
    let mut taken = Ok(());
    let scanned = reader.scan(scan, within, |stored| {
        taken = take(&stored);
        read += 1;
        if read.is_multiple_of(1000) {
            progress.tell(read);
        }
        taken.is_ok()
    })?;
    progress.end();
    taken.map(|()| Walked { read, is_late: scanned == Scanned::Late })
}

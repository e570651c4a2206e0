//! Groups of failures that code names.

use super::Builder;
use crate::record::Record;

impl Builder {
    /// Names the groups of failures: whatever gets the same name is one [group](mod@crate::group), and `None` leaves it to
    /// the fingerprint, or to the next of these.
    ///
    /// Asked on a thread of ours, once for each record with a failure, after its secrets were taken out, and only where
    /// the request did not name its group itself with [`group()`](crate::group()). One that panics is not asked again.
    ///
    /// # Default
    /// None: the fingerprint alone.
    ///
    /// # Example
    /// ```
    /// let builder = campanile::builder().group_by(|record| {
    ///     let is_database = record.failure()?.type_name()?.starts_with("sqlx::");
    ///     is_database.then(|| "database".to_owned())
    /// });
    /// # drop(builder);
    /// ```
    pub fn group_by(mut self, name: impl Fn(&Record) -> Option<String> + Send + Sync + 'static) -> Self {
        self.group_by.push(Box::new(name));
        self
    }
}

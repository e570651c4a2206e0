//! Reads every segment of a directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Error;
use crate::query::Query;
use crate::record::{Losses, Record, Resource};

/// Reads a store, also while an application writes it.
#[derive(Debug)]
pub struct Reader {}

/// What [`Reader::find`] returns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Find {
    /// Records, at most.
    pub limit: usize,
}

impl Default for Find {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT }
    }
}

impl Find {
    /// The default of [`limit`](Self::limit).
    pub const DEFAULT_LIMIT: usize = 50;
}

/// A place in a store: everything up to it was read.
#[derive(Clone, Debug, Default)]
pub struct Cursor(BTreeMap<String, i64>);

/// A record as it was stored.
#[derive(Debug)]
pub struct Stored {
    record: Record,
    resource: Arc<Resource>,
}

impl Stored {
    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Who wrote it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }
}

/// What was lost on the way to the store.
#[derive(Clone, Debug)]
pub struct Gap {
    unix_ns: u64,
    losses: Losses,
}

impl Gap {
    /// When it became known, in nanoseconds since 1970.
    #[must_use]
    pub const fn unix_ns(&self) -> u64 {
        self.unix_ns
    }

    /// How much was lost, by reason.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }
}

impl Reader {
    /// Opens the store in this directory.
    ///
    /// # Errors
    /// When there is no store here, see [`Error::is_not_found`], or the directory cannot be read.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let message = format!("no store at '{}'", directory.as_ref().display());
        Err(Error::new(super::error::Kind::NotFound, message))
    }

    /// The records that match, newest first.
    ///
    /// # Errors
    /// When the directory cannot be read; files that cannot be read are left out, see [`warnings`](Self::warnings).
    pub fn find(&mut self, _query: &Query, _options: &Find) -> Result<Vec<Stored>, Error> {
        Ok(Vec::new())
    }

    /// The records of which `id` is the start of the short id (at least 4 hexadecimal digits), the request id or the
    /// trace id, newest first.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn by_id(&mut self, _id: &str) -> Result<Vec<Stored>, Error> {
        Ok(Vec::new())
    }

    /// The place behind everything that the last [`find`](Self::find) looked at, to go on from with [`poll`](Self::poll).
    #[must_use]
    pub fn position(&self) -> Cursor {
        Cursor::default()
    }

    /// The records behind `cursor` that match, oldest first, and moves `cursor` behind them.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn poll(&mut self, _query: &Query, _cursor: &mut Cursor) -> Result<Vec<Stored>, Error> {
        Ok(Vec::new())
    }

    /// What was lost on the way to the store since this moment, oldest first.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn gaps(&mut self, _since_unix_ns: u64) -> Result<Vec<Gap>, Error> {
        Ok(Vec::new())
    }

    /// Files that were left out and why, each once.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &[]
    }
}

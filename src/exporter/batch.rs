//! What an exporter is given.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::record::{Losses, Reason, Record, Resource};

/// Records on their way out, with who speaks and what was lost before them.
pub struct Batch<'a> {
    records: &'a [Arc<dyn AsRef<Record> + Send + Sync>],
    resource: &'a Resource,
    lost_before: &'a Losses,
    patience: &'a Patience,
    given_up: RefCell<Losses>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        records: &'a [Arc<dyn AsRef<Record> + Send + Sync>],
        resource: &'a Resource,
        lost_before: &'a Losses,
        patience: &'a Patience,
    ) -> Self {
        Self { records, resource, lost_before, patience, given_up: RefCell::default() }
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &'a Record> + Clone + use<'a> {
        self.records.iter().map(|record| record.as_ref().as_ref())
    }

    /// Who is speaking.
    #[must_use]
    pub const fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// What was lost on the way to this exporter since the batch before.
    #[must_use]
    pub const fn lost_before(&self) -> &'a Losses {
        self.lost_before
    }

    /// Counts `count` records of this batch as lost, although `export` goes on with the rest.
    pub fn lose(&self, reason: Reason, count: u64) {
        self.given_up.borrow_mut().add(reason, count);
    }

    /// How long an exporter may wait before it tries again.
    #[must_use]
    pub const fn patience(&self) -> &'a Patience {
        self.patience
    }

    /// What was given up with [`lose`](Self::lose).
    pub(crate) fn given_up(&self) -> Losses {
        self.given_up.borrow().clone()
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("records", &self.records.len())
            .field("lost_before", &self.lost_before)
            .finish_non_exhaustive()
    }
}

/// Waits that end early when the pipeline shuts down.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    shared: Arc<(Mutex<Option<Instant>>, Condvar)>,
}

impl Patience {
    /// When everything has to be over, once shutdown has begun.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether shutdown's deadline has passed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Waits for `duration`; false when shutdown's deadline comes first, which ends the wait at once.
    #[must_use]
    pub fn wait(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut deadline = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if deadline.is_some_and(|deadline| deadline < until) {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            deadline = self.shared.1.wait_timeout(deadline, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Begins shutdown.
    pub(crate) fn end_at(&self, at: Instant) {
        let mut deadline = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Some(deadline.map_or(at, |known| known.min(at)));
        self.shared.1.notify_all();
    }
}

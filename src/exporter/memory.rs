//! Records kept in memory, for tests of your own telemetry.
//!
//! # What is written, and when
//! A copy of each record, up to a bound: then the oldest goes and is counted. Of metrics the newest snapshot. Nothing
//! can fail.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Batch, ExportError, Exporter, Patience};
use crate::metrics::Snapshot;
use crate::record::{Losses, Record};

/// Keeps records, and shows them to whoever holds a clone of it.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use campanile::exporter::Memory;
///
/// let memory = Memory::new();
/// // Give `memory.clone()` to the pipeline, send a request, then look at what it left.
/// let records = memory.wait_for(0, Duration::from_secs(5));
/// assert!(records.is_empty());
/// ```
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
    max_records: usize,
}

#[derive(Default)]
struct Kept {
    records: VecDeque<Record>,
    dropped: u64,
    losses: Losses,
    metrics: Option<Snapshot>,
}

impl Memory {
    /// Records that are kept unless another number is asked for.
    pub const DEFAULT_MAX_RECORDS: usize = 10_000;

    /// Keeps the newest [`DEFAULT_MAX_RECORDS`](Self::DEFAULT_MAX_RECORDS) records.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_records(Self::DEFAULT_MAX_RECORDS)
    }

    /// Keeps the newest `max_records` records, at least one.
    #[must_use]
    pub fn with_max_records(max_records: usize) -> Self {
        let shared = Shared { kept: Mutex::default(), changed: Condvar::new(), max_records: max_records.max(1) };
        Self { shared: Arc::new(shared) }
    }

    /// Copies of the kept records, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.kept().records.iter().cloned().collect()
    }

    /// Takes the kept records out, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Record> {
        self.kept().records.drain(..).collect()
    }

    /// Waits until at least `count` records are kept, for `timeout` at most, and returns what there is then.
    #[must_use]
    pub fn wait_for(&self, count: usize, timeout: Duration) -> Vec<Record> {
        self.wait_until(timeout, |records| records.len() >= count)
    }

    /// Waits until the kept records are what the caller wants to see, for `timeout` at most, and returns what there is
    /// then. `is_enough` is asked while records are kept from coming in, so it must not ask this `Memory` in turn.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, mut is_enough: impl FnMut(&[Record]) -> bool) -> Vec<Record> {
        let start = Instant::now();
        let mut kept = self.kept();
        while !is_enough(kept.records.make_contiguous()) {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            kept = self.shared.changed.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        kept.records.iter().cloned().collect()
    }

    /// How many of the oldest records went to make room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.kept().dropped
    }

    /// What was lost before it came here, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.kept().losses.clone()
    }

    /// The newest metrics. A [flush](crate::Telemetry::flush) brings them up to what was finished before it.
    #[must_use]
    pub fn metrics(&self) -> Option<Snapshot> {
        self.kept().metrics.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Exporter for Memory {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let mut kept = self.kept();
        for (reason, count) in batch.lost_before().iter() {
            kept.losses.add(reason, count);
        }
        for record in batch.records() {
            if kept.records.len() >= self.shared.max_records {
                kept.records.pop_front();
                kept.dropped += 1;
            }
            kept.records.push_back(record.clone());
        }
        drop(kept);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, _: &Patience) -> Result<(), ExportError> {
        self.kept().metrics = Some(snapshot.clone());
        self.shared.changed.notify_all();
        Ok(())
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("memory")
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("Memory").field("records", &kept.records.len()).field("dropped", &kept.dropped).finish()
    }
}

//! A record in the pipeline's hands: its bytes count against the budget, its buffer goes back to the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::record::Record;
use crate::record::parts::Parts;

/// Buffers that wait for their next request, at most.
const POOLED: usize = 256;
/// A buffer that grew beyond this is not kept.
const POOLED_BYTES: usize = 16 * 1024;

/// Where records come from and go back to.
pub(super) struct Home {
    pool: ArrayQueue<Box<Parts>>,
    used: AtomicUsize,
    max: usize,
}

impl Home {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { pool: ArrayQueue::new(POOLED), used: AtomicUsize::new(0), max: max_bytes }
    }

    /// Counts bytes in; false when they would pass the budget.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::AcqRel);
        let fits = before.saturating_add(bytes) <= self.max;
        if !fits {
            self.used.fetch_sub(bytes, Ordering::AcqRel);
        }
        fits
    }

    pub(super) fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    pub(super) fn parts(&self) -> Box<Parts> {
        self.pool.pop().unwrap_or_default()
    }

    pub(super) fn recycle(&self, mut parts: Box<Parts>) {
        if parts.size_bytes() <= POOLED_BYTES {
            parts.clear();
            let _ = self.pool.push(parts);
        }
    }
}

/// A record that several exporters may hold at once.
pub(super) struct Held {
    /// Only `None` while it is dropped.
    record: Option<Record>,
    size: usize,
    home: Arc<Home>,
}

impl Held {
    /// Takes over `size` bytes that were counted in before.
    pub(super) fn new(record: Record, size: usize, home: Arc<Home>) -> Self {
        Self { record: Some(record), size, home }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }
}

/// What `as_ref` shows if it is ever asked for a record that is gone.
static GONE: std::sync::LazyLock<Record> = std::sync::LazyLock::new(|| Record::new(Box::default()));

impl AsRef<Record> for Held {
    fn as_ref(&self) -> &Record {
        self.record.as_ref().unwrap_or(&GONE)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.home.release(self.size);
        if let Some(record) = self.record.take() {
            self.home.recycle(record.into_parts());
        }
    }
}

//! A record in the pipeline's hands: its bytes count against the budget, its buffer goes back to the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::record::Record;
use crate::record::parts::Parts;

/// Buffers that wait for their next request, at most.
const POOLED: usize = 1024;
/// A buffer that grew beyond this is not kept.
const POOLED_BYTES: usize = 8 * 1024;
/// The buffer of a request in flight may take one part in so many of what is free.
const SHARE: usize = 8;
/// A buffer below this is never made smaller while its request is in flight.
const LARGE_BYTES: usize = 16 * 1024;

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
    fn take(&self, bytes: usize) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::AcqRel);
        let fits = before.saturating_add(bytes) <= self.max;
        if !fits {
            self.used.fetch_sub(bytes, Ordering::AcqRel);
        }
        fits
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// Whether half of the budget is used.
    pub(super) fn is_half_used(&self) -> bool {
        self.used_bytes() > self.max / 2
    }

    pub(super) fn parts(&self) -> Box<Parts> {
        self.pool.pop().unwrap_or_default()
    }

    /// Counts what a buffer grew since it was last counted; false when there is no room for it.
    pub(super) fn charge(&self, parts: &mut Parts) -> bool {
        let more = parts.size_bytes().saturating_sub(parts.charged_bytes);
        let fits = more == 0 || self.take(more);
        if fits {
            parts.charged_bytes += more;
        }
        fits
    }

    /// Counts what a buffer grew while its request is in flight, as far as it may grow: each may take an eighth of what is
    /// free, so there is always something left for whoever comes next. One that takes much more than that, because others
    /// came, gives some back.
    pub(super) fn charge_in_flight(&self, parts: &mut Parts) {
        let size = parts.size_bytes();
        let share = self.free_in_flight() / SHARE;
        let grows = size > parts.charged_bytes;
        if grows && size <= share && self.charge(parts) {
            parts.is_full = false;
        } else if grows {
            // It has grown already, and has to be as small as it was.
            parts.is_full = true;
            parts.fit(parts.charged_bytes);
            self.discharge(parts);
            self.charge(parts);
        } else if size > LARGE_BYTES && size > 4 * share {
            parts.is_full = true;
            parts.fit(share.max(LARGE_BYTES / 2));
            self.discharge(parts);
        } else if parts.is_full && size < share / 2 {
            parts.is_full = false;
        }
    }

    /// Gives back what a buffer was counted for and does not take any more.
    pub(super) fn discharge(&self, parts: &mut Parts) {
        let size = parts.size_bytes();
        if size < parts.charged_bytes {
            self.release(parts.charged_bytes - size);
            parts.charged_bytes = size;
        }
    }

    /// What requests in flight may still take: the last eighth of the budget is for those that are over.
    fn free_in_flight(&self) -> usize {
        (self.max - self.max / 8).saturating_sub(self.used_bytes())
    }

    /// Takes a buffer back, and what it was counted for.
    pub(super) fn recycle(&self, mut parts: Box<Parts>) {
        self.release(std::mem::take(&mut parts.charged_bytes));
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
    home: Arc<Home>,
}

impl Held {
    /// Takes over a record that was counted before.
    pub(super) const fn new(record: Record, home: Arc<Home>) -> Self {
        Self { record: Some(record), home }
    }

    pub(super) fn size(&self) -> usize {
        self.record.as_ref().map_or(0, Record::charged_bytes)
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
        if let Some(record) = self.record.take() {
            self.home.recycle(record.into_parts());
        }
    }
}

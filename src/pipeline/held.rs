//! A record in the pipeline's hands: its bytes count against the budget, its buffer goes back to the pool.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use crate::record::Record;
use crate::record::parts::Parts;

/// Buffers that wait for their next request in each pool, at most.
const POOLED: usize = 512;
/// A buffer that grew beyond this is not kept.
const POOLED_BYTES: usize = 8 * 1024;
/// The buffer of a request in flight may take one part in so many of what is free.
const SHARE: usize = 8;
/// A buffer below this is never made smaller while its request is in flight.
const SMALL_BYTES: usize = 4 * 1024;

/// Where records come from and go back to.
pub(super) struct Home {
    /// Buffers for the next requests. What was used last is taken first, as the processor still has it at hand. Nobody waits
    /// for a pool: whoever finds one taken goes to the other, and does without where both are.
    #[expect(clippy::vec_box, reason = "requests take and give pointers")]
    pools: [Mutex<Vec<Box<Parts>>>; 2],
    used: AtomicUsize,
    /// How often a request in flight found no room, less how often one gave some back since.
    refused: AtomicUsize,
    max: usize,
}

impl Home {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { pools: Default::default(), used: AtomicUsize::new(0), refused: AtomicUsize::new(0), max: max_bytes }
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

    /// Whether an eighth of the budget is used, which is a third of what one exporter's queue takes.
    pub(super) fn is_crowded(&self) -> bool {
        self.used_bytes() > self.max / 8
    }

    pub(super) fn parts(&self) -> Box<Parts> {
        self.pools.iter().find_map(|pool| at_once(pool, Vec::pop)?).unwrap_or_default()
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
    /// free, so there is always something left for whoever comes next. Where there is not, for each that was refused one
    /// that has more gives half of it back.
    #[inline]
    pub(super) fn charge_in_flight(&self, parts: &mut Parts) {
        if parts.room() == parts.charged_room && !parts.is_full && self.refused.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.recount(parts);
    }

    #[inline(never)]
    fn recount(&self, parts: &mut Parts) {
        self.count_in_flight(parts);
        parts.charged_room = parts.room();
    }

    fn count_in_flight(&self, parts: &mut Parts) {
        let (size, free) = (parts.size_bytes(), self.free_in_flight());
        let share = free / SHARE;
        if size > parts.charged_bytes && !(size <= share && self.charge(parts)) {
            if !parts.is_full {
                // It has grown already, and has to be as small as it was.
                self.shrink(parts, share.min(size).max(parts.charged_bytes));
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            self.charge(parts);
            return;
        }
        if free > self.max / 4 && self.refused.load(Ordering::Relaxed) > 0 {
            // Whoever was refused has room by now.
            self.refused.store(0, Ordering::Relaxed);
        }
        let is_wanted = self.refused.load(Ordering::Relaxed) > 0;
        if parts.is_full && share > 2 * size && !(is_wanted && parts.has_given) {
            (parts.is_full, parts.has_given) = (false, false);
        } else if size > SMALL_BYTES && is_wanted {
            let _ = self.refused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
            self.shrink(parts, size / 2);
            parts.has_given = true;
        }
    }

    /// Has it take about so much, and no more from now on.
    fn shrink(&self, parts: &mut Parts, bytes: usize) {
        parts.is_full = true;
        parts.fit(bytes);
        self.discharge(parts);
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
            let mut parts = Some(parts);
            for pool in &self.pools {
                at_once(pool, |pool| pool.extend(parts.take_if(|_| pool.len() < POOLED)));
                if parts.is_none() {
                    break;
                }
            }
        }
    }
}

/// Does it where nobody else is at it.
fn at_once<T, R>(mutex: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> Option<R> {
    match mutex.try_lock() {
        Ok(mut guard) => Some(work(&mut guard)),
        Err(TryLockError::Poisoned(error)) => Some(work(&mut error.into_inner())),
        Err(TryLockError::WouldBlock) => None,
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

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::record::SpanId;
    use crate::record::parts::{EventSlot, List, Origin, Text};

    fn say(home: &Home, parts: &mut Parts, bytes: usize) {
        if parts.is_full {
            home.charge_in_flight(parts);
        }
        if parts.admits_event() {
            let message = parts.push_text(&"x".repeat(bytes), bytes);
            let (name, target) = (Text::Static("event"), Text::Static("shop"));
            let origin = Origin { name, target, file: Text::EMPTY, line: 1, level: Level::DEBUG };
            let (span, fields) = (SpanId::INVALID, List::default());
            parts.events.push(EventSlot { time_ns: 0, span, origin, message, fields, shown: false });
            home.charge_in_flight(parts);
        }
    }

    #[test]
    fn requests_in_flight_share_what_there_is() {
        const EXCHANGES: usize = 1_000;
        let home = Home::new(4 * 1024 * 1024);
        let mut all: Vec<_> = (0..EXCHANGES).map(|_| home.parts()).collect();
        for _ in 0..20 {
            for parts in &mut all {
                for _ in 0..5 {
                    say(&home, parts, 100);
                }
                assert!(home.used_bytes() <= home.max);
            }
        }
        let bytes: usize = all.iter().map(|parts| parts.size_bytes()).sum();
        assert!(bytes <= home.max, "{bytes}");
        let without = all.iter().filter(|parts| parts.events.is_empty()).count();
        assert!(without < EXCHANGES / 100, "{without} have nothing");
    }
}

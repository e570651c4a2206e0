//! What benches measure with: processor time, and an exporter that counts what it throws away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use campanile::exporter::{Batch, ExportError, Exporter};

/// Processor time that this thread has used.
pub fn thread_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time that this process has used.
pub fn process_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// What a clock shows.
pub fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a live `timespec`.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "the clock exists");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Counts records and throws them away.
#[derive(Clone, Default)]
pub struct Counted(Arc<AtomicU64>);

impl Counted {
    /// Records so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Exporter for Counted {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.fetch_add(batch.records().len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

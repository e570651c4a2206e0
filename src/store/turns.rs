//! Threads that read for somebody who can wait, and let whoever wants their core have it.
//!
//! A lower priority alone does not: a thread that runs keeps its core for milliseconds, and with it, at times, a lock that
//! whoever writes the store waits for. So such a thread gives its core up between two rows, where it holds none.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long it keeps the core, about.
const STEP: Duration = Duration::from_micros(100);

thread_local! {
    /// Since when this thread has had its core; `None` where nobody said that it can wait.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// From now on this thread can wait.
#[cfg(feature = "viewer")]
pub(crate) fn give_way() {
    SINCE.set(Some(Instant::now()));
}

/// Lets another thread have the core, where this one can wait and has had it for long enough.
pub(crate) fn take() {
    if let Some(since) = SINCE.get()
        && since.elapsed() >= STEP
    {
        std::thread::yield_now();
        SINCE.set(Some(Instant::now()));
    }
}

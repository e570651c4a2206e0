//! Time as a value, so that waits can be driven by hand.

use std::fmt;
use std::time::{Duration, Instant};

use crate::exporter::Patience;

/// What the retries need of time and chance.
pub(super) trait Clock: fmt::Debug + Send {
    /// The monotonic time.
    fn now(&self) -> Instant;

    /// Waits; false when shutdown's deadline comes first.
    fn wait(&self, patience: &Patience, duration: Duration) -> bool;

    /// Full jitter: something between nothing and `bound`.
    fn jitter(&self, bound: Duration) -> Duration;
}

/// The machine's own time.
#[derive(Debug)]
pub(super) struct System;

impl Clock for System {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, patience: &Patience, duration: Duration) -> bool {
        patience.wait(duration)
    }

    fn jitter(&self, bound: Duration) -> Duration {
        bound.mul_f64(fastrand::f64())
    }
}

//! In a build without tokio there is no runtime to be seen.

use std::time::Instant;

/// Lent nothing.
#[derive(Debug, Default)]
pub(crate) struct Host {}

impl Host {
    #[expect(clippy::unused_self, reason = "the same face in every build")]
    pub(crate) const fn notice(&self) {}
}

#[derive(Default)]
pub(super) struct Watched {}

#[expect(clippy::unused_self, reason = "the same face in every build")]
impl Watched {
    pub(super) const fn look(&mut self, _: &Host, _: Instant) {}

    pub(super) const fn lag_ns(&mut self) -> Option<u64> {
        None
    }

    pub(super) const fn take_lag_ns(&mut self) -> Option<u64> {
        None
    }

    pub(super) const fn busy_ratio(&self) -> Option<f64> {
        None
    }

    pub(super) const fn busy_ns(&self) -> Option<u64> {
        None
    }

    pub(super) const fn workers(&self) -> Option<u32> {
        None
    }

    pub(super) const fn tasks(&self) -> Option<u32> {
        None
    }
}

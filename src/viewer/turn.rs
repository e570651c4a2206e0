//! What may be done by only so many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One of those who do it; over when it is dropped.
pub(super) struct Turn(Arc<AtomicUsize>);

impl Turn {
    /// `None` where as many are at it as may be.
    pub(super) fn take(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let turn = Self(Arc::clone(count));
        let before = count.fetch_add(1, Ordering::AcqRel);
        (before < most).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

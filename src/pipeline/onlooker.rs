//! Looks at the process for somebody who asks, beside the worker, which looks while there is something to do.

use std::sync::{Mutex, PoisonError};

use super::Pipeline;
use crate::record::Vitals;
use crate::vitals::Sampler;

/// Remembers what it saw last; reads a few small files.
pub(crate) struct Onlooker(Mutex<Sampler>);

impl Onlooker {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Sampler::new()))
    }

    /// What the process looks like now. Ratios are over the time since it was looked at before.
    pub(crate) fn look(&self, pipeline: &Pipeline) -> Vitals {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).vitals(&pipeline.shared.host)
    }
}

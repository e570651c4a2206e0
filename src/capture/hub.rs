//! What every exchange of one pipeline shares.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::subscribe::is_deaf_to;
use super::{Foreign, Scope};
use crate::keep::Sampler;
use crate::pipeline::Pipeline;
use crate::propagator::Propagators;

/// Pipeline and filters of one telemetry.
pub(crate) struct Hub {
    pub(crate) pipeline: Pipeline,
    pub(crate) sampler: Sampler,
    /// How trace context is read and written.
    pub(crate) propagators: Propagators,
    scope: Scope,
    /// Whether a tracing layer of this telemetry exists.
    is_subscribed: AtomicBool,
    /// Whose current span is kept in step with ours.
    foreign: Option<Box<dyn Foreign>>,
}

impl Hub {
    pub(crate) fn new(pipeline: Pipeline, sampler: Sampler, propagators: Propagators, scope: Scope) -> Self {
        Self { pipeline, sampler, propagators, scope, is_subscribed: AtomicBool::new(false), foreign: None }
    }

    /// Keeps another library's current span in step with ours.
    #[cfg_attr(not(feature = "opentelemetry"), expect(dead_code, reason = "the bridge needs it"))]
    pub(crate) fn with_foreign(mut self, foreign: Box<dyn Foreign>) -> Self {
        self.foreign = Some(foreign);
        self
    }

    pub(crate) fn foreign(&self) -> Option<&dyn Foreign> {
        self.foreign.as_deref()
    }

    pub(super) fn subscribe(&self) {
        self.is_subscribed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn unsubscribe(&self) {
        self.is_subscribed.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.is_subscribed.load(Ordering::Relaxed)
    }

    /// Which events and spans are captured, and which of them are shown at once.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether events that should be captured cannot get here: a filter of the whole subscriber, or of the build.
    pub(crate) fn is_hidden_from(&self) -> bool {
        self.is_subscribed() && is_deaf_to(self.scope.level())
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

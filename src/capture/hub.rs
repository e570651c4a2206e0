//! What every exchange of one pipeline shares.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::inflight::{InFlight, ReportSettings};
use tracing::{Dispatch, Level, Metadata, dispatcher};
use tracing_subscriber::filter::LevelFilter;

use super::scope::PROBE_TARGET;
use super::solo::Solo;
use super::subscribe::Capture;
use super::{Foreign, Link, Scope};
use crate::keep::{Sampler, Wanted};
use crate::pipeline::Pipeline;
use crate::propagator::Propagators;

/// Pipeline and filters of one telemetry.
pub(crate) struct Hub {
    pub(crate) pipeline: Pipeline,
    pub(crate) sampler: Sampler,
    /// How trace context is read and written.
    pub(crate) propagators: Propagators,
    /// What is running right now.
    pub(super) in_flight: Arc<InFlight>,
    scope: Scope,
    /// Whether a client's own mistakes count as failed requests.
    pub(super) counts_client_errors: bool,
    /// Whether a tracing layer of this telemetry exists.
    is_subscribed: AtomicBool,
    /// Whose current span is kept in step with ours.
    foreign: Option<Box<dyn Foreign>>,
}

impl Hub {
    pub(crate) fn new(pipeline: Pipeline, sampler: Sampler, propagators: Propagators, scope: Scope) -> Self {
        let usual = scope.clone();
        pipeline.asks().set_usual(Box::new(move |target, file, level| usual.captures(target, file, level)));
        let in_flight = Arc::new(InFlight::new(ReportSettings { every: None }, false));
        let (is_subscribed, counts_client_errors) = (AtomicBool::new(false), false);
        Self { pipeline, sampler, propagators, in_flight, scope, counts_client_errors, is_subscribed, foreign: None }
    }

    /// Lists requests in flight, and reports about them where an exporter wants that.
    pub(crate) fn reporting(mut self, settings: ReportSettings) -> Self {
        self.in_flight = Arc::new(InFlight::new(settings, self.pipeline.wants_partial()));
        if self.in_flight.is_on() {
            self.pipeline.watch_with(Arc::clone(&self.in_flight) as _);
        }
        self
    }

    /// Says whether a client's own mistakes count as failed requests.
    pub(crate) fn counting_client_errors(mut self, count: bool) -> Self {
        self.counts_client_errors = count;
        self
    }

    /// Keeps another library's current span in step with ours.
    #[cfg_attr(not(feature = "opentelemetry"), expect(dead_code, reason = "the bridge needs it"))]
    pub(crate) fn with_foreign(mut self, foreign: Box<dyn Foreign>) -> Self {
        self.foreign = Some(foreign);
        self
    }

    #[inline]
    pub(crate) fn foreign(&self) -> Option<&dyn Foreign> {
        self.foreign.as_deref()
    }

    /// Somebody listens through an ear of this telemetry: known only once its subscriber is put to use.
    pub(super) fn heard_by(&self, dispatch: &Dispatch) {
        self.is_subscribed.store(true, Ordering::Relaxed);
        self.pipeline.asks().heard_by(dispatch);
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

    /// Whether an event or span of this origin is captured for any request: what the settings say, and what somebody asks
    /// for while the process runs.
    pub(super) fn captures(&self, metadata: &Metadata<'_>) -> bool {
        self.scope.captures_usually(metadata) || {
            let level = self.pipeline.asks().level().into_level();
            Wanted { level, ..Wanted::default() }.captures(*metadata.level(), self.scope.is_own(metadata))
        }
    }

    /// Whether an event or span that came here is captured for this request, or for none. Where nobody asks for more, it is.
    #[inline]
    pub(super) fn captures_for(&self, link: Option<&Link>, metadata: &Metadata<'_>) -> bool {
        !self.pipeline.asks().is_open() || self.captures_when_asked(link, metadata)
    }

    #[inline(never)]
    fn captures_when_asked(&self, link: Option<&Link>, metadata: &Metadata<'_>) -> bool {
        self.scope.captures_usually(metadata)
            || link.is_some_and(|link| link.wanted.captures(*metadata.level(), self.scope.is_own(metadata)))
    }

    /// The most that `captures` can ever want.
    pub(super) fn max_level(&self) -> LevelFilter {
        self.scope.max_level().max(self.pipeline.asks().level())
    }

    /// Whether events that should be captured cannot get here: a filter of the whole subscriber, or of the build.
    pub(crate) fn is_hidden_from(&self) -> bool {
        self.is_subscribed() && is_deaf_to(self.scope.level())
    }
}

/// The telemetry that listens to this thread.
pub(super) fn hub_of_thread() -> Option<Arc<Hub>> {
    dispatcher::get_default(|dispatch| {
        let solo = dispatch.downcast_ref::<Solo>().map(Solo::hub);
        solo.or_else(|| dispatch.downcast_ref::<Capture>().map(Capture::hub)).cloned()
    })
}

/// Whether events that should be captured at `level` are kept from the subscriber of this thread, although it has ears of
/// ours: by a filter of the whole subscriber, or of the build.
fn is_deaf_to(level: LevelFilter) -> bool {
    // Only asking at a callsite goes through all filters; the greatest level of all layers together says nothing of them.
    hub_of_thread().is_some()
        && match level.into_level() {
            Some(Level::TRACE) => !tracing::enabled!(target: PROBE_TARGET, Level::TRACE),
            Some(Level::DEBUG) => !tracing::enabled!(target: PROBE_TARGET, Level::DEBUG),
            Some(Level::INFO) => !tracing::enabled!(target: PROBE_TARGET, Level::INFO),
            _ => false,
        }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

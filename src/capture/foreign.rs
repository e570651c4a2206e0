//! Another library's idea of the current span, kept in step with ours.

use std::sync::Arc;

use super::Link;
use crate::record::{SpanId, TraceFlags, TraceId};

/// A span as the other library names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForeignSpan {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_flags: TraceFlags,
}

/// The other library. None of its methods may panic, as they run where requests are served.
pub(crate) trait Foreign: Send + Sync {
    /// Makes a span of ours its current one on this thread.
    fn enter(&self, span: ForeignSpan, trace_state: &str);

    /// Takes that back.
    fn leave(&self, span: SpanId);

    /// Its current span on this thread, ours or its own.
    fn current(&self) -> Option<ForeignSpan>;
}

impl Link {
    /// Runs `f` while the request's own span is the other library's current one, where there is such a library.
    pub(crate) fn in_step<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a dyn Foreign, SpanId);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.leave(self.1);
            }
        }
        let Some(foreign) = self.hub.foreign() else { return f() };
        self.enter_foreign(self.span_id);
        let _leave = Leave(foreign, self.span_id);
        f()
    }

    /// What has to be kept in step, where there is such a library.
    #[inline]
    pub(crate) fn to_step(self: &Arc<Self>) -> Option<Arc<Self>> {
        self.hub.foreign().map(|_| Arc::clone(self))
    }

    /// A span of this request was entered.
    #[inline]
    pub(super) fn enter_foreign(&self, span_id: SpanId) {
        if let Some(foreign) = self.hub.foreign() {
            let span = ForeignSpan { trace_id: self.trace_id, span_id, trace_flags: self.trace_flags };
            foreign.enter(span, &self.trace_state);
        }
    }

    /// It was left.
    #[inline]
    pub(super) fn leave_foreign(&self, span_id: SpanId) {
        if let Some(foreign) = self.hub.foreign() {
            foreign.leave(span_id);
        }
    }

    /// The other library's current span, where it is one of this request's trace.
    #[inline]
    pub(super) fn foreign_span(&self) -> Option<SpanId> {
        let span = self.hub.foreign()?.current()?;
        (span.trace_id == self.trace_id).then_some(span.span_id)
    }
}

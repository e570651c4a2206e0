//! The current `opentelemetry::Context` follows the current span.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr as _;

use opentelemetry::trace::{SpanContext, TraceContextExt as _, TraceState};
use opentelemetry::{Context, ContextGuard};

use crate::capture::{Foreign, ForeignSpan};
use crate::record::{SpanId, TraceFlags, TraceId};

thread_local! {
    /// What we attached on this thread, innermost last. Never dropped: at the end of a thread the other library's own
    /// place may be gone already, which its guards do not expect.
    static ATTACHED: RefCell<ManuallyDrop<Vec<(SpanId, ContextGuard)>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Keeps `opentelemetry::Context` in step.
pub(crate) struct Bridge;

impl Foreign for Bridge {
    fn enter(&self, span: ForeignSpan, trace_state: &str) {
        // Whoever runs this from inside `Context::map_current` finds it borrowed, which panics.
        let attached = catch_unwind(|| Context::current().with_remote_span_context(of_ours(span, trace_state)).attach());
        let Ok(guard) = attached else { return };
        let _ = ATTACHED.try_with(|list| {
            if let Ok(mut list) = list.try_borrow_mut() {
                list.push((span.span_id, guard));
            }
        });
    }

    fn leave(&self, span: SpanId) {
        let taken = ATTACHED.try_with(|list| {
            let mut list = list.try_borrow_mut().ok()?;
            let at = list.iter().rposition(|(known, _)| *known == span)?;
            Some(list.remove(at).1)
        });
        // Dropped outside the borrow: what the context holds may have a destructor of somebody else's.
        let guard = taken.ok().flatten();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(guard)));
    }

    fn current(&self) -> Option<ForeignSpan> {
        let span = catch_unwind(|| Context::map_current(|context| of_theirs(context.span().span_context())));
        span.ok().flatten()
    }
}

pub(super) fn of_ours(span: ForeignSpan, trace_state: &str) -> SpanContext {
    let state = if trace_state.is_empty() { TraceState::NONE } else { TraceState::from_str(trace_state).unwrap_or_default() };
    SpanContext::new(
        opentelemetry::TraceId::from_bytes(span.trace_id.0),
        opentelemetry::SpanId::from_bytes(span.span_id.0),
        opentelemetry::TraceFlags::new(span.trace_flags.0),
        false,
        state,
    )
}

fn of_theirs(span: &SpanContext) -> Option<ForeignSpan> {
    span.is_valid().then(|| ForeignSpan {
        trace_id: TraceId(span.trace_id().to_bytes()),
        span_id: SpanId(span.span_id().to_bytes()),
        trace_flags: TraceFlags(span.trace_flags().to_u8()),
    })
}

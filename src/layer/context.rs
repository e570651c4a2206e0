//! Which trace a request belongs to, and what its caller sent along.

use http::HeaderMap;

use super::Shared;
use crate::capture::{self, Foreign, Link};
use crate::propagator::{Baggage, Propagator};
use crate::random;
use crate::record::parts::Parts;
use crate::record::{SpanId, TraceFlags, TraceId};

/// Gives the record its place in a trace; returns what is to be passed on.
pub(super) fn read(parts: &mut Parts, headers: &HeaderMap, shared: &Shared) -> Baggage {
    trace(parts, headers, shared);
    if shared.hub.propagators.has(Propagator::Baggage) { Baggage::read(headers) } else { Baggage::default() }
}

/// The caller's trace, or that of the request that this one was made within, or a new one.
fn trace(parts: &mut Parts, headers: &HeaderMap, shared: &Shared) {
    parts.span_id = random::span_id();
    // What is known of the caller's decision, and whether the trace id is random.
    let (decided, random_bit);
    let foreign = shared.hub.foreign().and_then(Foreign::current);
    if let Some(remote) = shared.hub.propagators.extract(headers) {
        parts.trace_id = remote.trace_id;
        // Another library's layer further out may have taken the same header and opened a span for it.
        let between = foreign.filter(|foreign| foreign.trace_id == remote.trace_id).map(|between| between.span_id);
        parts.parent_span_id = between.or(remote.parent_id).unwrap_or(SpanId::INVALID);
        parts.parent_is_remote = between.is_none() && remote.parent_id.is_some();
        parts.trace_state = parts.push_text(&remote.state, usize::MAX);
        (decided, random_bit) = (remote.flags, remote.flags.unwrap_or_default());
    } else if let Some((trace_id, parent, flags)) = capture::with(|outer| of_link(&outer.link, outer.innermost()))
        .or_else(|| capture::guest().map(|link| of_link(&link, link.span_id)))
        .or_else(|| foreign.map(|span| (span.trace_id, span.span_id, span.trace_flags)))
    {
        parts.trace_id = trace_id;
        parts.parent_span_id = parent;
        (decided, random_bit) = (Some(flags), flags);
    } else {
        parts.trace_id = random::trace_id();
        (decided, random_bit) = (None, TraceFlags::RANDOM);
    }
    let is_sampled = shared.hub.sampler.sample(decided, parts.trace_id);
    parts.trace_flags = TraceFlags(random_bit.0 & TraceFlags::RANDOM.0 | u8::from(is_sampled));
}

fn of_link(link: &Link, span: SpanId) -> (TraceId, SpanId, TraceFlags) {
    (link.trace_id, span, link.trace_flags)
}

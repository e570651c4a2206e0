//! Which trace a request belongs to, and what its caller sent along.

use http::HeaderMap;

use super::Shared;
use super::headers::Seen;
use crate::capture::{self, Foreign, Link};
use crate::propagator::{Baggage, Propagator, cloudflare};
use crate::random;
use crate::record::parts::{LinkSlot, MAX_FIELD_BYTES, MAX_HEADER_BYTES, Parts, Slot, Text};
use crate::record::{SpanId, TraceFlags, TraceId, threshold};
use crate::redact::Role;

/// Puts on the record what the settings want of what the caller sent along; returns what is to be passed on.
#[inline]
pub(super) fn read(parts: &mut Parts, headers: &HeaderMap, seen: &Seen<'_>, shared: &Shared) -> Baggage {
    if let Some(ray_id) = cloudflare::ray_id(seen.lines(Role::RayId)) {
        let value = Slot::Text(parts.push_text(ray_id, MAX_HEADER_BYTES));
        parts.set_attribute(Text::Static(cloudflare::RAY_ID), value);
    }
    let baggage = baggage(headers, seen, shared);
    for (key, attribute) in &shared.callers.recorded_baggage {
        if let Some(value) = baggage.get(key) {
            let name = parts.push_text(attribute, MAX_FIELD_BYTES);
            let value = Slot::Text(parts.push_text(&value, MAX_FIELD_BYTES));
            parts.set_attribute(name, value);
        }
    }
    baggage
}

/// What the caller sent along, where it is passed on.
pub(super) fn baggage(headers: &HeaderMap, seen: &Seen<'_>, shared: &Shared) -> Baggage {
    if !shared.hub.propagators.has(Propagator::Baggage) {
        return Baggage::default();
    }
    Baggage::seen(headers, seen.lines(Role::Baggage))
}

/// Gives the record its place: in the caller's trace, or in that of the request that this one was made within, or in a new
/// one.
pub(super) fn trace(parts: &mut Parts, headers: &HeaderMap, seen: &Seen<'_>, shared: &Shared) {
    parts.span_id = random::span_id();
    let mut remote = shared.hub.propagators.extract_seen(headers, seen.lines(Role::TraceParent), seen.lines(Role::TraceState));
    let mut strange = None;
    if shared.callers.restarts_traces
        && let Some(remote) = remote.take()
    {
        strange = Some(remote.trace_id);
        parts.link = remote.parent_id.map(|span_id| {
            let trace_flags = remote.flags.unwrap_or_default();
            LinkSlot { trace_id: remote.trace_id, span_id, trace_flags }
        });
    }
    let is_ours = |trace_id: TraceId| Some(trace_id) != strange;
    let foreign = shared.hub.foreign().and_then(Foreign::current).filter(|span| is_ours(span.trace_id));
    // What is known of the caller's decision, and whether the trace id is random.
    let (decided, random_bit);
    if let Some(remote) = remote {
        parts.trace_id = remote.trace_id;
        // Another library's layer further out may have taken the same header and opened a span for it.
        let between = foreign.filter(|foreign| foreign.trace_id == remote.trace_id);
        parts.parent_span_id = between.map(|between| between.span_id).or(remote.parent_id).unwrap_or(SpanId::INVALID);
        parts.parent_is_remote = between.is_none() && remote.parent_id.is_some();
        if !remote.state.is_empty() {
            parts.trace_state = parts.push_text(&remote.state, usize::MAX);
        }
        decided = remote.flags.or(between.map(|between| between.trace_flags));
        random_bit = remote.flags.unwrap_or_default();
    } else if let Some((trace_id, parent, flags)) = capture::with(|outer| of_link(&outer.link, outer.innermost()))
        .or_else(|| capture::guest().map(|link| of_link(&link, link.span_id)))
        .filter(|(trace_id, ..)| is_ours(*trace_id))
        .or_else(|| foreign.map(|span| (span.trace_id, span.span_id, span.trace_flags)))
    {
        parts.trace_id = trace_id;
        parts.parent_span_id = parent;
        (decided, random_bit) = (Some(flags), flags);
    } else {
        parts.trace_id = random::trace_id();
        (decided, random_bit) = (None, TraceFlags::RANDOM);
    }
    let sampler = &shared.hub.sampler;
    let is_sampled = sampler.sample(decided, parts.trace_id);
    if let Some(own) = sampler.threshold(decided) {
        // So that everybody down the trace knows how many it stands for.
        let state = threshold::write(parts.str(parts.trace_state), Some(own).filter(|_| is_sampled));
        parts.trace_state = parts.push_text(&state, usize::MAX);
    }
    if is_sampled {
        let weight = threshold::read(parts.str(parts.trace_state)).map(threshold::weight);
        parts.weight = weight.filter(|weight| *weight != 1.0);
    }
    parts.trace_flags = TraceFlags(random_bit.0 & TraceFlags::RANDOM.0 | u8::from(is_sampled));
}

fn of_link(link: &Link, span: SpanId) -> (TraceId, SpanId, TraceFlags) {
    (link.trace_id, span, link.trace_flags)
}

//! What becomes of spans, whoever keeps them.

use std::sync::Arc;

use tracing::span::{Attributes, Id, Record as Values};

use super::mark::{Mark, Outside, Owner, Spans, inside, known};
use super::scope::REQUEST_TARGET;
use super::span::{add_fields, close_inside, close_outside};
use super::write::push_span;
use super::{Exchange, Hub, Link, current};
use crate::pipeline::is_quiet;
use crate::random;
use crate::record::parts::OpenSpan;
use crate::record::{SpanId, TraceFlags};
use crate::time::{self, Stopwatch};

/// Takes what happens in spans and events for one telemetry.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) hub: Arc<Hub>,
}

impl Ears {
    /// Whether the request is ours to fill: its own telemetry listens through us, or has no ears of its own.
    #[inline]
    pub(super) fn serves(&self, link: &Link) -> bool {
        Arc::ptr_eq(&link.hub, &self.hub) || !link.hub.is_subscribed()
    }

    /// What stands for a span of the registry that we are in; no two layers share it.
    #[inline]
    fn key(&self, id: &Id) -> (usize, u64) {
        (std::ptr::from_ref(self).addr(), id.into_u64())
    }

    #[inline]
    fn open_span(&self, attributes: &Attributes<'_>, id: &Id, spans: &impl Spans) -> Option<Mark> {
        if attributes.metadata().target() == REQUEST_TARGET {
            return current::guest().map(Mark::of_request);
        }
        // Marked, or not ours, or beyond the room that there is.
        let mark = current::with_idle(|exchange| self.open_here(exchange, attributes, id, spans)).flatten();
        mark.or_else(|| self.open_elsewhere(attributes, spans))
    }

    /// A span of the current request; `None` where it is none of its.
    #[inline]
    fn open_here(&self, exchange: &mut Exchange, attributes: &Attributes<'_>, id: &Id, spans: &impl Spans) -> Option<Mark> {
        if !self.serves(&exchange.link) || !self.hub.captures_for(Some(&exchange.link), attributes.metadata()) {
            return None;
        }
        let parent = match attributes.parent().filter(|parent| spans.has(parent)) {
            // Detached on purpose, or part of something else: not this request's, whoever polls.
            None if attributes.is_root() => return None,
            Some(parent) => inside(spans, parent, &exchange.link)?,
            None => exchange.innermost(),
        };
        if exchange.link.is_bare() {
            return Some(Mark::of_request(Arc::clone(&exchange.link)));
        }
        let now_ns = exchange.now_ns();
        let Exchange { parts, link, .. } = exchange;
        link.hub.pipeline.reconsider(parts);
        let slot = parts.spans.len();
        let Some(span) = push_span(parts, attributes, parent, now_ns) else {
            // Left out and counted; what happens inside it is still the request's.
            return Some(Mark::of_request(Arc::clone(link)));
        };
        link.hub.pipeline.charge(parts);
        parts.scratch.open.push(OpenSpan { key: self.key(id), id: span, slot });
        Some(Mark::Inside { link: Arc::clone(link), id: span, slot: Some(slot) })
    }

    #[inline(never)]
    fn open_elsewhere(&self, attributes: &Attributes<'_>, spans: &impl Spans) -> Option<Mark> {
        let owner = match attributes.is_contextual() {
            true => Owner::of(spans, spans.current()),
            false => Owner::of_span(spans, attributes.parent().filter(|parent| spans.has(parent)).cloned()),
        };
        if !self.hub.captures_for(owner.link(), attributes.metadata()) {
            return None;
        }
        let (trace_id, trace_flags, parent) = match owner {
            Owner::Request { link, .. } if !self.serves(&link) => return None,
            Owner::Request { link, .. } if link.is_bare() && !link.is_closed() => return Some(Mark::of_request(link)),
            Owner::Request { link, span } if !link.is_closed() => {
                let mut parts = link.hub.pipeline.parts();
                let id = push_span(&mut parts, attributes, span, link.now_ns());
                link.deliver(parts);
                return Some(match id {
                    Some(id) => Mark::Inside { link, id, slot: None },
                    None => Mark::of_request(link),
                });
            }
            Owner::Request { link, span } => (link.trace_id, link.trace_flags, span),
            Owner::Span { trace_id, trace_flags, span } => (trace_id, trace_flags, span),
            Owner::Nobody => {
                let trace_id = random::trace_id();
                let is_sampled = self.hub.sampler.sample(None, trace_id);
                (trace_id, TraceFlags(TraceFlags::RANDOM.0 | u8::from(is_sampled)), SpanId::INVALID)
            }
        };
        let mut parts = self.hub.pipeline.parts();
        let id = push_span(&mut parts, attributes, parent, 0)?;
        let start_unix_ns = time::unix_ns();
        let hub = Arc::clone(&self.hub);
        let outside = Outside { hub, trace_id, trace_flags, id, start: Stopwatch::start(), start_unix_ns, parts: Some(parts) };
        Some(Mark::Outside(Box::new(outside)))
    }
}

impl Ears {
    /// A span was opened: what it is to us.
    #[inline]
    pub(super) fn open(&self, attributes: &Attributes<'_>, id: &Id, spans: &impl Spans) -> Option<Mark> {
        if attributes.is_contextual() && current::unseen() != 0 {
            let mark =
                |exchange: &mut Exchange| self.serves(&exchange.link).then(|| Mark::of_request(Arc::clone(&exchange.link)));
            return current::with(mark).flatten();
        }
        if is_quiet() {
            return None;
        }
        current::once(|| self.open_span(attributes, id, spans)).flatten()
    }

    /// Returns what stands for the request that is current here, or 0.
    #[inline]
    pub(super) fn enter(&self, id: &Id, spans: &impl Spans) -> usize {
        let unseen = current::unseen();
        if unseen != 0 {
            // None of its spans is one.
            return unseen;
        }
        let key = self.key(id);
        let here = current::with(|exchange| {
            // Usually a span of this request's own, which is found here at less cost than by its mark.
            let known = known(exchange, key).map(|open| open.id);
            let inside = || inside(spans, id, &exchange.link).filter(|id| *id != exchange.link.span_id);
            if let Some(id) = known.or_else(inside) {
                exchange.parts.scratch.stack.push(id);
                exchange.link.enter_foreign(id);
            }
            std::ptr::from_ref(&*exchange.link).addr()
        });
        if here.is_none() && current::is_away() {
            let visited = |mark: &Mark| match mark {
                Mark::Inside { link, id, .. } => Some((Arc::clone(link), *id)),
                Mark::Outside(_) => None,
            };
            if let Some((link, id)) = spans.look(id, visited).flatten() {
                current::visit(key, &link, id);
            }
        }
        here.unwrap_or_default()
    }

    #[inline]
    pub(super) fn exit(&self, id: &Id, spans: &impl Spans) {
        if current::unseen() != 0 {
            return;
        }
        let key = self.key(id);
        let here = current::with(|exchange| {
            if exchange.parts.scratch.stack.is_empty() {
                return;
            }
            let marked = |mark: &Mark| match mark {
                Mark::Inside { id, .. } => Some(*id),
                Mark::Outside(_) => None,
            };
            let known = known(exchange, key).map(|open| open.id);
            let Some(id) = known.or_else(|| spans.look(id, marked).flatten()) else { return };
            let stack = &mut exchange.parts.scratch.stack;
            if let Some(at) = stack.iter().rposition(|entered| *entered == id) {
                stack.remove(at);
                exchange.link.leave_foreign(id);
            }
        });
        if here.is_none() {
            current::end_visit(key);
        }
    }

    pub(super) fn record(&self, id: &Id, values: &Values<'_>, spans: &impl Spans) {
        let _ = current::once(|| add_fields(spans, id, values));
    }

    /// A span is closed. Where its exchange is not the current one, `take` gives what it was to us.
    #[inline]
    pub(super) fn close(&self, id: &Id, take: impl FnOnce() -> Option<Mark>) {
        let key = self.key(id);
        let is_unseen = current::unseen() != 0;
        let known = |exchange: &mut Exchange| {
            let open = &mut exchange.parts.scratch.open;
            let Some(at) = open.iter().rposition(|open| open.key == key) else { return false };
            let OpenSpan { slot, id, .. } = open.swap_remove(at);
            let now_ns = exchange.now_ns();
            let parts = &mut exchange.parts;
            if let Some(span) = parts.span_at(slot, id).and_then(|at| parts.spans.get_mut(at)) {
                span.end_ns = now_ns;
            }
            true
        };
        if !is_unseen && current::with(known) == Some(true) {
            // The mark goes with the span.
            return;
        }
        match take() {
            Some(Mark::Inside { link, id, slot }) if id != link.span_id => close_inside(&link, id, slot),
            Some(Mark::Outside(outside)) => close_outside(*outside),
            Some(Mark::Inside { .. }) | None => {}
        }
    }
}

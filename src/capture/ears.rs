//! What becomes of spans and events, whoever keeps the spans.

use std::sync::Arc;

use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent as _;

use super::mark::{Mark, Outside, Owner, Spans, inside, known};
use super::scope::{REJECTION_TARGET, REQUEST_TARGET};
use super::span::{add_fields, close_inside, close_outside};
use super::write::{push_event, push_span, reject, repeats_panic, show, unshow};
use super::{Exchange, Hub, Link, current};
use crate::pipeline::is_quiet;
use crate::random;
use crate::record::parts::{OpenSpan, Parts};
use crate::record::{Kind, Record, SpanId, TraceFlags};
use crate::time::{self, Stopwatch};

/// Takes what happens in spans and events for one telemetry.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) hub: Arc<Hub>,
}

impl Ears {
    /// Whether the request is ours to fill: its own telemetry listens through us, or has no ears of its own.
    fn serves(&self, link: &Link) -> bool {
        Arc::ptr_eq(&link.hub, &self.hub) || !link.hub.is_subscribed()
    }

    /// What stands for a span of the registry that we are in; no two layers share it.
    fn key(&self, id: &Id) -> (usize, u64) {
        (std::ptr::from_ref(self).addr(), id.into_u64())
    }

    fn open_span(&self, attributes: &Attributes<'_>, id: &Id, spans: &impl Spans) -> Option<Mark> {
        let metadata = attributes.metadata();
        if metadata.target() == REQUEST_TARGET {
            return current::guest().map(Mark::of_request);
        }
        let explicit = attributes.parent().filter(|parent| spans.has(parent));
        let mark = current::with(|exchange| {
            if !self.serves(&exchange.link) || !self.hub.captures_for(Some(&exchange.link), metadata) {
                return None;
            }
            let parent = match &explicit {
                // Detached on purpose, or part of something else: not this request's, whoever polls.
                None if attributes.is_root() => return None,
                Some(parent) => inside(spans, parent, &exchange.link)?,
                None => exchange.innermost(),
            };
            if exchange.link.is_bare() {
                return Some(Mark::of_request(Arc::clone(&exchange.link)));
            }
            let now_ns = exchange.now_ns();
            exchange.link.hub.pipeline.reconsider(&mut exchange.parts);
            let span = push_span(&mut exchange.parts, attributes, parent, now_ns)?;
            exchange.link.hub.pipeline.charge(&mut exchange.parts);
            let slot = exchange.parts.spans.len().checked_sub(1);
            if let Some(slot) = slot {
                exchange.parts.scratch.open.push(OpenSpan { key: self.key(id), id: span, slot });
            }
            Some(Mark::Inside { link: Arc::clone(&exchange.link), id: span, slot })
        });
        match mark {
            // Marked, or not ours, or beyond the room that there is.
            Some(mark) => mark,
            None if attributes.is_contextual() => self.open_elsewhere(attributes, Owner::of(spans, spans.current())),
            None => self.open_elsewhere(attributes, Owner::of_span(spans, explicit.cloned())),
        }
    }

    fn open_elsewhere(&self, attributes: &Attributes<'_>, owner: Owner) -> Option<Mark> {
        if !self.hub.captures_for(owner.link(), attributes.metadata()) {
            return None;
        }
        let (trace_id, trace_flags, parent) = match owner {
            Owner::Request { link, .. } if !self.serves(&link) => return None,
            Owner::Request { link, .. } if link.is_bare() && !link.is_closed() => return Some(Mark::of_request(link)),
            Owner::Request { link, span } if !link.is_closed() => {
                let mut parts = link.hub.pipeline.parts();
                let id = push_span(&mut parts, attributes, span, link.now_ns())?;
                link.deliver(parts);
                return Some(Mark::Inside { link, id, slot: None });
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

    fn take_event(&self, event: &Event<'_>, spans: &impl Spans) {
        let is_log = event.metadata().target() == "log";
        let normalized = is_log.then(|| event.normalized_metadata()).flatten();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if normalized.is_some() && !self.hub.captures(metadata) {
            return;
        }
        let shown = self.hub.pipeline.wants_live() && self.hub.scope().shows(metadata.target(), *metadata.level());
        let log = normalized.as_ref();
        let done = current::with(|exchange| {
            if !self.serves(&exchange.link) || !self.hub.captures_for(Some(&exchange.link), metadata) {
                return true;
            }
            let explicit = event.parent().filter(|parent| spans.has(parent));
            let owners = |parent: &Id| (inside(spans, parent, &exchange.link), Owner::of_span(spans, Some(parent.clone())));
            let span = match explicit.map(owners) {
                Some((Some(span), _)) => span,
                // A parent that belongs to something else takes its event along.
                Some((None, Owner::Request { .. } | Owner::Span { .. })) => return false,
                Some((None, Owner::Nobody)) | None => exchange.innermost(),
            };
            let now_ns = exchange.now_ns();
            if !exchange.link.captures(*metadata.level()) {
                if shown || tells_failure(metadata) {
                    let mut parts = exchange.link.hub.pipeline.parts();
                    push_event(&mut parts, event, log, (span, now_ns), shown);
                    beside(&exchange.link, parts, metadata, (span, now_ns), shown);
                }
                return true;
            }
            exchange.link.hub.pipeline.reconsider(&mut exchange.parts);
            if !push_event(&mut exchange.parts, event, log, (span, now_ns), shown) {
                return true;
            }
            if metadata.target() == REJECTION_TARGET {
                reject(&mut exchange.parts, (span, now_ns));
            }
            if repeats_panic(&mut exchange.parts, event) {
                unshow(&mut exchange.parts);
            } else if shown {
                show(&exchange.link, &exchange.parts);
            }
            exchange.link.hub.pipeline.charge(&mut exchange.parts);
            true
        });
        if done == Some(true) {
            return;
        }
        let owner = match event.parent().filter(|parent| spans.has(parent)) {
            Some(parent) => Owner::of_span(spans, Some(parent.clone())),
            None => Owner::of(spans, spans.current().filter(|_| event.is_contextual())),
        };
        if !self.hub.captures_for(owner.link(), metadata) {
            return;
        }
        let mut parts = self.hub.pipeline.parts();
        match owner {
            Owner::Request { link, .. } if !self.serves(&link) => self.hub.pipeline.recycle(parts),
            Owner::Request { link, span } => {
                let now_ns = link.now_ns();
                push_event(&mut parts, event, log, (span, now_ns), shown);
                if !link.captures(*metadata.level()) && !link.is_closed() {
                    return beside(&link, parts, metadata, (span, now_ns), shown);
                }
                if metadata.target() == REJECTION_TARGET {
                    reject(&mut parts, (span, now_ns));
                }
                if shown && !link.is_closed() {
                    show(&link, &parts);
                }
                link.deliver(parts);
            }
            owner => {
                parts.kind = Kind::Event;
                parts.start_unix_ns = time::unix_ns();
                let mut at = SpanId::INVALID;
                if let Owner::Span { trace_id, trace_flags, span } = owner {
                    (parts.trace_id, parts.trace_flags, parts.span_id, at) = (trace_id, trace_flags, span, span);
                }
                push_event(&mut parts, event, log, (at, 0), shown);
                self.hub.pipeline.offer(Record::new(parts));
            }
        }
    }
}

impl Ears {
    /// A span was opened: what it is to us.
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

    pub(super) fn event(&self, event: &Event<'_>, spans: &impl Spans) {
        if !is_beneath_notice(event) && !is_quiet() {
            let _ = current::once(|| self.take_event(event, spans));
        }
    }

    /// Returns what stands for the request that is current here, or 0.
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

/// Whether an event belongs to a request that nobody will see, and tells of no failure.
#[inline]
fn is_beneath_notice(event: &Event<'_>) -> bool {
    event.parent().is_none() && current::unseen() != 0 && !tells_failure(event.metadata())
}

/// Whether a failure may come of an event.
fn tells_failure(metadata: &Metadata<'_>) -> bool {
    metadata.target() == REJECTION_TARGET || *metadata.level() == Level::ERROR
}

/// Shows an event of a request that captures no detail, and leaves the failure that it tells.
fn beside(link: &Link, mut parts: Box<Parts>, metadata: &Metadata<'_>, at: (SpanId, u64), shown: bool) {
    if metadata.target() == REJECTION_TARGET {
        reject(&mut parts, at);
    }
    if shown {
        show(link, &parts);
    }
    parts.events.clear();
    match parts.failures.is_empty() {
        true => link.hub.pipeline.recycle(parts),
        false => link.deliver(parts),
    }
}

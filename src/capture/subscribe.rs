//! The tracing side: events and spans find the request that they belong to.

use std::sync::Arc;
use std::time::Instant;

use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::mark::{Mark, Outside, Owner, inside, known, put_mark};
use super::span::{add_fields, close_inside, close_outside};
use super::write::{push_event, push_span, reject, repeats_panic, show, unshow};
use super::{Hub, Link, current};
use crate::pipeline::is_quiet;
use crate::record::parts::{OpenSpan, Parts};
use crate::record::{Kind, Record, SpanId, TraceFlags};
use crate::{random, time};

/// Target of the span that stands for the request itself.
pub(crate) const REQUEST_TARGET: &str = "campanile::request";
/// Target of the events by which axum tells why an extractor refused.
pub(super) const REJECTION_TARGET: &str = "axum::rejection";

/// Target of the question whether anything keeps events from us.
pub(super) const PROBE_TARGET: &str = "campanile::probe";

/// Whether events that should be captured at `level` are kept from the subscriber of this thread, although it has ears of
/// ours: by a filter of the whole subscriber, or of the build.
pub(super) fn is_deaf_to(level: LevelFilter) -> bool {
    let listens = dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Capture>().is_some());
    // Only asking at a callsite goes through all filters; the greatest level of all layers together says nothing of them.
    listens
        && match level.into_level() {
            Some(Level::TRACE) => !tracing::enabled!(target: PROBE_TARGET, Level::TRACE),
            Some(Level::DEBUG) => !tracing::enabled!(target: PROBE_TARGET, Level::DEBUG),
            Some(Level::INFO) => !tracing::enabled!(target: PROBE_TARGET, Level::INFO),
            _ => false,
        }
}

/// A layer for `tracing-subscriber` that captures what happens inside and outside of requests.
#[derive(Debug)]
pub(crate) struct Capture {
    hub: Arc<Hub>,
    /// Whether it may switch callsites off for the whole subscriber, which makes them free.
    is_alone: bool,
}

impl Capture {
    pub(crate) fn new(hub: Arc<Hub>, is_alone: bool) -> Self {
        Self { hub, is_alone }
    }

    pub(super) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Capture {
    /// Whether the request is ours to fill: its own telemetry listens through us, or has no ears of its own.
    fn serves(&self, link: &Link) -> bool {
        Arc::ptr_eq(&link.hub, &self.hub) || !link.hub.is_subscribed()
    }

    /// What stands for a span of the registry that we are in; no two layers share it.
    fn key(&self, id: &Id) -> (usize, u64) {
        (std::ptr::from_ref(self).addr(), id.into_u64())
    }

    fn open_span<S>(&self, attributes: &Attributes<'_>, span: &SpanRef<'_, S>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = attributes.metadata();
        if metadata.target() == REQUEST_TARGET {
            put_mark(span, current::guest().map(Mark::of_request));
            return;
        }
        let explicit = attributes.parent().and_then(|parent| ctx.span(parent));
        let mark = current::with(|exchange| {
            if !self.serves(&exchange.link) || !self.hub.captures_for(Some(&exchange.link), metadata) {
                return None;
            }
            let parent = match &explicit {
                // Detached on purpose, or part of something else: not this request's, whoever polls.
                None if attributes.is_root() => return None,
                Some(parent) => inside(parent, &exchange.link)?,
                None => exchange.innermost(),
            };
            if exchange.link.is_bare() {
                return Some(Mark::of_request(Arc::clone(&exchange.link)));
            }
            let now_ns = exchange.now_ns();
            exchange.link.hub.pipeline.reconsider(&mut exchange.parts);
            let id = push_span(&mut exchange.parts, attributes, parent, now_ns)?;
            exchange.link.hub.pipeline.charge(&mut exchange.parts);
            let slot = exchange.parts.spans.len().checked_sub(1);
            if let Some(slot) = slot {
                exchange.parts.scratch.open.push(OpenSpan { key: self.key(&span.id()), id, slot });
            }
            Some(Mark::Inside { link: Arc::clone(&exchange.link), id, slot })
        });
        let mark = match mark {
            // Marked, or not ours, or beyond the room that there is.
            Some(mark) => mark,
            None if attributes.is_contextual() => self.open_elsewhere(attributes, Owner::of(ctx.lookup_current())),
            None => self.open_elsewhere(attributes, Owner::of_span(explicit)),
        };
        put_mark(span, mark);
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
        let outside = Outside { hub, trace_id, trace_flags, id, start: Instant::now(), start_unix_ns, parts: Some(parts) };
        Some(Mark::Outside(Box::new(outside)))
    }

    fn take_event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
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
            let explicit = event.parent().and_then(|parent| ctx.span(parent));
            let span = match explicit.map(|parent| (inside(&parent, &exchange.link), Owner::of_span(Some(parent)))) {
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
        let explicit = event.parent().and_then(|parent| ctx.span(parent));
        let owner = explicit.map_or_else(|| Owner::of(ctx.event_span(event)), |parent| Owner::of_span(Some(parent)));
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

impl<S> Layer<S> for Capture
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // Only now is it known that somebody listens through it.
        self.hub.subscribe();
        self.hub.pipeline.asks().heard_by(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Records of the `log` crate share a few callsites; where they come from is known only with each of them.
        match (self.is_alone, self.hub.captures(metadata)) {
            (false, _) | (true, true) => Interest::always(),
            (true, false) if metadata.target() == "log" => Interest::sometimes(),
            (true, false) => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !self.is_alone || self.hub.captures(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.is_alone.then(|| self.hub.max_level())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if is_quiet() {
            return;
        }
        if let Some(span) = ctx.span(id) {
            let _ = current::once(|| self.open_span(attributes, &span, &ctx));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if !is_quiet() {
            let _ = current::once(|| self.take_event(event, &ctx));
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        let key = self.key(id);
        let here = current::with(|exchange| {
            // Usually a span of this request's own, which is found here at less cost than in the registry.
            if let Some(id) = known(exchange, key).map(|open| open.id) {
                exchange.parts.scratch.stack.push(id);
                exchange.link.enter_foreign(id);
                return;
            }
            let Some(span) = ctx.span(id) else { return };
            if let Some(Mark::Inside { link, id, .. }) = span.extensions().get::<Mark>()
                && Arc::ptr_eq(link, &exchange.link)
                && *id != link.span_id
            {
                exchange.parts.scratch.stack.push(*id);
                link.enter_foreign(*id);
            }
        });
        if here.is_none()
            && current::is_away()
            && let Some(span) = ctx.span(id)
            && let Some(Mark::Inside { link, id, .. }) = span.extensions().get::<Mark>()
        {
            current::visit(key, link, *id);
        }
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        let key = self.key(id);
        let here = current::with(|exchange| {
            if exchange.parts.scratch.stack.is_empty() {
                return;
            }
            let id = known(exchange, key).map(|open| open.id).or_else(|| {
                let span = ctx.span(id)?;
                let extensions = span.extensions();
                match extensions.get::<Mark>() {
                    Some(Mark::Inside { id, .. }) => Some(*id),
                    _ => None,
                }
            });
            let Some(id) = id else { return };
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

    fn on_record(&self, id: &Id, values: &Values<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let _ = current::once(|| add_fields(&span, values));
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let key = self.key(&id);
        let closed = current::with(|exchange| {
            let open = &mut exchange.parts.scratch.open;
            let Some(at) = open.iter().rposition(|open| open.key == key) else { return false };
            let OpenSpan { slot, id, .. } = open.swap_remove(at);
            let now_ns = exchange.now_ns();
            let parts = &mut exchange.parts;
            if let Some(span) = parts.span_at(slot, id).and_then(|at| parts.spans.get_mut(at)) {
                span.end_ns = now_ns;
            }
            true
        });
        if closed == Some(true) {
            // The registry drops the mark with the span.
            return;
        }
        let Some(span) = ctx.span(&id) else { return };
        let mark = span.extensions_mut().remove::<Mark>();
        match mark {
            Some(Mark::Inside { link, id, slot }) if id != link.span_id => close_inside(&link, id, slot),
            Some(Mark::Outside(outside)) => close_outside(*outside),
            Some(Mark::Inside { .. }) | None => {}
        }
    }
}

/// Restricts [`Capture`] to what it wants, without a say over what others see.
#[derive(Clone, Debug)]
pub(crate) struct CaptureFilter(pub(crate) Arc<Hub>);

impl<S> Filter<S> for CaptureFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.0.captures(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.0.captures(metadata) {
            true => Interest::always(),
            false if metadata.target() == "log" => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.max_level())
    }
}

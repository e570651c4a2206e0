//! The tracing side: events and spans find the request that they belong to.

use std::sync::Arc;
use std::time::Instant;

use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, dispatcher};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::failure::push_text;
use super::visit::Fields;
use super::{Exchange, Hub, Link, current};
use crate::pipeline::is_quiet;
use crate::record::parts::{EventSlot, List, MAX_FIELD_BYTES, OPEN, OpenSpan, Origin, Parts, SpanSlot, Text};
use crate::record::{FailureKind, Kind, Record, SpanId, TraceFlags, TraceId};
use crate::{random, time};

/// Target of the span that stands for the request itself.
pub(crate) const REQUEST_TARGET: &str = "campanile::request";
/// Target of the events by which axum tells why an extractor refused.
const REJECTION_TARGET: &str = "axum::rejection";

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
        hub.subscribe();
        Self { hub, is_alone }
    }
}

/// What a tracing span is to us; lies in the span's extensions.
pub(super) enum Mark {
    /// The request itself, or a span inside it: where its slot is, if it lies in the exchange and not in the inbox.
    Inside { link: Arc<Link>, id: SpanId, slot: Option<usize> },
    /// A span outside any request, which becomes a record of its own.
    Outside(Box<Outside>),
}

/// A span outside any request, in flight.
pub(super) struct Outside {
    /// Whose record it becomes.
    hub: Arc<Hub>,
    trace_id: TraceId,
    trace_flags: TraceFlags,
    id: SpanId,
    start: Instant,
    start_unix_ns: u64,
    /// Taken while a user's `Debug` runs.
    parts: Option<Box<Parts>>,
}

impl Mark {
    pub(super) const fn link(&self) -> Option<&Arc<Link>> {
        match self {
            Self::Inside { link, .. } => Some(link),
            Self::Outside(_) => None,
        }
    }
}

/// What an event or a new span belongs to, where that is not the current exchange.
enum Owner {
    Request { link: Arc<Link>, span: SpanId },
    Span { trace_id: TraceId, trace_flags: TraceFlags, span: SpanId },
    Nobody,
}

impl Owner {
    /// By the handle that the work carries and the nearest marked span of that request, else by the nearest marked span.
    fn of<'a, S: LookupSpan<'a>>(span: Option<SpanRef<'a, S>>) -> Self {
        let guest = current::guest();
        let by_span = Self::of_span(span);
        match (guest, by_span) {
            (Some(guest), Self::Request { link, span }) if Arc::ptr_eq(&guest, &link) => Self::Request { link, span },
            (Some(guest), _) => Self::Request { span: guest.span_id, link: guest },
            (None, by_span) => by_span,
        }
    }

    fn of_span<'a, S: LookupSpan<'a>>(span: Option<SpanRef<'a, S>>) -> Self {
        for span in span.into_iter().flat_map(|span| span.scope()) {
            match span.extensions().get::<Mark>() {
                Some(Mark::Inside { link, id, .. }) => return Self::Request { link: Arc::clone(link), span: *id },
                Some(Mark::Outside(outside)) => {
                    return Self::Span { trace_id: outside.trace_id, trace_flags: outside.trace_flags, span: outside.id };
                }
                None => {}
            }
        }
        Self::Nobody
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
            put_mark(span, current::guest().map(|link| Mark::Inside { id: link.span_id, link, slot: None }));
            return;
        }
        let explicit = attributes.parent().and_then(|parent| ctx.span(parent));
        let mark = current::with(|exchange| {
            if !self.serves(&exchange.link) {
                return None;
            }
            let parent =
                explicit.as_ref().and_then(|parent| inside(parent, &exchange.link)).unwrap_or_else(|| exchange.innermost());
            let now_ns = exchange.now_ns();
            let id = push_span(&mut exchange.parts, attributes, parent, now_ns)?;
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
            None => self.open_elsewhere(attributes, Owner::of(explicit)),
        };
        put_mark(span, mark);
    }

    fn open_elsewhere(&self, attributes: &Attributes<'_>, owner: Owner) -> Option<Mark> {
        let (trace_id, trace_flags, parent) = match owner {
            Owner::Request { link, .. } if !self.serves(&link) => return None,
            Owner::Request { link, span } if !link.is_closed() => {
                let mut parts = link.hub.pipeline.parts();
                let id = push_span(&mut parts, attributes, span, link.now_ns())?;
                link.deliver(parts);
                return Some(Mark::Inside { link, id, slot: None });
            }
            Owner::Request { link, span } => (link.trace_id, link.trace_flags, span),
            Owner::Span { trace_id, trace_flags, span } => (trace_id, trace_flags, span),
            Owner::Nobody => (random::trace_id(), TraceFlags(TraceFlags::SAMPLED.0 | TraceFlags::RANDOM.0), SpanId::INVALID),
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
        let shown = self.hub.pipeline.wants_live() && self.hub.shows(metadata.target(), *metadata.level());
        let log = normalized.as_ref();
        let done = current::with(|exchange| {
            if !self.serves(&exchange.link) {
                return true;
            }
            let explicit = event.parent().and_then(|parent| ctx.span(parent));
            let span = explicit.and_then(|parent| inside(&parent, &exchange.link)).unwrap_or_else(|| exchange.innermost());
            let now_ns = exchange.now_ns();
            if !push_event(&mut exchange.parts, event, log, (span, now_ns), shown) {
                return true;
            }
            if metadata.target() == REJECTION_TARGET {
                reject(&mut exchange.parts, (span, now_ns));
            }
            if shown {
                show(&exchange.link, &exchange.parts);
            }
            true
        });
        if done == Some(true) {
            return;
        }
        let mut parts = self.hub.pipeline.parts();
        match Owner::of(ctx.event_span(event)) {
            Owner::Request { link, .. } if !self.serves(&link) => self.hub.pipeline.recycle(parts),
            Owner::Request { link, span } => {
                let now_ns = link.now_ns();
                push_event(&mut parts, event, log, (span, now_ns), shown);
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

/// Marks a span, unless another telemetry in the same registry has done so.
fn put_mark<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, mark: Option<Mark>) {
    let Some(mark) = mark else { return };
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<Mark>().is_none() {
        extensions.insert(mark);
    }
}

/// A span that was opened while this exchange was in place, and has not closed.
fn known(exchange: &Exchange, key: (usize, u64)) -> Option<OpenSpan> {
    exchange.parts.scratch.open.iter().rev().find(|open| open.key == key).copied()
}

/// The id of a span, if it belongs to this request.
fn inside<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, link: &Arc<Link>) -> Option<SpanId> {
    match span.extensions().get::<Mark>() {
        Some(Mark::Inside { link: of, id, .. }) if Arc::ptr_eq(of, link) => Some(*id),
        _ => None,
    }
}

fn push_span(parts: &mut Parts, attributes: &Attributes<'_>, parent: SpanId, now_ns: u64) -> Option<SpanId> {
    // Asked first: what is left out must not leave its fields behind.
    if !parts.admits_span() {
        return None;
    }
    let id = random::span_id();
    let mut fields = Fields::of_span(parts, List::default());
    attributes.record(&mut fields);
    let (fields, _) = fields.done();
    let span = SpanSlot { id, parent, origin: Origin::from(attributes.metadata()), start_ns: now_ns, end_ns: OPEN, fields };
    parts.push_span(span).then_some(id)
}

/// Appends an event; false when there was no room. `log` says where a record of the `log` crate really comes from.
fn push_event(parts: &mut Parts, event: &Event<'_>, log: Option<&Metadata<'_>>, at: (SpanId, u64), shown: bool) -> bool {
    if !parts.admits_event() {
        return false;
    }
    let mut fields = Fields::of_event(parts, log.is_some());
    event.record(&mut fields);
    let (fields, message) = fields.done();
    let origin = match log {
        None => Origin::from(event.metadata()),
        Some(log) => Origin {
            name: Text::Static("log"),
            target: parts.push_text(log.target(), MAX_FIELD_BYTES),
            file: parts.push_text(log.file().unwrap_or_default(), MAX_FIELD_BYTES),
            line: log.line().unwrap_or_default(),
            level: *log.level(),
        },
    };
    parts.events.push(EventSlot { time_ns: at.1, span: at.0, origin, message, fields, shown });
    true
}

/// An extractor's refusal is the reason of the answer that follows.
fn reject(parts: &mut Parts, at: (SpanId, u64)) {
    let Some(event) = parts.events.last().copied() else { return };
    let field = |name: &str| {
        let slot = parts.list(event.fields).find(|field| parts.str(field.name) == name)?;
        match slot.value {
            crate::record::parts::Slot::Text(text) => Some(text),
            _ => None,
        }
    };
    if let Some(type_name) = field("rejection_type") {
        let body = field("body").unwrap_or_default();
        push_text(parts, FailureKind::Rejection, at, type_name, body);
    }
}

/// Sends a copy of the last event ahead.
fn show(link: &Link, parts: &Parts) {
    let Some(event) = parts.events.last() else { return };
    let mut copy = link.hub.pipeline.parts();
    copy.append_event(parts, event);
    link.stamp(&mut copy, Kind::Live);
    link.hub.pipeline.offer(Record::new(copy));
}

impl<S> Layer<S> for Capture
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
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
        let _ = current::with(|exchange| {
            // Usually a span of this request's own, which is found here at less cost than in the registry.
            if let Some(open) = known(exchange, key) {
                exchange.parts.scratch.stack.push(open.id);
                return;
            }
            let Some(span) = ctx.span(id) else { return };
            if let Some(Mark::Inside { link, id, .. }) = span.extensions().get::<Mark>()
                && Arc::ptr_eq(link, &exchange.link)
                && *id != link.span_id
            {
                exchange.parts.scratch.stack.push(*id);
            }
        });
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        let key = self.key(id);
        let _ = current::with(|exchange| {
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
            }
        });
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
            let slot = open.swap_remove(at).slot;
            let now_ns = exchange.now_ns();
            if let Some(span) = exchange.parts.spans.get_mut(slot) {
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

/// Fields that a span records later.
fn add_fields<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, values: &Values<'_>) {
    // Nothing of a user runs while the extensions are locked: a value's `Debug` may log, which needs them again. The lock
    // is held to the end of a `match` on it, so only what was found leaves it.
    let found = match span.extensions_mut().get_mut::<Mark>() {
        Some(Mark::Inside { link, id, slot }) => Ok((Arc::clone(link), *id, *slot)),
        Some(Mark::Outside(outside)) => Err(outside.parts.take()),
        None => return,
    };
    let (link, id, slot) = match found {
        Ok(inside) => inside,
        Err(taken) => return add_outside(span, taken, values),
    };
    if id == link.span_id {
        return;
    }
    let done = current::with(|exchange| {
        let is_here = Arc::ptr_eq(&exchange.link, &link);
        if is_here && let Some(at) = slot {
            let parts = &mut exchange.parts;
            let list = parts.spans.get(at).map(|span| span.fields).unwrap_or_default();
            let mut fields = Fields::of_span(parts, list);
            values.record(&mut fields);
            let (list, _) = fields.done();
            if let Some(span) = parts.spans.get_mut(at) {
                span.fields = list;
            }
        }
        is_here && slot.is_some()
    });
    if done != Some(true) {
        let mut parts = link.hub.pipeline.parts();
        let mut fields = Fields::of_span(&mut parts, List::default());
        values.record(&mut fields);
        let (fields, _) = fields.done();
        parts.push_span(SpanSlot { fields, ..patch(id) });
        link.deliver(parts);
    }
}

fn add_outside<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, parts: Option<Box<Parts>>, values: &Values<'_>) {
    let Some(mut parts) = parts else { return };
    let list = parts.spans.first().map(|span| span.fields).unwrap_or_default();
    let mut fields = Fields::of_span(&mut parts, list);
    values.record(&mut fields);
    let (list, _) = fields.done();
    if let Some(span) = parts.spans.first_mut() {
        span.fields = list;
    }
    if let Some(Mark::Outside(outside)) = span.extensions_mut().get_mut::<Mark>() {
        outside.parts = Some(parts);
    }
}

/// The end of a span inside a request.
fn close_inside(link: &Arc<Link>, id: SpanId, slot: Option<usize>) {
    let now_ns = link.now_ns();
    let done = current::with(|exchange| {
        let Some(at) = slot.filter(|_| Arc::ptr_eq(&exchange.link, link)) else { return false };
        if let Some(span) = exchange.parts.spans.get_mut(at) {
            span.end_ns = now_ns;
        }
        true
    });
    if done != Some(true) && !link.is_closed() {
        let mut parts = link.hub.pipeline.parts();
        parts.push_span(SpanSlot { end_ns: now_ns, ..patch(id) });
        link.deliver(parts);
    }
}

/// What completes a span that lies elsewhere; see [`Parts::append`].
fn patch(id: SpanId) -> SpanSlot {
    let origin = Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: tracing::Level::INFO };
    SpanSlot { id, parent: SpanId::INVALID, origin, start_ns: 0, end_ns: OPEN, fields: List::default() }
}

/// The end of a span outside any request: its record is finished.
fn close_outside(outside: Outside) {
    let Some(mut parts) = outside.parts else { return };
    let duration_ns = u64::try_from(outside.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    parts.kind = Kind::Span;
    parts.trace_id = outside.trace_id;
    parts.trace_flags = outside.trace_flags;
    parts.span_id = outside.id;
    parts.start_unix_ns = outside.start_unix_ns;
    parts.duration_ns = duration_ns;
    if let Some(span) = parts.spans.first_mut() {
        span.end_ns = duration_ns;
        parts.parent_span_id = span.parent;
    }
    outside.hub.pipeline.offer(Record::new(parts));
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

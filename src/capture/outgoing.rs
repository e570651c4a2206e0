//! An outgoing request: a span of kind client on the record of the request that it is made for, or a record of its own.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use tracing::Level;

use super::error::{chain_of, error_type};
use super::mark::Owner;
use super::write::{patch, show};
use super::{Exchange, Foreign, Hub, Link, current};
use crate::propagator::Outgoing;
use crate::random;
use crate::record::parts::{EventSlot, List, MAX_FIELD_BYTES, Origin, Parts, Slot, SpanSlot, Text};
use crate::record::{Kind, Record, SpanId, SpanKind, TraceFlags, TraceId};
use crate::time::{self, Stopwatch};

/// Target of the events about outgoing requests that failed.
const TARGET: &str = "campanile::client";
/// The event that such a failure is.
const EXCEPTION: &str = "http.client.request.exception";

/// One attempt of an outgoing request, in flight.
///
/// Ended wherever its response is followed to: on the exchange that it began in where that is the current one, else through
/// the inbox. A call that is still open when its request's record is finished stays unfinished there.
#[derive(Debug)]
pub(crate) struct OutgoingCall {
    id: SpanId,
    /// The request that it is made for, still open or not.
    link: Option<Arc<Link>>,
    home: Home,
}

/// Where its span lies.
#[derive(Debug)]
enum Home {
    /// In the exchange, by its place.
    Exchange(usize),
    /// In the inbox of the request.
    Inbox,
    /// In no record: there was no room.
    Nowhere,
    Own(Box<Own>),
}

/// A call outside any request that is open.
#[derive(Debug)]
struct Own {
    hub: Arc<Hub>,
    trace_id: TraceId,
    trace_flags: TraceFlags,
    start: Stopwatch,
    start_unix_ns: u64,
    parts: Box<Parts>,
}

impl OutgoingCall {
    /// Begins a call where the calling code stands; `describe` writes its fields and gives its name.
    pub(crate) fn begin(hub: &Arc<Hub>, describe: impl FnOnce(&mut Parts, &mut List) -> Text) -> Self {
        let id = random::span_id();
        let mut describe = Some(describe);
        let here = current::with(|exchange| {
            let (parent, now_ns) = (exchange.innermost(), exchange.now_ns());
            let is_in = describe.take().is_some_and(|describe| push(&mut exchange.parts, id, (parent, now_ns), describe));
            exchange.link.hub.pipeline.charge(&mut exchange.parts);
            let home = exchange.parts.spans.len().checked_sub(1).filter(|_| is_in).map_or(Home::Nowhere, Home::Exchange);
            Self { id, link: Some(Arc::clone(&exchange.link)), home }
        });
        match (here, describe) {
            (Some(here), _) => here,
            (None, Some(describe)) => Self::begin_elsewhere(hub, id, describe),
            (None, None) => Self { id, link: None, home: Home::Nowhere },
        }
    }

    fn begin_elsewhere(hub: &Arc<Hub>, id: SpanId, describe: impl FnOnce(&mut Parts, &mut List) -> Text) -> Self {
        let (link, trace_id, trace_flags, parent) = match Owner::of_thread() {
            Owner::Request { link, span } if !link.is_closed() => {
                let mut parts = link.hub.pipeline.parts();
                push(&mut parts, id, (span, link.now_ns()), describe);
                link.deliver(parts);
                return Self { id, link: Some(link), home: Home::Inbox };
            }
            Owner::Request { link, span } => (Some(Arc::clone(&link)), link.trace_id, link.trace_flags, span),
            Owner::Span { trace_id, trace_flags, span } => (None, trace_id, trace_flags, span),
            Owner::Nobody => {
                let (trace_id, trace_flags, parent) = outermost(hub);
                (None, trace_id, trace_flags, parent)
            }
        };
        let mut parts = hub.pipeline.parts();
        let start_unix_ns = time::unix_ns();
        push(&mut parts, id, (parent, 0), describe);
        let own = Own { hub: Arc::clone(hub), trace_id, trace_flags, start: Stopwatch::start(), start_unix_ns, parts };
        Self { id, link, home: Home::Own(Box::new(own)) }
    }

    /// Puts the trace context into the headers of the request, with this call for its parent, and the request id of the
    /// request that it is made for.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        match (&self.home, &self.link) {
            (_, Some(link)) => {
                link.inject(self.id, headers);
                link.inject_request_id(headers);
            }
            (Home::Own(own), None) => {
                let Own { hub, trace_id, trace_flags, .. } = &**own;
                let (trace_id, flags) = (*trace_id, *trace_flags);
                hub.propagators.inject(&Outgoing { trace_id, span_id: self.id, flags, state: "", baggage: "" }, headers);
            }
            (_, None) => {}
        }
    }

    /// Runs `f` with this call as the innermost span, where the request that it is made for is the current one.
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Leave<'a>(&'a OutgoingCall);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.on_exchange(|exchange, id| {
                    let stack = &mut exchange.parts.scratch.stack;
                    if let Some(at) = stack.iter().rposition(|entered| *entered == id) {
                        stack.remove(at);
                        exchange.link.leave_foreign(id);
                    }
                });
            }
        }
        self.on_exchange(|exchange, id| {
            exchange.parts.scratch.stack.push(id);
            exchange.link.enter_foreign(id);
        });
        let _leave = Leave(self);
        f()
    }

    fn on_exchange(&self, f: impl FnOnce(&mut Exchange, SpanId)) {
        if let Home::Exchange(_) = self.home {
            let _ = current::with(|exchange| {
                if self.is_of(&exchange.link) {
                    f(exchange, self.id);
                }
            });
        }
    }

    fn is_of(&self, link: &Arc<Link>) -> bool {
        self.link.as_ref().is_some_and(|own| Arc::ptr_eq(own, link))
    }

    /// Writes more about it.
    pub(crate) fn note(&mut self, write: impl FnOnce(&mut Parts, &mut SpanSlot)) {
        self.on_slot(|parts, span, _| write(parts, span));
    }

    /// Writes the last about it; it ends now.
    pub(crate) fn end(mut self, write: impl FnOnce(&mut Parts, &mut SpanSlot)) {
        self.on_slot(|parts, span, now_ns| {
            span.end_ns = now_ns;
            write(parts, span);
        });
        let Home::Own(own) = self.home else { return };
        let Own { hub, trace_id, trace_flags, start_unix_ns, mut parts, .. } = *own;
        (parts.kind, parts.trace_id, parts.trace_flags, parts.span_id) = (Kind::Span, trace_id, trace_flags, self.id);
        parts.start_unix_ns = start_unix_ns;
        if let Some(span) = parts.spans.first() {
            (parts.parent_span_id, parts.duration_ns) = (span.parent, span.end_ns);
        }
        hub.pipeline.offer(Record::new(parts));
    }

    /// Where its span is, with the time since its record began.
    fn on_slot(&mut self, write: impl FnOnce(&mut Parts, &mut SpanSlot, u64)) {
        let at = match &mut self.home {
            Home::Nowhere => return,
            Home::Own(own) => {
                let now_ns = own.start.ns();
                return rewrite(&mut own.parts, 0, self.id, |parts, span| write(parts, span, now_ns));
            }
            Home::Exchange(at) => Some(*at),
            Home::Inbox => None,
        };
        let mut write = Some(write);
        if let Some(at) = at {
            let _ = current::with(|exchange| {
                if self.is_of(&exchange.link)
                    && let Some(write) = write.take()
                {
                    let now_ns = exchange.now_ns();
                    rewrite(&mut exchange.parts, at, self.id, |parts, span| write(parts, span, now_ns));
                }
            });
        }
        if let (Some(write), Some(link)) = (write, &self.link)
            && !link.is_closed()
        {
            let (mut parts, mut span) = (link.hub.pipeline.parts(), patch(self.id));
            write(&mut parts, &mut span, link.now_ns());
            parts.push_span(span);
            link.deliver(parts);
        }
    }

    /// Puts an error of the transport, or of the response's body, on the record as an event, and gives its type's name.
    ///
    /// It is no failure of the request that the call is made for, which may try again.
    pub(crate) fn exception<E: fmt::Display + 'static>(&self, error: &E, message: fmt::Arguments<'_>) -> &'static str {
        let type_name = error_type(error);
        let write = |parts: &mut Parts, now_ns: u64, hub: &Hub| {
            let shown = hub.pipeline.wants_live() && hub.scope().shows(TARGET, Level::WARN);
            let at = (self.id, now_ns);
            push_exception(parts, at, (message, type_name, format_args!("{}", chain_of(error))), shown) && shown
        };
        match (&self.home, &self.link) {
            (Home::Own(own), _) => {
                let mut parts = own.hub.pipeline.parts();
                (parts.kind, parts.trace_id, parts.trace_flags) = (Kind::Event, own.trace_id, own.trace_flags);
                (parts.span_id, parts.start_unix_ns) = (self.id, time::unix_ns());
                write(&mut parts, 0, &own.hub);
                own.hub.pipeline.offer(Record::new(parts));
            }
            (_, Some(link)) => {
                let done = current::with(|exchange| {
                    if !self.is_of(&exchange.link) {
                        return false;
                    }
                    let now_ns = exchange.now_ns();
                    if write(&mut exchange.parts, now_ns, &link.hub) {
                        show(link, &exchange.parts);
                    }
                    true
                });
                if done != Some(true) {
                    let mut parts = link.hub.pipeline.parts();
                    if write(&mut parts, link.now_ns(), &link.hub) && !link.is_closed() {
                        show(link, &parts);
                    }
                    link.deliver(parts);
                }
            }
            (_, None) => {}
        }
        type_name
    }
}

/// Trace, flags and parent of what belongs to nothing of ours: another library's current span, else a new trace.
fn outermost(hub: &Hub) -> (TraceId, TraceFlags, SpanId) {
    if let Some(span) = hub.foreign().and_then(Foreign::current) {
        return (span.trace_id, span.trace_flags, span.span_id);
    }
    let trace_id = random::trace_id();
    let is_sampled = hub.sampler.sample(None, trace_id);
    (trace_id, TraceFlags(TraceFlags::RANDOM.0 | u8::from(is_sampled)), SpanId::INVALID)
}

/// Appends the span of a call; false when there was no room. `at` is the span around it, and the time.
fn push(parts: &mut Parts, id: SpanId, at: (SpanId, u64), describe: impl FnOnce(&mut Parts, &mut List) -> Text) -> bool {
    // Asked first: what is left out must not leave its fields behind.
    if !parts.admits_span() {
        return false;
    }
    let mut fields = List::default();
    let name = describe(parts, &mut fields);
    let blank = patch(id);
    let origin = Origin { name, ..blank.origin };
    parts.push_span(SpanSlot { parent: at.0, origin, kind: SpanKind::Client, start_ns: at.1, fields, ..blank })
}

/// Changes a span in its place, or where it went when others before it gave way.
fn rewrite(parts: &mut Parts, at: usize, id: SpanId, write: impl FnOnce(&mut Parts, &mut SpanSlot)) {
    let Some(at) = parts.span_at(at, id) else { return };
    let Some(mut span) = parts.spans.get(at).copied() else { return };
    write(parts, &mut span);
    if let Some(slot) = parts.spans.get_mut(at) {
        *slot = span;
    }
}

/// Appends the event that an error is: its message, the error's type, and what it and its sources say.
fn push_exception(
    parts: &mut Parts,
    at: (SpanId, u64),
    (message, type_name, text): (fmt::Arguments<'_>, &'static str, fmt::Arguments<'_>),
    shown: bool,
) -> bool {
    if !parts.admits_event() {
        return false;
    }
    let message = parts.push_fmt(MAX_FIELD_BYTES, message);
    // The error's own `Display` runs here; what it logs is not captured again.
    let text = current::once(|| parts.push_fmt(MAX_FIELD_BYTES, text)).unwrap_or_default();
    let mut fields = List::default();
    parts.push_field(&mut fields, Text::Static("exception.type"), Slot::Text(Text::Static(type_name)));
    parts.push_field(&mut fields, Text::Static("exception.message"), Slot::Text(text));
    let (name, target) = (Text::Static(EXCEPTION), Text::Static(TARGET));
    let origin = Origin { name, target, file: Text::EMPTY, line: 0, level: Level::WARN };
    parts.events.push(EventSlot { time_ns: at.1, span: at.0, origin, message, fields, shown });
    true
}

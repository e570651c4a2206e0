//! Which request a tracing span belongs to: a mark that lies with the span.

use std::sync::Arc;

use tracing::span::Id;
use tracing::{Subscriber, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::solo::Solo;
use super::{Exchange, Hub, Link, current};
use crate::record::parts::{OpenSpan, Parts};
use crate::record::{SpanId, TraceFlags, TraceId};
use crate::time::Stopwatch;

/// What a tracing span is to us.
pub(super) enum Mark {
    /// The request itself, or a span inside it: where its slot is, if it lies in the exchange and not in the inbox.
    Inside { link: Arc<Link>, id: SpanId, slot: Option<usize> },
    /// A span outside any request, which becomes a record of its own.
    Outside(Box<Outside>),
}

/// A span outside any request, in flight.
pub(super) struct Outside {
    /// Whose record it becomes.
    pub(super) hub: Arc<Hub>,
    pub(super) trace_id: TraceId,
    pub(super) trace_flags: TraceFlags,
    pub(super) id: SpanId,
    pub(super) start: Stopwatch,
    pub(super) start_unix_ns: u64,
    /// Taken while a user's `Debug` runs.
    pub(super) parts: Option<Box<Parts>>,
}

impl Mark {
    /// A span of a request that captures no detail: what happens inside it is the request's own.
    pub(super) fn of_request(link: Arc<Link>) -> Self {
        Self::Inside { id: link.span_id, link, slot: None }
    }

    pub(super) const fn link(&self) -> Option<&Arc<Link>> {
        match self {
            Self::Inside { link, .. } => Some(link),
            Self::Outside(_) => None,
        }
    }
}

/// What an event or a new span belongs to, where that is not the current exchange.
pub(super) enum Owner {
    Request { link: Arc<Link>, span: SpanId },
    Span { trace_id: TraceId, trace_flags: TraceFlags, span: SpanId },
    Nobody,
}

impl Owner {
    /// By the handle that the work carries and the nearest marked span of that request, else by the nearest marked span.
    pub(super) fn of(spans: &impl Spans, span: Option<Id>) -> Self {
        let guest = current::guest();
        let by_span = Self::of_span(spans, span);
        match (guest, by_span) {
            (Some(guest), Self::Request { link, span }) if Arc::ptr_eq(&guest, &link) => Self::Request { link, span },
            (Some(guest), _) => Self::Request { span: guest.span_id, link: guest },
            (None, by_span) => by_span,
        }
    }

    /// By what is entered on this thread.
    pub(super) fn of_thread() -> Self {
        on_thread(OfThread)
            .unwrap_or_else(|| current::guest().map_or(Self::Nobody, |link| Self::Request { span: link.span_id, link }))
    }

    /// The request.
    pub(super) fn link(&self) -> Option<&Link> {
        match self {
            Self::Request { link, .. } => Some(link),
            Self::Span { .. } | Self::Nobody => None,
        }
    }

    /// By the nearest marked span.
    pub(super) fn of_span(spans: &impl Spans, span: Option<Id>) -> Self {
        let owner = |mark: &Mark| match mark {
            Mark::Inside { link, id, .. } => Some(Self::Request { link: Arc::clone(link), span: *id }),
            Mark::Outside(outside) => {
                Some(Self::Span { trace_id: outside.trace_id, trace_flags: outside.trace_flags, span: outside.id })
            }
        };
        nearest(spans, span, owner).unwrap_or(Self::Nobody)
    }
}

/// The request that the spans entered on this thread belong to.
pub(super) fn link_of_thread() -> Option<Arc<Link>> {
    on_thread(LinkOfThread).flatten()
}

/// What the first mark that has it tells, from a span outwards.
fn nearest<R>(spans: &impl Spans, mut span: Option<Id>, tell: impl Fn(&Mark) -> Option<R>) -> Option<R> {
    while let Some(id) = span {
        if let Some(told) = spans.look(&id, &tell).flatten() {
            return Some(told);
        }
        span = spans.parent(&id);
    }
    None
}

/// A question to the spans of whoever listens to this thread.
trait Question {
    type Answer;

    fn ask(&self, spans: &impl Spans) -> Self::Answer;
}

struct OfThread;

impl Question for OfThread {
    type Answer = Owner;

    fn ask(&self, spans: &impl Spans) -> Owner {
        Owner::of(spans, spans.current())
    }
}

struct LinkOfThread;

impl Question for LinkOfThread {
    type Answer = Option<Arc<Link>>;

    fn ask(&self, spans: &impl Spans) -> Option<Arc<Link>> {
        nearest(spans, spans.current(), |mark| mark.link().cloned())
    }
}

fn on_thread<Q: Question>(question: Q) -> Option<Q::Answer> {
    dispatcher::get_default(|dispatch| {
        if let Some(solo) = dispatch.downcast_ref::<Solo>() {
            Some(question.ask(solo.spans()))
        } else {
            dispatch.downcast_ref::<Registry>().map(|registry| question.ask(registry))
        }
    })
}

/// Whoever keeps the spans, and our marks with them.
///
/// A mark may be under a lock while it is looked at: nothing of a user's may run then, nor anything that looks at another.
pub(super) trait Spans {
    /// Whether there is such a span, as far as we are told of it.
    fn has(&self, id: &Id) -> bool;

    fn parent(&self, id: &Id) -> Option<Id>;

    /// The innermost span that is entered on this thread.
    fn current(&self) -> Option<Id>;

    /// Looks at the mark of a span, where it has one.
    fn look<R>(&self, id: &Id, f: impl FnOnce(&Mark) -> R) -> Option<R>;

    /// The same, to change it.
    fn change<R>(&self, id: &Id, f: impl FnOnce(&mut Mark) -> R) -> Option<R>;

    /// Marks a span, unless another telemetry has done so.
    fn mark(&self, id: &Id, mark: Mark);

    /// Takes the mark away.
    fn unmark(&self, id: &Id) -> Option<Mark>;
}

/// A registry as one of its layers sees it.
impl<S: Subscriber + for<'a> LookupSpan<'a>> Spans for Context<'_, S> {
    fn has(&self, id: &Id) -> bool {
        self.exists(id)
    }

    fn parent(&self, id: &Id) -> Option<Id> {
        Some(self.span(id)?.parent()?.id())
    }

    fn current(&self) -> Option<Id> {
        Some(self.lookup_current()?.id())
    }

    fn look<R>(&self, id: &Id, f: impl FnOnce(&Mark) -> R) -> Option<R> {
        self.span(id)?.extensions().get::<Mark>().map(f)
    }

    fn change<R>(&self, id: &Id, f: impl FnOnce(&mut Mark) -> R) -> Option<R> {
        self.span(id)?.extensions_mut().get_mut::<Mark>().map(f)
    }

    fn mark(&self, id: &Id, mark: Mark) {
        let Some(span) = self.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if extensions.get_mut::<Mark>().is_none() {
            extensions.insert(mark);
        }
    }

    fn unmark(&self, id: &Id) -> Option<Mark> {
        self.span(id)?.extensions_mut().remove::<Mark>()
    }
}

/// The same as nobody in particular sees it.
impl Spans for Registry {
    fn has(&self, id: &Id) -> bool {
        self.span_data(id).is_some()
    }

    fn parent(&self, id: &Id) -> Option<Id> {
        Some(self.span(id)?.parent()?.id())
    }

    fn current(&self) -> Option<Id> {
        self.current_span().id().cloned()
    }

    fn look<R>(&self, id: &Id, f: impl FnOnce(&Mark) -> R) -> Option<R> {
        self.span(id)?.extensions().get::<Mark>().map(f)
    }

    fn change<R>(&self, id: &Id, f: impl FnOnce(&mut Mark) -> R) -> Option<R> {
        self.span(id)?.extensions_mut().get_mut::<Mark>().map(f)
    }

    fn mark(&self, _: &Id, _: Mark) {}

    fn unmark(&self, _: &Id) -> Option<Mark> {
        None
    }
}

/// A span that was opened while this exchange was in place, and has not closed.
#[inline]
pub(super) fn known(exchange: &Exchange, key: (usize, u64)) -> Option<OpenSpan> {
    exchange.parts.scratch.open.iter().rev().find(|open| open.key == key).copied()
}

/// The id of a span, if it belongs to this request.
pub(super) fn inside(spans: &impl Spans, id: &Id, link: &Arc<Link>) -> Option<SpanId> {
    let own = |mark: &Mark| match mark {
        Mark::Inside { link: of, id, .. } if Arc::ptr_eq(of, link) => Some(*id),
        _ => None,
    };
    spans.look(id, own).flatten()
}

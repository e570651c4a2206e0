//! Which request a tracing span belongs to: a mark in the span's extensions.

use std::sync::Arc;
use std::time::Instant;

use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::{Exchange, Hub, Link, current};
use crate::record::parts::{OpenSpan, Parts};
use crate::record::{SpanId, TraceFlags, TraceId};

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
    pub(super) hub: Arc<Hub>,
    pub(super) trace_id: TraceId,
    pub(super) trace_flags: TraceFlags,
    pub(super) id: SpanId,
    pub(super) start: Instant,
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
    pub(super) fn of<'a, S: LookupSpan<'a>>(span: Option<SpanRef<'a, S>>) -> Self {
        let guest = current::guest();
        let by_span = Self::of_span(span);
        match (guest, by_span) {
            (Some(guest), Self::Request { link, span }) if Arc::ptr_eq(&guest, &link) => Self::Request { link, span },
            (Some(guest), _) => Self::Request { span: guest.span_id, link: guest },
            (None, by_span) => by_span,
        }
    }

    /// The request.
    pub(super) fn link(&self) -> Option<&Link> {
        match self {
            Self::Request { link, .. } => Some(link),
            Self::Span { .. } | Self::Nobody => None,
        }
    }

    /// By the nearest marked span.
    pub(super) fn of_span<'a, S: LookupSpan<'a>>(span: Option<SpanRef<'a, S>>) -> Self {
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

/// Marks a span, unless another telemetry in the same registry has done so.
pub(super) fn put_mark<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, mark: Option<Mark>) {
    let Some(mark) = mark else { return };
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<Mark>().is_none() {
        extensions.insert(mark);
    }
}

/// A span that was opened while this exchange was in place, and has not closed.
pub(super) fn known(exchange: &Exchange, key: (usize, u64)) -> Option<OpenSpan> {
    exchange.parts.scratch.open.iter().rev().find(|open| open.key == key).copied()
}

/// The id of a span, if it belongs to this request.
pub(super) fn inside<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, link: &Arc<Link>) -> Option<SpanId> {
    match span.extensions().get::<Mark>() {
        Some(Mark::Inside { link: of, id, .. }) if Arc::ptr_eq(of, link) => Some(*id),
        _ => None,
    }
}

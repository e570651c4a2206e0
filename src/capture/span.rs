//! What a span does after it was opened: more fields, and its end.

use std::sync::Arc;

use tracing::span::{Id, Record as Values};

use super::mark::{Mark, Outside, Spans};
use super::visit::Fields;
use super::write::patch;
use super::{Link, current};
use crate::record::parts::{List, Parts, SpanSlot};
use crate::record::{Kind, Record, SpanId};

/// Fields that a span records later.
pub(super) fn add_fields(spans: &impl Spans, span: &Id, values: &Values<'_>) {
    // Nothing of a user runs while the mark is locked: a value's `Debug` may log, which needs it again.
    let found = spans.change(span, |mark| match mark {
        Mark::Inside { link, id, slot } => Ok((Arc::clone(link), *id, *slot)),
        Mark::Outside(outside) => Err(outside.parts.take()),
    });
    let (link, id, slot) = match found {
        Some(Ok(inside)) => inside,
        Some(Err(taken)) => return add_outside(spans, span, taken, values),
        None => return,
    };
    if id == link.span_id {
        return;
    }
    let done = current::with(|exchange| {
        let is_here = Arc::ptr_eq(&exchange.link, &link);
        if is_here && let Some(at) = slot {
            let parts = &mut exchange.parts;
            let Some(at) = parts.span_at(at, id) else { return true };
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

fn add_outside(spans: &impl Spans, span: &Id, parts: Option<Box<Parts>>, values: &Values<'_>) {
    let Some(mut parts) = parts else { return };
    let list = parts.spans.first().map(|span| span.fields).unwrap_or_default();
    let mut fields = Fields::of_span(&mut parts, list);
    values.record(&mut fields);
    let (list, _) = fields.done();
    if let Some(span) = parts.spans.first_mut() {
        span.fields = list;
    }
    spans.change(span, |mark| {
        if let Mark::Outside(outside) = mark {
            outside.parts = Some(parts);
        }
    });
}

/// The end of a span inside a request.
pub(super) fn close_inside(link: &Arc<Link>, id: SpanId, slot: Option<usize>) {
    let now_ns = link.now_ns();
    let done = current::with(|exchange| {
        let Some(at) = slot.filter(|_| Arc::ptr_eq(&exchange.link, link)) else { return false };
        let parts = &mut exchange.parts;
        if let Some(span) = parts.span_at(at, id).and_then(|at| parts.spans.get_mut(at)) {
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

/// The end of a span outside any request: its record is finished.
pub(super) fn close_outside(outside: Outside) {
    let Some(mut parts) = outside.parts else { return };
    let duration_ns = outside.start.ns();
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

//! Spans and events become parts of a record.

use tracing::span::Attributes;
use tracing::{Event, Level, Metadata};

use super::Link;
use super::failure::push_text;
use super::visit::Fields;
use crate::random;
use crate::record::parts::{EventSlot, List, MAX_FIELD_BYTES, OPEN, Origin, Parts, Slot, SpanSlot, Text};
use crate::record::{FailureKind, Kind, Record, SpanId, SpanKind};

pub(super) fn push_span(parts: &mut Parts, attributes: &Attributes<'_>, parent: SpanId, now_ns: u64) -> Option<SpanId> {
    // Asked first: what is left out must not leave its fields behind.
    if !parts.admits_span() {
        return None;
    }
    let id = random::span_id();
    let mut fields = Fields::of_span(parts, List::default());
    attributes.record(&mut fields);
    let (fields, _) = fields.done();
    let span = SpanSlot {
        id,
        parent,
        origin: Origin::from(attributes.metadata()),
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: now_ns,
        end_ns: OPEN,
        fields,
    };
    parts.push_span(span).then_some(id)
}

/// Appends an event; false when there was no room. `log` says where a record of the `log` crate really comes from.
pub(super) fn push_event(
    parts: &mut Parts,
    event: &Event<'_>,
    log: Option<&Metadata<'_>>,
    at: (SpanId, u64),
    shown: bool,
) -> bool {
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
pub(super) fn reject(parts: &mut Parts, at: (SpanId, u64)) {
    let Some(event) = parts.events.last().copied() else { return };
    let field = |name: &str| {
        let slot = parts.list(event.fields).find(|field| parts.str(field.name) == name)?;
        match slot.value {
            Slot::Text(text) => Some(text),
            _ => None,
        }
    };
    if let Some(type_name) = field("rejection_type") {
        let body = field("body").unwrap_or_default();
        push_text(parts, FailureKind::Rejection, at, type_name, body);
    }
}

/// Sends a copy of the last event ahead.
pub(super) fn show(link: &Link, parts: &Parts) {
    let Some(event) = parts.events.last() else { return };
    let mut copy = link.hub.pipeline.parts();
    copy.append_event(parts, event);
    link.stamp(&mut copy, Kind::Live);
    link.hub.pipeline.offer(Record::new(copy));
}

/// What completes a span that lies elsewhere; see [`Parts::append`](crate::record::parts::Parts::append).
pub(super) fn patch(id: SpanId) -> SpanSlot {
    let origin = Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: Level::INFO };
    SpanSlot {
        id,
        parent: SpanId::INVALID,
        origin,
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: 0,
        end_ns: OPEN,
        fields: List::default(),
    }
}

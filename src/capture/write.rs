//! Spans and events become parts of a record.

use std::thread;

use tracing::span::Attributes;
use tracing::{Event, Level, Metadata};

use super::event::Heard;
use super::visit::Fields;
use super::{Hub, Link};
use crate::random;
use crate::record::parts::{EventSlot, FailureSlot, List, MAX_FIELD_BYTES, OPEN, Origin, Parts, Slot, SpanSlot, Text};
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
    parts.spans.push(span);
    Some(id)
}

/// Appends an event; false when there was no room.
#[inline(always)]
pub(super) fn push_event(parts: &mut Parts, heard: &Heard<'_>, at: (SpanId, u64)) -> bool {
    if !parts.admits_event() {
        return false;
    }
    let Heard { event, log, shown, .. } = *heard;
    let mut fields = Fields::of_event(parts, log.is_some());
    if *event.metadata().level() == Level::ERROR {
        fields = fields.failing(at, event.metadata());
    }
    event.record(&mut fields);
    let (fields, message) = fields.done();
    let origin = match log {
        None => Origin::from(event.metadata()),
        Some(log) => origin_of_log(parts, log),
    };
    parts.events.push(EventSlot { time_ns: at.1, span: at.0, origin, message, fields, shown });
    true
}

/// Where a record of the `log` crate comes from.
#[inline(never)]
fn origin_of_log(parts: &mut Parts, log: &Metadata<'_>) -> Origin {
    Origin {
        name: Text::Static("log"),
        target: parts.push_text(log.target(), MAX_FIELD_BYTES),
        file: parts.push_text(log.file().unwrap_or_default(), MAX_FIELD_BYTES),
        line: log.line().unwrap_or_default(),
        level: *log.level(),
    }
}

/// Whether the last event, of ERROR, only says in a text what a panic of this record says: the layer that caught it did so.
pub(super) fn repeats_panic(parts: &mut Parts, event: &Event<'_>) -> bool {
    // tower-http's `CatchPanic`.
    if event.metadata().target() != "tower_http::catch_panic" {
        return false;
    }
    let Some((time_ns, message)) = parts.events.last().map(|event| (event.time_ns, event.message)) else { return false };
    let says =
        |failure: &FailureSlot| failure.kind == FailureKind::Panic && parts.str(message).ends_with(parts.str(failure.message));
    let Some(at) = parts.failures.iter().rposition(says) else { return false };
    if let Some(failure) = parts.failures.get_mut(at) {
        failure.event_ns = failure.event_ns.or(Some(time_ns));
    }
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
        let slot = FailureSlot { type_name, message: body, ..FailureSlot::new(FailureKind::Rejection, at) };
        parts.push_failure(FailureSlot { event_ns: Some(at.1), ..slot });
    }
}

/// Leaves the last event out of what is shown at once.
pub(super) fn unshow(parts: &mut Parts) {
    if let Some(event) = parts.events.last_mut() {
        event.shown = false;
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

/// The event that a failure is which belongs to no request that could hold it.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, exceptions: `exception`, of severity ERROR.
pub(super) fn tell_failure(parts: &mut Parts, hub: &Hub) {
    let Some(failure) = parts.failures.first().copied().filter(|_| parts.events.is_empty()) else { return };
    let target = if failure.kind == FailureKind::Panic { "campanile::panic" } else { "campanile::failure" };
    let mut fields = List::default();
    if failure.kind == FailureKind::Panic
        && let Some(name) = thread::current().name()
    {
        let name = parts.push_text(name, MAX_FIELD_BYTES);
        parts.push_field(&mut fields, Text::Static("thread.name"), Slot::Text(name));
    }
    let (name, target, level) = (Text::Static("exception"), Text::Static(target), Level::ERROR);
    let shown = hub.pipeline.wants_live() && hub.scope().shows(parts.str(target), level);
    let origin = Origin { name, target, file: failure.file, line: failure.line, level };
    let (time_ns, span, message) = (failure.time_ns, failure.span, failure.message);
    parts.events.push(EventSlot { time_ns, span, origin, message, fields, shown });
    if let Some(failure) = parts.failures.first_mut() {
        failure.event_ns = Some(time_ns);
    }
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

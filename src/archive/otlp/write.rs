//! A record becomes lines.

use serde_json::{Map, Value as Json, json};
use tracing::Level;

use super::keys::{FAILURE_ALONE, LEVEL, OPEN, TOP, TRAILER};
use super::own;
use crate::escape::visible_json;
use crate::record::{Event, Failure, Kind, Record, Resource, Span, SpanId, SpanKind, severity_number};
use crate::remote::otlp::told::{self, List, Told};

/// Flags of a span beyond those of the trace context.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;
/// `StatusCode`.
const ERROR: u32 = 2;

/// One line of its spans and one of its log records, where it has any.
pub(in crate::archive) fn lines(record: &Record, resource: &Resource) -> Vec<String> {
    let mut own = Some(own::attribute(record));
    let mut spans = Vec::new();
    if record.kind() == Kind::Request {
        spans.push(request(record, own.take()));
    }
    for span in record.spans() {
        spans.push(child(record, &span, own.take()));
    }
    // Each of several late events is a record of its own to whoever reads them.
    let mut next = || own.take().or_else(|| (record.kind() == Kind::Event).then(|| own::of_event(record)));
    let mut logs: Vec<Json> = record.events().map(|told| event(record, &told, next())).collect();
    for untold in untold(record) {
        logs.push(failure(record, &untold, own.take()));
    }
    if let Some(own) = own {
        // Nothing stands in it, and yet it is a record.
        logs.push(log(record, record.start_unix_ns(), None, Level::INFO, vec![own]).into());
    }
    let mut out = Vec::with_capacity(2);
    if !spans.is_empty() {
        let scope = json!({ "scope": scope(), "spans": spans, "schemaUrl": told::SCHEMA_URL });
        out.push(around("resourceSpans", "scopeSpans", resource, scope));
    }
    if !logs.is_empty() {
        let scope = json!({ "scope": scope(), "logRecords": logs, "schemaUrl": told::SCHEMA_URL });
        out.push(around("resourceLogs", "scopeLogs", resource, scope));
    }
    out
}

fn around(signal: &str, scopes: &str, resource: &Resource, scope: Json) -> String {
    let attributes: Vec<Json> = told::resource(resource).map(|(key, value)| key_value(&key, any(value))).collect();
    let of_resource = json!({ "resource": { "attributes": attributes }, scopes: [scope], "schemaUrl": told::SCHEMA_URL });
    visible_json(&json!({ signal: [of_resource] }).to_string())
}

fn scope() -> Json {
    json!({ "name": "campanile", "version": env!("CARGO_PKG_VERSION") })
}

fn request(record: &Record, own: Option<Json>) -> Json {
    let remote = if record.parent_is_remote() && record.parent_span_id().is_some() { IS_REMOTE } else { 0 };
    let flags = u32::from(record.trace_flags().0) | HAS_IS_REMOTE | remote;
    let ids = (record.span_id(), record.parent_span_id(), flags);
    let times = (record.start_unix_ns(), record.end_unix_ns());
    let List { attributes, dropped } = told::whole_request(record);
    let mut attributes = pairs(attributes);
    attributes.extend(trailers(record));
    attributes.extend(own);
    let mut span = span(record, ids, &told::name(record), SpanKind::Server, times, attributes);
    count(&mut span, "droppedAttributesCount", dropped);
    count(&mut span, "droppedEventsCount", record.dropped().events);
    if let Some((trace_id, span_id, flags)) = record.linked_span() {
        let flags = u32::from(flags.0) | HAS_IS_REMOTE | IS_REMOTE;
        let link = json!({ "traceId": trace_id.to_string(), "spanId": span_id.to_string(), "flags": flags });
        span.insert("links".to_owned(), json!([link]));
    }
    if record.is_failed() {
        span.insert("status".to_owned(), json!({ "code": ERROR }));
    }
    span.into()
}

fn child(record: &Record, child: &Span<'_>, own: Option<Json>) -> Json {
    let around = (record.kind() == Kind::Request).then(|| record.span_id());
    let flags = u32::from(record.trace_flags().0) | HAS_IS_REMOTE;
    let ids = (child.id(), child.parent_id().or(around), flags);
    let start = record.start_unix_ns();
    let times = (start.saturating_add(child.start_ns()), start.saturating_add(child.end_ns()));
    let List { attributes, dropped } = told::child(child);
    let mut attributes = pairs(attributes);
    attributes.push(key_value(LEVEL, text(child.level().as_str())));
    if !child.is_finished() {
        attributes.push(key_value(OPEN, truth()));
    }
    if child.parent_id().is_none() && around.is_some() {
        attributes.push(key_value(TOP, truth()));
    }
    attributes.extend(own);
    let mut span = span(record, ids, child.name(), child.kind(), times, attributes);
    count(&mut span, "droppedAttributesCount", dropped);
    if child.error_type().is_some() {
        span.insert("status".to_owned(), json!({ "code": ERROR }));
    }
    span.into()
}

fn span(
    record: &Record,
    (id, parent, flags): (SpanId, Option<SpanId>, u32),
    name: &str,
    kind: SpanKind,
    times: (u64, u64),
    attributes: Vec<Json>,
) -> Map<String, Json> {
    let mut span = Map::from_iter([
        ("traceId".to_owned(), told::trace_id(record).to_string().into()),
        ("spanId".to_owned(), id.to_string().into()),
        ("name".to_owned(), name.into()),
        ("kind".to_owned(), kind.number().into()),
        ("startTimeUnixNano".to_owned(), times.0.to_string().into()),
        ("endTimeUnixNano".to_owned(), times.1.to_string().into()),
        ("flags".to_owned(), flags.into()),
        ("attributes".to_owned(), attributes.into()),
    ]);
    if let Some(parent) = parent {
        span.insert("parentSpanId".to_owned(), parent.to_string().into());
    }
    if !record.trace_state().is_empty() {
        span.insert("traceState".to_owned(), record.trace_state().into());
    }
    span
}

fn event(record: &Record, event: &Event<'_>, own: Option<Json>) -> Json {
    let (name, List { attributes, dropped }) = told::event(record, event);
    let mut attributes = pairs(attributes);
    if event.span_id().is_none() && record.span_id().is_valid() {
        attributes.push(key_value(TOP, truth()));
    }
    attributes.extend(own);
    let mut log = log(record, event.unix_ns(), event.span_id(), event.level(), attributes);
    count(&mut log, "droppedAttributesCount", dropped);
    named(log, name, event.message())
}

/// The exceptions that no event tells of.
fn untold(record: &Record) -> impl Iterator<Item = Failure<'_>> {
    let is_told = |failure: &Failure<'_>| {
        record.events().filter(|event| event.level() == Level::ERROR).any(|event| failure.is_told_by(&event))
    };
    record.exceptions().filter(move |failure| !is_told(failure))
}

fn failure(record: &Record, failure: &Failure<'_>, own: Option<Json>) -> Json {
    let List { attributes, dropped } = told::failure(record, failure);
    let mut attributes = pairs(attributes);
    attributes.push(key_value(FAILURE_ALONE, truth()));
    attributes.extend(own);
    let unix_ns = record.start_unix_ns().saturating_add(failure.time_ns());
    let mut log = log(record, unix_ns, failure.span_id(), Level::ERROR, attributes);
    count(&mut log, "droppedAttributesCount", dropped);
    named(log, told::EXCEPTION, failure.message())
}

fn named(mut log: Map<String, Json>, name: &str, message: &str) -> Json {
    if !name.is_empty() {
        log.insert("eventName".to_owned(), name.into());
    }
    if !message.is_empty() {
        log.insert("body".to_owned(), text(message));
    }
    log.into()
}

fn log(record: &Record, unix_ns: u64, span: Option<SpanId>, level: Level, attributes: Vec<Json>) -> Map<String, Json> {
    let mut log = Map::from_iter([
        ("timeUnixNano".to_owned(), unix_ns.to_string().into()),
        ("observedTimeUnixNano".to_owned(), unix_ns.to_string().into()),
        ("severityNumber".to_owned(), severity_number(level).into()),
        ("severityText".to_owned(), level.as_str().into()),
        ("attributes".to_owned(), attributes.into()),
    ]);
    if let Some(trace) = record.trace_id() {
        log.insert("traceId".to_owned(), trace.to_string().into());
        log.insert("flags".to_owned(), u32::from(record.trace_flags().0).into());
    }
    let around = Some(record.span_id()).filter(|id| id.is_valid());
    if let Some(span) = span.or(around) {
        log.insert("spanId".to_owned(), span.to_string().into());
    }
    log
}

/// Trailers whose value was kept, each name once with all its values.
fn trailers(record: &Record) -> Vec<Json> {
    let kept: Vec<_> = record.trailers().filter_map(|trailer| Some((trailer.name(), trailer.value()?))).collect();
    let is_first = |at: usize, name: &str| !kept.iter().take(at).any(|(earlier, _)| *earlier == name);
    let names = kept.iter().enumerate().filter(|(at, (name, _))| is_first(*at, name)).map(|(_, (name, _))| *name);
    let values =
        |name: &str| Told::Texts(kept.iter().filter(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()).collect());
    names.map(|name| key_value(&format!("{TRAILER}{name}"), any(values(name)))).collect()
}

fn count(to: &mut Map<String, Json>, key: &str, count: u32) {
    if count > 0 {
        to.insert(key.to_owned(), count.into());
    }
}

fn pairs(attributes: Vec<(String, Told)>) -> Vec<Json> {
    attributes.into_iter().map(|(key, value)| key_value(&key, any(value))).collect()
}

pub(super) fn key_value(key: &str, value: Json) -> Json {
    json!({ "key": key, "value": value })
}

pub(super) fn text(text: &str) -> Json {
    json!({ "stringValue": text })
}

pub(super) fn truth() -> Json {
    json!({ "boolValue": true })
}

/// A number of 64 bits is text; what is beyond `i64` has no other form.
pub(super) fn integer(number: u64) -> Json {
    match i64::try_from(number) {
        Ok(number) => json!({ "intValue": number.to_string() }),
        Err(_) => text(&number.to_string()),
    }
}

pub(super) fn float(number: f64) -> Json {
    match number {
        number if number.is_finite() => json!({ "doubleValue": number }),
        // As JSON of protobuf has it.
        number if number.is_nan() => json!({ "doubleValue": "NaN" }),
        number if number > 0.0 => json!({ "doubleValue": "Infinity" }),
        _ => json!({ "doubleValue": "-Infinity" }),
    }
}

pub(super) fn any(told: Told) -> Json {
    match told {
        Told::Bool(value) => json!({ "boolValue": value }),
        Told::Integer(value) => json!({ "intValue": value.to_string() }),
        Told::Float(value) => float(value),
        Told::Text(value) => json!({ "stringValue": value }),
        Told::Texts(values) => list(values.iter().map(|value| text(value))),
    }
}

pub(super) fn list(values: impl Iterator<Item = Json>) -> Json {
    json!({ "arrayValue": { "values": values.collect::<Vec<_>>() } })
}

pub(super) fn map(pairs: Vec<Json>) -> Json {
    json!({ "kvlistValue": { "values": pairs } })
}

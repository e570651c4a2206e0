//! A record as a row of the list.

use serde_json::{Map, Value as Json, json};

use super::json::{ms, value};
use crate::record::{Event, FailureKind, Field, Kind, Record};
use crate::store::{Stored, turns};

/// Attributes of a row.
const MAX_FIELDS: usize = 4;
/// A longer text is cut in a row, in characters.
const MAX_TEXT: usize = 300;
/// The attribute that has a place of its own.
const USER: &str = "user.id";

/// What the list shows of it.
pub(super) fn row(stored: &Stored) -> Map<String, Json> {
    turns::take();
    let (record, resource) = (stored.record(), stored.resource());
    let first = record.events().next().filter(|_| record.kind() == Kind::Event);
    let span = record.spans().next().filter(|_| record.kind() == Kind::Span);
    let pairs = [
        ("id", json!(record.span_id().to_string())),
        ("short", json!(record.span_id().to_short().to_string())),
        ("request_id", text(record.request_id())),
        ("trace_id", json!(record.trace_id().map(|id| id.to_string()))),
        ("kind", json!(kind(record))),
        ("at_ms", ms(record.start_unix_ns())),
        ("ms", ms(record.duration_ns())),
        ("ttfb_ms", record.time_to_first_byte_ns().map_or(Json::Null, ms)),
        ("method", text(record.method())),
        ("path", text(record.path())),
        ("query", json!(record.query().map(cut))),
        ("route", json!(record.route())),
        ("status", json!(record.status())),
        ("grpc", json!(record.rpc_status().map(crate::record::rpc_code))),
        ("outcome", if record.kind() == Kind::Request { json!(record.outcome().as_str()) } else { Json::Null }),
        ("failed", json!(record.is_failed())),
        ("class", json!(record.error_class().map(|class| class.as_str()))),
        ("level", json!(level(record))),
        ("error", error(record)),
        ("message", json!(first.map(|event| cut(event.message())).or_else(|| span.map(|span| cut(span.name()))))),
        ("group", json!(record.group().map(|group| group.to_string()))),
        ("user", record.attribute(USER).map_or(Json::Null, value)),
        ("request_bytes", json!(record.request_body_bytes())),
        ("response_bytes", json!(record.status().map(|_| record.response_body_bytes()))),
        ("service", json!(resource.attribute("service.name"))),
        ("release", json!(resource.attribute("service.version"))),
        ("instance", json!(resource.attribute("service.instance.id"))),
        ("fields", fields(record, first)),
        ("partial", json!(record.kind() == Kind::Partial)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The word of its kind.
pub(super) fn kind(record: &Record) -> &'static str {
    match record.kind() {
        Kind::Request => "request",
        Kind::Event | Kind::Live => "event",
        Kind::Span => "span",
        Kind::Partial => "partial",
    }
}

/// The start of a text.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub(super) fn text(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { json!(text) }
}

/// The highest level of its events, as a word.
fn level(record: &Record) -> Option<&'static str> {
    // An error is the least of the levels.
    record.events().map(|event| event.level()).min().map(|level| level.as_str())
}

fn error(record: &Record) -> Json {
    let failure = record.failure();
    if failure.is_none() && !record.is_failed() {
        return Json::Null;
    }
    let is_panic = failure.is_some_and(|failure| failure.kind() == FailureKind::Panic);
    let name = failure.and_then(|failure| failure.type_name()).or(is_panic.then_some("panic")).or_else(|| record.error_type());
    json!({ "type": name, "message": failure.map(|failure| cut(failure.message())) })
}

fn fields(record: &Record, event: Option<Event<'_>>) -> Json {
    let one = |field: Field<'_>| {
        let value = match value(field.value()) {
            Json::String(text) => json!(cut(&text)),
            value => value,
        };
        json!([field.name(), value])
    };
    let others = record.attributes().filter(|field| field.name() != USER).map(one);
    let of_event = event.into_iter().flat_map(|event| event.fields()).map(one);
    others.chain(of_event).take(MAX_FIELDS).collect()
}

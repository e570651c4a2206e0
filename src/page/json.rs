//! A whole record as one JSON object: its line, and everything inside it.

use crate::escape::visible_json;
use crate::exporter::Schema;
use crate::record::{Body, Event, Failure, Field, Header, Kept, Redaction, Span, Value, Vitals};
use crate::store::Stored;
use serde_json::{Map, Value as Json, json};

/// Everything that a record holds, as one JSON object in a line.
#[must_use]
pub fn json(stored: &Stored) -> String {
    let mut line = visible_json(&Json::Object(object(stored)).to_string());
    line.push('\n');
    line
}

fn object(stored: &Stored) -> Map<String, Json> {
    let (record, mut line) = (stored.record(), String::new());
    Schema::Otel.write_line(&mut line, record, stored.resource());
    let mut all: Map<String, Json> = serde_json::from_str(&line).unwrap_or_default();
    let dropped = record.dropped();
    let parts = [
        ("attributes", fields(record.attributes())),
        ("request_headers", headers(record.request_headers())),
        ("response_headers", headers(record.response_headers())),
        ("trailers", headers(record.trailers())),
        ("request_body", record.request_body().map_or(Json::Null, body)),
        ("response_body", record.response_body().map_or(Json::Null, body)),
        ("in_flight", json!(record.in_flight())),
        ("in_flight_on_route", json!(record.in_flight_on_route())),
        ("vitals", record.vitals().map_or(Json::Null, vitals)),
        ("spans", record.spans().map(span).collect()),
        ("events", record.events().map(event).collect()),
        ("failures", record.failures().map(failure).collect()),
        ("redactions", record.redactions().map(redaction).collect()),
        (
            "dropped",
            json!({
                "headers": dropped.headers, "fields": dropped.fields, "spans": dropped.spans, "events": dropped.events,
                "failures": dropped.failures, "thinned": dropped.thinned,
            }),
        ),
        ("kept", json!(record.kept().map(Kept::as_str))),
        ("weight", json!(record.weight())),
        ("group_key", text(record.group_key().unwrap_or_default())),
        ("trace_state", text(record.trace_state())),
        ("request_id_source", json!(record.request_id_source().as_str())),
        ("sequence", json!(record.sequence())),
    ];
    all.extend(parts.map(|(name, value)| (format!("campanile.record.{name}"), value)));
    if let Some(report) = record.report() {
        all.insert("campanile.record.report".to_owned(), json!(report));
    }
    all
}

fn body(body: Body<'_>) -> Json {
    json!({
        "content": body.content(),
        "kept_bytes": body.kept_bytes(),
        "seen_bytes": body.seen_bytes(),
        "truncated": body.is_truncated(),
        "skipped": body.skipped(),
    })
}

fn vitals(vitals: Vitals) -> Json {
    json!({
        "unix_ns": vitals.unix_ns,
        "memory_bytes": vitals.memory_bytes,
        "open_files": vitals.open_files,
        "cpu_ratio": vitals.cpu_ratio,
        "runtime_lag_ns": vitals.runtime_lag_ns,
        "runtime_busy_ratio": vitals.runtime_busy_ratio,
        "runtime_tasks": vitals.runtime_tasks,
    })
}

fn span(span: Span<'_>) -> Json {
    json!({
        "span_id": span.id().to_string(),
        "parent_span_id": span.parent_id().map(|id| id.to_string()),
        "name": span.name(),
        "kind": span.kind().as_str(),
        "error_type": span.error_type(),
        "target": span.target(),
        "level": span.level().as_str(),
        "file": span.file(),
        "line": span.line(),
        "start_ns": span.start_ns(),
        "end_ns": span.end_ns(),
        "finished": span.is_finished(),
        "fields": fields(span.fields()),
    })
}

fn event(event: Event<'_>) -> Json {
    json!({
        "time_ns": event.time_ns(),
        "span_id": event.span_id().map(|id| id.to_string()),
        "name": event.name(),
        "level": event.level().as_str(),
        "target": event.target(),
        "file": event.file(),
        "line": event.line(),
        "message": event.message(),
        "fields": fields(event.fields()),
    })
}

fn failure(failure: Failure<'_>) -> Json {
    let causes = failure.causes().map(|cause| json!({ "type": cause.type_name(), "message": cause.message() }));
    json!({
        "kind": failure.kind().as_str(),
        "type": failure.type_name(),
        "message": failure.message(),
        "time_ns": failure.time_ns(),
        "span_id": failure.span_id().map(|id| id.to_string()),
        "file": failure.file(),
        "line": failure.line(),
        "backtrace": failure.backtrace(),
        "spans": failure.spans().map(|span| span.id().to_string()).collect::<Json>(),
        "causes": causes.collect::<Json>(),
    })
}

fn redaction(redaction: Redaction<'_>) -> Json {
    json!({
        "place": redaction.place(),
        "key": redaction.key(),
        "reason": redaction.rule(),
        "len_bytes": redaction.len_bytes(),
        "hash": redaction.hash().map(|hash| format!("{hash:08x}")),
    })
}

/// An array, since a name may come twice; a value that was not taken is null beside its length.
fn headers<'a>(headers: impl Iterator<Item = Header<'a>>) -> Json {
    headers.map(|header| json!({ "name": header.name(), "value": header.value(), "len_bytes": header.len_bytes() })).collect()
}

/// An array for the same reason.
fn fields<'a>(fields: impl Iterator<Item = Field<'a>>) -> Json {
    fields.map(|field| json!({ "name": field.name(), "value": value(field.value()) })).collect()
}

fn value(value: Value<'_>) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::I64(value) => json!(value),
        Value::U64(value) => json!(value),
        Value::F64(number) if number.is_finite() => json!(number),
        Value::F64(number) => json!(number.to_string()),
        Value::Str(text) => json!(text),
    }
}

fn text(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { json!(text) }
}

//! Everything that a record holds, for its own page.

use serde_json::{Map, Value as Json, json};

use super::json::{fields, ms, vitals};
use super::rows::{row, text};
use super::source::Sources;
use crate::record::{Body, Event, Failure, Frame, Header, Kept, Record, Redaction, Resource, Span, SpanKind};
use crate::store::Stored;

/// Backtraces beyond so many frames are cut.
const MAX_FRAMES: usize = 200;
/// Frames whose source is shown.
const MAX_SOURCES: usize = 12;

/// The record as the page shows it.
pub(super) fn record(stored: &Stored, sources: &Sources) -> Map<String, Json> {
    let record = stored.record();
    let mut all = row(stored);
    let main = record.failure();
    let is_main = |failure: &Failure<'_>| {
        main.is_some_and(|main| {
            (main.kind(), main.time_ns(), main.message()) == (failure.kind(), failure.time_ns(), failure.message())
        })
    };
    let mut others: Vec<_> = record.failures().collect();
    if let Some(at) = others.iter().position(is_main) {
        others.remove(at);
    }
    let error = match main {
        Some(main) => failure(&main, record, sources),
        None => all.get("error").cloned().unwrap_or_default(),
    };
    let link = record.linked_span().map(|(trace, span, _)| json!({ "trace_id": trace.to_string(), "span_id": span.to_string() }));
    let parts = [
        ("query", json!(record.query())),
        ("host", json!(record.host())),
        ("port", json!(record.port())),
        ("scheme", text(record.scheme())),
        ("protocol", text(record.protocol_version())),
        ("peer", json!(record.peer().map(|peer| peer.to_string()))),
        ("client", json!(record.client_address().map(|client| client.to_string()))),
        ("probe", json!(record.probe())),
        ("user_agent", json!(record.user_agent())),
        ("parent_id", json!(record.parent_span_id().map(|id| id.to_string()))),
        ("link", json!(link)),
        ("trace_state", text(record.trace_state())),
        ("sampled", json!(record.trace_flags().is_sampled())),
        ("request_id_source", text(record.request_id_source().as_str())),
        ("inbound_request_id", json!(record.inbound_request_id())),
        ("kept", json!(record.kept().map(Kept::as_str))),
        ("weight", json!(record.weight())),
        ("in_flight", json!(record.in_flight())),
        ("in_flight_on_route", json!(record.in_flight_on_route())),
        ("vitals", record.vitals().map_or(Json::Null, vitals)),
        ("head_ms", record.head_ns().map_or(Json::Null, ms)),
        ("group_key", json!(record.group_key())),
        ("messages", json!([record.rpc_request_messages(), record.rpc_response_messages()])),
        ("error", error),
        ("errors", others.iter().map(|other| failure(other, record, sources)).collect()),
        (
            "request",
            json!({
                "headers": headers(record.request_headers(), record),
                "body": record.request_body().map(|it| body(it, named(record.request_headers()))),
                "bytes": record.request_body_bytes(),
            }),
        ),
        (
            "response",
            json!({
                "headers": headers(record.response_headers(), record),
                "trailers": headers(record.trailers(), record),
                "body": record.response_body().map(|it| body(it, named(record.response_headers()))),
                "bytes": record.status().map(|_| record.response_body_bytes()),
            }),
        ),
        ("spans", record.spans().map(span).collect()),
        ("events", record.events().map(event).collect()),
        ("attributes", fields(record.attributes())),
        ("resource", resource(stored.resource())),
        ("redactions", record.redactions().map(redaction).collect()),
        ("dropped", dropped(record)),
    ];
    all.extend(parts.map(|(name, value)| (name.to_owned(), value)));
    all
}

fn failure(failure: &Failure<'_>, record: &Record, sources: &Sources) -> Json {
    let mut left = MAX_SOURCES;
    let mut shown = |frame: Frame<'_>| {
        let is_own = frame.is_own();
        let with_source = (is_own && left > 0).then(|| sources.find(frame.file()?)).flatten();
        left -= usize::from(with_source.is_some());
        json!({
            "function": frame.function(),
            "crate": frame.crate_name(),
            "file": frame.file(),
            "line": frame.line(),
            "column": frame.column(),
            "own": is_own,
            "source": with_source.as_ref().zip(frame.line()).map(|(found, line)| found.around(line)),
            "path": with_source.as_ref().map(|found| found.path.display().to_string()),
            "changed": with_source.is_some_and(|found| found.changed_unix_ns.is_some_and(|at| at > record.start_unix_ns())),
        })
    };
    let frames: Vec<Json> = failure.frames().take(MAX_FRAMES).map(&mut shown).collect();
    let place = failure.file().map(|file| {
        let found = sources.find(file);
        json!({
            "file": file,
            "line": failure.line(),
            "column": null,
            "source": found.as_ref().zip(failure.line()).map(|(found, line)| found.around(line)),
            "path": found.as_ref().map(|found| found.path.display().to_string()),
            "changed": found.is_some_and(|found| found.changed_unix_ns.is_some_and(|at| at > record.start_unix_ns())),
        })
    });
    let causes = failure.causes().map(|cause| json!({ "type": cause.type_name(), "message": cause.message() }));
    json!({
        "kind": failure.kind().as_str(),
        "type": failure.type_name(),
        "message": failure.message(),
        "causes": causes.collect::<Json>(),
        "place": place,
        "at_ms": ms(failure.time_ns()),
        "span": failure.span_id().map(|id| id.to_string()),
        "spans": failure.spans().map(|span| json!({ "name": span.name(), "fields": fields(span.fields()) })).collect::<Json>(),
        "backtrace": frames,
        // A text that is no backtrace of the standard library has no frames.
        "backtrace_text": failure.backtrace().filter(|_| failure.frames().next().is_none()),
    })
}

/// Names, values, and why a value is not here.
fn headers<'a>(headers: impl Iterator<Item = Header<'a>>, record: &Record) -> Json {
    let one = |header: Header<'a>| {
        let note = header.value().is_none().then(|| {
            let known = record.redactions().find(|redaction| {
                redaction.place() == Redaction::HEADER
                    && redaction.key() == Some(header.name())
                    && redaction.len_bytes() == header.len_bytes()
            });
            match known {
                Some(redaction) => format!("{} B: {}{}", redaction.len_bytes(), redaction.rule(), hash(redaction)),
                None => format!("{} B", header.len_bytes()),
            }
        });
        json!([header.name(), header.value(), note])
    };
    headers.map(one).collect()
}

fn hash(redaction: Redaction<'_>) -> String {
    redaction.hash().map(|hash| format!(" #{hash:08x}")).unwrap_or_default()
}

/// The content type that headers tell.
fn named<'a>(mut headers: impl Iterator<Item = Header<'a>>) -> Option<&'a str> {
    headers.find(|header| header.name() == "content-type").and_then(|header| header.value())
}

fn body(body: Body<'_>, content_type: Option<&str>) -> Json {
    let is_lossy = body.content().contains(char::REPLACEMENT_CHARACTER);
    json!({
        "text": body.content(),
        "content_type": content_type,
        "kept_bytes": body.kept_bytes(),
        "seen_bytes": body.seen_bytes(),
        "truncated": body.is_truncated(),
        "skipped": body.skipped(),
        "encoding": if is_lossy { "lossy" } else { "utf-8" },
    })
}

fn span(span: Span<'_>) -> Json {
    let named = |name: &str| span.field(name).map(|value| value.to_string());
    json!({
        "id": span.id().to_string(),
        "parent": span.parent_id().map(|id| id.to_string()),
        "name": span.name(),
        "target": span.target(),
        "level": span.level().as_str(),
        "file": span.file(),
        "line": span.line(),
        "start_ms": ms(span.start_ns()),
        "ms": ms(span.duration_ns()),
        "finished": span.is_finished(),
        "fields": fields(span.fields()),
        "is_client": span.kind() == SpanKind::Client,
        "error_type": span.error_type(),
        "status": named("http.response.status_code").or_else(|| named("rpc.response.status_code")),
        "method": named("http.request.method_original").or_else(|| named("http.request.method")),
        "url": named("url.full"),
        "address": named("server.address"),
    })
}

fn event(event: Event<'_>) -> Json {
    json!({
        "at_ms": ms(event.time_ns()),
        "level": event.level().as_str(),
        "target": event.target(),
        "name": event.name(),
        "message": event.message(),
        "fields": fields(event.fields()),
        "span": event.span_id().map(|id| id.to_string()),
        "file": event.file(),
        "line": event.line(),
    })
}

fn redaction(redaction: Redaction<'_>) -> Json {
    let key = redaction.key().map(|key| format!(" {key}")).unwrap_or_default();
    json!({
        "place": format!("{}{key}", redaction.place()),
        "what": format!("{} B: {}{}", redaction.len_bytes(), redaction.rule(), hash(redaction)),
    })
}

fn dropped(record: &Record) -> Json {
    let dropped = record.dropped();
    json!({
        "headers": dropped.headers, "fields": dropped.fields, "spans": dropped.spans, "events": dropped.events,
        "errors": dropped.failures, "thinned": dropped.thinned,
    })
}

fn resource(resource: &Resource) -> Json {
    resource.attributes().map(|(name, value)| json!([name, value])).collect()
}

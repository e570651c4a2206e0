//! A request becomes an entry.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value as Json, json};

use crate::escape::visible_json;
use crate::record::{Body, Header, Outcome, Record, Resource};

/// What stands before the first entry.
pub(in crate::archive) const START: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"campanile","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"entries":["#,
    "\n"
);
/// What stands behind the last one.
pub(in crate::archive) const END: &str = "]}}";

/// One request and its answer, in one line. What is not known is -1 or empty, as the format asks.
pub(in crate::archive) fn entry(record: &Record, resource: &Resource) -> String {
    let ms = |ns: u64| {
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        let ms = ns as f64 / 1e6;
        ms
    };
    let head_ns = record.head_ns().unwrap_or_else(|| record.duration_ns());
    let mut entry = json!({
        "startedDateTime": Timestamp::from_nanosecond(record.start_unix_ns().into()).unwrap_or_default().to_string(),
        "time": ms(record.duration_ns()),
        "request": request(record),
        "response": response(record),
        "cache": {},
        "timings": { "send": 0, "wait": ms(head_ns), "receive": ms(record.duration_ns().saturating_sub(head_ns)) },
        "comment": comment(record, resource),
        "_campanile": own(record, resource),
    });
    if let (Some(peer), Some(entry)) = (record.peer(), entry.as_object_mut()) {
        entry.insert("connection".to_owned(), json!(peer.port().to_string()));
    }
    visible_json(&entry.to_string())
}

/// What the format has no place for and a reader of ours wants back.
fn own(record: &Record, resource: &Resource) -> Json {
    json!({
        "id": record.span_id().to_string(),
        "trace_id": record.trace_id().map(|id| id.to_string()),
        "parent_span_id": record.parent_span_id().map(|id| id.to_string()),
        "request_id": record.request_id(),
        "route": record.route(),
        "outcome": record.outcome().as_str(),
        "error_type": record.error_type(),
        "client": record.client_address().map(|address| address.to_string()),
        "request_body_kept_bytes": record.request_body().map(|body| body.kept_bytes()),
        "response_body_kept_bytes": record.response_body().map(|body| body.kept_bytes()),
        "service": resource.service_name(),
        "release": resource.attribute("service.version"),
        "instance": resource.attribute("service.instance.id"),
    })
}

fn comment(record: &Record, resource: &Resource) -> String {
    let mut said = format!("{} {}", resource.service_name(), record.span_id().to_short());
    if record.outcome() != Outcome::Answered {
        said = format!("{said}, {}", record.outcome().as_str());
    }
    if let Some(error) = record.error_type() {
        said = format!("{said}, {error}");
    }
    said
}

fn request(record: &Record) -> Json {
    let query = record.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = json!({
        "method": record.method(),
        "url": uri(&format!("{}{}{query}", record.origin(), record.path())),
        "httpVersion": version(record),
        "cookies": [],
        "headers": headers(record.request_headers()),
        "queryString": pairs(record.query().unwrap_or_default()),
        "headersSize": -1,
        "bodySize": record.request_body_bytes().map_or(-1, size),
    });
    let body = record.request_body().filter(|body| body.kept_bytes() > 0);
    if let (Some(body), Some(request)) = (body, request.as_object_mut()) {
        let data = json!({
            "mimeType": named(record.request_headers(), "content-type"),
            "text": body.content(),
            "params": [],
            "comment": cut(&body),
        });
        request.insert("postData".to_owned(), data);
    }
    request
}

fn response(record: &Record) -> Json {
    let status = record.status().unwrap_or_default();
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let sent = size(record.response_body_bytes());
    let mime_type = named(record.response_headers(), "content-type");
    let content = match record.response_body().filter(|body| body.kept_bytes() > 0) {
        Some(body) => json!({ "size": sent, "mimeType": mime_type, "text": body.content(), "comment": cut(&body) }),
        None => json!({ "size": sent, "mimeType": mime_type }),
    };
    json!({
        "status": status,
        "statusText": reason.unwrap_or_default(),
        "httpVersion": version(record),
        "cookies": [],
        "headers": headers(record.response_headers().chain(record.trailers())),
        "content": content,
        "redirectURL": named(record.response_headers(), "location"),
        "headersSize": -1,
        "bodySize": sent,
    })
}

/// The text with what no URI holds percent-encoded, such as a space in a host that somebody made up.
fn uri(text: &str) -> String {
    const NEVER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');
    utf8_percent_encode(text, NEVER).to_string()
}

/// What is missing of a body.
fn cut(body: &Body<'_>) -> String {
    if body.is_truncated() { format!("the first {} of {} bytes", body.kept_bytes(), body.seen_bytes()) } else { String::new() }
}

/// What an entry says of a header whose value was not taken.
pub(super) const WITHHELD: &str = "the value is not stored";

/// Names and values; one whose value was not taken says so.
fn headers<'a>(headers: impl Iterator<Item = Header<'a>>) -> Vec<Json> {
    let one = |header: Header<'_>| match header.value() {
        Some(value) => json!({ "name": header.name(), "value": value }),
        None => json!({ "name": header.name(), "value": "", "comment": WITHHELD }),
    };
    headers.map(one).collect()
}

/// The parts of a query string, each with what stands behind its first `=`, decoded where that gives a text.
fn pairs(query: &str) -> Vec<Json> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().map_or(text.clone(), Cow::into_owned)
    };
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        json!({ "name": decoded(name), "value": decoded(value) })
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// The value of the first header of this name, or nothing.
fn named<'a>(mut headers: impl Iterator<Item = Header<'a>>, name: &str) -> &'a str {
    let first = headers.find(|header| header.name().eq_ignore_ascii_case(name));
    first.and_then(|header| header.value()).unwrap_or_default()
}

fn version(record: &Record) -> String {
    match record.protocol_version() {
        "" => String::new(),
        version => format!("HTTP/{version}"),
    }
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

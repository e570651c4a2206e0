//! `campanile har`: a request as an HTTP archive, which browsers and other tools open.

use std::path::Path;

use campanile::record::{Body, Header, Outcome, Record};
use campanile::replay::origin;
use campanile::store::{Reader, Stored};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value as Json, json};

use crate::args::Har;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::at_utc;
use crate::{full, place, show};

/// Finds one request and prints the archive.
pub(crate) fn run(args: &Har, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let stored = show::one(&mut reader, &args.id, false, output)?;
    if stored.record().method().is_empty() {
        return Err(Failure::new(Failure::NOTHING, "it is no request"));
    }
    output.write(&format!("{START}{}{END}", full::line(entry(&stored))))
}

/// What stands before the entries of an archive.
///
/// # Source
/// HAR 1.2: `log`, `creator`, `entries`.
pub(crate) const START: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"campanile","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"entries":["#,
    "\n"
);
/// What stands behind them.
pub(crate) const END: &str = "]}}\n";

/// One request and its answer. What is not known is -1 or empty, as the format asks.
pub(crate) fn entry(stored: &Stored) -> Json {
    let record = stored.record();
    let ms = |ns: u64| {
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        let ms = ns as f64 / 1e6;
        ms
    };
    let head_ns = record.head_ns().unwrap_or_else(|| record.duration_ns());
    let mut entry = json!({
        "startedDateTime": at_utc(record.start_unix_ns()),
        "time": ms(record.duration_ns()),
        "request": request(record),
        "response": response(record),
        "cache": {},
        "timings": { "send": 0, "wait": ms(head_ns), "receive": ms(record.duration_ns().saturating_sub(head_ns)) },
        "comment": comment(stored),
    });
    if let (Some(peer), Some(entry)) = (record.peer(), entry.as_object_mut()) {
        entry.insert("connection".to_owned(), json!(peer.port().to_string()));
    }
    entry
}

fn comment(stored: &Stored) -> String {
    let record = stored.record();
    let mut said = format!("{} {}", stored.resource().service_name(), record.span_id().to_short());
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
        "url": uri(&format!("{}{}{query}", origin(record), record.path())),
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

/// What is missing of a body.
fn cut(body: &Body<'_>) -> String {
    if body.is_truncated() { format!("the first {} of {} bytes", body.kept_bytes(), body.seen_bytes()) } else { String::new() }
}

/// Names and values; one whose value was not taken says so.
fn headers<'a>(headers: impl Iterator<Item = Header<'a>>) -> Vec<Json> {
    let one = |header: Header<'_>| match header.value() {
        Some(value) => json!({ "name": header.name(), "value": value }),
        None => json!({ "name": header.name(), "value": "", "comment": "the value is not stored" }),
    };
    headers.map(one).collect()
}

/// The parts of a query string, each with what stands behind its first `=`, decoded where that gives a text.
fn pairs(query: &str) -> Vec<Json> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().map_or(text.clone(), std::borrow::Cow::into_owned)
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

/// The text with what no URI holds percent-encoded, such as a space in a host that somebody made up.
fn uri(text: &str) -> String {
    const NEVER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');
    utf8_percent_encode(text, NEVER).to_string()
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

//! What a part of a record is called in a line.

use std::fmt::Write as _;

use super::units::ms;
use crate::escape::escape;
use crate::record::{
    ErrorClass, Event, Failure, FailureKind, Field, Header, Kept, Kind, Outcome, Record, Redaction, Span, rpc_code,
};

pub(super) fn title(record: &Record) -> String {
    match record.kind() {
        Kind::Request => {
            let query = record.query().map(|query| format!("?{}", escape(query))).unwrap_or_default();
            let (method, path) = (escape(record.method()), escape(record.path()));
            format!("{method} {path}{query}  ->  {} in {}", status(record), ms(record.duration_ns()))
        }
        Kind::Partial => {
            let (method, path) = (escape(record.method()), escape(record.path()));
            format!("{method} {path}  ->  {} after {}", status(record), ms(record.duration_ns()))
        }
        Kind::Span => {
            let name = record.spans().next().map(|span| escape(span.name()).to_string()).unwrap_or_default();
            format!("span {name} in {}", ms(record.duration_ns()))
        }
        _ => "event outside any request".to_owned(),
    }
}

/// Why its detail is here, or why not and what would keep it.
pub(super) fn detail(record: &Record) -> String {
    let why = match record.kept() {
        Some(Kept::Failed) => "it failed",
        Some(Kept::Slow) => "it was slow",
        Some(Kept::Flagged) => "the application asked for it",
        Some(Kept::Asked) => "somebody asked for it",
        Some(Kept::Matched) => "a query of the settings matched",
        Some(Kept::Sampled) => "the sampler chose it",
        Some(Kept::All) => "all detail is kept",
        None => {
            let left = match record.dropped().thinned {
                0 => String::new(),
                1 => " without 1 event or span".to_owned(),
                count => format!(" without {count} events and spans"),
            };
            return format!("only the summary was kept{left}; CAMPANILE_KEEP says which requests keep more");
        }
    };
    let weight = record.weight();
    if weight == 1.0 { format!("kept: {why}") } else { format!("kept: {why}; it stands for {weight} requests") }
}

pub(super) fn outcome(record: &Record) -> String {
    let sent = record.response_body_bytes();
    let words = match record.outcome() {
        Outcome::Answered => "answered".to_owned(),
        Outcome::Failed => "failed: the service returned an error instead of a response".to_owned(),
        Outcome::Panicked => "panicked".to_owned(),
        Outcome::ClientGoneBeforeHead => "client left before the response began".to_owned(),
        Outcome::ClientGoneMidBody => format!("client left after {sent} B of the response"),
        Outcome::BodyError => format!("the response broke off after {sent} B"),
        Outcome::Upgraded => "upgraded to another protocol".to_owned(),
    };
    let error = record.error_type().map(|error| format!(" · error {}", escape(error))).unwrap_or_default();
    // The other two say no more than the outcome and the error do.
    let class = record.error_class().filter(|class| matches!(class, ErrorClass::Saturated | ErrorClass::Timeout));
    let class = class.map(|class| format!(" · {class}")).unwrap_or_default();
    format!("{words}{error}{class}")
}

/// Whom a call asked, what came back, and after how long.
pub(super) fn called(call: &Span<'_>) -> String {
    let text = |name: &str| call.field(name).map(|value| escape(&value.to_string()).to_string());
    let method = text("http.request.method_original").or_else(|| text("http.request.method"));
    let whom = match (method, text("url.full")) {
        (Some(method), Some(url)) => format!("{method} {url}"),
        _ => format!("{} {}", escape(call.name()), text("server.address").unwrap_or_default()),
    };
    let ending = text("rpc.response.status_code").or_else(|| text("http.response.status_code"));
    let error = call.error_type().map(|error| escape(error).to_string());
    let without = if call.is_finished() { "cancelled" } else { "unfinished" };
    // A status that is an error is its own reason; one whose body broke off has another.
    let error = error.filter(|error| Some(error) != ending.as_ref());
    let ending = match (ending, error) {
        (Some(ending), Some(error)) => format!("{ending}, {error}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => without.to_owned(),
    };
    let again = text("http.request.resend_count").map(|count| format!(" (resend {count})")).unwrap_or_default();
    format!("{whom}  ->  {ending} in {}{again}", ms(call.duration_ns()))
}

/// Level, target, message and fields of an event.
pub(super) fn said(event: Event<'_>) -> String {
    let message = escape(event.message()).to_string();
    let colon = if message.is_empty() { "" } else { ": " };
    let (level, target) = (event.level().to_string(), escape(event.target()));
    format!("{level:<5}  {target}{colon}{message}{}", fields(event.fields()))
}

pub(super) fn push(facts: &mut Vec<String>, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        facts.push(format!("{name} {}", escape(value)));
    }
}

pub(super) fn header(header: Header<'_>, record: &Record) -> String {
    let name = escape(header.name());
    if let Some(value) = header.value() {
        return format!("{name}: {}", escape(value));
    }
    let known = record.redactions().find(|redaction| {
        redaction.place() == Redaction::HEADER
            && redaction.key() == Some(header.name())
            && redaction.len_bytes() == header.len_bytes()
    });
    match known {
        Some(redaction) => format!("{name}: ‹redacted {}›", why(redaction)),
        None => format!("{name}: ‹redacted {} B›", header.len_bytes()),
    }
}

/// Whether it took a whole header, whose own row tells of it.
pub(super) fn is_whole_header(redaction: Redaction<'_>, record: &Record) -> bool {
    let mut headers = record.request_headers().chain(record.response_headers()).chain(record.trailers());
    redaction.place() == Redaction::HEADER
        && headers.any(|header| Some(header.name()) == redaction.key() && header.value().is_none())
}

/// How long it was, why it was taken out, and which others are the same.
pub(super) fn why(redaction: Redaction<'_>) -> String {
    let hash = redaction.hash().map(|hash| format!(" #{hash:08x}")).unwrap_or_default();
    format!("{} B: {}{hash}", redaction.len_bytes(), escape(redaction.rule()))
}

pub(super) fn fields<'a>(fields: impl Iterator<Item = Field<'a>>) -> String {
    let mut out = String::new();
    for field in fields {
        let value = field.value().to_string();
        let _ = write!(out, "  {}={}", escape(field.name()), escape(&value));
    }
    out
}

pub(super) fn head_of(failure: Failure<'_>) -> String {
    match failure.kind() {
        FailureKind::Panic => escape(failure.message()).to_string(),
        _ => typed(failure.type_name(), failure.message()),
    }
}

pub(super) fn typed(type_name: Option<&str>, message: &str) -> String {
    match type_name {
        Some(name) => format!("{}: {}", escape(name), escape(message)),
        None => escape(message).to_string(),
    }
}

/// The status as text; a gRPC code by its name, `---` where there is none.
#[must_use]
pub fn status(record: &Record) -> String {
    match (record.rpc_status(), record.status()) {
        (Some(code), _) => rpc_code(code).to_owned(),
        (None, Some(status)) => status.to_string(),
        (None, None) => "---".to_owned(),
    }
}

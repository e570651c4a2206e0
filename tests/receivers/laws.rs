//! What OpenTelemetry prescribes of any request, asked of what arrived alone.
//!
//! Semantic conventions 1.44.0: HTTP server spans, recording errors, exceptions; OTLP 1.11.0.

use std::collections::{BTreeMap, BTreeSet};

use crate::conventions::{METHODS, SERVER};
use crate::decoded::{Arrived, Attributes, Log, Span};

/// Attributes beside those of a server span that have a name in the conventions, and their types.
const TYPES: &[(&str, &str)] = &[
    ("exception.type", "string"),
    ("exception.message", "string"),
    ("exception.stacktrace", "string"),
    ("code.file.path", "string"),
    ("code.line.number", "int"),
    ("service.name", "string"),
    ("service.version", "string"),
    ("service.instance.id", "string"),
    ("deployment.environment.name", "string"),
    ("telemetry.sdk.language", "string"),
    ("telemetry.sdk.name", "string"),
    ("telemetry.sdk.version", "string"),
    ("process.pid", "int"),
    ("process.executable.name", "string"),
    ("host.name", "string"),
    ("host.arch", "string"),
    ("os.type", "string"),
];
/// What a SERVER span cannot be without.
const REQUIRED: &[&str] = &["http.request.method", "url.path", "url.scheme"];

/// Checks every span, every log record and the resource; values only where the receiver tells them.
pub(crate) fn hold(arrived: &Arrived, with_values: bool) {
    let mut servers: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, span) in &arrived.spans {
        types(&span.attributes);
        ids_and_times(id, span);
        if span.kind == "SERVER" {
            *servers.entry(&span.trace_id).or_default() += 1;
            server(span, with_values);
        } else {
            let parent = arrived.spans.get(&span.parent_span_id);
            let parent = parent.unwrap_or_else(|| panic!("the parent of span {id} did not arrive: {span:#?}"));
            assert_eq!(parent.trace_id, span.trace_id, "span {id} is in its parent's trace");
            assert!(parent.start <= span.start, "span {id} begins inside its parent");
            assert_eq!(span.kind, "INTERNAL");
        }
        if with_values {
            let is_remote = span.kind == "SERVER" && !span.parent_span_id.is_empty();
            assert_eq!(span.flags & 0x200 != 0, is_remote, "only a caller's span is remote");
            assert_eq!(span.flags & !0x2ff, 0x100, "flags of span {id}: {:#x}", span.flags);
        }
    }
    assert!(servers.values().all(|count| *count == 1), "callers that send no trace get one each");
    for log in &arrived.logs {
        log_record(log, arrived);
    }
    if with_values {
        origin(arrived);
    }
}

fn types(attributes: &Attributes) {
    for (key, value) in attributes {
        let type_of = value.split(':').next().unwrap_or_default();
        let known = SERVER.iter().chain(TYPES).find(|(known, _)| known == key).map(|(_, type_name)| *type_name);
        if let Some(known) = known {
            assert_eq!(type_of, known, "type of {key}");
        } else if key.starts_with("http.request.header.") || key.starts_with("http.response.header.") {
            assert_eq!(type_of, "array", "type of {key}");
            assert!(!key.contains(|character: char| character.is_ascii_uppercase()), "{key}");
        } else {
            let reserved = ["http.", "url.", "network.", "server.", "client.", "error.", "exception.", "otel."];
            assert!(!reserved.iter().any(|prefix| key.starts_with(prefix)), "{key} is in no table");
        }
    }
}

fn ids_and_times(id: &str, span: &Span) {
    let is_id = |text: &str, digits: usize| {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        text.len() == digits && is_hex && text.bytes().any(|byte| byte != b'0')
    };
    assert!(is_id(id, 16) && is_id(&span.trace_id, 32), "{id} {}", span.trace_id);
    assert!(span.parent_span_id.is_empty() || is_id(&span.parent_span_id, 16), "{}", span.parent_span_id);
    assert!(span.start > 1_600_000_000_000_000_000 && span.end >= span.start, "times of span {id} are no nanoseconds");
    assert_eq!(span.status_message, "", "a description says nothing that status and error.type do not");
}

fn server(span: &Span, with_values: bool) {
    for key in REQUIRED {
        assert!(span.attributes.contains_key(*key), "{key} is missing: {span:#?}");
    }
    let is_error = span.status == "ERROR";
    assert!(is_error || span.status == "UNSET", "never Ok: {span:#?}");
    assert_eq!(span.attributes.contains_key("error.type"), is_error, "error.type goes with the status: {span:#?}");
    if !with_values {
        return;
    }
    let text = |key: &str| span.attributes.get(key).and_then(|value| value.strip_prefix("string:"));
    let method = text("http.request.method").unwrap_or_default();
    assert!(METHODS.contains(&method) || method == "_OTHER", "{method}");
    let has_original = text("http.request.method_original").is_some_and(|original| original != method);
    assert_eq!(has_original, method == "_OTHER", "exactly when it differs: {span:#?}");
    let method = if method == "_OTHER" { "HTTP" } else { method };
    let name = text("http.route").map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    assert_eq!(span.name, name, "method and template, never the path");
    assert!(!text("url.path").unwrap_or_default().contains('?'));
    assert!(!text("url.query").unwrap_or_default().starts_with('?'));
    assert!(["http", "https"].contains(&text("url.scheme").unwrap_or_default()));
    assert!(["1.0", "1.1", "2", "3"].contains(&text("network.protocol.version").unwrap_or("1.1")), "{span:#?}");
    let has = |key: &str| span.attributes.contains_key(key);
    assert!(has("server.address") || !has("server.port"), "a port is an address's: {span:#?}");
    assert_eq!(has("network.peer.address"), has("network.peer.port"), "{span:#?}");
    let status = span.attributes.get("http.response.status_code").and_then(|value| value.strip_prefix("int:"));
    let status: Option<u16> = status.map(|status| status.parse().unwrap());
    if status.is_some_and(|status| (400..500).contains(&status)) {
        assert!(!is_error, "4xx is no error of the server: {span:#?}");
    }
    if status.is_some_and(|status| status >= 500) {
        assert!(is_error, "5xx is one: {span:#?}");
    }
}

fn log_record(log: &Log, arrived: &Arrived) {
    types(&log.attributes);
    assert!(log.time > 1_600_000_000_000_000_000 && log.observed >= log.time, "{log:#?}");
    assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&log.severity.as_str()), "{log:#?}");
    assert_eq!(log.severity, log.severity_text);
    if !log.trace_id.is_empty() {
        let span = arrived.spans.get(&log.span_id).unwrap_or_else(|| panic!("a log of a span that did not arrive: {log:#?}"));
        assert_eq!(span.trace_id, log.trace_id, "log and span are in one trace");
    }
    let has = |key: &str| log.attributes.contains_key(key);
    assert!(!has("http.request.method") && !has("url.path"), "a request is a span, and no log record besides: {log:#?}");
    if log.event_name.is_empty() {
        assert!(!has("exception.stacktrace"), "{log:#?}");
    } else {
        assert_eq!(log.event_name, "http.server.request.exception");
        assert_eq!(log.severity, "ERROR");
        assert!(has("exception.type") || has("exception.message"), "{log:#?}");
    }
}

fn origin(arrived: &Arrived) {
    let [origin] = arrived.origins.as_slice() else { panic!("more than one: {:#?}", arrived.origins) };
    types(&origin.resource);
    let keys: BTreeSet<&str> = origin.resource.keys().map(String::as_str).collect();
    for key in ["service.name", "service.version", "service.instance.id", "process.pid", "host.name", "os.type"] {
        assert!(keys.contains(key), "{key} is missing of {keys:?}");
    }
    for (key, value) in [
        ("service.name", "shop"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "campanile"),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(origin.resource.get(key), Some(&format!("string:{value}")), "{key}");
    }
}

//! What holds of every span and every point, whatever was done.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::conventions::{METHODS, SERVER};
use crate::rule::{Told, code};
use crate::sink::{Attributes, attributes};

/// Those that rows make known, and what stands for all others.
const MORE_METHODS: &[&str] = &["BREW", "brew", "_OTHER"];
/// Attributes that nobody asked for, and their types.
const CLIENT: &[(&str, &str)] = &[
    ("http.request.method", "string"),
    ("http.request.method_original", "string"),
    ("server.address", "string"),
    ("server.port", "int"),
    ("url.full", "string"),
    ("error.type", "string"),
    ("http.response.status_code", "int"),
    ("http.request.resend_count", "int"),
    ("network.protocol.version", "string"),
    ("http.request.body.size", "int"),
    ("http.response.body.size", "int"),
];
const RPC: &[(&str, &str)] = &[
    ("rpc.system.name", "string"),
    ("rpc.method", "string"),
    ("rpc.method_original", "string"),
    ("rpc.response.status_code", "string"),
    ("http.response.status_code", "int"),
    ("error.type", "string"),
    ("network.protocol.version", "string"),
    ("server.address", "string"),
    ("server.port", "int"),
    ("client.address", "string"),
    ("network.peer.address", "string"),
    ("network.peer.port", "int"),
    ("user_agent.original", "string"),
];

/// Attributes of metrics, where the span has them.
const HTTP_SERVER_POINT: &[&str] =
    &["http.request.method", "url.scheme", "http.route", "http.response.status_code", "error.type", "network.protocol.version"];
const HTTP_CLIENT_POINT: &[&str] = &[
    "http.request.method",
    "http.response.status_code",
    "error.type",
    "network.protocol.version",
    "server.address",
    "server.port",
];
const RPC_SERVER_POINT: &[&str] = &["rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"];
const RPC_CLIENT_POINT: &[&str] =
    &["rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type", "server.address", "server.port"];

/// Checks everything that arrived.
pub(crate) fn hold(told: &Told) {
    for span in &told.arrived.spans {
        of_any(span);
        let attributes = attributes(&span.attributes);
        match span.kind() {
            _ if attributes.contains_key("rpc.system.name") => allowed(&attributes, RPC),
            SpanKind::Server => server(span, &attributes),
            SpanKind::Client => client(span, &attributes),
            _ => {}
        }
    }
    points(told);
}

fn of_any(span: &Span) {
    let status = span.status.clone().unwrap_or_default();
    assert_eq!(status.message, "", "error.type says it already: {span:#?}");
    assert_ne!(code(span), StatusCode::Ok, "{span:#?}");
    let has_error = span.attributes.iter().any(|pair| pair.key == "error.type");
    assert_eq!(has_error, code(span) == StatusCode::Error, "{span:#?}");
    assert!(span.trace_id.len() == 16 && span.span_id.len() == 8 && span.end_time_unix_nano >= span.start_time_unix_nano);
}

/// Nothing that is opt-in, and nothing that has no such name.
fn allowed(attributes: &Attributes, table: &[(&str, &str)]) {
    for (key, value) in attributes {
        // Asked for, or ours.
        let others =
            ["campanile.", "http.request.header.", "http.response.header.", "rpc.request.metadata.", "rpc.response.metadata."];
        if key == "url.template"
            || key == "target"
            || key.starts_with("code.")
            || others.iter().any(|prefix| key.starts_with(prefix))
        {
            continue;
        }
        let type_of = table.iter().find(|(known, _)| known == key).map(|(_, type_of)| *type_of);
        assert_eq!(value.split(':').next(), type_of, "{key} of {attributes:#?}");
    }
}

fn text<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    attributes.get(key).map(|value| value.strip_prefix("string:").unwrap())
}

fn methods(attributes: &Attributes) -> &str {
    let method = text(attributes, "http.request.method").expect("required");
    assert!(METHODS.iter().chain(MORE_METHODS).any(|known| *known == method), "{method}");
    let original = text(attributes, "http.request.method_original");
    assert_eq!(original.is_some(), method == "_OTHER", "exactly when it differs: {attributes:#?}");
    assert_ne!(original, Some(method));
    if method == "_OTHER" { "HTTP" } else { method }
}

fn server(span: &Span, attributes: &Attributes) {
    allowed(attributes, SERVER);
    let method = methods(attributes);
    let named = text(attributes, "http.route").map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    assert_eq!(span.name, named, "method and template, never the path");
    let path = text(attributes, "url.path").expect("required");
    assert!(!path.contains('?'), "{path}");
    assert!(text(attributes, "url.scheme").is_some(), "required");
    assert!(!text(attributes, "url.query").unwrap_or_default().starts_with('?'));
    let has = |key: &str| attributes.contains_key(key);
    assert!(has("server.address") || !has("server.port"), "a port is an address's: {attributes:#?}");
}

fn client(span: &Span, attributes: &Attributes) {
    allowed(attributes, CLIENT);
    let method = methods(attributes);
    let named = text(attributes, "url.template").map_or_else(|| method.to_owned(), |template| format!("{method} {template}"));
    assert_eq!(span.name, named);
    for key in ["server.address", "server.port", "url.full"] {
        assert!(attributes.contains_key(key), "{key} is required: {attributes:#?}");
    }
}

/// Every span counts once, with exactly the attributes that are prescribed, its own values, and its own duration.
fn points(told: &Told) {
    for (metric, kind, is_rpc, keys) in [
        ("http.server.request.duration", SpanKind::Server, false, HTTP_SERVER_POINT),
        ("http.client.request.duration", SpanKind::Client, false, HTTP_CLIENT_POINT),
        ("rpc.server.call.duration", SpanKind::Server, true, RPC_SERVER_POINT),
        ("rpc.client.call.duration", SpanKind::Client, true, RPC_CLIENT_POINT),
    ] {
        let points = told.arrived.histogram(metric);
        let is_overflow = points.iter().any(|point| point.attributes.iter().any(|pair| pair.key == "otel.metric.overflow"));
        if is_overflow || told.arrived.spans.is_empty() {
            // Told by rows of their own: too many sets, and traces that are not sampled.
            continue;
        }
        let mut expected: BTreeMap<Attributes, (u64, f64)> = BTreeMap::new();
        for span in told.of_kind(kind) {
            let mut attributes = attributes(&span.attributes);
            if attributes.contains_key("rpc.system.name") == is_rpc {
                attributes.retain(|key, _| keys.contains(&key.as_str()));
                let (count, seconds) = expected.entry(attributes).or_default();
                *count += 1;
                *seconds += (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9;
            }
        }
        assert_eq!(points.len(), expected.len(), "{metric}: {points:#?} of {expected:#?}");
        for point in points {
            let of_point = attributes(&point.attributes);
            let Some((count, seconds)) = expected.get(&of_point) else { panic!("{metric}: {of_point:#?} of {expected:#?}") };
            assert_eq!(point.count, *count, "{metric}: {of_point:#?}");
            assert!((point.sum.unwrap() - seconds).abs() < 1e-9, "{metric}: {:?} s, spans took {seconds} s", point.sum);
            assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
            assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        }
    }
    let Some(active) = told.arrived.metric("http.server.active_requests") else { return };
    let Some(Data::Sum(sum)) = &active.data else { panic!("{active:#?}") };
    for point in &sum.data_points {
        let keys: Vec<_> = attributes(&point.attributes).into_keys().collect();
        assert_eq!(keys, ["http.request.method", "url.scheme"], "attributes of active requests");
    }
}

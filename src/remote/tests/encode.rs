//! What is encoded, read back with the generated types of `opentelemetry-proto`.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::kit::{event, origin, request, resource};
use crate::record::parts::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, LinkSlot, List, OPEN, Origin, Parts, Side, SpanSlot, Text,
};
use crate::record::{FailureKind, Kind, Outcome, Record, SpanId, SpanKind, TraceFlags, TraceId};
use crate::remote::otlp::encode::{Logs, Sends, Traces};
use crate::remote::{Encoder, Verdict};

const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

pub(super) fn spans(records: &[&Record]) -> Vec<Span> {
    let mut out = Vec::new();
    Traces::with(Sends { headers: true, bodies: true }).encode(records, &resource(), &mut out);
    let mut decoded = ExportTraceServiceRequest::decode(&out[..]).unwrap();
    assert_eq!(decoded.resource_spans.len(), 1);
    let mut of_resource = decoded.resource_spans.remove(0);
    assert_eq!(of_resource.schema_url, SCHEMA);
    let attributes = attributes(&of_resource.resource.unwrap().attributes);
    assert_eq!(attributes, [("service.name".to_owned(), Any::StringValue("shop".into()))].into());
    assert_eq!(of_resource.scope_spans.len(), 1);
    let of_scope = of_resource.scope_spans.remove(0);
    let scope = of_scope.scope.unwrap();
    assert_eq!((of_scope.schema_url.as_str(), scope.name.as_str()), (SCHEMA, "campanile"));
    assert_eq!(scope.version, env!("CARGO_PKG_VERSION"));
    of_scope.spans
}

pub(super) fn logs(records: &[&Record]) -> Vec<LogRecord> {
    let mut out = Vec::new();
    Logs::with(LevelFilter::TRACE).encode(records, &resource(), &mut out);
    let mut decoded = ExportLogsServiceRequest::decode(&out[..]).unwrap();
    decoded.resource_logs.remove(0).scope_logs.remove(0).log_records
}

/// Keys and values; every key once.
pub(super) fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, Any> {
    let all: BTreeMap<_, _> = pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone().unwrap().value.unwrap())).collect();
    assert_eq!(all.len(), pairs.len(), "a key comes twice: {pairs:?}");
    all
}

pub(super) fn text(value: &str) -> Any {
    Any::StringValue(value.to_owned())
}

fn texts(values: &[&str]) -> Any {
    let values = values.iter().map(|value| AnyValue { value: Some(text(value)) }).collect();
    Any::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue { values })
}

fn one(change: impl FnOnce(&mut Parts)) -> (Span, BTreeMap<String, Any>) {
    let span = spans(&[&request(change)]).remove(0);
    let attributes = attributes(&span.attributes);
    (span, attributes)
}

#[test]
fn a_request_is_a_server_span_with_every_attribute() {
    let (span, attributes) = one(|parts| {
        parts.parent_span_id = SpanId([0x33; 8]);
        parts.parent_is_remote = true;
        parts.trace_state = Text::Static("a=1,b=2");
        parts.request_id = Text::Static("req-1");
        parts.first_byte_ns = Some(1234);
        parts.route = Some(Text::Static("/orders/{id}"));
        parts.query = Some(Text::Static("q=1"));
        parts.host = Some(Text::Static("shop.example"));
        parts.port = Some(8080);
        parts.protocol_version = Text::Static("1.1");
        parts.peer = Some("[::ffff:10.0.0.1]:5000".parse().unwrap());
        (parts.client, parts.client_port) = (Some("2001:db8::7".parse().unwrap()), Some(4711));
        parts.probe = Some(Text::Static("kube-probe"));
        parts.user_agent = Some(Text::Static("curl/8"));
        parts.request_bytes = Some(3);
        parts.response_bytes = 400;
        parts.push_header(Side::Request, "accept", Some(b"a"), 1);
        parts.push_header(Side::Request, "accept", Some(b"b"), 1);
        parts.push_header(Side::Request, "authorization", None, 9);
        parts.push_header(Side::Response, "content-type", Some(b"text/html"), 9);
        parts.set_attribute(Text::Static("user.id"), crate::record::parts::Slot::I64(-5));
        parts.set_attribute(Text::Static("url.path"), crate::record::parts::Slot::Bool(true));
        parts.dropped_fields = 2;
        parts.dropped_events = 4;
        parts.dropped_spans = 6;
    });
    assert_eq!((span.trace_id, span.span_id), (vec![0x11; 16], vec![0x22; 8]));
    assert_eq!((span.parent_span_id, span.trace_state.as_str()), (vec![0x33; 8], "a=1,b=2"));
    assert_eq!((span.kind, span.name.as_str(), span.flags), (2, "GET /orders/{id}", 0x301));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_700_000_000_000_000_000, 1_700_000_000_005_000_000));
    assert_eq!(span.status, None);
    // Two were dropped before, and the application's own `url.path` gives way.
    assert_eq!((span.dropped_attributes_count, span.dropped_events_count), (3, 4));
    let expected: BTreeMap<String, Any> = [
        ("http.request.method", text("GET")),
        ("url.path", text("/orders/7")),
        ("url.query", text("q=1")),
        ("url.scheme", text("http")),
        ("http.route", text("/orders/{id}")),
        ("http.response.status_code", Any::IntValue(200)),
        ("http.request.body.size", Any::IntValue(3)),
        ("http.response.body.size", Any::IntValue(400)),
        ("http.request.header.accept", texts(&["a", "b"])),
        ("http.response.header.content-type", texts(&["text/html"])),
        ("server.address", text("shop.example")),
        ("server.port", Any::IntValue(8080)),
        ("client.address", text("2001:db8::7")),
        ("network.peer.address", text("10.0.0.1")),
        ("network.peer.port", Any::IntValue(5000)),
        ("network.protocol.version", text("1.1")),
        ("user_agent.original", text("curl/8")),
        ("campanile.request.id", text("req-1")),
        ("campanile.request.id.source", text("generated")),
        ("campanile.outcome", text("answered")),
        ("campanile.probe", text("kube-probe")),
        ("campanile.time_to_first_byte_ns", Any::IntValue(1234)),
        ("campanile.dropped_spans", Any::IntValue(6)),
        ("user.id", Any::IntValue(-5)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    assert_eq!(attributes, expected);
}

#[test]
fn a_trace_that_was_not_continued_is_linked_to() {
    let (span, attributes) = one(|parts| {
        parts.link = Some(LinkSlot { trace_id: TraceId([7; 16]), span_id: SpanId([8; 8]), trace_flags: TraceFlags::SAMPLED });
        parts.inbound_request_id = Some(Text::Static("id-1?id-2"));
    });
    assert_eq!(span.links.len(), 1);
    let link = &span.links[0];
    assert_eq!((&link.trace_id[..], &link.span_id[..], link.flags), (&[7; 16][..], &[8; 8][..], 0x301));
    assert_eq!((link.trace_state.as_str(), link.attributes.len()), ("", 0));
    assert_eq!(attributes["campanile.request.id.inbound"], text("id-1?id-2"));
    assert!(one(|_| {}).0.links.is_empty());
}

#[test]
fn bodies_go_along_only_where_somebody_asks_for_them() {
    let record = request(|parts| {
        parts.request_body = Some(BodySlot { content: Text::Static("{\"a\":"), kept_bytes: 5, ..BodySlot::default() });
        parts.request_bytes = Some(90);
        parts.response_body = Some(BodySlot { skipped: Text::Static("budget"), ..BodySlot::default() });
        parts.response_bytes = 7;
    });
    for (bodies, expected) in [(true, Some(text("{\"a\":"))), (false, None)] {
        let mut out = Vec::new();
        Traces::with(Sends { headers: false, bodies }).encode(&[&record], &resource(), &mut out);
        let decoded = ExportTraceServiceRequest::decode(&out[..]).unwrap();
        let attributes = attributes(&decoded.resource_spans[0].scope_spans[0].spans[0].attributes);
        assert_eq!(attributes.get("http.request.body.content"), expected.as_ref());
        assert_eq!(attributes.get("campanile.request.body.truncated"), bodies.then_some(&Any::BoolValue(true)));
        assert_eq!(attributes.get("campanile.response.body.skipped"), bodies.then(|| text("budget")).as_ref());
        assert_eq!(attributes.get("http.response.body.content"), None);
        assert_eq!(attributes["http.request.body.size"], Any::IntValue(90));
    }
}

#[test]
fn a_span_is_named_by_method_and_route_and_never_by_path() {
    for (method, route, name, original) in [
        ("GET", None, "GET", false),
        ("QUERY", Some("/q"), "QUERY /q", false),
        ("get", Some("/q"), "HTTP /q", true),
        ("BREW", None, "HTTP", true),
        ("", None, "HTTP", true),
    ] {
        let (span, attributes) = one(|parts| {
            (parts.method, parts.has_unknown_method) = (Text::Static(method), original);
            parts.route = route.map(Text::Static);
        });
        assert_eq!(span.name, name);
        let expected = original.then(|| text(method));
        assert_eq!(attributes.get("http.request.method_original"), expected.as_ref(), "{method}");
        assert_eq!(attributes["http.request.method"], text(if original { "_OTHER" } else { method }));
    }
}

#[test]
fn status_and_error_type_agree() {
    for (status, outcome, error) in [
        (Some(200), Outcome::Answered, None),
        (Some(404), Outcome::Answered, None),
        (Some(101), Outcome::Upgraded, None),
        (Some(500), Outcome::Answered, Some("500")),
        (Some(503), Outcome::Answered, Some("503")),
        (None, Outcome::Failed, Some("_OTHER")),
        (None, Outcome::Panicked, Some("panic")),
        (Some(200), Outcome::BodyError, Some("body_error")),
        (None, Outcome::ClientGoneBeforeHead, None),
        (Some(200), Outcome::ClientGoneMidBody, None),
    ] {
        let (span, attributes) = one(|parts| (parts.status, parts.outcome) = (status, outcome));
        assert_eq!(attributes.get("error.type"), error.map(text).as_ref(), "{outcome}");
        assert_eq!(span.status.map(|status| (status.code, status.message)), error.map(|_| (2, String::new())), "{outcome}");
        assert_eq!(attributes.get("http.response.status_code"), status.map(|code| Any::IntValue(code.into())).as_ref());
        assert_eq!(attributes["campanile.outcome"], text(outcome.as_str()));
    }
}

#[test]
fn a_grpc_call_is_named_by_its_method() {
    for (rpc_status, name, code, error) in [
        (Some(0), "shop.Orders/Get", Some("OK"), None),
        (Some(5), "shop.Orders/Get", Some("NOT_FOUND"), None),
        (Some(13), "shop.Orders/Get", Some("INTERNAL"), Some("INTERNAL")),
        (Some(12), "grpc", Some("UNIMPLEMENTED"), Some("UNIMPLEMENTED")),
        (None, "shop.Orders/Get", None, None),
    ] {
        let (span, attributes) = one(|parts| {
            parts.is_rpc = true;
            parts.method = Text::Static("POST");
            parts.path = Text::Static("/shop.Orders/Get");
            parts.rpc_status = rpc_status;
            parts.push_header(Side::Request, "x-tenant", Some(b"a"), 1);
        });
        assert_eq!(span.name, name);
        assert_eq!(attributes["rpc.system.name"], text("grpc"));
        assert_eq!(attributes["rpc.request.metadata.x-tenant"], texts(&["a"]));
        assert_eq!(attributes.get("rpc.response.status_code"), code.map(text).as_ref());
        assert_eq!(attributes.get("error.type"), error.map(text).as_ref());
        assert_eq!(span.status.is_some(), error.is_some());
        let is_known = name != "grpc";
        assert_eq!(attributes["rpc.method"], text(if is_known { "shop.Orders/Get" } else { "_OTHER" }));
        assert_eq!(attributes.contains_key("rpc.method_original"), !is_known);
        assert!(!attributes.contains_key("http.request.method"));
    }
}

fn child(parts: &mut Parts, id: u8, parent: SpanId, end_ns: u64) {
    let mut fields = List::default();
    parts.push_field(&mut fields, Text::Static("rows"), crate::record::parts::Slot::U64(3));
    parts.push_field(&mut fields, Text::Static("target"), crate::record::parts::Slot::Bool(true));
    parts.push_span(SpanSlot {
        id: SpanId([id; 8]),
        parent,
        origin: origin("query"),
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: 1000,
        end_ns,
        fields,
    });
}

#[test]
fn child_spans_hang_below_the_request() {
    let record = request(|parts| {
        child(parts, 1, parts.span_id, 3000);
        child(parts, 2, SpanId([1; 8]), OPEN);
        child(parts, 3, SpanId::INVALID, 2000);
    });
    let all = spans(&[&record]);
    let links: Vec<_> = all.iter().map(|span| (span.span_id[0], span.parent_span_id.first().copied(), span.kind)).collect();
    assert_eq!(links, [(0x22, None, 2), (1, Some(0x22), 1), (2, Some(1), 1), (3, Some(0x22), 1)]);
    let start = 1_700_000_000_000_000_000;
    assert_eq!((all[1].start_time_unix_nano, all[1].end_time_unix_nano), (start + 1000, start + 3000));
    assert_eq!(all[2].end_time_unix_nano, start + 5_000_000, "an open span ends with its request");
    assert_eq!((all[1].name.as_str(), all[1].flags, all[1].dropped_attributes_count), ("query", 0x101, 1));
    let expected = [
        ("target", text("shop")),
        ("code.file.path", text("src/shop.rs")),
        ("code.line.number", Any::IntValue(7)),
        ("rows", Any::IntValue(3)),
    ];
    assert_eq!(attributes(&all[1].attributes), expected.map(|(key, value)| (key.to_owned(), value)).into());
}

#[test]
fn an_outgoing_request_is_a_client_span() {
    let call = |error: &'static str| {
        spans(&[&request(|parts| {
            let mut fields = List::default();
            let status = crate::record::parts::Slot::I64(404);
            parts.push_field(&mut fields, Text::Static("http.response.status_code"), status);
            let (name, target, file) = (Text::Static("GET /items/{id}"), Text::EMPTY, Text::EMPTY);
            let origin = Origin { name, target, file, line: 0, level: Level::INFO };
            let (id, parent, kind, error) = (SpanId([1; 8]), parts.span_id, SpanKind::Client, Text::Static(error));
            parts.push_span(SpanSlot { id, parent, origin, kind, error, start_ns: 0, end_ns: 9, fields });
        })])
        .remove(1)
    };
    let (failed, fine) = (call("404"), call(""));
    assert_eq!((failed.kind, failed.name.as_str(), failed.parent_span_id), (3, "GET /items/{id}", vec![0x22; 8]));
    let expected = [("http.response.status_code", Any::IntValue(404)), ("error.type", text("404"))];
    assert_eq!(attributes(&failed.attributes), expected.map(|(key, value)| (key.to_owned(), value)).into());
    let status = failed.status.unwrap();
    assert_eq!((status.code, status.message.as_str(), fine.status), (2, "", None));
    assert!(!attributes(&fine.attributes).contains_key("error.type"));
}

#[test]
fn the_kind_of_a_span_is_told() {
    let kinds = spans(&[&request(|parts| {
        for (id, kind) in (1..).zip(SpanKind::ALL) {
            child(parts, id, parts.span_id, 2000);
            parts.spans.last_mut().unwrap().kind = kind;
        }
    })]);
    assert_eq!(kinds.iter().skip(1).map(|span| span.kind).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn an_event_with_a_name_is_told_by_it() {
    let named = ["http.client.request.exception", "event src/shop.rs:7", "log"].map(|name| {
        let mut record = event("a message");
        record.parts_mut().events[0].origin.name = Text::Static(name);
        logs(&[&record]).remove(0).event_name
    });
    assert_eq!(named, ["http.client.request.exception", "", ""]);
}

#[test]
fn a_span_outside_any_request_has_a_trace_with_its_children() {
    let outside = |id, parent| {
        request(|parts| {
            *parts = Parts { kind: Kind::Span, ..Parts::default() };
            child(parts, id, parent, 2000);
        })
    };
    let (root, below) = (outside(1, SpanId::INVALID), outside(2, SpanId([1; 8])));
    let all = spans(&[&root, &below]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].trace_id, all[1].trace_id);
    assert!(all[0].trace_id.iter().any(|byte| *byte != 0));
    assert_eq!((all[0].parent_span_id.len(), &all[1].parent_span_id), (0, &vec![1; 8]));
    assert_eq!(Traces::default().verdict(&root), Verdict::Send);
}

#[test]
fn what_is_sent_depends_on_kind_and_sampling() {
    let unsampled = request(|parts| {
        parts.trace_flags = TraceFlags::RANDOM;
        child(parts, 1, SpanId::INVALID, 1);
    });
    let live = request(|parts| parts.kind = Kind::Live);
    let (traces, logs) = (Traces::default(), Logs::with(LevelFilter::TRACE));
    for (record, of_traces, of_logs) in [
        (&request(|_| {}), Verdict::Send, Verdict::Nothing),
        (&unsampled, Verdict::Sampled, Verdict::Sampled),
        (&live, Verdict::Nothing, Verdict::Nothing),
        (&event("started"), Verdict::Nothing, Verdict::Send),
    ] {
        assert_eq!((traces.verdict(record), logs.verdict(record)), (of_traces, of_logs), "{record:?}");
    }
}

#[test]
fn of_a_failed_request_that_is_not_sampled_only_the_exception_is_sent() {
    let failed = |flags: TraceFlags| {
        request(|parts| {
            (parts.trace_flags, parts.status) = (flags, Some(500));
            let (message, fields) = (Text::Static("looked into the cache"), List::default());
            let origin = Origin { level: Level::DEBUG, ..origin("event") };
            parts.events.push(EventSlot { time_ns: 1, span: SpanId::INVALID, origin, message, fields, shown: false });
            let slot = FailureSlot {
                type_name: Text::Static("shop::OutOfStock"),
                message: Text::Static("out of stock"),
                ..FailureSlot::new(FailureKind::Service, (SpanId::INVALID, 2))
            };
            parts.failures.push(slot);
        })
    };
    let (unsampled, sampled) = (failed(TraceFlags::RANDOM), failed(TraceFlags::SAMPLED));
    assert_eq!(Traces::default().verdict(&unsampled), Verdict::Sampled);
    let all = Logs::with(LevelFilter::TRACE);
    assert_eq!((all.verdict(&unsampled), all.verdict(&sampled)), (Verdict::Send, Verdict::Send));
    let names = |record: &Record| logs(&[record]).into_iter().map(|log| log.event_name).collect::<Vec<_>>();
    assert_eq!(names(&unsampled), ["http.server.request.exception"]);
    assert_eq!(names(&sampled), ["", "http.server.request.exception"]);
    let mut out = Vec::new();
    Logs::with(LevelFilter::INFO).encode(&[&sampled], &resource(), &mut out);
    let decoded = ExportLogsServiceRequest::decode(&out[..]).unwrap();
    assert_eq!(decoded.resource_logs[0].scope_logs[0].log_records.len(), 1, "the level leaves failures alone");
}

#[test]
fn a_span_says_how_many_it_stands_for() {
    for (state, expected) in [("ot=th:c", Some(Any::DoubleValue(4.0))), ("ot=th:0", None), ("vendor=1", None)] {
        let record = request(|parts| parts.trace_state = Text::Static(state));
        let span = spans(&[&record]).remove(0);
        assert_eq!(span.trace_state, state);
        assert_eq!(attributes(&span.attributes).get("campanile.weight").cloned(), expected, "{state}");
    }
}

#[test]
fn an_event_is_a_log_record_of_its_trace() {
    let record = request(|parts| {
        for (index, level) in [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR].into_iter().enumerate() {
            let mut fields = List::default();
            parts.push_field(&mut fields, Text::Static("big"), crate::record::parts::Slot::U64(u64::MAX));
            parts.push_field(&mut fields, Text::Static("ratio"), crate::record::parts::Slot::F64(0.5));
            parts.push_field(&mut fields, Text::Static("ratio"), crate::record::parts::Slot::F64(0.7));
            parts.events.push(EventSlot {
                time_ns: index as u64,
                span: if index == 0 { SpanId::INVALID } else { SpanId([1; 8]) },
                origin: crate::record::parts::Origin { level, ..origin("event") },
                message: Text::Static("sold"),
                fields,
                shown: true,
            });
        }
    });
    let all = logs(&[&record]);
    let severities: Vec<_> = all.iter().map(|log| (log.severity_number, log.severity_text.as_str())).collect();
    assert_eq!(severities, [(1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR")]);
    assert_eq!((&all[0].span_id, &all[1].span_id), (&vec![0x22; 8], &vec![1; 8]));
    let log = &all[1];
    assert_eq!((&log.trace_id, log.flags), (&vec![0x11; 16], 1));
    assert_eq!(log.time_unix_nano, 1_700_000_000_000_000_001);
    assert_eq!(log.observed_time_unix_nano, log.time_unix_nano);
    assert_eq!(log.body.clone().unwrap().value, Some(text("sold")));
    assert_eq!((log.event_name.as_str(), log.dropped_attributes_count), ("", 1));
    let expected = [
        ("target", text("shop")),
        ("code.file.path", text("src/shop.rs")),
        ("code.line.number", Any::IntValue(7)),
        ("big", text("18446744073709551615")),
        ("ratio", Any::DoubleValue(0.5)),
    ];
    assert_eq!(attributes(&log.attributes), expected.map(|(key, value)| (key.to_owned(), value)).into());
}

#[test]
fn an_event_outside_any_request_has_no_trace() {
    let log = logs(&[&event("started")]).remove(0);
    assert_eq!((log.trace_id.len(), log.span_id.len(), log.flags), (0, 0, 0));
    assert_eq!(log.body.unwrap().value, Some(text("started")));
}

#[test]
fn a_failure_is_an_exception_event_with_its_causes() {
    let record = request(|parts| {
        parts.outcome = Outcome::Failed;
        parts.causes.push(CauseSlot { type_name: Text::EMPTY, message: Text::Static("disk full") });
        parts.causes.push(CauseSlot { type_name: Text::Static("io::Error"), message: Text::Static("no space") });
        parts.failures.push(FailureSlot {
            type_name: Text::Static("shop::Error"),
            message: Text::Static("cannot save"),
            file: Text::Static("src/shop.rs"),
            line: 3,
            backtrace: Text::Static("0: main\n"),
            causes: (0, 2),
            ..FailureSlot::new(FailureKind::Service, (SpanId::INVALID, 9))
        });
    });
    let log = logs(&[&record]).remove(0);
    assert_eq!((log.event_name.as_str(), log.severity_number), ("http.server.request.exception", 17));
    assert_eq!((log.trace_id, log.span_id), (vec![0x11; 16], vec![0x22; 8]));
    let expected = [
        ("exception.type", text("shop::Error")),
        ("exception.message", text("cannot save")),
        ("exception.stacktrace", text("shop::Error: cannot save\ncaused by: disk full\ncaused by: io::Error: no space\n0: main")),
        ("campanile.failure.kind", text("service_error")),
        ("code.file.path", text("src/shop.rs")),
        ("code.line.number", Any::IntValue(3)),
    ];
    assert_eq!(attributes(&log.attributes), expected.map(|(key, value)| (key.to_owned(), value)).into());
    let span = spans(&[&record]).remove(0);
    assert_eq!(attributes(&span.attributes)["error.type"], text("shop::Error"));
}

#[test]
fn a_changed_resource_is_encoded_anew() {
    let record = request(|_| {});
    let mut encoder = Traces::default();
    for name in ["shop", "bank"] {
        let mut resource = resource();
        resource.set("service.name", name);
        let mut out = Vec::new();
        encoder.encode(&[&record], &resource, &mut out);
        let decoded = ExportTraceServiceRequest::decode(&out[..]).unwrap();
        let attributes = attributes(&decoded.resource_spans[0].resource.as_ref().unwrap().attributes);
        assert_eq!(attributes["service.name"], text(name));
    }
}

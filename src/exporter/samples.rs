//! Records for the tests of exporters.

use std::sync::Arc;

use tracing::Level;

use super::{Batch, ExportError, Exporter, Patience};
use crate::record::parts::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, List, Media, Origin, Parts, RedactionSlot, Side, SpanSlot, Text,
};
use crate::record::{FailureKind, Kind, Losses, Outcome, Record, Resource, SpanId, SpanKind, TraceFlags, TraceId, Value};

/// 2026-01-02T12:04:11.018Z.
pub(super) const NOON: u64 = 1_767_355_451_018_000_000;

const MAX: usize = 16 * 1024;

/// `GET /orders/981` with a route, answered with 200.
pub(super) fn answered() -> Parts {
    let mut parts = Parts {
        trace_id: TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
        span_id: SpanId::parse("8f2c1a2b3c4d5e6f").unwrap(),
        trace_flags: TraceFlags::SAMPLED,
        sequence: 1,
        start_unix_ns: NOON,
        head_ns: Some(3_000_000),
        duration_ns: 3_100_000,
        method: Text::Static("GET"),
        path: Text::Static("/orders/981"),
        route: Some(Text::Static("/orders/{id}")),
        scheme: Text::Static("http"),
        host: Some(Text::Static("localhost")),
        port: Some(3000),
        protocol_version: Text::Static("1.1"),
        peer: Some("127.0.0.1:50000".parse().unwrap()),
        status: Some(200),
        response_bytes: 1_229,
        ..Parts::default()
    };
    parts.request_id = parts.push_text("01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b", MAX);
    parts
}

/// One that failed with an error that has a chain, after two events.
pub(super) fn failed() -> Parts {
    let mut parts = answered();
    parts.duration_ns = 61_700_000;
    parts.path = Text::Static("/orders/981/pdf");
    parts.query = Some(Text::Static("lang=de"));
    parts.route = Some(Text::Static("/orders/{id}/pdf"));
    parts.status = Some(500);
    parts.response_bytes = 38;
    attribute(&mut parts, "user", Value::I64(42));
    push_failure(
        &mut parts,
        FailureKind::Attached,
        "shop::RenderError",
        "template `invoice` missing field `vat`",
        &[("", "KeyNotFound(\"vat\")")],
    );
    push_event(&mut parts, Level::DEBUG, "loaded order", &[("id", Value::I64(981)), ("lines", Value::U64(3))]);
    parts
}

pub(super) fn attribute(parts: &mut Parts, name: &str, value: Value<'_>) {
    let (name, value) = (parts.push_text(name, MAX), parts.push_value(value, MAX));
    parts.set_attribute(name, value);
}

pub(super) fn push_failure(parts: &mut Parts, kind: FailureKind, type_name: &str, message: &str, causes: &[(&str, &str)]) {
    let first = parts.causes.len() as u32;
    for (type_name, message) in causes {
        let cause = CauseSlot { type_name: parts.push_text(type_name, MAX), message: parts.push_text(message, MAX) };
        parts.causes.push(cause);
    }
    let failure = FailureSlot {
        type_name: parts.push_text(type_name, MAX),
        message: parts.push_text(message, MAX),
        file: Text::Static("src/pdf.rs"),
        line: 88,
        causes: (first, causes.len() as u32),
        ..FailureSlot::new(kind, (parts.span_id, 61_000_000))
    };
    parts.failures.push(failure);
}

pub(super) fn push_event(parts: &mut Parts, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
    let list = list(parts, fields);
    let event = EventSlot {
        time_ns: 1_300_000,
        span: parts.span_id,
        origin: origin(level, "event"),
        message: parts.push_text(message, MAX),
        fields: list,
        shown: false,
    };
    parts.events.push(event);
}

fn list(parts: &mut Parts, fields: &[(&str, Value<'_>)]) -> List {
    let mut list = List::default();
    for (name, value) in fields {
        let (name, value) = (parts.push_text(name, MAX), parts.push_value(*value, MAX));
        parts.push_field(&mut list, name, value);
    }
    list
}

fn origin(level: Level, name: &'static str) -> Origin {
    Origin {
        name: Text::Static(name),
        target: Text::Static("shop::orders"),
        file: Text::Static("src/orders.rs"),
        line: 41,
        level,
    }
}

/// One event of a running request.
pub(super) fn live(level: Level, message: &str, fields: &[(&str, Value<'_>)]) -> Parts {
    let from = answered();
    let mut parts =
        Parts { kind: Kind::Live, trace_id: from.trace_id, span_id: from.span_id, start_unix_ns: NOON, ..Parts::default() };
    parts.request_id = Text::Static("01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b");
    push_event(&mut parts, level, message, fields);
    parts
}

/// A background job.
pub(super) fn span(fields: &[(&str, Value<'_>)]) -> Parts {
    let id = SpanId([7; 8]);
    let mut parts = Parts { kind: Kind::Span, span_id: id, start_unix_ns: NOON, duration_ns: 250_000_000, ..Parts::default() };
    let fields = list(&mut parts, fields);
    let origin = origin(Level::INFO, "cleanup");
    parts.push_span(SpanSlot {
        id,
        parent: SpanId::INVALID,
        origin,
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: 0,
        end_ns: 250_000_000,
        fields,
    });
    parts
}

/// An outgoing request outside any other.
pub(super) fn call(error: &'static str, status: Option<i64>) -> Parts {
    let mut fields = vec![
        ("http.request.method", Value::Str("GET")),
        ("url.full", Value::Str("http://stock.example:81/items?q=1")),
        ("server.address", Value::Str("stock.example")),
        ("server.port", Value::I64(81)),
        ("http.request.resend_count", Value::I64(1)),
    ];
    fields.extend(status.map(|status| ("http.response.status_code", Value::I64(status))));
    let mut parts = span(&fields);
    for slot in &mut parts.spans {
        slot.origin = Origin { name: Text::Static("GET"), target: Text::EMPTY, file: Text::EMPTY, line: 0, level: Level::INFO };
        (slot.kind, slot.error) = (SpanKind::Client, Text::Static(error));
    }
    parts
}

/// An error of one.
pub(super) fn exception() -> Parts {
    let fields = [("exception.type", Value::Str("io::Error")), ("exception.message", Value::Str("refused"))];
    let mut parts = live(Level::WARN, "GET stock.example:81 failed", &fields);
    for slot in &mut parts.events {
        let (name, target) = (Text::Static("http.client.request.exception"), Text::Static("campanile::client"));
        slot.origin = Origin { name, target, file: Text::EMPTY, line: 0, level: Level::WARN };
    }
    parts
}

/// One record with `text` wherever outside text can stand.
pub(super) fn everywhere(text: &str) -> Vec<Parts> {
    let mut request = answered();
    let value = request.push_text(text, MAX);
    request.method = value;
    request.path = value;
    request.query = Some(value);
    request.route = Some(value);
    request.scheme = value;
    request.host = Some(value);
    request.user_agent = Some(value);
    request.trace_state = value;
    request.request_id = value;
    request.inbound_request_id = Some(value);
    request.protocol_version = value;
    request.status = Some(500);
    request.push_header(Side::Request, "x-test", Some(text.as_bytes()), text.len());
    attribute(&mut request, text, Value::Str(text));
    for kind in [FailureKind::Panic, FailureKind::Attached] {
        push_failure(&mut request, kind, text, text, &[(text, text)]);
    }
    for failure in &mut request.failures {
        failure.file = value;
        failure.backtrace = value;
    }
    push_event(&mut request, Level::INFO, text, &[(text, Value::Str(text))]);
    request.probe = Some(value);
    let body = BodySlot { media: Media::Text, content: value, kept_bytes: 1, skipped: value };
    (request.request_body, request.response_body) = (Some(body), Some(body));
    request.push_redaction(RedactionSlot { place: value, key: value, rule: value, len: 1, hash: 1 });
    let mut gone = answered();
    gone.path = gone.push_text(text, MAX);
    gone.route = None;
    gone.status = None;
    gone.outcome = Outcome::ClientGoneBeforeHead;
    let mut rpc = answered();
    rpc.path = rpc.push_text(text, MAX);
    rpc.is_rpc = true;
    rpc.rpc_status = Some(13);
    let mut event = live(Level::WARN, text, &[(text, Value::Str(text)), ("level", Value::Str(text))]);
    let value = event.push_text(text, MAX);
    event.request_id = value;
    for slot in &mut event.events {
        slot.origin.target = value;
        slot.origin.file = value;
    }
    let mut job = span(&[(text, Value::Str(text))]);
    let value = job.push_text(text, MAX);
    for slot in &mut job.spans {
        slot.origin.target = value;
        slot.origin.name = value;
        slot.error = value;
    }
    let names = ["http.request.method", "url.full", "http.response.status_code", "server.address"];
    let mut call = span(&names.map(|name| (name, Value::Str(text))));
    let value = call.push_text(text, MAX);
    for slot in &mut call.spans {
        (slot.kind, slot.error, slot.origin.name) = (SpanKind::Client, value, value);
    }
    let fields = list(&mut request, &names.map(|name| (name, Value::Str(text))));
    let error = request.push_text(text, MAX);
    request.spans.extend(call.spans.first().map(|slot| SpanSlot {
        fields,
        error,
        origin: Origin { name: error, ..slot.origin },
        ..*slot
    }));
    vec![request, gone, rpc, event, job, call]
}

pub(super) fn resource() -> Resource {
    let mut resource = Resource::default();
    resource.set("service.name", "shop");
    resource.set("service.version", "1.4.0");
    resource
}

/// Hands records over as the pipeline does; returns what the exporter gave up without an error.
pub(super) fn export(
    exporter: &mut dyn Exporter,
    parts: impl IntoIterator<Item = Parts>,
    losses: &Losses,
) -> Result<Losses, ExportError> {
    struct Sent(Record);
    impl AsRef<Record> for Sent {
        fn as_ref(&self) -> &Record {
            &self.0
        }
    }
    let records: Vec<Arc<dyn AsRef<Record> + Send + Sync>> =
        parts.into_iter().map(|parts| Arc::new(Sent(Record::new(Box::new(parts)))) as _).collect();
    let (resource, patience) = (resource(), Patience::default());
    let batch = Batch::new(&records, &resource, losses, &patience);
    exporter.export(&batch).map(|()| batch.given_up())
}

/// A writer whose text can be read while the exporter holds it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<std::sync::Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

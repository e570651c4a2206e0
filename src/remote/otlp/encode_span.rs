//! Requests and the spans inside them, as OTLP spans.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0: HTTP server spans, gRPC server spans, recording errors.

use super::encode::{Attributes, Sends};
use super::key::key;
use super::proto;
use crate::digits;
use crate::record::{Body, ErrorClass, Header, Kind, Record, Span, SpanId, SpanKind, TraceId, present, rpc_code, threshold};

/// `StatusCode`.
const ERROR: u64 = 2;
/// Fields of a `Span`.
const ATTRIBUTES: u32 = 9;
const DROPPED_ATTRIBUTES: u32 = 10;
const DROPPED_EVENTS: u32 = 12;
const LINKS: u32 = 13;
/// Flags of a span beyond those of the trace context.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Appends every span of a record as field 2 of the scope.
pub(super) fn record(out: &mut Vec<u8>, record: &Record, sends: Sends) {
    let trace = trace_id(record);
    if record.kind() == Kind::Request {
        request(out, record, trace, sends);
    }
    for span in record.spans() {
        child(out, record, trace, &span);
    }
}

/// The trace of a record. A span of work outside any request has none; as OTLP knows no span without, it gets one that
/// its children share.
pub(super) fn trace_id(record: &Record) -> TraceId {
    record.trace_id().unwrap_or_else(|| {
        let first = record.spans().next();
        let root = first.and_then(|span| span.parent_id().or(Some(span.id()))).unwrap_or(record.span_id());
        let mut id = [0; 16];
        let (high, low) = id.split_at_mut(8);
        high.copy_from_slice(&root.0);
        low.copy_from_slice(&root.0);
        TraceId(id)
    })
}

/// What every span begins with.
struct Start<'a> {
    trace: TraceId,
    id: SpanId,
    parent: Option<SpanId>,
    trace_state: &'a str,
    flags: u32,
    kind: u8,
    unix_ns: (u64, u64),
}

impl Start<'_> {
    /// Begins the span; what has the same length in every one is put together first.
    fn write(&self, out: &mut Vec<u8>) -> usize {
        let mut ids = [0; 33];
        ids[..5].copy_from_slice(&proto::opening(2));
        ids[5..7].copy_from_slice(&[1 << 3 | 2, 16]);
        ids[7..23].copy_from_slice(&self.trace.0);
        ids[23..25].copy_from_slice(&[2 << 3 | 2, 8]);
        ids[25..].copy_from_slice(&self.id.0);
        out.extend_from_slice(&ids);
        let span = out.len() - (ids.len() - proto::opening(2).len());
        proto::bytes(out, 3, self.trace_state.as_bytes());
        if let Some(parent) = self.parent {
            let mut id = [4 << 3 | 2, 8, 0, 0, 0, 0, 0, 0, 0, 0];
            id[2..].copy_from_slice(&parent.0);
            out.extend_from_slice(&id);
        }
        let mut rest = [0; 26];
        rest[..3].copy_from_slice(&[6 << 3, self.kind, 7 << 3 | 1]);
        rest[3..11].copy_from_slice(&self.unix_ns.0.to_le_bytes());
        rest[11] = 8 << 3 | 1;
        rest[12..20].copy_from_slice(&self.unix_ns.1.to_le_bytes());
        // The tag of field 16 takes two bytes.
        rest[20..22].copy_from_slice(&[5 | 0x80, 1]);
        rest[22..].copy_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&rest);
        span
    }
}

fn request(out: &mut Vec<u8>, record: &Record, trace: TraceId, sends: Sends) {
    let remote = if record.parent_is_remote() && record.parent_span_id().is_some() { IS_REMOTE } else { 0 };
    let span = Start {
        trace,
        id: record.span_id(),
        parent: record.parent_span_id(),
        trace_state: record.trace_state(),
        flags: u32::from(record.trace_flags().0) | HAS_IS_REMOTE | remote,
        kind: SpanKind::Server.number(),
        unix_ns: (record.start_unix_ns(), record.end_unix_ns()),
    }
    .write(out);
    let (name, route) = name(record);
    let name_bytes = name.len() + route.map_or(0, |route| 1 + route.len());
    proto::varint(out, 5 << 3 | 2);
    proto::varint(out, name_bytes as u64);
    out.extend_from_slice(name.as_bytes());
    if let Some(route) = route {
        out.push(b' ');
        out.extend_from_slice(route.as_bytes());
    }
    let mut attributes = Attributes::new(out, ATTRIBUTES);
    request_attributes(&mut attributes, record, sends);
    let dropped = record.dropped();
    attributes.finish(DROPPED_ATTRIBUTES, dropped.fields.saturating_add(dropped.headers));
    proto::number(out, DROPPED_EVENTS, u64::from(dropped.events));
    if let Some((trace_id, span_id, flags)) = record.linked_span() {
        let link = proto::begin(out, LINKS);
        proto::bytes(out, 1, &trace_id.0);
        proto::bytes(out, 2, &span_id.0);
        proto::fixed32(out, 6, u32::from(flags.0) | HAS_IS_REMOTE | IS_REMOTE);
        proto::end(out, link);
    }
    if record.is_failed() {
        failed(out);
    }
    proto::end(out, span);
}

/// Everything that a request's span says of it.
pub(super) fn request_attributes(attributes: &mut Attributes<'_>, record: &Record, sends: Sends) {
    let rpc_method = record.is_rpc().then(|| record.rpc_method());
    match rpc_method {
        Some(method) => rpc(attributes, record, method),
        None => http(attributes, record),
    }
    if sends.headers {
        let (request, response) = match rpc_method {
            Some(_) => ("rpc.request.metadata.", "rpc.response.metadata."),
            None => ("http.request.header.", "http.response.header."),
        };
        headers(attributes, request, record.request_headers());
        headers(attributes, response, record.response_headers());
    }
    if sends.bodies {
        body(attributes, record.request_body(), &REQUEST_BODY);
        body(attributes, record.response_body(), &RESPONSE_BODY);
    }
    connection(attributes, record);
    own(attributes, record);
    attributes.push_fields(record.attributes());
}

/// The name of a request's span: the method of gRPC; else that of HTTP, and the route that stands behind it.
pub(super) fn name(record: &Record) -> (&str, Option<&str>) {
    if record.is_rpc() {
        return (record.rpc_method().unwrap_or("grpc"), None);
    }
    (record.known_method().unwrap_or("HTTP"), record.route().filter(|route| !route.is_empty()))
}

fn http(attributes: &mut Attributes<'_>, record: &Record) {
    let method = record.known_method();
    attributes.push(key!("http.request.method"), method.unwrap_or("_OTHER"));
    if method.is_none() {
        attributes.push(key!("http.request.method_original"), record.method());
    }
    attributes.push(key!("url.path"), record.path());
    attributes.push_some(key!("url.query"), record.query());
    attributes.push_some(key!("url.scheme"), present(record.scheme()));
    attributes.push_some(key!("http.route"), record.route());
    attributes.push_some(key!("http.response.status_code"), record.status());
    attributes.push_some(key!("error.type"), record.error_type());
    attributes.push_some(key!("http.request.body.size"), record.request_body_bytes());
    if record.status().is_some() {
        attributes.push(key!("http.response.body.size"), record.response_body_bytes());
    }
}

fn rpc(attributes: &mut Attributes<'_>, record: &Record, method: Option<&str>) {
    attributes.push(key!("rpc.system.name"), "grpc");
    attributes.push(key!("rpc.method"), method.unwrap_or("_OTHER"));
    if method.is_none() {
        let original = record.path().strip_prefix('/').unwrap_or(record.path());
        attributes.push_some(key!("rpc.method_original"), present(original));
    }
    attributes.push_some(key!("rpc.response.status_code"), record.rpc_status().map(rpc_code));
    if record.rpc_status().is_none() {
        // Refused before gRPC came to speak: the status of HTTP is all there is.
        attributes.push_some(key!("http.response.status_code"), record.status());
    }
    attributes.push_some(key!("error.type"), record.error_type());
    attributes.push_some(key!("campanile.rpc.request.messages"), record.rpc_request_messages());
    attributes.push_some(key!("campanile.rpc.response.messages"), record.rpc_response_messages());
}

fn connection(attributes: &mut Attributes<'_>, record: &Record) {
    attributes.push_some(key!("server.address"), record.host());
    if record.host().is_some() {
        attributes.push_some(key!("server.port"), record.port());
    }
    let client = record.client_address().map(digits::address);
    let client = client.as_ref().map(|client| client.as_str());
    attributes.push_some(key!("client.address"), client);
    if let Some(peer) = record.peer() {
        // Usually the same; an address becomes text once.
        let address = peer.ip().to_canonical();
        let own = (record.client_address() != Some(address)).then(|| digits::address(address));
        attributes.push_some(key!("network.peer.address"), own.as_ref().map(|own| own.as_str()).or(client));
        attributes.push(key!("network.peer.port"), peer.port());
    }
    attributes.push_some(key!("network.protocol.version"), present(record.protocol_version()));
    attributes.push_some(key!("user_agent.original"), record.user_agent());
}

/// Names of what was kept of a body: its start, why there is none, whether there was more.
type BodyKeys = [&'static str; 3];
const REQUEST_BODY: BodyKeys =
    ["http.request.body.content", "campanile.request.body.skipped", "campanile.request.body.truncated"];
const RESPONSE_BODY: BodyKeys =
    ["http.response.body.content", "campanile.response.body.skipped", "campanile.response.body.truncated"];

fn body(attributes: &mut Attributes<'_>, body: Option<Body<'_>>, [content, skipped, truncated]: &BodyKeys) {
    let Some(body) = body else { return };
    if let Some(reason) = body.skipped() {
        return attributes.push_named(skipped, reason.into());
    }
    attributes.push_named(content, body.content().into());
    if body.is_truncated() {
        attributes.push_named(truncated, true.into());
    }
}

/// What no convention has a name for.
fn own(attributes: &mut Attributes<'_>, record: &Record) {
    if let Some(id) = present(record.request_id()) {
        attributes.push(key!("campanile.request.id"), id);
        attributes.push(key!("campanile.request.id.source"), record.request_id_source().as_str());
    }
    attributes.push_some(key!("campanile.request.id.inbound"), record.inbound_request_id());
    attributes.push(key!("campanile.outcome"), record.outcome().as_str());
    attributes.push_some(key!("campanile.probe"), record.probe());
    // Of every span that is sent: the receiver has only what was sampled, for whatever reason else it was kept.
    let weight = threshold::read(record.trace_state()).map(threshold::weight);
    attributes.push_some(key!("campanile.weight"), weight.filter(|weight| *weight != 1.0));
    attributes.push_some(key!("campanile.time_to_first_byte_ns"), record.time_to_first_byte_ns());
    let dropped_spans = record.dropped().spans;
    load(attributes, record);
    attributes.push_some(key!("campanile.dropped_spans"), (dropped_spans > 0).then_some(dropped_spans));
}

/// What kind of trouble it met, how much there was to do when it came, and what the process looked like.
fn load(attributes: &mut Attributes<'_>, record: &Record) {
    let class = record.error_class();
    attributes.push_some(key!("campanile.error.class"), class.map(ErrorClass::as_str));
    if record.tells_load_of(class) {
        attributes.push_some(key!("campanile.in_flight"), record.in_flight());
        attributes.push_some(key!("campanile.route.in_flight"), record.in_flight_on_route());
    }
    let Some(vitals) = record.vitals() else { return };
    attributes.push_some(key!("campanile.process.memory_bytes"), vitals.memory_bytes);
    attributes.push_some(key!("campanile.process.open_files"), vitals.open_files);
    attributes.push_some(key!("campanile.process.cpu_cores"), vitals.cpu_ratio);
    attributes.push_some(key!("campanile.runtime.lag_ns"), vitals.runtime_lag_ns);
    attributes.push_some(key!("campanile.runtime.busy_ratio"), vitals.runtime_busy_ratio);
    attributes.push_some(key!("campanile.runtime.tasks"), vitals.runtime_tasks);
}

/// Headers whose value was kept, each name once with all its values.
fn headers<'a>(attributes: &mut Attributes<'_>, prefix: &str, headers: impl Iterator<Item = Header<'a>> + Clone) {
    let kept = headers.filter_map(|header| Some((header.name(), header.value()?)));
    for (index, (name, _)) in kept.clone().enumerate() {
        if !kept.clone().take(index).any(|(earlier, _)| earlier == name) {
            let values = kept.clone().filter(|(other, _)| *other == name).map(|(_, value)| value);
            attributes.push_texts(prefix, name, values);
        }
    }
}

fn child(out: &mut Vec<u8>, record: &Record, trace: TraceId, child: &Span<'_>) {
    let around = (record.kind() == Kind::Request).then(|| record.span_id());
    let start = record.start_unix_ns();
    let span = Start {
        trace,
        id: child.id(),
        parent: child.parent_id().or(around),
        trace_state: record.trace_state(),
        flags: u32::from(record.trace_flags().0) | HAS_IS_REMOTE,
        kind: child.kind().number(),
        unix_ns: (start.saturating_add(child.start_ns()), start.saturating_add(child.end_ns())),
    }
    .write(out);
    proto::bytes(out, 5, child.name().as_bytes());
    let mut attributes = Attributes::new(out, ATTRIBUTES);
    child_attributes(&mut attributes, child);
    attributes.finish(DROPPED_ATTRIBUTES, 0);
    if child.error_type().is_some() {
        failed(out);
    }
    proto::end(out, span);
}

/// Everything that a span inside a request says of itself.
pub(super) fn child_attributes(attributes: &mut Attributes<'_>, child: &Span<'_>) {
    attributes.push_some(key!("target"), present(child.target()));
    attributes.push_some(key!("code.file.path"), child.file());
    attributes.push_some(key!("code.line.number"), child.line());
    attributes.push_some(key!("error.type"), child.error_type());
    attributes.push_fields(child.fields());
}

/// The status of a span that failed, without a description: `error.type` says it, and a message may hold what is private.
fn failed(out: &mut Vec<u8>) {
    let status = proto::begin(out, 15);
    proto::number(out, 3, ERROR);
    proto::end(out, status);
}

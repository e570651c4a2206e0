//! A span becomes a request, or a part of one.

use std::net::SocketAddr;

use tracing::Level;

use super::attributes::Attributes;
use super::keys::{LEVEL, OPEN, TOP, TRAILER};
use super::of_log::level_named;
use super::read_own::{Own, media};
use super::wire::{Span, Word};
use crate::archive::address::{Address, host_and_port};
use crate::archive::make::{Maker, ToldRedaction, push_field_text, push_uri, push_word};
use crate::record::parts::{BodySlot, FailureSlot, LinkSlot, OPEN as STILL_OPEN, Origin, Parts, Side, SpanSlot, Text};
use crate::record::{FailureKind, Kept, Kind, Outcome, RequestIdSource, SpanId, SpanKind, TraceFlags, TraceId, rpc_code};

/// Set where the parent came from another process.
const IS_REMOTE: i64 = 0x200;

/// `SpanKind`.
pub(super) fn kind(word: &Word) -> SpanKind {
    match word.number("SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]) {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// Whether its status is an error.
fn is_error(span: &Span) -> bool {
    span.status.code.number("STATUS_CODE_", &["UNSET", "OK", "ERROR"]) == 2
}

/// Whether a span that says nothing of a record stands for a request.
pub(super) fn is_request(span: &Span) -> bool {
    let has = |names: &[&str]| span.attributes.iter().any(|pair| names.contains(&pair.key.as_str()));
    kind(&span.kind) == SpanKind::Server
        && has(&["http.request.method", "http.method", "rpc.system.name", "rpc.system", "url.full", "http.url"])
}

/// What every record takes from its own span.
fn identity(parts: &mut Parts, span: &Span, own: Option<&mut Own>) {
    parts.trace_id = span.trace_id.0;
    if own.is_some_and(|own| own.pairs.flag(&["no_trace"])) {
        parts.trace_id = TraceId::INVALID;
    }
    parts.span_id = span.span_id.0;
    parts.parent_span_id = span.parent_span_id.0;
    parts.parent_is_remote = span.flags.0 & IS_REMOTE != 0;
    parts.trace_flags = TraceFlags((span.flags.0 & 0xff) as u8);
    parts.trace_state = push_word(parts, &span.trace_state);
    parts.start_unix_ns = span.start_time_unix_nano.unsigned();
    parts.duration_ns = span.end_time_unix_nano.unsigned().saturating_sub(parts.start_unix_ns);
}

/// The record of a request, without what happened in it.
pub(super) fn request(maker: &Maker, mut span: Span, mut own: Option<Own>) -> (Box<Parts>, Vec<ToldRedaction>) {
    let mut parts = Box::new(Parts::default());
    identity(&mut parts, &span, own.as_mut());
    if let Some(link) = span.links.first().filter(|link| own.is_some() && link.trace_id.0.is_valid()) {
        let trace_flags = TraceFlags((link.flags.0 & 0xff) as u8);
        parts.link = Some(LinkSlot { trace_id: link.trace_id.0, span_id: link.span_id.0, trace_flags });
    }
    parts.dropped_fields = span.dropped_attributes_count.count();
    parts.dropped_events = span.dropped_events_count.count();
    parts.kept = Some(Kept::All);
    let mut given = Attributes::new(std::mem::take(&mut span.attributes));
    ids(&mut parts, &mut given);
    head(&mut parts, &mut given);
    if let Some(own) = &mut own {
        own_head(&mut parts, own);
        own.about(&mut parts);
    }
    connection(&mut parts, &mut given, own.as_mut());
    headers(maker, &mut parts, &mut given, own.as_mut());
    parts.request_body = body(&mut parts, &mut given, own.as_mut(), "request", "http.request.body.content");
    parts.response_body = body(&mut parts, &mut given, own.as_mut(), "response", "http.response.body.content");
    let error_type = given.text(&["error.type"]);
    end(&mut parts, &mut given, &span, error_type, own.is_some());
    given.drop_below("campanile.");
    parts.attributes = given.fields(&mut parts);
    let told = own.as_mut().map(Own::redactions).unwrap_or_default();
    (parts, told)
}

fn ids(parts: &mut Parts, given: &mut Attributes) {
    parts.request_id =
        push_word(parts, &given.text(&["campanile.request.id", "http.request.id", "request.id"]).unwrap_or_default());
    let source = given.text(&["campanile.request.id.source"]).unwrap_or_default();
    let sources = [RequestIdSource::Generated, RequestIdSource::Inbound, RequestIdSource::Extension, RequestIdSource::Maker];
    parts.request_id_source = sources.into_iter().find(|known| known.as_str() == source).unwrap_or(RequestIdSource::Inbound);
    parts.inbound_request_id = given.text(&["campanile.request.id.inbound"]).map(|id| push_word(parts, &id));
}

/// Method, address and answer, by the names of today and those of before 2023.
fn head(parts: &mut Parts, given: &mut Attributes) {
    let system = given.text(&["rpc.system.name", "rpc.system"]);
    parts.is_rpc = system.as_deref() == Some("grpc");
    let original = given.text(&["http.request.method_original"]);
    let method = given.text(&["http.request.method", "http.method"]).unwrap_or_default();
    parts.has_unknown_method = method == "_OTHER";
    let method = if parts.has_unknown_method { original.unwrap_or(method) } else { method };
    parts.method = push_word(parts, &method);
    let whole = given.text(&["url.full", "http.url"]).unwrap_or_default();
    let target = given.any_text(&["http.target"]).unwrap_or_default();
    let (url, target) = (Address::of(&whole), Address::of(&target));
    let path = given.any_text(&["url.path"]);
    let own_path = if target.path.is_empty() { url.path } else { target.path };
    parts.path = push_uri(parts, path.as_deref().unwrap_or(own_path));
    let query = given.any_text(&["url.query"]);
    parts.query = query.as_deref().or(target.query).or(url.query).map(|query| push_uri(parts, query));
    let scheme = given.text(&["url.scheme", "http.scheme"]);
    parts.scheme = push_word(parts, scheme.as_deref().unwrap_or(url.scheme));
    let named = given.text(&["server.address", "net.host.name", "http.host", "http.server_name"]).unwrap_or_default();
    let (host, port) = if named.contains("::") { (named.as_str(), None) } else { host_and_port(&named) };
    let host = if host.is_empty() { url.host } else { host };
    parts.host = (!host.is_empty()).then(|| push_word(parts, host));
    parts.port = given.number(&["server.port", "net.host.port"]).or(port).or(url.port);
    parts.route = given.any_text(&["http.route"]).map(|route| push_uri(parts, &route));
    parts.status = given.number(&["http.response.status_code", "http.status_code"]).filter(|status| (100..1000).contains(status));
    parts.request_bytes = given.number(&["http.request.body.size", "http.request_content_length"]);
    parts.response_bytes = given.number(&["http.response.body.size", "http.response_content_length"]).unwrap_or_default();
    if parts.is_rpc {
        rpc(parts, given);
    }
}

fn rpc(parts: &mut Parts, given: &mut Attributes) {
    let (method, original) = (given.text(&["rpc.method"]), given.text(&["rpc.method_original"]));
    let method = method.filter(|method| method != "_OTHER").or(original).unwrap_or_default();
    if parts.path == Text::EMPTY || parts.str(parts.path).is_empty() {
        let path = match given.text(&["rpc.service"]) {
            Some(service) => format!("/{service}/{method}"),
            None => format!("/{method}"),
        };
        parts.path = push_uri(parts, &path);
    }
    if parts.str(parts.method).is_empty() {
        parts.method = Text::Static("POST");
    }
    let code = given.text(&["rpc.response.status_code", "rpc.grpc.status_code"]);
    parts.rpc_status = code.and_then(|code| code.parse().ok().or_else(|| (0..=16).find(|number| rpc_code(*number) == code)));
    parts.rpc_request_messages = given.number(&["campanile.rpc.request.messages"]);
    parts.rpc_response_messages = given.number(&["campanile.rpc.response.messages"]);
}

/// What OTLP does not tell of a request.
fn own_head(parts: &mut Parts, own: &mut Own) {
    let pairs = &mut own.pairs;
    if let Some(method) = pairs.text(&["method"]) {
        parts.method = push_word(parts, &method);
        parts.has_unknown_method = pairs.flag(&["unknown_method"]);
        parts.path = push_uri(parts, &pairs.any_text(&["path"]).unwrap_or_default());
        parts.query = pairs.any_text(&["query"]).map(|query| push_uri(parts, &query));
        parts.route = pairs.any_text(&["route"]).map(|route| push_uri(parts, &route));
        parts.scheme = push_word(parts, &pairs.any_text(&["scheme"]).unwrap_or_default());
        parts.status = pairs.number(&["status"]);
        parts.request_bytes = pairs.number(&["request_bytes"]);
    }
    parts.rpc_status = pairs.number(&["rpc_status"]);
    parts.rpc_request_messages = pairs.number(&["rpc_request_messages"]);
    parts.rpc_response_messages = pairs.number(&["rpc_response_messages"]);
    if let Some(bytes) = pairs.number(&["response_bytes"]) {
        parts.response_bytes = bytes;
    }
    parts.port = pairs.number(&["port"]);
    (parts.head_ns, parts.first_byte_ns) = (pairs.number(&["head_ns"]), pairs.number(&["first_byte_ns"]));
}

fn connection(parts: &mut Parts, given: &mut Attributes, own: Option<&mut Own>) {
    let client = given.address(&["client.address", "http.client_ip"]);
    let peer = given.address(&["network.peer.address", "net.sock.peer.addr", "net.peer.ip"]);
    let port = given.number(&["network.peer.port", "net.sock.peer.port", "net.peer.port"]);
    parts.peer = peer.map(|peer| SocketAddr::new(peer, port.unwrap_or_default()));
    parts.client = client.filter(|client| Some(*client) != peer);
    let version = given.text(&["network.protocol.version", "http.flavor"]).unwrap_or_default();
    parts.protocol_version = push_word(parts, &version);
    let agent = given.any_text(&["user_agent.original", "http.user_agent"]);
    parts.user_agent = agent.map(|agent| push_word(parts, &agent));
    parts.probe = given.text(&["campanile.probe"]).map(|probe| push_word(parts, &probe));
    let first_byte = given.number(&["campanile.time_to_first_byte_ns"]);
    match own {
        Some(own) => parts.client_port = own.pairs.number(&["client_port"]),
        None => {
            parts.first_byte_ns = first_byte;
            parts.client_port = given.number(&["client.port"]).filter(|_| parts.client.is_some());
        }
    }
}

/// Headers: each name once with all its values; of a record that was written here also their order, and those without a
/// value.
fn headers(maker: &Maker, parts: &mut Parts, given: &mut Attributes, own: Option<&mut Own>) {
    let mut of_request = given.below("http.request.header.");
    of_request.extend(given.below("rpc.request.metadata."));
    let mut of_response = given.below("http.response.header.");
    of_response.extend(given.below("rpc.response.metadata."));
    let mut trailers = given.below(TRAILER);
    let sides = [(Side::Request, &mut of_request), (Side::Response, &mut of_response), (Side::Trailer, &mut trailers)];
    let told = own.map(Own::headers);
    for (side, values) in sides {
        let Some(told) = &told else {
            maker.headers(parts, side, values.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            continue;
        };
        for header in told.iter().filter(|header| header.side == side) {
            let at = values.iter().position(|(name, _)| *name == header.name).filter(|_| header.is_kept);
            let value = at.map(|at| values.remove(at).1);
            maker.stored_header(parts, side, &header.name, value.as_deref(), header.len);
        }
    }
}

fn body(parts: &mut Parts, given: &mut Attributes, own: Option<&mut Own>, side: &str, content: &str) -> Option<BodySlot> {
    let content = given.any_text(&[content]);
    let skipped = given.text(&[&format!("campanile.{side}.body.skipped")]);
    let kept = own.and_then(|own| own.pairs.map(&format!("{side}_body")));
    if let Some(skipped) = skipped {
        return Some(BodySlot { skipped: push_word(parts, &skipped), ..BodySlot::default() });
    }
    let content = content?;
    let (media, kept_bytes) = kept.map(|mut kept| media(&mut kept)).unwrap_or_default();
    let seen = if side == "request" { parts.request_bytes } else { Some(parts.response_bytes) };
    let mut slot = Maker::text_body(parts, media, content.as_bytes(), seen.unwrap_or(content.len() as u64));
    // The text may have become shorter or longer when its secrets were taken out.
    if kept_bytes > 0 && slot.skipped == Text::EMPTY {
        slot.kept_bytes = kept_bytes;
    }
    Some(slot)
}

/// How it ended.
fn end(parts: &mut Parts, given: &mut Attributes, span: &Span, error_type: Option<String>, is_own: bool) {
    let outcome = given.text(&["campanile.outcome"]).and_then(|word| Outcome::parse(&word));
    if let Some(outcome) = outcome {
        parts.outcome = outcome;
    } else if is_error(span) && parts.status.is_none() && parts.rpc_status.is_none() {
        parts.outcome = Outcome::Failed;
    }
    let is_code = |text: &String| text.parse::<u16>().is_ok() || (0..=16).any(|code| rpc_code(code) == text);
    let error_type = error_type.filter(|text| !is_code(text) && !matches!(text.as_str(), "_OTHER" | "cancelled" | "panic"));
    let message = span.status.message.as_str();
    if !is_own && is_error(span) && (error_type.is_some() || !message.is_empty()) {
        let type_name = push_word(parts, &error_type.unwrap_or_default());
        let message = push_field_text(parts, message);
        let at = (parts.span_id, parts.duration_ns);
        parts.push_failure(FailureSlot { type_name, message, ..FailureSlot::new(FailureKind::Service, at) });
    }
}

/// The record of a span outside any request, with that span.
pub(super) fn outside(span: Span, mut own: Option<Own>) -> (Box<Parts>, Vec<ToldRedaction>) {
    let mut parts = Box::new(Parts::default());
    identity(&mut parts, &span, own.as_mut());
    parts.kind = Kind::Span;
    parts.kept = Some(Kept::All);
    if let Some(own) = &mut own {
        of_no_request(&mut parts, own);
        own.about(&mut parts);
    }
    child(&mut parts, span);
    let told = own.as_mut().map(Own::redactions).unwrap_or_default();
    (parts, told)
}

/// What was written of a record of no request.
pub(super) fn of_no_request(parts: &mut Parts, own: &mut Own) {
    let pairs = &mut own.pairs;
    parts.start_unix_ns = pairs.number(&["start_unix_ns"]).unwrap_or(parts.start_unix_ns);
    parts.duration_ns = pairs.number(&["duration_ns"]).unwrap_or(parts.duration_ns);
    parts.span_id = pairs.span_id("span_id");
    parts.parent_span_id = pairs.span_id("parent_span_id");
    if let Some(id) = pairs.text(&["request_id"]) {
        parts.request_id = push_word(parts, &id);
    }
}

/// Puts a span into a record.
pub(super) fn child(parts: &mut Parts, mut span: Span) {
    if !parts.admits_span() {
        return;
    }
    let kind = kind(&span.kind);
    let has_failed = is_error(&span);
    let mut given = Attributes::new(std::mem::take(&mut span.attributes));
    let (is_open, is_top) = (given.flag(&[OPEN]), given.flag(&[TOP]));
    let level = given.text(&[LEVEL]).map_or(Level::INFO, |word| level_named(&word));
    let origin = Origin {
        name: push_word(parts, &span.name),
        target: push_word(parts, &given.text(&["target", "code.namespace"]).unwrap_or_default()),
        file: push_word(parts, &given.text(&["code.file.path", "code.filepath"]).unwrap_or_default()),
        line: given.number(&["code.line.number", "code.lineno"]).unwrap_or_default(),
        level,
    };
    let error = given.text(&["error.type"]).or_else(|| has_failed.then(|| "_OTHER".to_owned())).unwrap_or_default();
    let error = push_word(parts, &error);
    if has_failed && !span.status.message.is_empty() {
        given.put("otel.status_description", &span.status.message);
    }
    let fields = given.fields(parts);
    let since = |at: u64| at.saturating_sub(parts.start_unix_ns);
    let (start_ns, end_ns) = (since(span.start_time_unix_nano.unsigned()), since(span.end_time_unix_nano.unsigned()));
    let end_ns = if is_open { STILL_OPEN } else { end_ns.max(start_ns) };
    let parent = if is_top { SpanId::INVALID } else { span.parent_span_id.0 };
    parts.spans.push(SpanSlot { id: span.span_id.0, parent, origin, kind, error, start_ns, end_ns, fields });
}

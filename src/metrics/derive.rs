//! Which attributes a record gives to its measurements.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0: HTTP metrics, gRPC metrics. What is opt-in because clients can make it up
//! is left out.

use super::set::Set;
use crate::record::{Record, Span, Value, present, rpc_code};

/// A method that nobody knows.
const OTHER: &str = "_OTHER";

pub(super) fn http_server(record: &Record) -> Set<'_> {
    let mut set = Set::new();
    set.push("http.request.method", record.known_method().unwrap_or(OTHER));
    set.push_some("url.scheme", present(record.scheme()));
    set.push_some("http.route", record.route());
    set.push_some("http.response.status_code", record.status());
    set.push_some("error.type", record.error_type());
    set.push_some("network.protocol.version", present(record.protocol_version()));
    set
}

pub(super) fn rpc_server(record: &Record) -> Set<'_> {
    let mut set = Set::new();
    set.push("rpc.system.name", "grpc");
    // Without an answer nobody has said that there is such a method.
    let method = record.rpc_method().filter(|_| record.status().is_some());
    set.push("rpc.method", method.unwrap_or(OTHER));
    set.push_some("rpc.response.status_code", record.rpc_status().map(rpc_code));
    set.push_some("error.type", record.error_type());
    set
}

/// Which metric a client span counts for.
pub(super) enum Client<'a> {
    Http(Set<'a>),
    Rpc(Set<'a>),
}

/// `None` of a span that tells neither a method of HTTP nor a system of calls.
pub(super) fn client<'a>(span: &Span<'a>) -> Option<Client<'a>> {
    let (mut method, mut status, mut address, mut port, mut error, mut version) = (None, None, None, None, None, None);
    let (mut system, mut rpc_method, mut rpc_status) = (None, None, None);
    for field in span.fields() {
        match field.name() {
            "http.request.method" => method = text(field.value()),
            "http.response.status_code" => status = number(field.value()),
            "server.address" => address = text(field.value()),
            "server.port" => port = number(field.value()),
            "error.type" => error = text(field.value()),
            "network.protocol.version" => version = text(field.value()),
            "rpc.system.name" => system = text(field.value()),
            "rpc.method" => rpc_method = text(field.value()),
            "rpc.response.status_code" => rpc_status = text(field.value()),
            _ => {}
        }
    }
    let error = error.or_else(|| span.error_type());
    let mut set = Set::new();
    if let Some(system) = system {
        set.push("rpc.system.name", system);
        set.push_some("rpc.method", rpc_method);
        set.push_some("rpc.response.status_code", rpc_status);
    } else {
        set.push("http.request.method", method?);
        set.push_some("http.response.status_code", status);
        set.push_some("network.protocol.version", version);
    }
    set.push_some("server.address", address);
    set.push_some("server.port", port);
    set.push_some("error.type", error);
    Some(if system.is_some() { Client::Rpc(set) } else { Client::Http(set) })
}

fn text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::Str(text) => present(text),
        _ => None,
    }
}

fn number(value: Value<'_>) -> Option<u16> {
    match value {
        Value::I64(number) => u16::try_from(number).ok(),
        Value::U64(number) => u16::try_from(number).ok(),
        _ => None,
    }
}

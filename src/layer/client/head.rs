//! What the heads of an outgoing request and its response say, as attributes of its span.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0: HTTP client spans, gRPC client spans.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, Request};

use super::extension::{ResendCount, UrlTemplate};
use super::url::Target;
use crate::record::parts::{List, MAX_HEADER_BYTES, Parts, Slot, Text};

/// Longest URL that is kept, in bytes.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Writes what is known before a request is sent, and gives the span's name.
pub(super) fn request<B>(parts: &mut Parts, fields: &mut List, request: &Request<B>) -> Text {
    let target = Target::of(request.uri(), request.headers());
    let name = if is_rpc(request.headers()) { rpc(parts, fields, request) } else { http(parts, fields, request, target) };
    if let Some(host) = target.host() {
        text(parts, fields, "server.address", host);
        if let Some(port) = target.port() {
            number(parts, fields, "server.port", port.into());
        }
    }
    if let Some(ResendCount(count @ 1..)) = request.extensions().get() {
        number(parts, fields, "http.request.resend_count", (*count).into());
    }
    name
}

fn http<B>(parts: &mut Parts, fields: &mut List, request: &Request<B>, target: Target<'_>) -> Text {
    let known = known_method(request.method());
    field(parts, fields, "http.request.method", Slot::Text(Text::Static(known.unwrap_or("_OTHER"))));
    if known.is_none() {
        text(parts, fields, "http.request.method_original", request.method().as_str());
    }
    let full = parts.push_fmt(MAX_URL_BYTES, format_args!("{target}"));
    field(parts, fields, "url.full", Slot::Text(full));
    let body_bytes = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(bytes) = body_bytes {
        number(parts, fields, "http.request.body.size", bytes);
    }
    let method = known.unwrap_or("HTTP");
    let Some(UrlTemplate(template)) = request.extensions().get() else { return Text::Static(method) };
    field(parts, fields, "url.template", Slot::Text(Text::Static(template)));
    parts.push_fmt(MAX_URL_BYTES, format_args!("{method} {template}"))
}

fn rpc<B>(parts: &mut Parts, fields: &mut List, request: &Request<B>) -> Text {
    field(parts, fields, "rpc.system.name", Slot::Text(Text::Static("grpc")));
    let path = request.uri().path();
    let method = parts.push_text(path.strip_prefix('/').unwrap_or(path), MAX_URL_BYTES);
    field(parts, fields, "rpc.method", Slot::Text(method));
    method
}

/// Whether what has these headers is gRPC.
pub(super) fn is_rpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// The methods of the conventions; of any other only the original is told.
fn known_method(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 10] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"];
    KNOWN.into_iter().find(|known| method.as_str() == *known)
}

pub(super) fn text(parts: &mut Parts, fields: &mut List, name: &'static str, value: &str) {
    let value = parts.push_text(value, MAX_HEADER_BYTES);
    field(parts, fields, name, Slot::Text(value));
}

pub(super) fn number(parts: &mut Parts, fields: &mut List, name: &'static str, value: u64) {
    field(parts, fields, name, i64::try_from(value).map_or(Slot::U64(value), Slot::I64));
}

pub(super) fn field(parts: &mut Parts, fields: &mut List, name: &'static str, value: Slot) {
    parts.push_field(fields, Text::Static(name), value);
}

//! What the heads of an outgoing request and its response say, as attributes of its span.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0: HTTP client spans, gRPC client spans.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request};

use super::extension::{ResendCount, UrlTemplate};
use super::url::Target;
use crate::capture::Form;
use crate::layer::head as heads;
use crate::record::parts::{List, MAX_HEADER_BYTES, Parts, Slot, Text};

/// Longest URL that is kept, in bytes.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Writes what is known before a request is sent, and gives the span's name.
pub(super) fn request<B>(parts: &mut Parts, fields: &mut List, request: &Request<B>, known: Option<&[String]>) -> Text {
    let target = Target::of(request.uri(), request.headers());
    let name =
        if is_rpc(request.headers()) { rpc(parts, fields, request) } else { http(parts, fields, (request, target), known) };
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

fn http<B>(parts: &mut Parts, fields: &mut List, (request, target): (&Request<B>, Target<'_>), known: Option<&[String]>) -> Text {
    let (method, is_unknown) = heads::method(parts, request.method(), known);
    let (named, name) = if is_unknown { (Text::Static("_OTHER"), Text::Static("HTTP")) } else { (method, method) };
    field(parts, fields, "http.request.method", Slot::Text(named));
    if is_unknown {
        field(parts, fields, "http.request.method_original", Slot::Text(method));
    }
    let full = parts.push_fmt(MAX_URL_BYTES, format_args!("{target}"));
    field(parts, fields, "url.full", Slot::Text(full));
    let body_bytes = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(bytes) = body_bytes {
        number(parts, fields, "http.request.body.size", bytes);
    }
    let Some(UrlTemplate(template)) = request.extensions().get() else { return name };
    field(parts, fields, "url.template", Slot::Text(Text::Static(template)));
    let method = if is_unknown { "HTTP" } else { request.method().as_str() };
    parts.push_fmt(MAX_URL_BYTES, format_args!("{method} {template}"))
}

fn rpc<B>(parts: &mut Parts, fields: &mut List, request: &Request<B>) -> Text {
    field(parts, fields, "rpc.system.name", Slot::Text(Text::Static("grpc")));
    let path = request.uri().path();
    let (method, name) = match path.strip_prefix('/').unwrap_or(path) {
        "" => (Text::Static("_OTHER"), Text::Static("grpc")),
        method => {
            let method = parts.push_text(method, MAX_URL_BYTES);
            (method, method)
        }
    };
    field(parts, fields, "rpc.method", Slot::Text(method));
    name
}

/// Whether what has these headers is gRPC with trailers of HTTP, where its status can be seen.
pub(super) fn is_rpc(headers: &HeaderMap) -> bool {
    Form::of(headers) == Some(Form::Plain)
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

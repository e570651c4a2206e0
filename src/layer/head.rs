//! Heads become slots and texts of a record.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::header::{HOST, USER_AGENT};
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Version};

use super::{FindPeer, Settings};
use crate::capture::{Form, rpc_status};
use crate::propagator::request_id::RequestId;
use crate::record::parts::{MAX_HEADER_BYTES, Parts, Side, Text};
use crate::redact;

/// Longest path and query that are kept, in bytes.
const MAX_URI_BYTES: usize = 8 * 1024;

/// Copies what the head of a request says.
pub(super) fn request<B>(parts: &mut Parts, request: &Request<B>, settings: &Settings) {
    let (headers, extensions) = (request.headers(), request.extensions());
    parts.method = method(parts, request.method());
    let uri = original_uri(extensions).unwrap_or_else(|| request.uri());
    // CONNECT names an authority in place of a path.
    let path = if uri.path().is_empty() { uri.authority().map_or("", http::uri::Authority::as_str) } else { uri.path() };
    parts.path = parts.push_text(path, MAX_URI_BYTES);
    parts.query = uri.query().map(|query| parts.push_text(query, MAX_URI_BYTES));
    let scheme = uri.scheme().unwrap_or(&settings.scheme);
    parts.scheme = match scheme.as_str() {
        "http" => Text::Static("http"),
        "https" => Text::Static("https"),
        other => parts.push_text(other, MAX_HEADER_BYTES),
    };
    parts.protocol_version = Text::Static(version(request.version()));
    let named =
        uri.authority().map(http::uri::Authority::as_str).or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
    if let Some((host, port)) = named.map(split_authority).filter(|(host, _)| !host.is_empty()) {
        parts.host = Some(parts.push_text(host, MAX_HEADER_BYTES));
        parts.port = port;
    }
    parts.user_agent = headers.get(USER_AGENT).map(|value| parts.push_bytes(value.as_bytes(), MAX_HEADER_BYTES));
    // An application's own finder that panics costs the address, not the request.
    let find = |find: &FindPeer| catch_unwind(AssertUnwindSafe(|| find(extensions))).unwrap_or_default();
    parts.peer = settings.find_peer.as_deref().map_or_else(|| peer(extensions), find);
    parts.is_rpc = Form::of(headers).is_some();
    push_headers(parts, Side::Request, headers);
}

/// Copies what the head of a response says.
pub(super) fn response<B>(parts: &mut Parts, response: &Response<B>) {
    parts.status = Some(response.status().as_u16());
    push_headers(parts, Side::Response, response.headers());
    if parts.is_rpc {
        parts.rpc_status = rpc_status(response.headers());
    }
}

/// Copies trailers.
pub(super) fn trailers(parts: &mut Parts, trailers: &HeaderMap) {
    push_headers(parts, Side::Trailer, trailers);
    if parts.is_rpc {
        parts.rpc_status = rpc_status(trailers).or(parts.rpc_status);
    }
}

fn push_headers(parts: &mut Parts, side: Side, headers: &HeaderMap) {
    parts.push_headers(side, || {
        headers.iter().map(|(name, value)| {
            // A request id is shown only in the form in which it is taken.
            let is_id = *name == super::request_id::HEADER && RequestId::parse(value.as_bytes()).is_some();
            let is_kept = !value.is_sensitive() && (is_id || redact::header_is_kept(name));
            (name.as_str(), is_kept.then_some(value.as_bytes()), value.len())
        })
    });
}

fn method(parts: &mut Parts, method: &Method) -> Text {
    Text::Static(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        ref other => return parts.push_text(other.as_str(), MAX_HEADER_BYTES),
    })
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Host and port; the brackets of an IPv6 address stay out of the host.
fn split_authority(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

/// The URI before nested routers took their prefix off.
fn original_uri(extensions: &Extensions) -> Option<&http::Uri> {
    #[cfg(feature = "axum")]
    return extensions.get::<::axum::extract::OriginalUri>().map(|uri| &uri.0);
    #[cfg(not(feature = "axum"))]
    return extensions.get::<std::convert::Infallible>().map(|never| match *never {});
}

fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    #[cfg(feature = "axum")]
    if let Some(info) = extensions.get::<::axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0);
    }
    extensions.get::<SocketAddr>().copied()
}

/// Whether a response to such a request has no body, whatever its head says.
pub(super) fn is_bodiless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether the connection is handed over to another protocol.
pub(super) fn is_upgrade(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_split_into_host_and_port() {
        for (authority, host, port) in [
            ("shop.example", "shop.example", None),
            ("shop.example:8080", "shop.example", Some(8080)),
            ("[::1]:3000", "::1", Some(3000)),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
            ("user:secret@shop.example:80", "shop.example", Some(80)),
            ("shop.example:99999", "shop.example", None),
        ] {
            assert_eq!(split_authority(authority), (host, port), "{authority}");
        }
    }
}

//! Heads become slots and texts of a record.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::header::USER_AGENT;
use http::request::Parts as Head;
use http::{Extensions, HeaderMap, Method, StatusCode, Version};

use super::address::truncated;
use super::headers::{Copying, Seen};
use super::{FindPeer, Settings};
use crate::capture::{Form, rpc_status_of};
use crate::propagator::forwarded::Proxies;
use crate::record::parts::{CUT_MARK, MAX_HEADER_BYTES, Parts, Side, Slot, Text};
use crate::redact::{Role, Rules, known};
use crate::scan::has_any;

/// Longest path and query that are kept, in bytes.
const MAX_URI_BYTES: usize = 8 * 1024;
/// Longest method that is kept when it is not a known one, in bytes.
const MAX_METHOD_BYTES: usize = 32;
/// Set when every address that proxies told was a trusted one.
const ALL_HOPS_TRUSTED: &str = "campanile.client.all_hops_trusted";

/// How heads are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadSettings {
    /// Who may tell client, scheme and host; `None` where nobody may.
    pub(crate) proxies: Option<Box<Proxies>>,
    /// Whether addresses are kept without their last part.
    pub(crate) truncates_ip: bool,
    /// Methods that keep their name, where the settings name them.
    pub(crate) known_methods: Option<Box<[String]>>,
}

/// Copies what the head of a request says, and notes the headers that are seen.
pub(super) fn request<'h>(parts: &mut Parts, request: &'h Head, settings: &Settings, seen: &mut Seen<'h>) {
    let Head { headers, extensions, .. } = request;
    let heads = &settings.shared.heads;
    let peer = find_peer(settings, extensions);
    let told = heads.proxies.as_ref().map(|proxies| proxies.read(peer, headers)).unwrap_or_default();
    (parts.method, parts.has_unknown_method) = method(parts, &request.method, heads.known_methods.as_deref());
    let uri = original_uri(extensions).unwrap_or(&request.uri);
    let named = authority(uri);
    parts.path = push_path(parts, uri);
    parts.query = uri.query().map(|query| parts.push_text(query, MAX_URI_BYTES));
    parts.scheme = match told.scheme {
        Some(scheme) => Text::Static(scheme),
        None => scheme(parts, uri, request.version, settings),
    };
    parts.protocol_version = Text::Static(version(request.version));
    let rules = settings.shared.hub.pipeline.rules();
    Copying { rules, truncates_ip: heads.truncates_ip }.copy(parts, Side::Request, headers, seen);
    match told.host.as_deref().or(named) {
        Some(authority) => set_host(parts, authority),
        None => host_header(parts, seen),
    }
    parts.user_agent = user_agent(parts, seen, rules);
    (parts.peer, parts.client, parts.client_port) = (peer, told.client, told.client_port);
    if told.all_trusted {
        parts.set_attribute(Text::Static(ALL_HOPS_TRUSTED), Slot::Bool(true));
    }
    parts.is_rpc = seen.first(Role::ContentType).and_then(Form::named).is_some();
}

/// The path alone.
pub(super) fn path(parts: &mut Parts, request: &Head) -> Text {
    push_path(parts, original_uri(&request.extensions).unwrap_or(&request.uri))
}

fn push_path(parts: &mut Parts, uri: &http::Uri) -> Text {
    // CONNECT names an authority in place of a path.
    let path = if uri.path().is_empty() { authority(uri).unwrap_or_default() } else { uri.path() };
    parts.push_text(path, MAX_URI_BYTES)
}

fn authority(uri: &http::Uri) -> Option<&str> {
    uri.authority().map(|authority| without_userinfo(authority.as_str()))
}

fn set_host(parts: &mut Parts, authority: &str) {
    let (host, port) = split_authority(authority);
    if !host.is_empty() {
        parts.host = Some(parts.push_text(host, MAX_HEADER_BYTES));
        parts.port = port;
    }
}

/// What the header says, of which the record may have a copy already.
fn host_header(parts: &mut Parts, seen: &Seen<'_>) {
    let shown = seen.shown(parts, Role::Host);
    match shown.map(|shown| parts.str(shown)).filter(|shown| shown.is_ascii()) {
        Some(authority) => {
            let (host, port) = split_authority(authority);
            let start = host.as_ptr().addr() - authority.as_ptr().addr();
            if let Some(host) = shown.and_then(|shown| shown.part(start, host.len())).filter(|_| !host.is_empty()) {
                (parts.host, parts.port) = (Some(host), port);
            }
        }
        None => {
            if let Some(authority) = seen.first(Role::Host).and_then(|host| host.to_str().ok()) {
                set_host(parts, authority);
            }
        }
    }
}

/// It stands among the headers, where there are not too many of them.
fn user_agent(parts: &mut Parts, seen: &Seen<'_>, rules: &Rules) -> Option<Text> {
    let value = seen.first(Role::UserAgent)?;
    if seen.is_placed(Role::UserAgent) {
        return seen.shown(parts, Role::UserAgent);
    }
    let is_shown = !value.is_sensitive() && rules.shows_header(&USER_AGENT, known(USER_AGENT.as_str()));
    is_shown.then(|| parts.push_bytes(value.as_bytes(), MAX_HEADER_BYTES))
}

/// Cuts the addresses, where the settings ask for it: once nobody needs the whole ones to decide by any more.
pub(super) fn truncate_addresses(parts: &mut Parts, settings: &Settings) {
    if settings.shared.heads.truncates_ip {
        parts.peer = parts.peer.map(|peer| SocketAddr::new(truncated(peer.ip()), peer.port()));
        parts.client = parts.client.map(truncated);
    }
}

/// The other end of the connection.
pub(super) fn find_peer(settings: &Settings, extensions: &Extensions) -> Option<SocketAddr> {
    // An application's own finder that panics costs the address, not the request.
    let find = |find: &FindPeer| catch_unwind(AssertUnwindSafe(|| find(extensions))).unwrap_or_default();
    settings.find_peer.as_deref().map_or_else(|| peer(extensions), find)
}

/// Copies what the head of a response says.
pub(super) fn response(parts: &mut Parts, headers: &HeaderMap, rules: &Rules) {
    let mut seen = Seen::default();
    Copying { rules, truncates_ip: false }.copy(parts, Side::Response, headers, &mut seen);
    if parts.is_rpc {
        parts.rpc_status = seen.first(Role::RpcStatus).map(rpc_status_of);
        // Whoever answers in another language does not know the call: what the caller names it is no method then.
        parts.is_rpc = parts.rpc_status.is_some() || seen.first(Role::ContentType).and_then(Form::named).is_some();
    }
}

/// Copies trailers. Those of a call that was `asked` for in gRPC may be the first to answer in it.
pub(super) fn trailers(parts: &mut Parts, trailers: &HeaderMap, rules: &Rules, asked: bool) {
    let mut seen = Seen::default();
    Copying { rules, truncates_ip: false }.copy(parts, Side::Trailer, trailers, &mut seen);
    if let Some(status) = seen.first(Role::RpcStatus).map(rpc_status_of).filter(|_| asked) {
        (parts.is_rpc, parts.rpc_status) = (true, Some(status));
    }
}

/// The method, and whether it is none of those that are known: then a client may have made it up.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `http.request.method`; compared with case.
pub(super) fn method(parts: &mut Parts, method: &Method, known: Option<&[String]>) -> (Text, bool) {
    let name = method.as_str();
    let text = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ if name == "QUERY" => "QUERY",
        _ => "",
    };
    let is_known = known.map_or(!text.is_empty(), |known| known.iter().any(|one| one == name));
    let text = match text {
        "" if !is_known && name.len() > MAX_METHOD_BYTES => parts.push_text(name, MAX_METHOD_BYTES - CUT_MARK.len()),
        "" => parts.push_text(name, MAX_HEADER_BYTES),
        text => Text::Static(text),
    };
    (text, !is_known)
}

/// The scheme of the connection. HTTP/2 says it with every request; what a request line of HTTP/1 says instead is only its
/// sender's word, and another scheme than these two is nobody's.
pub(super) fn scheme(parts: &mut Parts, uri: &http::Uri, version: Version, settings: &Settings) -> Text {
    let said = uri.scheme_str().filter(|_| version >= Version::HTTP_2);
    match said.filter(|said| matches!(*said, "http" | "https")).unwrap_or(settings.scheme.as_str()) {
        "http" => Text::Static("http"),
        "https" => Text::Static("https"),
        other => parts.push_text(other, MAX_HEADER_BYTES),
    }
}

fn without_userinfo(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

pub(super) const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

/// Host and port; the brackets of an IPv6 address stay out of the host.
pub(super) fn split_authority(authority: &str) -> (&str, Option<u16>) {
    // Nearly always it is the host alone.
    if !has_any(authority.as_bytes(), *b"@:[") {
        return (authority, None);
    }
    // One look at each byte: where the host begins, behind any user, and its colons.
    let (mut start, mut colons, mut last_colon) = (0, 0, 0);
    for (at, byte) in authority.bytes().enumerate() {
        match byte {
            b'@' => (start, colons) = (at + 1, 0),
            b':' => (colons, last_colon) = (colons + 1, at),
            _ => {}
        }
    }
    let authority = authority.get(start..).unwrap_or_default();
    if let Some(bracketed) = authority.strip_prefix('[')
        && let Some((host, rest)) = bracketed.split_once(']')
    {
        return (host, rest.strip_prefix(':').and_then(port));
    }
    if colons != 1 {
        return (authority, None);
    }
    let (host, digits) = authority.split_at_checked(last_colon.saturating_sub(start)).unwrap_or_default();
    (host, digits.get(1..).and_then(port))
}

fn port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
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
pub(super) fn is_bodiless(method: &str, status: StatusCode) -> bool {
    method == "HEAD" || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Whether the connection is handed over to another protocol.
pub(super) fn is_upgrade(method: &str, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (method == "CONNECT" && status.is_success())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_authority_is_split_as_the_plain_rule_says(authority in "[a:@\\[\\]0-9é.]{0,12}") {
            let plain = |authority: &'_ str| {
                let authority = without_userinfo(authority).to_owned();
                if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                    return (host.to_owned(), rest.strip_prefix(':').and_then(port));
                }
                match authority.rsplit_once(':') {
                    Some((host, digits)) if !host.contains(':') => (host.to_owned(), port(digits)),
                    _ => (authority, None),
                }
            };
            let (host, port) = split_authority(&authority);
            prop_assert_eq!((host.to_owned(), port), plain(&authority));
        }
    }

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
            ("shop.example:+80", "shop.example", None),
            ("shop.example:", "shop.example", None),
            ("[::1", "[::1", None),
            ("[shop]", "shop", None),
            ("user:pass@word@[::1]:80", "::1", Some(80)),
            ("", "", None),
        ] {
            assert_eq!(split_authority(authority), (host, port), "{authority}");
        }
    }
}

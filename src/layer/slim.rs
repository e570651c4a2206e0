//! A request that nobody will see: it is not sampled, no rule can keep it, and no exporter wants what was not kept.
//!
//! Of such a request only that is read which others are owed (its ids and its trace context, what came along to be passed
//! on) and what it is counted by (method, scheme, version, route). Should it fail, its errors go on the record all the same.
//! Whether it is one is decided once, when it arrives: an ask that comes later finds no detail of it.

use http::HeaderMap;
use http::request::Parts as Head;
use tracing::Level;

use super::arrival::Arrival;
use super::headers::Seen;
use super::{Settings, Shared, context, head, request_id, route};
use crate::capture::{Form, REQUEST_TARGET};
use crate::keep::Wanted;
use crate::record::parts::{MAX_HEADER_BYTES, Parts, Text};
use crate::redact::Role;

/// Looks whether a request is one that nobody will see, and reads it if so. Where it is not, it may have its place in a trace
/// already: that is decided once.
pub(super) fn read(parts: &mut Parts, request: &Head, settings: &Settings) -> Option<Arrival> {
    let (shared, headers) = (&*settings.shared, &request.headers);
    let pipeline = &shared.hub.pipeline;
    if !pipeline.is_blind() || pipeline.asks().has_any() {
        return None;
    }
    let mut seen = Seen::default();
    if !seen.note_few(headers) || may_ask(&seen, headers, shared) || seen.first(Role::ContentType).and_then(Form::named).is_some()
    {
        return None;
    }
    context::trace(parts, headers, &seen, shared);
    if parts.trace_flags.is_sampled() {
        return None;
    }
    let heads = &shared.heads;
    if heads.proxies.is_some() || seen.first(Role::RequestId).is_some() {
        parts.peer = head::find_peer(settings, &request.extensions);
    }
    let told = heads.proxies.as_ref().map(|proxies| proxies.read(parts.peer, headers).scheme).unwrap_or_default();
    (parts.method, parts.has_unknown_method) = head::method(parts, &request.method, heads.known_methods.as_deref());
    parts.scheme = match told {
        Some(scheme) => Text::Static(scheme),
        None => head::scheme(parts, &request.uri, request.version, settings),
    };
    parts.protocol_version = Text::Static(head::version(request.version));
    let id = request_id::told(parts, request, &seen, settings);
    parts.peer = None;
    parts.route = route::of(&request.extensions).map(|route| parts.push_text(route, MAX_HEADER_BYTES));
    if parts.route.is_none() || tracing::enabled!(target: REQUEST_TARGET, Level::INFO) {
        // It stands for the route where there is none, and on the span that others see.
        parts.path = head::path(parts, request);
    }
    let baggage = context::baggage(headers, &seen, shared);
    let (wanted, only_user, watch, call) = (Wanted::default(), None, None, None);
    Some(Arrival { baggage, wanted, only_user, id, watch, call, is_slim: true })
}

/// Whether it may carry a debug token.
fn may_ask(seen: &Seen<'_>, headers: &HeaderMap, shared: &Shared) -> bool {
    (seen.first(Role::DebugToken).is_some() || seen.first(Role::Cookie).is_some()) && shared.tokens.has_any(headers)
}

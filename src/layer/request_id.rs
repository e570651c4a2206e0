//! Which request id a request gets.

use std::mem::replace;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::request::Parts as Head;
use http::{Extensions, HeaderName, HeaderValue, Request};

use super::Settings;
use super::headers::Seen;
use crate::propagator::Lines;
use crate::propagator::request_id::{RequestId, generate, harmless};
use crate::record::RequestIdSource;
use crate::record::parts::{MAX_HEADER_BYTES, Parts};
use crate::redact::Role;

/// The header that carries it, both ways.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Makes an id for a request; the request's body is not shown to it.
pub(super) type Maker = dyn Fn(&Request<()>) -> Option<HeaderValue> + Send + Sync;

/// Adapts tower-http's trait.
#[cfg(feature = "tower-http")]
pub(super) fn maker<M>(make: M) -> std::sync::Arc<Maker>
where
    M: tower_http::request_id::MakeRequestId + Clone + Send + Sync + 'static,
{
    std::sync::Arc::new(move |request| make.clone().make_request_id(request).map(|id| id.header_value().clone()))
}

/// An id on its way into the answer; the record has it already.
pub(super) struct Chosen {
    pub(super) value: HeaderValue,
    pub(super) source: RequestIdSource,
}

/// The id that came with a request: a layer's further out, else the caller's, where the settings believe it.
///
/// One of the caller's that is not taken is put on the record and counted.
#[inline]
pub(super) fn told(parts: &mut Parts, request: &Head, seen: &Seen<'_>, settings: &Settings) -> Option<Chosen> {
    if let Some(value) = from_extension(&request.extensions) {
        let id = RequestId::parse(value.as_bytes());
        if let Some(id) = id {
            parts.request_id = parts.push_text(id.as_str(), MAX_HEADER_BYTES);
            return Some(Chosen { value: value.clone(), source: RequestIdSource::Extension });
        }
    }
    let shared = &settings.shared;
    match seen.lines(Role::RequestId) {
        Lines::None => return None,
        Lines::One(value) if shared.callers.trust_ids.trusts(parts.peer.map(|peer| peer.ip())) => {
            // It stands among the headers, unless settings hide it there.
            let id =
                seen.id(parts).or_else(|| Some(parts.push_text(RequestId::parse(value.as_bytes())?.as_str(), MAX_HEADER_BYTES)));
            if let Some(id) = id {
                parts.request_id = id;
                return Some(Chosen { value: value.clone(), source: RequestIdSource::Inbound });
            }
        }
        Lines::One(_) | Lines::Many => {}
    }
    shared.hub.pipeline.count_refused_id();
    let shown = harmless(&request.headers);
    parts.inbound_request_id = (!shown.is_empty()).then(|| parts.push_text(&shown, MAX_HEADER_BYTES));
    None
}

/// The id of a request that came without one: of the application's own maker, or a new one. On a record that nobody will
/// see, that has to wait until it fails.
#[inline]
pub(super) fn make(parts: &mut Parts, request: &mut Head, settings: &Settings, is_slim: bool) -> Chosen {
    if let Some(make) = settings.make_request_id.as_deref()
        && let Some(value) = made_by(make, request)
        && let Some(id) = RequestId::parse(value.as_bytes())
    {
        parts.request_id = parts.push_text(id.as_str(), MAX_HEADER_BYTES);
        return Chosen { value, source: RequestIdSource::Maker };
    }
    let id = generate(parts.start_unix_ns / 1_000_000);
    if !is_slim {
        parts.request_id = parts.push_text(id.as_str(), MAX_HEADER_BYTES);
    }
    Chosen { value: id.to_header(), source: RequestIdSource::Generated }
}

/// Has the application's own maker make an id.
fn made_by(make: &Maker, request: &mut Head) -> Option<HeaderValue> {
    // It sees the head alone: that goes into a request of its own, and back.
    let (none, ()) = Request::new(()).into_parts();
    let bare = Request::from_parts(replace(request, none), ());
    // A maker that panics costs its id, not the request.
    let made = catch_unwind(AssertUnwindSafe(|| make(&bare))).unwrap_or_default();
    (*request, ()) = bare.into_parts();
    made
}

#[cfg(feature = "tower-http")]
fn from_extension(extensions: &Extensions) -> Option<&HeaderValue> {
    extensions.get::<tower_http::request_id::RequestId>().map(tower_http::request_id::RequestId::header_value)
}

#[cfg(not(feature = "tower-http"))]
const fn from_extension(_: &Extensions) -> Option<&HeaderValue> {
    None
}

/// Shows the id to layers and handlers further in, so that all of them mean the same one.
pub(super) fn show(request: &mut Head, id: &Chosen) {
    if id.source != RequestIdSource::Inbound {
        // tower-http's `SetRequestId` makes another one where the header is absent.
        let _ = request.headers.try_insert(HEADER, id.value.clone());
    }
    #[cfg(feature = "tower-http")]
    request.extensions.insert(tower_http::request_id::RequestId::new(id.value.clone()));
}

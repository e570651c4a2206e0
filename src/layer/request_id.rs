//! Which request id a request gets.

use http::{Extensions, HeaderName, HeaderValue, Request};

use super::Settings;
use crate::propagator::request_id::{Generated, Inbound, RequestId, generate, harmless, inbound};
use crate::record::RequestIdSource;
use crate::record::parts::{MAX_HEADER_BYTES, Parts};

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

/// An id on its way into the record and the answer.
pub(super) struct Chosen {
    pub(super) value: HeaderValue,
    generated: Option<Generated>,
    pub(super) source: RequestIdSource,
}

impl Chosen {
    pub(super) fn as_str(&self) -> &str {
        match &self.generated {
            Some(id) => id.as_str(),
            None => self.value.to_str().unwrap_or_default(),
        }
    }
}

/// The caller's, a layer's further out, the application's own maker's, or a new one, in this order.
///
/// One of the caller's that is not taken is put on the record and counted.
pub(super) fn choose<B>(request: &mut Request<B>, settings: &Settings, parts: &mut Parts) -> Chosen {
    if let Some(value) = from_extension(request.extensions()).filter(is_valid) {
        return Chosen { value, generated: None, source: RequestIdSource::Extension };
    }
    let shared = &settings.shared;
    match inbound(request.headers()) {
        Inbound::Absent => {}
        Inbound::Valid(_) if shared.callers.trust_ids.trusts(parts.peer.map(|peer| peer.ip())) => {
            if let Some(value) = request.headers().get(&HEADER).cloned() {
                return Chosen { value, generated: None, source: RequestIdSource::Inbound };
            }
        }
        Inbound::Valid(_) | Inbound::Refused => {
            shared.hub.pipeline.count_refused_id();
            let shown = harmless(request.headers());
            parts.inbound_request_id = (!shown.is_empty()).then(|| parts.push_text(&shown, MAX_HEADER_BYTES));
        }
    }
    match settings.make_request_id.as_deref().and_then(|make| made(request, make)) {
        Some(value) => Chosen { value, generated: None, source: RequestIdSource::Maker },
        None => {
            let id = generate(parts.start_unix_ns / 1_000_000);
            Chosen { value: id.to_header(), generated: Some(id), source: RequestIdSource::Generated }
        }
    }
}

/// What a maker of the application's makes for a request, lent to it without the body.
fn made<B>(request: &mut Request<B>, make: &Maker) -> Option<HeaderValue> {
    fn swap<A, B>(one: &mut Request<A>, other: &mut Request<B>) {
        std::mem::swap(one.method_mut(), other.method_mut());
        std::mem::swap(one.uri_mut(), other.uri_mut());
        std::mem::swap(one.version_mut(), other.version_mut());
        std::mem::swap(one.headers_mut(), other.headers_mut());
        std::mem::swap(one.extensions_mut(), other.extensions_mut());
    }
    let mut bare = Request::new(());
    swap(request, &mut bare);
    // One that panics costs its id, not the request.
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make(&bare))).unwrap_or_default();
    swap(request, &mut bare);
    made.filter(is_valid)
}

fn is_valid(value: &HeaderValue) -> bool {
    RequestId::parse(value.as_bytes()).is_some()
}

#[cfg(feature = "tower-http")]
fn from_extension(extensions: &Extensions) -> Option<HeaderValue> {
    extensions.get::<tower_http::request_id::RequestId>().map(|id| id.header_value().clone())
}

#[cfg(not(feature = "tower-http"))]
fn from_extension(_: &Extensions) -> Option<HeaderValue> {
    None
}

/// Shows the id to layers and handlers further in, so that all of them mean the same one.
pub(super) fn show<B>(request: &mut Request<B>, id: &Chosen) {
    if id.source != RequestIdSource::Inbound {
        // tower-http's `SetRequestId` makes another one where the header is absent.
        let _ = request.headers_mut().try_insert(HEADER, id.value.clone());
    }
    #[cfg(feature = "tower-http")]
    request.extensions_mut().insert(tower_http::request_id::RequestId::new(id.value.clone()));
}

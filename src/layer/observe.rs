//! The service: opens an exchange for each request.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts as Head;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use tracing::Span;

use super::arrival::{self, Arrival};
use super::future::Flight;
use super::{ObserveBody, ObserveFuture, Settings, request_id, route};
use crate::capture::{self, Exchange, Handle, Link, REQUEST_TARGET};
use crate::record::Kind;
use crate::time;

/// Makes exactly one record of every request; made by [`ObserveLayer`](super::ObserveLayer).
#[derive(Clone)]
pub struct Observe<S> {
    inner: S,
    /// None where telemetry is off.
    settings: Option<Arc<Settings>>,
}

impl<S> Observe<S> {
    pub(super) fn new(inner: S, settings: Option<Arc<Settings>>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for Observe<S>
where
    S: Service<Request<ObserveBody<B>>, Response = Response<R>>,
    S::Error: fmt::Display + 'static,
    R: Body,
{
    type Response = Response<ObserveBody<R>>;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ObserveFuture<S::Future> {
        let Self { inner, settings } = self;
        match settings {
            Some(settings) => observe(inner, settings, request),
            None => ObserveFuture::passing(inner.call(request.map(ObserveBody::passing))),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Observe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// [`Observe`] for a service that is bound to one type of request body; made by
/// [`ObserveAsIsLayer`](super::ObserveAsIsLayer).
#[derive(Clone)]
pub struct ObserveAsIs<S> {
    inner: S,
    /// None where telemetry is off.
    settings: Option<Arc<Settings>>,
}

impl<S> ObserveAsIs<S> {
    pub(super) fn new(inner: S, settings: Option<Arc<Settings>>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B, R> Service<Request<B>> for ObserveAsIs<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display + 'static,
    R: Body,
{
    type Response = Response<ObserveBody<R>>;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ObserveFuture<S::Future> {
        let Self { inner, settings } = self;
        match settings {
            Some(settings) => observe_as_is(inner, settings, request),
            None => ObserveFuture::passing(inner.call(request)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ObserveAsIs<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveAsIs").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// Apart, so that a service that is off has no stack to set up for it.
#[inline(never)]
fn observe<S, B>(inner: &mut S, settings: &Settings, request: Request<B>) -> ObserveFuture<S::Future>
where
    S: Service<Request<ObserveBody<B>>>,
{
    let (mut head, body) = request.into_parts();
    let Some(flight) = open(settings, &mut head, true) else {
        return ObserveFuture::passing(inner.call(Request::from_parts(head, ObserveBody::passing(body))));
    };
    let body = match flight.exchange() {
        Some(exchange) => ObserveBody::of_request(body, Arc::clone(&exchange.link)),
        None => ObserveBody::passing(body),
    };
    let mut request = Some(Request::from_parts(head, body));
    ObserveFuture::begin(flight, |future| *future = request.take().map(|request| inner.call(request)))
}

/// The same for a body that stays as it is.
#[inline(never)]
fn observe_as_is<S, B>(inner: &mut S, settings: &Settings, request: Request<B>) -> ObserveFuture<S::Future>
where
    S: Service<Request<B>>,
{
    let (mut head, body) = request.into_parts();
    let Some(flight) = open(settings, &mut head, false) else {
        return ObserveFuture::passing(inner.call(Request::from_parts(head, body)));
    };
    let mut request = Some(Request::from_parts(head, body));
    ObserveFuture::begin(flight, |future| *future = request.take().map(|request| inner.call(request)))
}

/// Opens the exchange of a request; none where the request has one already.
// Not generic, so that it is made once and as a whole, whatever the body.
fn open(settings: &Settings, request: &mut Head, counts_request_bytes: bool) -> Option<Flight> {
    let shared = &settings.shared;
    if request.extensions.get::<Handle>().is_some_and(|handle| handle.is_open() && handle.is_of(&shared.hub)) {
        // The layer was applied twice. The outer one has the record; the inner one may see the route.
        route::report(&request.extensions);
        return None;
    }
    shared.look_around();
    let mut parts = shared.hub.pipeline.parts();
    parts.kind = Kind::Request;
    parts.start_unix_ns = time::unix_ns();
    parts.scratch.misses_route_layer = settings.wraps_router;
    parts.scratch.counts_request_bytes = counts_request_bytes;
    let Arrival { baggage, wanted, only_user, id, watch, call, is_slim } = arrival::read(&mut parts, request, settings);
    let id = id.unwrap_or_else(|| request_id::make(&mut parts, request, settings, is_slim));
    parts.request_id_source = id.source;
    request_id::show(request, &id);
    let link = Link::new(Arc::clone(&shared.hub), &mut parts, (id.value, baggage), wanted, watch, is_slim);
    link.list();
    request.extensions.insert(Handle::new(Arc::clone(&link)));
    let mut exchange = Exchange::new(parts, link);
    if only_user.is_some() {
        exchange.more_mut().only_user = only_user;
    }
    if call.is_some() {
        exchange.more_mut().rpc = call;
    }
    let span = span_of(&exchange);
    Some(Flight::new(exchange, span, Arc::clone(shared)))
}

/// The span that shows the request to other subscribers, where there are any.
fn span_of(exchange: &Exchange) -> Span {
    if !tracing::enabled!(target: REQUEST_TARGET, tracing::Level::INFO) {
        return Span::none();
    }
    let (method, path) = (exchange.parts.str(exchange.parts.method), exchange.parts.str(exchange.parts.path));
    let request_id = exchange.link.request_id();
    let trace_id = exchange.link.trace_id.to_hex();
    // The exchange stays where it is, so that the fields can point into it.
    capture::as_guest(
        &exchange.link,
        || tracing::info_span!(target: REQUEST_TARGET, "request", method, path, request_id, trace_id = trace_id.as_str()),
    )
}

//! The route template, reported from inside a router to a layer outside of it.

use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use crate::capture;
use crate::record::parts::MAX_HEADER_BYTES;

/// Tells an [`ObserveLayer`](super::ObserveLayer) around a whole axum `Router` which route matched.
///
/// Add it inside the router: `Router::new().route(…).layer(campanile::route_layer())`. Where the observing layer itself
/// is inside the router it is not needed, and does no harm.
pub const fn route_layer() -> RouteLayer {
    RouteLayer
}

/// Layer of [`ReportRoute`]; made by [`route_layer`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct RouteLayer;

impl<S> Layer<S> for RouteLayer {
    type Service = ReportRoute<S>;

    fn layer(&self, inner: S) -> ReportRoute<S> {
        ReportRoute { inner }
    }
}

/// Reports the matched route of each request, and passes everything on.
#[derive(Clone, Debug)]
pub struct ReportRoute<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for ReportRoute<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        report(request.extensions());
        self.inner.call(request)
    }
}

/// Puts the matched route on the current exchange, unless it has one: the outermost router sees the whole template.
pub(super) fn report(extensions: &Extensions) {
    let _ = capture::with(|exchange| {
        exchange.parts.scratch.misses_route_layer = false;
        if exchange.parts.route.is_none()
            && let Some(route) = of(extensions)
        {
            exchange.parts.route = Some(exchange.parts.push_text(route, MAX_HEADER_BYTES));
            exchange.parts.in_flight_on_route = exchange.link.arrive_at(route);
            if let Some(listed) = &exchange.link.listed {
                listed.routed(route);
            }
        }
    });
}

/// The route that matched, where a router has already told.
pub(super) fn of(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    return extensions.get::<::axum::extract::MatchedPath>().map(::axum::extract::MatchedPath::as_str);
    #[cfg(not(feature = "axum"))]
    return extensions.get::<std::convert::Infallible>().map(|never| match *never {});
}

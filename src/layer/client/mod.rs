//! Outgoing requests: a layer for any Tower client of `http::Request`.

mod attempt;
mod body;
mod extension;
mod future;
mod head;
mod url;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use self::attempt::Attempt;
pub use self::body::ObserveClientBody;
pub use self::extension::{ResendCount, UrlTemplate};
pub use self::future::ObserveClientFuture;
use super::Shared;

/// Makes a span of every outgoing request, on the record of the request that it is made for; made by
/// [`Telemetry::client_layer`](crate::Telemetry::client_layer).
///
/// # What it does
/// Each attempt that passes is one span of kind client with the attributes of OpenTelemetry's conventions, from the call
/// to the end of the response's body. Its trace context and, unless there is one already, `x-request-id` are put into the
/// request's headers; nothing else of request or response is changed. An error of the transport is an event of level WARN
/// beside it, since whoever called may try again.
///
/// Outside any request the span is a record of its own, and begins a trace.
///
/// # Where it goes
/// Innermost, right around the client, so that every attempt is seen: inside of a layer that tries again, which says so by
/// putting a [`ResendCount`] into the extensions of what it sends. Redirects that the client follows by itself are part of
/// one attempt.
///
/// # Types
/// Any service of `http::Request<B>` that answers with `http::Response<R>`, such as hyper-util's client and tonic's
/// channel. The body of the response becomes an [`ObserveClientBody<R>`](ObserveClientBody).
///
/// # Example
/// ```no_run
/// use http_body_util::Full;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tower::ServiceBuilder;
///
/// # fn client(telemetry: &campanile::Telemetry) {
/// let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
/// let client = ServiceBuilder::new().layer(telemetry.client_layer()).service(client);
/// # }
/// ```
/// A `reqwest::Client` takes requests of a type of its own, into which those of `http` turn:
///
/// ```no_run
/// # fn client(telemetry: &campanile::Telemetry) -> impl tower::Service<http::Request<reqwest::Body>> {
/// let client = tower::ServiceBuilder::new()
///     .layer(telemetry.client_layer())
///     .map_response(http::Response::<reqwest::Body>::from)
///     .filter(|request: http::Request<reqwest::Body>| reqwest::Request::try_from(request))
///     .service(reqwest::Client::new());
/// # client
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct ObserveClientLayer {
    shared: Arc<Shared>,
}

impl ObserveClientLayer {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for ObserveClientLayer {
    type Service = ObserveClient<S>;

    fn layer(&self, inner: S) -> ObserveClient<S> {
        ObserveClient { inner, shared: Arc::clone(&self.shared) }
    }
}

impl fmt::Debug for ObserveClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveClientLayer").finish_non_exhaustive()
    }
}

/// Makes a span of every outgoing request; made by [`ObserveClientLayer`].
#[derive(Clone)]
pub struct ObserveClient<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B, R> Service<Request<B>> for ObserveClient<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display + 'static,
    R: Body,
{
    type Response = Response<ObserveClientBody<R>>;
    type Error = S::Error;
    type Future = ObserveClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ObserveClientFuture<S::Future> {
        let Self { inner, shared } = self;
        if !shared.is_on {
            return ObserveClientFuture::new(inner.call(request), None);
        }
        let attempt = Attempt::begin(shared, &mut request);
        match attempt.within(|| catch_unwind(AssertUnwindSafe(|| inner.call(request)))) {
            Ok(future) => ObserveClientFuture::new(future, Some(attempt)),
            Err(payload) => {
                attempt.panicked();
                resume_unwind(payload)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ObserveClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveClient").field("inner", &self.inner).finish_non_exhaustive()
    }
}

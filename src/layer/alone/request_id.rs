//! A request id for every request, and nothing else.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::layer::request_id::HEADER;
use crate::propagator::request_id::{Inbound, generate, inbound};
use crate::time;

/// Gives every request a request id: the caller's `x-request-id` where that is valid, else a new version 7 UUID.
///
/// Handlers find it as a [`RequestId`] in the request's extensions, layers further in as the header, and the caller as
/// `x-request-id` of the answer. [`Telemetry::layer`](crate::Telemetry::layer) does the same by itself.
///
/// # Example
/// ```
/// use campanile::alone::{RequestId, request_id_layer};
/// use http::{Request, Response};
/// use tower::ServiceBuilder;
///
/// let service = ServiceBuilder::new().layer(request_id_layer()).service_fn(|request: Request<String>| async move {
///     let id = request.extensions().get::<RequestId>().map(ToString::to_string);
///     Ok::<_, std::convert::Infallible>(Response::new(id.unwrap_or_default()))
/// });
/// # drop(service);
/// ```
///
/// # Source
/// None; the header's name is what proxies and clouds agree on.
pub const fn request_id_layer() -> RequestIdLayer {
    RequestIdLayer
}

/// Layer of [`IdentifyRequest`]; made by [`request_id_layer`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct RequestIdLayer;

impl<S> Layer<S> for RequestIdLayer {
    type Service = IdentifyRequest<S>;

    fn layer(&self, inner: S) -> IdentifyRequest<S> {
        IdentifyRequest { inner }
    }
}

/// The id of a request, in its extensions.
///
/// # Shape
/// 1 to 128 bytes of `A-Z a-z 0-9 . _ : / + = @ -`, the first a letter or a digit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as the value of a header.
    #[must_use]
    pub const fn header_value(&self) -> &HeaderValue {
        &self.0
    }

    /// One that is there already, the caller's, or a new one, in this order.
    fn of<B>(request: &Request<B>) -> Self {
        if let Some(known) = request.extensions().get::<Self>() {
            return known.clone();
        }
        if let Inbound::Valid(_) = inbound(request.headers())
            && let Some(value) = request.headers().get(&HEADER)
        {
            return Self(value.clone());
        }
        Self(generate(time::unix_ns() / 1_000_000).to_header())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestId").field(&self.as_str()).finish()
    }
}

/// Gives every request a request id; made by [`RequestIdLayer`].
#[derive(Clone, Debug)]
pub struct IdentifyRequest<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for IdentifyRequest<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = IdentifyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = RequestId::of(&request);
        // A map that is full to its limit stays as it is.
        let _ = request.headers_mut().try_insert(HEADER, id.0.clone());
        request.extensions_mut().insert(id.clone());
        IdentifyFuture { inner: self.inner.call(request), id }
    }
}

pin_project! {
    /// The response future of [`IdentifyRequest`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct IdentifyFuture<F> {
        #[pin]
        inner: F,
        id: RequestId,
    }
}

impl<F, R, E> Future for IdentifyFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result
            && let Ok(entry) = response.headers_mut().try_entry(HEADER)
        {
            let _ = entry.or_try_insert(this.id.0.clone());
        }
        Poll::Ready(result)
    }
}

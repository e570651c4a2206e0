//! Outgoing requests carry the context on, and nothing else.

use std::task::{Context, Poll};

use http::{HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::{RequestId, TraceContext};
use crate::capture;
use crate::layer::request_id::HEADER;

/// Puts trace context and request id into the headers of outgoing requests, without making a span of them.
///
/// They are those of the request that is [current](crate::current), where there is one, else the [`TraceContext`] and the
/// [`RequestId`] in the extensions of the outgoing request, to be put there from those of the one that is handled. Without
/// either, a request passes as it is; an `x-request-id` that it has already stays.
///
/// [`Telemetry::client_layer`](crate::Telemetry::client_layer) does the same by itself.
///
/// # Example
/// ```
/// use campanile::alone::{TraceContext, inject_layer};
/// use http::{Extensions, Request, Response};
/// use tower::{Service, ServiceBuilder, ServiceExt as _};
///
/// let client = ServiceBuilder::new()
///     .layer(inject_layer())
///     .service_fn(|request: Request<String>| async { Ok::<_, std::convert::Infallible>(Response::new(())) });
///
/// async fn ask(client: impl Service<Request<String>>, handled: &Extensions) {
///     let mut outgoing = Request::new(String::new());
///     if let Some(context) = handled.get::<TraceContext>() {
///         outgoing.extensions_mut().insert(context.clone());
///     }
///     let _ = client.oneshot(outgoing).await;
/// }
/// # let _ = ask(client, &Extensions::new());
/// ```
pub const fn inject_layer() -> InjectLayer {
    InjectLayer
}

/// Layer of [`Inject`]; made by [`inject_layer`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct InjectLayer;

impl<S> Layer<S> for InjectLayer {
    type Service = Inject<S>;

    fn layer(&self, inner: S) -> Inject<S> {
        Inject { inner }
    }
}

/// Puts trace context and request id into the headers of outgoing requests; made by [`InjectLayer`].
#[derive(Clone, Debug)]
pub struct Inject<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Inject<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let id;
        if let Some(handle) = capture::current() {
            handle.inject(request.headers_mut());
            id = HeaderValue::from_str(handle.request_id()).ok();
        } else {
            if let Some(context) = request.extensions().get::<TraceContext>().cloned() {
                context.inject(request.headers_mut());
            }
            id = request.extensions().get::<RequestId>().map(|id| id.header_value().clone());
        }
        // A map that is full to its limit stays as it is.
        if let Some(id) = id
            && let Ok(entry) = request.headers_mut().try_entry(HEADER)
        {
            let _ = entry.or_try_insert(id);
        }
        self.inner.call(request)
    }
}

//! Layers that do nothing: what axum itself takes for any layer, and for any that has types of its own for bodies.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tower::{Layer, Service};

/// Hands everything on.
#[derive(Clone, Copy)]
pub(super) struct Identity;

impl<S> Layer<S> for Identity {
    type Service = AsItIs<S>;

    fn layer(&self, inner: S) -> AsItIs<S> {
        AsItIs(inner)
    }
}

#[derive(Clone)]
pub(super) struct AsItIs<S>(S);

impl<S: Service<Request<Body>>> Service<Request<Body>> for AsItIs<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.call(request)
    }
}

/// Hands everything on, in bodies of its own type.
#[derive(Clone, Copy)]
pub(super) struct OwnBodies;

impl<S> Layer<S> for OwnBodies {
    type Service = Wraps<S>;

    fn layer(&self, inner: S) -> Wraps<S> {
        Wraps(inner)
    }
}

#[derive(Clone)]
pub(super) struct Wraps<S>(S);

impl<S, F> Service<Request<Body>> for Wraps<S>
where
    S: Service<Request<Wrapped>, Response = Response<Body>, Future = F>,
    F: Future<Output = Result<Response<Body>, S::Error>> + Unpin,
{
    type Response = Response<Wrapped>;
    type Error = S::Error;
    type Future = WrapsAnswer<F>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> WrapsAnswer<F> {
        WrapsAnswer(self.0.call(request.map(Wrapped)))
    }
}

pub(super) struct WrapsAnswer<F>(F);

impl<F, E> Future for WrapsAnswer<F>
where
    F: Future<Output = Result<Response<Body>, E>> + Unpin,
{
    type Output = Result<Response<Wrapped>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| Ok(answer?.map(Wrapped)))
    }
}

pub(super) struct Wrapped(Body);

impl HttpBody for Wrapped {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

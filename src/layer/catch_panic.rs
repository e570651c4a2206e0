//! Panics become answers: a layer for people who want that.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::capture::{self, last_panic, message_of};

/// Turns a panic in the service into `500 Internal Server Error`.
///
/// Add it inside [`ObserveLayer`](super::ObserveLayer): the panic is then on the request's record, with its message and
/// place, and the client gets an answer instead of a broken connection. A panic in a body that is already being sent
/// cannot become an answer and goes on.
pub const fn catch_panic_layer() -> CatchPanicLayer {
    CatchPanicLayer
}

/// Layer of [`CatchPanic`]; made by [`catch_panic_layer`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

/// Answers for a service that panics.
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for CatchPanic<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<CatchPanicBody<R>>;
    type Error = S::Error;
    type Future = CatchPanicFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(inner) => CatchPanicFuture { inner: Some(inner) },
            Err(payload) => {
                note(message_of(&*payload));
                CatchPanicFuture { inner: None }
            }
        }
    }
}

pin_project! {
    /// The response future of [`CatchPanic`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct CatchPanicFuture<F> {
        // None when `call` itself panicked.
        #[pin]
        inner: Option<F>,
    }
}

impl<F, R, E> Future for CatchPanicFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<CatchPanicBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = self.project().inner.as_pin_mut() else { return Poll::Ready(Ok(internal_error())) };
        match catch_unwind(AssertUnwindSafe(|| inner.poll(cx))) {
            Ok(polled) => polled.map_ok(|response| response.map(|body| CatchPanicBody { body: Either::Inner { body } })),
            Err(payload) => {
                note(message_of(&*payload));
                Poll::Ready(Ok(internal_error()))
            }
        }
    }
}

/// Puts the panic on the current request's record.
fn note(message: &str) {
    let place = last_panic(message);
    let _ = capture::with(|exchange| exchange.fail_by_panic(message, place));
}

fn internal_error<R>() -> Response<CatchPanicBody<R>> {
    let text = Some(Bytes::from_static(b"internal server error\n"));
    let mut response = Response::new(CatchPanicBody { body: Either::Text { text } });
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

pin_project! {
    /// The service's own body, or the text of the answer to a panic.
    pub struct CatchPanicBody<R> {
        #[pin]
        body: Either<R>,
    }
}

pin_project! {
    #[project = EitherProject]
    enum Either<R> {
        Inner { #[pin] body: R },
        Text { text: Option<Bytes> },
    }
}

impl<R: Body<Data = Bytes>> Body for CatchPanicBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().body.project() {
            EitherProject::Inner { body } => body.poll_frame(cx),
            EitherProject::Text { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Either::Inner { body } => body.is_end_stream(),
            Either::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Either::Inner { body } => body.size_hint(),
            Either::Text { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}

impl<R> fmt::Debug for CatchPanicBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchPanicBody").finish_non_exhaustive()
    }
}

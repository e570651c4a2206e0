//! Panics become answers: a layer for people who want that.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::internal_error::Asked;
use crate::capture::{self, last_panic, message_of};

/// Turns a panic in the service into `500 Internal Server Error`, with the request id in the body.
///
/// The body is plain text; for a caller whose `accept` prefers it, JSON: `{"error":"internal server error","request_id":"…"}`.
/// What the panic said is not told. The id is that of [`ObserveLayer`](super::ObserveLayer) or
/// [`request_id_layer`](crate::alone::request_id_layer), further out, else the caller's own where it is valid.
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
        let asked = Asked::of(&request);
        let inner = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let inner = inner.map_err(|payload| note(message_of(&*payload))).ok();
        CatchPanicFuture { inner, asked }
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
        asked: Asked,
    }
}

impl<F, R, E> Future for CatchPanicFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes>,
{
    type Output = Result<Response<CatchPanicBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let internal_error = || this.asked.answer(|text| CatchPanicBody { body: Either::Text { text: Some(text) } });
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(Ok(internal_error())) };
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
    let _ = capture::with(|exchange| exchange.fail_by_panic(message, place.as_ref()));
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

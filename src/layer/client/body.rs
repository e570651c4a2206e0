//! The body: forwards everything exactly, and follows a response to its end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf as _;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::attempt::Attempt;

pin_project! {
    /// The body of the response to an outgoing request; at its end, or when it is dropped, the request's span ends.
    ///
    /// Frames, trailers, errors, `size_hint` and `is_end_stream` are those of `R`.
    pub struct ObserveClientBody<R> {
        #[pin]
        inner: R,
        // None where nothing is left to follow.
        attempt: Option<Box<Attempt>>,
    }
}

impl<R> ObserveClientBody<R> {
    pub(super) fn new(inner: R, attempt: Option<Attempt>) -> Self {
        Self { inner, attempt: attempt.map(Box::new) }
    }
}

impl<R> Body for ObserveClientBody<R>
where
    R: Body,
    R::Error: fmt::Display + 'static,
{
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        let mut this = self.project();
        let Some(attempt) = this.attempt else { return this.inner.poll_frame(cx) };
        let polled = attempt.within(|| catch_unwind(AssertUnwindSafe(|| this.inner.as_mut().poll_frame(cx))));
        if let Ok(Poll::Ready(Some(Ok(frame)))) = &polled {
            if let Some(data) = frame.data_ref() {
                attempt.saw_bytes(data.remaining() as u64);
            } else if let Some(trailers) = frame.trailers_ref() {
                attempt.saw_trailers(trailers);
            }
        }
        let is_over = match &polled {
            Ok(Poll::Pending) => false,
            // Whoever reads does not poll again once this is true, nor after trailers.
            Ok(Poll::Ready(Some(Ok(frame)))) => frame.is_trailers() || this.inner.is_end_stream(),
            Ok(Poll::Ready(_)) | Err(_) => true,
        };
        if is_over && let Some(attempt) = this.attempt.take() {
            match &polled {
                Err(_) => attempt.panicked(),
                Ok(Poll::Ready(Some(Err(error)))) => attempt.failed(error),
                Ok(_) => attempt.finished(),
            }
        }
        polled.unwrap_or_else(|payload| resume_unwind(payload))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<R: Default> Default for ObserveClientBody<R> {
    fn default() -> Self {
        Self { inner: R::default(), attempt: None }
    }
}

impl<R: fmt::Debug> fmt::Debug for ObserveClientBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveClientBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}

//! The future: follows an attempt to the head of its response.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ObserveClientBody;
use super::attempt::Attempt;

pin_project! {
    /// The response future of [`ObserveClient`](super::ObserveClient).
    #[must_use = "futures do nothing unless polled"]
    pub struct ObserveClientFuture<F> {
        #[pin]
        inner: F,
        // None where telemetry is off, and once the head has arrived. Dropped with the future, it ends as cancelled.
        attempt: Option<Attempt>,
    }
}

impl<F> ObserveClientFuture<F> {
    pub(super) const fn new(inner: F, attempt: Option<Attempt>) -> Self {
        Self { inner, attempt }
    }
}

impl<F, R, E> Future for ObserveClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: fmt::Display + 'static,
{
    type Output = Result<Response<ObserveClientBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(attempt) = this.attempt else {
            return this.inner.poll(cx).map_ok(|response| response.map(|body| ObserveClientBody::new(body, None)));
        };
        let polled = match attempt.within(|| catch_unwind(AssertUnwindSafe(|| this.inner.poll(cx)))) {
            Ok(polled) => polled,
            Err(payload) => {
                if let Some(attempt) = this.attempt.take() {
                    attempt.panicked();
                }
                resume_unwind(payload)
            }
        };
        let Poll::Ready(result) = polled else { return Poll::Pending };
        let attempt = this.attempt.take();
        Poll::Ready(match result {
            Ok(response) => {
                let attempt = attempt.and_then(|attempt| attempt.answered(&response));
                Ok(response.map(|body| ObserveClientBody::new(body, attempt)))
            }
            Err(error) => {
                if let Some(attempt) = attempt {
                    attempt.failed(&error);
                }
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ObserveClientFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveClientFuture").finish_non_exhaustive()
    }
}

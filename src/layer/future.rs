//! The future: follows a request to the head of its response.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use http::header::{CONTENT_LENGTH, Entry};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tracing::Span;

use super::{ObserveBody, Shared, head, link, request_id, watch};
use crate::capture::{self, Exchange, Link, describe_any, last_panic, message_of};
use crate::record::{FailureKind, Outcome};

pin_project! {
    /// The response future of [`Observe`](super::Observe).
    #[must_use = "futures do nothing unless polled"]
    pub struct ObserveFuture<F> {
        // None only while it is dropped.
        #[pin]
        inner: Option<F>,
        flight: Option<Flight>,
    }

    impl<F> PinnedDrop for ObserveFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if this.flight.is_some() {
                let this = this.project();
                let_go(this.inner, this.flight);
            }
        }
    }
}

/// A future is dropped before its end.
// Apart, so that one that was passing, or is over, goes without a call.
#[inline(never)]
fn let_go<F>(mut inner: Pin<&mut Option<F>>, flight: &mut Option<Flight>) {
    if let Some(flight) = flight.take() {
        flight.abandoned(Outcome::ClientGoneBeforeHead, || inner.set(None));
    }
}

impl<F> ObserveFuture<F> {
    /// Calls the inner service with the exchange in place; a panic is put on the record and goes on.
    ///
    /// `call` writes the inner future where it stays: both it and the request are large, and every hand that they pass
    /// through copies them.
    pub(super) fn begin(mut flight: Flight, call: impl FnOnce(&mut Option<F>)) -> Self {
        let mut this = Self { inner: None, flight: None };
        match flight.within(|| catch_unwind(AssertUnwindSafe(|| call(&mut this.inner)))) {
            Ok(()) => {
                this.flight = Some(flight);
                this
            }
            Err(payload) => {
                flight.panicked(&*payload);
                resume_unwind(payload)
            }
        }
    }

    pub(super) const fn passing(inner: F) -> Self {
        Self { inner: Some(inner), flight: None }
    }
}

impl<F, R, E> Future for ObserveFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: fmt::Display + 'static,
{
    type Output = Result<Response<ObserveBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut inner = this.inner;
        let Some(flight) = this.flight else {
            let Some(inner) = inner.as_pin_mut() else { return Poll::Pending };
            return Poll::Ready(ready!(inner.poll(cx)).map(|response| response.map(ObserveBody::passing)));
        };
        // The future goes as soon as it is done, so that the spans that it holds end, and what its destructors log is on the
        // record.
        let poll = || {
            let result = ready!(inner.as_mut().as_pin_mut().map_or(Poll::Pending, |inner| inner.poll(cx)));
            inner.set(None);
            Poll::Ready(result)
        };
        let result = match flight.within(|| catch_unwind(AssertUnwindSafe(poll))) {
            Ok(Poll::Pending) => {
                flight.report_if_asked();
                return Poll::Pending;
            }
            Ok(Poll::Ready(result)) => result,
            Err(payload) => {
                if let Some(flight) = this.flight.take() {
                    flight.panicked(&*payload);
                }
                resume_unwind(payload)
            }
        };
        let Some(flight) = this.flight.take() else {
            return Poll::Ready(result.map(|response| response.map(ObserveBody::passing)));
        };
        match result {
            Ok(response) => Poll::Ready(Ok(flight.answered(response))),
            Err(error) => {
                flight.failed(FailureKind::Service, &error, Outcome::Failed);
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<F> fmt::Debug for ObserveFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveFuture").field("flight", &self.flight).finish_non_exhaustive()
    }
}

/// A request in flight, in the hands of its future or body. Ends in exactly one record.
pub(super) struct Flight {
    /// Out while the inner service or body is polled.
    exchange: Option<Exchange>,
    /// What shows the request to other subscribers, where there are any.
    span: Option<Box<Span>>,
    /// Keeps the telemetry open until the request is over.
    shared: Arc<Shared>,
}

/// What the head of a response says of its body.
struct Head {
    is_upgrade: bool,
    is_bodiless: bool,
}

impl Flight {
    pub(super) fn new(exchange: Exchange, span: Span, shared: Arc<Shared>) -> Self {
        let span = (!span.is_none()).then(|| Box::new(span));
        Self { exchange: Some(exchange), span, shared }
    }

    pub(super) const fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_ref()
    }

    pub(super) const fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_mut()
    }

    /// Leaves a report, where one is asked for; after a poll that did not end it.
    pub(super) fn report_if_asked(&self) {
        if let Some(exchange) = &self.exchange {
            exchange.report_if_asked();
        }
    }

    /// Runs `f` inside the request's span, with the exchange where events find it.
    #[inline]
    pub(super) fn within<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let Self { exchange, span, .. } = self;
        // Entered first: with no exchange in place yet, nobody looks the span up to find that it is the request's.
        let _entered = span.as_deref().map(|span| capture::at_home(|| span.enter()));
        let link = exchange.as_ref().and_then(|exchange| exchange.link.to_step());
        capture::with_current(exchange, || match &link {
            None => f(),
            Some(link) => link.in_step(f),
        })
    }

    fn answered<R: Body>(mut self, mut response: Response<R>) -> Response<ObserveBody<R>> {
        let status = response.status();
        let Some(Head { is_upgrade, is_bodiless }) = self.saw_head(status, response.headers_mut()) else {
            return response.map(ObserveBody::passing);
        };
        if is_upgrade {
            self.finish(Outcome::Upgraded);
            return response.map(ObserveBody::passing);
        }
        if response.body().is_end_stream() {
            self.finish(Outcome::Answered);
            return response.map(ObserveBody::passing);
        }
        // A body may not know its length although the head names it. Servers stop at either.
        let declared = || response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let promised = || response.body().size_hint().exact().or_else(declared).unwrap_or(u64::MAX);
        let whole_bytes = if is_bodiless { 0 } else { promised() };
        response.map(|body| ObserveBody::of_response(body, self, whole_bytes))
    }

    /// Puts the head of the response on the record, and the request id into it; `None` where there is no exchange any more.
    // Not generic, so that it is made once and as a whole, whatever the body.
    fn saw_head(&mut self, status: StatusCode, headers: &mut HeaderMap) -> Option<Head> {
        let Self { exchange, shared, .. } = self;
        let exchange = exchange.as_mut()?;
        // A map that is full to its limit stays as it is.
        if let Ok(entry) = headers.try_entry(request_id::HEADER)
            && let Entry::Vacant(free) = entry
        {
            let _ = free.try_insert(exchange.link.request_id.clone());
        }
        let Link { trace_id, span_id, trace_flags, .. } = &*exchange.link;
        shared.callers.trace_response.write(*trace_id, *span_id, *trace_flags, headers);
        exchange.parts.status = Some(status.as_u16());
        if !exchange.link.is_slim {
            let head_ns = exchange.link.now_ns();
            exchange.parts.head_ns = Some(head_ns);
            if let Some(listed) = &exchange.link.listed {
                listed.answered(head_ns, status.as_u16());
            }
            head::response(&mut exchange.parts, headers, exchange.link.hub.pipeline.rules());
            watch::response(exchange, headers, shared.bodies.as_ref());
            if let Some(start) = shared.link.get() {
                link::write(start, exchange.link.span_id, headers);
            }
        }
        let parts = &exchange.parts;
        if parts.scratch.misses_route_layer && parts.route.is_none() && status != StatusCode::NOT_FOUND {
            shared.warn_of_route();
        }
        let method = exchange.parts.str(exchange.parts.method);
        Some(Head { is_upgrade: head::is_upgrade(method, status), is_bodiless: head::is_bodiless(method, status) })
    }

    /// Ends with an error of the service or body.
    pub(super) fn failed<E: fmt::Display + 'static>(mut self, kind: FailureKind, error: &E, outcome: Outcome) {
        if let Some(exchange) = &mut self.exchange {
            let at = (exchange.innermost(), exchange.link.now_ns());
            describe_any(&mut exchange.parts, kind, at, error);
        }
        self.finish(outcome);
    }

    /// Ends with a panic, which the caller lets go on.
    pub(super) fn panicked(mut self, payload: &(dyn Any + Send)) {
        if let Some(exchange) = &mut self.exchange {
            let message = message_of(payload);
            exchange.fail_by_panic(message, last_panic(message).as_ref());
        }
        self.finish(Outcome::Panicked);
    }

    /// Ends because nobody waits for it any more; `drop_inner` lets go of what was polled.
    ///
    /// That happens inside the request, so that what destructors log and the spans that they end are on its record.
    pub(super) fn abandoned(mut self, outcome: Outcome, drop_inner: impl FnOnce()) {
        // During unwinding it is not the client that went away.
        let outcome = if thread::panicking() && outcome != Outcome::Answered { Outcome::Panicked } else { outcome };
        let dropped = self.within(|| catch_unwind(AssertUnwindSafe(drop_inner)));
        self.finish(outcome);
        // A destructor's panic goes on, except where a second one would end the process.
        if let Err(payload) = dropped
            && !thread::panicking()
        {
            resume_unwind(payload)
        }
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(exchange) = self.exchange.take() {
            let counts_request_bytes = exchange.parts.scratch.counts_request_bytes;
            exchange.finish(outcome, counts_request_bytes);
        }
    }
}

impl Drop for Flight {
    /// What none of the ways above ended: something of the application's unwound through us.
    fn drop(&mut self) {
        self.end(Outcome::Panicked);
        Shared::request_over(&self.shared);
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.exchange.as_ref().map(|exchange| &exchange.link);
        f.debug_struct("Flight").field("link", &link).finish_non_exhaustive()
    }
}

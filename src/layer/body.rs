//! The body: forwards everything exactly, and follows a response to its real end.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::future::Flight;
use super::head;
use crate::capture::{Link, Pieces};
use crate::record::{FailureKind, Outcome};

pin_project! {
    /// A request's or a response's body, with the bytes that pass counted.
    ///
    /// Frames, trailers, errors, `size_hint` and `is_end_stream` are those of `B`.
    pub struct ObserveBody<B> {
        // None only while it is dropped.
        #[pin]
        inner: Option<B>,
        follow: Follow,
    }

    impl<B> PinnedDrop for ObserveBody<B> {
        fn drop(this: Pin<&mut Self>) {
            // Asked first: what follows nothing moves nothing.
            if matches!(this.follow, Follow::Response(_)) {
                let this = this.project();
                let_go(this.inner, this.follow);
            }
        }
    }
}

/// A response's body is dropped before its end.
// Apart, so that what follows nothing goes without a call.
#[inline(never)]
fn let_go<B>(mut inner: Pin<&mut Option<B>>, follow: &mut Follow) {
    if let Follow::Response(response) = std::mem::replace(follow, Follow::Nothing) {
        response.dropped(|| inner.set(None));
    }
}

/// What is watched.
enum Follow {
    Nothing,
    Request(Arc<Link>),
    Response(FollowResponse),
}

struct FollowResponse {
    flight: Flight,
    /// With so many bytes it is whole: the length that the head promised, or one that is never reached; none where the server
    /// drops the body unread, as it does for HEAD.
    whole_bytes: u64,
}

impl<B> ObserveBody<B> {
    pub(super) const fn passing(inner: B) -> Self {
        Self { inner: Some(inner), follow: Follow::Nothing }
    }

    /// With `whole_bytes` the response is whole.
    pub(super) const fn of_response(inner: B, flight: Flight, whole_bytes: u64) -> Self {
        Self { inner: Some(inner), follow: Follow::Response(FollowResponse { flight, whole_bytes }) }
    }

    pub(super) const fn of_request(inner: B, link: Arc<Link>) -> Self {
        Self { inner: Some(inner), follow: Follow::Request(link) }
    }
}

impl<B> Body for ObserveBody<B>
where
    B: Body,
    B::Error: fmt::Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        match this.follow {
            Follow::Nothing => inner.poll_frame(cx),
            Follow::Request(link) => {
                let polled = inner.poll_frame(cx);
                if let Poll::Ready(Some(Ok(frame))) = &polled
                    && let Some(data) = frame.data_ref()
                {
                    link.saw_request(data);
                }
                polled
            }
            Follow::Response(_) => poll_response(inner, this.follow, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, B::size_hint)
    }
}

/// What polling a body gives.
type Polled<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// Polls a response's body inside its request, and looks at what comes.
// Apart, so that a body that follows nothing has no stack to set up for it.
#[inline(never)]
fn poll_response<B>(mut inner: Pin<&mut B>, follow: &mut Follow, cx: &mut Context<'_>) -> Polled<B>
where
    B: Body,
    B::Error: fmt::Display + 'static,
{
    let Follow::Response(response) = follow else { return inner.poll_frame(cx) };
    let polled = response.flight.within(|| catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll_frame(cx))));
    let is_over = match &polled {
        Ok(Poll::Pending) => false,
        // Servers do not poll again once this is true, nor after trailers.
        Ok(Poll::Ready(Some(Ok(frame)))) => frame.is_trailers() || inner.is_end_stream(),
        Ok(Poll::Ready(_)) | Err(_) => true,
    };
    if let Ok(Poll::Ready(Some(Ok(frame)))) = &polled {
        response.saw(frame, is_over);
    }
    if !is_over {
        response.flight.report_if_asked();
    } else if let Follow::Response(response) = std::mem::replace(follow, Follow::Nothing) {
        match &polled {
            Err(payload) => response.flight.panicked(&**payload),
            Ok(Poll::Ready(Some(Err(error)))) => response.flight.failed(FailureKind::Body, error, Outcome::BodyError),
            Ok(_) => response.flight.finish(Outcome::Answered),
        }
    }
    polled.unwrap_or_else(|payload| resume_unwind(payload))
}

impl FollowResponse {
    /// A frame of the body; the time of the first that is also the last is that of the end.
    fn saw<D: bytes::Buf>(&mut self, frame: &Frame<D>, is_last: bool) {
        let Some(exchange) = self.flight.exchange_mut() else { return };
        if let Some(data) = frame.data_ref() {
            let is_timed = !exchange.link.is_slim && exchange.parts.first_byte_ns.is_none();
            if is_timed && !(is_last && data.has_remaining()) {
                exchange.parts.first_byte_ns = Some(exchange.link.now_ns());
            }
            exchange.parts.response_bytes = exchange.parts.response_bytes.saturating_add(data.remaining() as u64);
            if let Some(listed) = &exchange.link.listed {
                listed.sent(exchange.parts.response_bytes);
            }
            if exchange.more().is_some()
                && let Some(watch) = &mut exchange.more_mut().response
            {
                watch.see(&Pieces::of(data));
            }
        } else if let Some(trailers) = frame.trailers_ref().filter(|_| !exchange.link.is_slim) {
            let is_rpc = exchange.more().is_some_and(|more| more.rpc.is_some());
            head::trailers(&mut exchange.parts, trailers, exchange.link.hub.pipeline.rules(), is_rpc);
        }
    }

    /// The server let go of the body.
    fn dropped(self, drop_inner: impl FnOnce()) {
        let seen = self.flight.exchange().map_or(0, |exchange| exchange.parts.response_bytes);
        let is_whole = seen >= self.whole_bytes;
        self.flight.abandoned(if is_whole { Outcome::Answered } else { Outcome::ClientGoneMidBody }, drop_inner);
    }
}

impl<B: Default> Default for ObserveBody<B> {
    fn default() -> Self {
        Self::passing(B::default())
    }
}

impl<B: fmt::Debug> fmt::Debug for ObserveBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}

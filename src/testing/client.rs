//! The other side of a service: a client that reads everything, and one that goes away, for which a future or a body is
//! driven for a while and dropped.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::Kit;
use super::alarm::Alarm;

/// How often a future is polled that nothing has woken, so that other tasks get their turn.
const ROUNDS: u32 = 64;

impl Kit {
    /// Sends a request, and reads the response to its end. Trailers are read and left out.
    ///
    /// # Panics
    /// When the service or the body fails; the record tells why.
    pub async fn send<S, B, R>(&self, mut service: S, request: Request<B>) -> Response<Bytes>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body,
    {
        let (head, body) = answer(&mut service, request).await.into_parts();
        let (mut body, mut content) = (pin!(body), BytesMut::new());
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let Ok(frame) = frame else { panic!("the body of the response failed after {} bytes", content.len()) };
            if let Ok(data) = frame.into_data() {
                content.put(data);
            }
        }
        Response::from_parts(head, content.freeze())
    }

    /// Sends a request, and goes away while the service waits for something.
    ///
    /// The service is driven until it waits for what does not come by itself, such as a lock, a channel or a timer. Where it
    /// matters when the client goes, see [`disconnect_when`](Self::disconnect_when).
    ///
    /// # Panics
    /// When the service answers.
    pub async fn disconnect_before_head<S, B, R>(&self, mut service: S, request: Request<B>)
    where
        S: Service<Request<B>, Response = Response<R>>,
    {
        match until_idle(try_answer(&mut service, request)).await {
            None => {}
            Some(Ok(response)) => panic!(
                "the service answered with {} before the client was gone: it never waits for anything, or for nothing that \
                 takes long",
                response.status()
            ),
            Some(Err(_)) => panic!("the service failed before the client was gone"),
        }
    }

    /// Sends a request, and goes away when at least `bytes` of the response's body are there; 0 is right after the head.
    ///
    /// # Panics
    /// When the service fails, the body ends before that, or it takes longer than the [`DEADLINE`](Self::DEADLINE).
    pub async fn disconnect_mid_body<S, B, R>(&self, mut service: S, request: Request<B>, bytes: usize)
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body,
    {
        let mut seen = 0;
        let drive = async {
            let mut body = pin!(answer(&mut service, request).await.into_body());
            while seen < bytes {
                match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                    Some(Ok(frame)) => seen += frame.data_ref().map_or(0, |data| data.remaining()),
                    Some(Err(_)) => panic!("the body failed after {seen} bytes; the client was to go after {bytes}"),
                    None => panic!("the body ended after {seen} bytes; the client was to go after {bytes}"),
                }
            }
        };
        let mut alarm = Alarm::new(Self::DEADLINE);
        let mut drive = pin!(drive);
        let is_done = poll_fn(|cx| match drive.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if alarm.is_over(cx) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        assert!(is_done.await, "the body did not come to {bytes} bytes within {} s", Self::DEADLINE.as_secs());
    }

    /// Sends a request, reads its response, and goes away when `gone` is ready, wherever that is.
    ///
    /// # Panics
    /// When the response has come to its end before that.
    ///
    /// # Example
    /// ```
    /// use axum::{Router, body::Body, routing::get};
    /// use campanile::{record::Outcome, testing};
    /// use http::Request;
    /// use tokio::sync::Notify;
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let t = testing::start();
    /// let reserved = Arc::new(Notify::new());
    /// let told = Arc::clone(&reserved);
    /// let buy = move || async move {
    ///     tracing::info!("reserved the stock");
    ///     told.notify_one();
    ///     std::future::pending::<&'static str>().await
    /// };
    /// let app = Router::new().route("/buy", get(buy)).layer(t.layer());
    ///
    /// t.disconnect_when(app, Request::get("/buy").body(Body::empty()).unwrap(), reserved.notified()).await;
    ///
    /// t.one_record().await.assert().outcome(Outcome::ClientGoneBeforeHead).event(tracing::Level::INFO, "reserved");
    /// # }
    /// ```
    pub async fn disconnect_when<S, B, R>(&self, mut service: S, request: Request<B>, gone: impl Future)
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: Body,
    {
        let drive = async {
            let response = try_answer(&mut service, request).await.map_err(drop)?;
            let mut body = pin!(response.into_body());
            while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                frame.map_err(drop)?;
            }
            Ok::<(), ()>(())
        };
        let (mut drive, mut gone) = (pin!(drive), pin!(gone));
        let ended = poll_fn(|cx| match drive.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending => gone.as_mut().poll(cx).map(|_| None),
        });
        match ended.await {
            None => {}
            Some(Ok(())) => panic!("the response came to its end before the client was gone"),
            Some(Err(())) => panic!("the service or its body failed before the client was gone"),
        }
    }
}

async fn answer<S, B, R>(service: &mut S, request: Request<B>) -> Response<R>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    try_answer(service, request).await.unwrap_or_else(|_| panic!("the service failed instead of answering"))
}

async fn try_answer<S: Service<T>, T>(service: &mut S, request: T) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// What comes of the future; `None` when it waits for something that does not come while other tasks have their turns.
async fn until_idle<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = ROUNDS;
    let mut ear: Option<Arc<Ear>> = None;
    poll_fn(|cx| {
        if ear.take().is_some_and(|ear| ear.is_woken.load(Ordering::SeqCst)) {
            left = ROUNDS;
        }
        let listening = Arc::new(Ear { waker: cx.waker().clone(), is_woken: AtomicBool::new(false) });
        let polled = future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&listening))));
        ear = Some(listening);
        match polled {
            Poll::Ready(out) => Poll::Ready(Some(out)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => {
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}

/// Notices whether a future has woken itself.
struct Ear {
    waker: Waker,
    is_woken: AtomicBool,
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.waker.wake_by_ref();
    }
}

//! The service under test: the same with and without the layer, on hyper, on axum and in this process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::routing::any;
use bytes::Bytes;
use campanile::ObserveLayer;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::{Service, ServiceBuilder, ServiceExt as _};

use crate::support::{BoxBody, BoxError, PATIENCE, serve};
use crate::wire::{Answer, Sent, exchange};

/// Where the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Hyper,
    Axum,
    InProcess,
}

pub(crate) const PLACES: [Place; 3] = [Place::Hyper, Place::Axum, Place::InProcess];

/// What the handler answers with.
type Answering = dyn Fn(&Parts, &Bytes, Option<&HeaderMap>) -> Response<BoxBody> + Send + Sync;

/// What the handler does.
#[derive(Clone)]
pub(crate) struct Play {
    /// Runs inside the request.
    pub(crate) act: Arc<dyn Fn() + Send + Sync>,
    pub(crate) answer: Arc<Answering>,
}

impl Default for Play {
    fn default() -> Self {
        Self { act: Arc::new(|| {}), answer: Arc::new(echo) }
    }
}

impl Play {
    pub(crate) fn acting(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self { act: Arc::new(act), ..Self::default() }
    }

    pub(crate) fn answering(
        answer: impl Fn(&Parts, &Bytes, Option<&HeaderMap>) -> Response<BoxBody> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Arc::new(answer), ..Self::default() }
    }
}

/// Everything that the handler saw, but for the request id that the layer shows it.
fn echo(head: &Parts, body: &Bytes, trailers: Option<&HeaderMap>) -> Response<BoxBody> {
    let mut text = format!("{} {}\n", head.method, head.uri);
    let both = head.headers.iter().chain(trailers.into_iter().flatten());
    for (name, value) in both.filter(|(name, _)| *name != "x-request-id") {
        let _ = writeln!(text, "{name}: {}", value.as_bytes().escape_ascii());
    }
    let sum = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let _ = write!(text, "{} bytes, {sum:x}", body.len());
    Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync())
}

/// The echo in chunks, and behind it the trailers that came in.
pub(crate) fn with_trailers(head: &Parts, body: &Bytes, trailers: Option<&HeaderMap>) -> Response<BoxBody> {
    let text = echo(head, body, None).into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    let trailers = trailers.cloned().unwrap_or_default();
    let mut response = Response::new(());
    for name in trailers.keys() {
        response.headers_mut().append("trailer", http::HeaderValue::from_str(name.as_str()).unwrap());
    }
    let frames = [Ok::<_, BoxError>(Frame::data(text)), Ok(Frame::trailers(trailers))];
    response.map(|()| StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
}

/// A handler with its play, and what it was called for.
#[derive(Clone)]
pub(crate) struct Handler {
    play: Play,
    calls: Arc<AtomicUsize>,
    /// Headers that it would send on.
    injected: Arc<Mutex<Option<HeaderMap>>>,
}

/// A path that the handler answers without its play, to see whether the server still lives.
const CONTROL: &str = "/control";

impl Handler {
    pub(crate) fn new(play: &Play) -> Self {
        Self { play: play.clone(), calls: Arc::default(), injected: Arc::default() }
    }

    /// How often it was called, the control apart.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    pub(crate) fn injected(&self) -> HeaderMap {
        self.injected.lock().unwrap().clone().unwrap_or_default()
    }

    async fn handle<B>(self, request: Request<B>) -> Response<BoxBody>
    where
        B: Body<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        if head.uri.path() == CONTROL {
            return Response::new(Full::from("alive").map_err(|never| match never {}).boxed_unsync());
        }
        self.calls.fetch_add(1, Ordering::AcqRel);
        if let Some(handle) = campanile::current() {
            let mut headers = HeaderMap::new();
            handle.inject(&mut headers);
            *self.injected.lock().unwrap() = Some(headers);
        }
        let (body, trailers) = match body.collect().await {
            Ok(collected) => {
                let trailers = collected.trailers().cloned();
                (collected.to_bytes(), trailers)
            }
            Err(_) => (Bytes::from_static(b"broken"), None),
        };
        (self.play.act)();
        (self.play.answer)(&head, &body, trailers.as_ref())
    }
}

/// What a run left at the client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Got {
    Wire(Answer),
    Local(Local),
}

impl Got {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Wire(answer) => answer.status(),
            Self::Local(local) => local.head.as_ref().map(|head| head.0),
        }
    }

    /// Values of a header of the answer.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        match self {
            Self::Wire(answer) => answer.headers(name),
            Self::Local(local) => {
                let values = local.head.iter().flat_map(|(_, headers)| headers.get_all(name));
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
            }
        }
    }

    /// What has to be the same with and without the layer.
    pub(crate) fn comparable(&self) -> String {
        match self {
            Self::Wire(answer) => answer.without_id_and_date().escape_ascii().to_string(),
            Self::Local(local) => {
                let mut local = local.clone();
                if let Some((_, headers)) = &mut local.head {
                    headers.remove("x-request-id");
                }
                format!("{local:?}")
            }
        }
    }
}

/// What a service in this process did, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Local {
    pub(crate) head: Option<(u16, HeaderMap)>,
    /// Polls of the future until the head was there.
    pub(crate) polls: usize,
    /// Frames with size hint and end-of-stream flag before each.
    pub(crate) steps: Vec<String>,
    pub(crate) panic: bool,
}

/// Sends a request to the service at this place, with the layer or bare.
pub(crate) async fn send(place: Place, handler: &Handler, layer: Option<ObserveLayer>, sent: &Sent) -> Got {
    let bytes = sent.to_bytes();
    match (place, layer) {
        (Place::Hyper, None) => on_hyper(service(handler), &bytes).await,
        (Place::Hyper, Some(layer)) => on_hyper(ServiceBuilder::new().layer(layer).service(service(handler)), &bytes).await,
        (Place::Axum, None) => on_axum(router(handler), &bytes).await,
        (Place::Axum, Some(layer)) => on_axum(router(handler).layer(layer), &bytes).await,
        (Place::InProcess, None) => Got::Local(local(service(handler), sent.to_request().0)),
        (Place::InProcess, Some(layer)) => {
            Got::Local(local(ServiceBuilder::new().layer(layer).service(service(handler)), sent.to_request().0))
        }
    }
}

type Handling = Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>>;

/// The handler as a service of its own.
pub(crate) fn service<B>(
    handler: &Handler,
) -> impl Service<Request<B>, Response = Response<BoxBody>, Error = BoxError, Future = Handling> + Clone + Send + use<B>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let handler = handler.clone();
    tower::service_fn(move |request: Request<B>| {
        let handler = handler.clone();
        Box::pin(async move { Ok(handler.handle(request).await) }) as Handling
    })
}

/// The handler below a route with parameters, and for everything else.
fn router(handler: &Handler) -> Router {
    let handler = handler.clone();
    let handle = any(move |request: axum::extract::Request| handler.clone().handle(request));
    Router::new().route("/u/{mail}/card/{number}", handle.clone()).fallback_service(handle)
}

async fn on_hyper<S, B>(service: S, bytes: &[u8]) -> Got
where
    S: Service<Request<hyper::body::Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let server = serve(service).await;
    let answer = exchange(server.address, bytes).await;
    assert_lives(server.address).await;
    server.stop().await;
    Got::Wire(answer)
}

async fn on_axum(router: Router, bytes: &[u8]) -> Got {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let app = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    let answer = exchange(address, bytes).await;
    assert_lives(address).await;
    let _ = stop.send(());
    tokio::time::timeout(PATIENCE, server).await.expect("all connections end").unwrap().unwrap();
    Got::Wire(answer)
}

/// The server goes on to serve others.
async fn assert_lives(address: SocketAddr) {
    let answer = exchange(address, &Sent::new("GET", CONTROL).to_bytes()).await;
    assert!(answer.0.ends_with(b"alive"), "{}", answer.0.escape_ascii());
}

/// Whether a record is that of the control.
pub(crate) fn is_control(record: &campanile::record::Record) -> bool {
    record.path() == CONTROL
}

/// Calls a service here, polls it and its body by hand, and writes down what they did.
pub(crate) fn local<S, B>(service: S, request: Request<BoxBody>) -> Local
where
    S: Service<Request<BoxBody>, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    let mut local = Local::default();
    let future = AssertUnwindSafe(service.oneshot(request)).catch_unwind();
    let (ready, polls) = poll_until_ready(future);
    local.polls = polls;
    let Ok(result) = ready else {
        local.panic = true;
        return local;
    };
    let Ok(response) = result else { return local };
    let (head, body) = response.into_parts();
    local.head = Some((head.status.as_u16(), head.headers));
    let mut body = Box::pin(body);
    loop {
        let (hint, is_end) = (body.size_hint(), body.is_end_stream());
        let next = AssertUnwindSafe(std::future::poll_fn(|cx| body.as_mut().poll_frame(cx))).catch_unwind();
        let (next, polls) = poll_until_ready(next);
        let frame = match &next {
            Ok(Some(Ok(frame))) => format!("{:?} {:?}", frame.data_ref(), frame.trailers_ref()),
            Ok(Some(Err(_))) => "error".to_owned(),
            Ok(None) => "end".to_owned(),
            Err(_) => "panic".to_owned(),
        };
        local.panic |= next.is_err();
        local.steps.push(format!("{hint:?} {is_end} after {polls} polls: {frame}"));
        if !matches!(next, Ok(Some(Ok(_)))) {
            return local;
        }
    }
}

/// Polls a future that needs no runtime until it is ready, and counts.
pub(crate) fn poll_until_ready<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    for polls in 1..10_000 {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return (ready, polls);
        }
    }
    panic!("the service is never ready");
}

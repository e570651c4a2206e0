//! An answer with the layer is the answer without it, but for `x-request-id`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use support::{BoxBody, BoxError, Chain, Observed, PROTOCOLS, Protocol, Script, Step, full, request, send, serve};
use tower::{Service, ServiceBuilder, ServiceExt};

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))])
}

fn three() -> [Step; 4] {
    [Step::Data("one"), Step::Pending, Step::Data(""), Step::Data("three")]
}

const PATHS: [&str; 14] = [
    "/full",
    "/empty",
    "/chunked",
    "/exact",
    "/says-its-end",
    "/declared",
    "/trailers",
    "/only-trailers",
    "/204",
    "/304",
    "/404",
    "/many-headers",
    "/body-error",
    "/error",
];

async fn answer<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let builder = Response::builder();
    Ok(match request.uri().path() {
        "/full" => builder.body(full("hello")),
        "/empty" => builder.body(full("")),
        "/chunked" => builder.body(Script::new(three()).boxed()),
        "/exact" => builder.body(Script::new(three()).exact(8).boxed()),
        "/says-its-end" => builder.body(Script::new(three()).saying_its_end().boxed()),
        "/declared" => builder.header("content-length", 8).body(Script::new(three()).boxed()),
        "/trailers" => {
            let steps = three().into_iter().chain([Step::Trailers(trailers())]);
            builder.header("trailer", "x-sum").body(Script::new(steps).boxed())
        }
        "/only-trailers" => builder.header("trailer", "x-sum").body(Script::new([Step::Trailers(trailers())]).boxed()),
        "/204" => builder.status(204).body(full("")),
        "/304" => builder.status(304).header("etag", "\"a\"").body(full("")),
        "/404" => builder.status(404).body(full("nothing here")),
        "/many-headers" => {
            let mut response = Response::new(full("x"));
            for index in 0..90 {
                response.headers_mut().append("x-repeated", HeaderValue::from(index));
            }
            response.headers_mut().append("x-opaque", HeaderValue::from_bytes(b"\xff\x80").unwrap());
            return Ok(response);
        }
        "/body-error" => builder.body(Script::new([Step::Data("one"), Step::Fail("broke".into())]).boxed()),
        _ => return Err(Chain::new(&["first", "second"]).into()),
    }
    .unwrap())
}

/// Everything that a client sees.
async fn seen_by_client(observed: Option<&Observed>, protocol: Protocol, method: &str, path: &str) -> String {
    let layer = observed.map(Observed::layer);
    let server = match layer {
        Some(layer) => serve(ServiceBuilder::new().layer(layer).service_fn(answer)).await,
        None => serve(ServiceBuilder::new().service_fn(answer)).await,
    };
    let mut request = request(method, path);
    request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    let answer = send(&server, protocol, request).await;
    server.stop().await;
    match answer {
        Ok(mut answer) => {
            assert_eq!(answer.headers.remove("x-request-id").is_some(), observed.is_some());
            answer.headers.remove("date");
            format!("{answer:?}")
        }
        // The text names connections.
        Err(error) => format!("broken off: {} {}", error.is_incomplete_message(), std::error::Error::source(&error).is_some()),
    }
}

#[tokio::test]
async fn a_client_sees_no_difference() {
    for protocol in PROTOCOLS {
        for method in ["GET", "HEAD", "POST"] {
            for path in PATHS {
                let seen = Observed::new();
                let bare = seen_by_client(None, protocol, method, path).await;
                let with = seen_by_client(Some(&seen), protocol, method, path).await;
                assert_eq!(with, bare, "{protocol:?} {method} {path}");
                assert_eq!(seen.records().len(), 1, "{protocol:?} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_bytes_on_the_wire_are_the_same() {
    for path in PATHS {
        let seen = Observed::new();
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: close\r\n\r\n");
        let bare = serve(ServiceBuilder::new().service_fn(answer)).await;
        let without = support::raw(&bare, &bytes).await;
        bare.stop().await;
        let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(answer)).await;
        let with = support::raw(&server, &bytes).await;
        server.stop().await;
        let lines = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let own = |line: &&str| !line.starts_with("x-request-id: ") && !line.starts_with("date: ");
            text.split_inclusive("\r\n").filter(own).collect::<String>()
        };
        assert_eq!(lines(with), lines(without), "{path}");
    }
}

/// Every step of a body: hint and end before it, then the frame.
fn steps<B: Body<Data = Bytes, Error = BoxError>>(body: B) -> Vec<String> {
    let mut body = Box::pin(body);
    let mut steps = Vec::new();
    for _ in 0..12 {
        let hint = body.size_hint();
        let polled = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        steps.push(format!("{:?} {:?} {polled:?}", (hint.lower(), hint.upper()), body.is_end_stream()));
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            break;
        }
    }
    steps
}

#[tokio::test]
async fn bodies_pass_frame_by_frame() {
    for path in PATHS.into_iter().filter(|path| *path != "/error") {
        let seen = Observed::new();
        let bare = ServiceBuilder::new().service_fn(answer::<Full<Bytes>>).oneshot(request("GET", path)).await.unwrap();
        let with = ServiceBuilder::new().layer(seen.layer()).service_fn(answer).oneshot(request("GET", path)).await.unwrap();
        assert_eq!(with.body().is_end_stream(), bare.body().is_end_stream(), "{path}");
        assert_eq!(steps(with.into_body()), steps(bare.into_body()), "{path}");
    }
}

#[tokio::test]
async fn a_request_body_passes_frame_by_frame() {
    let script = || Script::new(three().into_iter().chain([Step::Trailers(trailers())])).exact(8);
    let seen = Observed::new();
    let service =
        ServiceBuilder::new().layer(seen.layer()).service_fn(|request: Request<campanile::ObserveBody<Script>>| async {
            let steps = steps(request.into_body());
            Ok::<_, BoxError>(Response::new(Full::new(Bytes::from(steps.join("\n")))))
        });
    let response = service.oneshot(Request::new(script())).await.unwrap();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&text), steps(script()).join("\n"));
}

#[tokio::test]
async fn an_error_is_the_services_own() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(answer);
    let error = service.oneshot(request("GET", "/error")).await.err().unwrap();
    assert_eq!((error.to_string().as_str(), error.is::<Chain>()), ("first", true));
}

#[tokio::test]
async fn extensions_of_the_response_are_kept() {
    #[derive(Clone, Debug, PartialEq)]
    struct Note(u8);
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        let mut response = Response::new(full(""));
        response.extensions_mut().insert(Note(7));
        Ok::<_, BoxError>(response)
    });
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!(response.extensions().get::<Note>(), Some(&Note(7)));
}

/// Panics when it is called without having been ready, and counts who is inside.
struct Strict {
    is_ready: bool,
    polls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        // As tower says: a clone is not ready.
        Self { is_ready: false, polls: Arc::clone(&self.polls) }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<BoxBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        Box::pin(async { Ok(Response::new(full("done"))) })
    }
}

#[tokio::test]
async fn the_service_that_is_called_is_the_one_that_was_ready() {
    let seen = Observed::new();
    let polls = Arc::new(AtomicUsize::new(0));
    let mut service = ServiceBuilder::new().layer(seen.layer()).service(Strict { is_ready: false, polls: Arc::clone(&polls) });
    for _ in 0..3 {
        let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await.unwrap();
        assert!(ready.call(request("GET", "/")).await.is_ok());
    }
    let clone = service.clone();
    assert!(clone.oneshot(request("GET", "/")).await.is_ok());
    assert_eq!((polls.load(Ordering::Relaxed), seen.records().len()), (4, 4));
}

#[tokio::test]
async fn limits_and_load_shedding_inside_work_as_without_it() {
    let seen = Observed::new();
    let [entered, release] = std::array::from_fn(|_| Arc::new(tokio::sync::Notify::new()));
    let (has_entered, released) = (Arc::clone(&entered), Arc::clone(&release));
    let service = ServiceBuilder::new().layer(seen.layer()).load_shed().concurrency_limit(1).service_fn(move |_: Request<_>| {
        has_entered.notify_one();
        let released = Arc::clone(&released);
        async move {
            released.notified().await;
            Ok::<_, BoxError>(Response::new(full("done")))
        }
    });
    let boxed = service_boxed(&service);
    let second = async {
        entered.notified().await;
        let shed = service.clone().oneshot(request("GET", "/shed")).await.err().unwrap();
        assert!(shed.is::<tower::load_shed::error::Overloaded>());
        release.notify_one();
    };
    let (first, ()) = tokio::join!(service_once(boxed), second);
    assert!(first);
    let outcomes: Vec<_> = seen.records().iter().map(|record| record.outcome().as_str()).collect();
    assert_eq!(outcomes, ["failed", "answered"]);
}

type Boxed = tower::util::BoxCloneService<Request<Full<Bytes>>, Response<campanile::ObserveBody<BoxBody>>, BoxError>;

fn service_boxed<S>(service: &S) -> Boxed
where
    S: Service<Request<Full<Bytes>>, Response = Response<campanile::ObserveBody<BoxBody>>, Error = BoxError>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    Boxed::new(service.clone())
}

async fn service_once(service: Boxed) -> bool {
    match service.oneshot(request("GET", "/first")).await {
        Ok(response) => response.into_body().collect().await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn waiting_for_readiness_is_the_services_own_business() {
    let seen = Observed::new();
    let mut service = service_boxed(
        &ServiceBuilder::new()
            .layer(seen.layer())
            .concurrency_limit(1)
            .service_fn(|_: Request<_>| std::future::pending::<Result<Response<BoxBody>, BoxError>>()),
    );
    let mut other = service.clone();
    let held = service.ready().await.unwrap().call(request("GET", "/"));
    assert!(other.ready().now_or_never().is_none(), "one is all that is let in");
    drop(held);
    assert!(tokio::time::timeout(Duration::from_secs(60), other.ready()).await.unwrap().is_ok());
    drop(other);
    assert_eq!(seen.records().len(), 1);
}

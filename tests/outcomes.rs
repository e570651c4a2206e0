//! Every request ends in exactly one record, which says how it ended.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what a test cannot go on without fails it"
)]

mod play;
mod support;

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use bytes::Bytes;
use campanile::record::{FailureKind, Outcome, Record};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{
    BoxBody, BoxError, Chain, Observed, PROTOCOLS, Protocol, Script, Server, Step, Yield, full, get, poll_once, request, send,
    serve,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::{Service, ServiceBuilder, ServiceExt as _};

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))])
}

/// Answers by path; panics in `call` itself where the path says so.
fn scripted<B: Body + Send + 'static>(
    request: Request<B>,
) -> Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>> {
    assert_ne!(request.uri().path(), "/panic-in-call", "told to panic in call");
    Box::pin(answer(request))
}

async fn answer<B: Send + 'static>(mut request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let path = request.uri().path().to_owned();
    let ok = |body| Ok(Response::new(body));
    let three = || [Step::Data("one"), Step::Pending, Step::Data("two"), Step::Data("three")];
    match path.as_str() {
        "/full" => ok(full("hello")),
        "/empty" => ok(full("")),
        "/chunked" => ok(Script::new(three()).boxed()),
        "/exact" => ok(Script::new(three()).exact(11).boxed()),
        "/says-its-end" => ok(Script::new(three()).exact(11).saying_its_end().boxed()),
        "/declared" => {
            let body = Script::new(three()).boxed();
            Ok(Response::builder().header("content-length", 11).body(body).unwrap())
        }
        "/204" => Ok(Response::builder().status(204).body(full("")).unwrap()),
        "/204-with-a-body" => Ok(Response::builder().status(204).body(Script::new(three()).boxed()).unwrap()),
        "/304" => Ok(Response::builder().status(304).body(full("not sent")).unwrap()),
        "/500" => Ok(Response::builder().status(500).body(full("sorry")).unwrap()),
        "/trailers" => ok(Script::new(three().into_iter().chain([Step::Trailers(trailers())])).boxed()),
        "/error" => Err(Chain::new(&["cannot order", "no stock", "connection refused"]).into()),
        "/timeout" => Err(tower::timeout::error::Elapsed::new().into()),
        "/panic" => panic!("told to panic"),
        "/panic-later" => {
            Yield(3).await;
            std::panic::panic_any(42_u64)
        }
        "/panic-in-body" => ok(Script::new([Step::Data("one"), Step::Pending, Step::Panic("told to panic in the body")]).boxed()),
        "/body-error" => {
            let steps = [Step::Data("one"), Step::Fail(Chain::new(&["stream broke", "disk gone"]).into())];
            ok(Script::new(steps).boxed())
        }
        "/endless" => ok(Script::new([Step::Forever]).boxed()),
        "/upgrade" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrade.await.unwrap());
                let mut bytes = [0; 4];
                stream.read_exact(&mut bytes).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
                stream.shutdown().await.unwrap();
            });
            let status = if request.method() == Method::CONNECT { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
            let mut response = Response::new(full(""));
            *response.status_mut() = status;
            if status == StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
                response.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
            }
            Ok(response)
        }
        other => panic!("no script for {other}"),
    }
}

async fn scripted_server(seen: &Observed) -> Server {
    serve(ServiceBuilder::new().layer(seen.layer()).service_fn(scripted)).await
}

/// One request by a real client, and the record that it left.
async fn exchange(protocol: Protocol, method: &str, path: &str) -> (Result<support::Answer, hyper::Error>, Record) {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let answer = send(&server, protocol, request(method, path)).await;
    server.stop().await;
    (answer, seen.only())
}

#[tokio::test]
async fn every_kind_of_answer_is_answered_and_counts_its_bytes() {
    for protocol in PROTOCOLS {
        for (method, path, status, bytes) in [
            ("GET", "/full", 200, 5),
            ("GET", "/empty", 200, 0),
            ("GET", "/chunked", 200, 11),
            ("GET", "/exact", 200, 11),
            ("GET", "/says-its-end", 200, 11),
            ("GET", "/declared", 200, 11),
            ("GET", "/trailers", 200, 11),
            ("GET", "/500", 500, 5),
            ("GET", "/204", 204, 0),
            ("GET", "/204-with-a-body", 204, 0),
            ("GET", "/304", 304, 0),
            ("HEAD", "/full", 200, 0),
            ("HEAD", "/chunked", 200, 0),
            ("HEAD", "/exact", 200, 0),
        ] {
            if protocol == Protocol::Http2 && (method == "HEAD" || matches!(path, "/204-with-a-body" | "/304")) {
                // hyper leaves it to the service not to give a body to these.
                continue;
            }
            let case = format!("{protocol:?} {method} {path}");
            let (answer, record) = exchange(protocol, method, path).await;
            let answer = answer.unwrap_or_else(|error| panic!("{case}: {error:?}"));
            assert_eq!(record.outcome(), Outcome::Answered, "{case}");
            assert_eq!((answer.status, answer.body.len() as u64), (status, bytes), "{case}");
            assert_eq!((record.status(), record.response_body_bytes()), (Some(status), bytes), "{case}");
            assert_eq!((record.method(), record.path()), (method, path), "{case}");
            assert_eq!(record.is_failed(), status == 500, "{case}");
            assert_eq!(record.failures().len(), 0, "{case}");
            assert_eq!(answer.headers["x-request-id"], record.request_id(), "{case}");
            assert!(record.head_ns().unwrap() <= record.time_to_first_byte_ns().unwrap(), "{case}");
            assert!(record.time_to_first_byte_ns().unwrap() <= record.duration_ns(), "{case}");
            assert!(record.peer().unwrap().ip().is_loopback(), "{case}");
        }
    }
}

#[tokio::test]
async fn trailers_are_sent_and_recorded() {
    let (answer, record) = exchange(Protocol::Http2, "GET", "/trailers").await;
    assert_eq!(answer.unwrap().trailers.unwrap()["x-sum"], "42");
    assert_eq!(record.trailers().map(|header| header.name()).collect::<Vec<_>>(), ["x-sum"]);
}

#[tokio::test]
async fn a_service_error_is_failed_with_the_chain_behind_it() {
    for protocol in PROTOCOLS {
        let (answer, record) = exchange(protocol, "GET", "/error").await;
        assert!(answer.is_err(), "there is no answer to a service's error");
        assert_eq!((record.outcome(), record.status(), record.is_failed()), (Outcome::Failed, None, true));
        let failure = record.failure().unwrap();
        assert_eq!((failure.kind(), failure.message()), (FailureKind::Service, "cannot order"));
        assert_eq!(failure.causes().map(|cause| cause.message()).collect::<Vec<_>>(), ["no stock", "connection refused"]);
    }
}

#[cfg(feature = "tower-http")]
#[tokio::test]
async fn a_timeout_inside_is_failed_with_the_word_timeout() {
    let (_, record) = exchange(Protocol::Http1, "GET", "/timeout").await;
    assert_eq!((record.outcome(), record.error_type()), (Outcome::Failed, Some("timeout")));
}

#[tokio::test]
async fn a_panic_is_recorded_wherever_it_happens() {
    for protocol in PROTOCOLS {
        for (path, message, status) in [
            ("/panic-in-call", "told to panic in call", None),
            ("/panic", "told to panic", None),
            ("/panic-later", "<non-string panic>", None),
            ("/panic-in-body", "told to panic in the body", Some(200)),
        ] {
            let (answer, record) = exchange(protocol, "GET", path).await;
            assert!(answer.is_err(), "{path}: a panic breaks off the answer");
            assert_eq!((record.outcome(), record.status()), (Outcome::Panicked, status), "{path}");
            let failure = record.failure().unwrap();
            assert_eq!(failure.kind(), FailureKind::Panic, "{path}");
            assert!(failure.message().contains(message), "{path}: {}", failure.message());
            assert_eq!(record.error_type(), Some("panic"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_panic_goes_on_as_it_was() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(scripted);
    let panicked = AssertUnwindSafe(service.oneshot(request("GET", "/panic-later"))).catch_unwind().await;
    assert_eq!(panicked.err().unwrap().downcast_ref::<u64>(), Some(&42));
    assert_eq!(seen.only().outcome(), Outcome::Panicked);
}

#[tokio::test]
async fn a_body_error_is_recorded_with_its_chain() {
    for protocol in PROTOCOLS {
        let (answer, record) = exchange(protocol, "GET", "/body-error").await;
        assert!(answer.is_err(), "the body breaks off");
        assert_eq!((record.outcome(), record.status(), record.response_body_bytes()), (Outcome::BodyError, Some(200), 3));
        let failure = record.failure().unwrap();
        assert_eq!((failure.kind(), failure.message()), (FailureKind::Body, "stream broke"));
        assert_eq!(failure.causes().map(|cause| cause.message()).collect::<Vec<_>>(), ["disk gone"]);
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_the_handler_waits_is_gone_before_the_head() {
    for protocol in PROTOCOLS {
        let seen = Observed::new();
        let entered = Arc::new(Notify::new());
        let is_waiting = Arc::clone(&entered);
        let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
            is_waiting.notify_one();
            std::future::pending::<Result<Response<Empty<Bytes>>, BoxError>>()
        });
        let server = serve(service).await;
        let client = tokio::spawn({
            let address = server.address;
            async move {
                let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
                match protocol {
                    Protocol::Http1 => {
                        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
                        let _ = tokio::join!(connection, sender.send_request(request("GET", "/")));
                    }
                    Protocol::Http2 => {
                        let (mut sender, connection) =
                            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
                        let request = Request::builder().uri(format!("http://{address}/")).body(Full::<Bytes>::default());
                        let _ = tokio::join!(connection, sender.send_request(request.unwrap()));
                    }
                }
            }
        });
        entered.notified().await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        server.stop().await;
        let record = seen.only();
        assert_eq!((record.outcome(), record.status(), record.is_failed()), (Outcome::ClientGoneBeforeHead, None, false));
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_body_is_gone_mid_body() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream.read_exact(&mut [0; 100_000]).await.unwrap();
    // What is unread makes this a reset.
    drop(stream);
    server.stop().await;
    let record = seen.only();
    assert_eq!((record.outcome(), record.status()), (Outcome::ClientGoneMidBody, Some(200)));
    assert!(record.response_body_bytes() >= 50_000);
}

#[tokio::test]
async fn a_stream_that_an_http2_client_resets_is_gone_mid_body() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let uri = format!("http://{}/endless", server.address);
    let response = sender.send_request(Request::builder().uri(uri).body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop((body, sender));
    let _ = connection.await;
    server.stop().await;
    assert_eq!(seen.only().outcome(), Outcome::ClientGoneMidBody);
}

#[tokio::test]
async fn an_upgrade_is_recorded_and_passes_bytes_both_ways() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"ping").await.unwrap();
    let mut echo = Vec::new();
    stream.read_to_end(&mut echo).await.unwrap();
    assert_eq!(echo, b"ping");
    server.stop().await;
    let record = seen.only();
    assert_eq!((record.outcome(), record.status(), record.is_failed()), (Outcome::Upgraded, Some(101), false));
}

#[tokio::test]
async fn a_connect_over_http2_is_an_upgrade() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    sender.ready().await.unwrap();
    let connect = Request::builder()
        .method("CONNECT")
        .uri("http://x.example/upgrade")
        .extension(hyper::ext::Protocol::from_static("echo"))
        .body(Full::<Bytes>::default())
        .unwrap();
    let mut response = sender.send_request(connect).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    stream.write_all(b"ping").await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"ping");
    drop((stream, response, sender));
    let _ = connection.await;
    server.stop().await;
    assert_eq!(seen.only().outcome(), Outcome::Upgraded);
}

#[tokio::test]
async fn requests_of_one_connection_are_records_of_their_own() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let answer = support::raw(
        &server,
        "GET /full HTTP/1.1\r\nhost: x\r\n\r\nGET /declared HTTP/1.1\r\nhost: x\r\n\r\nGET /chunked HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(String::from_utf8_lossy(&answer).matches("HTTP/1.1 200").count(), 3);
    server.stop().await;
    let records = seen.records();
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record.outcome() == Outcome::Answered), "{records:?}");
}

#[tokio::test]
async fn a_peer_that_sends_no_http_leaves_no_record() {
    let seen = Observed::new();
    let server = scripted_server(&seen).await;
    let answer = support::raw(&server, "\x16\x03\x01 this is not HTTP\r\n\r\n").await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"));
    server.stop().await;
    assert_eq!(seen.records().len(), 0);
}

/// A handler that waits `polls` times, then answers with `frames` frames, each after a wait.
fn slow(
    polls: usize,
    frames: usize,
    exact: bool,
) -> impl Service<Request<campanile::ObserveBody<Full<Bytes>>>, Response = Response<BoxBody>, Error = BoxError, Future: Send> + Clone
{
    tower::service_fn(move |_| async move {
        Yield(polls).await;
        let mut body = Script::new((0..frames).flat_map(|_| [Step::Pending, Step::Data("four")]));
        if exact {
            body = body.exact(4 * frames as u64);
        }
        Ok(Response::new(body.boxed()))
    })
}

#[test]
fn a_future_that_is_dropped_after_any_number_of_polls_leaves_one_record() {
    for polls in 0..=6 {
        let seen = Observed::new();
        {
            let service = ServiceBuilder::new().layer(seen.layer()).service(slow(5, 0, false));
            let mut service = pin!(service);
            assert!(service.poll_ready(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready());
            let mut future = pin!(service.call(request("GET", "/slow")));
            for poll in 1..=polls {
                assert_eq!(poll_once(future.as_mut()).is_ready(), poll == 6);
            }
        }
        let expected = if polls == 6 { Outcome::ClientGoneMidBody } else { Outcome::ClientGoneBeforeHead };
        assert_eq!(seen.only().outcome(), expected, "after {polls} polls");
    }
}

#[test]
fn a_body_that_is_dropped_after_any_number_of_polls_leaves_one_record() {
    for exact in [false, true] {
        for polls in 0..=7 {
            let seen = Observed::new();
            let service = ServiceBuilder::new().layer(seen.layer()).service(slow(0, 3, exact));
            let response = service.oneshot(request("GET", "/slow")).now_or_never().unwrap().unwrap();
            let mut body = Box::pin(response.into_body());
            for _ in 0..polls {
                let _ = body.as_mut().poll_frame(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            }
            drop(body);
            // With a length the last byte is the end; without one only the body's word is.
            let is_whole = polls == 7 || (exact && polls == 6);
            let expected = if is_whole { Outcome::Answered } else { Outcome::ClientGoneMidBody };
            let record = seen.only();
            assert_eq!(record.outcome(), expected, "after {polls} polls, exact: {exact}");
            assert_eq!(record.response_body_bytes(), 4 * (polls as u64 / 2).min(3));
        }
    }
}

#[test]
fn a_body_that_says_its_end_is_over_with_its_last_frame() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        Ok::<_, BoxError>(Response::new(Script::new([Step::Data("one"), Step::Data("two")]).saying_its_end()))
    });
    let response = service.oneshot(request("GET", "/")).now_or_never().unwrap().unwrap();
    let mut body = Box::pin(response.into_body());
    let mut poll = || body.as_mut().poll_frame(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
    assert_eq!(seen.records().len(), 0);
    assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
    // Nobody polls again, and the body may live on.
    assert_eq!(seen.only().outcome(), Outcome::Answered);
    drop(body);
    assert_eq!(seen.records().len(), 1);
}

#[test]
fn a_declared_length_that_was_sent_is_the_end_even_if_nobody_polls_again() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        let body = Script::new([Step::Data("one"), Step::Data("two")]).boxed();
        Ok::<_, BoxError>(Response::builder().header("content-length", 6).body(body).unwrap())
    });
    let response = service.oneshot(request("GET", "/")).now_or_never().unwrap().unwrap();
    let mut body = Box::pin(response.into_body());
    for _ in 0..2 {
        assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
    }
    drop(body);
    assert_eq!(seen.only().outcome(), Outcome::Answered);
}

#[test]
fn a_future_that_nobody_ever_polls_is_gone_before_the_head() {
    let seen = Observed::new();
    let was_called = Arc::new(AtomicBool::new(false));
    let called = Arc::clone(&was_called);
    let mut service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
        called.store(true, Ordering::Relaxed);
        std::future::pending::<Result<Response<BoxBody>, BoxError>>()
    });
    drop(service.call(request("GET", "/")));
    assert!(was_called.load(Ordering::Relaxed), "the service is called at once");
    assert_eq!(seen.only().outcome(), Outcome::ClientGoneBeforeHead);
}

#[test]
fn a_runtime_that_ends_first_leaves_a_record_of_what_was_in_flight() {
    let seen = Observed::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let entered = Arc::new(Notify::new());
    let is_waiting = Arc::clone(&entered);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
        is_waiting.notify_one();
        std::future::pending::<Result<Response<BoxBody>, BoxError>>()
    });
    runtime.spawn(service.oneshot(request("GET", "/")));
    runtime.block_on(entered.notified());
    drop(runtime);
    assert_eq!(seen.only().outcome(), Outcome::ClientGoneBeforeHead);
}

#[test]
fn an_exchange_may_move_from_thread_to_thread() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service(slow(3, 3, false));
    let mut future = Box::pin(service.oneshot(request("GET", "/moved")));
    let mut response = None;
    while response.is_none() {
        (future, response) = std::thread::spawn(move || match poll_once(future.as_mut()) {
            Poll::Ready(ready) => (future, Some(ready.unwrap())),
            Poll::Pending => (future, None),
        })
        .join()
        .unwrap();
    }
    let mut body = Box::pin(response.unwrap().into_body());
    let mut is_over = false;
    while !is_over {
        (body, is_over) = std::thread::spawn(move || {
            let polled = body.as_mut().poll_frame(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            let is_over = matches!(polled, Poll::Ready(None));
            (body, is_over)
        })
        .join()
        .unwrap();
    }
    let record = seen.only();
    assert_eq!((record.outcome(), record.response_body_bytes()), (Outcome::Answered, 12));
}

#[test]
fn a_thread_may_end_with_a_request_still_in_its_thread_locals() {
    type Held = Pin<Box<dyn Future<Output = Result<Response<campanile::ObserveBody<BoxBody>>, BoxError>>>>;
    thread_local!(static HELD: std::cell::RefCell<Option<Held>> = const { std::cell::RefCell::new(None) });
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service(slow(100, 0, false));
    std::thread::spawn(move || {
        HELD.with_borrow_mut(|held| {
            let mut future: Held = Box::pin(service.oneshot(request("GET", "/held")));
            assert!(poll_once(future.as_mut()).is_pending());
            *held = Some(future);
        });
    })
    .join()
    .unwrap();
    assert_eq!(seen.only().outcome(), Outcome::ClientGoneBeforeHead);
}

#[test]
fn a_destructor_that_panics_is_still_one_record() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in a destructor");
            }
        }
    }
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        let _bomb = Bomb;
        std::future::pending::<Result<Response<BoxBody>, BoxError>>().await
    });
    let mut future = Box::pin(service.oneshot(request("GET", "/")));
    assert!(poll_once(future.as_mut()).is_pending());
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(future)));
    assert_eq!(dropped.unwrap_err().downcast_ref::<&str>(), Some(&"in a destructor"), "the panic goes on");
    assert_eq!(seen.requests().len(), 1);
}

#[test]
fn a_body_that_panics_when_asked_for_its_size_is_still_one_record() {
    struct Touchy;
    impl Body for Touchy {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
            Poll::Ready(None)
        }

        fn is_end_stream(&self) -> bool {
            panic!("asked for its end")
        }
    }
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async { Ok::<_, BoxError>(Response::new(Touchy)) });
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| service.oneshot(request("GET", "/")).now_or_never().is_some()));
    assert!(panicked.is_err());
    assert_eq!(seen.only().outcome(), Outcome::Panicked);
}

#[cfg(feature = "tower-http")]
#[test]
fn settings_of_the_application_that_panic_cost_no_request() {
    #[derive(Clone)]
    struct Maker;
    impl tower_http::request_id::MakeRequestId for Maker {
        fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<tower_http::request_id::RequestId> {
            panic!("in a maker of request ids")
        }
    }
    let seen = Observed::new();
    let layer = seen.layer().make_request_id(Maker).peer(|_| panic!("in a finder of peers"));
    let service = ServiceBuilder::new().layer(layer).service(slow(0, 1, true));
    let response = service.oneshot(request("GET", "/")).now_or_never().unwrap().unwrap();
    assert!(response.into_body().collect().now_or_never().is_none(), "the body waits once");
    let record = seen.only();
    assert_eq!((record.status(), record.peer()), (Some(200), None));
}

#[test]
fn ten_thousand_headers_are_one_record_of_bounded_size() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service(slow(0, 0, true));
    let mut request = request("GET", "/");
    for index in 0..10_000 {
        let name: http::HeaderName = format!("x-{index}").parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_static("value"));
    }
    assert!(service.oneshot(request).now_or_never().unwrap().is_ok());
    let record = seen.only();
    assert_eq!((record.request_headers().count(), record.dropped().headers), (64, 10_000 - 64));
    assert!(record.size_bytes() < 64 * 1024);
}

#[tokio::test]
async fn bytes_of_the_request_body_are_those_that_were_read() {
    for (path, expected) in [("/read", 1000), ("/unread", 0)] {
        let seen = Observed::new();
        let service = ServiceBuilder::new().layer(seen.layer()).service_fn(
            |request: Request<campanile::ObserveBody<Incoming>>| async move {
                if request.uri().path() == "/read" {
                    let _ = request.into_body().collect().await;
                }
                Ok::<_, BoxError>(Response::new(full("done")))
            },
        );
        let server = serve(service).await;
        let request = Request::builder().method("POST").uri(path).body(Full::new(Bytes::from(vec![b'x'; 1000]))).unwrap();
        assert_eq!(send(&server, Protocol::Http1, request).await.unwrap().status, 200);
        server.stop().await;
        assert_eq!(seen.only().request_body_bytes(), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn a_telemetry_that_is_off_lets_requests_pass_and_records_nothing() {
    let seen = Observed::with(|builder| builder.env(campanile::Env::from_iter([("CAMPANILE", "off")])));
    let server = scripted_server(&seen).await;
    let answer = get(&server, "/chunked").await;
    assert_eq!((answer.status, &answer.body[..], answer.headers.get("x-request-id")), (200, &b"onetwothree"[..], None));
    server.stop().await;
    assert_eq!(seen.telemetry.stats().offered, 0);
}

#[test]
fn a_generated_exchange_is_one_record_that_says_what_the_client_saw() {
    play::hush();
    let numbers: Vec<_> = play::numbers(3_000, 6).collect();
    let mut outcomes = std::collections::BTreeMap::<_, u64>::new();
    for (numbers, (stack, variant)) in numbers.chunks(60).zip(play::combinations()) {
        let seen = play::Telemetries::new(stack, variant);
        let _subscribed = seen.subscribe(stack);
        let mut traces = std::collections::BTreeMap::new();
        for number in numbers {
            let case = play::Case::new(*number, play::Flavour::Direct);
            let trace = play::drive(&case, play::boxed(stack, Some(&seen), play::Play::one(&case)));
            if trace.outcome.is_some() {
                traces.insert(*number, trace);
            }
        }
        for observed in &seen.0 {
            let records = observed.requests();
            assert_eq!(records.len(), traces.len(), "one for each that came so far: {stack:?}, {}", variant.0);
            for record in records {
                let number = play::number(record.path()).unwrap();
                let trace = &traces[&number];
                let case = format!("{stack:?}, {}, case {number}: {trace:#?}", variant.0);
                assert_eq!((Some(record.outcome()), record.status()), (trace.outcome, trace.status), "{case}");
                assert_eq!(record.response_body_bytes(), trace.body_bytes, "{case}");
                assert_eq!(record.head_ns().is_some(), record.status().is_some(), "{case}");
                let kind = match record.outcome() {
                    Outcome::Failed => Some(FailureKind::Service),
                    Outcome::BodyError => Some(FailureKind::Body),
                    Outcome::Panicked => Some(FailureKind::Panic),
                    // Of a panic that became an answer.
                    _ => record.failure().map(|_| FailureKind::Panic).filter(|_| stack == play::Stack::CatchPanic),
                };
                assert_eq!(record.failure().map(|failure| failure.kind()), kind, "{case}");
                *outcomes.entry(record.outcome().as_str()).or_default() += 1;
            }
            assert_eq!(play::in_flight(observed), 0, "{stack:?}, {}", variant.0);
        }
    }
    println!("{outcomes:?}");
    assert_eq!(outcomes.len(), Outcome::ALL.len(), "every way to end was seen: {outcomes:?}");
    assert!(outcomes.values().sum::<u64>() >= 2_000, "{outcomes:?}");
}

#[test]
fn an_error_that_panics_when_it_is_looked_at_is_passed_on_and_is_one_record() {
    struct Touchy;
    impl std::fmt::Debug for Touchy {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("told to panic in Debug")
        }
    }
    impl std::fmt::Display for Touchy {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("told to panic in Display")
        }
    }
    impl std::error::Error for Touchy {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            panic!("told to panic in source")
        }
    }
    play::hush();
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_| Err::<Response<BoxBody>, _>(Touchy));
    assert!(matches!(service.oneshot(request("GET", "/")).now_or_never().unwrap(), Err(Touchy)));
    assert_eq!(seen.only().outcome(), Outcome::Failed);

    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_| {
        let body = Script::new([Step::Data("one"), Step::Fail(Box::new(Touchy))]).boxed();
        Ok::<_, BoxError>(Response::new(body))
    });
    let mut body = service.oneshot(request("GET", "/")).now_or_never().unwrap().unwrap().into_body();
    assert!(body.frame().now_or_never().unwrap().unwrap().is_ok());
    let error = body.frame().now_or_never().unwrap().unwrap().err().unwrap();
    assert!(error.is::<Touchy>(), "the error is the body's own");
    assert_eq!(seen.only().outcome(), Outcome::BodyError);
}

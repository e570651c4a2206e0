//! Bodies that are captured: their first bytes and their true total, within a budget, and never a change to the stream.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use campanile::exporter::{Batch, ExportError, Exporter, Memory};
use campanile::record::{Outcome, Record};
use campanile::{Bodies, ObserveBody, Telemetry};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use support::{BoxBody, BoxError, Observed, Protocol, Script, Step, child, full, send, serve};
use tower::{Service, ServiceBuilder, ServiceExt as _};

fn observed(bodies: Bodies) -> Observed {
    Observed::with(|builder| builder.capture_bodies(bodies))
}

/// So many bytes in frames of one buffer; a poll between two frames is pending.
struct Flow {
    frame: Bytes,
    left: usize,
    waits: bool,
    is_waiting: bool,
}

impl Flow {
    fn new(bytes: usize, frame: usize) -> Self {
        Self { frame: Bytes::from(vec![b'x'; frame]), left: bytes, waits: false, is_waiting: false }
    }

    fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.waits && !std::mem::replace(&mut self.is_waiting, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_waiting = false;
        let bytes = self.left.min(self.frame.len());
        self.left -= bytes;
        Poll::Ready((bytes > 0).then(|| Ok(Frame::data(self.frame.slice(..bytes)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

fn post<B>(content_type: &str, body: B) -> Request<B> {
    Request::builder().method("POST").uri("/things/7").header("content-type", content_type).body(body).unwrap()
}

/// Reads all of a body, frame by frame; how many bytes and frames there were.
async fn drain<B: Body<Data = Bytes>>(body: B) -> (usize, usize) {
    let (mut body, mut bytes, mut frames) = (pin!(body), 0, 0);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { break };
        bytes += frame.data_ref().map_or(0, Bytes::len);
        frames += 1;
    }
    (bytes, frames)
}

/// One request through the layer, both bodies read to their end; its only record.
async fn record_of<B>(seen: &Observed, request: Request<B>, response: Response<BoxBody>) -> Record
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display + Send,
{
    let mut response = Some(response);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<ObserveBody<B>>| {
        let response = response.take().unwrap();
        async move {
            drain(request.into_body()).await;
            Ok::<_, Infallible>(response)
        }
    });
    let response = service.oneshot(request).await.unwrap();
    drain(response.into_body()).await;
    seen.only()
}

fn answer(content_type: &str, body: BoxBody) -> Response<BoxBody> {
    Response::builder().header("content-type", content_type).body(body).unwrap()
}

async fn captured(bodies: Bodies, content_type: &str, text: &'static str) -> Record {
    let seen = observed(bodies);
    record_of(&seen, post(content_type, full(text)), answer(content_type, full(text))).await
}

#[tokio::test]
async fn no_body_is_captured_unless_somebody_asks() {
    let seen = Observed::new();
    let record = record_of(&seen, post("text/plain", full("in")), answer("text/plain", full("out"))).await;
    assert!(record.request_body().is_none() && record.response_body().is_none());
    assert_eq!((record.request_body_bytes(), record.response_body_bytes()), (Some(2), 3));
}

#[tokio::test]
async fn both_bodies_are_captured_where_they_are_json_a_form_or_text() {
    for (content_type, text) in
        [("application/json", r#"{"a":1}"#), ("application/x-www-form-urlencoded", "a=1&b=2"), ("text/plain", "hello")]
    {
        let record = captured(Bodies::on(), content_type, text).await;
        for body in [record.request_body().unwrap(), record.response_body().unwrap()] {
            assert_eq!((body.content(), body.skipped()), (text, None), "{content_type}");
            assert_eq!((body.kept_bytes(), body.seen_bytes()), (text.len() as u64, text.len() as u64));
        }
    }
}

#[tokio::test]
async fn other_types_are_skipped_and_say_why() {
    for (content_type, reason) in [
        ("application/octet-stream", "content_type"),
        ("text/event-stream", "content_type"),
        ("multipart/form-data; boundary=b", "content_type"),
        ("text/plain; charset=utf-16", "charset"),
    ] {
        let record = captured(Bodies::on(), content_type, "hello").await;
        for body in [record.request_body().unwrap(), record.response_body().unwrap()] {
            assert_eq!((body.content(), body.skipped(), body.seen_bytes()), ("", Some(reason), 5), "{content_type}");
        }
    }
}

#[tokio::test]
async fn each_direction_can_be_left_out() {
    let record = captured(Bodies::on().requests_only(), "text/plain", "hello").await;
    assert!(record.request_body().is_some() && record.response_body().is_none());
    let record = captured(Bodies::on().responses_only(), "text/plain", "hello").await;
    assert!(record.request_body().is_none() && record.response_body().is_some());
}

#[tokio::test]
async fn only_failed_requests_keep_their_bodies_where_that_is_asked() {
    for (status, expected) in [(200, false), (404, false), (500, true)] {
        let seen = observed(Bodies::failed());
        let mut response = answer("text/plain", full("out"));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        let record = record_of(&seen, post("text/plain", full("in")), response).await;
        assert_eq!(record.request_body().is_some_and(|body| body.content() == "in"), expected, "{status}");
        assert_eq!(record.response_body().is_some_and(|body| body.content() == "out"), expected, "{status}");
    }
    let seen = observed(Bodies::failed());
    let broken = Script::new([Step::Data("some"), Step::Fail("broke".into())]).boxed();
    let record = record_of(&seen, post("text/plain", full("in")), answer("text/plain", broken)).await;
    assert_eq!(record.outcome(), Outcome::BodyError);
    assert_eq!(record.response_body().unwrap().content(), "some", "how it ends is known at its end");
}

#[tokio::test]
#[cfg(feature = "axum")]
async fn routes_can_be_left_out_by_template() {
    use axum::Router;
    use axum::routing::post as on_post;

    for (is_outside, path, expected) in
        [(false, "/login", false), (false, "/orders/7", true), (true, "/orders/7", true), (true, "/others/7", false)]
    {
        let seen = observed(Bodies::on().only_routes(["/orders/{id}", "/login"]).except_routes(["/login"]));
        let echo = |body: String| async move { body };
        let app = Router::new()
            .route("/login", on_post(echo))
            .route("/orders/{id}", on_post(echo))
            .route("/others/{id}", on_post(echo));
        let request = Request::builder().method("POST").uri(path).header("content-type", "text/plain");
        let request = request.body(axum::body::Body::from("hello")).unwrap();
        if is_outside {
            let app = tower::Layer::layer(&seen.layer(), app.layer(campanile::route_layer()));
            drain(app.oneshot(request).await.unwrap().into_body()).await;
        } else {
            drain(app.layer(seen.layer()).oneshot(request).await.unwrap().into_body()).await;
        }
        let record = seen.only();
        assert_eq!(record.request_body().is_some(), expected, "{path} {is_outside}");
        assert_eq!(record.response_body().is_some(), expected, "{path} {is_outside}");
    }
}

#[tokio::test]
async fn a_body_is_cut_on_a_character_and_its_total_stays_true() {
    let record = captured(Bodies::on().max_bytes(6), "text/plain", "five\u{20ac} and more").await;
    let body = record.response_body().unwrap();
    assert_eq!((body.content(), body.kept_bytes(), body.seen_bytes(), body.is_truncated()), ("five", 4, 16, true));
}

#[tokio::test]
async fn what_is_not_utf_8_is_replaced() {
    let seen = observed(Bodies::on());
    let body = Full::new(Bytes::from_static(b"caf\xe9 au lait"));
    let record = record_of(&seen, post("text/plain; charset=iso-8859-1", body), answer("text/plain", full(""))).await;
    assert_eq!(record.request_body().unwrap().content(), "caf\u{fffd} au lait");
}

#[tokio::test]
async fn a_body_that_is_read_in_part_keeps_what_was_read() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |request: Request<ObserveBody<Script>>| {
        let mut body = request.into_body();
        let _ = body.frame().await;
        Ok::<_, Infallible>(Response::new(full("early")))
    });
    let script = Script::new([Step::Data("first "), Step::Data("second")]);
    let response = service.oneshot(post("text/plain", script)).await.unwrap();
    drain(response.into_body()).await;
    let record = seen.only();
    let body = record.request_body().unwrap();
    assert_eq!((body.content(), body.seen_bytes(), record.request_body_bytes()), ("first ", 6, Some(6)));
}

#[tokio::test]
async fn a_body_that_is_read_on_another_task_and_outlives_its_request_is_on_the_record() {
    let seen = observed(Bodies::on());
    let (give, taken) = tokio::sync::oneshot::channel();
    let mut give = Some(give);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<ObserveBody<Script>>| {
        let give = give.take().unwrap();
        async move {
            let read = tokio::spawn(async move {
                let mut body = request.into_body();
                let _ = body.frame().await;
                body
            });
            let _ = give.send(read.await.unwrap());
            Ok::<_, Infallible>(Response::new(full("early")))
        }
    });
    let script = Script::new([Step::Data("in time "), Step::Data("too late")]);
    let response = service.oneshot(post("text/plain", script)).await.unwrap();
    drain(response.into_body()).await;
    let record = seen.only();
    let body = taken.await.unwrap();
    assert_eq!(drain(body).await, (8, 1), "the rest still passes");
    assert_eq!(record.request_body().unwrap().content(), "in time ");
    assert_eq!(seen.telemetry.stats().body_bytes, 0);
    assert_eq!(seen.records().len(), 1);
}

#[test]
fn more_than_may_be_kept_is_an_error_that_names_the_setting() {
    let error = campanile::builder().capture_bodies(Bodies::on().max_bytes(1 << 20)).build().unwrap_err();
    assert_eq!(error.key(), "capture_bodies");
}

#[tokio::test]
async fn the_environment_asks_for_bodies_and_code_wins() {
    for (variable, in_code, expected) in [
        ("on", None, true),
        ("off", None, false),
        ("nonsense", None, false),
        ("failed", None, false),
        ("off", Some(Bodies::on()), true),
        ("on", Some(Bodies::off()), false),
    ] {
        let env = [("CAMPANILE_BODIES", variable), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")];
        let env = env.into_iter().collect();
        let seen = Observed::with(|builder| {
            let builder = builder.env(env);
            match &in_code {
                Some(bodies) => builder.capture_bodies(bodies.clone()),
                None => builder,
            }
        });
        let record = record_of(&seen, post("text/plain", full("in")), answer("text/plain", full("out"))).await;
        assert_eq!(record.request_body().is_some(), expected, "{variable} {in_code:?}");
    }
}

/// Every step of a body as its reader sees it.
fn steps<B: Body<Data = Bytes, Error = BoxError>>(body: B) -> Vec<String> {
    let mut body = Box::pin(body);
    let mut steps = Vec::new();
    for _ in 0..20 {
        let (hint, is_end) = (body.size_hint(), body.is_end_stream());
        let polled = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        steps.push(format!("{:?} {is_end} {polled:?}", (hint.lower(), hint.upper())));
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            break;
        }
    }
    steps
}

/// The steps of a response's body behind the layer, and the only record.
async fn behind_the_layer(bodies: Bodies, request: Request<BoxBody>, response: Response<BoxBody>) -> (Vec<String>, Record) {
    let seen = observed(bodies);
    let mut response = Some(response);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<ObserveBody<BoxBody>>| {
        let response = response.take().unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    let steps = steps(service.oneshot(request).await.unwrap().into_body());
    (steps, seen.only())
}

fn trailers(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
}

/// BO-04, BO-05, BO-06, BO-08 and BO-09, as far as frames go: what a reader sees is the same to the byte.
#[tokio::test]
async fn a_captured_body_is_polled_as_if_nobody_looked() {
    type Make = fn() -> Script;
    let bodies: [(&str, Make); 6] = [
        ("BO-04", || Script::new([Step::Trailers(trailers("grpc-status", "13"))])),
        ("BO-05", || Script::new([Step::Data("hello")]).exact(5)),
        ("BO-05", || Script::new([Step::Data("hello")]).exact(5).saying_its_end()),
        ("BO-06", || Script::new([Step::Data("hello"), Step::Trailers(trailers("x-sum", "1"))]).exact(5)),
        ("BO-08", || Script::new((0..6).flat_map(|_| [Step::Data("data: tick\n\n"), Step::Pending]))),
        ("BO-09", || Script::new([Step::Data("ten bytes!"), Step::Fail("broke".into())])),
    ];
    for (id, make) in bodies {
        for content_type in ["text/plain", "text/event-stream"] {
            let request = post("text/plain", full(""));
            let (with, _) = behind_the_layer(Bodies::on(), request, answer(content_type, make().boxed())).await;
            assert_eq!(with, steps(make().boxed()), "{id} {content_type}");
        }
    }
}

#[tokio::test]
async fn bo_04_a_response_of_trailers_alone_has_its_status() {
    let response = answer("application/grpc", Script::new([Step::Trailers(trailers("grpc-status", "13"))]).boxed());
    let (_, record) = behind_the_layer(Bodies::on(), post("application/grpc", full("")), response).await;
    assert_eq!((record.rpc_status(), record.rpc_response_messages()), (Some(13), Some(0)), "BO-04");
}

#[tokio::test]
async fn bo_05_a_body_that_is_not_polled_past_its_last_byte_has_one_record() {
    for protocol in support::PROTOCOLS {
        let seen = observed(Bodies::on());
        let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_: Request<_>| {
            let body = Script::new([Step::Data("hello")]).exact(5).boxed();
            let mut response = answer("text/plain", body);
            response.headers_mut().insert("content-length", HeaderValue::from(5));
            Ok::<_, Infallible>(response)
        });
        let server = serve(service).await;
        let got = send(&server, protocol, support::request("GET", "/")).await.unwrap();
        server.stop().await;
        let record = seen.only();
        assert_eq!((&got.body[..], record.outcome()), (&b"hello"[..], Outcome::Answered), "BO-05");
        assert_eq!(record.response_body().unwrap().content(), "hello");
    }
}

#[tokio::test]
async fn bo_08_each_event_of_a_stream_passes_at_once_and_the_whole_is_one_record() {
    let seen = observed(Bodies::on());
    let ticks = (0..3600).flat_map(|_| [Step::Pending, Step::Data("data: tick\n\n")]);
    let mut response = Some(answer("text/event-stream", Script::new(ticks).boxed()));
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<ObserveBody<BoxBody>>| {
        let response = response.take().unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    let mut body = Box::pin(service.oneshot(post("text/plain", full(""))).await.unwrap().into_body());
    let mut poll = || body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
    for _ in 0..3600 {
        assert!(poll().is_pending());
        let Poll::Ready(Some(Ok(frame))) = poll() else { panic!("BO-08: a frame that is there is handed on") };
        assert_eq!(frame.data_ref().unwrap(), "data: tick\n\n");
    }
    assert_eq!((seen.telemetry.stats().offered, seen.telemetry.stats().body_bytes), (0, 0), "it has not ended, and is not kept");
    assert!(matches!(poll(), Poll::Ready(None)));
    let record = seen.only();
    assert_eq!((record.outcome(), record.response_body_bytes()), (Outcome::Answered, 3600 * 12), "BO-08");
    assert_eq!(record.response_body().unwrap().skipped(), Some("content_type"));
}

#[tokio::test]
async fn bo_09_the_error_of_a_body_is_the_same_value() {
    #[derive(Debug)]
    struct Mine(u32);
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("mine")
        }
    }
    impl std::error::Error for Mine {}

    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_: Request<ObserveBody<BoxBody>>| {
        let body = Script::new([Step::Data("ten bytes!"), Step::Fail(Box::new(Mine(7)))]).boxed();
        Ok::<_, Infallible>(answer("text/plain", body))
    });
    let mut body = service.oneshot(post("text/plain", full(""))).await.unwrap().into_body();
    assert!(body.frame().await.unwrap().is_ok());
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.downcast_ref::<Mine>().unwrap().0, 7, "BO-09");
    let record = seen.only();
    assert_eq!((record.outcome(), record.response_body().unwrap().content()), (Outcome::BodyError, "ten bytes!"));
}

#[tokio::test]
async fn bo_10_a_panic_in_a_body_goes_on_and_is_one_record() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |request: Request<ObserveBody<BoxBody>>| {
        let outside = request.into_body();
        let body = Script::new([Step::Data("ten bytes!"), Step::Panic("in the body")]).boxed();
        Ok::<_, Infallible>((outside, answer("text/plain", body)).1)
    });
    let mut body = Box::pin(service.clone().oneshot(post("text/plain", full("in"))).await.unwrap().into_body());
    let mut poll = || body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())).is_ready();
    assert!(poll());
    let payload = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "in the body", "BO-10");
    let record = seen.only();
    assert_eq!((record.outcome(), record.response_body().unwrap().content()), (Outcome::Panicked, "ten bytes!"));
    // Nothing is poisoned: the next one is captured too.
    let next = service.oneshot(post("text/plain", full("in"))).await.unwrap();
    drop(next);
    assert_eq!(seen.records().len(), 2);
}

#[tokio::test]
async fn bo_12_a_client_that_is_gone_in_the_middle_has_the_bytes_that_were_sent() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_: Request<_>| {
        Ok::<_, Infallible>(answer("text/plain", Script::new([Step::Data("start "), Step::Forever]).boxed()))
    });
    let server = serve(service).await;
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut response = sender.send_request(support::request("GET", "/")).await.unwrap();
    let mut got = 0;
    while got < 100_000 {
        got += response.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    drop((response, sender));
    connection.abort();
    server.stop().await;
    let record = seen.only();
    assert_eq!(record.outcome(), Outcome::ClientGoneMidBody, "BO-12");
    assert!(record.response_body_bytes() >= got as u64);
    let body = record.response_body().unwrap();
    assert_eq!((body.kept_bytes(), body.seen_bytes()), (4096, record.response_body_bytes()));
    assert!(body.content().starts_with("start x"));
}

#[tokio::test]
async fn bo_13_what_is_compressed_is_never_inflated() {
    // What inflates to zeros without end is not even looked at.
    let bomb = Bytes::from(vec![0x1f; 10 << 20]);
    let seen = observed(Bodies::on());
    let mut request = post("application/json", Full::new(bomb));
    request.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
    let record = record_of(&seen, request, answer("text/plain", full("ok"))).await;
    let body = record.request_body().unwrap();
    assert_eq!((body.skipped(), body.content(), body.seen_bytes()), (Some("content_encoding"), "", 10 << 20), "BO-13");
    assert!(record.size_bytes() < 64 * 1024);
}

#[tokio::test]
async fn bo_28_a_head_has_a_length_and_no_body() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_: Request<_>| {
        let mut response = answer("text/plain", full(""));
        response.headers_mut().insert("content-length", HeaderValue::from(1000));
        Ok::<_, Infallible>(response)
    });
    let server = serve(service).await;
    let got = send(&server, Protocol::Http1, support::request("HEAD", "/")).await.unwrap();
    server.stop().await;
    assert_eq!((got.headers["content-length"].to_str().unwrap(), got.body.len()), ("1000", 0), "BO-28");
    let record = seen.only();
    assert!(record.response_body().is_none());
    assert_eq!((record.outcome(), record.response_body_bytes()), (Outcome::Answered, 0));
}

#[tokio::test]
async fn bo_29_a_file_name_in_a_form_reaches_no_line() {
    const FORM: &str = "--b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"../../x\r\nSet-Cookie: a=b.png\"\r\n\r\ncanary-29\r\n--b--\r\n";
    let seen = observed(Bodies::on());
    let request = post("multipart/form-data; boundary=b", full(FORM));
    let record = record_of(&seen, request, answer("text/plain", full("ok"))).await;
    let body = record.request_body().unwrap();
    assert_eq!((body.skipped(), body.seen_bytes()), (Some("content_type"), FORM.len() as u64));
    for schema in campanile::exporter::Schema::ALL {
        let mut lines = String::new();
        schema.write_line(&mut lines, &record, &campanile::record::Resource::default());
        assert_eq!(lines.trim_end().lines().count(), 1, "BO-29 {schema:?}");
        assert!(!lines.contains("Set-Cookie") && !lines.contains("canary-29"), "BO-29 {lines}");
    }
}

#[tokio::test]
async fn bo_02_all_requests_together_hold_no_more_than_their_budget() {
    const BUDGET: usize = 4 << 20;
    let seen = observed(Bodies::on().max_bytes(64 * 1024).budget_bytes(BUDGET).requests_only());
    let most = Arc::new(AtomicUsize::new(0));
    let telemetry = seen.telemetry.clone();
    let service = {
        let most = Arc::clone(&most);
        ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<ObserveBody<Flow>>| {
            let (most, telemetry) = (Arc::clone(&most), telemetry.clone());
            async move {
                let mut body = request.into_body();
                while body.frame().await.is_some() {
                    most.fetch_max(telemetry.stats().body_bytes, Ordering::Relaxed);
                }
                Ok::<_, Infallible>(Response::new(full("ok")))
            }
        })
    };
    let uploads = (0..1000).map(|_| {
        let service = service.clone();
        async move {
            let body = Flow::new(160 * 1024, 16 * 1024).waiting();
            drain(service.oneshot(post("text/plain", body)).await.unwrap().into_body()).await
        }
    });
    futures_util::future::join_all(uploads).await;
    let most = most.load(Ordering::Relaxed);
    assert!(most <= BUDGET && most > BUDGET / 2, "BO-02: {most} bytes were held at once");
    assert_eq!(seen.telemetry.stats().body_bytes, 0);
    let records = seen.records();
    assert_eq!(records.len(), 1000);
    assert!(records.iter().all(|record| record.request_body_bytes() == Some(160 * 1024)), "BO-02");
    let bodies: Vec<_> = records.iter().map(|record| record.request_body().unwrap()).collect();
    let kept: u64 = bodies.iter().map(|body| body.kept_bytes()).sum();
    assert!(kept <= BUDGET as u64, "BO-02: {kept} bytes were kept");
    assert!(bodies.iter().filter(|body| body.skipped() == Some("budget")).count() >= 700, "BO-02");
    assert!(bodies.iter().all(|body| body.skipped().is_some() != (body.kept_bytes() > 0)));
}

/// Takes nothing until it is told to.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Exporter for Stuck {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        let _ = self.0.recv();
        Ok(())
    }
}

#[tokio::test]
async fn bodies_stay_out_before_records_are_lost() {
    let (go_on, wait) = std::sync::mpsc::channel();
    let memory = Memory::with_max_records(1000);
    let bodies = Bodies::on().max_bytes(64 * 1024).responses_only();
    let builder = campanile::builder().capture_bodies(bodies).exporter(memory.clone()).exporter(Stuck(wait));
    let telemetry = builder.build().unwrap();
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(async |_: Request<ObserveBody<BoxBody>>| {
        Ok::<_, Infallible>(answer("text/plain", Flow::new(64 * 1024, 64 * 1024).boxed_unsync()))
    });
    for _ in 0..600 {
        drain(service.clone().oneshot(post("text/plain", full(""))).await.unwrap().into_body()).await;
    }
    drop(go_on);
    assert!(telemetry.flush(support::PATIENCE));
    let (stats, records) = (telemetry.stats(), memory.records());
    let lost: u64 = stats.exporters.iter().map(|exporter| exporter.dropped.total()).sum();
    assert_eq!((stats.dropped.total(), lost, records.len()), (0, 0, 600));
    let kept = records.iter().filter(|record| record.response_body().unwrap().kept_bytes() == 64 * 1024).count();
    let skipped = records.iter().filter(|record| record.response_body().unwrap().skipped() == Some("budget")).count();
    assert!(kept >= 30 && skipped >= 300 && kept + skipped == 600, "{kept} kept, {skipped} skipped");
}

/// Tells when nobody holds it any more.
struct Held(Arc<AtomicUsize>, Vec<u8>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn no_frame_is_held_longer_than_its_reader_holds_it() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let seen = observed(Bodies::on());
    let frame = Bytes::from_owner(Held(Arc::clone(&dropped), b"hello".to_vec()));
    let service = {
        let dropped = Arc::clone(&dropped);
        ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<ObserveBody<Full<Bytes>>>| {
            let dropped = Arc::clone(&dropped);
            async move {
                let mut body = request.into_body();
                let frame = body.frame().await.unwrap().unwrap();
                assert_eq!(dropped.load(Ordering::Relaxed), 0);
                drop((frame, body));
                assert_eq!(dropped.load(Ordering::Relaxed), 1, "the buffer goes although the request goes on");
                Ok::<_, Infallible>(Response::new(full("ok")))
            }
        })
    };
    drain(service.oneshot(post("text/plain", Full::new(frame))).await.unwrap().into_body()).await;
    assert_eq!(seen.only().request_body().unwrap().content(), "hello");
}

/// What the system holds for this process, in bytes.
#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn bo_01_an_upload_of_a_gigabyte_costs_no_memory() {
    child("upload_a_gigabyte", &[]);
}

#[tokio::test]
#[cfg(target_os = "linux")]
#[ignore = "runs in a process of its own, whose memory is measured"]
async fn upload_a_gigabyte() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |request: Request<ObserveBody<Flow>>| {
        let body = request.into_body();
        assert_eq!(body.size_hint().exact(), Some(body.size_hint().lower()));
        Ok::<_, Infallible>(Response::new(drain(body).await).map(|(bytes, frames)| full(text(bytes, frames))))
    });
    let upload = |bytes| {
        let service = service.clone();
        async move {
            let body = service.oneshot(post("text/plain", Flow::new(bytes, 65_536))).await.unwrap().into_body();
            body.collect().await.unwrap().to_bytes()
        }
    };
    // The first one fills pools and starts threads.
    upload(1_000_000).await;
    let before = resident_bytes();
    assert_eq!(upload(1_000_000_000).await, "1000000000 bytes in 15259 frames", "BO-01");
    let growth = resident_bytes().saturating_sub(before);
    assert!(growth <= 1 << 20, "BO-01: grew by {growth} bytes");
    let records = seen.records();
    let body = records[1].request_body().unwrap();
    assert_eq!((body.kept_bytes(), body.seen_bytes(), body.is_truncated()), (4096, 1_000_000_000, true), "BO-01");
}

fn text(bytes: usize, frames: usize) -> &'static str {
    // The few texts of this test may live for ever.
    format!("{bytes} bytes in {frames} frames").leak()
}

/// The bounds of 64 large uploads at once, at a volume for every day; `benches/bodies.rs` has the whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_uploads_at_once_stay_within_the_budget() {
    const BUDGET: usize = 128 * 1024;
    const BYTES: usize = 2_000_000;
    let seen = observed(Bodies::on().budget_bytes(BUDGET).requests_only());
    let most = Arc::new(AtomicUsize::new(0));
    let telemetry: Telemetry = seen.telemetry.clone();
    let service = {
        let most = Arc::clone(&most);
        ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<ObserveBody<hyper::body::Incoming>>| {
            let (most, telemetry) = (Arc::clone(&most), telemetry.clone());
            async move {
                let (mut body, mut bytes) = (request.into_body(), 0);
                while let Some(Ok(frame)) = body.frame().await {
                    bytes += frame.into_data().unwrap().len();
                    most.fetch_max(telemetry.stats().body_bytes, Ordering::Relaxed);
                }
                Ok::<_, Infallible>(Response::new(full(bytes.to_string().leak())))
            }
        })
    };
    let server = serve(service).await;
    let uploads = (0..64).map(|_| {
        let address = server.address;
        tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let io = hyper_util::rt::TokioIo::new(stream);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            let response = sender.send_request(post("text/plain", Flow::new(BYTES, 65_536))).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
    });
    for upload in futures_util::future::join_all(uploads).await {
        assert_eq!(upload.unwrap(), BYTES.to_string());
    }
    server.stop().await;
    assert!(most.load(Ordering::Relaxed) <= BUDGET);
    let records = seen.records();
    assert_eq!(records.len(), 64);
    for record in &records {
        let body = record.request_body().unwrap();
        assert_eq!((body.seen_bytes(), record.outcome()), (BYTES as u64, Outcome::Answered));
        assert!(body.kept_bytes() <= 4096 && body.skipped().is_none_or(|reason| reason == "budget"));
    }
    assert!(records.iter().any(|record| record.request_body().unwrap().kept_bytes() == 4096));
}

/// A service that takes plain requests is bound to their body's type; its body is not looked at.
#[tokio::test]
async fn a_body_that_is_not_followed_is_not_captured() {
    let seen = observed(Bodies::on());
    let service = ServiceBuilder::new().layer(seen.layer().keep_request_body());
    let mut service = service.service_fn(async |request: Request<BoxBody>| {
        drain(request.into_body()).await;
        Ok::<_, Infallible>(answer("text/plain", full("out")))
    });
    let response = service.ready().await.unwrap().call(post("text/plain", full("in"))).await.unwrap();
    drain(response.into_body()).await;
    let record = seen.only();
    assert!(record.request_body().is_none() && record.response_body().is_some());
}

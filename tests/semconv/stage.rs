//! The application, its upstream, and what is done with them.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use bytes::Bytes;
use campanile::ObserveClient;
use campanile::otlp::Otlp;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::{ServiceBuilder, ServiceExt as _};

use crate::rule::{Play, Rule, Told};
use crate::sink::Sink;
use crate::support::{BoxError, Observed, Protocol, Script, Server, Step, poll_once, raw, send, serve};

type Http = ObserveClient<Client<HttpConnector, Full<Bytes>>>;

/// Carries out a row with a telemetry, a sink and an upstream of its own.
pub(crate) async fn play(rule: &Rule) -> Told {
    let (sink, asked) = (Sink::default(), Arc::<Mutex<Vec<HeaderMap>>>::default());
    let collector = sink.start().await;
    let kept = Arc::clone(&asked);
    let upstream = serve(application(None).map_request(move |request: Request<Incoming>| {
        kept.lock().unwrap().push(request.headers().clone());
        request
    }))
    .await;
    let otlp = Otlp::new(format!("http://{}", collector.address)).captured_headers(rule.sends_headers);
    let seen = Observed::with(|builder| {
        let builder = builder.exporter(otlp.clone().traces().unwrap()).exporter(otlp.clone().logs().unwrap());
        (rule.settings)(builder.exporter(otlp.metrics().unwrap()))
    });
    let answer = act(rule, &seen, &upstream).await;
    let telemetry = seen.telemetry.clone();
    tokio::task::spawn_blocking(move || assert!(telemetry.flush(crate::support::PATIENCE))).await.unwrap();
    let address = upstream.address.to_string();
    drop(seen);
    let asked = asked.lock().unwrap().clone();
    let mut told = Told::new(sink.arrived(), asked, address, &rule.play);
    told.answer = answer;
    told
}

async fn act(rule: &Rule, seen: &Observed, upstream: &Server) -> String {
    let client = || -> Http {
        ServiceBuilder::new().layer(seen.telemetry.client_layer()).service(Client::builder(TokioExecutor::new()).build_http())
    };
    let upstream = upstream.address.to_string();
    let mut answer = String::new();
    match &rule.play {
        Play::Outgoing(request) => {
            let request = request(&upstream);
            let is_rpc = request.headers().contains_key("content-type");
            let client = if is_rpc { http2(seen) } else { client() };
            if let Ok(response) = client.oneshot(request).await {
                // A body that breaks is what some rows are about.
                let _ = response.into_body().collect().await;
            }
        }
        Play::OutgoingDropped => {
            let request = Request::get(format!("http://{upstream}/never")).body(Full::default()).unwrap();
            let mut future = pin!(client().oneshot(request));
            assert!(poll_once(future.as_mut()).is_pending());
        }
        Play::OutgoingNobody => {
            let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let request = Request::get(format!("http://{nobody}/")).body(Full::default()).unwrap();
            assert!(client().oneshot(request).await.is_err());
        }
        Play::Fails => {
            let failing = tower::service_fn(async |_: Request<_>| Err::<Response<Script>, BoxError>("told to fail".into()));
            let server = serve(ServiceBuilder::new().layer(seen.layer()).service(failing)).await;
            raw(&server, head("GET /fails HTTP/1.1\nhost: a")).await;
            server.stop().await;
        }
        Play::Http1(lines) => {
            let server = serve(application(Some((client(), upstream))).layer(seen.layer())).await;
            answer = String::from_utf8_lossy(&raw(&server, head(lines)).await).into_owned();
            server.stop().await;
        }
        Play::LetsGo(lines) => {
            let server = serve(application(Some((client(), upstream))).layer(seen.layer())).await;
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(head(lines).as_bytes()).await.unwrap();
            stream.read_u8().await.unwrap();
            drop(stream);
            server.stop().await;
        }
        Play::Http2(method, path, headers) => {
            let server = serve(application(Some((client(), upstream))).layer(seen.layer())).await;
            let mut request = Request::builder().method(*method).uri(path.as_str());
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            // How it ends is what the row is about.
            let _ = send(&server, Protocol::Http2, request.body(Full::default()).unwrap()).await;
            server.stop().await;
        }
    }
    answer
}

/// A client for gRPC.
fn http2(seen: &Observed) -> Http {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    ServiceBuilder::new().layer(seen.telemetry.client_layer()).service(client)
}

/// A whole head, after which the connection is closed.
fn head(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
    format!("{lines}connection: close\r\n\r\n")
}

/// Where the application's own requests go, and with what.
type Calls = Option<(Http, String)>;

/// Does what the path says.
fn application(calls: Calls) -> Router {
    let scripted = |steps: Vec<Step>| Response::new(Body::new(Script::new(steps)));
    Router::new()
        .route("/orders/{id}", any(async || ([("x-answer", "one"), ("x-answer", "two")], "order")))
        .route("/status/{code}", any(async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap()))
        .route("/panic", get(async || -> &'static str { panic!("told to panic") }))
        .route("/break", get(async move || scripted(vec![Step::Data("one"), Step::Pending, Step::Fail("broken".into())])))
        .route("/forever", get(async move || scripted(vec![Step::Data("one"), Step::Forever])))
        .route("/never", get(async || -> &'static str { std::future::pending().await }))
        .route("/call", get(call))
        .route("/retry", get(retry))
        .nest("/shop", Router::new().route("/items/{id}", get(async || "item")))
        .route("/test.Shop/{code}", any(async |Path(code): Path<String>| grpc(&code)))
        .route("/test.Head/{code}", any(async |Path(code): Path<String>| grpc_head(&code)))
        .with_state(calls)
}

/// Asks the upstream once.
async fn call(State(calls): State<Calls>) -> Response<Body> {
    ask(&calls, "/orders/7").await;
    "called".into_response()
}

/// Asks the upstream until it has an answer.
async fn retry(State(calls): State<Calls>) -> Response<Body> {
    ask(&calls, "/status/503").await;
    ask(&calls, "/orders/7").await;
    "called twice".into_response()
}

async fn ask(calls: &Calls, path: &str) {
    let (client, upstream) = calls.clone().unwrap();
    let request = Request::get(format!("http://{upstream}{path}")).body(Full::default()).unwrap();
    client.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

/// A message, and the status behind it.
fn grpc(code: &str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_str(code).unwrap());
    let body = Script::new([Step::Bytes(b"\0\0\0\0\x01x"), Step::Trailers(trailers)]);
    Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
}

/// The status in the head, and nothing behind it.
fn grpc_head(code: &str) -> Response<Body> {
    let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", code);
    response.body(Body::empty()).unwrap()
}

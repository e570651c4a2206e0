//! tonic: the same quality of record, with the status that gRPC puts into trailers or into a head without body.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use campanile::ObserveBody;
use campanile::record::{Outcome, Record, Value};
use http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{BoxBody, Observed, Script, Step};
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceBuilder, ServiceExt as _};

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type BoxStream = Pin<Box<dyn Stream<Item = Result<Text, Status>> + Send>>;

/// What the generated code of a service with two methods does.
#[derive(Clone)]
struct Greeter;

impl tonic::server::NamedService for Greeter {
    const NAME: &'static str = "test.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Text, Text>::default());
            Ok(match request.uri().path() {
                "/test.Greeter/Say" => grpc.unary(Say, request).await,
                "/test.Greeter/Count" => grpc.server_streaming(Count, request).await,
                "/test.Greeter/Collect" => grpc.client_streaming(Collect, request).await,
                "/test.Greeter/Chat" => grpc.streaming(Chat, request).await,
                // What goes wrong between here and a caller.
                "/test.Greeter/Mute" => {
                    let body = Body::new(Full::new(Bytes::from_static(b"\0\0\0\0\x03\x0a\x01x")));
                    http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
                }
                "/test.Greeter/Proxy" => http::Response::builder().status(503).body(Body::empty()).unwrap(),
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

struct Say;

impl tonic::server::UnaryService<Text> for Say {
    type Response = Text;
    type Future = BoxFuture<Result<Response<Text>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        Box::pin(async move {
            campanile::set("greeted", &request.get_ref().text);
            match request.into_inner().text.as_str() {
                "nobody" => Err(Status::not_found("nobody is there")),
                "crash" => Err(Status::internal("disk gone")),
                "never" => std::future::pending().await,
                text => Ok(Response::new(Text { text: format!("hello {text}") })),
            }
        })
    }
}

struct Count;

impl tonic::server::ServerStreamingService<Text> for Count {
    type Response = Text;
    type ResponseStream = BoxStream;
    type Future = BoxFuture<Result<Response<BoxStream>, Status>>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        Box::pin(async move {
            let one = || Ok(Text { text: "one".to_owned() });
            let stream: BoxStream = match request.into_inner().text.as_str() {
                "three" => Box::pin(tokio_stream::iter([one(), one(), one()])),
                "breaks" => Box::pin(tokio_stream::iter([one(), Err(Status::unavailable("no more"))])),
                _ => Box::pin(futures_util::stream::repeat_with(one)),
            };
            Ok(Response::new(stream))
        })
    }
}

struct Collect;

impl tonic::server::ClientStreamingService<Text> for Collect {
    type Response = Text;
    type Future = BoxFuture<Result<Response<Text>, Status>>;

    fn call(&mut self, request: Request<tonic::Streaming<Text>>) -> Self::Future {
        Box::pin(async move {
            let (mut stream, mut all) = (request.into_inner(), String::new());
            while let Some(message) = stream.message().await? {
                all.push_str(&message.text);
            }
            Ok(Response::new(Text { text: all }))
        })
    }
}

struct Chat;

impl tonic::server::StreamingService<Text> for Chat {
    type Response = Text;
    type ResponseStream = BoxStream;
    type Future = BoxFuture<Result<Response<BoxStream>, Status>>;

    fn call(&mut self, request: Request<tonic::Streaming<Text>>) -> Self::Future {
        Box::pin(async move {
            let stream: BoxStream = Box::pin(request.into_inner());
            Ok(Response::new(stream))
        })
    }
}

type Client = tonic::client::Grpc<tonic::transport::Channel>;

/// A span as a collector decodes it: name, whether it is an error, attributes as text.
#[derive(Debug, Default)]
struct Exported {
    name: String,
    is_error: bool,
    attributes: BTreeMap<String, String>,
}

impl Exported {
    /// Checks what was exported; `None` stands for an attribute that must not be there.
    #[track_caller]
    fn expect(&self, name: &str, is_error: bool, attributes: &[(&str, Option<&str>)]) {
        if cfg!(not(feature = "otlp")) {
            return;
        }
        assert_eq!((self.name.as_str(), self.is_error), (name, is_error), "{self:?}");
        let is_listed = attributes.iter().any(|(key, _)| *key == "rpc.system.name");
        for (key, value) in attributes.iter().chain((!is_listed).then_some(&("rpc.system.name", Some("grpc")))) {
            assert_eq!(self.attributes.get(*key).map(String::as_str), *value, "{key}: {self:?}");
        }
    }
}

/// A collector that keeps the bytes that it is sent.
#[derive(Clone, Default)]
struct Collector {
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start(&self) -> support::Server {
        let bodies = Arc::clone(&self.bodies);
        let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let bodies = Arc::clone(&bodies);
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                bodies.lock().unwrap().push(body);
                Ok::<_, Infallible>(http::Response::new(support::full("")))
            }
        });
        support::serve(service).await
    }

    #[cfg(feature = "otlp")]
    fn observe(server: &support::Server) -> Observed {
        let otlp = campanile::otlp::Otlp::new(format!("http://{}", server.address));
        Observed::with(|builder| builder.exporter(otlp.traces().unwrap()))
    }

    #[cfg(not(feature = "otlp"))]
    fn observe(_: &support::Server) -> Observed {
        Observed::new()
    }

    /// The only span that arrived.
    #[cfg(feature = "otlp")]
    #[track_caller]
    fn only(&self) -> Exported {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        use prost::Message as _;

        let bodies = self.bodies.lock().unwrap();
        let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(&body[..]).unwrap());
        let of_resources = requests.flat_map(|request| request.resource_spans);
        let mut spans: Vec<_> =
            of_resources.flat_map(|of| of.scope_spans).flat_map(|of| of.spans).filter(|span| span.kind == 2).collect();
        assert_eq!(spans.len(), 1, "one span of the server: {spans:?}");
        let span = spans.remove(0);
        let text = |value: Option<Value>| match value {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(number)) => number.to_string(),
            Some(Value::BoolValue(is_true)) => is_true.to_string(),
            other => format!("{other:?}"),
        };
        let attributes = span.attributes.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))));
        Exported {
            name: span.name,
            is_error: span.status.is_some_and(|status| status.code == 2),
            attributes: attributes.collect(),
        }
    }

    #[cfg(not(feature = "otlp"))]
    fn only(&self) -> Exported {
        Exported::default()
    }
}

/// Runs `client` against a server, and returns what it returns, with the only record that it left.
async fn call<F: Future>(client: impl FnOnce(Client) -> F) -> (F::Output, Record) {
    let (output, record, _) = exported(client).await;
    (output, record)
}

/// [`call`], and what reached a collector.
async fn exported<F: Future>(client: impl FnOnce(Client) -> F) -> (F::Output, Record, Exported) {
    served(async |address| {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let mut client_of_channel = tonic::client::Grpc::new(channel);
        client_of_channel.ready().await.unwrap();
        client(client_of_channel).await
    })
    .await
}

/// [`exported`], for whoever brings a client of their own.
async fn served<T>(client: impl AsyncFnOnce(SocketAddr) -> T) -> (T, Record, Exported) {
    let collector = Collector::default();
    let sink = collector.start().await;
    let seen = Collector::observe(&sink);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let layer = seen.layer().peer(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
    let server = tonic::transport::Server::builder()
        .layer(layer)
        .add_service(Greeter)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async { drop(stopped.await) });
    let server = tokio::spawn(server);
    let output = client(address).await;
    let _ = stop.send(());
    server.await.unwrap().unwrap();
    let record = tokio::task::spawn_blocking(move || seen.only()).await.unwrap();
    sink.stop().await;
    assert!(record.peer().unwrap().ip().is_loopback());
    assert_eq!((record.method(), record.protocol_version()), ("POST", "2"));
    (output, record, collector.only())
}

async fn say(text: &'static str) -> (Result<Response<Text>, Status>, Record) {
    call(async move |mut client: Client| {
        let path = PathAndQuery::from_static("/test.Greeter/Say");
        client.unary(Request::new(Text { text: text.to_owned() }), path, ProstCodec::<Text, Text>::default()).await
    })
    .await
}

/// Reads up to `messages` messages; the error that ended the stream, if one did.
async fn count(text: &'static str, messages: usize) -> (Option<Code>, Record) {
    call(async move |mut client: Client| {
        let path = PathAndQuery::from_static("/test.Greeter/Count");
        let request = Request::new(Text { text: text.to_owned() });
        let stream = client.server_streaming(request, path, ProstCodec::<Text, Text>::default()).await;
        let mut stream = stream.unwrap().into_inner();
        for _ in 0..messages {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(status) => return Some(status.code()),
            }
        }
        None
    })
    .await
}

#[tokio::test]
async fn a_unary_call_has_its_status_from_the_trailers() {
    let (answer, record) = say("you").await;
    assert_eq!(answer.unwrap().into_inner().text, "hello you");
    assert_eq!((record.outcome(), record.status(), record.rpc_status()), (Outcome::Answered, Some(200), Some(0)));
    assert_eq!(record.path(), "/test.Greeter/Say");
    assert_eq!(record.attribute("greeted"), Some(Value::Str("you")));
    assert!(!record.is_failed() && record.trailers().any(|header| header.name() == "grpc-status"));
    assert!(record.response_body_bytes() > 5 && record.request_body_bytes().unwrap() > 5);
}

#[tokio::test]
async fn an_error_without_a_body_has_its_status_from_the_head() {
    for (text, code, rpc_status, is_failed, error_type) in
        [("nobody", Code::NotFound, 5, false, None), ("crash", Code::Internal, 13, true, Some("INTERNAL"))]
    {
        let (answer, record) = say(text).await;
        assert_eq!(answer.unwrap_err().code(), code);
        assert_eq!((record.outcome(), record.status(), record.rpc_status()), (Outcome::Answered, Some(200), Some(rpc_status)));
        assert_eq!((record.is_failed(), record.error_type()), (is_failed, error_type));
        assert_eq!(record.response_body_bytes(), 0);
    }
}

#[tokio::test]
async fn a_stream_is_answered_at_its_trailers() {
    let (end, record) = count("three", 10).await;
    assert_eq!(end, None);
    assert_eq!((record.outcome(), record.rpc_status()), (Outcome::Answered, Some(0)));
}

#[tokio::test]
async fn a_stream_that_breaks_has_the_status_that_it_broke_with() {
    let (end, record) = count("breaks", 10).await;
    assert_eq!(end, Some(Code::Unavailable));
    assert_eq!((record.outcome(), record.rpc_status(), record.is_failed()), (Outcome::Answered, Some(14), true));
    assert_eq!(record.error_type(), Some("UNAVAILABLE"));
}

#[tokio::test]
async fn a_stream_that_the_client_lets_go_is_gone_mid_body() {
    let (_, record) = count("for ever", 3).await;
    assert_eq!((record.outcome(), record.rpc_status(), record.is_failed()), (Outcome::ClientGoneMidBody, None, false));
    assert!(record.response_body_bytes() >= 3 * 10);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_a_failure_by_its_code() {
    let (answer, record) = call(async |mut client: Client| {
        let path = PathAndQuery::from_static("/test.Greeter/Nothing");
        client.unary(Request::new(Text::default()), path, ProstCodec::<Text, Text>::default()).await
    })
    .await;
    assert_eq!(answer.map(|_: Response<Text>| ()).unwrap_err().code(), Code::Unimplemented);
    assert_eq!((record.rpc_status(), record.error_type()), (Some(12), Some("UNIMPLEMENTED")));
}

fn texts(texts: &[&str]) -> impl Stream<Item = Text> + Send + 'static {
    let texts: Vec<_> = texts.iter().map(|text| Text { text: (*text).to_owned() }).collect();
    tokio_stream::iter(texts)
}

fn codec() -> ProstCodec<Text, Text> {
    ProstCodec::<Text, Text>::new()
}

#[tokio::test]
async fn a_collector_gets_a_unary_call_by_the_conventions() {
    let path = PathAndQuery::from_static("/test.Greeter/Say");
    let (_, record, span) = exported(async |mut client: Client| {
        let _ = client.unary::<Text, Text, _>(Request::new(Text { text: "you".into() }), path, codec()).await.unwrap();
    })
    .await;
    assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (Some(1), Some(1)));
    assert_eq!(record.rpc_method(), Some("test.Greeter/Say"));
    span.expect(
        "test.Greeter/Say",
        false,
        &[
            ("rpc.method", Some("test.Greeter/Say")),
            ("rpc.method_original", None),
            ("rpc.response.status_code", Some("OK")),
            ("error.type", None),
            ("http.response.status_code", None),
            ("http.request.method", None),
            ("campanile.rpc.request.messages", Some("1")),
            ("campanile.rpc.response.messages", Some("1")),
        ],
    );
}

#[tokio::test]
async fn only_codes_of_the_servers_own_making_are_errors() {
    for (text, code, is_error) in [("nobody", "NOT_FOUND", false), ("crash", "INTERNAL", true)] {
        let path = PathAndQuery::from_static("/test.Greeter/Say");
        let (_, record, span) = exported(async |mut client: Client| {
            client.unary::<Text, Text, _>(Request::new(Text { text: text.into() }), path, codec()).await.unwrap_err()
        })
        .await;
        // Trailers alone: the status stands in the head, and no message follows.
        assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (Some(1), Some(0)));
        let error_type = is_error.then_some(code);
        span.expect("test.Greeter/Say", is_error, &[("rpc.response.status_code", Some(code)), ("error.type", error_type)]);
    }
}

#[tokio::test]
async fn messages_are_counted_whichever_side_streams() {
    let (_, record) = count("three", 10).await;
    assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (Some(1), Some(3)));

    let path = PathAndQuery::from_static("/test.Greeter/Collect");
    let (text, record, span) = exported(async |mut client: Client| {
        let answer = client.client_streaming::<_, Text, Text, _>(Request::new(texts(&["a", "", "c"])), path, codec()).await;
        answer.unwrap().into_inner().text
    })
    .await;
    assert_eq!((text.as_str(), record.rpc_status()), ("ac", Some(0)));
    assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (Some(3), Some(1)));
    span.expect("test.Greeter/Collect", false, &[("campanile.rpc.request.messages", Some("3"))]);

    let path = PathAndQuery::from_static("/test.Greeter/Chat");
    let long = "x".repeat(100_000);
    let (back, record, span) = exported(async |mut client: Client| {
        let request = Request::new(texts(&["a", &long]));
        let mut stream = client.streaming::<_, Text, Text, _>(request, path, codec()).await.unwrap().into_inner();
        let mut back = 0;
        while let Some(message) = stream.message().await.unwrap() {
            back += message.text.len();
        }
        back
    })
    .await;
    assert_eq!((back, record.rpc_status(), record.outcome()), (100_001, Some(0), Outcome::Answered));
    assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (Some(2), Some(2)));
    span.expect("test.Greeter/Chat", false, &[("campanile.rpc.response.messages", Some("2"))]);
}

#[tokio::test]
async fn a_client_that_lets_go_of_a_stream_is_no_error() {
    let path = PathAndQuery::from_static("/test.Greeter/Count");
    let (_, record, span) = exported(async |mut client: Client| {
        let request = Request::new(Text { text: "for ever".into() });
        let mut stream = client.server_streaming::<Text, Text, _>(request, path, codec()).await.unwrap().into_inner();
        for _ in 0..3 {
            stream.message().await.unwrap().unwrap();
        }
    })
    .await;
    assert_eq!((record.outcome(), record.rpc_status()), (Outcome::ClientGoneMidBody, None));
    assert!(record.rpc_response_messages().unwrap() >= 3);
    span.expect("test.Greeter/Count", false, &[("rpc.response.status_code", None), ("error.type", None)]);
}

#[tokio::test]
async fn an_answer_without_a_status_is_an_error() {
    let path = PathAndQuery::from_static("/test.Greeter/Mute");
    let (answer, record, span) = exported(async |mut client: Client| {
        client.unary::<Text, Text, _>(Request::new(Text::default()), path, codec()).await.is_err()
    })
    .await;
    assert!(answer, "to the caller it is one too");
    assert_eq!((record.outcome(), record.status(), record.rpc_status()), (Outcome::Answered, Some(200), Some(2)));
    assert_eq!((record.is_failed(), record.error_type(), record.rpc_response_messages()), (true, Some("UNKNOWN"), Some(1)));
    span.expect("test.Greeter/Mute", true, &[("rpc.response.status_code", Some("UNKNOWN")), ("error.type", Some("UNKNOWN"))]);
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_keeps_its_status_of_http() {
    let path = PathAndQuery::from_static("/test.Greeter/Proxy");
    let (_, record, span) = exported(async |mut client: Client| {
        client.unary::<Text, Text, _>(Request::new(Text::default()), path, codec()).await.unwrap_err()
    })
    .await;
    assert_eq!((record.status(), record.rpc_status(), record.error_type()), (Some(503), None, Some("503")));
    assert_eq!(record.rpc_response_messages(), None);
    assert!(!record.is_rpc() && record.rpc_method().is_none(), "nobody here knows the call");
    let expected = [("http.response.status_code", Some("503")), ("rpc.system.name", None), ("error.type", Some("503"))];
    span.expect("POST", true, &expected);
}

#[tokio::test]
async fn a_content_type_alone_makes_no_call_and_no_failure_of_a_request() {
    let observed = Observed::new();
    let service = tower::service_fn(async |_: http::Request<_>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from_static(b"a page"))))
    });
    let service = tower::Layer::layer(&observed.layer(), service);
    let request = http::Request::get("/reset/secret").header("content-type", "application/grpc").header("grpc-timeout", "1n");
    service.oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap().into_body().collect().await.unwrap();
    let record = observed.only_request();
    assert_eq!((record.is_rpc(), record.rpc_status(), record.is_failed()), (false, None, false));
    let metrics = observed.memory.metrics().unwrap();
    assert_eq!(metrics.metric("http.server.request.duration").unwrap().count(&[]), 1);
    assert!(metrics.metric("rpc.server.call.duration").is_none_or(|metric| metric.points().is_empty()), "{metrics:?}");
}

#[tokio::test]
async fn a_method_that_the_server_does_not_know_is_no_name() {
    let path = PathAndQuery::from_static("/made.Up/Name");
    let (_, record, span) = exported(async |mut client: Client| {
        client.unary::<Text, Text, _>(Request::new(Text::default()), path, codec()).await.unwrap_err()
    })
    .await;
    assert_eq!((record.rpc_method(), record.rpc_status(), record.is_failed()), (None, Some(12), true));
    let expected = [
        ("rpc.method", Some("_OTHER")),
        ("rpc.method_original", Some("made.Up/Name")),
        ("rpc.response.status_code", Some("UNIMPLEMENTED")),
        ("error.type", Some("UNIMPLEMENTED")),
    ];
    span.expect("grpc", true, &expected);
}

#[tokio::test]
async fn a_call_that_takes_longer_than_its_caller_waits_has_exceeded_its_deadline() {
    // A client that keeps no time itself: the deadline is the server's to keep.
    let (status, record, span) = served(async |address| {
        let stream = TokioIo::new(tokio::net::TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::post(format!("http://{address}/test.Greeter/Say"));
        let request = request.header("content-type", "application/grpc").header("te", "trailers").header("grpc-timeout", "20m");
        let body = Full::new(Bytes::from_static(b"\0\0\0\0\x07\x0a\x05never"));
        let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
        response.headers()["grpc-status"].to_str().unwrap().to_owned()
    })
    .await;
    assert!(["1", "4"].contains(&status.as_str()), "what tonic says: {status}");
    assert_eq!((record.outcome(), record.rpc_status()), (Outcome::ClientGoneBeforeHead, Some(4)));
    assert!(record.is_failed());
    let expected = [("rpc.response.status_code", Some("DEADLINE_EXCEEDED")), ("error.type", Some("DEADLINE_EXCEEDED"))];
    span.expect("test.Greeter/Say", true, &expected);
}

/// A service in process that answers every request with these frames.
async fn answered(content_type: &'static str, steps: Vec<Step>) -> Record {
    let seen = Observed::new();
    let mut steps = Some(steps);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: http::Request<ObserveBody<BoxBody>>| {
        let steps = steps.take().unwrap();
        async move {
            let _ = request.into_body().collect().await;
            let body = Script::new(steps).boxed();
            Ok::<_, Infallible>(http::Response::builder().header("content-type", content_type).body(body).unwrap())
        }
    });
    let request = http::Request::post("/test.Greeter/Say").header("content-type", content_type);
    let response = service.oneshot(request.body(support::full("\0\0\0\0\x02hi")).unwrap()).await.unwrap();
    let _ = response.into_body().collect().await.unwrap();
    seen.only()
}

#[tokio::test]
async fn grpc_web_has_its_status_in_the_last_frame() {
    let frames = || vec![Step::Data("\0\0\0\0\x02"), Step::Data("hi\0\0\0"), Step::Data("\0\x01x")];
    let trailer = |text: &'static str| {
        let head: &'static [u8] = vec![0x80, 0, 0, 0, u8::try_from(text.len()).unwrap()].leak();
        [Step::Bytes(head), Step::Data(text)]
    };
    for (text, expected) in
        [("grpc-status: 0\r\n", Some(0)), ("grpc-status:14\r\ngrpc-message:x\r\n", Some(14)), ("x:y\r\n", Some(2))]
    {
        let steps = frames().into_iter().chain(trailer(text)).collect();
        let record = answered("application/grpc-web+proto", steps).await;
        assert_eq!((record.rpc_status(), record.rpc_response_messages()), (expected, Some(2)), "{text}");
        assert_eq!(record.rpc_request_messages(), Some(1));
    }
    let record = answered("application/grpc-web", frames()).await;
    assert_eq!((record.rpc_status(), record.is_failed()), (Some(2), true), "no trailers at all");
    let record = answered("application/grpc-web-text", vec![Step::Data("AAAAAAA=")]).await;
    assert_eq!((record.is_rpc(), record.rpc_status(), record.is_failed()), (true, None, false), "base64 is not looked into");
}

#[tokio::test]
async fn what_only_begins_like_grpc_is_none() {
    let record = answered("application/grpcfoo", vec![Step::Data("hello")]).await;
    assert!(!record.is_rpc() && record.rpc_status().is_none() && !record.is_failed());
    assert_eq!((record.rpc_request_messages(), record.rpc_response_messages()), (None, None));
}

#[tokio::test]
async fn a_status_that_is_no_code_is_unknown() {
    for (value, expected) in [("16", 16), ("17", 2), ("99", 2), ("fine", 2), ("", 2)] {
        let trailers = http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), value.parse().unwrap())]);
        let record = answered("application/grpc", vec![Step::Trailers(trailers)]).await;
        assert_eq!((record.rpc_status(), record.is_failed()), (Some(expected), expected == 2), "{value:?}");
    }
}

#[tokio::test]
async fn a_timeout_in_the_head_fails_nothing_that_is_in_time() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(async |_: http::Request<ObserveBody<BoxBody>>| {
        std::future::pending::<Result<http::Response<BoxBody>, Infallible>>().await
    });
    let request = http::Request::post("/a.B/C").header("content-type", "application/grpc").header("grpc-timeout", "1H");
    let mut future = Box::pin(service.oneshot(request.body(support::full("")).unwrap()));
    assert!(support::poll_once(future.as_mut()).is_pending());
    drop(future);
    let record = seen.only();
    assert_eq!((record.outcome(), record.rpc_status(), record.is_failed()), (Outcome::ClientGoneBeforeHead, None, false));
}

//! tonic: the same quality of record, with the status that gRPC puts into trailers or into a head without body.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use campanile::record::{Outcome, Record, Value};
use http::uri::PathAndQuery;
use support::Observed;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

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

type Client = tonic::client::Grpc<tonic::transport::Channel>;

/// Runs `client` against a server, and returns what it returns, with the only record that it left.
async fn call<F: Future>(client: impl FnOnce(Client) -> F) -> (F::Output, Record) {
    let seen = Observed::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let layer = seen.layer().peer(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
    let server = tonic::transport::Server::builder()
        .layer(layer)
        .add_service(Greeter)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async { drop(stopped.await) });
    let server = tokio::spawn(server);
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client_of_channel = tonic::client::Grpc::new(channel);
    client_of_channel.ready().await.unwrap();
    let output = client(client_of_channel).await;
    let _ = stop.send(());
    server.await.unwrap().unwrap();
    let record = seen.only();
    assert!(record.is_rpc() && record.peer().unwrap().ip().is_loopback());
    assert_eq!((record.method(), record.protocol_version()), ("POST", "2"));
    (output, record)
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

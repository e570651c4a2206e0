//! Plain hyper, without axum: the same quality of record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use bytes::Bytes;
use campanile::record::{Kind, Outcome, Value};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use support::{BoxBody, BoxError, Observed, PROTOCOLS, Protocol, full, send, serve};
use tower::ServiceBuilder;

async fn order<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError>
where
    B: http_body::Body<Error: std::fmt::Debug>,
{
    campanile::set("order.items", 3);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body.len(), 12);
    Ok(Response::builder().status(201).header("content-type", "text/plain").body(full("ordered")).unwrap())
}

fn post() -> Request<Full<Bytes>> {
    Request::builder()
        .method("POST")
        .uri("/orders?page=2&token=canary")
        .header("host", "shop.example:8080")
        .header("user-agent", "a test")
        .header("authorization", "Bearer canary")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(b"{\"items\": 3}")))
        .unwrap()
}

#[tokio::test]
async fn a_record_says_all_that_the_connection_and_the_heads_say() {
    for protocol in PROTOCOLS {
        let seen = Observed::new();
        let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(order)).await;
        let mut post = post();
        if protocol == Protocol::Http2 {
            let host = post.headers_mut().remove("host").unwrap();
            *post.uri_mut() = format!("http://{}{}", host.to_str().unwrap(), post.uri()).parse().unwrap();
        }
        let answer = send(&server, protocol, post).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"ordered"[..]));
        server.stop().await;
        let record = seen.only();
        assert_eq!((record.kind(), record.outcome()), (Kind::Request, Outcome::Answered));
        assert_eq!((record.method(), record.path(), record.status()), ("POST", "/orders", Some(201)));
        assert_eq!((record.query(), record.route()), (Some("page=2&token=REDACTED"), None));
        assert_eq!((record.host(), record.port(), record.scheme()), (Some("shop.example"), Some(8080), "http"));
        assert_eq!(record.protocol_version(), if protocol == Protocol::Http2 { "2" } else { "1.1" });
        assert_eq!(record.user_agent(), Some("a test"));
        assert!(record.peer().unwrap().ip().is_loopback());
        assert_eq!((record.request_body_bytes(), record.response_body_bytes()), (Some(12), 7));
        assert_eq!(record.attribute("order.items"), Some(Value::I64(3)));
        let authorization = record.request_headers().find(|header| header.name() == "authorization").unwrap();
        assert_eq!((authorization.value(), authorization.len_bytes()), (None, 13));
        let kind = record.response_headers().find(|header| header.name() == "content-type").unwrap();
        assert_eq!(kind.value(), Some("text/plain"));
        assert!(!format!("{record:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_service_that_is_bound_to_its_request_body_keeps_it() {
    let seen = Observed::new();
    let service = ServiceBuilder::new()
        .layer(seen.layer().keep_request_body().clone())
        .service_fn(|request: Request<Incoming>| order(request));
    let server = serve(service).await;
    assert_eq!(send(&server, Protocol::Http1, post()).await.unwrap().status, 201);
    server.stop().await;
    let record = seen.only();
    assert_eq!((record.request_body_bytes(), record.response_body_bytes()), (None, 7));
}

#[tokio::test]
async fn settings_say_scheme_and_peer() {
    #[derive(Clone)]
    struct Behind(std::net::SocketAddr);
    let seen = Observed::new();
    let layer = seen.layer().scheme(http::uri::Scheme::HTTPS).peer(|extensions| Some(extensions.get::<Behind>()?.0));
    let service = ServiceBuilder::new()
        .map_request(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Behind("[2001:db8::7]:99".parse().unwrap()));
            request
        })
        .layer(layer)
        .service_fn(order);
    let server = serve(service).await;
    assert_eq!(send(&server, Protocol::Http1, post()).await.unwrap().status, 201);
    server.stop().await;
    let record = seen.only();
    assert_eq!((record.scheme(), record.peer()), ("https", Some("[2001:db8::7]:99".parse().unwrap())));
}

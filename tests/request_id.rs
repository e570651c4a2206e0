//! Every request has one request id: a caller's valid one, or a new one, and the answer tells it.

#![cfg(feature = "tower-http")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use campanile::record::{Record, RequestIdSource};
use http::{HeaderName, HeaderValue, Request, Response};
use support::{BoxBody, BoxError, Observed, Server, full, raw, request, serve};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

async fn hello<B>(_: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    Ok(Response::new(full("hello")))
}

async fn server(seen: &Observed) -> Server {
    serve(ServiceBuilder::new().layer(seen.layer()).service_fn(hello)).await
}

/// Sends one request with `headers` as they are; the answer's head, and the record if there was one.
async fn ask(headers: &[u8]) -> (String, Option<Record>) {
    let seen = Observed::new();
    let server = server(&seen).await;
    let mut bytes = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".to_vec();
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(b"\r\n");
    let answer = raw(&server, bytes).await;
    server.stop().await;
    let mut records = seen.records();
    assert!(records.len() <= 1);
    (String::from_utf8_lossy(&answer).into_owned(), records.pop())
}

fn echoed(head: &str) -> Vec<&str> {
    head.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect()
}

fn is_uuid_v7(id: &str) -> bool {
    uuid::Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 7)
}

#[tokio::test]
async fn without_one_a_new_one_is_made_and_told() {
    let (head, record) = ask(b"").await;
    let record = record.unwrap();
    assert!(is_uuid_v7(record.request_id()), "{}", record.request_id());
    assert_eq!(echoed(&head), [record.request_id()]);
    assert_eq!(record.request_id_source(), RequestIdSource::Generated);
}

#[tokio::test]
async fn a_valid_one_is_honoured() {
    let longest = "a".repeat(128);
    let good =
        ["7b1c3d2e-9f2a-4c51-8f6e-0d3f2a1b4c5d", "Root=1-67891233-abcdef012345678912345678", "a", "A.b_c:d/e+f=g@h-i", &longest];
    for id in good {
        let (head, record) = ask(format!("X-Request-ID: {id}\r\n").as_bytes()).await;
        let record = record.unwrap();
        assert_eq!((record.request_id(), record.request_id_source()), (id, RequestIdSource::Inbound));
        assert_eq!(echoed(&head), [id]);
    }
}

#[tokio::test]
async fn an_invalid_one_is_replaced_and_never_echoed() {
    let too_long = "a".repeat(129);
    let huge = "a".repeat(65_000);
    let bad: [&[u8]; 18] = [
        b"",
        b" ",
        b"abc def",
        b"abc\tdef",
        b"<script>alert(1)</script>",
        b"=HYPERLINK(\"http://x.invalid\")",
        b"../../etc/cron.d/x",
        b"a' OR '1'='1",
        b"-dash",
        b"a;b",
        b"a,b",
        b"${jndi:ldap://x.invalid/a}",
        b"%0d%0aset-cookie:a=b",
        b"caf\xc3\xa9",
        b"\xff\xfe",
        b"\xe2\x80\xaeabc",
        too_long.as_bytes(),
        huge.as_bytes(),
    ];
    for id in bad {
        let (head, record) = ask(&[b"x-request-id: ", id, b"\r\n"].concat()).await;
        let shown = String::from_utf8_lossy(id);
        // A server may refuse the message as a whole, but then it must not have come as far as the layer.
        let Some(record) = record else {
            assert!(head.starts_with("HTTP/1.1 4"), "{shown}: {head}");
            continue;
        };
        assert!(is_uuid_v7(record.request_id()), "{shown}: {}", record.request_id());
        assert_eq!(record.request_id_source(), RequestIdSource::Generated, "{shown}");
        assert_eq!(echoed(&head), [record.request_id()], "{shown}");
        assert!(id.len() < 5 || !head.contains(&*shown), "{shown} is echoed");
    }
}

#[tokio::test]
async fn two_of_them_are_none() {
    let (head, record) = ask(b"x-request-id: id-1\r\nx-request-id: id-2\r\n").await;
    let record = record.unwrap();
    assert_eq!(record.request_id_source(), RequestIdSource::Generated);
    assert_eq!(echoed(&head), [record.request_id()]);
}

#[tokio::test]
async fn control_characters_never_get_as_far_as_the_record() {
    for id in [&b"abc\x00def"[..], b"abc\x1b[31m", b"abc\r\n\tdef", b"abc\rdef"] {
        let (head, record) = ask(&[b"x-request-id: ", id, b"\r\n"].concat()).await;
        assert!(record.is_none_or(|record| is_uuid_v7(record.request_id())), "{id:?}: {head}");
    }
}

#[tokio::test]
async fn a_handlers_own_header_stays() {
    let seen = Observed::new();
    let service = ServiceBuilder::new()
        .layer(seen.layer())
        .service_fn(|_| async { Ok::<_, BoxError>(Response::builder().header(HEADER, "my-own").body(full("")).unwrap()) });
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!(response.headers().get_all(HEADER).iter().collect::<Vec<_>>(), ["my-own"]);
    assert_ne!(seen.only().request_id(), "my-own");
}

#[derive(Clone)]
struct Made(&'static str);

impl MakeRequestId for Made {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        (!self.0.is_empty()).then(|| RequestId::new(HeaderValue::from_static(self.0)))
    }
}

/// What a handler sees of the id: header and extension.
async fn reflect<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let mut response = Response::new(full(""));
    if let Some(header) = request.headers().get(HEADER) {
        response.headers_mut().insert("seen-header", header.clone());
    }
    if let Some(id) = request.extensions().get::<RequestId>() {
        response.headers_mut().insert("seen-extension", id.header_value().clone());
    }
    Ok(response)
}

fn with_id(id: &'static str) -> Request<http_body_util::Full<bytes::Bytes>> {
    let mut request = request("GET", "/");
    request.headers_mut().insert(HEADER, HeaderValue::from_static(id));
    request
}

#[tokio::test]
async fn a_maker_is_asked_where_the_caller_sent_none() {
    for (made, inbound, expected, source) in [
        ("made-1", None, Some("made-1"), RequestIdSource::Maker),
        ("made-1", Some("inbound-1"), Some("inbound-1"), RequestIdSource::Inbound),
        ("made-1", Some("<bad>"), Some("made-1"), RequestIdSource::Maker),
        ("<made>", None, None, RequestIdSource::Generated),
        ("", None, None, RequestIdSource::Generated),
    ] {
        let seen = Observed::new();
        let service = ServiceBuilder::new().layer(seen.layer().make_request_id(Made(made))).service_fn(reflect);
        let asked = inbound.map_or_else(|| request("GET", "/"), with_id);
        let response = service.oneshot(asked).await.unwrap();
        let record = seen.only();
        assert_eq!(record.request_id_source(), source, "{made} {inbound:?}");
        match expected {
            Some(expected) => assert_eq!(record.request_id(), expected),
            None => assert!(is_uuid_v7(record.request_id())),
        }
        for header in ["x-request-id", "seen-extension"] {
            assert_eq!(response.headers()[header], record.request_id(), "{header}");
        }
    }
}

#[tokio::test]
async fn an_id_that_tower_http_set_further_out_is_used() {
    let seen = Observed::new();
    let service = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(HEADER, Made("set-outside")))
        .layer(PropagateRequestIdLayer::new(HEADER))
        .layer(seen.layer())
        .service_fn(reflect);
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!(response.headers().get_all(HEADER).iter().collect::<Vec<_>>(), ["set-outside"]);
    let record = seen.only();
    assert_eq!((record.request_id(), record.request_id_source()), ("set-outside", RequestIdSource::Extension));
}

#[tokio::test]
async fn tower_https_layers_further_in_work_with_the_same_id() {
    for inbound in [None, Some("inbound-1"), Some("<bad>")] {
        let seen = Observed::new();
        let service = ServiceBuilder::new()
            .layer(seen.layer())
            .layer(SetRequestIdLayer::new(HEADER, Made("set-inside")))
            .layer(PropagateRequestIdLayer::new(HEADER))
            .service_fn(reflect);
        let asked = inbound.map_or_else(|| request("GET", "/"), with_id);
        let response = service.oneshot(asked).await.unwrap();
        let record = seen.only();
        for header in ["x-request-id", "seen-header", "seen-extension"] {
            assert_eq!(response.headers()[header], record.request_id(), "{header} with {inbound:?}");
        }
        assert_eq!(response.headers().get_all(HEADER).iter().count(), 1);
    }
}

#[tokio::test]
async fn what_tower_http_takes_from_the_caller_is_still_checked() {
    let seen = Observed::new();
    let service =
        ServiceBuilder::new().layer(SetRequestIdLayer::new(HEADER, Made("set-outside"))).layer(seen.layer()).service_fn(reflect);
    let response = service.oneshot(with_id("<bad>")).await.unwrap();
    let record = seen.only();
    assert!(is_uuid_v7(record.request_id()));
    assert_eq!(response.headers()[HEADER], record.request_id());
}

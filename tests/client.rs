//! Outgoing requests: a span for each attempt, on the record of the request that it is made for.

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
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use campanile::record::{Event, Field, Kind, Outcome, Record, Span, SpanKind, TraceId, Value};
use campanile::{InExchange as _, ObserveClient, Redact, ResendCount, UrlTemplate};
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use support::{BoxBody, BoxError, Observed, Script, Server, Step, Yield, full, poll_once, request, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::retry::Policy;
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};

type Hyper = ObserveClient<Client<HttpConnector, Full<Bytes>>>;

fn hyper(seen: &Observed) -> Hyper {
    ServiceBuilder::new().layer(seen.telemetry.client_layer()).service(Client::builder(TokioExecutor::new()).build_http())
}

fn get(address: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    Request::builder().uri(format!("http://{address}{path}")).body(Full::default()).unwrap()
}

/// Heads that a server has seen.
type Heads = Arc<Mutex<Vec<HeaderMap>>>;

/// Answers with the status that the path names, and keeps the headers of what it was asked.
async fn upstream() -> (Server, Heads) {
    let heads = Heads::default();
    let kept = Arc::clone(&heads);
    let server = serve(service_fn(move |request: Request<Incoming>| {
        kept.lock().unwrap().push(request.headers().clone());
        async move {
            let status = request.uri().path().trim_start_matches('/').parse().unwrap_or(200);
            let body = if status == 204 { full("") } else { full("an answer") };
            Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
        }
    }))
    .await;
    (server, heads)
}

/// A server that does to each connection what it is told, and is gone with the runtime.
async fn raw_server<F: Future<Output = ()> + Send + 'static>(each: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(each(stream));
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

/// An address that nobody listens at.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Runs `handler` as the handler of one request, and gives that request's record.
async fn handle<F: Future<Output = ()>>(seen: &Observed, handler: impl Fn() -> F + Clone) -> Record {
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
        let handler = handler();
        async move {
            handler.await;
            Ok::<_, BoxError>(Response::new(full("done")))
        }
    });
    let mut request = request("GET", "/handled");
    request.headers_mut().insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap());
    request.headers_mut().insert("tracestate", "a=1,b=2".parse().unwrap());
    let response = service.oneshot(request).await.unwrap();
    let _ = response.into_body().collect().await.unwrap();
    seen.only_request()
}

async fn read(response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>) -> (StatusCode, Bytes) {
    let (head, body) = response.into_parts();
    (head.status, body.collect().await.unwrap().to_bytes())
}

fn clients(record: &Record) -> Vec<Span<'_>> {
    record.spans().filter(|span| span.kind() == SpanKind::Client).collect()
}

#[track_caller]
fn only_client(record: &Record) -> Span<'_> {
    let clients = clients(record);
    assert_eq!(clients.len(), 1, "{clients:?}");
    clients[0]
}

fn value<'a>(mut fields: impl Iterator<Item = Field<'a>>, name: &str) -> Option<Value<'a>> {
    fields.find(|field| field.name() == name).map(|field| field.value())
}

fn field<'a>(span: &Span<'a>, name: &str) -> Option<Value<'a>> {
    value(span.fields(), name)
}

fn status_of(span: &Span<'_>) -> Option<i64> {
    match field(span, "http.response.status_code") {
        Some(Value::I64(status)) => Some(status),
        _ => None,
    }
}

fn exceptions(record: &Record) -> Vec<Event<'_>> {
    record.events().filter(|event| event.target() == "campanile::client").collect()
}

#[tokio::test]
async fn an_outgoing_request_is_a_span_of_the_request_that_it_is_made_for() {
    let seen = Observed::new();
    let (server, heads) = upstream().await;
    let (client, address) = (hyper(&seen), server.address);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let mut request = get(address, "/200?page=2&token=canary");
            *request.method_mut() = http::Method::POST;
            request.headers_mut().insert("content-length", "3".parse().unwrap());
            *request.body_mut() = Full::from("abc");
            let response = client.oneshot(request).await.unwrap();
            assert_eq!(read(response).await, (StatusCode::OK, Bytes::from_static(b"an answer")));
        }
    })
    .await;
    server.stop().await;
    let span = only_client(&record);
    assert_eq!((span.name(), span.parent_id(), span.error_type()), ("POST", Some(record.span_id()), None));
    assert!(span.is_finished() && span.start_ns() < span.end_ns() && span.end_ns() <= record.duration_ns());
    let full = format!("http://{address}/200?page=2&token=REDACTED");
    let fields: Vec<_> = span.fields().map(|field| (field.name(), field.value())).collect();
    assert_eq!(
        fields,
        [
            ("http.request.method", Value::Str("POST")),
            ("url.full", Value::Str(&full)),
            ("http.request.body.size", Value::I64(3)),
            ("server.address", Value::Str("127.0.0.1")),
            ("server.port", Value::I64(address.port().into())),
            ("http.response.status_code", Value::I64(200)),
            ("network.protocol.version", Value::Str("1.1")),
            ("http.response.body.size", Value::I64(9)),
        ]
    );
    let heads = heads.lock().unwrap();
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", span.id());
    assert_eq!((heads.len(), heads[0]["traceparent"].to_str().unwrap()), (1, &parent[..]));
    assert_eq!(heads[0]["tracestate"], "a=1,b=2");
    assert_eq!(heads[0]["x-request-id"], record.request_id());
    assert!(!record.is_failed() && exceptions(&record).is_empty());
}

#[tokio::test]
async fn the_url_of_an_outgoing_request_follows_the_settings_of_redaction() {
    let url = "/u/alice%40example.org?page_token=next&access_token=canary";
    for (redact, path) in [
        (Redact::new(), "/u/REDACTED?page_token=REDACTED&access_token=REDACTED"),
        (Redact::new().show_key("page_token"), "/u/REDACTED?page_token=next&access_token=REDACTED"),
        (Redact::new().export_secrets_in_clear_text(), url),
    ] {
        let seen = Observed::with(|builder| builder.redact(redact));
        let (server, _) = upstream().await;
        let (client, address) = (hyper(&seen), server.address);
        let record = handle(&seen, move || {
            let client = client.clone();
            async move {
                let mut request = get(address, url);
                *request.uri_mut() = format!("http://user:canary-userinfo@{address}{url}").parse().unwrap();
                drop(client.oneshot(request).await);
            }
        })
        .await;
        server.stop().await;
        let full = format!("http://REDACTED:REDACTED@{address}{path}");
        assert_eq!(field(&only_client(&record), "url.full"), Some(Value::Str(&full)), "credentials never get as far as that");
    }
}

#[tokio::test]
async fn an_error_status_is_the_calls_error_and_not_the_requests() {
    for (path, status, error) in [
        ("/404", 404, Some("404")),
        ("/503", 503, Some("503")),
        ("/302", 302, None),
        ("/204", 204, None),
        ("/599", 599, Some("599")),
    ] {
        let seen = Observed::new();
        let (server, _) = upstream().await;
        let (client, address) = (hyper(&seen), server.address);
        let record = handle(&seen, move || {
            let client = client.clone();
            async move {
                let response = client.oneshot(get(address, path)).await.unwrap();
                assert_eq!(read(response).await.0, status);
            }
        })
        .await;
        server.stop().await;
        let span = only_client(&record);
        assert_eq!((status_of(&span), span.error_type()), (Some(status.into()), error), "{path}");
        assert_eq!(field(&span, "http.response.body.size").is_some(), status != 204, "{path}");
        assert!(exceptions(&record).is_empty(), "a status is no exception");
        assert_eq!((record.status(), record.is_failed()), (Some(200), false));
    }
}

#[tokio::test]
async fn a_refused_connection_is_an_event_beside_its_span() {
    let seen = Observed::new();
    let (client, address) = (hyper(&seen), nobody().await);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let error = client.oneshot(get(address, "/?token=canary")).await.unwrap_err();
            assert!(error.is_connect(), "the error is the client's own: {error:?}");
        }
    })
    .await;
    let span = only_client(&record);
    let type_name = "hyper_util::client::legacy::client::Error";
    assert_eq!((span.error_type(), status_of(&span), span.is_finished()), (Some(type_name), None, true));
    let [event] = exceptions(&record)[..] else { panic!("one error is told once: {:?}", exceptions(&record)) };
    assert_eq!((event.level(), event.message()), (tracing::Level::WARN, &format!("GET {address} failed")[..]));
    assert_eq!((event.span_id(), event.name()), (Some(span.id()), Some("http.client.request.exception")));
    assert_eq!(value(event.fields(), "exception.type"), Some(Value::Str(type_name)));
    let Some(Value::Str(message)) = value(event.fields(), "exception.message") else { panic!("{event:?} has a message") };
    if cfg!(feature = "otlp") {
        assert!(message.contains("Connection refused"), "the whole chain is told: {message}");
    }
    assert!(!record.is_failed() && record.failures().len() == 0, "whoever called may try again");
}

#[tokio::test]
async fn a_pooled_connection_that_is_closed_under_the_request_is_an_error() {
    let seen = Observed::new();
    let address = raw_server(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        read_head(&mut stream).await;
    })
    .await;
    let client = hyper(&seen);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let first = client.clone().oneshot(get(address, "/")).await.unwrap();
            assert_eq!(read(first).await.1, "ok");
            assert!(client.oneshot(get(address, "/")).await.is_err());
        }
    })
    .await;
    let calls = clients(&record);
    assert_eq!((calls.len(), status_of(&calls[0]), calls[0].error_type()), (2, Some(200), None));
    assert_eq!((status_of(&calls[1]), calls[1].error_type().is_some()), (None, true));
    assert_eq!(exceptions(&record).len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_after_the_head() {
    let seen = Observed::new();
    let address = raw_server(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort").await.unwrap();
    })
    .await;
    let client = hyper(&seen);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let response = client.oneshot(get(address, "/")).await.unwrap();
            assert!(response.into_body().collect().await.is_err());
        }
    })
    .await;
    let span = only_client(&record);
    assert_eq!((status_of(&span), span.error_type()), (Some(200), Some("hyper::error::Error")));
    assert_eq!(field(&span, "http.response.body.size"), None, "of a part nobody knows the size of the whole");
    let [event] = exceptions(&record)[..] else { panic!("one error is told once: {:?}", exceptions(&record)) };
    assert_eq!(event.message(), format!("GET {address}: the response broke off"));
}

#[tokio::test]
async fn what_is_dropped_on_purpose_has_no_error() {
    let seen = Observed::new();
    let service = service_fn(|request: Request<Full<Bytes>>| async move {
        if request.uri().path() == "/never" {
            std::future::pending::<()>().await;
        }
        Ok::<_, BoxError>(Response::new(Script::new([Step::Data("some"), Step::Forever])))
    });
    let client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).service(service);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            {
                let mut future = pin!(client.clone().oneshot(get(address, "/never")));
                assert!(poll_once(future.as_mut()).is_pending());
            }
            let mut body = client.clone().oneshot(get(address, "/body")).await.unwrap().into_body();
            assert!(body.frame().await.is_some());
            drop(body);
            drop(client.oneshot(get(address, "/unread")).await.unwrap());
        }
    })
    .await;
    let calls = clients(&record);
    let told: Vec<_> = calls.iter().map(|span| (span.is_finished(), span.error_type(), status_of(span))).collect();
    assert_eq!(told, [(true, None, None), (true, None, Some(200)), (true, None, Some(200))]);
    assert!(calls.iter().all(|span| field(span, "http.response.body.size").is_none()));
    assert!(exceptions(&record).is_empty());
}

/// Tries once more where the service is not available.
#[derive(Clone)]
struct OnceMore(u32);

impl<R, E> Policy<Request<Full<Bytes>>, Response<R>, E> for OnceMore {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, request: &mut Request<Full<Bytes>>, result: &mut Result<Response<R>, E>) -> Option<Self::Future> {
        let is_down = result.as_ref().is_ok_and(|response| response.status() == 503);
        self.0 += 1;
        request.extensions_mut().insert(ResendCount(self.0));
        (is_down && self.0 == 1).then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn each_attempt_is_a_span_of_its_own() {
    let seen = Observed::new();
    let (server, heads) = upstream().await;
    let (client, address) = (hyper(&seen), server.address);
    let record = handle(&seen, move || {
        let client = ServiceBuilder::new().retry(OnceMore(0)).service(client.clone());
        async move {
            let response = client.oneshot(get(address, "/503")).await.unwrap();
            assert_eq!(read(response).await.0, 503);
        }
    })
    .await;
    server.stop().await;
    let calls = clients(&record);
    let counts: Vec<_> = calls.iter().map(|span| field(span, "http.request.resend_count")).collect();
    assert_eq!(counts, [None, Some(Value::I64(1))]);
    assert!(calls.iter().all(|span| span.parent_id() == Some(record.span_id()) && span.is_finished()));
    let heads = heads.lock().unwrap();
    for (head, call) in heads.iter().zip(&calls) {
        assert!(head["traceparent"].to_str().unwrap().contains(call.id().to_hex().as_str()), "each has a parent of its own");
        assert_eq!(head.get_all("traceparent").iter().count(), 1);
    }
    assert_eq!(heads.len(), 2);
}

#[tokio::test]
async fn a_template_makes_the_name_and_an_unknown_method_none() {
    let seen = Observed::new();
    let (server, heads) = upstream().await;
    let (client, address) = (hyper(&seen), server.address);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let mut request = get(address, "/items/17");
            request.extensions_mut().insert(UrlTemplate("/items/{id}"));
            request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
            request.headers_mut().insert("traceparent", "left over".parse().unwrap());
            read(client.clone().oneshot(request).await.unwrap()).await;
            let mut request = get(address, "/");
            *request.method_mut() = "FETCH".parse().unwrap();
            read(client.oneshot(request).await.unwrap()).await;
        }
    })
    .await;
    server.stop().await;
    let calls = clients(&record);
    assert_eq!((calls[0].name(), field(&calls[0], "url.template")), ("GET /items/{id}", Some(Value::Str("/items/{id}"))));
    assert_eq!((calls[1].name(), field(&calls[1], "http.request.method")), ("HTTP", Some(Value::Str("_OTHER"))));
    assert_eq!(field(&calls[1], "http.request.method_original"), Some(Value::Str("FETCH")));
    let heads = heads.lock().unwrap();
    assert_eq!(heads[0]["x-request-id"], "mine", "one that is there already stays");
    assert!(heads[0]["traceparent"].to_str().unwrap().contains(calls[0].id().to_hex().as_str()));
}

#[tokio::test]
async fn outside_any_request_a_call_is_a_record_of_its_own_and_begins_a_trace() {
    for (ratio, flags) in [(1.0, "03"), (0.0, "02")] {
        let seen = Observed::with(|builder| builder.sample_ratio(ratio));
        let (server, heads) = upstream().await;
        let response = hyper(&seen).oneshot(get(server.address, "/500")).await.unwrap();
        assert_eq!(read(response).await.0, 500);
        server.stop().await;
        let record = seen.only();
        assert_eq!((record.kind(), record.parent_span_id()), (Kind::Span, None));
        let span = only_client(&record);
        assert_eq!((span.id(), span.start_ns(), span.parent_id()), (record.span_id(), 0, None));
        assert_eq!((span.error_type(), status_of(&span)), (Some("500"), Some(500)));
        assert!(span.is_finished() && record.duration_ns() == span.duration_ns() && record.start_unix_ns() > 0);
        let heads = heads.lock().unwrap();
        let parent = format!("00-{}-{}-{flags}", record.trace_id().unwrap(), span.id());
        assert_eq!(heads[0]["traceparent"].to_str().unwrap(), parent);
        assert!(!heads[0].contains_key("tracestate") && !heads[0].contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn outside_any_request_an_error_is_an_event_of_its_own() {
    let seen = Observed::new();
    assert!(hyper(&seen).oneshot(get(nobody().await, "/")).await.is_err());
    let records = seen.records();
    let [event, span] = &records[..] else { panic!("an event and a span: {records:?}") };
    assert_eq!((event.kind(), span.kind()), (Kind::Event, Kind::Span));
    assert_eq!((event.trace_id(), event.span_id()), (span.trace_id(), span.span_id()));
    assert_eq!((exceptions(event).len(), exceptions(span).len()), (1, 0));
    assert!(only_client(span).error_type().is_some());
}

#[tokio::test]
async fn a_call_of_spawned_work_joins_its_request() {
    let seen = Observed::new();
    let (server, heads) = upstream().await;
    let (client, address, refused) = (hyper(&seen), server.address, nobody().await);
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let spawned = async move {
                read(client.clone().oneshot(get(address, "/404")).await.unwrap()).await;
                assert!(client.oneshot(get(refused, "/")).await.is_err());
            };
            tokio::spawn(spawned.in_exchange()).await.unwrap();
        }
    })
    .await;
    server.stop().await;
    let calls = clients(&record);
    assert_eq!(calls.len(), 2, "{:?}", record.spans().collect::<Vec<_>>());
    assert_eq!((calls[0].name(), status_of(&calls[0]), calls[0].error_type()), ("GET", Some(404), Some("404")));
    assert_eq!(field(&calls[0], "http.response.body.size"), Some(Value::I64(9)));
    assert!(calls.iter().all(|span| span.is_finished() && span.parent_id() == Some(record.span_id())));
    assert_eq!((calls[1].error_type().is_some(), exceptions(&record)[0].span_id()), (true, Some(calls[1].id())));
    assert!(heads.lock().unwrap()[0]["traceparent"].to_str().unwrap().contains(calls[0].id().to_hex().as_str()));
}

#[tokio::test]
async fn a_body_that_is_handed_on_ends_its_call_with_the_answer() {
    let seen = Observed::new();
    let (server, _) = upstream().await;
    let (client, address) = (hyper(&seen), server.address);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
        let client = client.clone();
        async move {
            let response = client.oneshot(get(address, "/200")).await?;
            Ok::<_, BoxError>(Response::new(response.into_body()))
        }
    });
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!(read(response).await.1, "an answer");
    server.stop().await;
    let record = seen.only_request();
    let span = only_client(&record);
    assert_eq!((span.is_finished(), field(&span, "http.response.body.size")), (true, Some(Value::I64(9))));
    assert_eq!(record.outcome(), Outcome::Answered);
}

#[tokio::test]
async fn a_call_that_outlives_its_request_stays_unfinished_and_is_counted_once() {
    let seen = Observed::new();
    let client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, BoxError>(Response::new(Script::new([Step::Data("some"), Step::Fail("broken".into())])))
    });
    let (send, receive) = tokio::sync::oneshot::channel();
    let send = Arc::new(Mutex::new(Some(send)));
    let again = client.clone();
    let record = handle(&seen, move || {
        let (client, send) = (client.clone(), Arc::clone(&send));
        async move {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            let body = client.oneshot(get(address, "/")).await.unwrap().into_body();
            let send = send.lock().unwrap().take().unwrap();
            send.send((body, campanile::current().unwrap())).ok().unwrap();
        }
    })
    .await;
    let span = only_client(&record);
    assert_eq!((span.is_finished(), status_of(&span)), (false, Some(200)), "what was known by then is there");
    let (body, late) = receive.await.unwrap();
    assert!(body.collect().await.is_err());
    let records = seen.records();
    let late_event = &records[1];
    assert_eq!((records.len(), late_event.kind(), exceptions(late_event).len()), (2, Kind::Event, 1));
    assert_eq!((late_event.trace_id(), late_event.spans().len()), (record.trace_id(), 0));
    // A new call of work that has outlived its request is a record of its own in the same trace.
    drop(late.run(|| again.oneshot(get(SocketAddr::from(([127, 0, 0, 1], 80)), "/")).now_or_never()).unwrap());
    let records = seen.records();
    assert_eq!((records.len(), records[2].kind(), records[2].trace_id()), (3, Kind::Span, record.trace_id()));
    assert_eq!(only_client(&records[2]).parent_id(), Some(record.span_id()));
}

#[tokio::test]
async fn spans_inside_a_call_are_its_children() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let seen = Observed::new();
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _listening = tracing::subscriber::set_default(subscriber);
    let client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).service_fn(|_: Request<Full<Bytes>>| async {
        tracing::info_span!("connecting").in_scope(|| tracing::info!("inside"));
        Yield(1).await;
        Ok::<_, BoxError>(Response::new(full("")))
    });
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let both = tracing::info_span!("work");
            let call = client.oneshot(get(SocketAddr::from(([127, 0, 0, 1], 80)), "/"));
            tracing::Instrument::instrument(call, both).await.unwrap();
            tracing::info!("after");
        }
    })
    .await;
    let by_name = |name: &str| record.spans().find(|span| span.name() == name).unwrap();
    let (work, call, connecting) = (by_name("work"), by_name("GET"), by_name("connecting"));
    assert_eq!((call.parent_id(), connecting.parent_id()), (Some(work.id()), Some(call.id())));
    let after = record.events().find(|event| event.message() == "after").unwrap();
    assert_eq!(after.span_id(), Some(record.span_id()), "the call has left the stack");
}

#[tokio::test]
async fn a_call_in_a_span_outside_any_request_is_in_that_spans_trace() {
    use tracing_subscriber::layer::SubscriberExt as _;
    let seen = Observed::new();
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _listening = tracing::subscriber::set_default(subscriber);
    let client = ServiceBuilder::new()
        .layer(seen.telemetry.client_layer())
        .service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, BoxError>(Response::new(full(""))) });
    let call = client.oneshot(get(SocketAddr::from(([127, 0, 0, 1], 80)), "/"));
    drop(tracing::Instrument::instrument(call, tracing::info_span!("job")).await.unwrap());
    let records = seen.records();
    let [call, job] = &records[..] else { panic!("two records: {records:?}") };
    assert_eq!((call.trace_id(), call.parent_span_id()), (job.trace_id(), Some(job.span_id())));
}

#[tokio::test]
async fn nothing_is_changed_but_the_headers_that_are_told() {
    let seen = Observed::new();
    let got = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&got);
    let service = service_fn(move |request: Request<Script>| {
        let keep = Arc::clone(&keep);
        async move {
            let (head, body) = request.into_parts();
            assert_eq!(body.size_hint().exact(), Some(3));
            let body = body.collect().await.unwrap().to_bytes();
            *keep.lock().unwrap() = Some((head, body));
            let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
            let body = Script::new([Step::Data("a"), Step::Pending, Step::Data("bc"), Step::Trailers(trailers)]).exact(3);
            let mut response = Response::builder().status(418).header("x-kept", "yes").body(body).unwrap();
            response.extensions_mut().insert(7_u8);
            Ok::<_, BoxError>(response)
        }
    });
    let client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).service(service);
    let mut request = Request::builder()
        .method("PUT")
        .version(http::Version::HTTP_2)
        .uri("http://a.example/x?y")
        .header("x-own", "1")
        .body(Script::new([Step::Data("abc")]).exact(3))
        .unwrap();
    request.extensions_mut().insert(9_u8);
    let response = client.oneshot(request).await.unwrap();
    let (mut head, body) = got.lock().unwrap().take().unwrap();
    assert_eq!(
        (&head.method, head.version, head.uri.to_string()),
        (&http::Method::PUT, http::Version::HTTP_2, "http://a.example/x?y".into())
    );
    assert_eq!((head.extensions.get::<u8>(), &body[..]), (Some(&9), &b"abc"[..]));
    assert!(head.headers.remove("traceparent").is_some());
    assert_eq!(head.headers, HeaderMap::from_iter([("x-own".parse().unwrap(), "1".parse().unwrap())]));
    let (head, mut body) = response.into_parts();
    assert_eq!((head.status.as_u16(), head.headers.len(), head.extensions.get::<u8>()), (418, 1, Some(&7)));
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.unwrap();
        frames.push((frame.data_ref().cloned(), frame.trailers_ref().map(HeaderMap::len)));
    }
    let data = |text: &'static str| (Some(Bytes::from_static(text.as_bytes())), None);
    assert_eq!(frames, [data("a"), data("bc"), (None, Some(1))]);
    assert_eq!(field(&only_client(&seen.only()), "http.response.body.size"), Some(Value::I64(3)));
}

#[tokio::test]
async fn a_panic_of_the_client_goes_on_and_ends_its_span() {
    for in_call in [true, false] {
        let seen = Observed::new();
        let client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).service_fn(move |_: Request<Full<Bytes>>| {
            assert!(!in_call, "in call");
            async move {
                assert!(in_call, "in poll");
                Ok::<_, BoxError>(Response::new(full("")))
            }
        });
        let record = handle(&seen, move || {
            let client = client.clone();
            async move {
                let call = client.oneshot(get(SocketAddr::from(([127, 0, 0, 1], 80)), "/"));
                let payload = AssertUnwindSafe(call).catch_unwind().await.map(drop).expect_err("the panic goes on");
                assert_eq!(payload.downcast_ref::<&str>(), Some(if in_call { &"in call" } else { &"in poll" }));
                assert_eq!(campanile::current().unwrap().trace_id(), TraceId::parse("0af7651916cd43dd8448eb211c80319c").unwrap());
            }
        })
        .await;
        let span = only_client(&record);
        assert_eq!((span.is_finished(), span.error_type()), (true, Some("panic")));
        assert_eq!((record.outcome(), exceptions(&record).len()), (Outcome::Answered, 0));
    }
}

#[tokio::test]
async fn readiness_is_the_clients_own() {
    let seen = Observed::new();
    let client = service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, BoxError>(Response::new(full(""))) });
    let mut client = ServiceBuilder::new().layer(seen.telemetry.client_layer()).concurrency_limit(1).service(client);
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    let first = client.call(get(address, "/"));
    assert!(matches!(poll_once(pin!(poll_fn(|cx| client.poll_ready(cx)))), Poll::Pending));
    drop(first);
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    drop(client.call(get(address, "/")).await.unwrap());
}

#[tokio::test]
async fn calls_of_grpc_have_the_names_of_grpc() {
    let trailers = |code: &str| HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())]);
    let answer =
        |steps: Vec<Step>| Response::builder().header("content-type", "application/grpc").body(Script::new(steps)).unwrap();
    let mut only_head = Response::new(Script::default().saying_its_end());
    only_head.headers_mut().insert("grpc-status", "5".parse().unwrap());
    let mut refused = Response::new(Script::new([Step::Data("busy")]));
    *refused.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    for (response, code, error, status) in [
        (answer(vec![Step::Data("m"), Step::Trailers(trailers("0"))]), "OK", None, None),
        (answer(vec![Step::Data("m"), Step::Trailers(trailers("3"))]), "INVALID_ARGUMENT", Some("INVALID_ARGUMENT"), None),
        (only_head, "NOT_FOUND", Some("NOT_FOUND"), None),
        (answer(vec![Step::Data("m")]), "UNKNOWN", Some("UNKNOWN"), None),
        (refused, "UNAVAILABLE", Some("UNAVAILABLE"), Some(503)),
    ] {
        let seen = Observed::new();
        let response = Mutex::new(Some(response));
        let client = ServiceBuilder::new()
            .layer(seen.telemetry.client_layer())
            .service_fn(|_: Request<BoxBody>| std::future::ready(Ok::<_, BoxError>(response.lock().unwrap().take().unwrap())));
        let request = Request::post("http://greeter.example:50051/hello.Greeter/Say")
            .header("content-type", "application/grpc")
            .body(full(""))
            .unwrap();
        let _ = client.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let record = seen.only();
        let span = only_client(&record);
        assert_eq!((span.name(), span.error_type(), status_of(&span)), ("hello.Greeter/Say", error, status));
        for (name, value) in [
            ("rpc.system.name", Some(Value::Str("grpc"))),
            ("rpc.method", Some(Value::Str("hello.Greeter/Say"))),
            ("rpc.response.status_code", Some(Value::Str(code))),
            ("server.address", Some(Value::Str("greeter.example"))),
            ("server.port", Some(Value::I64(50051))),
            ("http.request.method", None),
            ("url.full", None),
        ] {
            assert_eq!(field(&span, name), value, "{name} of {code}");
        }
    }
}

#[tokio::test]
async fn reqwest_is_a_client_like_any_other() {
    let seen = Observed::new();
    let (server, heads) = upstream().await;
    let (address, refused) = (server.address, nobody().await);
    let client = ServiceBuilder::new()
        .layer(seen.telemetry.client_layer())
        .map_response(Response::<reqwest::Body>::from)
        .filter(|request: Request<reqwest::Body>| reqwest::Request::try_from(request))
        .service(reqwest::Client::builder().no_proxy().build().unwrap());
    let record = handle(&seen, move || {
        let client = client.clone();
        async move {
            let request = |address| Request::get(format!("http://{address}/404")).body(reqwest::Body::from("abc")).unwrap();
            let response = client.clone().oneshot(request(address)).await.unwrap();
            assert_eq!(read(response).await, (StatusCode::NOT_FOUND, Bytes::from_static(b"an answer")));
            assert!(client.oneshot(request(refused)).await.is_err());
        }
    })
    .await;
    server.stop().await;
    let calls = clients(&record);
    assert_eq!((status_of(&calls[0]), calls[0].error_type()), (Some(404), Some("404")));
    assert_eq!(field(&calls[0], "http.response.body.size"), Some(Value::I64(9)));
    assert!(calls[1].error_type().is_some() && exceptions(&record).len() == 1);
    assert!(heads.lock().unwrap()[0]["traceparent"].to_str().unwrap().contains(calls[0].id().to_hex().as_str()));
}

#[tokio::test]
async fn a_telemetry_that_is_off_leaves_requests_alone() {
    let seen = Observed::with(|builder| builder.env([("CAMPANILE", "off")].into_iter().collect()));
    let (server, heads) = upstream().await;
    let response = hyper(&seen).oneshot(get(server.address, "/200")).await.unwrap();
    assert_eq!(read(response).await.1, "an answer");
    server.stop().await;
    assert!(seen.records().is_empty());
    let heads = heads.lock().unwrap();
    assert!(!heads[0].contains_key("traceparent") && !heads[0].contains_key("x-request-id"));
}

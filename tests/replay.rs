//! A recorded request is sent again as it was, as a request of its own, and what changed in the answer is told.
#![cfg(all(feature = "reading", feature = "axum"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request as AxumRequest;
use axum::response::IntoResponse as _;
use axum::routing::any;
use campanile::Bodies;
use campanile::exporter::Memory;
use campanile::record::{Outcome, Record};
use campanile::replay::{self, BodyChange, Line, Note, Request, Sending};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// What a service was sent: method, target, headers, body.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

type Answers = Arc<Mutex<Vec<axum::response::Response>>>;

/// An application that answers with what it is given, notes what it was sent, and is recorded.
struct App {
    router: Router,
    seen: Arc<Mutex<Vec<Seen>>>,
    answers: Answers,
    memory: Memory,
    telemetry: campanile::Telemetry,
}

impl App {
    fn new() -> Self {
        let (memory, seen, answers) = (Memory::new(), Arc::default(), Answers::default());
        let telemetry = campanile::builder().capture_bodies(Bodies::on()).exporter(memory.clone()).build().unwrap();
        let (noting, answering): (Arc<Mutex<Vec<Seen>>>, Answers) = (Arc::clone(&seen), Arc::clone(&answers));
        let handler = move |request: AxumRequest| {
            let (noting, answering) = (Arc::clone(&noting), Arc::clone(&answering));
            async move {
                let (head, body) = request.into_parts();
                let body: Bytes = body.collect().await.unwrap().to_bytes();
                let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                noting.lock().unwrap().push(Seen {
                    method: head.method.to_string(),
                    target: head.uri.path_and_query().unwrap().to_string(),
                    headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
                    body: body.to_vec(),
                });
                let mut answers = answering.lock().unwrap();
                if answers.is_empty() { "ok".into_response() } else { answers.remove(0) }
            }
        };
        let router = Router::new().route("/{*all}", any(handler.clone())).fallback(handler).layer(telemetry.layer());
        Self { router, seen, answers, memory, telemetry }
    }

    fn answers(&self, answer: impl axum::response::IntoResponse) {
        self.answers.lock().unwrap().push(answer.into_response());
    }

    /// The record of a request that is given to it here.
    async fn record(&self, request: AxumRequest) -> Record {
        self.router.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        self.newest()
    }

    fn newest(&self) -> Record {
        assert!(self.telemetry.flush(Duration::from_secs(30)));
        self.memory.records().pop().unwrap()
    }

    /// Serves it on a free port.
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

fn post(target: &str, headers: &[(&str, &str)], body: &'static str) -> AxumRequest {
    let request = axum::http::Request::builder().method("POST").uri(target);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn it_is_the_same_request_and_one_of_its_own() {
    let app = App::new();
    let headers = [
        ("content-type", "application/json"),
        ("accept", "it's \"quoted\""),
        ("x-request-id", "the-first"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer very-secret"),
    ];
    let body = "{\"text\":\"gr\u{fc}\u{df}e\\n\",\"n\":[1, 2]}\n";
    let first = app.record(post("/a/{b}/[1]/../c//?q=%20&x='$'", &headers, body)).await;
    let request = Request::of(&first, Some(&app.serve().await)).unwrap().anew();
    let answer = request.send(&Sending::default()).await.unwrap();
    let seen = app.seen.lock().unwrap().clone();
    let [one, two] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((&one.method, &one.target, &one.body), (&two.method, &two.target, &two.body));
    // The layer gives the service the id of the new one.
    let added = ["host", "content-length", "x-request-id"];
    let sent: Vec<_> = two.headers.iter().filter(|(name, _)| !added.contains(&name.as_str())).collect();
    assert_eq!(sent.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["content-type", "accept"]);
    assert_eq!(sent[1].1, "it's \"quoted\"");
    let second = app.newest();
    assert_eq!(answer.request_id(), second.request_id());
    assert_ne!(second.request_id(), "the-first");
    assert_ne!(second.trace_id(), first.trace_id());
    assert_eq!(
        request.notes(),
        [
            Note::HeadersWithheld(vec!["authorization".to_owned()]),
            Note::Anew(vec!["x-request-id".to_owned(), "traceparent".to_owned()]),
        ]
    );
    assert!(replay::compare(&first, &answer).is_same());
}

#[tokio::test]
async fn every_part_of_it_can_be_changed() {
    let app = App::new();
    let first = app.record(post("/orders", &[("content-type", "text/plain"), ("authorization", "x")], "one")).await;
    let mut request = Request::of(&first, Some(&app.serve().await)).unwrap();
    request.method = "PUT".to_owned();
    request.url.push_str("/17");
    request.body = vec![0, 255];
    request.set_header("Content-Type", "application/octet-stream");
    request.set_header("authorization", "mine");
    assert!(request.notes().is_empty(), "{:?}", request.notes());
    request.send(&Sending::default()).await.unwrap();
    let seen = app.seen.lock().unwrap().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.body.as_slice()), ("PUT", "/orders/17", [0, 255].as_slice()));
    for (name, value) in [("content-type", "application/octet-stream"), ("authorization", "mine")] {
        assert!(seen.headers.contains(&(name.to_owned(), value.to_owned())), "{seen:?}");
    }
    assert!(!format!("{request:?}").contains("mine"));
}

#[tokio::test]
async fn what_changed_is_told_value_by_value() {
    let app = App::new();
    let json = |text: &'static str| ([("content-type", "application/json")], text);
    app.answers((
        axum::http::StatusCode::BAD_GATEWAY,
        [("vary", "accept")],
        json(r#"{"a":{"b":[1,2]},"c d":null,"same":true,"token":"t1"}"#),
    ));
    let first = app.record(post("/x", &[], "")).await;
    app.answers(json(r#"{"a":{"b":[1,3,4]},"e":"x","same":true,"token":"t2"}"#));
    let request = Request::of(&first, Some(&app.serve().await)).unwrap().anew();
    let answer = request.send(&Sending::default()).await.unwrap();
    let changes = replay::compare(&first, &answer);
    assert_eq!(changes.status, [Some(502), Some(200)]);
    let headers: Vec<_> =
        changes.headers.iter().map(|it| (it.place.as_str(), it.before.as_deref(), it.after.as_deref())).collect();
    assert_eq!(headers, [("vary", Some("accept"), None)]);
    let BodyChange::Json(values) = &changes.body else { panic!("{changes:?}") };
    let values: Vec<_> = values.iter().map(|it| (it.place.as_str(), it.before.as_deref(), it.after.as_deref())).collect();
    let expected = [
        ("$.a.b[1]", Some("2"), Some("3")),
        ("$.a.b[2]", None, Some("4")),
        ("$[\"c d\"]", Some("null"), None),
        ("$.e", None, Some("\"x\"")),
    ];
    assert_eq!(values, expected, "and the token, which is a secret, is not compared");
    assert!(!changes.is_same());
    assert!(changes.duration_ns.iter().all(|ns| *ns > 0));
}

#[tokio::test]
async fn texts_are_told_line_by_line() {
    let app = App::new();
    app.answers("one\ntwo\nthree\n");
    let first = app.record(post("/x", &[], "")).await;
    app.answers("one\n2\nthree\n");
    let answer = Request::of(&first, Some(&app.serve().await)).unwrap().send(&Sending::default()).await.unwrap();
    let own = |text: &str| text.to_owned();
    let lines = vec![Line::Same(own("one")), Line::Before(own("two")), Line::After(own("2")), Line::Same(own("three"))];
    assert_eq!(replay::compare(&first, &answer).body, BodyChange::Lines(lines));
}

#[tokio::test]
async fn of_an_answer_that_was_cut_as_much_is_compared_as_there_is() {
    let app = App::new();
    let long = |end: &str| ([("content-type", "application/json")], format!("[\"{}\",\"{end}\"]", "x".repeat(6000)));
    app.answers(long("a"));
    let first = app.record(post("/x", &[], "")).await;
    assert!(first.response_body().unwrap().is_truncated());
    app.answers(long("b"));
    let url = app.serve().await;
    let answer = Request::of(&first, Some(&url)).unwrap().send(&Sending::default()).await.unwrap();
    assert_eq!(replay::compare(&first, &answer).body, BodyChange::Same);
    app.answers(([("content-type", "application/json")], "[\"y\"]"));
    let answer = Request::of(&first, Some(&url)).unwrap().send(&Sending::default()).await.unwrap();
    assert!(matches!(replay::compare(&first, &answer).body, BodyChange::Lines(_)));
    app.answers(([("content-type", "image/png")], "[\"y\"]"));
    let answer = Request::of(&first, Some(&url)).unwrap().send(&Sending::default()).await.unwrap();
    assert!(matches!(replay::compare(&first, &answer).body, BodyChange::Unknown(why) if why.contains("content_type")));
}

#[tokio::test]
async fn secrets_of_the_answer_stay_out() {
    let app = App::new();
    let url = app.serve().await;
    app.answers((
        [("content-type", "application/json"), ("set-cookie", "sid=canary-1; Path=/"), ("x-api-key", "canary-2")],
        r#"{"password":"canary-3"}"#,
    ));
    let answer = Request::new("GET", format!("{url}/?token=canary-4")).send(&Sending::default()).await.unwrap();
    assert!(!format!("{answer:?}").contains("canary"));
    assert!(!answer.response_body().unwrap().content().contains("canary"));
    assert!(!answer.query().unwrap().contains("canary"));
    let shown: Vec<_> = answer.response_headers().map(|header| format!("{header:?}")).collect();
    assert!(!shown.concat().contains("canary"), "{shown:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let app = App::new();
    let url = app.serve().await;
    app.answers(axum::response::Redirect::temporary("/elsewhere"));
    let answer = Request::new("GET", &url).send(&Sending::default()).await.unwrap();
    assert_eq!(answer.status(), Some(307));
    assert_eq!(app.seen.lock().unwrap().len(), 1);
}

/// A server that does with each connection what it is told, once the head of a request has come; and how many came.
fn raw(serve: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counting = Arc::clone(&count);
    thread::spawn(move || {
        for socket in listener.incoming() {
            counting.fetch_add(1, Ordering::SeqCst);
            let (mut socket, mut buffer) = (socket.unwrap(), [0; 4096]);
            let _ = socket.read(&mut buffer);
            serve(&mut socket);
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error_and_nothing_is_sent_twice() {
    let (address, count) = raw(|_| {});
    let mut request = Request::new("POST", format!("http://{address}/"));
    request.body = b"once".to_vec();
    let error = request.send(&Sending::default()).await.unwrap_err();
    assert!(error.is_connection() && !error.is_late(), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for_without_end() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let (address, _) = raw(move |socket| held.lock().unwrap().push(socket.try_clone().unwrap()));
    let mut sending = Sending::default();
    sending.within = Duration::from_millis(50);
    let error = Request::new("GET", format!("http://{address}/")).send(&sending).await.unwrap_err();
    assert!(error.is_late(), "{error}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_read_for_a_time_and_to_a_size() {
    let (address, _) = raw(|socket| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
        while socket.write_all(&[b'x'; 65_536]).is_ok() {}
    });
    let answer = Request::new("GET", format!("http://{address}/")).send(&Sending::default()).await.unwrap();
    assert_eq!(answer.outcome(), Outcome::ClientGoneMidBody);
    let body = answer.response_body().unwrap();
    assert!(body.is_truncated() && body.content().len() <= Sending::MAX_KEPT_BYTES);
    assert!(body.seen_bytes() < 66 * 1024 * 1024);
}

#[tokio::test]
async fn what_cannot_be_sent_is_said_without_its_value() {
    for (mut request, part) in [
        (Request::new("GET", "/relative"), "http://"),
        (Request::new("GET", "ftp://x/"), "http://"),
        (Request::new("GET", "http://a b/"), "URL"),
        (Request::new("GET", "http://x/…[cut]"), "too long"),
        (Request::new("CONNECT", "http://x/"), "method"),
        (Request::new("A B", "http://x/"), "method"),
    ] {
        request.set_header("x-note", "fine");
        let error = request.send(&Sending::default()).await.unwrap_err();
        assert!(error.is_request() && error.to_string().contains(part), "{error}");
    }
    for (name, value) in [("x-note", "a\r\nx-other: canary"), ("content-length", "canary"), ("a b", "canary")] {
        let mut request = Request::new("GET", "http://127.0.0.1:9/");
        request.set_header(name, value);
        let error = request.send(&Sending::default()).await.unwrap_err();
        assert!(error.is_request() && !error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn this_machine_is_known_by_its_addresses() {
    let is_here = |url: &str| Request::new("POST", url).is_loopback();
    for url in
        ["http://127.0.0.1:3000/", "http://127.8.9.1", "https://[::1]/", "http://[::ffff:127.0.0.1]/", "http://LOCALHOST./a"]
    {
        assert!(is_here(url), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "http://0.0.0.0/",
        "/",
        "http://127.0.0.1@example/",
    ] {
        assert!(!is_here(url), "{url}");
    }
    assert!(Request::new("GET", "").is_safe() && !Request::new("get", "").is_safe() && !Request::new("DELETE", "").is_safe());
}

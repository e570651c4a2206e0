//! The example `propagate`, asked what the test suite of W3C Trace Context asks of a service: what goes on from there?

#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

#[path = "../examples/propagate/service.rs"]
mod service;
mod support;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use campanile::record::{Record, SpanKind};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use support::{Answer, Observed, Protocol, Server, full, send, serve};
use tower::service_fn;

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

/// The service, and one that keeps the headers of what it is posted.
struct Suite {
    seen: Observed,
    service: Server,
    callback: Server,
    heads: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Suite {
    async fn start() -> Self {
        let seen = Observed::new();
        let service = serve(service::router(&seen.telemetry)).await;
        let heads = Arc::<Mutex<Vec<HeaderMap>>>::default();
        let kept = Arc::clone(&heads);
        let callback = serve(service_fn(move |request: Request<Incoming>| {
            kept.lock().unwrap().push(request.headers().clone());
            async { Ok::<_, Infallible>(Response::new(full("null"))) }
        }))
        .await;
        Self { seen, service, callback, heads }
    }

    fn callback(&self) -> Value {
        json!({ "url": format!("http://{}/callback/1", self.callback.address), "arguments": [] })
    }

    async fn post(&self, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Answer {
        let mut request = Request::post("/test").header("host", "a.test").body(Full::new(body.into())).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        send(&self.service, Protocol::Http1, request).await.unwrap()
    }

    /// What `count` callbacks got, as trace id, parent id and state, when the service was asked with these headers.
    async fn calls(&self, headers: &[(&'static str, &str)], count: usize) -> Vec<(String, String, String)> {
        self.heads.lock().unwrap().clear();
        let body = Value::from(vec![self.callback(); count]).to_string();
        let answer = self.post(headers, body).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"done\n"[..]));
        let heads = self.heads.lock().unwrap();
        assert_eq!(heads.len(), count);
        heads.iter().map(told).collect()
    }

    async fn call(&self, headers: &[(&'static str, &str)]) -> (String, String, String) {
        self.calls(headers, 1).await.remove(0)
    }

    async fn stop(self) -> Vec<Record> {
        self.service.stop().await;
        self.callback.stop().await;
        self.seen.requests()
    }
}

/// Trace id, parent id and state, which are valid.
fn told(headers: &HeaderMap) -> (String, String, String) {
    let parents: Vec<_> = headers.get_all("traceparent").iter().collect();
    assert_eq!(parents.len(), 1, "exactly one traceparent: {headers:?}");
    let parts: Vec<_> = parents[0].to_str().unwrap().split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { panic!("{parts:?}") };
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    assert_eq!((version, trace.len(), parent.len(), flags.len()), ("00", 32, 16, 2));
    assert!(is_hex(trace) && is_hex(parent) && is_hex(flags));
    assert!(trace != "0".repeat(32) && parent != "0".repeat(16));
    let state: Vec<_> = headers.get_all("tracestate").iter().map(|value| value.to_str().unwrap()).collect();
    (trace.to_owned(), parent.to_owned(), state.join(","))
}

#[tokio::test]
async fn a_valid_trace_is_continued_with_a_new_parent() {
    let suite = Suite::start().await;
    for parent in [
        PARENT,
        "cc-12345678901234567890123456789012-1234567890123456-01",
        "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        " 00-12345678901234567890123456789012-1234567890123456-01",
        "\t 00-12345678901234567890123456789012-1234567890123456-01 \t",
    ] {
        let (trace, span, state) = suite.call(&[("traceparent", parent)]).await;
        assert_eq!((&trace[..], &state[..]), (TRACE, ""), "{parent}");
        assert_ne!(span, "1234567890123456");
    }
    suite.stop().await;
}

#[tokio::test]
async fn an_invalid_trace_is_begun_anew() {
    let suite = Suite::start().await;
    let begin: &[&[(&str, &str)]] = &[
        &[],
        &[("traceparent", PARENT), ("traceparent", "00-12345678901234567890123456789011-1234567890123456-01")],
        &[("trace-parent", PARENT)],
        &[("trace.parent", PARENT)],
        &[("tracestate", "foo=1,bar=2")],
    ];
    for headers in begin {
        let (trace, _, state) = suite.call(headers).await;
        assert!(!trace.starts_with("1234567890123456789012345678901") && state.is_empty(), "{headers:?}");
    }
    for parent in [
        "00-12345678901234567890123456789012-1234567890123456-01.",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
        "ff-12345678901234567890123456789012-1234567890123456-01",
        ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "00-12345678901234567890123456789012-.234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345.-01",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-.0",
        "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-1",
    ] {
        let (trace, _, state) = suite.call(&[("traceparent", parent), ("tracestate", "foo=1")]).await;
        assert!(!trace.contains("2345678901234567890123456789") && state.is_empty(), "{parent}");
    }
    suite.stop().await;
}

#[tokio::test]
async fn a_valid_state_goes_on_and_an_invalid_one_is_dropped() {
    let suite = Suite::start().await;
    let members =
        |range: std::ops::RangeInclusive<u8>| range.map(|at| format!("bar{at:02}={at:02}")).collect::<Vec<_>>().join(",");
    let (long, full, more) = ("z".repeat(256), members(1..=20), (members(21..=32), members(21..=33)));
    let chars: String = (' '..='~').filter(|char| !matches!(char, ',' | '=')).collect();
    let all = format!("abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/={chars}");
    for (states, expected) in [
        (vec!["foo=1,bar=2"], "foo=1,bar=2"),
        (vec![""], ""),
        (vec!["foo=1", ""], "foo=1"),
        (vec!["", "foo=1"], "foo=1"),
        (vec!["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (vec!["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (vec!["\t foo=1 \t"], "foo=1"),
        (vec![&all], &all),
        (vec!["foo=1", &format!("{long}=1")], &format!("foo=1,{long}=1")),
        (vec![&full, &more.0], &format!("{full},{}", more.0)),
        (vec!["foo=1,foo=1"], ""),
        (vec!["foo=1", "foo=2"], ""),
        (vec!["foo =1"], ""),
        (vec!["FOO=1"], ""),
        (vec!["foo.bar=1"], ""),
        (vec!["@foo=1,bar=2"], ""),
        (vec!["foo=1", &format!("{long}z=1")], ""),
        (vec!["foo=bar=baz"], ""),
        (vec!["foo=,bar=3"], ""),
        (vec![&full, &more.1], ""),
    ] {
        let mut headers = vec![("traceparent", PARENT)];
        headers.extend(states.iter().map(|state| ("tracestate", *state)));
        let (trace, _, state) = suite.call(&headers).await;
        let members: Vec<_> =
            state.split(',').map(|member| member.trim_matches(['\t', ' '])).filter(|one| !one.is_empty()).collect();
        assert_eq!((&trace[..], &members.join(",")[..]), (TRACE, expected), "{states:?}");
    }
    suite.stop().await;
}

#[tokio::test]
async fn every_call_has_a_parent_of_its_own_which_is_its_span() {
    let suite = Suite::start().await;
    for headers in
        [&[("traceparent", PARENT)][..], &[], &[("traceparent", "00-00000000000000000000000000000000-1234567890123456-01")]]
    {
        let told = suite.calls(headers, 3).await;
        let (traces, parents): (HashSet<_>, HashSet<_>) = told.into_iter().map(|(trace, parent, _)| (trace, parent)).unzip();
        assert_eq!((traces.len(), parents.len()), (1, 3));
        let record = suite.seen.requests().pop().unwrap();
        let calls = record.spans().filter(|span| span.kind() == SpanKind::Client);
        assert_eq!(calls.map(|span| span.id().to_string()).collect::<HashSet<_>>(), parents);
    }
    suite.stop().await;
}

#[tokio::test]
async fn a_call_to_itself_is_a_child_of_its_call() {
    let suite = Suite::start().await;
    let own = format!("http://{}/test", suite.service.address);
    let body = json!([{ "url": own, "arguments": [suite.callback()] }, { "url": own, "arguments": null }, { "url": own }]);
    assert_eq!(suite.post(&[("traceparent", PARENT)], body.to_string()).await.status, 200);
    let records = suite.stop().await;
    let outer = records.iter().find(|record| record.parent_span_id().unwrap().to_string() == "1234567890123456").unwrap();
    let calls: Vec<_> = outer.spans().filter(|span| span.kind() == SpanKind::Client).map(|span| Some(span.id())).collect();
    let inner: Vec<_> = records.iter().filter(|record| record.span_id() != outer.span_id()).collect();
    assert_eq!(inner.iter().map(|record| record.parent_span_id()).collect::<Vec<_>>(), calls);
    assert!(inner.iter().all(|record| record.trace_id() == outer.trace_id() && record.request_id() == outer.request_id()));
}

#[tokio::test]
async fn what_cannot_be_done_is_said_clearly() {
    let suite = Suite::start().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let missing = format!("http://{}/nothing", suite.service.address);
    for (body, status, text) in [
        ("[{\"url\":".to_owned(), 400, "the body is no JSON array".to_owned()),
        ("{}".to_owned(), 400, "the body is no JSON array".to_owned()),
        (String::new(), 400, "the body is no JSON array".to_owned()),
        ("[{\"url\": \"no url\"}]".to_owned(), 400, "\"no url\" is not a URL".to_owned()),
        (format!("[{{\"url\": \"http://{nobody}/\"}}]"), 502, format!("cannot post to http://{nobody}/")),
        (format!("[{{\"url\": \"{missing}\"}}]"), 502, format!("{missing} answered 404")),
    ] {
        let answer = suite.post(&[], body.clone()).await;
        let told = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(answer.status == status && told.starts_with(&text), "{body}: {} {told}", answer.status);
    }
    suite.stop().await;
}

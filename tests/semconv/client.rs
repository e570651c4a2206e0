//! HTTP client spans.

use bytes::Bytes;
use campanile::{ResendCount, UrlTemplate};
use http::Request;
use http_body_util::Full;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::rule::Expect::Lacks;
use crate::rule::{Play, Rule, get, hex, int, name, outgoing, rule, text, that};
use crate::sink::attributes;

/// A request to the upstream.
pub(crate) fn to(upstream: &str, path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://{upstream}{path}")).body(Full::default()).unwrap()
}

/// Its span, and nothing else.
pub(crate) fn asking(path: &'static str) -> Play {
    outgoing(move |upstream| to(upstream, path))
}

fn made(change: impl Fn(&mut Request<Full<Bytes>>) + 'static) -> Play {
    outgoing(move |upstream| {
        let mut request = to(upstream, "/orders/7");
        change(&mut request);
        request
    })
}

fn extend(request: &mut Request<Full<Bytes>>, extension: impl Clone + Send + Sync + 'static) {
    request.extensions_mut().insert(extension);
}

pub(crate) fn rules() -> Vec<Rule> {
    vec![
        rule("the name is the method", asking("/orders/7"), [name("GET"), text("http.request.method", "GET")]),
        rule(
            "the name is method and template, where that is known",
            made(|request| extend(request, UrlTemplate("/orders/{id}"))),
            [name("GET /orders/{id}"), text("url.template", "/orders/{id}")],
        ),
        rule(
            "a method that nobody knows is _OTHER, and HTTP in the name",
            made(|request| *request.method_mut() = "BREW".parse().unwrap()),
            [name("HTTP"), text("http.request.method", "_OTHER"), text("http.request.method_original", "BREW")],
        ),
        rule(
            "server and port are those of the URL",
            asking("/orders/7"),
            [that(|told| {
                let (address, port) = told.upstream.split_once(':').unwrap();
                let attributes = told.attributes();
                assert_eq!(attributes["server.address"], format!("string:{address}"));
                assert_eq!(attributes["server.port"], format!("int:{port}"));
            })],
        ),
        rule(
            "the URL is absolute, and its secrets are redacted",
            asking("/orders/7?q=a&sig=canary"),
            [that(|told| {
                assert_eq!(told.attributes()["url.full"], format!("string:http://{}/orders/7?q=a&sig=REDACTED", told.upstream));
            })],
        ),
        rule(
            "the URL has no credentials",
            outgoing(|upstream| to(&format!("user:canary@{upstream}"), "/orders/7")),
            [that(|told| {
                let full = &told.attributes()["url.full"];
                assert_eq!(*full, format!("string:http://REDACTED:REDACTED@{}/orders/7", told.upstream));
            })],
        ),
        rule("the status is that of the response", asking("/status/204"), [int("http.response.status_code", 204)]),
        rule("without a response there is no status", Play::OutgoingNobody, [Lacks("http.response.status_code")]),
        rule("the version is that of the response", asking("/orders/7"), [text("network.protocol.version", "1.1")]),
        rule("what is sent first is no resend", asking("/orders/7"), [Lacks("http.request.resend_count")]),
        rule(
            "a first attempt that is counted is no resend either",
            made(|request| extend(request, ResendCount(0))),
            [Lacks("http.request.resend_count")],
        ),
        rule("a resend is counted", made(|request| extend(request, ResendCount(2))), [int("http.request.resend_count", 2)]),
        rule(
            "what is opt-in is not said",
            made(|request| drop(request.headers_mut().insert("user-agent", "curl/8.5".parse().unwrap()))),
            [Lacks("url.scheme"), Lacks("url.template"), Lacks("user_agent.original"), Lacks("network.transport")],
        ),
        rule(
            "each attempt is a span of its own, below the request that it is made for",
            get("/retry", ""),
            [that(|told| {
                let spans = told.of_kind(SpanKind::Client);
                let statuses: Vec<_> =
                    spans.iter().map(|span| attributes(&span.attributes)["http.response.status_code"].clone()).collect();
                assert_eq!(statuses, ["int:503", "int:200"]);
                assert_ne!(spans[0].span_id, spans[1].span_id);
                for span in spans {
                    assert_eq!((&span.parent_span_id, &span.trace_id), (&told.span().span_id, &told.span().trace_id));
                }
            })],
        ),
        rule(
            "headers are injected inside the span",
            asking("/orders/7"),
            [that(|told| {
                let (trace, span) = (hex(&told.span().trace_id), hex(&told.span().span_id));
                let sent = told.sent("traceparent").unwrap();
                assert!(sent.starts_with(&format!("00-{trace}-{span}-")), "{sent}: {:#?}", told.span());
            })],
        ),
    ]
}

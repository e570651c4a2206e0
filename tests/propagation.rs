//! Context comes in and goes out over real connections, and only what may be believed is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use campanile::exporter::Schema;
use campanile::record::{Record, RequestIdSource, Resource, SpanId, TraceId};
use campanile::{Builder, Env, Propagator, TraceResponse, TrustIds};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use support::{BoxBody, BoxError, Observed, Protocol, full, raw, request, send, serve};
use tower::{ServiceBuilder, ServiceExt as _};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const TRACEPARENT: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

/// What one request left behind.
struct Seen {
    /// The head of the answer, with its status line.
    head: String,
    /// `None` where the server refused the message before it came to the layer.
    record: Option<Record>,
    /// Headers of the request that the handler made, as another server got them.
    sent: Option<HeaderMap>,
    ids_refused: u64,
}

impl Seen {
    #[track_caller]
    fn record(&self) -> &Record {
        self.record.as_ref().unwrap_or_else(|| panic!("the request came to the layer: {}", self.head))
    }

    fn sent(&self, name: &str) -> Option<&str> {
        self.sent.as_ref().unwrap().get(name).map(|value| value.to_str().unwrap())
    }

    fn answered(&self, name: &str) -> Vec<&str> {
        let values = self.head.lines().filter_map(|line| line.split_once(": ").filter(|(own, _)| *own == name));
        values.map(|(_, value)| value).collect()
    }
}

/// A server behind our layer that asks another server on behalf of each request; one request to it, byte for byte.
async fn ask_raw(change: impl FnOnce(Builder) -> Builder, headers: &[u8]) -> Seen {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&arrived);
    let back = Arc::new(
        serve(tower::service_fn(move |request: Request<_>| {
            keep.lock().unwrap().push(request.headers().clone());
            async { Ok::<Response<BoxBody>, BoxError>(Response::new(full("back"))) }
        }))
        .await,
    );
    let observed = Observed::with(change);
    let front = serve(ServiceBuilder::new().layer(observed.layer()).service_fn(move |_: Request<_>| {
        let back = Arc::clone(&back);
        async move {
            let mut outgoing = request("GET", "/next");
            campanile::current().unwrap().inject(outgoing.headers_mut());
            send(&back, Protocol::Http1, outgoing).await?;
            let answer = Response::builder().header("server-timing", "db;dur=53");
            Ok::<Response<BoxBody>, BoxError>(answer.body(full("front")).unwrap())
        }
    }))
    .await;
    let message = [b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", headers, b"\r\n"].concat();
    let answer = raw(&front, message).await;
    front.stop().await;
    let mut records = observed.requests();
    assert!(records.len() <= 1, "one record of one request: {records:?}");
    let mut arrived = arrived.lock().unwrap();
    assert_eq!(arrived.len(), records.len());
    let head = String::from_utf8_lossy(&answer).split("\r\n\r\n").next().unwrap().to_owned();
    assert!(head.starts_with(if records.is_empty() { "HTTP/1.1 4" } else { "HTTP/1.1 200" }), "{head}");
    let ids_refused = observed.telemetry.stats().inbound_ids_refused;
    Seen { head, record: records.pop(), sent: arrived.pop(), ids_refused }
}

async fn ask(change: impl FnOnce(Builder) -> Builder, headers: &[(&str, &str)]) -> Seen {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    ask_raw(change, lines.as_bytes()).await
}

/// The record in every form that is a line of text.
fn lines(record: &Record) -> String {
    let mut out = String::new();
    for schema in Schema::ALL {
        schema.write_line(&mut out, record, &Resource::default());
    }
    assert_eq!(out.lines().count(), Schema::ALL.len(), "one line each: {out}");
    out
}

struct Convention {
    propagator: Propagator,
    inbound: &'static [(&'static str, &'static str)],
    trace: &'static str,
    parent: Option<&'static str>,
    is_sampled: Option<bool>,
    /// What goes out, with the handler's span in hexadecimal or decimal in the place of `{span}` or `{number}`.
    outbound: &'static [(&'static str, &'static str)],
}

const CONVENTIONS: &[Convention] = &[
    Convention {
        propagator: Propagator::TraceContext,
        inbound: &[TRACEPARENT, ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")],
        trace: TRACE,
        parent: Some(PARENT),
        is_sampled: Some(true),
        outbound: &[
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-{span}-01"),
            ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ],
    },
    Convention {
        propagator: Propagator::B3,
        inbound: &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0-05e3ac9a4f6e3b90")],
        trace: "80f198ee56343ba864fe8b2a57d3eff7",
        parent: Some("e457b5a2e4d86bd1"),
        is_sampled: Some(false),
        outbound: &[("b3", "80f198ee56343ba864fe8b2a57d3eff7-{span}-0")],
    },
    Convention {
        propagator: Propagator::B3Multi,
        inbound: &[("X-B3-TraceId", "64fe8b2a57d3eff7"), ("X-B3-SpanId", "e457b5a2e4d86bd1"), ("X-B3-Flags", "1")],
        trace: "000000000000000064fe8b2a57d3eff7",
        parent: Some("e457b5a2e4d86bd1"),
        is_sampled: Some(true),
        outbound: &[("x-b3-traceid", "000000000000000064fe8b2a57d3eff7"), ("x-b3-spanid", "{span}"), ("x-b3-sampled", "1")],
    },
    Convention {
        propagator: Propagator::Jaeger,
        inbound: &[("uber-trace-id", "64fe8b2a57d3eff7%3Aabc%3A0%3A1")],
        trace: "000000000000000064fe8b2a57d3eff7",
        parent: Some("0000000000000abc"),
        is_sampled: Some(true),
        outbound: &[("uber-trace-id", "000000000000000064fe8b2a57d3eff7:{span}:0:1")],
    },
    Convention {
        propagator: Propagator::XRay,
        inbound: &[("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0")],
        trace: "5759e988bd862e3fe1be46a994272793",
        parent: Some("53995c3f42cd8ad8"),
        is_sampled: Some(false),
        outbound: &[("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent={span};Sampled=0")],
    },
    Convention {
        // A load balancer.
        propagator: Propagator::XRay,
        inbound: &[("X-Amzn-Trace-Id", "Self=1-67891234-12456789abcdef012345678a;Root=1-67891233-abcdef012345678912345678")],
        trace: "67891233abcdef012345678912345678",
        parent: None,
        is_sampled: None,
        outbound: &[("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678;Parent={span};Sampled=1")],
    },
    Convention {
        propagator: Propagator::Datadog,
        inbound: &[
            ("x-datadog-trace-id", "1234567890123456789"),
            ("x-datadog-parent-id", "9876543210987654321"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000"),
        ],
        trace: "640cfd8d00000000112210f47de98115",
        parent: Some("891087b8e3b70cb1"),
        is_sampled: Some(true),
        outbound: &[
            ("x-datadog-trace-id", "1234567890123456789"),
            ("x-datadog-parent-id", "{number}"),
            ("x-datadog-sampling-priority", "1"),
            ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000"),
        ],
    },
    Convention {
        propagator: Propagator::Sentry,
        inbound: &[("sentry-trace", "bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285")],
        trace: "bc6d53f15eb88f4320054569b8c553d4",
        parent: Some("b72fa28504b07285"),
        is_sampled: None,
        outbound: &[("sentry-trace", "bc6d53f15eb88f4320054569b8c553d4-{span}-1")],
    },
    Convention {
        propagator: Propagator::Google,
        inbound: &[("X-Cloud-Trace-Context", "105445aa7843bc8bf206b12000100000/2;o=0")],
        trace: "105445aa7843bc8bf206b12000100000",
        parent: Some("0000000000000002"),
        is_sampled: Some(false),
        outbound: &[("x-cloud-trace-context", "105445aa7843bc8bf206b12000100000/{number};o=0")],
    },
];

#[tokio::test]
async fn every_convention_continues_the_callers_trace_and_passes_it_on() {
    for Convention { propagator, inbound, trace, parent, is_sampled, outbound } in CONVENTIONS {
        let seen = ask(|builder| builder.propagators([*propagator]), inbound).await;
        let record = seen.record();
        assert_eq!(record.trace_id(), TraceId::parse(trace), "{propagator:?}");
        assert_eq!(record.parent_span_id(), parent.and_then(SpanId::parse), "{propagator:?}");
        assert_eq!(record.parent_is_remote(), parent.is_some(), "{propagator:?}");
        assert_eq!(record.trace_flags().is_sampled(), is_sampled.unwrap_or(true), "{propagator:?}");
        let number = u64::from_be_bytes(record.span_id().0).to_string();
        for (name, value) in *outbound {
            let value = value.replace("{span}", &record.span_id().to_string()).replace("{number}", &number);
            assert_eq!(seen.sent(name), Some(&*value), "{propagator:?}");
        }
        assert_eq!(seen.sent.unwrap().len(), outbound.len(), "{propagator:?}: nothing else is sent");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_the_decision_to_us_gets_ours() {
    for Convention { propagator, inbound, trace, is_sampled, .. } in CONVENTIONS {
        let seen = ask(|builder| builder.propagators([*propagator]).sample_ratio(0.0), inbound).await;
        assert_eq!(seen.record().trace_id(), TraceId::parse(trace));
        assert_eq!(seen.record().trace_flags().is_sampled(), is_sampled.unwrap_or(false), "{propagator:?}");
    }
}

#[tokio::test]
async fn the_first_convention_that_is_valid_counts_and_all_are_written() {
    let b3 = ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
    for (list, inbound, trace) in [
        ("tracecontext,b3", vec![TRACEPARENT, b3], TRACE),
        ("b3,tracecontext", vec![TRACEPARENT, b3], "80f198ee56343ba864fe8b2a57d3eff7"),
        ("b3,tracecontext", vec![TRACEPARENT, ("b3", "nonsense")], TRACE),
    ] {
        let env = Env::from_iter([("OTEL_PROPAGATORS", list), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")]);
        let seen = ask(|builder| builder.env(env), &inbound).await;
        assert_eq!(seen.record().trace_id(), TraceId::parse(trace), "{list}");
        let span = seen.record().span_id();
        assert_eq!(seen.sent("traceparent"), Some(&*format!("00-{trace}-{span}-01")));
        assert_eq!(seen.sent("b3"), Some(&*format!("{trace}-{span}-1")));
    }
    let seen = ask(|builder| builder.propagators([]), &[TRACEPARENT, b3]).await;
    assert_eq!((seen.sent("traceparent"), seen.record().parent_span_id()), (None, None));
}

#[tokio::test]
async fn every_traceparent_of_the_catalogue_is_taken_or_begins_a_trace() {
    let zeros = "0".repeat(60_000);
    let taken = [
        ("TP-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "01"),
        ("TP-09", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-holds", "01"),
        ("TP-17", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", "03"),
        ("TP-17", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", "03"),
        ("TP-17", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02", "02"),
        ("TP-22", " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ", "01"),
    ];
    for (case, value, flags) in taken {
        let seen = ask(|builder| builder, &[("traceparent", value), ("tracestate", "a=1")]).await;
        let record = seen.record();
        assert_eq!((record.trace_id(), record.parent_span_id()), (TraceId::parse(TRACE), SpanId::parse(PARENT)), "{case}");
        assert!(record.span_id().is_valid() && Some(record.span_id()) != record.parent_span_id(), "{case}: a span of its own");
        assert_eq!(seen.sent("traceparent"), Some(&*format!("00-{TRACE}-{}-{flags}", record.span_id())), "{case}");
        assert_eq!(seen.sent("tracestate"), Some("a=1"), "{case}");
    }
    let not_taken: [(&str, &[u8]); 12] = [
        ("TP-02", b""),
        ("TP-04", b"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        ("TP-05", b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TP-06", b"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        ("TP-08", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01."),
        ("TP-10", b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.suffix"),
        ("TP-12", b"000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TP-13", b"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01"),
        ("TP-14", b"00-0af7651916cd43dd8448eb211c80319cc-b7ad6b7169203331-01"),
        ("TP-16", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"),
        ("TP-20", zeros.as_bytes()),
        ("TP-21 without its NUL", b"00-\xff\xfe"),
    ];
    for (case, value) in not_taken {
        let seen = ask_raw(|builder| builder, &[b"traceparent: ", value, b"\r\ntracestate: a=1\r\n"].concat()).await;
        begins(&seen, case);
    }
    let other = ("traceparent", "00-0af7651916cd43dd8448eb211c80329c-b7ad6b7169203331-01");
    begins(&ask(|builder| builder, &[TRACEPARENT, other, ("tracestate", "a=1")]).await, "TP-18");
    let refused = ask_raw(|builder| builder, b"traceparent: 00-\xff\x00\xfe\r\n").await;
    assert!(refused.record.is_none(), "TP-21: the server refuses a NUL");
}

/// A new trace, of which this request is the root.
#[track_caller]
fn begins(seen: &Seen, case: &str) {
    let record = seen.record();
    let trace = record.trace_id().unwrap();
    assert!(trace != TraceId::parse(TRACE).unwrap() && !trace.to_string().contains("c80329c"), "{case}");
    assert_eq!((record.parent_span_id(), record.parent_is_remote(), record.trace_state()), (None, false, ""), "{case}");
    assert_eq!(record.trace_flags().0, 3, "{case}: sampled, and all of the id is random");
    assert_eq!(seen.sent("traceparent"), Some(&*format!("00-{trace}-{}-03", record.span_id())), "{case}");
    assert_eq!(seen.sent("tracestate"), None, "{case}");
}

#[tokio::test]
async fn every_tracestate_of_the_catalogue_is_passed_on_or_dropped_alone() {
    let members = (1..=33).map(|n| format!("bar{n}={n}")).collect::<Vec<_>>().join(",");
    let flood = "a=1,".repeat(15_000);
    for (case, state, expected) in [
        ("TS-01", "foo=1,foo=2", None),
        ("TS-02", &members, None),
        ("TS-04", "FOO=1", None),
        ("TS-05", "foo=a=b", None),
        ("TS-06", "foo=,bar=3", None),
        ("TS-08", "foo=1 \t , \t bar=2", Some("foo=1 \t , \t bar=2")),
        ("TS-09", &flood, None),
    ] {
        let seen = ask(|builder| builder, &[TRACEPARENT, ("tracestate", state)]).await;
        assert_eq!(seen.record().trace_id(), TraceId::parse(TRACE), "{case}: the trace is kept");
        assert_eq!(seen.record().trace_state(), expected.unwrap_or_default(), "{case}");
        assert_eq!(seen.sent("tracestate"), expected, "{case}");
    }
}

#[tokio::test]
async fn baggage_is_passed_on_within_its_limits_and_recorded_nowhere() {
    let members: Vec<_> = (1..=200).map(|n| format!("k{n}=v{n}")).collect();
    let (many, first) = (members.join(","), members[..64].join(","));
    let long = format!("k={}", "v".repeat(8200));
    for (case, baggage, expected) in [
        ("a member", "tenant=acme;p=1, user=42", Some("tenant=acme;p=1,user=42")),
        ("TS-10", &*long, None),
        ("TS-12", &many, Some(&*first)),
        ("TS-13", "user=%0d%0aX-Admin:%20true", Some("user=%0d%0aX-Admin:%20true")),
        ("what is no member", "a=1,b,c d=2,e=é", Some("a=1")),
    ] {
        let seen = ask(|builder| builder, &[("baggage", baggage)]).await;
        assert_eq!(seen.sent("baggage"), expected, "{case}");
        assert_eq!(seen.sent("x-admin"), None, "{case}");
        assert_eq!(seen.record().attributes().count(), 0, "{case}");
        let lines = lines(seen.record());
        assert!(!lines.contains("acme") && !lines.contains("X-Admin"), "{case}: {lines}");
    }
    let seen = ask(|builder| builder.propagators([Propagator::TraceContext]), &[("baggage", "a=1")]).await;
    assert_eq!(seen.sent("baggage"), None, "it is no propagator of the settings");
}

#[tokio::test]
async fn baggage_that_is_asked_for_is_an_attribute_like_any_other() {
    let seen = ask(
        |builder| builder.record_baggage(["tenant", "user", "token", "absent"]),
        &[("baggage", "tenant=Am%C3%A9lie,user=%0d%0aX-Admin:%20true,token=canary-1,other=1")],
    )
    .await;
    let attributes: Vec<_> =
        seen.record().attributes().map(|field| (field.name().to_owned(), field.value().to_string())).collect();
    let expected = [("baggage.tenant", "Amélie"), ("baggage.user", "\r\nX-Admin: true"), ("baggage.token", "REDACTED")];
    assert_eq!(attributes, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let lines = lines(seen.record());
    assert!(lines.contains("\\r\\nX-Admin") && !lines.contains('\r') && !lines.contains("canary"), "TS-13: {lines}");
    assert_eq!(seen.sent("baggage"), Some("tenant=Am%C3%A9lie,user=%0d%0aX-Admin:%20true,token=canary-1,other=1"));
}

/// One request without a connection; what the handler does with it is up to the test.
fn in_process(seen: &Observed, request: Request<http_body_util::Full<bytes::Bytes>>, handler: fn()) -> Response<()> {
    let layer = seen.layer().peer(|extensions| extensions.get::<SocketAddr>().copied());
    let service = ServiceBuilder::new().layer(layer).service_fn(move |_: Request<_>| {
        handler();
        async { Ok::<Response<BoxBody>, BoxError>(Response::new(full(""))) }
    });
    service.oneshot(request).now_or_never().unwrap().unwrap().map(drop)
}

#[test]
fn a_handler_reads_baggage_decoded() {
    let seen = Observed::new();
    let mut incoming = request("GET", "/");
    incoming.headers_mut().insert("baggage", HeaderValue::from_static("userId=Am%C3%A9lie,n=1"));
    in_process(&seen, incoming, || {
        let request = campanile::current().unwrap();
        let read = ["userId", "n", "userid"].map(|key| request.baggage(key));
        assert_eq!(read, [Some("Amélie".to_owned()), Some("1".to_owned()), None]);
    });
    assert!(!seen.only().is_failed(), "the handler saw what it should");
}

#[tokio::test]
async fn an_edge_that_restarts_traces_only_refers_to_the_callers() {
    let headers = [TRACEPARENT, ("tracestate", "a=1"), ("baggage", "k=v")];
    let seen = ask(|builder| builder.restart_traces(true), &headers).await;
    begins(&seen, "restarted");
    let (trace, span, flags) = seen.record().linked_span().unwrap();
    assert_eq!((Some(trace), Some(span), flags.0), (TraceId::parse(TRACE), SpanId::parse(PARENT), 1));
    assert_eq!(seen.sent("baggage"), Some("k=v"), "baggage has a setting of its own");
    let lines = lines(seen.record());
    assert!(lines.contains(&format!("\"campanile.link.trace_id\":\"{TRACE}\"")), "{lines}");
    assert!(lines.contains(&format!("link_span_id={PARENT}")), "{lines}");

    let seen = ask(|builder| builder.restart_traces(true).sample_ratio(0.0), &headers).await;
    assert!(!seen.record().trace_flags().is_sampled(), "the decision is our own");
    let seen = ask(|builder| builder.restart_traces(true), &[]).await;
    assert_eq!(seen.record().linked_span(), None);
    let env = Env::from_iter([("CAMPANILE_RESTART_TRACES", "true"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")]);
    begins(&ask(|builder| builder.env(env), &headers).await, "by the environment");
}

#[tokio::test]
async fn request_ids_of_the_catalogue_are_kept_or_replaced() {
    let uuid = "7b1c3d2e-9f2a-4c51-8f6e-0d3f2a1b4c5d";
    for (case, id) in [("RI-01", uuid), ("RI-14", "Root=1-67891233-abcdef012345678912345678")] {
        let seen = ask(|builder| builder.trust_inbound_ids(TrustIds::Always), &[("x-request-id", id)]).await;
        assert_eq!((seen.record().request_id(), seen.answered("x-request-id")), (id, vec![id]), "{case}");
        assert_eq!(seen.record().request_id_source(), RequestIdSource::Inbound, "{case}");
        assert_eq!((seen.record().inbound_request_id(), seen.ids_refused), (None, 0), "{case}");
    }
    let (longer, huge) = ("a".repeat(129), "a".repeat(65_000));
    let cut = "a".repeat(128);
    for (case, trust, id, shown) in [
        ("RI-02", TrustIds::Never, uuid, uuid),
        ("RI-04", TrustIds::Always, &longer, &*cut),
        ("RI-05", TrustIds::Always, &huge, &cut),
        ("RI-06", TrustIds::Always, "abc\tdef", "abc?def"),
        ("RI-08", TrustIds::Always, "<script>alert(1)</script>", "?script?alert?1??/script?"),
        ("RI-09", TrustIds::Always, "=HYPERLINK(\"http://x.invalid\")", "?HYPERLINK??http://x.invalid??"),
        ("RI-10", TrustIds::Always, "../../etc/cron.d/x", "?./../etc/cron.d/x"),
        ("RI-12", TrustIds::Always, "a' OR '1'='1", "a??OR??1?=?1"),
        ("RI-13", TrustIds::Always, "id-1\r\nx-request-id: id-2", "id-1?id-2"),
    ] {
        let seen = ask(|builder| builder.trust_inbound_ids(trust), &[("x-request-id", id)]).await;
        let record = seen.record();
        assert_eq!(record.request_id_source(), RequestIdSource::Generated, "{case}");
        assert_eq!(seen.answered("x-request-id"), [record.request_id()], "{case}: the new one is told");
        assert!(!seen.head.contains(id), "{case}: it is not echoed: {}", seen.head);
        assert_eq!((record.inbound_request_id(), seen.ids_refused), (Some(shown), 1), "{case}");
        let lines = lines(record);
        assert!(lines.contains("campanile.request.id.inbound") && lines.contains("inbound_request_id="), "{case}: {lines}");
        assert!(case == "RI-02" || !lines.contains(id), "{case}: it stands nowhere as it is: {lines}");
        assert!(record.request_headers().all(|header| header.value().is_none_or(|value| value.len() <= 128)), "{case}");
    }
}

#[tokio::test]
async fn a_private_peer_is_believed_over_a_real_connection() {
    let seen = ask(|builder| builder.trust_inbound_ids(TrustIds::Private), &[("x-request-id", "from-loopback")]).await;
    assert_eq!(seen.record().request_id(), "from-loopback");
    let env =
        Env::from_iter([("CAMPANILE_TRUST_INBOUND_IDS", "never"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")]);
    let seen = ask(|builder| builder.env(env), &[("x-request-id", "from-loopback")]).await;
    assert_eq!(seen.record().inbound_request_id(), Some("from-loopback"));
}

#[test]
fn a_public_or_unknown_peer_is_not_private() {
    for (peer, is_believed) in
        [(None, false), (Some("8.8.8.8:1"), false), (Some("[2001:db8::1]:1"), false), (Some("10.0.0.1:1"), true)]
    {
        let seen = Observed::with(|builder| builder.trust_inbound_ids(TrustIds::Private));
        let mut incoming = request("GET", "/");
        incoming.headers_mut().insert("x-request-id", HeaderValue::from_static("an-id"));
        if let Some(peer) = peer {
            incoming.extensions_mut().insert(peer.parse::<SocketAddr>().unwrap());
        }
        let answer = in_process(&seen, incoming, || ());
        let record = seen.only();
        assert_eq!(record.request_id() == "an-id", is_believed, "{peer:?}");
        assert_eq!(answer.headers()["x-request-id"], record.request_id());
        assert_eq!(record.inbound_request_id(), (!is_believed).then_some("an-id"), "{peer:?}");
        assert_eq!(seen.telemetry.stats().inbound_ids_refused, u64::from(!is_believed), "{peer:?}");
    }
}

#[tokio::test]
async fn an_answer_tells_the_trace_where_it_is_asked_to() {
    for (how, header, timing) in [
        (TraceResponse::Off, false, false),
        (TraceResponse::Header, true, false),
        (TraceResponse::ServerTiming, false, true),
        (TraceResponse::Both, true, true),
    ] {
        let seen = ask(|builder| builder.trace_response(how), &[TRACEPARENT]).await;
        let own = format!("00-{TRACE}-{}-01", seen.record().span_id());
        assert_eq!(seen.answered("traceresponse") == [&*own], header, "{how:?}");
        assert_eq!(seen.answered("traceresponse").len(), usize::from(header), "{how:?}");
        let entry = format!("trace;desc={own}");
        let expected: Vec<&str> = ["db;dur=53"].into_iter().chain(timing.then_some(&*entry)).collect();
        assert_eq!(seen.answered("server-timing"), expected, "{how:?}: the service's own stays");
    }
}

#[tokio::test]
async fn the_ray_id_of_cloudflare_is_an_attribute() {
    let seen = ask(|builder| builder, &[("cf-ray", "230b030023ae2822-SJC")]).await;
    assert_eq!(seen.record().attribute("cloudflare.ray_id").unwrap().to_string(), "230b030023ae2822-SJC");
    let seen = ask(|builder| builder, &[("cf-ray", "<b>-SJC")]).await;
    assert_eq!(seen.record().attribute("cloudflare.ray_id"), None);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn with_axum_the_peer_is_known_and_context_goes_through() {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let seen = Observed::with(|builder| {
        builder.trust_inbound_ids(TrustIds::Private).propagators([Propagator::B3Multi, Propagator::Baggage])
    });
    let outgoing = || async {
        let mut headers = HeaderMap::new();
        campanile::current().unwrap().inject(&mut headers);
        headers
    };
    let app = axum::Router::new().route("/orders/{id}", get(outgoing)).layer(seen.layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
    let server = tokio::spawn(server.with_graceful_shutdown(async { drop(stopped.await) }).into_future());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let message = "GET /orders/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: from-loopback\r\nbaggage: a=1\r\n\
                   x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7\r\nx-b3-spanid: e457b5a2e4d86bd1\r\nx-b3-sampled: 1\r\n\r\n";
    stream.write_all(message.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    drop(stop);
    server.await.unwrap().unwrap();

    let record = seen.only_request();
    assert_eq!((record.request_id(), record.route()), ("from-loopback", Some("/orders/{id}")));
    assert_eq!(record.parent_span_id(), SpanId::parse("e457b5a2e4d86bd1"));
    for line in [
        "x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7".to_owned(),
        format!("x-b3-spanid: {}", record.span_id()),
        "x-b3-sampled: 1".to_owned(),
        "baggage: a=1".to_owned(),
    ] {
        assert!(answer.contains(&format!("\r\n{line}\r\n")), "{line}: {answer}");
    }
}

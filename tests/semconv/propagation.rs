//! Trace context from the caller and to the upstream.

use campanile::TraceResponse;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::rule::{Expect, Rule, get, hex, rule, that};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const GOOD: &str = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The span is the caller's child, and the upstream is told of a child of its.
fn goes_on(flags: &'static str) -> Expect {
    that(move |told| {
        let span = told.span();
        assert_eq!((hex(&span.trace_id).as_str(), hex(&span.parent_span_id).as_str()), (TRACE, PARENT));
        assert_eq!(span.flags & 0x300, 0x300, "the parent is remote");
        let [client] = told.of_kind(SpanKind::Client)[..] else { panic!("{:#?}", told.arrived.spans) };
        assert_eq!(client.parent_span_id, span.span_id);
        assert_eq!(told.sent("traceparent"), Some(format!("00-{TRACE}-{}-{flags}", hex(&client.span_id)).as_str()));
        assert_eq!(format!("{:02x}", span.flags & 0xff), flags);
    })
}

/// A new trace begins, which the upstream is told of, and nothing of the caller's goes on.
fn restarts() -> Expect {
    that(|told| {
        let span = told.span();
        assert!(span.parent_span_id.is_empty() && hex(&span.trace_id) != TRACE, "{span:#?}");
        let sent = told.sent("traceparent").unwrap();
        assert!(sent.len() == 55 && sent.starts_with(&format!("00-{}-", hex(&span.trace_id))), "{sent}");
        assert!(sent.ends_with("-03"), "sampled, and the last seven bytes are random: {sent}");
        assert!(span.trace_state.is_empty() && told.sent("tracestate").is_none());
    })
}

/// What the span and the upstream are told beside the ids.
fn state(expected: impl Into<String>) -> Expect {
    let expected = expected.into();
    that(move |told| {
        assert_eq!(told.span().trace_state, expected);
        assert_eq!(told.sent("tracestate").unwrap_or_default(), expected);
    })
}

pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = vec![rule("without a caller's context a trace begins", get("/call", ""), [restarts()])];
    let parent = |rest: &str| format!("traceparent: {rest}\ntracestate: a=1");
    for (says, value, flags) in [
        ("a caller's context goes on", format!("00-{TRACE}-{PARENT}-01"), "01"),
        ("the random flag is kept as it came", format!("00-{TRACE}-{PARENT}-03"), "03"),
        ("other flags are sent as 0", format!("00-{TRACE}-{PARENT}-fd"), "01"),
        ("a later version goes on as version 00", format!("01-{TRACE}-{PARENT}-01"), "01"),
        ("a later version may be longer, after a dash", format!("cc-{TRACE}-{PARENT}-01-what-comes"), "01"),
        ("spaces and tabs around the value are trimmed", format!(" \t00-{TRACE}-{PARENT}-01\t "), "01"),
    ] {
        rules.push(rule(says, get("/call", &parent(&value)), [goes_on(flags), state("a=1")]));
    }
    for (says, value) in [
        ("several traceparents restart the trace", format!("00-{TRACE}-{PARENT}-01\n{GOOD}")),
        ("what cannot be read restarts the trace", "canary".to_owned()),
        ("an empty value restarts the trace", String::new()),
        ("version ff restarts the trace", format!("ff-{TRACE}-{PARENT}-01")),
        ("version 00 with more behind the flags restarts the trace", format!("00-{TRACE}-{PARENT}-01-more")),
        ("version 00 with a dash behind the flags restarts the trace", format!("00-{TRACE}-{PARENT}-01-")),
        ("a later version that goes on without a dash restarts the trace", format!("01-{TRACE}-{PARENT}-01.more")),
        ("a later version that is too short restarts the trace", format!("01-{TRACE}-{PARENT}-0")),
        ("a trace id of zeros restarts the trace", format!("00-{}-{PARENT}-01", "0".repeat(32))),
        ("a parent id of zeros restarts the trace", format!("00-{TRACE}-{}-01", "0".repeat(16))),
        ("upper case in the trace id restarts the trace", format!("00-{}-{PARENT}-01", TRACE.to_uppercase())),
        ("upper case in the parent id restarts the trace", format!("00-{TRACE}-{}-01", PARENT.to_uppercase())),
        ("upper case in the flags restarts the trace", format!("00-{TRACE}-{PARENT}-0B")),
        ("what is no hexadecimal restarts the trace", format!("00-{TRACE}-{}g-01", &PARENT[1..])),
        ("a version that is no hexadecimal restarts the trace", format!("0x-{TRACE}-{PARENT}-01")),
    ] {
        rules.push(rule(says, get("/call", &parent(&value)), [restarts()]));
    }
    rules.extend(states());
    rules.extend(others());
    rules
}

fn states() -> Vec<Rule> {
    let all: Vec<_> = (0..33).map(|number| format!("k{number}=v")).collect();
    let (full, longest) = (all[..32].join(","), format!("{}={}", "k".repeat(256), "v".repeat(256)));
    let mut rules = Vec::new();
    for (says, lines, expected) in [
        ("members go on unchanged, in their order", "tracestate: b=2,a=1".to_owned(), "b=2,a=1"),
        ("several headers are joined in order", "tracestate: b=2\ntracestate: a=1".to_owned(), "b=2,a=1"),
        ("keys may have their odd forms", "tracestate: foo@=1,a@@b=2,0_-*/=3".to_owned(), "foo@=1,a@@b=2,0_-*/=3"),
        ("32 members go on", format!("tracestate: {full}"), full.as_str()),
        ("the longest member goes on", format!("tracestate: {longest}"), longest.as_str()),
        ("more than 32 members are dropped", format!("tracestate: {}", all.join(",")), ""),
        ("a key that begins with an at sign is dropped", "tracestate: @foo=1".to_owned(), ""),
        ("a key in upper case is dropped", "tracestate: FOO=1".to_owned(), ""),
        ("a key with a dot is dropped", "tracestate: a.b=1".to_owned(), ""),
        ("a value with an equals sign is dropped", "tracestate: a=1=2".to_owned(), ""),
        ("a member without a value is dropped", "tracestate: a=1,b=".to_owned(), ""),
        ("a key that is too long is dropped", format!("tracestate: {}=v", "k".repeat(257)), ""),
        ("a value that is too long is dropped", format!("tracestate: k={}", "v".repeat(257)), ""),
    ] {
        rules.push(rule(says, get("/call", &format!("{GOOD}\n{lines}")), [goes_on("01"), state(expected)]));
    }
    rules.push(rule(
        "empty members and white space are allowed",
        get("/call", &format!("{GOOD}\ntracestate: b=2 ,,\t a=1")),
        [
            goes_on("01"),
            that(|told| {
                let members: Vec<_> =
                    told.sent("tracestate").unwrap().split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
                assert_eq!(members, ["b=2", "a=1"]);
            }),
        ],
    ));
    rules.push(rule("a tracestate alone is dropped", get("/call", "tracestate: a=1"), [restarts()]));
    rules
}

fn others() -> Vec<Rule> {
    vec![
        rule(
            "each outgoing request has a parent id of its own",
            get("/retry", GOOD),
            [that(|told| {
                let sent: Vec<_> = told.asked.iter().map(|head| head["traceparent"].to_str().unwrap()).collect();
                assert!(sent.len() == 2 && sent[0] != sent[1] && sent.iter().all(|one| one.contains(TRACE)), "{sent:?}");
            })],
        ),
        rule(
            "what the caller does not sample is not sampled, and goes on as such",
            get("/call", &format!("traceparent: 00-{TRACE}-{PARENT}-00\ntracestate: a=1")),
            [that(|told| {
                assert!(told.arrived.spans.is_empty(), "{:#?}", told.arrived.spans);
                let sent = told.sent("traceparent").unwrap();
                assert!(sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-00") && !sent.contains(PARENT), "{sent}");
                assert_eq!(told.sent("tracestate"), Some("a=1"));
            })],
        ),
        rule("an edge that restarts traces believes none", get("/call", GOOD), [restarts_linked()])
            .with(|builder| builder.restart_traces(true)),
        rule(
            "answers tell nothing of the trace unless asked",
            get("/call", GOOD),
            [that(|told| {
                let answer = told.answer.to_ascii_lowercase();
                assert!(!answer.contains("traceresponse") && !answer.contains("server-timing"), "{answer}");
            })],
        ),
        rule(
            "answers tell the trace where that is asked for",
            get("/call", GOOD),
            [that(|told| {
                let span = hex(&told.span().span_id);
                let answer = told.answer.to_ascii_lowercase();
                assert!(answer.contains(&format!("traceresponse: 00-{TRACE}-{span}-01")), "{answer}");
                assert!(answer.contains("server-timing: trace;desc="), "{answer}");
                assert!(answer.contains(&format!("00-{TRACE}-{span}-01")), "{answer}");
            })],
        )
        .with(|builder| builder.trace_response(TraceResponse::Both)),
        rule(
            "baggage goes on, and is not on spans",
            get("/call", &format!("{GOOD}\nbaggage: user=alice%20b;meta=1,shop=7")),
            [that(|told| {
                assert_eq!(told.sent("baggage"), Some("user=alice%20b;meta=1,shop=7"));
                assert!(!told.attributes().keys().any(|key| key.contains("baggage") || key == "user" || key == "shop"));
            })],
        ),
        rule(
            "8192 bytes and 64 members of baggage go on",
            get("/call", &format!("{GOOD}\nbaggage: {}", baggage())),
            [that(|told| assert_eq!(told.sent("baggage"), Some(baggage().as_str())))],
        ),
    ]
}

/// As much as has to be passed on.
fn baggage() -> String {
    let members: Vec<_> = (0..64).map(|number| format!("k{number:02}={}", "v".repeat(123))).collect();
    let list = members.join(",");
    assert_eq!(list.len(), 64 * 128 - 1);
    list
}

/// A new trace, which refers to the caller's span.
fn restarts_linked() -> Expect {
    that(|told| {
        let span = told.span();
        assert!(span.parent_span_id.is_empty() && hex(&span.trace_id) != TRACE);
        let [link] = &span.links[..] else { panic!("{span:#?}") };
        assert_eq!((hex(&link.trace_id).as_str(), hex(&link.span_id).as_str()), (TRACE, PARENT));
    })
}

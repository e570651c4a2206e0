//! Doors for the fuzzer, with what has to hold behind each; only in builds with `--cfg fuzzing`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a promise that is broken has to end the fuzzer"
)]

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::capture::{Form, Messages};
use crate::escape::{escape, is_hidden};
use crate::propagator::forwarded::{ForwardedBy, Proxies, TrustedProxies};
use crate::propagator::request_id::{RequestId, generate};
use crate::propagator::{Baggage, Outgoing, Propagator, Propagators};
use crate::query::Query;
use crate::record::{SpanId, TraceFlags};
pub use crate::redact::fuzzing::{Body, Left, body, cookies};
use crate::redact::{REDACTED, query as redact_query};
#[cfg(feature = "otlp")]
pub use crate::remote::otlp::fuzzing::{answer, otlp};

/// Headers from bytes: a line each, its first byte the name.
fn headers(data: &[u8], names: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Some((first, value)) = line.split_first() else { continue };
        let name = names[usize::from(*first) % names.len()];
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Every propagator, alone and with all others: what is read is valid, and what is written is read as the same again.
pub fn context(data: &[u8]) {
    const NAMES: [&str; 14] = [
        "traceparent",
        "tracestate",
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-sampled",
        "uber-trace-id",
        "x-amzn-trace-id",
        "x-datadog-trace-id",
        "x-datadog-parent-id",
        "x-datadog-tags",
        "sentry-trace",
        "x-cloud-trace-context",
        "x-datadog-sampling-priority",
    ];
    const ALL: [Propagator; 8] = [
        Propagator::TraceContext,
        Propagator::B3,
        Propagator::B3Multi,
        Propagator::Jaeger,
        Propagator::XRay,
        Propagator::Datadog,
        Propagator::Sentry,
        Propagator::Google,
    ];
    let headers = headers(data, &NAMES);
    for propagators in ALL.map(|one| Propagators::from_iter([one])).into_iter().chain([Propagators::from_iter(ALL)]) {
        let Some(read) = propagators.extract(&headers) else { continue };
        assert!(read.trace_id.is_valid());
        assert!(read.parent_id.is_none_or(SpanId::is_valid));
        let span_id = read.parent_id.unwrap_or(SpanId::parse("00f067aa0ba902b7").unwrap());
        let flags = read.flags.unwrap_or(TraceFlags::SAMPLED);
        let outgoing = Outgoing { trace_id: read.trace_id, span_id, flags, state: &read.state, baggage: "" };
        let mut written = HeaderMap::new();
        propagators.inject(&outgoing, &mut written);
        let again = propagators.extract(&written).expect("what was written can be read");
        assert_eq!((again.trace_id, again.state.as_ref()), (read.trace_id, read.state.as_ref()));
        assert!(again.parent_id.is_none_or(|again| again == span_id));
        assert!(again.flags.is_none_or(|again| again.is_sampled() == flags.is_sampled()));
    }
}

/// Baggage: never longer than what came in or than its bounds, and read again as it was.
pub fn baggage(data: &[u8]) {
    let headers = headers(data, &["baggage"]);
    let read = Baggage::read(&headers);
    let sent: usize = headers.values().map(|value| value.len() + 1).sum();
    assert!(read.as_str().len() <= sent.min(8192));
    assert!(read.as_str().split(',').count() <= 64);
    let again = HeaderMap::from_iter([(HeaderName::from_static("baggage"), HeaderValue::from_str(read.as_str()).unwrap())]);
    assert_eq!(Baggage::read(&again), read);
    for key in ["a", "key", "user.id"] {
        let _ = read.get(key);
    }
}

/// Request ids: 1 to 128 harmless bytes.
pub fn request_id(data: &[u8]) {
    let is_harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:/+=@-".contains(byte);
    let expected = data.first().is_some_and(u8::is_ascii_alphanumeric) && data.len() <= 128 && data.iter().all(is_harmless);
    assert_eq!(RequestId::parse(data).is_some(), expected);
    let time = data.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    assert!(RequestId::parse(generate(time).as_str().as_bytes()).is_some());
}

/// Headers of proxies: nothing is taken from a peer that is not trusted, and what is taken is harmless.
pub fn forwarded(data: &[u8]) {
    const NAMES: [&str; 6] =
        ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "cf-connecting-ip"];
    let headers = headers(data, &NAMES);
    let inside: SocketAddr = "10.0.0.1:443".parse().unwrap();
    let outside: SocketAddr = "203.0.113.9:443".parse().unwrap();
    let ways = [None, Some(ForwardedBy::Forwarded), Some(ForwardedBy::XForwarded), Some(ForwardedBy::CfConnectingIp)];
    for by in ways {
        let proxies = Proxies::new(TrustedProxies::private(), by).unwrap();
        assert_eq!(proxies.read(Some(outside), &headers), proxies.read(None, &HeaderMap::new()));
        let told = proxies.read(Some(inside), &headers);
        assert!(told.host.is_none_or(|host| !host.chars().any(is_hidden)));
        assert!(told.scheme.is_none_or(|scheme| matches!(scheme, "http" | "https")));
        assert!(told.client.is_none_or(|client| client == client.to_canonical()));
    }
}

/// Query strings: a secret's value is gone, every other key stays, and nothing is redacted twice.
pub fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for query in [text.clone().into_owned(), format!("{text}&token=a-canary-7f3a&x=1")] {
        let Some(out) = redact_query(&query) else {
            assert!(!query.contains("&token=a-canary-7f3a&"));
            continue;
        };
        assert!(!out.contains("&token=a-canary-7f3a&"), "{out}");
        assert_eq!(redact_query(&out), None, "{out}");
        // A key that looks like a secret is one.
        assert_eq!(keys(&out).len(), keys(&query).len());
        assert!(keys(&out).into_iter().zip(keys(&query)).all(|(key, was)| key == was || key.contains(REDACTED)), "{out}");
        assert!(out.contains(REDACTED));
    }
}

fn keys(query: &str) -> Vec<&str> {
    query.split(['&', ';']).map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key)).collect()
}

/// Texts for people: nothing hidden comes through, and what is not hidden stays.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let out = escape(&text).to_string();
    assert!(!out.chars().any(is_hidden), "{out:?}");
    if !text.chars().any(is_hidden) {
        assert_eq!(out, text);
    }
    assert!(text.chars().filter(|char| !is_hidden(*char)).all(|char| out.contains(char)));
}

/// Questions: an error points into the question, and whatever is understood is understood once more.
pub fn search(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Query::parse(&text) {
        Ok(query) => drop(Query::parse(&query.to_string()).expect("its own text is a query")),
        Err(error) => assert!(error.position() <= text.chars().count()),
    }
}

/// gRPC's messages: their number does not depend on where the stream is cut.
pub fn messages(data: &[u8]) {
    let Some((cut, data)) = data.split_first() else { return };
    for form in [Form::Plain, Form::Web] {
        let (Some(mut whole), Some(mut pieces)) = (Messages::new(form), Messages::new(form)) else { continue };
        whole.see(data);
        data.chunks(usize::from(*cut).max(1)).for_each(|piece| pieces.see(piece));
        assert_eq!((whole.count(), whole.status()), (pieces.count(), pieces.status()));
    }
}

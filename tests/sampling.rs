//! The head decision is on the record: the caller's where there is one, else our own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use campanile::Env;
use campanile::record::{Record, SpanId, TraceId};
use futures_util::FutureExt as _;
use http::{HeaderValue, Request, Response};
use support::{BoxBody, BoxError, Observed, full, request};
use tower::{ServiceBuilder, ServiceExt as _};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn ask(seen: &Observed, headers: &[(&'static str, &str)]) -> Record {
    let _ = seen.memory.take();
    let mut request = request("GET", "/");
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    let service = ServiceBuilder::new()
        .layer(seen.layer())
        .service_fn(|_: Request<_>| async { Ok::<Response<BoxBody>, BoxError>(Response::new(full(""))) });
    assert!(service.oneshot(request).now_or_never().unwrap().is_ok());
    seen.only()
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn with_env(variables: &[(&str, &str)]) -> Observed {
    Observed::with(|builder| builder.env(Env::from_iter(variables.iter().copied())))
}

/// Only the memory of the test.
const QUIET: [(&str, &str); 2] = [("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")];

#[test]
fn the_callers_trace_and_decision_are_followed() {
    let seen = Observed::new();
    for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)] {
        let record = ask(&seen, &[("traceparent", &parent(flags)), ("tracestate", "a=1,b=2")]);
        assert_eq!(record.trace_id(), TraceId::parse(TRACE), "{flags}");
        assert_eq!(record.parent_span_id(), SpanId::parse(PARENT), "{flags}");
        assert!(record.parent_is_remote());
        assert_eq!(record.trace_flags().is_sampled(), sampled, "{flags}");
        assert_eq!(record.trace_state(), "a=1,b=2");
        assert_ne!(Some(record.span_id()), record.parent_span_id());
    }
}

#[test]
fn without_a_caller_a_trace_begins_and_is_sampled() {
    let seen = Observed::new();
    let (one, two) = (ask(&seen, &[]), ask(&seen, &[]));
    assert!(one.trace_id().is_some() && one.trace_id() != two.trace_id());
    assert_eq!((one.trace_flags().0, one.parent_span_id(), one.parent_is_remote()), (3, None, false));
}

#[test]
fn what_is_not_exactly_a_traceparent_begins_a_new_trace() {
    let seen = Observed::new();
    for bad in [
        "",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
    ] {
        let record = ask(&seen, &[("traceparent", bad), ("tracestate", "a=1")]);
        assert_ne!(record.trace_id(), TraceId::parse(TRACE), "{bad}");
        assert_eq!((record.parent_span_id(), record.trace_state()), (None, ""), "{bad}");
    }
    let twice = ask(&seen, &[("traceparent", &parent("01")), ("traceparent", &parent("01"))]);
    assert_ne!(twice.trace_id(), TraceId::parse(TRACE));
}

#[test]
fn a_ratio_decides_for_new_traces_and_follows_callers() {
    for (ratio, expected) in [(0.0, 0..=0), (1.0, 400..=400), (0.5, 120..=280)] {
        let seen = Observed::with(|builder| builder.sample_ratio(ratio));
        let sampled = (0..400).filter(|_| ask(&seen, &[]).trace_flags().is_sampled()).count();
        assert!(expected.contains(&sampled), "{sampled} of 400 at {ratio}");
        assert!(ask(&seen, &[("traceparent", &parent("01"))]).trace_flags().is_sampled());
        assert!(!ask(&seen, &[("traceparent", &parent("00"))]).trace_flags().is_sampled());
    }
}

#[test]
fn the_environment_names_the_sampler() {
    for (sampler, argument, new, followed) in [
        ("always_off", "", false, (false, false)),
        ("always_on", "", true, (true, true)),
        ("parentbased_always_off", "", false, (false, true)),
        ("parentbased_traceidratio", "0", false, (false, true)),
        ("traceidratio", "0", false, (false, false)),
    ] {
        let variables = [("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument), QUIET[0], QUIET[1]];
        let seen = with_env(&variables);
        assert_eq!(ask(&seen, &[]).trace_flags().is_sampled(), new, "{sampler}");
        let after = |flags| ask(&seen, &[("traceparent", &parent(flags))]).trace_flags().is_sampled();
        assert_eq!((after("00"), after("01")), followed, "{sampler}");
    }
}

#[test]
fn without_a_propagator_the_callers_trace_is_not_read() {
    let seen = with_env(&[("OTEL_PROPAGATORS", "none"), QUIET[0], QUIET[1]]);
    let record = ask(&seen, &[("traceparent", &parent("00")), ("tracestate", "a=1")]);
    assert_ne!(record.trace_id(), TraceId::parse(TRACE));
    assert_eq!((record.trace_flags().is_sampled(), record.trace_state()), (true, ""));
}

#[test]
fn a_request_that_is_not_sampled_is_recorded_all_the_same() {
    let seen = Observed::with(|builder| builder.sample_ratio(0.0));
    let record = ask(&seen, &[]);
    assert_eq!((record.status(), record.trace_flags().is_sampled()), (Some(200), false));
}

#[test]
fn an_outgoing_request_continues_the_trace_with_its_state() {
    let seen = Observed::new();
    for (state, outgoing_state) in [(Some("a=1,b=2"), Some("a=1,b=2")), (None, None)] {
        let _ = seen.memory.take();
        let mut incoming = request("GET", "/");
        incoming.headers_mut().insert("traceparent", parent("01").parse().unwrap());
        if let Some(state) = state {
            incoming.headers_mut().insert("tracestate", state.parse().unwrap());
        }
        let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
            let mut outgoing = Request::new(());
            outgoing.headers_mut().insert("tracestate", HeaderValue::from_static("somebody=else"));
            campanile::current().unwrap().inject(outgoing.headers_mut());
            let mut answer = Response::new(full(""));
            *answer.headers_mut() = outgoing.headers().clone();
            Ok::<Response<BoxBody>, BoxError>(answer)
        });
        let answer = service.oneshot(incoming).now_or_never().unwrap().unwrap();
        let own = seen.only().span_id();
        assert_eq!(answer.headers()["traceparent"], format!("00-{TRACE}-{own}-01"));
        assert_eq!(answer.headers().get("tracestate").map(|state| state.to_str().unwrap()), outgoing_state);
    }
}

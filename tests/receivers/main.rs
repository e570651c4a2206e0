//! What receivers of others decode is what happened: every span and log record, exactly once, with the right names.
//!
//! The example `shop` sends itself requests and exports them; what the receiver decoded is compared with what the same
//! run left in its store, record by record, and with what OpenTelemetry prescribes. `scripts/receivers` installs them.
#![cfg(all(feature = "otlp-grpc", feature = "store", feature = "axum"))]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what a test needs around it may fail as loudly as the test"
)]

#[cfg(feature = "opentelemetry")]
mod bridge;
#[path = "../support/conventions.rs"]
mod conventions;
mod decoded;
#[path = "../support/example.rs"]
mod example;
mod expected;
mod laws;
mod measured;
mod receiver;
mod shop;

use std::collections::BTreeSet;

use serde_json::Value;

use self::decoded::Arrived;
use self::receiver::{Protocol, Receiver};
use self::shop::Run;

const REQUESTS: usize = 2000;

fn is_delta(variables: &[(&str, &str)]) -> bool {
    variables.contains(&("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"))
}

/// Sends through a receiver, and compares everything that it can tell.
fn everything_arrives_once(receiver: &mut Receiver, protocol: Protocol, more: &[(&str, &str)]) {
    let run = Run::of_shop(REQUESTS, receiver, protocol, more);
    let expected = Arrived::of_store(&run.store());
    let servers = |arrived: &Arrived| arrived.spans.values().filter(|span| span.kind == "SERVER").count();
    assert_eq!(servers(&expected), run.sent, "the store has every request that was sent\n{}", run.output);
    let arrived = receiver.arrived(expected.spans.len(), expected.logs.len());
    assert_eq!(servers(&arrived), run.sent, "one SERVER span for each request\n{}", run.output);
    let expected = if receiver.tells_all() { expected } else { expected.outline() };
    arrived.assert_is(&expected);
    laws::hold(&arrived, receiver.tells_all());
    measured::assert_is(&receiver.measured(run.sent), &run.store(), is_delta(more));
    println!("{} spans, {} logs of {} requests", arrived.spans.len(), arrived.logs.len(), run.sent);
}

#[test]
fn datadogs_test_agent_decodes_everything_over_http() {
    let Some(mut receiver) = Receiver::test_agent("datadogs_test_agent_decodes_everything_over_http") else { return };
    everything_arrives_once(&mut receiver, Protocol::Http, &[]);
}

#[test]
fn datadogs_test_agent_decodes_everything_over_grpc() {
    let Some(mut receiver) = Receiver::test_agent("datadogs_test_agent_decodes_everything_over_grpc") else { return };
    // It hands on what came over gRPC to its HTTP side, which takes 1 MiB at most.
    everything_arrives_once(&mut receiver, Protocol::Grpc, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100")]);
}

#[test]
fn a_sink_of_our_own_decodes_everything_over_http() {
    let Some(mut receiver) = Receiver::sink("a_sink_of_our_own_decodes_everything_over_http") else { return };
    everything_arrives_once(&mut receiver, Protocol::Http, &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]);
    let requests = receiver.requests("take");
    assert!(requests.iter().all(|request| request["encoding"] == "gzip"), "{requests:?}");
    let is_named = |request: &Value| request["user_agent"].as_str().unwrap().contains("OTel-OTLP-Exporter-Rust/");
    assert!(requests.iter().all(is_named), "{requests:?}");
}

#[test]
fn a_sink_of_our_own_decodes_everything_over_grpc() {
    let Some(mut receiver) = Receiver::sink("a_sink_of_our_own_decodes_everything_over_grpc") else { return };
    everything_arrives_once(&mut receiver, Protocol::Grpc, &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]);
}

#[test]
fn deltas_add_up_to_what_happened() {
    let Some(mut receiver) = Receiver::sink("deltas_add_up_to_what_happened") else { return };
    let delta = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    everything_arrives_once(&mut receiver, Protocol::Http, &[delta, ("OTEL_METRIC_EXPORT_INTERVAL", "100")]);
    let exports = receiver.requests("take").into_iter().filter(|request| request["signal"] == "metrics").count();
    assert!(exports > 2, "at every interval and at the end: {exports}");
}

#[test]
fn a_collector_sees_everything_over_http() {
    let Some(mut receiver) = Receiver::rotel("a_collector_sees_everything_over_http") else { return };
    everything_arrives_once(&mut receiver, Protocol::Http, &[]);
}

#[test]
fn a_collector_sees_everything_over_grpc() {
    let Some(mut receiver) = Receiver::rotel("a_collector_sees_everything_over_grpc") else { return };
    everything_arrives_once(&mut receiver, Protocol::Grpc, &[]);
}

/// A receiver that refuses for a moment has everything once in the end.
fn refusals_are_tried_again(receiver: &mut Receiver, protocol: Protocol) {
    receiver.rules(
        r#"[{"signal": "traces", "do": "refuse", "times": 2, "http": 503, "grpc": 14},
            {"signal": "logs", "do": "refuse", "times": 1, "http": 429, "grpc": 14, "retry_after": 1},
            {"signal": "metrics", "do": "refuse", "times": 1, "http": 502, "grpc": 14}]"#,
    );
    let run = Run::of_shop(200, receiver, protocol, &[]);
    let expected = Arrived::of_store(&run.store());
    receiver.arrived(expected.spans.len(), expected.logs.len()).assert_is(&expected);
    measured::assert_is(&receiver.measured(run.sent), &run.store(), false);
    assert_eq!(receiver.requests("refuse").len(), 4, "the rules were used");
}

#[test]
fn what_is_refused_for_a_moment_over_http_arrives_once() {
    let Some(mut receiver) = Receiver::sink("what_is_refused_for_a_moment_over_http_arrives_once") else { return };
    refusals_are_tried_again(&mut receiver, Protocol::Http);
}

#[test]
fn what_is_refused_for_a_moment_over_grpc_arrives_once() {
    let Some(mut receiver) = Receiver::sink("what_is_refused_for_a_moment_over_grpc_arrives_once") else { return };
    refusals_are_tried_again(&mut receiver, Protocol::Grpc);
}

#[test]
fn a_payload_without_an_answer_is_sent_once_more_and_no_other() {
    let Some(receiver) = Receiver::sink("a_payload_without_an_answer_is_sent_once_more_and_no_other") else { return };
    receiver.rules(r#"[{"signal": "traces", "do": "break", "times": 1}]"#);
    let run = Run::of_shop(200, &receiver, Protocol::Http, &[]);
    let expected = Arrived::of_store(&run.store());
    let ids = receiver.span_ids();
    let repeated: usize = receiver.requests("break").iter().map(|request| request["items"].as_u64().unwrap() as usize).sum();
    assert!(repeated > 0, "the rule was used");
    assert_eq!(ids.len(), expected.spans.len() + repeated, "the payload that had no answer came twice");
    let ids: BTreeSet<String> = ids.into_iter().collect();
    assert!(ids.iter().eq(expected.spans.keys()), "nothing is missing and nothing was made up");
}

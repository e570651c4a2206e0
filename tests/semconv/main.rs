//! Every rule of OpenTelemetry's conventions for HTTP and gRPC holds on what a receiver decodes.
//!
//! One row for each rule: its words, what is done to a server or with a client over sockets, and what is expected of the
//! spans, metrics and log records that our OTLP exporters then send, decoded with the types generated from OTLP's own
//! protobuf. What holds of every span and every point is asked in every row, see `laws`.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0; W3C Trace Context, Level 2.
#![cfg(all(feature = "axum", feature = "otlp"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod client;
#[path = "../support/conventions.rs"]
mod conventions;
mod laws;
mod metrics;
mod propagation;
mod rpc;
mod rule;
mod server;
mod sink;
mod stage;
mod status;
#[path = "../support/mod.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::rule::Rule;

/// Carries out every row, and names those that do not hold.
async fn hold(rules: Vec<Rule>) {
    let mut broken = Vec::new();
    for rule in &rules {
        let told = stage::play(rule).await;
        if catch_unwind(AssertUnwindSafe(|| rule.hold(&told))).is_err() {
            broken.push(&rule.says);
        }
    }
    assert!(broken.is_empty(), "{} of {} rules are broken: {broken:#?}", broken.len(), rules.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_spans_are_as_the_conventions_say() {
    hold(server::rules()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_spans_are_as_the_conventions_say() {
    hold(client::rules()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_and_error_type_are_as_the_conventions_say() {
    hold(status::rules()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_as_the_conventions_say() {
    hold(metrics::rules()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_grpc_are_as_the_conventions_say() {
    hold(rpc::rules()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trace_context_travels_as_w3c_says() {
    hold(propagation::rules()).await;
}

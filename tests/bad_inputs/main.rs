//! Every case of the bad-input catalogue whose area is built runs against real servers, and leaves what it should.
//!
//! The catalogue is `tests/data/bad-inputs.json`. A case of a built area that has no check here, or a check that nothing
//! carries out, fails. Run with `--nocapture`, each case says what was done with it.
#![cfg(all(feature = "axum", feature = "console", feature = "otlp", feature = "store"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what a test cannot go on without fails it"
)]

mod catalogue;
mod elsewhere;
mod expected;
mod invariants;
mod measure;
mod outputs;
mod run;
mod service;
mod setups;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use self::catalogue::{Case, area};

/// Cases that cannot run yet, with what they wait for.
const WAITING: &[(&str, &str)] = &[
    ("HD-05", "headers that a setting keeps"),
    ("HD-13", "headers that a setting keeps"),
    ("UR-10", "patterns"),
    ("BO-14", "bodies"),
    ("BO-16", "bodies"),
    ("BO-17", "bodies"),
    ("BO-18", "bodies"),
    ("BO-20", "bodies"),
    ("BO-21", "bodies"),
    ("BO-22", "bodies"),
    ("BO-24", "bodies"),
    ("BO-25", "bodies"),
    ("BO-26", "bodies"),
];

/// Carries out all cases of one area.
fn run_area(name: &str) {
    invariants::watch_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut told, mut failed) = (Vec::new(), Vec::new());
    for case in area(name) {
        if let Some((_, part)) = WAITING.iter().find(|(id, _)| *id == case.id) {
            told.push(format!("{} waits: {part}", case.id));
            continue;
        }
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(carry_out(&case)));
        match std::panic::catch_unwind(run) {
            Ok(done) => told.push(format!("{} ({}): {done}", case.id, case.result)),
            Err(_) => failed.push(case.id.clone()),
        }
    }
    println!("{}", told.join("\n"));
    assert!(failed.is_empty(), "{name}: {failed:?} are not as expected");
}

async fn carry_out(case: &Case) -> String {
    if let Some(done) = expected::special(case).await {
        return done;
    }
    let setup = setups::of(case);
    run::everywhere(case, &setup, expected::check).await
}

#[test]
fn every_traceparent_is_read_as_the_specification_says() {
    run_area("traceparent");
}

#[test]
fn every_tracestate_and_baggage_stays_within_its_bounds() {
    run_area("tracestate_baggage");
}

#[test]
fn every_request_id_is_taken_or_replaced() {
    run_area("request_id");
}

#[test]
fn every_client_address_is_that_of_a_peer_or_of_a_trusted_proxy() {
    run_area("client_address");
}

#[test]
fn every_header_is_kept_cut_or_withheld() {
    run_area("headers");
}

#[test]
fn every_target_and_method_is_recorded_as_it_was_sent() {
    run_area("uri_method");
}

#[test]
fn every_body_passes_as_it_is() {
    run_area("body");
}

#[test]
fn every_field_of_an_event_stays_a_field() {
    run_area("event_fields");
}

#[test]
fn every_text_is_harmless_where_it_is_written() {
    run_area("sink_encoding");
}

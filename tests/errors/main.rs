//! One error, reported once: every source arrives exactly once, with its chain, in JSON, OTLP, the store and on the console.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]
#![cfg(all(feature = "axum", feature = "console", feature = "otlp", feature = "store", feature = "tower-http"))]

mod clients;
mod expected;
mod outputs;
mod sources;
#[path = "../support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use campanile::otlp::Otlp;

use self::expected::CASES;
use self::outputs::Outputs;

#[test]
fn every_source_of_errors_arrives_exactly_once_with_its_chain() {
    // A process of its own, as the hook and the subscriber are the process's, and so is the variable that asks for backtraces.
    support::child("child_in_which_everything_goes_wrong", &[("RUST_BACKTRACE", "1")]);
}

#[test]
fn without_being_asked_for_there_is_no_backtrace_and_all_else_is_the_same() {
    support::child("child_in_which_everything_goes_wrong", &[("RUST_BACKTRACE", "0")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a process of its own"]
async fn child_in_which_everything_goes_wrong() {
    static HOOK_CALLS: AtomicUsize = AtomicUsize::new(0);
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        HOOK_CALLS.fetch_add(1, Ordering::SeqCst);
    }));
    let outputs = Outputs::new();
    let collector = outputs.sink.start().await;
    let otlp = Otlp::new(format!("http://{}", collector.address));
    let builder = outputs.add_to(campanile::builder());
    let builder = builder.exporter(otlp.clone().traces().unwrap()).exporter(otlp.logs().unwrap());
    let telemetry = builder.init().unwrap();

    let panics = sources::run(&telemetry).await;
    assert!(telemetry.flush(support::PATIENCE));
    support::balance(&telemetry.stats());
    let wants_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for case in CASES {
        wrong.extend(outputs.check(case, wants_backtrace));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(outputs.failures(), CASES.len(), "there is no failure that nobody expects");
    assert!(outputs.sink.spans().iter().all(|span| span.events.is_empty()), "an exception is no event of a span");
    assert_eq!(HOOK_CALLS.load(Ordering::SeqCst), panics, "the hook that was there is called for every panic");
    assert_eq!(CASES.iter().filter(|case| case.is_panic()).count(), panics);
    telemetry.shutdown().await;
    collector.stop().await;
}

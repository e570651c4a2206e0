//! `init` in an application that has a subscriber, a logger or settings already; each in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use campanile::exporter::Memory;
use http::{Request, Response};
use support::{BoxBody, BoxError, PATIENCE, child, full, request};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// The events on the record of one request whose handler logs, itself and from a spawned task.
async fn logged(telemetry: &campanile::Telemetry, memory: &Memory) -> Vec<String> {
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(|_: Request<_>| async {
        tracing::warn!("from the handler");
        tokio::spawn(async { tracing::warn!("from a task") }.in_current_span()).await.unwrap();
        Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
    });
    assert!(service.oneshot(request("GET", "/")).await.is_ok());
    assert!(telemetry.flush(PATIENCE));
    let records = memory.take();
    let requests: Vec<_> = records.iter().filter(|record| record.path() == "/").collect();
    assert_eq!(requests.len(), 1);
    requests[0].events().map(|event| event.message().to_owned()).collect()
}

/// Counts what an application's own subscriber sees.
struct Counts(&'static AtomicUsize);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Counts {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_subscriber_that_is_installed_stays_with_one_warning() {
    let said = child("child_with_a_subscriber", &[]);
    assert_eq!(said.matches("another subscriber is installed").count(), 1, "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_a_subscriber() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Counts(&SEEN))).unwrap();
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(memory.clone()).init().unwrap();
    telemetry.install();
    assert_eq!(logged(&telemetry, &memory).await, Vec::<String>::new());
    assert_eq!(SEEN.load(Ordering::SeqCst), 2);
}

#[test]
fn a_subscriber_that_holds_our_layer_is_complete() {
    let said = child("child_with_our_layer", &[]);
    assert!(!said.contains("another subscriber"), "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_our_layer() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(memory.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer()).with(Counts(&SEEN));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    telemetry.install();
    assert_eq!(logged(&telemetry, &memory).await, ["from the handler", "from a task"]);
    assert_eq!(SEEN.load(Ordering::SeqCst), 2);
}

#[test]
fn a_high_level_still_lets_spawned_work_find_its_request() {
    child("child_at_level_warn", &[("CAMPANILE_LEVEL", "warn"), ("RUST_LOG", "off")]);
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_at_level_warn() {
    let memory = Memory::new();
    let telemetry = campanile::builder().from_env().exporter(memory.clone()).init().unwrap();
    tracing::info!("below the level");
    assert_eq!(logged(&telemetry, &memory).await, ["from the handler", "from a task"]);
}

#[test]
fn a_logger_that_is_installed_stays() {
    child("child_with_a_logger", &[]);
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_a_logger() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    struct Logger;
    impl log::Log for Logger {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, _: &log::Record<'_>) {
            SEEN.fetch_add(1, Ordering::SeqCst);
        }
        fn flush(&self) {}
    }
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(memory.clone()).init().unwrap();
    let before = SEEN.load(Ordering::SeqCst);
    log::info!("for the application's own logger");
    assert_eq!(SEEN.load(Ordering::SeqCst), before + 1);
    assert_eq!(logged(&telemetry, &memory).await, ["from the handler", "from a task"]);
}

#[test]
fn settings_that_cannot_be_followed_are_named_without_their_values() {
    let said = child("child_with_settings", &[("CAMPANILE_LEVEL", "canary-7"), ("CAMPANILE_TYPO", "canary-8")]);
    assert!(said.contains("CAMPANILE_LEVEL") && said.contains("CAMPANILE_TYPO"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_settings() {
    let telemetry = campanile::init().unwrap();
    assert_eq!(telemetry.warnings().len(), 2);
}

#[test]
fn the_last_handle_flushes_when_it_goes() {
    use futures_util::FutureExt as _;
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(memory.clone()).build().unwrap();
    let layer = telemetry.layer();
    drop(telemetry);
    let service = ServiceBuilder::new()
        .layer(layer)
        .service_fn(|_: Request<_>| async { Ok::<Response<BoxBody>, BoxError>(Response::new(full(""))) });
    assert!(service.clone().oneshot(request("GET", "/")).now_or_never().unwrap().is_ok());
    drop(service);
    assert_eq!(memory.records().len(), 1);
}

#[test]
fn a_request_that_outlives_every_handle_flushes_without_waiting_for_it() {
    use futures_util::FutureExt as _;
    let (memory, telemetry) = {
        let memory = Memory::new();
        (memory.clone(), campanile::builder().exporter(memory).build().unwrap())
    };
    let service = ServiceBuilder::new()
        .layer(telemetry.layer())
        .service_fn(|_: Request<_>| async { Ok::<Response<BoxBody>, BoxError>(Response::new(full("body"))) });
    let answer = service.oneshot(request("GET", "/")).now_or_never().unwrap().unwrap();
    drop(telemetry);
    drop(answer);
    assert_eq!(memory.wait_for(1, PATIENCE).len(), 1);
}

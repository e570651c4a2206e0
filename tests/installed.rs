//! What `init` makes the process's own: subscriber, `log` records and panic hook. The tests share one telemetry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::sync::{LazyLock, OnceLock};

use campanile::record::{Kind, Outcome, Record};
use futures_util::FutureExt as _;
use http::{Request, Response};
use support::{BoxBody, BoxError, PATIENCE, full, request};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::Level;

static MEMORY: LazyLock<campanile::exporter::Memory> = LazyLock::new(campanile::exporter::Memory::new);
static HOOK_CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn telemetry() -> &'static campanile::Telemetry {
    static TELEMETRY: OnceLock<campanile::Telemetry> = OnceLock::new();
    TELEMETRY.get_or_init(|| {
        std::panic::set_hook(Box::new(|_| {
            HOOK_CALLS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }));
        campanile::builder().exporter(MEMORY.clone()).init().unwrap()
    })
}

/// The record of one request to `path`, which ends as it likes.
async fn handle<F: Future<Output = ()>>(path: &str, handler: impl Fn() -> F + Clone) -> Record {
    let service = ServiceBuilder::new().layer(telemetry().layer()).service_fn(move |_: Request<_>| {
        let handler = handler();
        async move {
            handler.await;
            Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
        }
    });
    let _ = std::panic::AssertUnwindSafe(service.oneshot(request("GET", path))).catch_unwind().await;
    assert!(telemetry().flush(PATIENCE));
    let mut found = MEMORY.records();
    found.retain(|record| record.path() == path);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[tokio::test]
async fn events_and_log_records_are_captured_without_any_further_setup() {
    let record = handle("/log", || async {
        tracing::debug!("from tracing");
        log::warn!(target: "legacy", "from {}", "log");
        log::trace!("not wanted");
    })
    .await;
    assert_eq!(record.events().map(|event| event.message()).collect::<Vec<_>>(), ["from tracing", "from log"]);
    let event = record.events().last().unwrap();
    assert_eq!((event.level(), event.target()), (Level::WARN, "legacy"));
    assert!(event.file().unwrap().ends_with("installed.rs") && event.line().is_some());
    assert_eq!(event.fields().count(), 0);
}

#[tokio::test]
async fn log_records_outside_requests_are_records_of_their_own() {
    let _ = telemetry();
    log::info!("a log record outside");
    assert!(telemetry().flush(PATIENCE));
    let records = MEMORY.records();
    let found = |record: &&Record| record.events().any(|event| event.message() == "a log record outside");
    assert_eq!(records.iter().filter(found).map(Record::kind).collect::<Vec<_>>(), [Kind::Event]);
}

#[tokio::test]
async fn a_panic_has_its_place_and_the_hook_that_was_there_is_called() {
    let before = HOOK_CALLS.load(std::sync::atomic::Ordering::SeqCst);
    let record = handle("/panic", || async { panic!("told to panic with {}", 42) }).await;
    assert_eq!(record.outcome(), Outcome::Panicked);
    let failure = record.failure().unwrap();
    assert_eq!(failure.message(), "told to panic with 42");
    assert!(failure.file().unwrap().ends_with("installed.rs") && failure.line().is_some());
    assert!(HOOK_CALLS.load(std::sync::atomic::Ordering::SeqCst) > before);
}

#[tokio::test]
async fn a_panic_that_was_carried_over_does_not_take_the_place_of_another() {
    let record = handle("/resumed", || async {
        // Caught by the application itself, on this thread.
        let _ = std::panic::catch_unwind(|| panic!("another one"));
        let carried = std::thread::spawn(|| panic!("from a thread")).join().unwrap_err();
        std::panic::resume_unwind(carried);
    })
    .await;
    let failures: Vec<_> = record.failures().map(|failure| (failure.message(), failure.file().is_some())).collect();
    assert_eq!(failures, [("another one", true), ("from a thread", false)]);
}

#[tokio::test]
async fn a_panic_through_two_requests_has_its_place_on_both() {
    let outer = handle("/outer", || async {
        let inner = ServiceBuilder::new().layer(telemetry().layer()).service_fn(|_: Request<_>| async {
            support::Yield(1).await;
            if true {
                panic!("deep inside");
            }
            Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
        });
        let _ = inner.oneshot(request("GET", "/inner")).await;
    })
    .await;
    let records = MEMORY.records();
    let inner = records.iter().find(|record| record.path() == "/inner").unwrap();
    for record in [inner, &outer] {
        assert_eq!(record.outcome(), Outcome::Panicked);
        assert!(record.failure().unwrap().file().is_some(), "{}", record.path());
    }
}

//! Exporters that are stuck, slow or gone cost no request anything, and every loss is counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::sync::mpsc;
use std::time::Duration;

use campanile::Telemetry;
use campanile::exporter::{Batch, ExportError, Exporter, Memory, Pace};
use campanile::record::Reason;
use futures_util::FutureExt as _;
use http::{Request, Response};
use support::{BoxBody, BoxError, Observed, PATIENCE, balance, full, request};
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// The budget that everything in memory has together, as documented.
const BUDGET_BYTES: usize = 32 * 1024 * 1024;

/// Is stuck in its first batch until the other end of the channel is gone.
struct Stuck {
    entered: mpsc::Sender<()>,
    gate: mpsc::Receiver<()>,
}

impl Exporter for Stuck {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        let _ = self.entered.send(());
        let _ = self.gate.recv();
        Ok(())
    }
}

fn stuck() -> (Stuck, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (entered, has_entered) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    (Stuck { entered, gate }, has_entered, open)
}

async fn answer<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let status = if request.uri().path() == "/failing" { 500 } else { 200 };
    Ok(Response::builder().status(status).body(full("")).unwrap())
}

fn service(
    telemetry: &Telemetry,
) -> impl Service<
    Request<http_body_util::Full<bytes::Bytes>>,
    Response = Response<campanile::ObserveBody<BoxBody>>,
    Error = BoxError,
    Future: Send,
> + Clone {
    ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer)
}

fn one(telemetry: &Telemetry) {
    assert!(service(telemetry).oneshot(request("GET", "/")).now_or_never().expect("nothing waits").is_ok());
}

#[test]
fn a_hundred_thousand_requests_pass_a_stuck_exporter() {
    const REQUESTS: u64 = 100_000;
    let (exporter, has_entered, open) = stuck();
    let telemetry = campanile::builder().exporter(exporter).build().unwrap();
    one(&telemetry);
    has_entered.recv_timeout(PATIENCE).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let service = service(&telemetry);
                for index in 0..REQUESTS / 4 {
                    let path = if index % 10 == 0 { "/failing" } else { "/" };
                    let answered = service.clone().oneshot(request("GET", path)).now_or_never();
                    assert!(answered.expect("nothing waits").is_ok());
                    if index % 100 == 0 {
                        assert!(telemetry.stats().memory_bytes <= BUDGET_BYTES);
                    }
                }
            });
        }
    });
    let stats = telemetry.stats();
    assert_eq!(stats.offered, REQUESTS + 1);
    assert!(stats.exporters[0].dropped.of(Reason::QueueFull) + stats.dropped.total() > 0, "{stats:?}");
    assert_eq!(stats.exporters[0].delivered, 0);
    drop(open);
    let report = telemetry.shutdown_blocking(PATIENCE);
    assert!(report.in_time, "{report}");
    balance(&report.stats);
    assert_eq!((report.stats.queued, report.stats.exporters[0].queued, report.stats.memory_bytes), (0, 0, 0));
    assert_eq!(report.stats.exporters[0].delivered + report.lost(), REQUESTS + 1);
}

#[test]
fn requests_that_log_without_end_stay_within_the_budget_and_what_is_left_out_is_counted() {
    const REQUESTS: usize = 80;
    const EVENTS: usize = 1_500;
    let seen = Observed::new();
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (open, gate) = tokio::sync::watch::channel(());
    let text = "x".repeat(1_000);
    let mut running: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let (gate, text) = (gate.clone(), text.clone());
            let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
                for _ in 0..EVENTS {
                    tracing::info!(text, "again");
                }
                let mut gate = gate.clone();
                async move {
                    let _ = gate.changed().await;
                    Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
                }
            });
            let mut future = Box::pin(service.oneshot(request("GET", "/")));
            assert!(future.as_mut().now_or_never().is_none());
            assert!(seen.telemetry.stats().memory_bytes <= BUDGET_BYTES);
            future
        })
        .collect();
    open.send(()).unwrap();
    for future in &mut running {
        assert!(future.as_mut().now_or_never().unwrap().is_ok());
    }
    let records = seen.requests();
    let stats = seen.telemetry.stats();
    let dropped = stats.dropped.total() + stats.exporters[0].dropped.total();
    assert_eq!(records.len() as u64 + dropped, REQUESTS as u64, "{stats:?}");
    for record in &records {
        let dropped = record.dropped();
        assert_eq!(record.events().len() + (dropped.events + dropped.thinned) as usize, EVENTS);
    }
    assert!(records.iter().any(|record| record.dropped().thinned > 0), "there was more than the budget holds");
}

#[test]
fn a_stuck_exporter_does_not_hold_up_another_one() {
    let (exporter, has_entered, open) = stuck();
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(exporter).exporter(memory.clone()).build().unwrap();
    one(&telemetry);
    has_entered.recv_timeout(PATIENCE).unwrap();
    for _ in 0..100 {
        one(&telemetry);
    }
    assert_eq!(memory.wait_for(101, PATIENCE).len(), 101);
    drop(open);
}

#[test]
fn shutdown_gives_up_on_a_stuck_exporter_at_its_deadline_and_counts_what_is_left() {
    let (exporter, has_entered, open) = stuck();
    let telemetry = campanile::builder().exporter(exporter).build().unwrap();
    one(&telemetry);
    has_entered.recv_timeout(PATIENCE).unwrap();
    for _ in 0..9 {
        one(&telemetry);
    }
    let report = telemetry.shutdown_blocking(Duration::from_millis(20));
    assert!(!report.in_time);
    balance(&report.stats);
    assert_eq!(report.stats.exporters[0].dropped.of(Reason::ShutdownDeadline), 10);
    drop(open);
    // What comes afterwards passes, and is counted too.
    one(&telemetry);
    assert_eq!(telemetry.stats().dropped.of(Reason::ShutdownDeadline), 1);
}

#[test]
fn records_that_are_finished_while_shutdown_runs_are_counted_somewhere() {
    for _ in 0..20 {
        let seen = Observed::new();
        let report = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| one(&seen.telemetry)));
            }
            seen.telemetry.shutdown_blocking(PATIENCE)
        });
        assert!(report.in_time);
        let stats = seen.telemetry.stats();
        balance(&stats);
        assert_eq!((stats.offered, stats.queued, stats.memory_bytes), (800, 0, 0), "{stats:?}");
        assert_eq!(seen.memory.records().len() as u64, stats.exporters[0].delivered);
    }
}

#[test]
fn no_deadline_is_too_long() {
    struct Patient(Memory);
    impl Exporter for Patient {
        fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
            self.0.export(batch)
        }
        fn pace(&self) -> Pace {
            let mut pace = Pace::default();
            pace.max_delay = Duration::MAX;
            pace
        }
    }
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(Patient(memory.clone())).build().unwrap();
    one(&telemetry);
    assert!(telemetry.flush(Duration::MAX));
    assert_eq!(memory.records().len(), 1);
    one(&telemetry);
    assert!(telemetry.shutdown_blocking(Duration::MAX).in_time);
    assert_eq!(memory.records().len(), 2);
}

#[test]
fn an_exporter_that_panics_is_counted_and_the_others_go_on() {
    struct Panics;
    impl Exporter for Panics {
        fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
            panic!("in an exporter")
        }
        fn flush(&mut self) -> Result<(), ExportError> {
            panic!("in a flush")
        }
    }
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(Panics).exporter(memory.clone()).build().unwrap();
    one(&telemetry);
    assert!(telemetry.flush(PATIENCE));
    one(&telemetry);
    let report = telemetry.shutdown_blocking(PATIENCE);
    assert!(report.in_time);
    balance(&report.stats);
    assert_eq!(report.stats.exporters[0].dropped.of(Reason::InternalPanic), 2);
    assert_eq!(memory.records().len(), 2);
}

#[test]
fn what_an_exporter_logs_is_not_captured() {
    struct Loud(Option<tracing::Dispatch>, Memory);
    impl Exporter for Loud {
        fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
            tracing::dispatcher::with_default(self.0.as_ref().unwrap(), || {
                tracing::error_span!("exporting").in_scope(|| tracing::error!("exported"));
            });
            self.1.export(batch)
        }
    }
    let other = Observed::new();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(other.telemetry.tracing_layer()));
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(Loud(Some(dispatch), memory.clone())).build().unwrap();
    one(&telemetry);
    assert!(telemetry.flush(PATIENCE));
    assert_eq!((memory.records().len(), other.records().len()), (1, 0));
}

#[test]
fn shutdown_works_wherever_it_is_called() {
    let build = |multi: bool| {
        let mut builder =
            if multi { tokio::runtime::Builder::new_multi_thread() } else { tokio::runtime::Builder::new_current_thread() };
        builder.enable_all().build().unwrap()
    };
    type Ending = Box<dyn FnOnce(&Observed) -> campanile::Report>;
    let endings: [(&str, Ending); 8] = [
        ("no runtime", Box::new(|seen| seen.telemetry.shutdown_blocking(PATIENCE))),
        ("asynchronous without a runtime", Box::new(|seen| futures_executor(seen.telemetry.shutdown()))),
        ("a current-thread runtime", Box::new(move |seen| build(false).block_on(seen.telemetry.shutdown()))),
        ("a multi-thread runtime", Box::new(move |seen| build(true).block_on(seen.telemetry.shutdown()))),
        (
            "blocking inside a current-thread runtime",
            Box::new(move |seen| build(false).block_on(async { seen.telemetry.shutdown_blocking(PATIENCE) })),
        ),
        (
            "from within a task",
            Box::new(move |seen| build(true).block_on(async { tokio::spawn(seen.telemetry.shutdown()).await.unwrap() })),
        ),
        (
            "blocking on a worker thread",
            Box::new(move |seen| {
                let telemetry = seen.telemetry.clone();
                build(true).block_on(async { tokio::spawn(async move { telemetry.shutdown_blocking(PATIENCE) }).await.unwrap() })
            }),
        ),
        (
            "twice, and the first one is not awaited",
            Box::new(move |seen| {
                drop(seen.telemetry.shutdown());
                build(false).block_on(seen.telemetry.shutdown())
            }),
        ),
    ];
    for (case, end) in endings {
        let seen = Observed::new();
        (0..10).for_each(|_| one(&seen.telemetry));
        let report = end(&seen);
        assert!(report.in_time, "{case}: {report}");
        assert_eq!((report.stats.exporters[0].delivered, report.lost()), (10, 0), "{case}");
        assert_eq!(seen.memory.records().len(), 10, "{case}");
        let again = seen.telemetry.shutdown_blocking(PATIENCE);
        assert_eq!((again.in_time, again.stats.offered), (true, 10), "{case}");
    }
}

/// Polls a future on this thread, without any runtime.
fn futures_executor<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => break output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

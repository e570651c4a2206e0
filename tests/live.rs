//! An event is shown while its request is still running, so that a handler that hangs is seen; the request's own record
//! has it once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::sync::mpsc;

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::record::{Kind, Record};
use futures_util::FutureExt as _;
use http::{Request, Response};
use support::{BoxBody, BoxError, Observed, PATIENCE, full, request};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// Hands every record on, as a console would show it.
struct Screen(mpsc::Sender<Record>);

impl Exporter for Screen {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        for record in batch.records() {
            let _ = self.0.send(record.clone());
        }
        Ok(())
    }

    fn wants_live(&self) -> bool {
        true
    }
}

#[test]
fn the_events_of_a_hanging_handler_are_shown_and_not_repeated() {
    let (show, shown) = mpsc::channel();
    let seen = Observed::with(|builder| builder.exporter(Screen(show)).filter("info"));
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (open, gate) = tokio::sync::watch::channel(());
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
        let mut gate = gate.clone();
        async move {
            tracing::info!(step = 1, "about to hang");
            tracing::debug!("not for the console");
            let _ = gate.changed().await;
            Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
        }
    });
    let mut answer = Box::pin(service.oneshot(request("GET", "/")));
    assert!(answer.as_mut().now_or_never().is_none());

    let live = shown.recv_timeout(PATIENCE).unwrap();
    assert_eq!(live.kind(), Kind::Live);
    assert_eq!(live.events().map(|event| event.message().to_owned()).collect::<Vec<_>>(), ["about to hang"]);
    assert!(seen.memory.records().is_empty(), "the request is still running, and who does not show live events has nothing");

    open.send(()).unwrap();
    assert!(answer.as_mut().now_or_never().unwrap().is_ok());
    let record = seen.only();
    assert_eq!((live.span_id(), live.trace_id(), live.request_id()), (record.span_id(), record.trace_id(), record.request_id()));
    let events: Vec<_> = record.events().map(|event| (event.message().to_owned(), event.was_shown())).collect();
    assert_eq!(events, [("about to hang".to_owned(), true), ("not for the console".to_owned(), false)]);
    assert_eq!(shown.recv_timeout(PATIENCE).unwrap().kind(), Kind::Request);
    assert!(shown.try_recv().is_err());
}

#[test]
fn outside_requests_only_events_at_the_consoles_level_are_shown() {
    let (show, shown) = mpsc::channel();
    let seen = Observed::with(|builder| builder.exporter(Screen(show)).filter("warn"));
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("job").in_scope(|| tracing::info!("quiet"));
        tracing::warn!("loud");
    });
    assert_eq!(seen.records().len(), 3, "a span and two events are recorded");
    let shown: Vec<_> = shown.try_iter().collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].events().next().unwrap().message(), "loud");
}

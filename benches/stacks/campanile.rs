//! campanile, in the settings that people choose between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use campanile::axum::Reported;
use campanile::exporter::{Batch, ExportError, Exporter, Json, Patience, StoreExporter};
use campanile::metrics::{Data, Snapshot};
use campanile::otlp::Otlp;
use campanile::store::{Settings, Store};
use campanile::{Builder, Env, Keep, Telemetry};
use campanile_peers::{Delivered, OrderError, Route, Written, app_with};
use tempfile::TempDir;

/// Its stacks; each with what it is.
pub(super) const OURS: [(&str, &str); 11] = [
    ("off", "campanile, switched off"),
    ("unsampled", "campanile, sampled out, no keep rules"),
    ("flight", "campanile, sampled out, failed and slow kept"),
    ("summary", "campanile, summaries thrown away"),
    ("discard", "campanile, records thrown away"),
    ("metrics", "campanile, records thrown away, metrics kept"),
    ("json", "campanile, JSON lines"),
    ("otlp", "campanile, OTLP"),
    ("store", "campanile, store"),
    ("json-otlp", "campanile, JSON lines and OTLP"),
    ("all", "campanile, JSON lines, OTLP, store, metrics"),
];

/// What one request has to leave behind.
pub(super) fn due(name: &str, route: Route) -> Delivered {
    // The record, and each event that the console would show, at once.
    let lines = 1 + route.events() / 2;
    // A failure is a log record of its exception.
    let (spans, logs) = (1 + route.children(), route.events() + route.errors());
    let nothing = Delivered::default();
    match name {
        "off" => nothing,
        // A failure that is not sampled is sent without its trace.
        "unsampled" | "flight" => Delivered { logs: route.errors(), ..nothing },
        "summary" | "discard" => Delivered { written: 1, ..nothing },
        "metrics" => Delivered { written: 1, measured: 1, ..nothing },
        "json" => Delivered { written: lines, ..nothing },
        "otlp" => Delivered { spans, logs, ..nothing },
        "store" => Delivered { written: 1, ..nothing },
        "json-otlp" => Delivered { written: lines, spans, logs, ..nothing },
        _ => Delivered { written: lines + 1, spans, logs, measured: 1 },
    }
}

/// A telemetry, and what it left in this process.
pub(super) struct Ours {
    telemetry: Telemetry,
    /// Lines, or records that were thrown away.
    written: Written,
    measured: Arc<AtomicU64>,
    _directory: TempDir,
}

impl Ours {
    pub(super) fn new(name: &str, sink: SocketAddr, key: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (written, measured) = (Written::default(), Arc::default());
        let mut builder = settings(name).service_name("bench");
        if matches!(name, "summary" | "discard" | "metrics") {
            builder = builder.exporter(Discard(written.clone()));
        }
        if matches!(name, "metrics" | "all") {
            builder = builder.exporter(Measures(Arc::clone(&measured)));
        }
        if matches!(name, "json" | "json-otlp" | "all") {
            builder = builder.exporter(Json::new(written.clone()));
        }
        if matches!(name, "unsampled" | "flight" | "otlp" | "json-otlp" | "all") {
            let otlp = Otlp::new(format!("http://{sink}/{key}"));
            builder = builder.exporter(otlp.clone().traces().expect("traces")).exporter(otlp.logs().expect("logs"));
        }
        if matches!(name, "store" | "all") {
            builder = builder.exporter(StoreExporter::new(Store::open(Settings::new(directory.path())).expect("a store")));
        }
        Self { telemetry: builder.init().expect("a telemetry"), written, measured, _directory: directory }
    }

    pub(super) fn app(&self) -> Router {
        app_with(get(fails)).layer(self.telemetry.layer())
    }

    pub(super) const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// What is in this process or on its disk.
    pub(super) fn kept_here(&self) -> Delivered {
        let exporters = self.telemetry.stats().exporters;
        let stored = exporters.iter().filter(|exporter| exporter.name == "store").map(|store| store.delivered).sum::<u64>();
        let measured = self.measured.load(Ordering::Relaxed);
        Delivered { written: self.written.total() + stored, measured, ..Delivered::default() }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Before its directory goes.
        let _ = self.telemetry.shutdown_blocking(Duration::from_secs(5));
    }
}

fn settings(name: &str) -> Builder {
    let builder = campanile::builder();
    match name {
        "off" => builder.env(Env::from_iter([("CAMPANILE", "off")])),
        "unsampled" => builder.sample_ratio(0.0).keep(Keep::none()),
        // Slow is what stays behind its route, or takes a second.
        "flight" => {
            let keep = Keep::failed().slower_than(Keep::DEFAULT_SLOWER_THAN).slow(Duration::from_secs(1));
            builder.sample_ratio(0.0).keep(keep)
        }
        "summary" => builder.keep(Keep::none()),
        _ => builder,
    }
}

async fn fails() -> Result<&'static str, Reported<OrderError>> {
    Ok(OrderError::take()?)
}

/// Throws records away.
struct Discard(Written);

impl Exporter for Discard {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.add(batch.records().len() as u64);
        Ok(())
    }
}

/// Takes metrics, and keeps of them how many requests they know of.
struct Measures(Arc<AtomicU64>);

impl Exporter for Measures {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, _: &Patience) -> Result<(), ExportError> {
        let points = snapshot.metric("http.server.request.duration").map_or(&[][..], |metric| metric.points());
        let counts = points.iter().map(|point| match point.data() {
            Data::Histogram { count, .. } => count,
            _ => 0,
        });
        self.0.store(counts.sum(), Ordering::Relaxed);
        Ok(())
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn wants_records(&self) -> bool {
        false
    }
}

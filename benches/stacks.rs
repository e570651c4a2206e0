//! What stands around the app: nothing, campanile, or what people assemble today.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use campanile::Telemetry;
use campanile::exporter::{Batch, ExportError, Exporter, Json};
use campanile::otlp::Otlp;
use http::Request;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::logs::{BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use tower::ServiceBuilder;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::{Route, sink};

/// Names of all stacks, the bare app first; each with what it is.
pub const STACKS: [(&str, &str); 10] = [
    ("bare", "the app alone"),
    ("off", "campanile, switched off"),
    ("discard", "campanile, records thrown away"),
    ("metrics", "campanile, records thrown away, metrics kept"),
    ("json", "campanile, JSON lines"),
    ("otlp", "campanile, OTLP"),
    ("all", "campanile, JSON lines and OTLP"),
    ("assembled-json", "tower-http, fmt JSON"),
    ("assembled-otlp", "tower-http, OpenTelemetry"),
    ("assembled", "tower-http, fmt JSON, OpenTelemetry"),
];

/// How long a flush may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// An app with what stands around it.
pub struct Stack {
    pub app: Router,
    name: &'static str,
    behind: Behind,
    written: Written,
    sink: SocketAddr,
}

/// What has to be flushed.
enum Behind {
    Nothing,
    Campanile(Telemetry),
    Assembled { traces: Option<SdkTracerProvider>, logs: Option<SdkLoggerProvider>, _lines: Option<WorkerGuard> },
}

impl Stack {
    /// Builds it and installs what is global of it: one for each process.
    pub fn new(name: &str, sink: SocketAddr) -> Option<Self> {
        let (name, _) = STACKS.into_iter().find(|(known, _)| *known == name)?;
        let written = Written::default();
        let (app, behind) = match name {
            "bare" => (crate::app(), Behind::Nothing),
            "off" | "discard" | "metrics" | "json" | "otlp" | "all" => campanile(name, sink, &written),
            _ => assembled(name, sink, &written),
        };
        Some(Self { app, name, behind, written, sink })
    }

    /// What runs, where it is campanile.
    pub const fn telemetry(&self) -> Option<&Telemetry> {
        match &self.behind {
            Behind::Campanile(telemetry) => Some(telemetry),
            _ => None,
        }
    }

    /// Waits until all that was recorded is where it goes.
    pub fn flush(&self, requests: u64, route: Route) {
        match &self.behind {
            Behind::Nothing => {}
            Behind::Campanile(telemetry) => assert!(telemetry.flush(DEADLINE), "the flush ended in time"),
            Behind::Assembled { traces, logs, .. } => {
                let until = Instant::now() + DEADLINE;
                // Its own deadline is short for a machine that is busy.
                while traces.as_ref().is_some_and(|traces| traces.force_flush().is_err()) && Instant::now() < until {}
                while logs.as_ref().is_some_and(|logs| logs.force_flush().is_err()) && Instant::now() < until {}
                // A non-blocking writer has no flush.
                while self.written.total() < self.due(route).written * requests && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }

    /// What one request has to leave behind.
    pub const fn due(&self, route: Route) -> Delivered {
        let users = matches!(route, Route::Users) as u64;
        match self.name.as_bytes() {
            b"discard" | b"metrics" => Delivered { written: 1, spans: 0, logs: 0 },
            b"json" => Delivered { written: 1 + users, spans: 0, logs: 0 },
            b"otlp" => Delivered { written: 0, spans: 1 + users, logs: 2 * users },
            b"all" => Delivered { written: 1 + users, spans: 1 + users, logs: 2 * users },
            // "started processing request", "finished processing request" and "end of stream" are three more.
            b"assembled-json" => Delivered { written: 3 + 2 * users, spans: 0, logs: 0 },
            b"assembled-otlp" => Delivered { written: 0, spans: 1 + users, logs: 3 + 2 * users },
            b"assembled" => Delivered { written: 3 + 2 * users, spans: 1 + users, logs: 3 + 2 * users },
            _ => Delivered { written: 0, spans: 0, logs: 0 },
        }
    }

    /// What has arrived by now; ask after [`flush`](Self::flush).
    pub fn delivered(&self, key: &str) -> Delivered {
        let (spans, logs) = sink::counted(self.sink, key);
        Delivered { written: self.written.total(), spans, logs }
    }
}

/// Lines or records at a local end, and spans and log records at the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    pub written: u64,
    pub spans: u64,
    pub logs: u64,
}

impl Delivered {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.written + self.spans + self.logs
    }
}

fn campanile(name: &str, sink: SocketAddr, written: &Written) -> (Router, Behind) {
    let mut builder = campanile::builder().service_name("bench");
    if name == "off" {
        builder = builder.env(campanile::Env::from_iter([("CAMPANILE", "off")]));
    }
    if name == "discard" {
        builder = builder.exporter(Discard(written.clone()));
    }
    if name == "metrics" {
        builder = builder.exporter(Discard(written.clone())).exporter(DiscardMetrics);
    }
    if matches!(name, "json" | "all") {
        builder = builder.exporter(Json::new(written.clone()));
    }
    if matches!(name, "otlp" | "all") {
        let otlp = Otlp::new(format!("http://{sink}/{}", key(name)));
        builder = builder.exporter(otlp.clone().traces().expect("traces")).exporter(otlp.logs().expect("logs"));
    }
    let telemetry = builder.init().expect("a telemetry");
    (crate::app().layer(telemetry.layer()), Behind::Campanile(telemetry))
}

/// Throws records away.
struct Discard(Written);

impl Exporter for Discard {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.add(batch.records().len() as u64);
        Ok(())
    }
}

/// Throws metrics away.
struct DiscardMetrics;

impl Exporter for DiscardMetrics {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn wants_records(&self) -> bool {
        false
    }
}

/// Request ids, spans around requests, lines and OpenTelemetry, as their guides put them together.
///
/// Everything is recorded. The queues are larger than their defaults, so that nothing is dropped either.
fn assembled(name: &str, sink: SocketAddr, written: &Written) -> (Router, Behind) {
    let (has_json, has_otlp) = (name != "assembled-otlp", name != "assembled-json");
    let filter = || EnvFilter::new("info,campanile_benches=debug,tower_http=debug");

    let (json, lines) = has_json
        .then(|| {
            let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(written.clone());
            (tracing_subscriber::fmt::layer().json().with_writer(writer).with_filter(filter()), guard)
        })
        .unzip();

    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let traces = has_otlp.then(|| {
        let endpoint = format!("http://{sink}/{}/v1/traces", key(name));
        let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(endpoint);
        let config = opentelemetry_sdk::trace::BatchConfigBuilder::default().with_max_queue_size(65_536).build();
        let processor = BatchSpanProcessor::builder(exporter.build().expect("an exporter")).with_batch_config(config).build();
        SdkTracerProvider::builder().with_span_processor(processor).build()
    });
    let logs = has_otlp.then(|| {
        let endpoint = format!("http://{sink}/{}/v1/logs", key(name));
        let exporter = LogExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(endpoint);
        let config = opentelemetry_sdk::logs::BatchConfigBuilder::default().with_max_queue_size(65_536).build();
        let processor = BatchLogProcessor::builder(exporter.build().expect("an exporter")).with_batch_config(config).build();
        SdkLoggerProvider::builder().with_log_processor(processor).build()
    });
    let spans =
        traces.as_ref().map(|traces| tracing_opentelemetry::layer().with_tracer(traces.tracer("bench")).with_filter(filter()));
    let events = logs.as_ref().map(|logs| OpenTelemetryTracingBridge::new(logs).with_filter(filter()));
    tracing_subscriber::registry().with(json).with(spans).with(events).init();

    let around = ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(request_span))
        .layer(PropagateRequestIdLayer::x_request_id());
    (crate::app().layer(around), Behind::Assembled { traces, logs, _lines: lines })
}

fn request_span<B>(request: &Request<B>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let (method, uri, version) = (request.method(), request.uri(), request.version());
    let span = tracing::info_span!("request", %method, %uri, ?version, request_id = id, otel.kind = "server");
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(request.headers())));
    // Fails where no layer of OpenTelemetry listens.
    let _ = span.set_parent(parent);
    span
}

/// Under which name a process's stack is counted at the sink; several processes may run the same stack.
pub fn key(stack: &str) -> String {
    format!("{stack}-{}", std::process::id())
}

/// A writer that keeps nothing but the number of lines.
#[derive(Clone, Default)]
struct Written(Arc<AtomicU64>);

impl Written {
    fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(bytes.iter().filter(|byte| **byte == b'\n').count() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

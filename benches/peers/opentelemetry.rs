//! OpenTelemetry below `tracing`: the bridge of spans and that of logs, over OTLP; alone, and in the full set.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum_prometheus::PrometheusMetricLayer;
use axum_prometheus::metrics_exporter_prometheus::PrometheusHandle;
use http::Request;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::logs::{BatchConfigBuilder as LogBatches, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder as SpanBatches, BatchSpanProcessor, SdkTracerProvider};
use tokio::runtime::{Builder, Runtime};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::tower_http::{Lines, events, request_id, with_ids};
use crate::{Behind, Delivered, FILTER, Peer, Route, app};

/// Of the batch processors, so that a burst fits: by default it is 2,048.
const QUEUE: usize = 65_536;

pub(crate) fn otlp(sink: SocketAddr, key: &str) -> Peer {
    let providers = Providers::new(sink, key);
    tracing_subscriber::registry()
        .with(EnvFilter::new(FILTER))
        .with(tracing_opentelemetry::layer().with_tracer(providers.traces.tracer("bench")))
        .with(OpenTelemetryTracingBridge::new(&providers.logs))
        .init();
    let due = |route: Route| Delivered { spans: 1 + route.children(), logs: events(route), ..Delivered::default() };
    Peer { app: with_ids(app(), request_span), behind: Box::new(providers), due }
}

pub(crate) fn assembled(sink: SocketAddr, key: &str) -> Peer {
    let (writer, lines) = Lines::new();
    let providers = Providers::new(sink, key);
    tracing_subscriber::registry()
        .with(EnvFilter::new(FILTER))
        .with(tracing_subscriber::fmt::layer().json().with_writer(writer))
        .with(tracing_opentelemetry::layer().with_tracer(providers.traces.tracer("bench")))
        .with(OpenTelemetryTracingBridge::new(&providers.logs))
        .init();
    // Its upkeep is a task.
    let upkeep = Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let (metrics, numbers) = upkeep.block_on(async { PrometheusMetricLayer::pair() });
    let due = |route: Route| {
        let events = events(route);
        Delivered { written: events, spans: 1 + route.children(), logs: events, measured: 1 }
    };
    let app = with_ids(app().layer(CatchPanicLayer::new()), request_span).layer(metrics);
    Peer { app, behind: Box::new(Assembled { lines, providers, numbers, _upkeep: upkeep }), due }
}

fn request_span<B>(request: &Request<B>) -> Span {
    let (method, uri, version) = (request.method(), request.uri(), request.version());
    let span = tracing::info_span!("request", %method, %uri, ?version, request_id = request_id(request), otel.kind = "server");
    let parent =
        opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(request.headers())));
    // Fails where no layer of OpenTelemetry listens.
    let _ = span.set_parent(parent);
    span
}

struct Providers {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Providers {
    fn new(sink: SocketAddr, key: &str) -> Self {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let spans = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let spans = spans.with_endpoint(format!("http://{sink}/{key}/v1/traces")).build().expect("an exporter");
        let records = LogExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
        let records = records.with_endpoint(format!("http://{sink}/{key}/v1/logs")).build().expect("an exporter");

        let batches = SpanBatches::default().with_max_queue_size(QUEUE).build();
        let spans = BatchSpanProcessor::builder(spans).with_batch_config(batches).build();
        let batches = LogBatches::default().with_max_queue_size(QUEUE).build();
        let records = BatchLogProcessor::builder(records).with_batch_config(batches).build();
        Self {
            traces: SdkTracerProvider::builder().with_span_processor(spans).build(),
            logs: SdkLoggerProvider::builder().with_log_processor(records).build(),
        }
    }
}

impl Behind for Providers {
    /// Their own deadline is short for a machine that is busy.
    fn flush(&self, _: Delivered, within: Duration) {
        let until = Instant::now() + within;
        while self.traces.force_flush().is_err() && Instant::now() < until {}
        while self.logs.force_flush().is_err() && Instant::now() < until {}
    }
}

struct Assembled {
    lines: Lines,
    providers: Providers,
    numbers: PrometheusHandle,
    _upkeep: Runtime,
}

impl Behind for Assembled {
    fn flush(&self, due: Delivered, within: Duration) {
        self.providers.flush(due, within);
        self.lines.flush(due, within);
    }

    fn kept_here(&self) -> Delivered {
        let text = self.numbers.render();
        let of_requests = text.lines().filter(|line| line.starts_with("axum_http_requests_total{"));
        let measured = of_requests.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
        Delivered { measured, ..self.lines.kept_here() }
    }
}

//! Through the bridge: spans of the OpenTelemetry API and ours are one tree, and the SDK's exporters tell the same as ours.

use std::convert::Infallible;
use std::future::Future;

use bytes::Bytes;
use campanile::exporter::Memory;
use campanile::opentelemetry::{Logs, Spans};
use campanile::otlp::{Otlp, Protocol};
use campanile::record::Record;
use campanile::{Builder, Telemetry};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tower::ServiceExt as _;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::receiver::Receiver;

fn endpoint(receiver: &Receiver) -> String {
    format!("http://127.0.0.1:{}", receiver.grpc_port)
}

fn ours(receiver: &Receiver) -> Otlp {
    Otlp::new(endpoint(receiver)).protocol(Protocol::Grpc)
}

fn spans(receiver: &Receiver) -> SpanExporter {
    SpanExporter::builder().with_tonic().with_endpoint(endpoint(receiver)).build().unwrap()
}

/// One request through the layer, answered by `handler` inside the request.
async fn one<F: Future<Output = ()>>(telemetry: &Telemetry, uri: &str, handler: impl FnOnce() -> F + Clone) {
    let service = tower::service_fn(move |_: Request<_>| {
        let handler = handler.clone();
        async move {
            handler().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
        }
    });
    let service = tower::Layer::layer(&telemetry.layer(), service);
    let request = Request::get(uri).body(Full::<Bytes>::default()).unwrap();
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
}

fn listen(telemetry: &Telemetry) -> tracing::subscriber::DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry().with(telemetry.tracing_layer()))
}

#[tokio::test]
async fn both_kinds_of_spans_are_one_tree_at_the_receiver() {
    let Some(mut receiver) = Receiver::sink("both_kinds_of_spans_are_one_tree_at_the_receiver") else { return };
    let provider = SdkTracerProvider::builder().with_batch_exporter(spans(&receiver)).build();
    let tracer = provider.tracer("library");
    let memory = Memory::new();
    let builder = campanile::builder().exporter(memory.clone()).opentelemetry();
    let telemetry = builder.exporter(ours(&receiver).traces().unwrap()).build().unwrap();
    let guard = listen(&telemetry);
    one(&telemetry, "/tree", || {
        let import = tracer.start("import");
        let below = async move {
            tokio::task::yield_now().await;
            let parse = tracing::info_span!("parse");
            async { tracer.start("query").end() }.instrument(parse).await;
        };
        below.with_context(Context::current_with_span(import))
    })
    .await;
    drop(guard);
    telemetry.shutdown().await;
    tokio::task::spawn_blocking(move || provider.shutdown()).await.unwrap().unwrap();

    let arrived = receiver.arrived(4, 0);
    let named = |name: &str| arrived.spans.iter().find(|(_, span)| span.name == name).unwrap_or_else(|| panic!("no {name}"));
    let (server_id, server) = named("GET");
    let ((import_id, import), (parse_id, parse), (_, query)) = (named("import"), named("parse"), named("query"));
    assert_eq!((server.kind.as_str(), server.parent_span_id.as_str()), ("SERVER", ""));
    assert_eq!(&import.parent_span_id, server_id, "theirs below ours");
    assert_eq!(&parse.parent_span_id, import_id, "ours below theirs");
    assert_eq!(&query.parent_span_id, parse_id, "and theirs below ours again");
    assert!(arrived.spans.values().all(|span| span.trace_id == server.trace_id));
    assert_eq!(memory.records()[0].span_id().to_string(), *server_id);
}

#[tokio::test]
async fn an_exporter_of_the_sdk_tells_what_ours_tells() {
    let test = "an_exporter_of_the_sdk_tells_what_ours_tells";
    let (Some(mut by_us), Some(mut by_them)) = (Receiver::sink(test), Receiver::sink(test)) else { return };
    let memory = Memory::new();
    let logs = LogExporter::builder().with_tonic().with_endpoint(endpoint(&by_them)).build().unwrap();
    let exporters = |builder: Builder| {
        let builder = builder.exporter(ours(&by_us).traces().unwrap()).exporter(ours(&by_us).logs().unwrap());
        builder.exporter(Spans::new(spans(&by_them))).exporter(Logs::new(logs)).exporter(memory.clone())
    };
    let telemetry = exporters(campanile::builder().service_name("bridged")).build().unwrap();
    let guard = listen(&telemetry);
    one(&telemetry, "/told?a=1", || {
        let work = async {
            tracing::info!(answer = 42, ratio = 0.5, is_so = true, "worked");
            campanile::set("order.id", 981_u64);
        };
        work.instrument(tracing::info_span!("load", table = "orders"))
    })
    .await;
    one(&telemetry, "/failed", || async {
        let error = std::io::Error::other("disk gone");
        campanile::attach(&error);
    })
    .await;
    drop(guard);
    let report = telemetry.shutdown().await;
    assert_eq!(report.stats.exporters.iter().map(|exporter| exporter.dropped.total()).sum::<u64>(), 0, "{report:?}");

    let records: Vec<Record> = memory.records();
    let count = |of: fn(&Record) -> usize| records.iter().map(of).sum::<usize>();
    let all = (count(|record| 1 + record.spans().len()), count(|record| record.events().len()));
    let (by_us, by_them) = (by_us.arrived(all.0, all.1), by_them.arrived(all.0, all.1));
    by_them.assert_is(&by_us);
    assert!(by_us.spans.values().any(|span| span.attributes.contains_key("order.id")));
}

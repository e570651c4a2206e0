//! With the bridge, spans of the OpenTelemetry API and ours are one tree, and the SDK's exporters carry our records.

#![cfg(feature = "opentelemetry")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use campanile::InExchange as _;
use campanile::record::{Record, SpanId};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt as _, Span as _, SpanContext, TraceContextExt as _, TraceFlags, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use support::Observed;
use tower::ServiceExt as _;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// Keeps what the SDK hands over.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Kept {
    fn tracer(&self) -> SdkTracer {
        SdkTracerProvider::builder().with_simple_exporter(self.clone()).build().tracer("library")
    }

    #[track_caller]
    fn only(&self) -> SpanData {
        let mut all = self.0.lock().unwrap().clone();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

fn bridged() -> Observed {
    Observed::with(campanile::Builder::opentelemetry)
}

/// One request through the layer, answered by `handler` inside the request.
async fn one<F>(observed: &Observed, request: Request<Full<Bytes>>, handler: impl FnOnce() -> F + Clone) -> Record
where
    F: Future<Output = ()>,
{
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(observed.telemetry.tracing_layer()));
    let service = tower::service_fn(move |_: Request<_>| {
        let handler = handler.clone();
        async move {
            handler().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
        }
    });
    let service = tower::Layer::layer(&observed.layer(), service);
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    assert!(!Context::current().has_active_span(), "nothing stays behind on the thread");
    observed.only_request()
}

fn request() -> Request<Full<Bytes>> {
    Request::new(Full::default())
}

fn ours(id: opentelemetry::SpanId) -> SpanId {
    SpanId(id.to_bytes())
}

#[tokio::test]
async fn a_span_of_the_api_is_a_child_of_the_request() {
    let (observed, kept) = (bridged(), Kept::default());
    let tracer = kept.tracer();
    let record = one(&observed, request(), || async move {
        tokio::task::yield_now().await;
        tracer.start("query").end();
    })
    .await;
    let span = kept.only();
    assert_eq!(span.span_context.trace_id().to_bytes(), record.trace_id().unwrap().0);
    assert_eq!(ours(span.parent_span_id), record.span_id());
    assert!(span.span_context.is_sampled());
}

#[tokio::test]
async fn a_span_of_the_api_is_a_child_of_the_innermost_tracing_span() {
    let (observed, kept) = (bridged(), Kept::default());
    let tracer = kept.tracer();
    let record = one(&observed, request(), || {
        let work = async move {
            tokio::task::yield_now().await;
            tracer.start("query").end();
        };
        work.instrument(tracing::info_span!("load"))
    })
    .await;
    let load = record.spans().next().unwrap();
    assert_eq!((load.name(), load.parent_id()), ("load", Some(record.span_id())));
    assert_eq!(ours(kept.only().parent_span_id), load.id());
}

#[tokio::test]
async fn what_happens_inside_a_span_of_the_api_is_its_child() {
    let (observed, kept) = (bridged(), Kept::default());
    let tracer = kept.tracer();
    let record = one(&observed, request(), || {
        let context = Context::current_with_span(tracer.start("import"));
        let work = async {
            tokio::task::yield_now().await;
            tracing::info!("inside");
            drop(tracing::info_span!("parse").entered());
        };
        work.with_context(context)
    })
    .await;
    let import = kept.only();
    assert_eq!(ours(import.parent_span_id), record.span_id());
    let parse = record.spans().next().unwrap();
    assert_eq!((parse.name(), parse.parent_id()), ("parse", Some(ours(import.span_context.span_id()))));
    assert_eq!(record.events().next().unwrap().span_id(), Some(ours(import.span_context.span_id())));
}

#[tokio::test]
async fn spawned_work_of_the_request_has_its_context() {
    let (observed, kept) = (bridged(), Kept::default());
    let tracer = kept.tracer();
    let record = one(&observed, request(), || async move {
        let work = async move { tracer.start("later").end() };
        tokio::spawn(work.in_exchange()).await.unwrap();
    })
    .await;
    assert_eq!(ours(kept.only().parent_span_id), record.span_id());
}

#[tokio::test]
async fn a_current_context_is_continued_unless_the_request_names_another_trace() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let foreign = |trace: &str| {
        let trace = opentelemetry::TraceId::from_hex(trace).unwrap();
        let span = opentelemetry::SpanId::from_hex("00000000000000aa").unwrap();
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE);
        Context::new().with_remote_span_context(context)
    };
    let named = || {
        let mut request = request();
        let value = http::HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        request.headers_mut().insert("traceparent", value);
        request
    };
    let run = |context: Context, request: Request<Full<Bytes>>| async move {
        let observed = bridged();
        let service = tower::service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
        let service = tower::Layer::layer(&observed.layer(), service);
        service.oneshot(request).with_context(context).await.unwrap();
        let record = observed.only_request();
        let parent = record.parent_span_id().map(|id| id.to_string()).unwrap_or_default();
        (record.trace_id().unwrap().to_string(), parent, record.parent_is_remote())
    };
    let unnamed = run(foreign(trace), request()).await;
    assert_eq!(unnamed, (trace.to_owned(), "00000000000000aa".to_owned(), false));
    // A layer of another library took the same header and opened a span for it.
    let between = run(foreign(trace), named()).await;
    assert_eq!(between, (trace.to_owned(), "00000000000000aa".to_owned(), false));
    let other = run(foreign("11111111111111111111111111111111"), named()).await;
    assert_eq!(other, (trace.to_owned(), "b7ad6b7169203331".to_owned(), true));
}

#[tokio::test]
async fn without_the_bridge_the_context_stays_as_it_is() {
    let (observed, kept) = (Observed::new(), Kept::default());
    let tracer = kept.tracer();
    one(&observed, request(), || async move { tracer.start("query").end() }).await;
    assert_eq!(kept.only().parent_span_id, opentelemetry::SpanId::INVALID);
}

/// Starts and ends a runtime of its own, as blocking HTTP clients do.
#[derive(Debug)]
struct Blocking(Kept);

impl SpanExporter for Blocking {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(tokio::runtime::Builder::new_current_thread().build().unwrap());
        tokio::task::yield_now().await;
        tokio::spawn(tokio::time::sleep(std::time::Duration::from_millis(1))).await.unwrap();
        self.0.export(batch).await
    }
}

#[tokio::test]
async fn an_exporter_may_block_and_may_want_a_runtime() {
    let kept = Kept::default();
    let observed = Observed::with(|builder| builder.exporter(campanile::opentelemetry::Spans::new(Blocking(kept.clone()))));
    one(&observed, request(), || async {}).await;
    assert_eq!(kept.only().name, "GET");
    let stats = observed.telemetry.stats();
    assert!(stats.exporters.iter().all(|exporter| exporter.dropped.total() == 0), "{stats:?}");
}

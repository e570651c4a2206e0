//! The ways in which the layer is put around a service, and the settings that a run is made with.

use bytes::Bytes;
use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::{Bodies, Handle, ObserveBody, TraceResponse, TrustIds, TrustedProxies, catch_panic_layer, route_layer};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use tower::util::{BoxCloneService, BoxService, MapRequest};
use tower::{Layer as _, Service, ServiceExt as _};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

use super::service::Play;
use crate::support::{BoxBody, BoxError, Observed};

/// Settings that must not change an exchange. A new one is a line.
const VARIANTS: &[Variant] = &[
    ("as it is", |builder| builder),
    ("no propagators", |builder| builder.propagators([])),
    ("all propagators", |builder| builder.env(env("OTEL_PROPAGATORS", ALL_PROPAGATORS))),
    ("strangers", |builder| builder.restart_traces(true).trust_inbound_ids(TrustIds::Never)),
    ("the trace is told", |builder| builder.trace_response(TraceResponse::Both).record_baggage(["key"])),
    ("sizes are measured", |builder| builder.body_size_metrics(true)),
    ("bodies are kept", |builder| builder.capture_bodies(Bodies::on())),
    ("bodies of failures are kept", |builder| builder.capture_bodies(Bodies::failed())),
    ("proxies are trusted", |builder| builder.trusted_proxies(TrustedProxies::private())),
    ("nothing sampled", |builder| builder.sample_ratio(0.0)),
    ("an exporter that panics", |builder| builder.exporter(Panics)),
];

const ALL_PROPAGATORS: &str = "tracecontext,baggage,b3,b3multi,jaeger,xray,datadog,sentry,google";

fn env(name: &str, value: &str) -> campanile::Env {
    campanile::Env::from_iter([(name, value), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")])
}

#[derive(Clone)]
struct Panics;

#[cfg(feature = "tower-http")]
impl tower_http::request_id::MakeRequestId for Panics {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<tower_http::request_id::RequestId> {
        panic!("told to panic in a maker of request ids")
    }
}

impl Exporter for Panics {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        panic!("told to panic in an exporter")
    }
}

pub(crate) type Variant = (&'static str, fn(campanile::Builder) -> campanile::Builder);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    Once,
    /// With the request's body left as it is.
    AsIs,
    /// The same telemetry twice.
    Twice,
    /// Two telemetries.
    Nested,
    RouteLayer,
    /// With panics turned into answers inside.
    CatchPanic,
    /// With functions of the application's that panic.
    PanickingSettings,
    /// A subscriber sees the request's span.
    Subscribed,
}

const STACKS: [Stack; 8] = [
    Stack::Once,
    Stack::AsIs,
    Stack::Twice,
    Stack::Nested,
    Stack::RouteLayer,
    Stack::CatchPanic,
    Stack::PanickingSettings,
    Stack::Subscribed,
];

/// Every stack with every variant, over and over.
pub(crate) fn combinations() -> impl Iterator<Item = (Stack, Variant)> {
    STACKS.into_iter().flat_map(|stack| VARIANTS.iter().map(move |variant| (stack, *variant))).cycle()
}

/// The telemetries of a stack: one, but two where it is nested.
pub(crate) struct Telemetries(pub(crate) Vec<Observed>);

impl Telemetries {
    pub(crate) fn new(stack: Stack, variant: Variant) -> Self {
        let count = if stack == Stack::Nested { 2 } else { 1 };
        Self((0..count).map(|_| Observed::with(variant.1)).collect())
    }

    /// While this is held, the thread's subscribers see the spans and events of a stack that is subscribed.
    pub(crate) fn subscribe(&self, stack: Stack) -> Option<DefaultGuard> {
        let registry = tracing_subscriber::registry().with(self.0[0].telemetry.tracing_layer());
        let registry = registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::sink));
        (stack == Stack::Subscribed).then(|| tracing::subscriber::set_default(registry))
    }
}

/// How many requests a telemetry takes to be in flight, as of its last flush.
pub(crate) fn in_flight(seen: &Observed) -> i64 {
    let metrics = seen.memory.metrics().expect("a flush brings metrics");
    metrics.metric("http.server.active_requests").map_or(0, |active| active.count(&[]))
}

type Boxed<B> = BoxService<Request<B>, Response<BoxBody>, BoxError>;
type BoxedClone<B> = BoxCloneService<Request<B>, Response<BoxBody>, BoxError>;

fn unify<S, B, R>(
    service: S,
) -> impl Service<Request<B>, Response = Response<BoxBody>, Error = BoxError, Future: Send> + Clone + Send + 'static
where
    S: Service<Request<B>, Response = Response<R>, Error = BoxError, Future: Send> + Clone + Send + 'static,
    R: Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    service.map_response(|response: Response<R>| response.map(BoxBody::new))
}

/// Without a network, where a service need not be cloned.
pub(crate) fn boxed<B>(stack: Stack, seen: Option<&Telemetries>, play: Play) -> Boxed<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + std::fmt::Display,
{
    match built(stack, seen, play) {
        Built::Bare(play) => BoxService::new(play),
        Built::Boxed(service) => BoxService::new(service),
    }
}

/// For servers, which clone it.
pub(crate) fn cloned<B>(stack: Stack, seen: Option<&Telemetries>, play: Play) -> BoxedClone<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + std::fmt::Display,
{
    match built(stack, seen, play) {
        Built::Bare(play) => BoxCloneService::new(play),
        Built::Boxed(service) => service,
    }
}

/// Gives a request an id that is the same with and without the layer, as the answer to a panic tells it.
fn name<B>(mut request: Request<B>) -> Request<B> {
    request.extensions_mut().remove::<Handle>();
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("the-same"));
    request
}

enum Built<B> {
    Bare(Play),
    Boxed(BoxedClone<B>),
}

fn built<B>(stack: Stack, seen: Option<&Telemetries>, play: Play) -> Built<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + std::fmt::Display,
{
    let Some(seen) = seen else {
        return if stack == Stack::CatchPanic {
            Built::Boxed(BoxCloneService::new(unify(MapRequest::new(catch_panic_layer().layer(play), name::<B>))))
        } else {
            Built::Bare(play)
        };
    };
    let layer = seen.0[0].layer();
    Built::Boxed(match stack {
        Stack::Once | Stack::Subscribed => BoxCloneService::new(unify(layer.layer(play))),
        Stack::AsIs => BoxCloneService::new(unify(layer.keep_request_body().layer(play))),
        Stack::Twice => BoxCloneService::new(unify(layer.layer(seen.0[0].layer().layer(play)))),
        Stack::Nested => BoxCloneService::new(unify(layer.layer(seen.0[1].layer().layer(play)))),
        Stack::RouteLayer => BoxCloneService::new(unify(layer.layer(route_layer().layer(play)))),
        Stack::CatchPanic => {
            let catches = MapRequest::new(catch_panic_layer().layer(play), name::<ObserveBody<B>>);
            BoxCloneService::new(unify(layer.layer(catches)))
        }
        Stack::PanickingSettings => {
            let layer = layer.peer(|_| panic!("told to panic in a finder of peers"));
            #[cfg(feature = "tower-http")]
            let layer = layer.make_request_id(Panics);
            BoxCloneService::new(unify(layer.layer(play)))
        }
    })
}

//! tower-http's request ids and `TraceLayer`, and lines of `tracing-subscriber`, as axum's examples put them together.

use std::time::{Duration, Instant};

use axum::Router;
use http::Request;
use tower::ServiceBuilder;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{Behind, Delivered, FILTER, Peer, Route, Written, app};

pub(crate) fn text() -> Peer {
    let (writer, lines) = Lines::new();
    let lines_of = tracing_subscriber::fmt::layer().with_writer(writer);
    tracing_subscriber::registry().with(EnvFilter::new(FILTER)).with(lines_of).init();
    Peer { app: with_ids(app(), request_span), behind: Box::new(lines), due }
}

pub(crate) fn json() -> Peer {
    let (writer, lines) = Lines::new();
    let lines_of = tracing_subscriber::fmt::layer().json().with_writer(writer);
    tracing_subscriber::registry().with(EnvFilter::new(FILTER)).with(lines_of).init();
    Peer { app: with_ids(app(), request_span), behind: Box::new(lines), due }
}

fn due(route: Route) -> Delivered {
    Delivered { written: events(route), ..Delivered::default() }
}

/// Events of one request, the handler's and those of `TraceLayer`: "started processing request", "finished processing
/// request" and "end of stream"; of a failure also "response failed".
pub(crate) const fn events(route: Route) -> u64 {
    3 + route.events() + 2 * route.errors()
}

/// Request ids and a span around each request.
pub(crate) fn with_ids(app: Router, span: fn(&Request<axum::body::Body>) -> Span) -> Router {
    app.layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(TraceLayer::new_for_http().make_span_with(span))
            .layer(PropagateRequestIdLayer::x_request_id()),
    )
}

pub(crate) fn request_id<B>(request: &Request<B>) -> &str {
    request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default()
}

fn request_span<B>(request: &Request<B>) -> Span {
    let (method, uri, version) = (request.method(), request.uri(), request.version());
    tracing::info_span!("request", %method, %uri, ?version, request_id = request_id(request))
}

/// A non-blocking writer to nowhere.
pub(crate) struct Lines {
    written: Written,
    dropped: ErrorCounter,
    _guard: WorkerGuard,
}

impl Lines {
    pub(crate) fn new() -> (NonBlocking, Self) {
        let written = Written::default();
        let (writer, guard) = tracing_appender::non_blocking(written.clone());
        let dropped = writer.error_counter();
        (writer, Self { written, dropped, _guard: guard })
    }
}

impl Behind for Lines {
    /// A non-blocking writer has no flush.
    fn flush(&self, due: Delivered, within: Duration) {
        let until = Instant::now() + within;
        let over = || self.written.total() + self.dropped.dropped_lines() as u64 >= due.written;
        while !over() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn kept_here(&self) -> Delivered {
        Delivered { written: self.written.total(), ..Delivered::default() }
    }
}

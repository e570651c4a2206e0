//! Sentry's layers for tower and for `tracing`: transactions, spans, logs and errors.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use sentry::integrations::tower::{NewSentryLayer, SentryHttpLayer};
use sentry::integrations::tracing::{ErrorLayer, LogLayer, SpanLayer};
use sentry::{ClientInitGuard, ClientOptions};
use tower::ServiceBuilder;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::{Behind, Delivered, FILTER, Peer, Route, app};

/// Envelopes that wait, so that a burst fits: by default it is 30.
const QUEUE: usize = 4096;

pub(crate) fn sentry(sink: SocketAddr, key: &str) -> Peer {
    let dsn = format!("http://public@{sink}/{key}/42");
    let options = ClientOptions::new().dsn(&dsn).traces_sample_rate(1.0).transport_channel_capacity(QUEUE);
    let guard = ::sentry::init(options);
    tracing_subscriber::registry()
        .with(EnvFilter::new(FILTER))
        .with(SpanLayer::new())
        .with(LogLayer::new())
        .with(ErrorLayer::new().with_filter(LevelFilter::ERROR))
        .init();
    let around = ServiceBuilder::new()
        .layer(NewSentryLayer::<Request<Body>>::new_from_top())
        .layer(SentryHttpLayer::new().enable_transaction());
    let due = |route: Route| {
        // An error is a log as well.
        let (spans, logs) = (1 + route.children(), route.events() + 2 * route.errors());
        Delivered { spans, logs, ..Delivered::default() }
    };
    Peer { app: app().layer(around), behind: Box::new(Sentry(guard)), due }
}

struct Sentry(ClientInitGuard);

impl Behind for Sentry {
    fn flush(&self, _: Delivered, within: Duration) {
        let _ = self.0.flush(Some(within));
    }
}

//! The app under measurement, and what people assemble around it today.
//!
//! Each peer stands as its own guide puts it together, and records everything: spans down to DEBUG of the app's own code,
//! every event, every error. Nothing here knows campanile.

mod app;
mod fastrace;
mod opentelemetry;
mod route;
mod sentry;
mod tower_http;
mod written;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;

pub use self::app::{OrderError, app, app_with};
pub use self::route::{Delivered, Route};
pub use self::written::Written;

/// Names of all peers; each with what it is.
pub const PEERS: [(&str, &str); 7] = [
    ("assembled-text", "tower-http, fmt text"),
    ("assembled-json", "tower-http, fmt JSON"),
    ("assembled-otlp", "tower-http, OpenTelemetry"),
    ("assembled", "tower-http, fmt JSON, OpenTelemetry, metrics, catch-panic"),
    ("fastrace", "fastrace"),
    ("fastrace-logforth", "fastrace, logforth"),
    ("sentry", "sentry-tower, sentry-tracing"),
];

/// What every subscriber lets through.
const FILTER: &str = "info,campanile_peers=debug,tower_http=debug";

/// An app with a peer around it.
pub struct Peer {
    pub app: Router,
    behind: Box<dyn Behind>,
    due: fn(Route) -> Delivered,
}

impl Peer {
    /// Builds it and installs what is global of it: one for each process. What it sends goes to `sink`, below `key`.
    pub fn new(name: &str, sink: SocketAddr, key: &str) -> Option<Self> {
        // The HTTP client of most of them asks for it, whatever the address is.
        let _ = rustls::crypto::ring::default_provider().install_default();
        match name {
            "assembled-text" => Some(tower_http::text()),
            "assembled-json" => Some(tower_http::json()),
            "assembled-otlp" => Some(opentelemetry::otlp(sink, key)),
            "assembled" => Some(opentelemetry::assembled(sink, key)),
            "fastrace" => Some(fastrace::spans(sink, key)),
            "fastrace-logforth" => Some(fastrace::spans_and_logs(sink, key)),
            "sentry" => Some(sentry::sentry(sink, key)),
            _ => None,
        }
    }

    /// What one request has to leave behind.
    pub fn due(&self, route: Route) -> Delivered {
        (self.due)(route)
    }

    /// Waits until all that is due of so many requests is where it goes, or until `within` is over.
    pub fn flush(&self, requests: u64, route: Route, within: Duration) {
        self.behind.flush(self.due(route).times(requests), within);
    }

    /// Lines and measurements that it left in this process.
    pub fn kept_here(&self) -> Delivered {
        self.behind.kept_here()
    }
}

/// What has to be flushed, and kept alive.
trait Behind: Send + Sync {
    fn flush(&self, due: Delivered, within: Duration);

    fn kept_here(&self) -> Delivered {
        Delivered::default()
    }
}

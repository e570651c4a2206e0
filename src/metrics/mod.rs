//! What requests add up to: durations, sizes, how many are in flight, what the process takes for them, and what the
//! pipeline itself lost.
//!
//! Everything is derived from finished records and looked up on the pipeline's own thread, so a request pays for a few
//! counters and nothing else. An exporter that [wants metrics](crate::exporter::Exporter::wants_metrics) is given a [`Snapshot`]
//! every minute (`OTEL_METRIC_EXPORT_INTERVAL`), at every flush and once more at shutdown.
//!
//! # What there is
//! | metric | attributes |
//! |---|---|
//! | `http.server.request.duration` (s) | `http.request.method`, `url.scheme`, `http.route`, `http.response.status_code`, `error.type`, `network.protocol.version` |
//! | `http.server.active_requests` | `http.request.method`, `url.scheme` |
//! | `http.server.request.body.size`, `http.server.response.body.size` (By), where [asked for](crate::Builder::body_size_metrics) | as of the duration |
//! | `rpc.server.call.duration` (s), of gRPC instead of the first | `rpc.system.name`, `rpc.method`, `rpc.response.status_code`, `error.type` |
//! | `http.client.request.duration`, `rpc.client.call.duration` (s), of client spans | those above without the scheme and route, `server.address`, `server.port` |
//! | `process.memory.usage` (By), `process.unix.file_descriptor.count`, on Linux | |
//! | `process.cpu.time` (s), on Linux | `cpu.mode`: `user`, `system` |
//! | `campanile.runtime.lag` (s): how long a ready task waits for the runtime, measured once a second | |
//! | `campanile.runtime.busy.time` (s), `campanile.runtime.worker.count`, `campanile.runtime.task.count` | |
//! | `campanile.records.dropped`, `campanile.records.exported`, `campanile.records.queued` | `campanile.exporter`, `campanile.reason` |
//!
//! Nothing that a client can make up becomes an attribute: no path, query, host, address or user agent, and a method
//! that nobody knows is `_OTHER`. Every finished request counts, sampled or not. One that the queue had no room for
//! does not: it is counted in `campanile.records.dropped`.
//!
//! How busy the runtime is, is the growth of `campanile.runtime.busy.time` by that of time and workers. Of several
//! runtimes it is the one that served the first request.
//!
//! # When full
//! A metric has [2,000](DEFAULT_MAX_ATTRIBUTE_SETS) attribute sets at most. What comes beyond them goes into one more
//! set with the single attribute `otel.metric.overflow`. A route or type name longer than 256 bytes is cut.
//!
//! # Source
//! OpenTelemetry semantic conventions 1.44.0: HTTP metrics, gRPC metrics, OS process metrics; specification 1.60.0, cardinality limits.

mod active;
mod definition;
mod derive;
mod own;
mod process;
mod registry;
mod routes;
mod set;
mod snapshot;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use self::active::{Active, Place};
pub use self::definition::Kind;
pub(crate) use self::own::{OfExporter, Own};
pub(crate) use self::process::OfProcess;
pub(crate) use self::registry::Registry;
pub use self::snapshot::{Data, Metric, Point, Snapshot};

/// How often metrics are exported.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// Attribute sets of one metric, at most.
pub const DEFAULT_MAX_ATTRIBUTE_SETS: usize = 2000;

/// What is measured, and how often it is handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) interval: Duration,
    pub(crate) max_attribute_sets: usize,
    pub(crate) has_body_sizes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: DEFAULT_INTERVAL, max_attribute_sets: DEFAULT_MAX_ATTRIBUTE_SETS, has_body_sizes: false }
    }
}

//! Names, units and boundaries: the table of what there is.

/// How the numbers of a metric are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Measurements, counted between boundaries.
    Histogram,
    /// A sum that only grows.
    Counter,
    /// A sum that also shrinks.
    UpDownCounter,
}

/// One metric.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
    pub(super) kind: Kind,
    /// Upper boundaries, each inclusive, in `unit`; none of a sum.
    pub(super) bounds: &'static [f64],
    /// What a measurement is counted in: so many of them make one `unit`.
    pub(super) per_unit: f64,
}

/// Of all durations of requests.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The specification's own, as the conventions name none for sizes.
const SIZES: &[f64] = &[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];
/// Boundaries of one histogram, at most, and one more for what is above the last.
pub(super) const MAX_BUCKETS: usize = 16;

const NS_PER_SECOND: f64 = 1e9;

const fn duration(name: &'static str, description: &'static str) -> Definition {
    Definition { name, unit: "s", description, kind: Kind::Histogram, bounds: SECONDS, per_unit: NS_PER_SECOND }
}

const fn size(name: &'static str, description: &'static str) -> Definition {
    Definition { name, unit: "By", description, kind: Kind::Histogram, bounds: SIZES, per_unit: 1.0 }
}

const fn sum(name: &'static str, unit: &'static str, kind: Kind, description: &'static str) -> Definition {
    Definition { name, unit, description, kind, bounds: &[], per_unit: 1.0 }
}

/// A counter of time, counted in nanoseconds.
const fn time(name: &'static str, description: &'static str) -> Definition {
    Definition { name, unit: "s", description, kind: Kind::Counter, bounds: &[], per_unit: NS_PER_SECOND }
}

pub(super) static HTTP_SERVER: Definition = duration("http.server.request.duration", "Duration of HTTP server requests.");
pub(super) static HTTP_CLIENT: Definition = duration("http.client.request.duration", "Duration of HTTP client requests.");
pub(super) static RPC_SERVER: Definition = duration("rpc.server.call.duration", "Measures the duration of an incoming RPC.");
pub(super) static RPC_CLIENT: Definition = duration("rpc.client.call.duration", "Measures the duration of an outgoing RPC.");
pub(super) static REQUEST_SIZE: Definition = size("http.server.request.body.size", "Size of HTTP server request bodies.");
pub(super) static RESPONSE_SIZE: Definition = size("http.server.response.body.size", "Size of HTTP server response bodies.");
pub(super) static ACTIVE: Definition =
    sum("http.server.active_requests", "{request}", Kind::UpDownCounter, "Number of active HTTP server requests.");
pub(super) static DROPPED: Definition = sum(
    "campanile.records.dropped",
    "{record}",
    Kind::Counter,
    "Records that were lost, by reason; with an exporter's name where it had been handed them.",
);
pub(super) static EXPORTED: Definition =
    sum("campanile.records.exported", "{record}", Kind::Counter, "Records that an exporter delivered.");
pub(super) static QUEUED: Definition =
    sum("campanile.records.queued", "{record}", Kind::UpDownCounter, "Records that wait for an exporter.");

pub(super) static MEMORY: Definition =
    sum("process.memory.usage", "By", Kind::UpDownCounter, "The amount of physical memory in use.");
pub(super) static OPEN_FILES: Definition = sum(
    "process.unix.file_descriptor.count",
    "{file_descriptor}",
    Kind::UpDownCounter,
    "Number of unix file descriptors in use by the process.",
);
pub(super) static CPU_TIME: Definition = time("process.cpu.time", "Total CPU seconds broken down by different CPU modes.");
pub(super) static RUNTIME_LAG: Definition =
    duration("campanile.runtime.lag", "How long a task that was ready waited until the runtime polled it.");
pub(super) static RUNTIME_BUSY: Definition =
    time("campanile.runtime.busy.time", "Time that the runtime's workers were not idle, all of them together.");
pub(super) static RUNTIME_WORKERS: Definition =
    sum("campanile.runtime.worker.count", "{thread}", Kind::UpDownCounter, "Threads of the runtime that poll tasks.");
pub(super) static RUNTIME_TASKS: Definition =
    sum("campanile.runtime.task.count", "{task}", Kind::UpDownCounter, "Tasks of the runtime that are alive.");

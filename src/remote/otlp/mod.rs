//! Traces, logs and metrics to any OTLP receiver: a collector, an agent, or a vendor's endpoint.
//!
//! # What is sent
//! Up to three exporters, each with its own queue, thread and connection:
//! - `otlp_traces`: each sampled request as a `SERVER` span and the spans inside it as `INTERNAL` ones;
//! - `otlp_logs`: each event of a sampled request and each failure as a log record of the same trace, and events
//!   outside any request. The request itself is a span only, so it is not sent twice. [`level`](Otlp::level) says from
//!   which level on;
//! - `otlp_metrics`: the [metrics](crate::metrics), of all requests, sampled or not. Without exemplars and without
//!   least and greatest values.
//!
//! Of a request, detail is sent that was [kept](crate::Keep). Requests that are not sampled (by the flag of their trace
//! context, which is what was told downstream) are no spans, whatever was kept of them, and counted as
//! [`sampled`](crate::record::Reason::Sampled); of those that failed, `otlp_logs` sends the failures all the same.
//!
//! # When
//! After [512 records or one second](Otlp::pace), whichever is first; metrics every
//! [minute](crate::Builder::metric_interval).
//!
//! # When it fails
//! What can succeed later is tried again for five minutes, with waits from 1 s up to 30 s that are longer where the
//! receiver says so; records that arrive meanwhile wait in a bounded queue. What the receiver refuses is counted as
//! [`rejected_by_remote`](crate::record::Reason::RejectedByRemote) and never sent again. Delivery is at least once: a
//! connection that breaks after a payload was received makes that payload arrive twice. Redirects, cookies and proxy
//! variables are not followed. The shutdown deadline ends everything.
//!
//! Metrics are tried for [30 s](Otlp::metric_timeout) and then left to the next export, which has them all; so is a
//! delta, which counts from the last export that got through.
//!
//! # How to see that it works
//! The report of shutdown and the counters name both exporters with what they delivered and lost.
//!
//! # Source
//! OTLP 1.11.0; OpenTelemetry semantic conventions 1.44.0.

pub(in crate::remote) mod answer;
pub(in crate::remote) mod encode;
mod encode_log;
pub(in crate::remote) mod encode_metric;
mod encode_span;
mod endpoint;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod http;
mod key;
mod proto;
mod settings;
#[cfg(any(feature = "opentelemetry", feature = "reading"))]
pub(crate) mod told;

use bytes::Bytes;

pub use self::settings::{Compression, Otlp, Protocol, Temporality};
pub use super::Secret;
use super::{Answer, Sender};
use crate::exporter::Patience;

/// What an exporter carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// What is appended to a base endpoint.
    const fn path(self) -> &'static str {
        match self {
            Self::Traces => "v1/traces",
            Self::Logs => "v1/logs",
            Self::Metrics => "v1/metrics",
        }
    }

    /// The call of gRPC.
    #[cfg(feature = "otlp-grpc")]
    const fn call(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }

    const fn exporter_name(self) -> &'static str {
        match self {
            Self::Traces => "otlp_traces",
            Self::Logs => "otlp_logs",
            Self::Metrics => "otlp_metrics",
        }
    }
}

/// The transport that was chosen.
pub(in crate::remote) enum Transport {
    Http(Box<http::Http>),
    #[cfg(feature = "otlp-grpc")]
    Grpc(Box<grpc::Grpc>),
}

impl Sender for Transport {
    fn pack(&mut self, encoded: &mut Vec<u8>) -> Bytes {
        match self {
            Self::Http(http) => http.pack(encoded),
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(grpc) => grpc.pack(encoded),
        }
    }

    fn send(&mut self, payload: &Bytes, patience: &Patience) -> Answer {
        match self {
            Self::Http(http) => http.send(payload, patience),
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(grpc) => grpc.send(payload, patience),
        }
    }
}

/// Compresses; falls back to what it was given if that fails, which is then sent as it is.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// `campanile/0.1.0 OTel-OTLP-Exporter-Rust/0.1.0`.
const USER_AGENT: &str = concat!("campanile/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));

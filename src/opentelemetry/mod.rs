//! The bridge to the OpenTelemetry API and SDK.
//!
//! # Context
//! With [`Builder::opentelemetry`](crate::Builder::opentelemetry) the current `opentelemetry::Context` is kept in step with
//! the current request: a library that makes spans through the OpenTelemetry API makes them children of the request, or
//! of the innermost `tracing` span inside it, and what is logged or opened inside such a span becomes its child in turn. A
//! context that is current when a request arrives is continued, unless the request names another trace.
//!
//! # Exporters
//! [`Spans`] and [`Logs`] make an exporter of ours of any span or log exporter of `opentelemetry_sdk`. Each batch has 30 s;
//! what fails is counted and not sent again. [`otlp`](crate::otlp) needs neither.

mod context;
mod export;
mod logs;
mod spans;

pub(crate) use self::context::Bridge;
pub use self::logs::Logs;
pub use self::spans::Spans;

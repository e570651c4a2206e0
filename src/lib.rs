//! Request logging, tracing and error reporting for any Tower service, from one line.

mod capture;
mod config;
mod error;
pub mod exporter;
mod keep;
mod layer;
mod pipeline;
mod propagator;
pub mod query;
mod random;
pub mod record;
mod redact;
#[cfg(feature = "otlp")]
mod remote;
#[cfg(feature = "store")]
pub mod store;
mod time;
mod warn;

#[cfg(feature = "axum")]
pub mod axum {
    //! What belongs to axum's handlers.

    pub use crate::layer::axum::{MissingLayer, Reported};
}

pub use self::capture::{Handle, InExchange, WithExchange, attach, attach_dyn, current, set};
#[cfg(feature = "axum")]
pub use self::config::shutdown_signal;
pub use self::config::{Builder, Env, Telemetry, builder, init};
pub use self::error::BuildError;
pub use self::layer::{
    CatchPanic, CatchPanicBody, CatchPanicFuture, CatchPanicLayer, Observe, ObserveAsIs, ObserveAsIsLayer, ObserveBody,
    ObserveFuture, ObserveLayer, ReportRoute, RouteLayer, catch_panic_layer, route_layer,
};
pub use self::pipeline::{ExporterStats, Report, Stats};
#[cfg(feature = "otlp")]
pub use self::remote::otlp;

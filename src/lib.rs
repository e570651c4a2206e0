//! Request logging, tracing and error reporting for any Tower service (axum, hyper, tonic), from one line.
//!
//! A layer makes exactly one structured [record] of every request: its ids and trace context, the spans and log
//! events inside it, its errors with their causes, and how it really ended. A bounded pipeline carries records to
//! [exporters](exporter): terminal, JSON lines, file, an OpenTelemetry collector, and an embedded [store] that the command
//! line `campanile` reads.
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::{Router, routing::get};
//! use tokio::net::TcpListener;
//!
//! async fn order() -> &'static str {
//!     tracing::info!("looking the order up");
//!     "an order"
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let telemetry = campanile::init()?;
//!     let app = Router::new().route("/orders/{id}", get(order)).layer(telemetry.layer());
//!     let listener = TcpListener::bind("127.0.0.1:3000").await?;
//!     let app = app.into_make_service_with_connect_info::<SocketAddr>(); // optional: the peer's address
//!     axum::serve(listener, app).with_graceful_shutdown(campanile::shutdown_signal()).await?;
//!     telemetry.shutdown().await; // 5 s at most; returns what was delivered and what was lost
//!     Ok(())
//! }
//! ```
//!
//! # Where to look
//! - Settings: [`Builder::from_env`] has every variable; [`builder`] does the same in code.
//! - Where the layer goes among others, and the peer's address: [`ObserveLayer`].
//! - In a handler: [`set`] an attribute, [`attach`] an error, name the [`group()`] of its failure, [`current`] for the request id and trace; in axum also
//!   [`axum::Reported`] and [`Handle`] as an extractor.
//! - What goes on after an upgrade, such as a WebSocket: [`upgraded`].
//! - Work that leaves the request's task: [`InExchange`] for futures, [`Handle::run`] for threads.
//! - Outgoing requests: [`Telemetry::client_layer`] around any Tower client; by hand, [`Handle::inject`].
//! - One part without the rest: [`alone`] and [`catch_panic_layer`].
//! - What is taken out and what is kept: [`Redact`] and [`Bodies`]; who is believed: [`TrustedProxies`], [`TrustIds`].
//! - With a subscriber of your own: [`Telemetry::tracing_layer`].
//! - In tests: [`testing::start`], which touches nothing global.
//!
//! # What it promises
//! The application never suffers: nothing here panics, fails, delays or blocks a request, or changes its status, body,
//! trailers, size hints or errors; the one header that is added, unless the settings ask for more, is `x-request-id`.
//! Every request ends in exactly one record, whatever happens to it. Memory is bounded, and what is lost is counted by
//! [reason](record::Reason).
//!
//! # Features
//! `axum`, `console`, `store`, `otlp`, `tower-http` and `viewer` are on by default; `otlp-grpc`, `cli` (the command line),
//! `mcp` (the command line for coding assistants) and `opentelemetry` (the bridge to its API and SDK) are not. A feature adds what it is named after, and [`init`] uses what is there: with `store`, a debug build stores; with
//! `console`, a terminal gets aligned lines; with `otlp`, an endpoint in the environment is sent to.

#[cfg(feature = "reading")]
pub mod archive;
#[cfg(feature = "otlp")]
mod base64;
mod capture;
mod config;
#[cfg(feature = "store")]
pub mod contrast;
pub mod control;
mod digits;
mod error;
mod escape;
pub mod exporter;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod group;
mod keep;
mod layer;
pub mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "reading")]
pub mod page;
mod percent;
mod pipeline;
mod propagator;
pub mod query;
mod random;
pub mod record;
mod redact;
#[cfg(feature = "otlp")]
mod remote;
#[cfg(feature = "reading")]
pub mod replay;
mod scan;
#[cfg(feature = "store")]
pub mod store;
pub mod testing;
mod time;
#[cfg(feature = "viewer")]
pub mod viewer;
mod vitals;
mod warn;

pub mod alone {
    //! Single parts of the whole, for people who want one of them: they need no [`Telemetry`](crate::Telemetry).
    //!
    //! | layer | what it does |
    //! |---|---|
    //! | [`request_id_layer`] | every request and its answer have an `x-request-id` |
    //! | [`propagate_layer`] | the caller's trace context is kept, to be passed on |
    //! | [`inject_layer`] | outgoing requests carry context and request id on |
    //! | [`catch_panic_layer`](crate::catch_panic_layer) | a panic is answered with 500 and the request id |

    pub use crate::layer::alone::{
        IdentifyFuture, IdentifyRequest, Inject, InjectLayer, Propagate, PropagateLayer, RequestId, RequestIdLayer, TraceContext,
        inject_layer, propagate_layer, request_id_layer,
    };
}

#[cfg(feature = "axum")]
pub mod axum {
    //! What belongs to handlers of axum.

    pub use crate::layer::axum::{MissingLayer, Reported};
}

pub use self::capture::{
    Bodies, Handle, InExchange, Upgraded, WithExchange, attach, attach_dyn, attach_report, current, group, keep, set, upgraded,
};
#[cfg(feature = "axum")]
pub use self::config::shutdown_signal;
pub use self::config::{Builder, Env, Setting, Telemetry, builder, init};
pub use self::error::BuildError;
pub use self::keep::Keep;
pub use self::layer::{
    CatchPanic, CatchPanicBody, CatchPanicFuture, CatchPanicLayer, Observe, ObserveAsIs, ObserveAsIsLayer, ObserveBody,
    ObserveClient, ObserveClientBody, ObserveClientFuture, ObserveClientLayer, ObserveFuture, ObserveLayer, ReportRoute,
    ResendCount, RouteLayer, TrustIds, UrlTemplate, catch_panic_layer, route_layer,
};
pub use self::pipeline::{ExporterStats, Report, Stats};
pub use self::propagator::forwarded::{ForwardedBy, TrustedProxies};
pub use self::propagator::{Propagator, TraceResponse};
pub use self::redact::Redact;
#[cfg(feature = "otlp")]
pub use self::remote::otlp;

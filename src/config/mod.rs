//! Settings, from the environment and from code, become a running pipeline.

mod bodies;
mod builder;
mod control;
mod env;
mod errors;
mod exporters;
mod filter;
mod groups;
mod http;
#[cfg(feature = "viewer")]
mod in_force;
mod keep;
mod known;
#[cfg(feature = "store")]
mod left_behind;
mod metrics;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
mod propagation;
mod redact;
mod release;
mod reports;
mod resource;
mod settings;
mod shown;
#[cfg(feature = "axum")]
mod signal;
mod telemetry;
mod value;
mod viewer;

pub use self::builder::{Builder, builder, init};
pub use self::env::Env;
pub use self::shown::Setting;
#[cfg(feature = "axum")]
pub use self::signal::shutdown_signal;
pub use self::telemetry::Telemetry;

//! Request logging, tracing and error reporting for any Tower service, from one line.

mod config;
mod error;
pub mod exporter;
pub mod record;
#[cfg(feature = "otlp")]
mod remote;

pub use self::config::Env;
pub use self::error::BuildError;
#[cfg(feature = "otlp")]
pub use self::remote::otlp;

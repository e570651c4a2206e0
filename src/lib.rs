//! Request logging, tracing and error reporting for any Tower service, from one line.

mod config;
mod error;
pub mod exporter;
mod keep;
mod propagator;
pub mod record;
mod redact;

pub use self::config::Env;
pub use self::error::BuildError;

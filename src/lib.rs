//! Request logging, tracing and error reporting for any Tower service, from one line.

mod config;
mod error;
pub mod exporter;
pub mod query;
pub mod record;
#[cfg(feature = "store")]
pub mod store;

pub use self::config::Env;
pub use self::error::BuildError;

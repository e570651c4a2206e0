//! Request logging, tracing and error reporting for any Tower service, from one line.

mod capture;
mod config;
mod error;
pub mod exporter;
mod pipeline;
pub mod record;
mod random;
pub(crate) mod redact;
mod time;

pub use self::capture::{Handle, InExchange, WithExchange, attach, attach_dyn, current, set};
pub use self::config::Env;
pub use self::error::BuildError;
pub use self::pipeline::{ExporterStats, Report, Stats};

//! Request logging, tracing and error reporting for any Tower service, from one line.

mod capture;
mod config;
mod error;
pub mod exporter;
mod keep;
mod layer;
mod pipeline;
mod propagator;
mod random;
pub mod record;
mod redact;
mod time;

pub use self::capture::{Handle, InExchange, WithExchange, attach, attach_dyn, current, set};
pub use self::config::Env;
pub use self::error::BuildError;
pub use self::layer::{ObserveAsIs, ObserveAsIsLayer, ObserveBody, ObserveFuture, ObserveLayer, Observe};
pub use self::pipeline::{ExporterStats, Report, Stats};

//! Settings, from the environment and from code, become a running pipeline.

mod env;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;

pub use self::env::Env;

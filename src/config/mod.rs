//! Settings, from the environment and from code, become a running pipeline.

mod env;

pub use self::env::Env;

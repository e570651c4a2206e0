//! Settings, from the environment and from code, become a running pipeline.

mod env;
mod filter;
mod known;
mod resource;
mod settings;
mod value;

pub use self::env::Env;

//! Which detail travels.

mod decide;
mod history;
pub(crate) mod probe;
mod quiet;
mod sampler;
mod settings;
#[cfg(test)]
mod tests;

pub(crate) use self::decide::Keeper;
pub(crate) use self::quiet::Quiet;
pub(crate) use self::sampler::Sampler;
pub use self::settings::Keep;

//! Which detail travels.

pub(crate) mod probe;
mod quiet;
mod sampler;

pub(crate) use self::quiet::Quiet;
pub(crate) use self::sampler::Sampler;

//! Which detail travels.

mod sampler;

pub(crate) use self::sampler::Sampler;

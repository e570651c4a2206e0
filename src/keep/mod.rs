//! Which detail travels.

mod ask;
mod asks;
mod decide;
mod history;
pub(crate) mod probe;
mod quiet;
mod sampler;
mod settings;
#[cfg(test)]
mod tests;

pub use self::ask::Ask;
#[cfg(all(feature = "control", feature = "store", unix))]
pub(crate) use self::ask::Scope;
pub(crate) use self::ask::{is_of_route, is_value};
pub(crate) use self::asks::{Active, Asks, Trial, Wanted};
pub(crate) use self::decide::Keeper;
pub(crate) use self::quiet::Quiet;
pub(crate) use self::sampler::Sampler;
pub use self::settings::Keep;

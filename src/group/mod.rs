//! Which failures have one cause: a fingerprint that deploys do not change.
//!
//! # What it is made of
//! The name that the application gave ([`group()`](crate::group()), [`Builder::group_by`](crate::Builder::group_by)), and
//! nothing else then. Otherwise
//! - whether it was a panic, an error, or only a status;
//! - type and message of the error and of each of its causes; of a message only its [template], as values change
//!   from request to request. A word that the path, an attribute or a field of a span of the request holds too is a value;
//! - where it happened: the first three functions of the application in its backtrace; else the source file that it was
//!   reported from, with the span that it happened in;
//! - for gRPC the code; for a status behind which no error was seen also the route.
//!
//! Never line numbers, hashes of symbols, generic arguments, closures, versions of dependencies or directories of the
//! machine that built it.
//!
//! Messages always count. One type of error often stands for many causes, and the place where errors become answers for
//! all of them: by these alone a payment that was declined and a table that is missing would be one group. Nor does a
//! backtrace tell them apart, as it is taken where an error is reported.
//!
//! # Versions
//! The first digit of a [`GroupId`](crate::record::GroupId) is the version of these rules. The rules of a version never
//! change.

mod by;
#[cfg(test)]
mod corpus;
mod fingerprint;
mod hash;
mod name;
mod place;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use self::by::GroupBy;
pub use self::fingerprint::{Component, Fingerprint};
#[cfg(feature = "store")]
pub(crate) use self::hash::hash;
pub use self::template::template;

//! HTTP archives.
//!
//! # Source
//! HAR 1.2.

mod read;
mod wire;
mod write;

pub(super) use self::read::read;
pub(super) use self::write::{END, START, entry};

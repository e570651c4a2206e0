//! The history of groups of errors, which outlives the segments.
//!
//! # Shape
//! A file `groups.sqlite` beside the segments, with one row for each group, that all processes of the store share. A row has
//! a bounded size, and rows are at most [`MAX_GROUPS`](Groups::MAX_GROUPS), or one for each 16 KiB of the store's
//! `max_bytes` where that is less; beyond that the one that was seen least recently goes, unresolved ones first.
//!
//! Of a user it has 32 bits of a hash without a key, which is pseudonymous and not anonymous, see [`Group::users`].
//!
//! # When something is wrong on disk
//! Sightings wait in memory, those of 1,000 groups at most, until the file can be written. A file that is damaged is renamed
//! to `groups.sqlite.damaged` and another begun. One of another program, or of a newer version, is left alone; there is no
//! history then. Nothing of this ever costs a record.

mod file;
mod history;
mod row;
mod schema;
mod users;

pub use self::file::Groups;
pub(super) use self::file::{Writable, group, open_writable};
pub(super) use self::history::{History, described};
pub use self::row::{Group, GroupState, Release};

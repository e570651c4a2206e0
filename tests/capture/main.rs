//! What happens inside a request is on its record; what happens outside has a record of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

#[path = "../support/mod.rs"]
mod support;

// Each case runs in a registry of the application's own, and in a process in which nobody else listens.
#[expect(clippy::duplicate_mod, reason = "that is the point")]
#[path = "cases.rs"]
mod alone;
#[path = "cases.rs"]
mod in_a_registry;

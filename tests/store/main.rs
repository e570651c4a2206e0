//! The store never hurts: whatever happens to its files, its disk or its process, the application answers as without it, what
//! was acknowledged is read, and nothing is lost uncounted.
#![cfg(all(feature = "store", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what a test cannot go on without fails it"
)]

mod ageing;
mod app;
mod child;
mod disk;
mod files;
mod kills;
mod locked;
mod purge;
mod readers;

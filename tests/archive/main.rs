//! Requests travel in files: what is exported is read by others and comes back, what comes in is bounded and redacted.
#![cfg(all(feature = "cli", feature = "axum"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test needs around it may fail as loudly as the test"
)]

mod canaries;
mod foreign;
mod har;
mod hostile;
mod kit;
mod otlp;
mod round_trip;
mod share;

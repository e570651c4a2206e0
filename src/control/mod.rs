//! Changes while the process runs, without a restart: for one route, one user, another attribute or a query, for a limited
//! time.
//!
//! | from | how |
//! |---|---|
//! | code | [`Telemetry::control`](crate::Telemetry::control) takes an [`Ask`] |
//! | the command line | `campanile control ask`, `list`, `revoke`, over a private socket in the store's directory |
//! | a request | a signed [`Token`] in the header `x-campanile-debug` or the cookie `campanile-debug` |
//!
//! # The socket
//! With the features `control` and `store`, on Unix, a process that has a store listens at
//! `control-<pid>-<8 hexadecimal digits>.sock` in its directory: in debug builds, and in others with
//! `CAMPANILE_CONTROL=on`. Directory, socket and the key beside it (`control.key`, 32 random bytes) can be used by their
//! owner alone, and on Linux the caller's user is compared too. Every command is signed (HMAC-SHA256) over a challenge of
//! this connection, the instance and the service that it is for, and a moment at which it expires: one that is forged,
//! replayed, late or meant for another process is refused. A message has at most 64 KiB, a connection lasts for 5 s at
//! most, and 8 are served at once.
//!
//! # Debug tokens
//! A token is signed with `CAMPANILE_DEBUG_KEY` ([`Builder::debug_key`](crate::Builder::debug_key)), else with the store's key.
//! It names the service, perhaps one user, and when it ends. A request that carries a good one keeps its whole detail; one
//! that is forged, expired, revoked or for another service counts for nothing, and is counted in
//! [`Stats::debug_tokens_refused`](crate::Stats::debug_tokens_refused). The request itself is served as any other.
//! Neither key nor token is ever recorded.

mod error;
mod handle;
#[cfg(feature = "control")]
mod key;
#[cfg(all(feature = "control", feature = "store", unix))]
mod revoked;
#[cfg(all(feature = "control", feature = "store", unix))]
mod socket;
#[cfg(feature = "control")]
mod token;
mod tokens;
#[cfg(feature = "control")]
mod wire;

pub use self::error::Error;
pub use self::handle::{Control, Standing};
#[cfg(feature = "control")]
pub use self::key::Key;
#[cfg(all(feature = "control", feature = "store", unix))]
pub use self::socket::Process;
#[cfg(all(feature = "control", feature = "store", unix))]
pub(crate) use self::socket::Server;
#[cfg(feature = "control")]
pub use self::token::{SignedToken, Token};
pub(crate) use self::tokens::{Ticket, Tokens};
pub use crate::keep::Ask;

//! The private socket by which a running process is asked.
//!
//! Whoever connects is told a challenge, and answers with lines that are signed over it: the form is that of `pairs`. The
//! library is at both ends, so the form may change with the version of the greeting.

mod commands;
mod connection;
mod pairs;
mod place;
mod process;
mod server;

pub use self::process::Process;
pub(crate) use self::server::Server;

/// How the greeting begins.
const GREETING: &str = "campanile-control 1";
const PURPOSE: &str = "campanile control command";
/// The longest line, in bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// The longest that a connection lasts, in seconds.
const MAX_SECONDS: u64 = 5;
/// For how long a command is good.
const COMMAND_SECONDS: u64 = 30;

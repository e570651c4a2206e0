//! What happens becomes parts of a record.
//!
//! An [`Exchange`] is a request in flight. While the inner service or body is polled it lies in a thread-local, where
//! events, child spans, errors and attributes find it without a lock; at all other times its future or body owns it.
//! What happens elsewhere (a spawned task, another thread) finds its [`Link`] through the tracing span it carries or
//! through a handle, and leaves its parts in the link's inbox.

mod attach;
mod body;
mod current;
mod ears;
mod entered;
mod error;
mod event;
mod exchange;
mod failure;
mod foreign;
mod handle;
mod hub;
mod inflight;
mod inline;
mod link;
mod mark;
mod outgoing;
mod panic;
mod report;
mod rpc;
mod scope;
mod solo;
mod span;
mod subscribe;
mod table;
mod visit;
mod write;

pub use self::attach::{attach, attach_dyn, attach_report};
#[cfg(feature = "axum")]
pub(crate) use self::attach::{attach_at, backtrace};
pub use self::body::Bodies;
#[cfg(feature = "reading")]
pub(crate) use self::body::media_of;
pub(crate) use self::body::{Pieces, Rules, Watch, Way};
pub(crate) use self::current::{as_guest, at_home, guest, with, with_current};
pub(crate) use self::exchange::Exchange;
pub(crate) use self::failure::describe_any;
pub(crate) use self::foreign::Foreign;
#[cfg(feature = "opentelemetry")]
pub(crate) use self::foreign::ForeignSpan;
pub use self::handle::{Handle, InExchange, WithExchange, current, group, keep, set};
pub(crate) use self::hub::Hub;
pub(crate) use self::inflight::ReportSettings;
pub use self::inflight::{Upgraded, upgraded};
pub(crate) use self::link::Link;
pub(crate) use self::outgoing::OutgoingCall;
pub(crate) use self::panic::{install_hook, last_panic, message_of};
pub(crate) use self::rpc::{Call, Form, Messages, status as rpc_status, status_of as rpc_status_of};
pub(crate) use self::scope::{REQUEST_TARGET, Scope};
pub(crate) use self::solo::Solo;
pub(crate) use self::subscribe::{Capture, CaptureFilter};

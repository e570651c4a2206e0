//! A recorded request is sent again: as a command to paste, as a test, or right here.
//!
//! [`Request::of`] makes of a record what can be changed and [sent](Request::send); [`curl`], [`httpie`] and [`rust_test`]
//! write it down. What is not as it was, because it was not stored or held a secret, is told by [notes](Note). The answer
//! comes back as a record too, with its secrets out by the same rules, and [`compare`] says what changed.
//!
//! # Example
//! ```no_run
//! use campanile::replay::{self, Request, Sending};
//! use campanile::store::Reader;
//!
//! let mut reader = Reader::open(".campanile")?;
//! let stored = reader.by_id("8f2c")?.remove(0);
//! if let Some(request) = Request::of(stored.record(), Some("http://127.0.0.1:3000")) {
//!     let answer = request.anew().send_blocking(&Sending::default())?;
//!     let changes = replay::compare(stored.record(), &answer);
//!     assert!(changes.is_same(), "{changes:?}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod compare;
mod curl;
mod error;
mod httpie;
mod lines;
mod note;
mod request;
mod rust_test;
mod send;
mod shell;

pub use self::compare::{BodyChange, Change, Comparison, compare};
pub use self::curl::curl;
pub use self::error::Error;
pub use self::httpie::httpie;
pub use self::lines::Line;
pub use self::note::Note;
pub use self::request::Request;
pub use self::rust_test::rust_test;
pub use self::send::Sending;

/// A request written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command {
    /// The command or the code; ends with a line feed and holds nothing that steers a terminal.
    pub text: String,
    /// What is not as it was.
    pub notes: Vec<Note>,
}

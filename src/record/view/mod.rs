//! Read-only views of the parts of a record.

mod body;
mod event;
mod failure;
mod frame;
mod header;
mod redaction;
mod span;
mod value;

pub use self::body::Body;
pub use self::event::Event;
pub(crate) use self::event::severity_number;
pub use self::failure::{Cause, Failure, FailureKind};
pub use self::frame::Frame;
pub(crate) use self::frame::without_hash;
pub use self::header::Header;
pub use self::redaction::Redaction;
pub use self::span::{Span, SpanKind};
pub use self::value::{Field, Value};
use super::parts::{Origin, Parts};

/// Empty means absent.
pub(crate) fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Where in the program something was written.
#[derive(Clone, Copy)]
struct Place<'a> {
    parts: &'a Parts,
    origin: Origin,
}

impl<'a> Place<'a> {
    fn target(self) -> &'a str {
        self.parts.str(self.origin.target)
    }

    fn file(self) -> Option<&'a str> {
        present(self.parts.str(self.origin.file))
    }

    fn line(self) -> Option<u32> {
        (self.origin.line > 0).then_some(self.origin.line)
    }
}

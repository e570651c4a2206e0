//! What went wrong, and what caused it.

use std::fmt;

use tracing::Level;

use super::frame::{Frame, frames};
use super::{Event, Span, present};
use crate::record::SpanId;
use crate::record::parts::{CauseSlot, FailureSlot, MAX_SPANS, Parts};

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// An error that the application reported, behind its answer.
    Attached,
    /// The error that the service returned instead of a response.
    Service,
    /// A panic.
    Panic,
    /// The error that ended the response's body.
    Body,
    /// What an extractor refused.
    Rejection,
    /// An error value on an event of level ERROR.
    Logged,
    /// A status of gRPC that is an error, and no error was seen behind it.
    Status,
}

impl FailureKind {
    /// Every kind, in the order of the list above, which the store's format goes by.
    #[cfg(any(test, feature = "store"))]
    pub(crate) const ALL: [Self; 7] =
        [Self::Attached, Self::Service, Self::Panic, Self::Body, Self::Rejection, Self::Logged, Self::Status];

    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "error",
            Self::Service => "service_error",
            Self::Panic => "panic",
            Self::Body => "body_error",
            Self::Rejection => "rejection",
            Self::Logged => "logged_error",
            Self::Status => "rpc_status",
        }
    }
}

/// Something that went wrong, with the chain of what caused it.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    parts: &'a Parts,
    slot: &'a FailureSlot,
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.kind())
            .field("type_name", &self.type_name())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

impl<'a> Failure<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a FailureSlot) -> Self {
        Self { parts, slot }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.slot.kind
    }

    /// When, in nanoseconds after the start of the record.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        self.slot.time_ns
    }

    /// The span that it happened in.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        Some(self.slot.span).filter(|id| id.is_valid())
    }

    /// The spans that it happened in, innermost first, each with its fields; without the request's own.
    pub fn spans(&self) -> impl Iterator<Item = Span<'a>> + Clone + use<'a> {
        let parts = self.parts;
        let find = move |id: SpanId| parts.spans.iter().find(|slot| slot.id == id);
        // Bounded, as nobody promises that what was read back from elsewhere has no ring in it.
        std::iter::successors(find(self.slot.span), move |slot| find(slot.parent))
            .take(MAX_SPANS)
            .map(move |slot| Span::new(parts, slot))
    }

    /// The event that tells of it: the line of the log that the error stands in.
    #[must_use]
    pub fn event(&self) -> Option<Event<'a>> {
        let parts = self.parts;
        parts.events.iter().map(|slot| Event::new(parts, slot)).find(|event| self.is_told_by(event))
    }

    /// Whether an event of the same record tells of it.
    pub(crate) fn is_told_by(&self, event: &Event<'_>) -> bool {
        let is_like_it = event.level() == Level::ERROR || self.kind() == FailureKind::Rejection;
        is_like_it && self.slot.event_ns == Some(event.time_ns())
    }

    /// The full name of the error's type, where it is known for certain.
    #[must_use]
    pub fn type_name(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.type_name))
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.parts.str(self.slot.message)
    }

    /// The source file that it was reported from, or that panicked.
    #[must_use]
    pub fn file(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.file))
    }

    /// The line in the source file.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        (self.slot.line > 0).then_some(self.slot.line)
    }

    /// The backtrace, where one was captured.
    #[must_use]
    pub fn backtrace(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.backtrace))
    }

    /// The frames of its backtrace, innermost first; none where there is no backtrace or its text is not the standard
    /// library's.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'a>> + Clone + use<'a> {
        frames(self.backtrace().unwrap_or_default())
    }

    /// What caused it, outermost first; at most 16.
    pub fn causes(&self) -> impl Iterator<Item = Cause<'a>> + Clone + use<'a> {
        let parts = self.parts;
        parts.causes_of(self.slot).iter().map(move |slot| Cause { parts, slot })
    }
}

/// One link of the chain behind a [`Failure`].
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    parts: &'a Parts,
    slot: &'a CauseSlot,
}

impl fmt::Debug for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cause").field("type_name", &self.type_name()).field("message", &self.message()).finish()
    }
}

impl<'a> Cause<'a> {
    /// The full name of the error's type, where it is known for certain.
    #[must_use]
    pub fn type_name(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.type_name))
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.parts.str(self.slot.message)
    }
}

//! A span, and which end of a call it stands for.

use std::fmt;

use tracing::Level;

use super::{Field, Place, Value, present};
use crate::record::SpanId;
use crate::record::parts::{OPEN, Parts, SpanSlot};

/// A span inside a request, or one of work outside any request.
#[derive(Clone, Copy)]
pub struct Span<'a> {
    parts: &'a Parts,
    slot: &'a SpanSlot,
}

impl fmt::Debug for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("duration_ns", &self.duration_ns())
            .finish_non_exhaustive()
    }
}

impl<'a> Span<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a SpanSlot) -> Self {
        Self { parts, slot }
    }

    const fn place(&self) -> Place<'a> {
        Place { parts: self.parts, origin: self.slot.origin }
    }

    /// Its own id.
    #[must_use]
    pub const fn id(&self) -> SpanId {
        self.slot.id
    }

    /// The span around it: another one of the record, or the request's own.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        Some(self.slot.parent).filter(|id| id.is_valid())
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.parts.str(self.slot.origin.name)
    }

    /// Its target, usually the module path.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.place().target()
    }

    /// Which end of a call it stands for.
    #[must_use]
    pub const fn kind(&self) -> SpanKind {
        self.slot.kind
    }

    /// Why it failed, as a word or type name of low cardinality; `None` when it did not.
    #[must_use]
    pub fn error_type(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.error))
    }

    /// Its level.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.slot.origin.level
    }

    /// The source file.
    #[must_use]
    pub fn file(&self) -> Option<&'a str> {
        self.place().file()
    }

    /// The line in the source file.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.place().line()
    }

    /// When it began, in nanoseconds after the start of the record.
    #[must_use]
    pub const fn start_ns(&self) -> u64 {
        self.slot.start_ns
    }

    /// When it ended, in nanoseconds after the start of the record; the end of the record if it was still open then.
    #[must_use]
    pub fn end_ns(&self) -> u64 {
        if self.is_finished() { self.slot.end_ns } else { self.parts.duration_ns.max(self.slot.start_ns) }
    }

    /// How long it lasted, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.end_ns().saturating_sub(self.slot.start_ns)
    }

    /// Whether it had ended when the record was finished.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.slot.end_ns != OPEN
    }

    /// The value of one field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        self.fields().find(|field| field.name() == name).map(|field| field.value())
    }

    /// Its fields.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + Clone + use<'a> {
        let parts = self.parts;
        parts.list(self.slot.fields).map(move |slot| Field::new(parts, slot))
    }
}

/// Which end of a call a span stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// Work inside the process.
    #[default]
    Internal,
    /// A request that is answered.
    Server,
    /// A request that is made.
    Client,
    /// A message that is sent.
    Producer,
    /// A message that is received.
    Consumer,
}

impl SpanKind {
    /// Every kind, in the order of OpenTelemetry.
    pub const ALL: [Self; 5] = [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer];

    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// OTLP's number of it.
    #[cfg(feature = "otlp")]
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
        }
    }
}

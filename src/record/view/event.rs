//! A log event.

use std::fmt;

use tracing::Level;

use super::{Field, Place, present};
use crate::record::SpanId;
use crate::record::parts::{EventSlot, Parts};

/// A log event inside a request, or one outside any request.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    parts: &'a Parts,
    slot: &'a EventSlot,
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("level", &self.level())
            .field("target", &self.target())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

impl<'a> Event<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a EventSlot) -> Self {
        Self { parts, slot }
    }

    const fn place(&self) -> Place<'a> {
        Place { parts: self.parts, origin: self.slot.origin }
    }

    /// When it happened, in nanoseconds after the start of the record.
    #[must_use]
    pub const fn time_ns(&self) -> u64 {
        self.slot.time_ns
    }

    /// When it happened, in nanoseconds since 1970.
    #[must_use]
    pub const fn unix_ns(&self) -> u64 {
        self.parts.start_unix_ns.saturating_add(self.slot.time_ns)
    }

    /// The span that it happened in: one of the record's, or the request's own.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        Some(self.slot.span).filter(|id| id.is_valid())
    }

    /// Its level.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.slot.origin.level
    }

    /// Its target, usually the module path.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.place().target()
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

    /// Its name, where it was given one, such as `http.client.request.exception`.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        // `tracing` calls an event without a name `event` and its place; the bridge from the `log` crate calls all of them `log`.
        let name = self.parts.str(self.slot.origin.name);
        present(name).filter(|name| !name.starts_with("event ") && !matches!(*name, "event" | "log" | "log event"))
    }

    /// Its message; empty when it has none.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.parts.str(self.slot.message)
    }

    /// Its fields, without the message.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + Clone + use<'a> {
        let parts = self.parts;
        parts.list(self.slot.fields).map(move |slot| Field::new(parts, slot))
    }

    /// Whether it was already shown while the request was running, as a live record of its own.
    #[must_use]
    pub const fn was_shown(&self) -> bool {
        self.slot.shown
    }
}

/// OpenTelemetry's `SeverityNumber` of a level: the first of its four.
pub(crate) const fn severity_number(level: Level) -> u8 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}

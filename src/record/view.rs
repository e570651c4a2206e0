//! Read-only views of the parts of a record.

use std::fmt;

use tracing::Level;

use super::SpanId;
use super::parts::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, FieldSlot, HeaderSlot, OPEN, Origin, Parts, RedactionSlot, Side, Slot, SpanSlot,
};

/// A typed value of an attribute or a field.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "what tracing can record; everything else arrives as text")]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A signed number.
    I64(i64),
    /// An unsigned number.
    U64(u64),
    /// A floating point number; may be NaN or infinite.
    F64(f64),
    /// Text; also what was given by `Debug`, `Display`, as bytes or as a 128-bit number.
    Str(&'a str),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => fmt::Display::fmt(value, f),
            Self::I64(value) => fmt::Display::fmt(value, f),
            Self::U64(value) => fmt::Display::fmt(value, f),
            Self::F64(value) => fmt::Display::fmt(value, f),
            Self::Str(value) => f.write_str(value),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Self::F64(value.into())
    }
}

impl From<isize> for Value<'_> {
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::U64(value as u64)
    }
}

macro_rules! from_small_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value<'_> {
            fn from(value: $integer) -> Self {
                Self::I64(value.into())
            }
        }
    )*};
}
from_small_integers!(i8, i16, i32, i64, u8, u16, u32);

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Str(value)
    }
}

/// Gives the stored value its texts back.
fn value(parts: &Parts, slot: Slot) -> Value<'_> {
    match slot {
        Slot::Bool(value) => Value::Bool(value),
        Slot::I64(value) => Value::I64(value),
        Slot::U64(value) => Value::U64(value),
        Slot::F64(value) => Value::F64(value),
        Slot::Text(text) => Value::Str(parts.str(text)),
    }
}

/// Empty means absent.
fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// An attribute of a request, or a field of a span or event.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    parts: &'a Parts,
    slot: &'a FieldSlot,
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name(), self.value())
    }
}

impl<'a> Field<'a> {
    pub(super) const fn new(parts: &'a Parts, slot: &'a FieldSlot) -> Self {
        Self { parts, slot }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.parts.str(self.slot.name)
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        value(self.parts, self.slot.value)
    }
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
    pub(super) const fn new(parts: &'a Parts, slot: &'a SpanSlot) -> Self {
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
    pub(super) const fn new(parts: &'a Parts, slot: &'a EventSlot) -> Self {
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

/// A header of the request, of the response or of its trailers.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    parts: &'a Parts,
    slot: &'a HeaderSlot,
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("name", &self.name()).field("value", &self.value()).finish()
    }
}

impl<'a> Header<'a> {
    pub(super) const fn new(parts: &'a Parts, slot: &'a HeaderSlot) -> Self {
        Self { parts, slot }
    }

    pub(super) fn is_on(&self, side: Side) -> bool {
        self.slot.side == side
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.parts.str(self.slot.name)
    }

    /// Its value, or `None` where it was not taken because it may hold a secret.
    #[must_use]
    pub fn value(&self) -> Option<&'a str> {
        self.slot.value.map(|text| self.parts.str(text))
    }

    /// Length of the value in the message, in bytes; also known where the value is not.
    #[must_use]
    pub const fn len_bytes(&self) -> u32 {
        self.slot.len
    }
}

/// What was kept of a body.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    parts: &'a Parts,
    slot: &'a BodySlot,
    seen_bytes: u64,
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("kept_bytes", &self.kept_bytes())
            .field("seen_bytes", &self.seen_bytes)
            .finish_non_exhaustive()
    }
}

impl<'a> Body<'a> {
    pub(super) const fn new(parts: &'a Parts, slot: &'a BodySlot, seen_bytes: u64) -> Self {
        Self { parts, slot, seen_bytes }
    }

    /// The start of it, with its secrets replaced.
    #[must_use]
    pub fn content(&self) -> &'a str {
        self.parts.str(self.slot.content)
    }

    /// How many bytes of the body [`content`](Self::content) stands for.
    #[must_use]
    pub const fn kept_bytes(&self) -> u64 {
        self.slot.kept_bytes as u64
    }

    /// All bytes of the body that passed.
    #[must_use]
    pub const fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }

    /// Whether there was more than what was kept.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.seen_bytes > self.kept_bytes()
    }

    /// Why nothing was kept: `budget`, `charset`, `content_encoding`, `content_type` or `record_full`; see
    /// [`Bodies`](crate::Bodies).
    #[must_use]
    pub fn skipped(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.skipped))
    }
}

/// Something that was taken out of a record.
#[derive(Clone, Copy)]
pub struct Redaction<'a> {
    parts: &'a Parts,
    slot: &'a RedactionSlot,
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("place", &self.place())
            .field("key", &self.key())
            .field("rule", &self.rule())
            .field("len_bytes", &self.len_bytes())
            .finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    pub(super) const fn new(parts: &'a Parts, slot: &'a RedactionSlot) -> Self {
        Self { parts, slot }
    }

    /// Where it stood, such as `url.query`, `http.request.body.content` or `event`.
    #[must_use]
    pub fn place(&self) -> &'a str {
        self.parts.str(self.slot.place)
    }

    /// The key or path below that place.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.key))
    }

    /// The rule that asked for it.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.parts.str(self.slot.rule)
    }

    /// How many bytes were taken out.
    #[must_use]
    pub const fn len_bytes(&self) -> u32 {
        self.slot.len
    }

    /// A short hash of what was taken out, keyed with a secret of the process, where the settings ask for one: equal
    /// secrets have the same.
    #[must_use]
    pub const fn hash(&self) -> Option<u32> {
        if self.slot.hash == 0 { None } else { Some(self.slot.hash) }
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
}

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
}

impl FailureKind {
    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "error",
            Self::Service => "service_error",
            Self::Panic => "panic",
            Self::Body => "body_error",
            Self::Rejection => "rejection",
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
    pub(super) const fn new(parts: &'a Parts, slot: &'a FailureSlot) -> Self {
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

    /// What caused it, outermost first; at most 16.
    pub fn causes(&self) -> impl Iterator<Item = Cause<'a>> + Clone + use<'a> {
        let (parts, (first, count)) = (self.parts, self.slot.causes);
        let causes = parts.causes.get(first as usize..(first + count) as usize).unwrap_or_default();
        causes.iter().map(move |slot| Cause { parts, slot })
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

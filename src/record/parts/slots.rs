//! The fixed-size pieces of a record; their texts are ranges of its buffer.

use tracing::{Level, Metadata};

use crate::record::{FailureKind, SpanId, SpanKind, TraceFlags, TraceId};

/// A text: one that lives for ever, or a range of the buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Text {
    Static(&'static str),
    Range { start: u32, len: u32 },
}

impl Text {
    pub(crate) const EMPTY: Self = Self::Static("");

    /// So many bytes of a text of the buffer, from its byte `at` on.
    pub(crate) fn part(self, at: usize, bytes: usize) -> Option<Self> {
        match self {
            Self::Range { start, len } if at + bytes <= len as usize => {
                Some(Self::Range { start: start + at as u32, len: bytes as u32 })
            }
            _ => None,
        }
    }

    /// Whether both stand in the buffer, and there in the same place.
    #[inline]
    pub(crate) fn is_same_place(self, other: Self) -> bool {
        match (self, other) {
            (Self::Range { start, len }, Self::Range { start: from, len: bytes }) => (start, len) == (from, bytes),
            _ => false,
        }
    }

    /// The same text after its buffer was appended to another one.
    pub(super) fn shifted(self, by: u32) -> Self {
        match self {
            Self::Range { start, len } => Self::Range { start: start.saturating_add(by), len },
            text @ Self::Static(_) => text,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A typed value as stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Slot {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Text(Text),
}

/// A chain of fields: first and last index, `NONE` when empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) count: u32,
}

/// No index.
pub(super) const NONE: u32 = u32::MAX;

impl List {
    pub(crate) const fn is_empty(self) -> bool {
        self.count == 0
    }
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE, count: 0 }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldSlot {
    pub(crate) name: Text,
    pub(crate) value: Slot,
    pub(super) next: u32,
    /// Of the name, where it was looked for.
    pub(super) digest: u32,
}

/// Where in the program a span or an event comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) name: Text,
    pub(crate) target: Text,
    pub(crate) file: Text,
    pub(crate) line: u32,
    pub(crate) level: Level,
}

impl From<&Metadata<'static>> for Origin {
    fn from(metadata: &Metadata<'static>) -> Self {
        Self {
            name: Text::Static(metadata.name()),
            target: Text::Static(metadata.target()),
            file: Text::Static(metadata.file().unwrap_or_default()),
            line: metadata.line().unwrap_or_default(),
            level: *metadata.level(),
        }
    }
}

/// A span that has not ended yet has this for its end.
pub(crate) const OPEN: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanSlot {
    pub(crate) id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) origin: Origin,
    pub(crate) kind: SpanKind,
    /// Why it failed, as a word or type name; empty when it did not.
    pub(crate) error: Text,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) fields: List,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EventSlot {
    pub(crate) time_ns: u64,
    pub(crate) span: SpanId,
    pub(crate) origin: Origin,
    pub(crate) message: Text,
    pub(crate) fields: List,
    /// Whether a copy of it was sent ahead, for whoever shows events while the request is still running.
    pub(crate) shown: bool,
}

/// Which head or trailer a header stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
    Trailer,
}

/// What has to be looked at before a header may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// Its name, and what follows from that.
    #[default]
    Name,
    /// Nothing but its value.
    Value,
    /// Nothing but its value, which a client sends again and again.
    Familiar,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderSlot {
    pub(crate) side: Side,
    pub(crate) look: Look,
    pub(crate) name: Text,
    /// `None` where the value was not taken at all.
    pub(crate) value: Option<Text>,
    /// Length of the value as it stood in the message.
    pub(crate) len: u32,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    #[default]
    Text,
}

/// What was kept of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodySlot {
    pub(crate) media: Media,
    /// Its start, as text.
    pub(crate) content: Text,
    /// Bytes of the body that `content` stands for.
    pub(crate) kept_bytes: u32,
    /// Why nothing was kept, as a word; empty when something was.
    pub(crate) skipped: Text,
}

/// Something that was taken out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RedactionSlot {
    /// Where it stood, such as `url.query` or `http.request.body.content`.
    pub(crate) place: Text,
    /// The key or the path below that place; may be empty.
    pub(crate) key: Text,
    /// The rule that asked for it, by its name.
    pub(crate) rule: Text,
    /// Bytes that were taken out.
    pub(crate) len: u32,
    /// A keyed hash of them, the same for equal secrets in one process; 0 where none was asked for.
    pub(crate) hash: u32,
}

/// A span of somebody else's trace that the record refers to without being its child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkSlot {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_flags: TraceFlags,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct FailureSlot {
    pub(crate) kind: FailureKind,
    pub(crate) time_ns: u64,
    pub(crate) span: SpanId,
    /// Empty where the type is not known.
    pub(crate) type_name: Text,
    pub(crate) message: Text,
    pub(crate) file: Text,
    pub(crate) line: u32,
    pub(crate) backtrace: Text,
    pub(crate) causes: (u32, u32),
    /// When the event happened that tells of it, if one does.
    pub(crate) event_ns: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CauseSlot {
    /// Empty where the type is not known.
    pub(crate) type_name: Text,
    pub(crate) message: Text,
}

/// A span of `tracing` that has not closed yet, as the exchange knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenSpan {
    /// Which layer saw it, and by which number of `tracing`'s.
    pub(crate) key: (usize, u64),
    pub(crate) id: SpanId,
    /// Its index in `spans`.
    pub(crate) slot: usize,
}

impl Origin {
    pub(super) fn shifted(self, by: u32) -> Self {
        Self { name: self.name.shifted(by), target: self.target.shifted(by), file: self.file.shifted(by), ..self }
    }
}

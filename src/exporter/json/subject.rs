//! What one line tells, and the answers that every kind of record has.

use tracing::Level;

use crate::record::{Event, Failure, Kind, Losses, Record, Span, SpanId, SpanKind, TraceId, Value};

/// The event that an error of an outgoing request is.
const EXCEPTION: &str = "http.client.request.exception";

/// What a line tells.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    Request(&'a Record),
    Event(&'a Record, Event<'a>),
    Span(&'a Record, Span<'a>),
    Losses(&'a Losses, u64),
}

impl<'a> Subject<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        match record.kind() {
            Kind::Request | Kind::Partial => Self::Request(record),
            Kind::Event | Kind::Live => record.events().next().map_or(Self::Request(record), |event| Self::Event(record, event)),
            Kind::Span => record.spans().next().map_or(Self::Request(record), |span| Self::Span(record, span)),
        }
    }

    pub(super) const fn record(&self) -> Option<&'a Record> {
        match self {
            Self::Request(record) | Self::Event(record, _) | Self::Span(record, _) => Some(record),
            Self::Losses(..) => None,
        }
    }

    pub(super) const fn request(&self) -> Option<&'a Record> {
        match self {
            Self::Request(record) => Some(record),
            Self::Event(..) | Self::Span(..) | Self::Losses(..) => None,
        }
    }

    /// What went wrong: with the request, or outside any. An event of a request leaves its error to the request's own line.
    pub(super) fn failure(&self) -> Option<Failure<'a>> {
        match self {
            Self::Request(record) | Self::Event(record, _) => record.failure(),
            Self::Span(..) | Self::Losses(..) => None,
        }
    }

    pub(super) fn level(&self) -> Level {
        match self {
            Self::Request(record) if record.is_failed() => Level::ERROR,
            Self::Request(_) => Level::INFO,
            Self::Event(_, event) => event.level(),
            Self::Span(_, span) if span.error_type().is_some() => Level::WARN,
            Self::Span(_, span) => span.level(),
            Self::Losses(..) => Level::WARN,
        }
    }

    pub(super) fn unix_ns(&self) -> u64 {
        match self {
            Self::Request(record) => record.start_unix_ns(),
            Self::Event(_, event) => event.unix_ns(),
            Self::Span(record, span) => record.start_unix_ns().saturating_add(span.start_ns()),
            Self::Losses(_, unix_ns) => *unix_ns,
        }
    }

    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.record().and_then(Record::trace_id)
    }

    pub(super) fn span_id(&self) -> Option<SpanId> {
        let id = match self {
            Self::Request(record) => Some(record.span_id()),
            Self::Event(record, event) => event.span_id().or(Some(record.span_id())),
            Self::Span(_, span) => Some(span.id()),
            Self::Losses(..) => None,
        };
        id.filter(|id| id.is_valid())
    }

    pub(super) fn parent_span_id(&self) -> Option<SpanId> {
        match self {
            Self::Request(record) => record.parent_span_id(),
            Self::Span(_, span) => span.parent_id(),
            Self::Event(..) | Self::Losses(..) => None,
        }
    }

    pub(super) fn duration_ns(&self) -> Option<u64> {
        match self {
            Self::Request(record) => Some(record.duration_ns()),
            Self::Span(_, span) => Some(span.duration_ns()),
            Self::Event(..) | Self::Losses(..) => None,
        }
    }

    pub(super) fn target(&self) -> &'a str {
        match self {
            Self::Event(_, event) => event.target(),
            Self::Span(_, span) => span.target(),
            Self::Request(_) | Self::Losses(..) => "campanile",
        }
    }

    pub(super) fn place(&self) -> (Option<&'a str>, Option<u32>) {
        match self {
            Self::Event(_, event) => (event.file(), event.line()),
            Self::Span(_, span) => (span.file(), span.line()),
            Self::Request(_) => self.failure().map_or((None, None), |failure| (failure.file(), failure.line())),
            Self::Losses(..) => (None, None),
        }
    }

    /// The span of an outgoing request.
    pub(super) fn call(&self) -> Option<Span<'a>> {
        match self {
            Self::Span(_, span) if span.kind() == SpanKind::Client => Some(*span),
            _ => None,
        }
    }

    /// Whether [`attribute`](Self::attribute) may have anything.
    pub(super) fn has_attributes(&self) -> bool {
        match self {
            Self::Event(_, event) => event.name() == Some(EXCEPTION),
            Self::Request(_) | Self::Span(..) | Self::Losses(..) => self.call().is_some(),
        }
    }

    /// What a convention has a name for and stands among the fields: of an outgoing request, and of its errors.
    pub(super) fn attribute(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Event(_, event) if event.name() == Some(EXCEPTION) => {
                event.fields().find(|field| field.name() == name).map(|field| field.value())
            }
            _ => self.call()?.field(name),
        }
    }

    pub(super) fn event_name(&self) -> Option<&'a str> {
        match self {
            Self::Request(record) if record.kind() == Kind::Partial => Some("campanile.partial"),
            Self::Request(_) => Some("campanile.request"),
            Self::Span(..) => Some("campanile.span"),
            Self::Losses(..) => Some("campanile.losses"),
            Self::Event(_, event) => event.name(),
        }
    }
}

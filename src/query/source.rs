//! Texts of a record that have no column of their own, and where they stand.

use crate::record::{Body, Field, Header, Record, Value};

/// Where the texts stand that a term is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Anywhere.
    Any,
    /// The types and messages of failures and of their causes.
    Error,
    /// The types alone, also without the modules in front.
    ErrorType,
    /// The messages alone.
    ErrorMessage,
    /// The messages of events.
    Event,
    /// The names of spans.
    Span,
    /// What was kept of the bodies.
    Body,
    Host,
    UserAgent,
    /// The header of this name, in lower case, of request, response or trailers.
    Header(String),
    /// The attribute of this name.
    Attribute(String),
}

impl Source {
    /// Whether one of its texts is the wanted one. Stops at the first.
    pub(super) fn any(&self, record: &Record, mut wanted: impl FnMut(&str) -> bool) -> bool {
        let wanted = &mut wanted;
        match self {
            Self::Any => any_text(record, wanted),
            Self::Error => any_type(record, &mut *wanted) || any_message(record, wanted),
            Self::ErrorType => {
                any_type(record, |name| wanted(name) || name.rsplit_once("::").is_some_and(|(_, last)| wanted(last)))
            }
            Self::ErrorMessage => any_message(record, wanted),
            Self::Event => record.events().any(|event| wanted(event.message())),
            Self::Span => record.spans().any(|span| wanted(span.name())),
            Self::Body => [record.request_body(), record.response_body()].iter().flatten().map(Body::content).any(wanted),
            Self::Host => optional(record.host(), wanted),
            Self::UserAgent => optional(record.user_agent(), wanted),
            Self::Header(name) => any_header(headers(record).filter(|header| header.name().eq_ignore_ascii_case(name)), wanted),
            Self::Attribute(name) => record.attribute(name).is_some_and(|value| wanted(&value.to_string())),
        }
    }

    /// Whether all of its texts are among those that [`any_text`] goes through.
    #[cfg(feature = "store")]
    pub(super) const fn is_of_any_text(&self) -> bool {
        match self {
            Self::Any
            | Self::Error
            | Self::ErrorType
            | Self::ErrorMessage
            | Self::Event
            | Self::Span
            | Self::Header(_)
            | Self::Attribute(_) => true,
            Self::Body | Self::Host | Self::UserAgent => false,
        }
    }
}

fn any_type(record: &Record, mut wanted: impl FnMut(&str) -> bool) -> bool {
    let wanted = &mut wanted;
    optional(record.error_type(), wanted)
        || record.failures().any(|failure| {
            optional(failure.type_name(), wanted) || failure.causes().any(|cause| optional(cause.type_name(), wanted))
        })
}

fn any_message(record: &Record, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    record.failures().any(|failure| wanted(failure.message()) || failure.causes().any(|cause| wanted(cause.message())))
}

/// Whether any text that people search for is the wanted one. Stops at the first.
pub(crate) fn any_text(record: &Record, mut wanted: impl FnMut(&str) -> bool) -> bool {
    let wanted = &mut wanted;
    wanted(record.path())
        || optional(record.query(), wanted)
        || optional(record.route(), wanted)
        || wanted(record.request_id())
        || record.trace_id().is_some_and(|id| wanted(id.to_hex().as_str()))
        || wanted(record.span_id().to_hex().as_str())
        || any_type(record, &mut *wanted)
        || any_message(record, wanted)
        || record.events().any(|event| wanted(event.message()) || any_value(event.fields(), wanted))
        || record.spans().any(|span| wanted(span.name()) || any_value(span.fields(), wanted))
        || any_value(record.attributes(), wanted)
        || any_header(headers(record), wanted)
}

fn headers(record: &Record) -> impl Iterator<Item = Header<'_>> {
    record.request_headers().chain(record.response_headers()).chain(record.trailers())
}

fn optional(text: Option<&str>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    text.is_some_and(wanted)
}

fn any_header<'a>(mut headers: impl Iterator<Item = Header<'a>>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    headers.any(|header| optional(header.value(), wanted))
}

fn any_value<'a>(mut fields: impl Iterator<Item = Field<'a>>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    fields.any(|field| match field.value() {
        Value::Str(text) => wanted(text),
        value => wanted(&value.to_string()),
    })
}

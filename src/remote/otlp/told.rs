//! What OTLP tells of a record, for somebody who carries it in another form.

#[cfg(feature = "opentelemetry")]
use tracing::level_filters::LevelFilter;

use super::encode::{self, Attributes, Sends};
#[cfg(feature = "opentelemetry")]
use super::encode::{Logs, Traces};
use super::{encode_log, encode_span};
use crate::record::{Event, Failure, Record, Resource, Span, TraceId, Value};
#[cfg(feature = "opentelemetry")]
use crate::remote::{Encoder as _, Verdict};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Texts(Vec<String>),
}

impl From<Value<'_>> for Told {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::I64(value) => Self::Integer(value),
            // There are no unsigned numbers; the digits survive as text.
            Value::U64(value) => i64::try_from(value).map_or_else(|_| Self::Text(value.to_string()), Self::Integer),
            Value::F64(value) => Self::Float(value),
            Value::Str(value) => Self::Text(value.to_owned()),
        }
    }
}

/// Attributes in order, and how many were left out.
pub(crate) struct List {
    pub(crate) attributes: Vec<(String, Told)>,
    pub(crate) dropped: u32,
}

impl List {
    fn of(dropped_before: u32, push: impl FnOnce(&mut Attributes<'_>)) -> Self {
        let mut attributes = Vec::new();
        let mut to = Attributes::into_list(&mut attributes);
        push(&mut to);
        let dropped = to.finish(0, dropped_before);
        Self { attributes, dropped }
    }
}

/// The conventions that the names are of.
pub(crate) const SCHEMA_URL: &str = encode::SCHEMA_URL;

/// Of who is speaking.
pub(crate) fn resource(resource: &Resource) -> impl Iterator<Item = (String, Told)> {
    resource.attributes().map(|(key, value)| (key.to_owned(), encode::resource_value(key, value).into()))
}

/// Of a request's own span.
#[cfg(feature = "opentelemetry")]
pub(crate) fn request(record: &Record) -> List {
    let dropped = record.dropped();
    List::of(dropped.fields.saturating_add(dropped.headers), |to| encode_span::request_attributes(to, record, Sends::default()))
}

/// The same with headers and bodies.
#[cfg(feature = "reading")]
pub(crate) fn whole_request(record: &Record) -> List {
    let dropped = record.dropped();
    let sends = Sends { headers: true, bodies: true };
    List::of(dropped.fields.saturating_add(dropped.headers), |to| encode_span::request_attributes(to, record, sends))
}

/// Of a span inside it.
pub(crate) fn child(span: &Span<'_>) -> List {
    List::of(0, |to| encode_span::child_attributes(to, span))
}

/// Of an event: its name and its attributes, and those of the exception that it tells of.
pub(crate) fn event<'a>(record: &Record, event: &Event<'a>) -> (&'a str, List) {
    let failure = encode_log::told(record, event);
    let list = List::of(0, |to| encode_log::event_attributes(to, record, event, failure.as_ref()));
    (encode_log::event_name(event, failure.as_ref()), list)
}

/// Of a failure.
pub(crate) fn failure(record: &Record, failure: &Failure<'_>) -> List {
    List::of(0, |to| encode_log::failure_attributes(to, record, failure))
}

/// The events that are told.
#[cfg(feature = "opentelemetry")]
pub(crate) fn events(record: &Record) -> impl Iterator<Item = Event<'_>> {
    encode_log::events(record, LevelFilter::TRACE)
}

/// The exceptions that no event tells of.
#[cfg(feature = "opentelemetry")]
pub(crate) fn failures(record: &Record) -> impl Iterator<Item = Failure<'_>> {
    encode_log::untold(record, LevelFilter::TRACE)
}

/// The event that a failure is.
pub(crate) const EXCEPTION: &str = encode_log::EXCEPTION;

/// The name of a request's own span.
pub(crate) fn name(record: &Record) -> String {
    let (name, route) = encode_span::name(record);
    route.map_or_else(|| name.to_owned(), |route| format!("{name} {route}"))
}

/// The trace of a record, made up where it is in none.
pub(crate) fn trace_id(record: &Record) -> TraceId {
    encode_span::trace_id(record)
}

/// What is told of a record in spans.
#[cfg(feature = "opentelemetry")]
pub(crate) fn in_spans(record: &Record) -> Verdict {
    Traces::default().verdict(record)
}

/// What is told of a record in log records.
#[cfg(feature = "opentelemetry")]
pub(crate) fn in_logs(record: &Record) -> Verdict {
    Logs::with(LevelFilter::TRACE).verdict(record)
}

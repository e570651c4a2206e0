//! Fields of tracing become fields of a record.

use std::error::Error;
use std::fmt;

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::error::{ChainOf, source_of};
use super::failure::{Told, describe_inside};
use crate::record::parts::{List, MAX_EVENT_BYTES, MAX_FIELD_BYTES, Parts, Slot, Text};
use crate::record::{FailureKind, SpanId, Value};

/// Writes fields straight into the buffer.
pub(super) struct Fields<'a> {
    parts: &'a mut Parts,
    list: List,
    message: Text,
    takes_message: bool,
    is_log: bool,
    /// There may be fields of the same names already.
    is_again: bool,
    end: usize,
    /// What an error among the fields is: a failure of this origin, of which the event tells.
    failing: Option<Failing>,
}

/// The event of an error.
#[derive(Clone, Copy)]
struct Failing {
    at: (SpanId, u64),
    place: (&'static str, u32),
}

impl<'a> Fields<'a> {
    /// For an event: the field `message` is its message. `is_log` when it is a record of the `log` crate.
    pub(super) fn of_event(parts: &'a mut Parts, is_log: bool) -> Self {
        Self { takes_message: true, is_log, ..Self::of_span(parts, List::default()) }
    }

    /// Has the first error among the fields be a failure, of which this event tells.
    pub(super) fn failing(self, at: (SpanId, u64), metadata: &Metadata<'static>) -> Self {
        let place = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
        Self { failing: Some(Failing { at, place }), ..self }
    }

    /// For a span; `list` is what it has already.
    pub(super) fn of_span(parts: &'a mut Parts, list: List) -> Self {
        let (end, is_again) = (parts.text.len() + MAX_EVENT_BYTES, !list.is_empty());
        Self { parts, list, message: Text::EMPTY, takes_message: false, is_log: false, is_again, end, failing: None }
    }

    pub(super) const fn done(self) -> (List, Text) {
        (self.list, self.message)
    }

    /// Bytes that the next text may take.
    fn room(&self) -> usize {
        self.end.saturating_sub(self.parts.text.len()).min(MAX_FIELD_BYTES)
    }

    fn push(&mut self, field: &Field, value: Value<'_>) {
        let slot = self.parts.push_value(value, self.room());
        self.push_slot(field, slot);
    }

    fn push_fmt(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let text = self.parts.push_fmt(self.room(), value);
        self.push_slot(field, Slot::Text(text));
    }

    fn push_slot(&mut self, field: &Field, slot: Slot) {
        let name = field.name();
        match slot {
            Slot::Text(text) if self.takes_message && name == "message" => self.message = text,
            // A span may record a field again.
            _ if self.is_again => self.parts.set_field(&mut self.list, Text::Static(name), slot),
            // Those say where a record of the `log` crate comes from; its origin has them.
            _ if self.is_log && name.starts_with("log.") => {}
            _ => {
                self.parts.push_field(&mut self.list, Text::Static(name), slot);
            }
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // Small numbers are signed everywhere else too, so that a field keeps one type.
        self.push(field, i64::try_from(value).map_or(Value::U64(value), Value::I64));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push_fmt(field, format_args!("{}", ChainOf { text: &value, sources: source_of(value) }));
        if let Some(Failing { at, place: (file, line) }) = self.failing.take() {
            let told = Told { event_ns: Some(at.1), ..Told::new(value).in_line(file, line) };
            describe_inside(self.parts, FailureKind::Logged, at, &told);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_fmt(field, format_args!("{value:?}"));
    }
}

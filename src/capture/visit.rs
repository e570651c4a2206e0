//! Fields of tracing become fields of a record.

use std::error::Error;
use std::fmt;

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::error::{ChainOf, source_of};
use super::failure::{Told, describe_inside};
use crate::record::parts::{List, MAX_EVENT_BYTES, MAX_FIELD_BYTES, Parts, Slot, Text};
use crate::record::{FailureKind, SpanId};

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
    /// Nothing has to be asked: there is room, and all names are new and wanted.
    is_plain: bool,
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
    #[inline]
    pub(super) fn of_event(parts: &'a mut Parts, is_log: bool) -> Self {
        let fields = Self::of_span(parts, List::default());
        Self { takes_message: true, is_log, is_plain: fields.is_plain && !is_log, ..fields }
    }

    /// Has the first error among the fields be a failure, of which this event tells.
    pub(super) fn failing(self, at: (SpanId, u64), metadata: &Metadata<'static>) -> Self {
        let place = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
        Self { failing: Some(Failing { at, place }), ..self }
    }

    /// For a span; `list` is what it has already.
    #[inline]
    pub(super) fn of_span(parts: &'a mut Parts, list: List) -> Self {
        let (end, is_again) = (parts.text.len() + MAX_EVENT_BYTES, !list.is_empty());
        let is_plain = !is_again && parts.has_plenty();
        let (message, takes_message, is_log, failing) = (Text::EMPTY, false, false, None);
        Self { parts, list, message, takes_message, is_log, is_again, end, is_plain, failing }
    }

    pub(super) const fn done(self) -> (List, Text) {
        (self.list, self.message)
    }

    /// Bytes that the next text may take.
    fn room(&self) -> usize {
        self.end.saturating_sub(self.parts.text.len()).min(MAX_FIELD_BYTES)
    }

    #[inline]
    fn push(&mut self, field: &Field, slot: Slot) {
        let name = field.name();
        if self.is_plain {
            self.parts.push_field_in_plenty(&mut self.list, name, slot);
        } else {
            self.push_with_care(name, slot);
        }
    }

    fn push_text(&mut self, field: &Field, text: Text) {
        if self.takes_message && field.name() == "message" {
            self.message = text;
        } else {
            self.push(field, Slot::Text(text));
        }
    }

    fn push_fmt(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let text = self.parts.push_formatted(self.room(), value);
        self.push_text(field, text);
    }

    #[inline(never)]
    fn push_with_care(&mut self, name: &'static str, slot: Slot) {
        if self.is_again {
            // A span may record a field again.
            self.parts.set_field(&mut self.list, Text::Static(name), slot);
        } else if !(self.is_log && name.starts_with("log.")) {
            // Those say where a record of the `log` crate comes from; its origin has them.
            self.parts.push_field(&mut self.list, Text::Static(name), slot);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, Slot::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Slot::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // Small numbers are signed everywhere else too, so that a field keeps one type.
        self.push(field, i64::try_from(value).map_or(Slot::U64(value), Slot::I64));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Slot::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.parts.push_text(value, self.room());
        self.push_text(field, text);
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

//! Errors become failures of a record.

use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::current;
use super::error::{as_error, boxed, common_name, source_of};
use super::report;
use crate::record::parts::{CauseSlot, FailureSlot, MAX_BACKTRACE_BYTES, MAX_FAILURES, MAX_FIELD_BYTES, Parts, Text};
use crate::record::{FailureKind, SpanId};

/// An error, and what is known of it beside itself.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) error: &'a (dyn Error + 'static),
    /// Its type's name, where that is known for certain.
    pub(super) type_name: Option<&'static str>,
    pub(super) place: (&'static str, u32),
    pub(super) backtrace: Option<&'a Backtrace>,
    /// What prints place and backtrace of its own.
    pub(super) report: Option<&'a dyn fmt::Debug>,
    /// When the event happened that tells of it.
    pub(super) event_ns: Option<u64>,
}

impl<'a> Told<'a> {
    pub(super) fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self { error, type_name: common_name(error), place: ("", 0), backtrace: None, report: None, event_ns: None }
    }

    pub(super) const fn at(self, location: &'static Location<'static>) -> Self {
        self.in_line(location.file(), location.line())
    }

    pub(super) const fn in_line(self, file: &'static str, line: u32) -> Self {
        Self { place: (file, line), ..self }
    }
}

/// Writes a failure with its sources into `parts`; `at` is the span and the time.
pub(super) fn describe(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), told: &Told<'_>) {
    parts.make_room_for_failure();
    // An error's own `Display` and `source` run here; what they log is not captured again.
    let _ = current::once(|| describe_inside(parts, kind, at, told));
}

/// [`describe`] for whoever has seen to it that nothing is captured meanwhile, and holds texts that must not move: older
/// detail does not give way.
pub(super) fn describe_inside(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), told: &Told<'_>) {
    let (text_bytes, first) = (parts.text.len(), parts.causes.len());
    let message = parts.push_fmt(MAX_FIELD_BYTES, format_args!("{}", told.error));
    let mut last = message;
    for error in std::iter::successors(source_of(told.error), |error| source_of(*error)).take(MAX_FAILURES) {
        let end = parts.text.len();
        let message = parts.push_fmt(MAX_FIELD_BYTES, format_args!("{error}"));
        if parts.str(message) == parts.str(last) && !parts.str(last).is_empty() {
            // A wrapper that only hands on what is in it: one link of the chain.
            parts.text.truncate(end);
            continue;
        }
        last = message;
        parts.causes.push(CauseSlot { type_name: static_or_empty(common_name(error)), message });
    }
    let count = |number: usize| u32::try_from(number).unwrap_or_default();
    let mut failure = FailureSlot {
        type_name: static_or_empty(told.type_name),
        message,
        file: Text::Static(told.place.0),
        line: told.place.1,
        causes: (count(first), count(parts.causes.len() - first)),
        event_ns: told.event_ns,
        ..FailureSlot::new(kind, at)
    };
    if let Some(debug) = told.report {
        report::read(parts, &mut failure, debug);
    }
    if let Some(backtrace) = told.backtrace.filter(|_| failure.backtrace == Text::EMPTY) {
        failure.backtrace = parts.push_fmt(MAX_BACKTRACE_BYTES, format_args!("{backtrace}"));
    }
    if !parts.push_failure(failure) {
        // Told before, in the same words: what is told again and again must not fill the record.
        parts.text.truncate(text_bytes);
        parts.causes.truncate(first);
    }
}

/// Writes a failure of which only the text is known.
fn describe_text(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), type_name: &'static str, text: fmt::Arguments<'_>) {
    parts.make_room_for_failure();
    let message = current::once(|| parts.push_fmt(MAX_FIELD_BYTES, text)).unwrap_or_default();
    parts.push_failure(FailureSlot { type_name: Text::Static(type_name), message, ..FailureSlot::new(kind, at) });
}

/// A service's or body's error, whatever its type: its sources where its type can be told, and always its own text.
///
/// No backtrace is taken: the error has been handed up to here, and whoever made it is no longer on the stack.
pub(crate) fn describe_any<E: fmt::Display + 'static>(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), error: &E) {
    let whole = std::any::type_name::<E>();
    match as_error(error) {
        Some(known) if boxed(error).is_some() => describe(parts, kind, at, &Told::new(known)),
        Some(known) => describe(parts, kind, at, &Told { type_name: common_name(known).or(Some(whole)), ..Told::new(known) }),
        None => describe_text(parts, kind, at, whole, format_args!("{error}")),
    }
}

fn static_or_empty(text: Option<&'static str>) -> Text {
    text.map_or(Text::EMPTY, Text::Static)
}

//! A log record becomes an event, a failure, or both.

use tracing::Level;

use super::attributes::{Attributes, text};
use super::keys::{FAILURE_ALONE, FAILURE_KIND, GROUP, TOP};
use super::of_span::of_no_request;
use super::read_own::Own;
use super::wire::{Any, Log, SpanEvent, Word};
use crate::archive::make::{ToldRedaction, push_field_text, push_word};
use crate::record::parts::{EventSlot, FailureSlot, MAX_BACKTRACE_BYTES, MAX_FIELD_BYTES, Origin, Parts, Text};
use crate::record::{FailureKind, Kept, Kind, SpanId, TraceFlags, TraceId};
use crate::remote::otlp::told::EXCEPTION;

/// The level that a number and a text name.
fn level(number: &Word, text: &str) -> Level {
    match number {
        Word::Number(1..=4) => Level::TRACE,
        Word::Number(5..=8) => Level::DEBUG,
        Word::Number(9..=12) => Level::INFO,
        Word::Number(13..=16) => Level::WARN,
        Word::Number(17..) => Level::ERROR,
        Word::Name(name) => level_named(name.strip_prefix("SEVERITY_NUMBER_").unwrap_or(name).trim_end_matches(['2', '3', '4'])),
        Word::Number(_) => level_named(text),
    }
}

/// The level of a word, as many loggers write it.
pub(super) fn level_named(word: &str) -> Level {
    match word.to_ascii_uppercase().as_str() {
        "TRACE" => Level::TRACE,
        "DEBUG" => Level::DEBUG,
        "WARN" | "WARNING" => Level::WARN,
        "ERROR" | "ERR" | "FATAL" | "CRITICAL" | "PANIC" => Level::ERROR,
        _ => Level::INFO,
    }
}

/// The record of a log record outside any request.
pub(super) fn outside(mut log: Log, mut own: Option<Own>) -> (Box<Parts>, Vec<ToldRedaction>) {
    let mut parts = Box::new(Parts { kind: Kind::Event, kept: Some(Kept::All), ..Parts::default() });
    parts.trace_id = log.trace_id.0;
    parts.trace_flags = TraceFlags((log.flags.0 & 0xff) as u8);
    parts.span_id = log.span_id.0;
    parts.start_unix_ns = unix_ns(&log);
    let mut told = Vec::new();
    let is_own = own.is_some();
    if let Some(own) = &mut own {
        if own.pairs.flag(&["no_trace"]) {
            parts.trace_id = TraceId::INVALID;
        }
        of_no_request(&mut parts, own);
        own.about(&mut parts);
        told = own.redactions();
    }
    // One that has nothing in it but the record itself was made up for it.
    let is_empty = is_own && log.attributes.is_empty() && matches!(log.body, Any::Nothing) && log.event_name.is_empty();
    if !is_empty {
        log.attributes.retain(|pair| pair.key != super::keys::RECORD);
        inside(&mut parts, log, is_own);
    }
    (parts, told)
}

/// When it happened.
pub(super) fn unix_ns(log: &Log) -> u64 {
    match log.time_unix_nano.unsigned() {
        0 => log.observed_time_unix_nano.unsigned(),
        at => at,
    }
}

/// Puts a log record into a record. `is_own` where that was written here, and knows its failures.
pub(super) fn inside(parts: &mut Parts, mut log: Log, is_own: bool) {
    let at = unix_ns(&log);
    let mut given = Attributes::new(log.attributes);
    if given.flag(&[FAILURE_ALONE]) && is_own {
        return;
    }
    if is_own && given.take(&[FAILURE_KIND]).is_some() {
        // They belong to the failure, which is known.
        for name in ["exception.type", "exception.message", "exception.stacktrace", GROUP] {
            given.take(&[name]);
        }
        // An event without a name of its own was given that of the failure.
        if log.event_name == EXCEPTION {
            log.event_name = String::new();
        }
    }
    let message = match log.body {
        Any::Nothing => given.text(&["message"]).unwrap_or_default(),
        body => text(body),
    };
    let said = Said {
        unix_ns: at,
        span: if given.flag(&[TOP]) { SpanId::INVALID } else { log.span_id.0 },
        level: level(&log.severity_number, &log.severity_text),
        name: log.event_name,
        message,
    };
    event(parts, said, given, is_own);
}

/// Puts an event of a span into a record.
pub(super) fn of_span(parts: &mut Parts, told: SpanEvent, span: SpanId) {
    let is_exception = told.name == "exception";
    let mut given = Attributes::new(told.attributes);
    let message = given.text(&["message"]);
    let said = Said {
        unix_ns: told.time_unix_nano.unsigned(),
        span,
        level: match given.text(&["level", "log.severity"]) {
            Some(word) => level_named(&word),
            None if is_exception => Level::ERROR,
            None => Level::INFO,
        },
        message: message.unwrap_or_else(|| if is_exception { String::new() } else { told.name.clone() }),
        name: told.name,
    };
    event(parts, said, given, false);
}

struct Said {
    unix_ns: u64,
    span: SpanId,
    level: Level,
    name: String,
    message: String,
}

fn event(parts: &mut Parts, mut said: Said, mut given: Attributes, is_own: bool) {
    let time_ns = said.unix_ns.saturating_sub(parts.start_unix_ns);
    if !is_own
        && let Some(message) = exception(parts, &mut given, said.span, time_ns)
        && said.message.is_empty()
    {
        said.message = message;
    }
    if !parts.admits_event() {
        return;
    }
    let origin = Origin {
        name: push_word(parts, &said.name),
        target: push_word(parts, &given.text(&["target", "code.namespace", "logger.name"]).unwrap_or_default()),
        file: push_word(parts, &given.text(&["code.file.path", "code.filepath"]).unwrap_or_default()),
        line: given.number(&["code.line.number", "code.lineno"]).unwrap_or_default(),
        level: said.level,
    };
    let message = parts.push_text(&said.message, MAX_FIELD_BYTES);
    let fields = given.fields(parts);
    parts.events.push(EventSlot { time_ns, span: said.span, origin, message, fields, shown: false });
}

/// The failure that somebody's event tells of; its message.
fn exception(parts: &mut Parts, given: &mut Attributes, span: SpanId, time_ns: u64) -> Option<String> {
    let (type_name, message) = (given.text(&["exception.type"]), given.text(&["exception.message"]));
    let trace = given.text(&["exception.stacktrace"]).unwrap_or_default();
    if type_name.is_none() && message.is_none() {
        return None;
    }
    let message = message.unwrap_or_default();
    parts.make_room_for_failure();
    let slot = FailureSlot {
        type_name: push_word(parts, &type_name.unwrap_or_default()),
        message: push_field_text(parts, &message),
        backtrace: if trace.is_empty() { Text::EMPTY } else { parts.push_text(&trace, MAX_BACKTRACE_BYTES) },
        event_ns: Some(time_ns),
        ..FailureSlot::new(FailureKind::Attached, (span, time_ns))
    };
    parts.push_failure(slot);
    Some(message)
}

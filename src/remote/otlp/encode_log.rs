//! Events and failures, as OTLP log records.
//!
//! # Source
//! OpenTelemetry logs data model; semantic conventions 1.44.0 for exceptions.

use std::fmt::Write as _;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::encode::Attributes;
use super::key::key;
use super::proto;
use crate::record::{Event, Failure, FailureKind, Kind, Record, SpanId, severity_number};

/// Fields of a `LogRecord`.
const ATTRIBUTES: u32 = 6;
const DROPPED_ATTRIBUTES: u32 = 7;
/// The event that a failure of a request is.
pub(super) const EXCEPTION: &str = "http.server.request.exception";

/// Appends every event and failure of a record as field 2 of the scope; of one that is not sampled only the failures.
///
/// An exception is recorded once: where the application logged the error, the line of its log is the exception's record and
/// has its attributes, and no second one follows.
pub(super) fn record(out: &mut Vec<u8>, record: &Record, least: LevelFilter) {
    for one in events(record, least) {
        event(out, record, &one);
    }
    for one in untold(record, least) {
        failure(out, record, &one);
    }
}

/// The events that are told: none of a request that the sampler did not choose, as its trace is not there either.
pub(super) fn events(record: &Record, least: LevelFilter) -> impl Iterator<Item = Event<'_>> {
    let is_told = !is_left_out(record);
    record.events().filter(move |event| is_told && event.level() <= least)
}

/// Whether the sampler did not choose it.
fn is_left_out(record: &Record) -> bool {
    record.kind() == Kind::Request && !record.trace_flags().is_sampled()
}

/// The exceptions that no event that is told tells of as an error. Of a request that the sampler did not choose and that went
/// well, what was only logged stays out like any event.
pub(super) fn untold(record: &Record, least: LevelFilter) -> impl Iterator<Item = Failure<'_>> {
    let takes_logged = record.is_failed() || !is_left_out(record);
    let is_told = move |failure: &Failure<'_>| {
        let mut errors = events(record, least).filter(|event| event.level() == Level::ERROR);
        errors.any(|event| failure.is_told_by(&event))
    };
    record.exceptions().filter(move |failure| (takes_logged || failure.kind() != FailureKind::Logged) && !is_told(failure))
}

/// The exception that an event tells of.
pub(super) fn told<'a>(record: &'a Record, event: &Event<'_>) -> Option<Failure<'a>> {
    if event.level() != Level::ERROR {
        return None;
    }
    record.exceptions().find(|failure| failure.is_told_by(event))
}

/// The name of an event: its own; else, where it tells of an exception that more than the log knows of, that one's.
pub(super) fn event_name<'a>(event: &Event<'a>, failure: Option<&Failure<'_>>) -> &'a str {
    let is_reported = failure.is_some_and(|failure| failure.kind() != FailureKind::Logged);
    event.name().unwrap_or(if is_reported { EXCEPTION } else { "" })
}

/// What every log record begins with; what has the same length in every one is put together first.
fn begin(out: &mut Vec<u8>, record: &Record, unix_ns: u64, span: Option<SpanId>, level: Level) -> usize {
    let name = level.as_str();
    let mut head = [0; 27];
    head[..5].copy_from_slice(&proto::opening(2));
    head[5] = 1 << 3 | 1;
    head[6..14].copy_from_slice(&unix_ns.to_le_bytes());
    // It was observed when it was written: there is nothing in between.
    head[14] = 11 << 3 | 1;
    head[15..23].copy_from_slice(&unix_ns.to_le_bytes());
    head[23..].copy_from_slice(&[2 << 3, severity_number(level), 3 << 3 | 2, name.len() as u8]);
    out.extend_from_slice(&head);
    let start = out.len() - (head.len() - proto::opening(2).len());
    out.extend_from_slice(name.as_bytes());
    if let Some(trace) = record.trace_id() {
        proto::fixed32(out, 8, u32::from(record.trace_flags().0));
        // An event that came after the end of its request still names the request's span.
        let around = Some(record.span_id()).filter(|id| id.is_valid());
        let mut ids = [0; 28];
        ids[..2].copy_from_slice(&[9 << 3 | 2, 16]);
        ids[2..18].copy_from_slice(&trace.0);
        if let Some(span) = span.or(around) {
            ids[18..20].copy_from_slice(&[10 << 3 | 2, 8]);
            ids[20..].copy_from_slice(&span.0);
            out.extend_from_slice(&ids);
        } else {
            out.extend_from_slice(&ids[..18]);
        }
    }
    start
}

/// The message, as an `AnyValue`; an empty one is an empty value.
fn body(out: &mut Vec<u8>, message: &str) {
    let (tag, of_value) = (5 << 3 | 2, 1 << 3 | 2);
    let bytes = message.len();
    if bytes == 0 {
        out.extend_from_slice(&[tag, 0]);
        return;
    }
    if bytes < proto::ONE_BYTE - 2 {
        out.extend_from_slice(&[tag, bytes as u8 + 2, of_value, bytes as u8]);
    } else {
        out.push(tag);
        proto::varint(out, (1 + proto::varint_bytes(bytes as u64) + bytes) as u64);
        out.push(of_value);
        proto::varint(out, bytes as u64);
    }
    out.extend_from_slice(message.as_bytes());
}

fn event(out: &mut Vec<u8>, record: &Record, event: &Event<'_>) {
    let start = begin(out, record, event.unix_ns(), event.span_id(), event.level());
    if !event.message().is_empty() {
        body(out, event.message());
    }
    let failure = told(record, event);
    proto::bytes(out, 12, event_name(event, failure.as_ref()).as_bytes());
    let mut attributes = Attributes::new(out, ATTRIBUTES);
    event_attributes(&mut attributes, record, event, failure.as_ref());
    attributes.finish(DROPPED_ATTRIBUTES, 0);
    proto::end(out, start);
}

/// Everything that an event says beside its message, and the exception that it tells of.
pub(super) fn event_attributes(
    attributes: &mut Attributes<'_>,
    record: &Record,
    event: &Event<'_>,
    failure: Option<&Failure<'_>>,
) {
    attributes.push_some(key!("target"), Some(event.target()).filter(|target| !target.is_empty()));
    if let Some(failure) = failure {
        exception_attributes(attributes, record, failure);
    }
    attributes.push_some(key!("code.file.path"), event.file());
    attributes.push_some(key!("code.line.number"), event.line());
    attributes.push_fields(event.fields());
}

fn failure(out: &mut Vec<u8>, record: &Record, failure: &Failure<'_>) {
    let unix_ns = record.start_unix_ns().saturating_add(failure.time_ns());
    let start = begin(out, record, unix_ns, failure.span_id(), Level::ERROR);
    body(out, failure.message());
    proto::bytes(out, 12, EXCEPTION.as_bytes());
    let mut attributes = Attributes::new(out, ATTRIBUTES);
    failure_attributes(&mut attributes, record, failure);
    attributes.finish(DROPPED_ATTRIBUTES, 0);
    proto::end(out, start);
}

/// Everything that a failure says of itself, and which group it made its record belong to.
pub(super) fn failure_attributes(attributes: &mut Attributes<'_>, record: &Record, failure: &Failure<'_>) {
    exception_attributes(attributes, record, failure);
    attributes.push_some(key!("code.file.path"), failure.file());
    attributes.push_some(key!("code.line.number"), failure.line());
}

fn exception_attributes(attributes: &mut Attributes<'_>, record: &Record, failure: &Failure<'_>) {
    attributes.push_some(key!("exception.type"), failure.type_name());
    attributes.push(key!("exception.message"), failure.message());
    attributes.push(key!("exception.stacktrace"), &stacktrace(failure));
    attributes.push(key!("campanile.failure.kind"), failure.kind().as_str());
    if let Some(group) = record.group_of(failure) {
        attributes.push(key!("campanile.group"), group.to_string().as_str());
    }
}

/// Message, chain of causes, and the backtrace where there is one.
fn stacktrace(failure: &Failure<'_>) -> String {
    let mut out = String::new();
    let mut line = |before: &str, type_name: Option<&str>, message: &str| {
        let (type_name, colon) = type_name.map_or(("", ""), |name| (name, ": "));
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{before}{type_name}{colon}{message}");
    };
    line("", failure.type_name(), failure.message());
    for cause in failure.causes() {
        line("caused by: ", cause.type_name(), cause.message());
    }
    out.push_str(failure.backtrace().unwrap_or_default());
    out.truncate(out.trim_end().len());
    out
}

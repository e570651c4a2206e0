//! Events and failures, as OTLP log records.
//!
//! # Source
//! OpenTelemetry logs data model; semantic conventions 1.44.0 for exceptions.

use std::fmt::Write as _;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::encode::{Attributes, Keys};
use super::proto;
use crate::record::{Event, Failure, FailureKind, Kind, Record, SpanId};

/// Fields of a `LogRecord`.
const ATTRIBUTES: u32 = 6;
const DROPPED_ATTRIBUTES: u32 = 7;
/// The event that a failure of a request is.
pub(super) const EXCEPTION: &str = "http.server.request.exception";

/// Appends every event and failure of a record as field 2 of the scope; of one that is not sampled only the failures.
///
/// An exception is recorded once: where the application logged the error, the line of its log is the exception's record and
/// has its attributes, and no second one follows.
pub(super) fn record(out: &mut Vec<u8>, keys: &mut Keys, record: &Record, least: LevelFilter) {
    for one in events(record, least) {
        event(out, keys, record, &one);
    }
    for one in untold(record, least) {
        failure(out, keys, record, &one);
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

/// What every log record begins with.
fn begin(out: &mut Vec<u8>, record: &Record, unix_ns: u64, span: Option<SpanId>, level: Level) -> usize {
    let start = proto::begin(out, 2);
    proto::fixed64(out, 1, unix_ns);
    // It was observed when it was written: there is nothing in between.
    proto::fixed64(out, 11, unix_ns);
    proto::number(out, 2, severity(level));
    proto::bytes(out, 3, level.as_str().as_bytes());
    if let Some(trace) = record.trace_id() {
        // An event that came after the end of its request still names the request's span.
        let around = Some(record.span_id()).filter(|id| id.is_valid());
        proto::fixed32(out, 8, u32::from(record.trace_flags().0));
        proto::bytes(out, 9, &trace.0);
        if let Some(span) = span.or(around) {
            proto::bytes(out, 10, &span.0);
        }
    }
    start
}

/// `SeverityNumber`.
const fn severity(level: Level) -> u64 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}

fn event(out: &mut Vec<u8>, keys: &mut Keys, record: &Record, event: &Event<'_>) {
    let start = begin(out, record, event.unix_ns(), event.span_id(), event.level());
    if !event.message().is_empty() {
        let body = proto::begin(out, 5);
        proto::bytes(out, 1, event.message().as_bytes());
        proto::end(out, body);
    }
    let failure = told(record, event);
    proto::bytes(out, 12, event_name(event, failure.as_ref()).as_bytes());
    let mut attributes = Attributes::new(out, ATTRIBUTES, keys);
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
    attributes.push_some("target", Some(event.target()).filter(|target| !target.is_empty()));
    if let Some(failure) = failure {
        exception_attributes(attributes, record, failure);
    }
    attributes.push_some("code.file.path", event.file());
    attributes.push_some("code.line.number", event.line());
    attributes.push_fields(event.fields());
}

fn failure(out: &mut Vec<u8>, keys: &mut Keys, record: &Record, failure: &Failure<'_>) {
    let unix_ns = record.start_unix_ns().saturating_add(failure.time_ns());
    let start = begin(out, record, unix_ns, failure.span_id(), Level::ERROR);
    let body = proto::begin(out, 5);
    proto::bytes(out, 1, failure.message().as_bytes());
    proto::end(out, body);
    proto::bytes(out, 12, EXCEPTION.as_bytes());
    let mut attributes = Attributes::new(out, ATTRIBUTES, keys);
    failure_attributes(&mut attributes, record, failure);
    attributes.finish(DROPPED_ATTRIBUTES, 0);
    proto::end(out, start);
}

/// Everything that a failure says of itself, and which group it made its record belong to.
pub(super) fn failure_attributes(attributes: &mut Attributes<'_>, record: &Record, failure: &Failure<'_>) {
    exception_attributes(attributes, record, failure);
    attributes.push_some("code.file.path", failure.file());
    attributes.push_some("code.line.number", failure.line());
}

fn exception_attributes(attributes: &mut Attributes<'_>, record: &Record, failure: &Failure<'_>) {
    attributes.push_some("exception.type", failure.type_name());
    attributes.push("exception.message", failure.message());
    attributes.push("exception.stacktrace", &stacktrace(failure));
    attributes.push("campanile.failure.kind", failure.kind().as_str());
    if let Some(group) = record.group_of(failure) {
        attributes.push("campanile.group", group.to_string().as_str());
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

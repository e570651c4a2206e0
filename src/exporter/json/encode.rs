//! A record becomes a line: walks the schema's table once and asks the record for each key.

use std::borrow::Cow;
use std::fmt;

use tracing::Level;

use super::line::{Limits, Line};
use super::schema::{Key, Schema, Table};
use super::subject::Subject;
use super::time::Rfc3339;
use crate::exporter::call::Call;
use crate::record::{Body, Cause, ErrorClass, Failure, Field, Kept, Kind, Outcome, Record, Resource, Span, Vitals, rpc_code};

/// Container runtimes split lines at 16 KiB.
pub(super) const MAX_LINE_BYTES: usize = 16_000;

/// Tried in turn until the line fits; the last one fits any record.
const LIMITS: [Limits; 6] = [
    Limits { text: usize::MAX, items: usize::MAX },
    Limits { text: 4_096, items: 128 },
    Limits { text: 1_024, items: 64 },
    Limits { text: 256, items: 32 },
    Limits { text: 128, items: 16 },
    Limits { text: 64, items: 4 },
];

/// Appends one line without its line feed; shorter than [`MAX_LINE_BYTES`].
pub(super) fn encode(out: &mut String, schema: Schema, subject: Subject<'_>, resource: &Resource) {
    let (start, table) = (out.len(), schema.table());
    for limits in LIMITS {
        out.truncate(start);
        let was_cut = limits.text != usize::MAX;
        let mut line = Line::begin(out, table.style, limits);
        write_line(&mut line, table, subject, resource);
        if line.is_cut || was_cut {
            line.raw(table.cut, format_args!("true"));
        }
        line.end();
        if out.len() - start < MAX_LINE_BYTES {
            return;
        }
    }
}

fn write_line(line: &mut Line<'_>, table: &Table, subject: Subject<'_>, resource: &Resource) {
    for (key, name) in table.rows {
        match key.attribute().and_then(|attribute| subject.attribute(attribute)) {
            Some(value) => line.value(name, value),
            None => write_key(line, *key, name, subject),
        }
    }
    for (name, text) in table.constants {
        line.text(name, text);
    }
    write_resource(line, table, resource);
    match subject {
        Subject::Request(record) => write_fields(line, table, resource, record.attributes()),
        Subject::Event(_, event) => {
            write_fields(line, table, resource, event.fields().filter(|field| !is_written(table, subject, field.name())));
        }
        Subject::Span(_, span) => {
            write_fields(line, table, resource, span.fields().filter(|field| !is_written(table, subject, field.name())));
        }
        Subject::Losses(losses, _) => {
            for (reason, count) in losses.iter() {
                line.raw(&format!("campanile.lost.{reason}"), format_args!("{count}"));
            }
        }
    }
}

/// Whether a field stands in the line already, under the schema's own name.
fn is_written(table: &Table, subject: Subject<'_>, field: &str) -> bool {
    subject.attribute(field).is_some() && table.rows.iter().any(|(key, _)| key.attribute() == Some(field))
}

fn write_key(line: &mut Line<'_>, key: Key, name: &str, subject: Subject<'_>) {
    let request = subject.request();
    let failure = subject.failure();
    match key {
        Key::Time => line.display(name, format_args!("{}", Rfc3339(subject.unix_ns()))),
        Key::Level => line.text(name, subject.level().as_str()),
        Key::LevelInLowerCase => line.text(name, lower_case(subject.level())),
        Key::Severity => line.raw(name, format_args!("{}", severity(subject.level()))),
        Key::Message => write_message(line, name, subject),
        Key::EventName => text(line, name, subject.event_name()),
        Key::TraceId => text(line, name, subject.trace_id().map(|id| id.to_hex()).as_ref().map(|hex| hex.as_str())),
        Key::SpanId => text(line, name, subject.span_id().map(|id| id.to_hex()).as_ref().map(|hex| hex.as_str())),
        Key::ParentSpanId => {
            text(line, name, subject.parent_span_id().map(|id| id.to_hex()).as_ref().map(|hex| hex.as_str()));
        }
        Key::TraceFlags => number(line, name, subject.trace_id().and(subject.record()).map(|record| record.trace_flags().0)),
        Key::RequestId => text(line, name, subject.record().map(Record::request_id)),
        Key::InboundRequestId => text(line, name, request.and_then(Record::inbound_request_id)),
        Key::LinkTraceId => {
            let hex = request.and_then(Record::linked_span).map(|(trace, ..)| trace.to_hex());
            text(line, name, hex.as_ref().map(|hex| hex.as_str()));
        }
        Key::LinkSpanId => {
            let hex = request.and_then(Record::linked_span).map(|(_, span, _)| span.to_hex());
            text(line, name, hex.as_ref().map(|hex| hex.as_str()));
        }
        Key::Method => text(line, name, request.map(Record::method)),
        Key::KnownMethod => {
            text(line, name, request.map(|request| request.known_method().unwrap_or("_OTHER")));
        }
        Key::OriginalMethod => text(line, name, request.filter(|request| request.known_method().is_none()).map(Record::method)),
        Key::Route => text(line, name, request.and_then(Record::route)),
        Key::Path => text(line, name, request.map(Record::path)),
        Key::Query => text(line, name, request.and_then(Record::query)),
        Key::Scheme => text(line, name, request.map(Record::scheme)),
        Key::Host => text(line, name, request.and_then(Record::host)),
        Key::Port => number(line, name, request.and_then(Record::port)),
        Key::Protocol => text(line, name, request.map(Record::protocol_version)),
        Key::Status => number(line, name, request.and_then(Record::status)),
        Key::RpcSystem => text(line, name, rpc(request).map(|_| "grpc")),
        Key::RpcMethod => text(line, name, rpc(request).map(|request| request.rpc_method().unwrap_or("_OTHER"))),
        Key::RpcOriginalMethod => {
            let unknown = rpc(request).filter(|request| request.rpc_method().is_none());
            text(line, name, unknown.map(|request| request.path().strip_prefix('/').unwrap_or(request.path())));
        }
        Key::RpcStatus => text(line, name, request.and_then(Record::rpc_status).map(rpc_code)),
        Key::RpcRequestMessages => number(line, name, request.and_then(Record::rpc_request_messages)),
        Key::RpcResponseMessages => number(line, name, request.and_then(Record::rpc_response_messages)),
        Key::DurationMs => milliseconds(line, name, subject.duration_ns()),
        Key::DurationNs => number(line, name, subject.duration_ns()),
        Key::FirstByteMs => milliseconds(line, name, request.and_then(Record::time_to_first_byte_ns)),
        Key::RequestBytes => number(line, name, request.and_then(Record::request_body_bytes)),
        Key::ResponseBytes => number(line, name, request.map(Record::response_body_bytes)),
        Key::RequestBody => text(line, name, request.and_then(Record::request_body).map(|body| body.content())),
        Key::RequestBodySkipped => text(line, name, request.and_then(Record::request_body).and_then(|body| body.skipped())),
        Key::RequestBodyTruncated => flag(line, name, request.and_then(Record::request_body).is_some_and(was_cut)),
        Key::ResponseBody => text(line, name, request.and_then(Record::response_body).map(|body| body.content())),
        Key::ResponseBodySkipped => text(line, name, request.and_then(Record::response_body).and_then(|body| body.skipped())),
        Key::ResponseBodyTruncated => flag(line, name, request.and_then(Record::response_body).is_some_and(was_cut)),
        Key::ClientAddress => {
            if let Some(client) = request.and_then(Record::client_address) {
                line.display(name, format_args!("{client}"));
            }
        }
        Key::ClientPort => number(line, name, request.and_then(Record::client_port)),
        Key::PeerAddress => {
            if let Some(peer) = request.and_then(Record::peer) {
                line.display(name, format_args!("{}", peer.ip().to_canonical()));
            }
        }
        Key::PeerPort => number(line, name, request.and_then(Record::peer).map(|peer| peer.port())),
        Key::Probe => text(line, name, request.and_then(Record::probe)),
        Key::UserAgent => text(line, name, request.and_then(Record::user_agent)),
        Key::Outcome => text(line, name, request.and_then(outcome).map(Outcome::as_str)),
        Key::Kept => text(line, name, request.and_then(own_reason).map(Kept::as_str)),
        Key::Weight => number(line, name, request.map(Record::weight).filter(|weight| *weight != 1.0)),
        Key::Success => text(line, name, request.map(success).or(subject.call().map(call_success))),
        Key::ErrorType => {
            text(line, name, request.and_then(Record::error_type).or(subject.call().and_then(|call| call.error_type())));
        }
        Key::ErrorClass => text(line, name, request.and_then(Record::error_class).map(ErrorClass::as_str)),
        Key::Report => number(line, name, request.and_then(Record::report)),
        Key::InFlight => number(line, name, loaded(request).and_then(Record::in_flight)),
        Key::RouteInFlight => number(line, name, loaded(request).and_then(Record::in_flight_on_route)),
        Key::MemoryBytes => number(line, name, vitals(request).and_then(|vitals| vitals.memory_bytes)),
        Key::OpenFiles => number(line, name, vitals(request).and_then(|vitals| vitals.open_files)),
        Key::CpuCores => ratio(line, name, vitals(request).and_then(|vitals| vitals.cpu_ratio)),
        Key::RuntimeLagMs => milliseconds(line, name, vitals(request).and_then(|vitals| vitals.runtime_lag_ns)),
        Key::RuntimeBusyRatio => ratio(line, name, vitals(request).and_then(|vitals| vitals.runtime_busy_ratio)),
        Key::RuntimeTasks => number(line, name, vitals(request).and_then(|vitals| vitals.runtime_tasks)),
        Key::FailureType => text(line, name, failure.and_then(|failure| failure.type_name())),
        Key::FailureMessage => text(line, name, failure.map(|failure| failure.message())),
        Key::Backtrace => text(line, name, failure.and_then(|failure| failure.backtrace())),
        Key::Causes => line.list(name, failure.iter().flat_map(Failure::causes).map(Link)),
        Key::OtherFailures => write_others(line, name, request),
        Key::Group => {
            text(line, name, request.and_then(Record::group).map(|group| group.to_string()).as_deref());
        }
        Key::File => text(line, name, subject.place().0),
        Key::Line => number(line, name, subject.place().1),
        Key::Target => text(line, name, Some(subject.target())),
        Key::SpanKind => text(line, name, subject.call().map(|call| call.kind().as_str())),
        Key::SpanName => {
            if let Subject::Span(_, span) = subject {
                line.text(name, span.name());
            }
        }
    }
}

/// Absent and empty texts are left out.
fn text(line: &mut Line<'_>, name: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        line.text(name, text);
    }
}

fn number(line: &mut Line<'_>, name: &str, number: Option<impl fmt::Display>) {
    if let Some(number) = number {
        line.raw(name, format_args!("{number}"));
    }
}

/// Only what is true is said.
fn flag(line: &mut Line<'_>, name: &str, is_true: bool) {
    number(line, name, is_true.then_some(true));
}

/// Why its detail was kept, where that is its own doing: what holds of every request is not said of each.
fn own_reason(request: &Record) -> Option<Kept> {
    request.kept().filter(|kept| !matches!(kept, Kept::Sampled | Kept::All))
}

/// Whether a body that was kept was longer.
fn was_cut(body: Body<'_>) -> bool {
    body.skipped().is_none() && body.is_truncated()
}

fn milliseconds(line: &mut Line<'_>, name: &str, ns: Option<u64>) {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    number(line, name, ns.map(|ns| ns as f64 / 1e6));
}

/// To three places, which is more than was measured.
fn ratio(line: &mut Line<'_>, name: &str, ratio: Option<f64>) {
    number(line, name, ratio.filter(|ratio| ratio.is_finite()).map(|ratio| (ratio * 1e3).round() / 1e3));
}

/// A request that tells how much there was to do.
fn loaded(request: Option<&Record>) -> Option<&Record> {
    request.filter(|request| request.tells_load())
}

fn vitals(request: Option<&Record>) -> Option<Vitals> {
    request.and_then(Record::vitals)
}

fn rpc(request: Option<&Record>) -> Option<&Record> {
    request.filter(|request| request.is_rpc())
}

fn write_message(line: &mut Line<'_>, name: &str, subject: Subject<'_>) {
    match subject {
        Subject::Request(record) => match record.status() {
            Some(status) => line.display(name, format_args!("{} {} {status}", record.method(), record.path())),
            None => {
                let end = outcome(record).map_or("running", Outcome::as_str);
                line.display(name, format_args!("{} {} {end}", record.method(), record.path()));
            }
        },
        Subject::Event(_, event) => line.display(name, format_args!("{}", event.message())),
        Subject::Span(_, span) => match subject.call() {
            Some(call) => line.display(name, format_args!("{}", Call(call))),
            None => line.display(name, format_args!("{}", span.name())),
        },
        Subject::Losses(losses, _) => {
            line.display(name, format_args!("{} records dropped: {losses}", losses.total()));
        }
    }
}

/// The failures beside the one that the line tells in full.
fn write_others(line: &mut Line<'_>, name: &str, request: Option<&Record>) {
    let Some(request) = request.filter(|request| request.failures().len() > 1) else { return };
    let told = request.failures().position(|failure| {
        request.failure().is_some_and(|first| (first.kind(), first.time_ns()) == (failure.kind(), failure.time_ns()))
    });
    let others = request.failures().enumerate().filter(move |(index, _)| Some(*index) != told);
    line.list(name, others.map(|(_, failure)| Whole(failure)));
}

fn write_resource(line: &mut Line<'_>, table: &Table, resource: &Resource) {
    for (name, value) in resource_names(table, resource).take(line.max_items()) {
        line.text(&name, value);
    }
}

/// Resource attributes as a line names them. What describes the process rather than the service is left out: it is
/// long, and the same on every line.
fn resource_names<'a>(table: &'a Table, resource: &'a Resource) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
    let all = resource
        .attributes()
        .filter(|(key, value)| !value.is_empty() && !key.starts_with("telemetry.") && !key.starts_with("process."));
    all.map(|(key, value)| {
        let known = table.resource.iter().find(|(otel, _)| *otel == key);
        (known.map_or_else(|| table.field(key), |(_, own)| Cow::Borrowed(*own)), value)
    })
}

/// Writes the application's own fields; of two with the same name, the later one.
fn write_fields<'a>(line: &mut Line<'_>, table: &Table, resource: &Resource, fields: impl Iterator<Item = Field<'a>> + Clone) {
    let (mut rest, mut left) = (fields, line.max_items());
    while let Some(field) = rest.next() {
        if rest.clone().any(|later| later.name() == field.name()) {
            continue;
        }
        let Some(fewer) = left.checked_sub(1) else {
            line.is_cut = true;
            return;
        };
        left = fewer;
        let mut name = table.field(field.name());
        if resource_names(table, resource).any(|(taken, _)| taken == name) {
            name = Cow::Owned(format!("{}{name}", table.prefix));
        }
        line.value(&name, field.value());
    }
}

/// `type: message`.
#[derive(Clone, Copy)]
struct Link<'a>(Cause<'a>);

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        typed(f, self.0.type_name(), self.0.message())
    }
}

/// `kind: type: message <- cause <- cause`.
#[derive(Clone, Copy)]
struct Whole<'a>(Failure<'a>);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.0.kind().as_str())?;
        typed(f, self.0.type_name(), self.0.message())?;
        self.0.causes().try_for_each(|cause| write!(f, " <- {}", Link(cause)))
    }
}

fn typed(f: &mut fmt::Formatter<'_>, type_name: Option<&str>, message: &str) -> fmt::Result {
    match type_name {
        Some(type_name) => write!(f, "{type_name}: {message}"),
        None => f.write_str(message),
    }
}

/// How it ended. What a report tells of may end in any way; an upgrade is one already.
fn outcome(request: &Record) -> Option<Outcome> {
    let is_open = request.kind() == Kind::Partial && request.outcome() != Outcome::Upgraded;
    Some(request.outcome()).filter(|_| !is_open)
}

/// `event.outcome` of ECS.
fn success(request: &Record) -> &'static str {
    match request.outcome() {
        _ if request.kind() == Kind::Partial => "unknown",
        _ if request.is_failed() => "failure",
        Outcome::ClientGoneBeforeHead | Outcome::ClientGoneMidBody => "unknown",
        _ => "success",
    }
}

fn call_success(call: Span<'_>) -> &'static str {
    if call.error_type().is_some() { "failure" } else { "success" }
}

const fn severity(level: Level) -> u8 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}

const fn lower_case(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

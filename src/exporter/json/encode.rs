//! A record becomes a line: walks the schema's table once and asks the record for each key.

use std::fmt;

use tracing::Level;

use super::line::{Limits, Line, Name};
use super::prepared::Prepared;
use super::schema::{Key, Needs, Table};
use super::subject::Subject;
use super::time::Rfc3339;
use crate::digits;
use crate::exporter::call::Call;
use crate::record::{
    Body, Cause, ErrorClass, Failure, Field, Hex, Kept, Kind, Outcome, Record, Span, SpanId, TraceId, Vitals, rpc_code,
    severity_number,
};

/// Container runtimes split lines at 16 KiB.
pub(super) const MAX_LINE_BYTES: usize = 16_000;

/// Tried in turn until the line fits; the last one fits any record.
const LIMITS: [Limits; 6] = [
    Limits::NONE,
    Limits { text: 4_096, items: 128 },
    Limits { text: 1_024, items: 64 },
    Limits { text: 256, items: 32 },
    Limits { text: 128, items: 16 },
    Limits { text: 64, items: 4 },
];

/// Appends one line without its line feed; shorter than [`MAX_LINE_BYTES`].
pub(super) fn encode(out: &mut Vec<u8>, prepared: &Prepared, subject: Subject<'_>) {
    let (start, table) = (out.len(), prepared.table());
    for limits in LIMITS {
        out.truncate(start);
        let was_cut = limits != Limits::NONE;
        let mut line = Line::begin(out, table.style, limits);
        write_line(&mut line, prepared, subject);
        if line.is_cut || was_cut {
            line.raw(Name::foreign(table.cut), b"true");
        }
        line.end();
        if out.len() - start < MAX_LINE_BYTES {
            return;
        }
    }
}

fn write_line(line: &mut Line<'_>, prepared: &Prepared, subject: Subject<'_>) {
    let (table, has) = (prepared.table(), what_it_has(subject));
    if subject.has_attributes() {
        for (key, opened) in table.rows {
            match key.attribute().and_then(|attribute| subject.attribute(attribute)) {
                Some(value) => line.value(Name::Own(opened), value),
                None => write_key(line, *key, Name::Own(opened), subject),
            }
        }
    } else if let Some(rows) = prepared.rows(has) {
        for (key, opened) in rows {
            write_key(line, *key, Name::Own(opened), subject);
        }
    } else {
        for (key, opened) in table.rows.iter().filter(|(key, _)| has.has(key.needs())) {
            write_key(line, *key, Name::Own(opened), subject);
        }
    }
    prepared.write_constants(line);
    let is_new = |field: &Field<'_>| !is_written(table, subject, field.name());
    match subject {
        Subject::Request(record) => write_fields(line, prepared, record.attributes()),
        Subject::Event(_, event) if subject.has_attributes() => write_fields(line, prepared, event.fields().filter(is_new)),
        Subject::Event(_, event) => write_fields(line, prepared, event.fields()),
        Subject::Span(_, span) if subject.has_attributes() => write_fields(line, prepared, span.fields().filter(is_new)),
        Subject::Span(_, span) => write_fields(line, prepared, span.fields()),
        Subject::Losses(losses, _) => {
            for (reason, count) in losses.iter() {
                line.number(Name::foreign(&format!("campanile.lost.{reason}")), count);
            }
        }
    }
}

/// Which keys could have something to say.
fn what_it_has(subject: Subject<'_>) -> Needs {
    let has = Needs::NOTHING.and(Needs::FAILURE, subject.failure().is_some());
    match subject {
        Subject::Request(record) => {
            let is_in_trouble = record.tells_load() || record.vitals().is_some() || record.group().is_some();
            let has_body = record.request_body().is_some() || record.response_body().is_some();
            let is_special = has_body
                || record.linked_span().is_some()
                || record.inbound_request_id().is_some()
                || record.probe().is_some()
                || record.weight() != 1.0
                || record.report().is_some();
            has.and(Needs::DURATION, true)
                .and(Needs::REQUEST, true)
                .and(Needs::EXTRA, is_special)
                .and(Needs::ADDRESS, record.client_address().is_some())
                .and(Needs::RPC, record.is_rpc() || record.rpc_status().is_some() || record.rpc_response_messages().is_some())
                .and(Needs::TROUBLE, is_in_trouble)
        }
        Subject::Span(..) => has.and(Needs::DURATION, true).and(Needs::SPAN, true),
        Subject::Event(..) | Subject::Losses(..) => has,
    }
}

/// Whether a field stands in the line already, under the schema's own name.
fn is_written(table: &Table, subject: Subject<'_>, field: &str) -> bool {
    subject.attribute(field).is_some() && table.rows.iter().any(|(key, _)| key.attribute() == Some(field))
}

fn write_key(line: &mut Line<'_>, key: Key, name: Name<'_>, subject: Subject<'_>) {
    let request = subject.request();
    let failure = || subject.failure();
    match key {
        Key::Time => line.plain(name, Rfc3339::of(subject.unix_ns()).as_bytes()),
        Key::Level => line.word(name, subject.level().as_str().as_bytes()),
        Key::LevelInLowerCase => line.word(name, lower_case(subject.level()).as_bytes()),
        Key::Severity => line.number(name, severity_number(subject.level()).into()),
        Key::Message => write_message(line, name, subject),
        Key::EventName => text(line, name, subject.event_name()),
        Key::TraceId => id(line, name, subject.trace_id().map(TraceId::to_hex)),
        Key::SpanId => id(line, name, subject.span_id().map(SpanId::to_hex)),
        Key::ParentSpanId => id(line, name, subject.parent_span_id().map(SpanId::to_hex)),
        Key::TraceFlags => number(line, name, subject.trace_id().and(subject.record()).map(|record| record.trace_flags().0)),
        Key::RequestId => text(line, name, subject.record().map(Record::request_id)),
        Key::InboundRequestId => text(line, name, request.and_then(Record::inbound_request_id)),
        Key::LinkTraceId => id(line, name, request.and_then(Record::linked_span).map(|(trace, ..)| trace.to_hex())),
        Key::LinkSpanId => id(line, name, request.and_then(Record::linked_span).map(|(_, span, _)| span.to_hex())),
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
        Key::RpcSystem => word(line, name, rpc(request).map(|_| "grpc")),
        Key::RpcMethod => text(line, name, rpc(request).map(|request| request.rpc_method().unwrap_or("_OTHER"))),
        Key::RpcOriginalMethod => {
            let unknown = rpc(request).filter(|request| request.rpc_method().is_none());
            text(line, name, unknown.map(|request| request.path().strip_prefix('/').unwrap_or(request.path())));
        }
        Key::RpcStatus => word(line, name, request.and_then(Record::rpc_status).map(rpc_code)),
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
                line.plain(name, digits::address(client).as_bytes());
            }
        }
        Key::ClientPort => number(line, name, request.and_then(Record::client_port)),
        Key::PeerAddress => {
            if let Some(peer) = request.and_then(Record::peer) {
                line.plain(name, digits::address(peer.ip().to_canonical()).as_bytes());
            }
        }
        Key::PeerPort => number(line, name, request.and_then(Record::peer).map(|peer| peer.port())),
        Key::Probe => text(line, name, request.and_then(Record::probe)),
        Key::UserAgent => text(line, name, request.and_then(Record::user_agent)),
        Key::Outcome => word(line, name, request.and_then(outcome).map(Outcome::as_str)),
        Key::Kept => word(line, name, request.and_then(own_reason).map(Kept::as_str)),
        Key::Weight => float(line, name, request.map(Record::weight).filter(|weight| *weight != 1.0)),
        Key::Success => word(line, name, request.map(success).or(subject.call().map(call_success))),
        Key::ErrorType => {
            text(line, name, request.and_then(Record::error_type).or(subject.call().and_then(|call| call.error_type())));
        }
        Key::ErrorClass => word(line, name, request.and_then(Record::error_class).map(ErrorClass::as_str)),
        Key::Report => number(line, name, request.and_then(Record::report)),
        Key::InFlight => number(line, name, loaded(request).and_then(Record::in_flight)),
        Key::RouteInFlight => number(line, name, loaded(request).and_then(Record::in_flight_on_route)),
        Key::MemoryBytes => number(line, name, vitals(request).and_then(|vitals| vitals.memory_bytes)),
        Key::OpenFiles => number(line, name, vitals(request).and_then(|vitals| vitals.open_files)),
        Key::CpuCores => ratio(line, name, vitals(request).and_then(|vitals| vitals.cpu_ratio)),
        Key::RuntimeLagMs => milliseconds(line, name, vitals(request).and_then(|vitals| vitals.runtime_lag_ns)),
        Key::RuntimeBusyRatio => ratio(line, name, vitals(request).and_then(|vitals| vitals.runtime_busy_ratio)),
        Key::RuntimeTasks => number(line, name, vitals(request).and_then(|vitals| vitals.runtime_tasks)),
        Key::FailureType => text(line, name, failure().and_then(|failure| failure.type_name())),
        Key::FailureMessage => text(line, name, failure().map(|failure| failure.message())),
        Key::Backtrace => text(line, name, failure().and_then(|failure| failure.backtrace())),
        Key::Causes => line.list(name, failure().iter().flat_map(Failure::causes).map(Link)),
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
fn text(line: &mut Line<'_>, name: Name<'_>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        line.text(name, text);
    }
}

/// One of our own words.
fn word(line: &mut Line<'_>, name: Name<'_>, word: Option<&'static str>) {
    if let Some(word) = word {
        line.word(name, word.as_bytes());
    }
}

/// Bare in logfmt, like any text of digits.
fn id<const N: usize>(line: &mut Line<'_>, name: Name<'_>, hex: Option<Hex<N>>) {
    if let Some(hex) = hex {
        line.word(name, hex.as_bytes());
    }
}

fn number(line: &mut Line<'_>, name: Name<'_>, number: Option<impl Into<u64>>) {
    if let Some(number) = number {
        line.number(name, number.into());
    }
}

fn float(line: &mut Line<'_>, name: Name<'_>, number: Option<f64>) {
    if let Some(number) = number {
        line.float(name, number);
    }
}

/// Only what is true is said.
fn flag(line: &mut Line<'_>, name: Name<'_>, is_true: bool) {
    if is_true {
        line.raw(name, b"true");
    }
}

/// Why its detail was kept, where that is its own doing: what holds of every request is not said of each.
fn own_reason(request: &Record) -> Option<Kept> {
    request.kept().filter(|kept| !matches!(kept, Kept::Sampled | Kept::All))
}

/// Whether a body that was kept was longer.
fn was_cut(body: Body<'_>) -> bool {
    body.skipped().is_none() && body.is_truncated()
}

fn milliseconds(line: &mut Line<'_>, name: Name<'_>, ns: Option<u64>) {
    let Some(ns) = ns else { return };
    match digits::milliseconds(ns) {
        Some(digits) => line.raw(name, digits.as_bytes()),
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        None => line.float(name, ns as f64 / 1e6),
    }
}

/// To three places, which is more than was measured.
fn ratio(line: &mut Line<'_>, name: Name<'_>, ratio: Option<f64>) {
    float(line, name, ratio.filter(|ratio| ratio.is_finite()).map(|ratio| (ratio * 1e3).round() / 1e3));
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

fn write_message(line: &mut Line<'_>, name: Name<'_>, subject: Subject<'_>) {
    match subject {
        Subject::Request(record) => {
            let status = record.status().map(|status| digits::number(status.into()));
            let end = match &status {
                Some(status) => status.as_str(),
                None => outcome(record).map_or("running", Outcome::as_str),
            };
            line.texts(name, [record.method(), record.path(), end]);
        }
        Subject::Event(_, event) => line.texts(name, [event.message()]),
        Subject::Span(_, span) => match subject.call() {
            Some(call) => line.display(name, format_args!("{}", Call(call))),
            None => line.texts(name, [span.name()]),
        },
        Subject::Losses(losses, _) => {
            line.display(name, format_args!("{} records dropped: {losses}", losses.total()));
        }
    }
}

/// The failures beside the one that the line tells in full.
fn write_others(line: &mut Line<'_>, name: Name<'_>, request: Option<&Record>) {
    let Some(request) = request.filter(|request| request.failures().len() > 1) else { return };
    let told = request.failures().position(|failure| {
        request.failure().is_some_and(|first| (first.kind(), first.time_ns()) == (failure.kind(), failure.time_ns()))
    });
    let others = request.failures().enumerate().filter(move |(index, _)| Some(*index) != told);
    line.list(name, others.map(|(_, failure)| Whole(failure)));
}

/// Writes the application's own fields; of two with the same name, the later one.
fn write_fields<'a>(line: &mut Line<'_>, prepared: &Prepared, fields: impl Iterator<Item = Field<'a>> + Clone) {
    let (mut rest, mut left) = (fields, line.limits().items);
    let mut room = String::new();
    while let Some(field) = rest.next() {
        if rest.clone().any(|later| later.name() == field.name()) {
            continue;
        }
        let Some(fewer) = left.checked_sub(1) else {
            line.is_cut = true;
            return;
        };
        left = fewer;
        line.value(prepared.field(field.name(), &mut room), field.value());
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

const fn lower_case(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

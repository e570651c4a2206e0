//! Field names: one table for each schema, in the order in which a line is written.

use std::borrow::Cow;

use super::line::Style;

/// Which names the fields of a line have.
///
/// # Default
/// [`Otel`](Self::Otel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schema {
    /// JSON with the names of OpenTelemetry's semantic conventions 1.44.0.
    #[default]
    Otel,
    /// JSON with the names of the Elastic Common Schema 8.11; the application's own plain names stand under `labels.`.
    Ecs,
    /// `key=value` pairs.
    Logfmt,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Self; 3] = [Self::Otel, Self::Ecs, Self::Logfmt];

    /// The word that settings use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otel => "otel",
            Self::Ecs => "ecs",
            Self::Logfmt => "logfmt",
        }
    }

    /// The schema that [`as_str`](Self::as_str) names so.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.as_str() == word)
    }

    pub(super) const fn table(self) -> &'static Table {
        match self {
            Self::Otel => &OTEL,
            Self::Ecs => &ECS,
            Self::Logfmt => &LOGFMT,
        }
    }
}

/// What can stand in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Time,
    Level,
    LevelInLowerCase,
    Severity,
    Message,
    EventName,
    TraceId,
    SpanId,
    ParentSpanId,
    TraceFlags,
    RequestId,
    InboundRequestId,
    LinkTraceId,
    LinkSpanId,
    Method,
    KnownMethod,
    OriginalMethod,
    Route,
    Path,
    Query,
    Scheme,
    Host,
    Port,
    Protocol,
    Status,
    RpcSystem,
    RpcMethod,
    RpcOriginalMethod,
    RpcStatus,
    RpcRequestMessages,
    RpcResponseMessages,
    DurationMs,
    DurationNs,
    FirstByteMs,
    RequestBytes,
    ResponseBytes,
    RequestBody,
    RequestBodySkipped,
    RequestBodyTruncated,
    ResponseBody,
    ResponseBodySkipped,
    ResponseBodyTruncated,
    ClientAddress,
    ClientPort,
    PeerAddress,
    PeerPort,
    UserAgent,
    Probe,
    Outcome,
    Kept,
    Weight,
    Success,
    ErrorType,
    ErrorClass,
    Report,
    InFlight,
    RouteInFlight,
    MemoryBytes,
    OpenFiles,
    CpuCores,
    RuntimeLagMs,
    RuntimeBusyRatio,
    RuntimeTasks,
    FailureType,
    FailureMessage,
    Backtrace,
    Causes,
    OtherFailures,
    Group,
    File,
    Line,
    Target,
    SpanName,
    SpanKind,
}

impl Key {
    /// What the conventions of OpenTelemetry call it, where it may stand among the fields of a span or an event.
    pub(super) fn attribute(self) -> Option<&'static str> {
        let key = if self == Self::Method { Self::KnownMethod } else { self };
        OTEL.names().find(|(own, _)| *own == key).map(|(_, name)| name)
    }

    /// What a record must have for it to be written.
    pub(super) const fn needs(self) -> Needs {
        match self {
            Self::Time
            | Self::Level
            | Self::LevelInLowerCase
            | Self::Severity
            | Self::Message
            | Self::EventName
            | Self::TraceId
            | Self::SpanId
            | Self::TraceFlags
            | Self::RequestId
            | Self::File
            | Self::Line
            | Self::Target => Needs::NOTHING,
            Self::ParentSpanId | Self::DurationMs | Self::DurationNs | Self::Success | Self::ErrorType => Needs::DURATION,
            Self::InboundRequestId
            | Self::Method
            | Self::KnownMethod
            | Self::OriginalMethod
            | Self::Route
            | Self::Path
            | Self::Query
            | Self::Scheme
            | Self::Host
            | Self::Port
            | Self::Protocol
            | Self::Status
            | Self::FirstByteMs
            | Self::RequestBytes
            | Self::ResponseBytes
            | Self::UserAgent
            | Self::Outcome
            | Self::Kept => Needs::REQUEST,
            Self::LinkTraceId
            | Self::LinkSpanId
            | Self::RequestBody
            | Self::RequestBodySkipped
            | Self::RequestBodyTruncated
            | Self::ResponseBody
            | Self::ResponseBodySkipped
            | Self::ResponseBodyTruncated
            | Self::Probe
            | Self::Weight
            | Self::Report => Needs::EXTRA,
            Self::ClientAddress | Self::ClientPort | Self::PeerAddress | Self::PeerPort => Needs::ADDRESS,
            Self::RpcSystem
            | Self::RpcMethod
            | Self::RpcOriginalMethod
            | Self::RpcStatus
            | Self::RpcRequestMessages
            | Self::RpcResponseMessages => Needs::RPC,
            Self::ErrorClass
            | Self::InFlight
            | Self::RouteInFlight
            | Self::MemoryBytes
            | Self::OpenFiles
            | Self::CpuCores
            | Self::RuntimeLagMs
            | Self::RuntimeBusyRatio
            | Self::RuntimeTasks
            | Self::Group => Needs::TROUBLE,
            Self::FailureType | Self::FailureMessage | Self::Backtrace | Self::Causes | Self::OtherFailures => Needs::FAILURE,
            Self::SpanName | Self::SpanKind => Needs::SPAN,
        }
    }
}

/// What a record has, or must have for a key to be written: keys are passed over in groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs(u16);

impl Needs {
    pub(super) const NOTHING: Self = Self(1);
    pub(super) const DURATION: Self = Self(1 << 1);
    pub(super) const REQUEST: Self = Self(1 << 2);
    pub(super) const EXTRA: Self = Self(1 << 3);
    pub(super) const ADDRESS: Self = Self(1 << 4);
    pub(super) const RPC: Self = Self(1 << 5);
    pub(super) const TROUBLE: Self = Self(1 << 6);
    pub(super) const FAILURE: Self = Self(1 << 7);
    pub(super) const SPAN: Self = Self(1 << 8);

    /// Adds to it, where something holds.
    #[must_use]
    pub(super) const fn and(self, other: Self, holds: bool) -> Self {
        if holds { Self(self.0 | other.0) } else { self }
    }

    pub(super) const fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}

/// The names of one schema.
pub(super) struct Table {
    pub(super) style: Style,
    /// Each with its name [as a line has it](super::line::Name::Own).
    pub(super) rows: &'static [(Key, &'static str)],
    /// The same on every line.
    pub(super) constants: &'static [(&'static str, &'static str)],
    /// Resource attributes that have another name here.
    pub(super) resource: &'static [(&'static str, &'static str)],
    /// Set to true when something did not fit.
    pub(super) cut: &'static str,
    /// Stands before a field's name that would collide with a name of the schema.
    pub(super) prefix: &'static str,
    /// Whether readers turn dots into objects: then a plain name collides with every object's.
    pub(super) is_nested: bool,
}

/// An attribute that the layer sets itself, beside those of the application.
const ALL_HOPS_TRUSTED: &str = "campanile.client.all_hops_trusted";

impl Table {
    /// The name under which a field of the application stands: never one of the schema's own, and no two fields with
    /// different names share one.
    pub(super) fn field<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let name = match self.style {
            Style::Json => Cow::Borrowed(name),
            Style::Logfmt => as_key(name),
        };
        if self.reserves(&name, |_| true) { Cow::Owned(format!("{}{name}", self.prefix)) } else { name }
    }

    /// Whether a name is one of the schema's own or could be mistaken for one. `may_be_own` says quickly, and not always
    /// right, that it could be one of [`reserved`](Self::reserved).
    pub(super) fn reserves(&self, name: &str, may_be_own: impl FnOnce(&str) -> bool) -> bool {
        let collides = |own: &str| own == name || self.is_nested && (is_below(own, name) || is_below(name, own));
        name.is_empty()
            || self.is_nested && !name.contains('.')
            || name.starts_with(self.prefix)
            || name.starts_with("campanile.") && name != ALL_HOPS_TRUSTED
            || (self.is_nested || may_be_own(name)) && self.reserved().any(collides)
    }

    /// Its keys and their names.
    pub(super) fn names(&self) -> impl Iterator<Item = (Key, &'static str)> {
        let (before, behind) = match self.style {
            Style::Json => (",\"".len(), "\":\"".len()),
            Style::Logfmt => (" ".len(), "=".len()),
        };
        self.rows.iter().map(move |(key, opened)| (*key, opened.get(before..opened.len() - behind).unwrap_or_default()))
    }

    /// Its own names.
    pub(super) fn reserved(&self) -> impl Iterator<Item = &'static str> {
        let others = self.constants.iter().chain(self.resource).map(|(_, own)| *own);
        self.names().map(|(_, own)| own).chain(others).chain([self.cut])
    }
}

/// Whether `name` is inside the object `outer`.
fn is_below(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

/// A logfmt key has no spaces, quotes or equals signs.
pub(super) fn as_key(name: &str) -> Cow<'_, str> {
    let fits = |char: char| !(char.is_whitespace() || matches!(char, '=' | '"' | '\\') || super::is_hidden(char));
    if name.chars().all(fits) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().map(|char| if fits(char) { char } else { '_' }).collect())
}

/// Rows of JSON: the name as [`Name::Own`](super::line::Name::Own) has it.
macro_rules! json {
    ($(($key:expr, $name:literal),)*) => { &[$(($key, concat!(",\"", $name, "\":\""))),*] };
}

/// The same of logfmt.
macro_rules! logfmt {
    ($(($key:expr, $name:literal),)*) => { &[$(($key, concat!(" ", $name, "="))),*] };
}

static OTEL: Table = Table {
    style: Style::Json,
    rows: json![
        (Key::Time, "timestamp"),
        (Key::Level, "severity_text"),
        (Key::Severity, "severity_number"),
        (Key::Message, "body"),
        (Key::EventName, "event_name"),
        (Key::TraceId, "trace_id"),
        (Key::SpanId, "span_id"),
        (Key::ParentSpanId, "parent_span_id"),
        (Key::TraceFlags, "trace_flags"),
        (Key::RequestId, "campanile.request.id"),
        (Key::InboundRequestId, "campanile.request.id.inbound"),
        (Key::LinkTraceId, "campanile.link.trace_id"),
        (Key::LinkSpanId, "campanile.link.span_id"),
        (Key::Outcome, "campanile.outcome"),
        (Key::KnownMethod, "http.request.method"),
        (Key::OriginalMethod, "http.request.method_original"),
        (Key::Route, "http.route"),
        (Key::Path, "url.path"),
        (Key::Query, "url.query"),
        (Key::Scheme, "url.scheme"),
        (Key::Host, "server.address"),
        (Key::Port, "server.port"),
        (Key::Status, "http.response.status_code"),
        (Key::RpcSystem, "rpc.system.name"),
        (Key::RpcMethod, "rpc.method"),
        (Key::RpcOriginalMethod, "rpc.method_original"),
        (Key::RpcStatus, "rpc.response.status_code"),
        (Key::RpcRequestMessages, "campanile.rpc.request.messages"),
        (Key::RpcResponseMessages, "campanile.rpc.response.messages"),
        (Key::DurationMs, "duration_ms"),
        (Key::FirstByteMs, "campanile.time_to_first_byte_ms"),
        (Key::RequestBytes, "http.request.body.size"),
        (Key::ResponseBytes, "http.response.body.size"),
        (Key::Protocol, "network.protocol.version"),
        (Key::ClientAddress, "client.address"),
        (Key::ClientPort, "client.port"),
        (Key::PeerAddress, "network.peer.address"),
        (Key::PeerPort, "network.peer.port"),
        (Key::UserAgent, "user_agent.original"),
        (Key::Probe, "campanile.probe"),
        (Key::Kept, "campanile.kept"),
        (Key::Weight, "campanile.weight"),
        (Key::ErrorType, "error.type"),
        (Key::ErrorClass, "campanile.error.class"),
        (Key::Report, "campanile.report"),
        (Key::InFlight, "campanile.in_flight"),
        (Key::RouteInFlight, "campanile.route.in_flight"),
        (Key::MemoryBytes, "campanile.process.memory_bytes"),
        (Key::OpenFiles, "campanile.process.open_files"),
        (Key::CpuCores, "campanile.process.cpu_cores"),
        (Key::RuntimeLagMs, "campanile.runtime.lag_ms"),
        (Key::RuntimeBusyRatio, "campanile.runtime.busy_ratio"),
        (Key::RuntimeTasks, "campanile.runtime.tasks"),
        (Key::FailureType, "exception.type"),
        (Key::FailureMessage, "exception.message"),
        (Key::Causes, "exception.causes"),
        (Key::Backtrace, "exception.stacktrace"),
        (Key::OtherFailures, "campanile.failures"),
        (Key::Group, "campanile.group"),
        (Key::RequestBody, "http.request.body.content"),
        (Key::RequestBodySkipped, "campanile.request.body.skipped"),
        (Key::RequestBodyTruncated, "campanile.request.body.truncated"),
        (Key::ResponseBody, "http.response.body.content"),
        (Key::ResponseBodySkipped, "campanile.response.body.skipped"),
        (Key::ResponseBodyTruncated, "campanile.response.body.truncated"),
        (Key::SpanName, "span_name"),
        (Key::SpanKind, "span_kind"),
        (Key::Target, "target"),
        (Key::File, "code.file.path"),
        (Key::Line, "code.line.number"),
    ],
    constants: &[],
    resource: &[],
    cut: "campanile.cut",
    prefix: "fields.",
    is_nested: false,
};

// Source: Elastic Common Schema 8.11 and the ECS logging specification, which wants time, level and message first.
static ECS: Table = Table {
    style: Style::Json,
    rows: json![
        (Key::Time, "@timestamp"),
        (Key::LevelInLowerCase, "log.level"),
        (Key::Message, "message"),
        (Key::EventName, "event.action"),
        (Key::TraceId, "trace.id"),
        (Key::SpanId, "span.id"),
        (Key::ParentSpanId, "parent.id"),
        (Key::RequestId, "http.request.id"),
        (Key::InboundRequestId, "campanile.request.id.inbound"),
        (Key::LinkTraceId, "campanile.link.trace_id"),
        (Key::LinkSpanId, "campanile.link.span_id"),
        (Key::Success, "event.outcome"),
        (Key::Outcome, "campanile.outcome"),
        (Key::Method, "http.request.method"),
        (Key::Route, "http.route"),
        (Key::Path, "url.path"),
        (Key::Query, "url.query"),
        (Key::Scheme, "url.scheme"),
        (Key::Host, "url.domain"),
        (Key::Port, "url.port"),
        (Key::Status, "http.response.status_code"),
        (Key::RpcMethod, "rpc.method"),
        (Key::RpcStatus, "rpc.response.status_code"),
        (Key::RpcRequestMessages, "campanile.rpc.request.messages"),
        (Key::RpcResponseMessages, "campanile.rpc.response.messages"),
        (Key::DurationNs, "event.duration"),
        (Key::RequestBytes, "http.request.body.bytes"),
        (Key::ResponseBytes, "http.response.body.bytes"),
        (Key::Protocol, "http.version"),
        (Key::ClientAddress, "client.ip"),
        (Key::ClientPort, "client.port"),
        (Key::PeerAddress, "source.ip"),
        (Key::PeerPort, "source.port"),
        (Key::UserAgent, "user_agent.original"),
        (Key::Probe, "campanile.probe"),
        (Key::Kept, "campanile.kept"),
        (Key::Weight, "campanile.weight"),
        (Key::ErrorType, "error.type"),
        (Key::ErrorClass, "campanile.error.class"),
        (Key::Report, "campanile.report"),
        (Key::InFlight, "campanile.in_flight"),
        (Key::RouteInFlight, "campanile.route.in_flight"),
        (Key::MemoryBytes, "campanile.process.memory_bytes"),
        (Key::OpenFiles, "campanile.process.open_files"),
        (Key::CpuCores, "campanile.process.cpu_cores"),
        (Key::RuntimeLagMs, "campanile.runtime.lag_ms"),
        (Key::RuntimeBusyRatio, "campanile.runtime.busy_ratio"),
        (Key::RuntimeTasks, "campanile.runtime.tasks"),
        (Key::FailureMessage, "error.message"),
        (Key::Causes, "campanile.causes"),
        (Key::Backtrace, "error.stack_trace"),
        (Key::OtherFailures, "campanile.failures"),
        // Not of ECS itself: what Elastic's APM calls it.
        (Key::Group, "error.grouping_key"),
        (Key::RequestBody, "http.request.body.content"),
        (Key::RequestBodySkipped, "campanile.request.body.skipped"),
        (Key::RequestBodyTruncated, "campanile.request.body.truncated"),
        (Key::ResponseBody, "http.response.body.content"),
        (Key::ResponseBodySkipped, "campanile.response.body.skipped"),
        (Key::ResponseBodyTruncated, "campanile.response.body.truncated"),
        (Key::SpanName, "span.name"),
        (Key::Target, "log.logger"),
        (Key::File, "log.origin.file.name"),
        (Key::Line, "log.origin.file.line"),
    ],
    constants: &[("ecs.version", "8.11.0")],
    resource: &[
        ("service.instance.id", "service.node.name"),
        ("deployment.environment.name", "service.environment"),
        ("k8s.pod.name", "kubernetes.pod.name"),
        ("k8s.namespace.name", "kubernetes.namespace"),
        ("k8s.node.name", "kubernetes.node.name"),
    ],
    cut: "campanile.cut",
    prefix: "labels.",
    is_nested: true,
};

static LOGFMT: Table = Table {
    style: Style::Logfmt,
    rows: logfmt![
        (Key::Time, "ts"),
        (Key::LevelInLowerCase, "level"),
        (Key::Message, "msg"),
        (Key::TraceId, "trace_id"),
        (Key::SpanId, "span_id"),
        (Key::RequestId, "request_id"),
        (Key::InboundRequestId, "inbound_request_id"),
        (Key::LinkTraceId, "link_trace_id"),
        (Key::LinkSpanId, "link_span_id"),
        (Key::Outcome, "outcome"),
        (Key::Method, "method"),
        (Key::Route, "route"),
        (Key::Path, "path"),
        (Key::Query, "query"),
        (Key::Status, "status"),
        (Key::RpcMethod, "rpc"),
        (Key::RpcStatus, "rpc_status"),
        (Key::RpcRequestMessages, "rpc_request_messages"),
        (Key::RpcResponseMessages, "rpc_response_messages"),
        (Key::DurationMs, "duration_ms"),
        (Key::RequestBytes, "request_bytes"),
        (Key::ResponseBytes, "response_bytes"),
        (Key::ClientAddress, "client"),
        (Key::PeerAddress, "peer"),
        (Key::UserAgent, "user_agent"),
        (Key::Probe, "probe"),
        (Key::Kept, "kept"),
        (Key::Weight, "weight"),
        (Key::ErrorType, "error_type"),
        (Key::ErrorClass, "error_class"),
        (Key::Report, "report"),
        (Key::InFlight, "in_flight"),
        (Key::RouteInFlight, "route_in_flight"),
        (Key::MemoryBytes, "memory_bytes"),
        (Key::OpenFiles, "open_files"),
        (Key::CpuCores, "cpu_cores"),
        (Key::RuntimeLagMs, "lag_ms"),
        (Key::RuntimeBusyRatio, "busy_ratio"),
        (Key::RuntimeTasks, "tasks"),
        (Key::FailureMessage, "error"),
        (Key::Causes, "causes"),
        (Key::Backtrace, "backtrace"),
        (Key::OtherFailures, "failures"),
        (Key::Group, "group"),
        (Key::RequestBody, "request_body"),
        (Key::RequestBodySkipped, "request_body_skipped"),
        (Key::RequestBodyTruncated, "request_body_truncated"),
        (Key::ResponseBody, "response_body"),
        (Key::ResponseBodySkipped, "response_body_skipped"),
        (Key::ResponseBodyTruncated, "response_body_truncated"),
        (Key::SpanName, "span"),
        (Key::Target, "target"),
        (Key::File, "file"),
        (Key::Line, "line"),
    ],
    constants: &[],
    resource: &[("service.name", "service"), ("service.version", "version")],
    cut: "cut",
    prefix: "fields.",
    is_nested: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_has_a_name_or_a_key_twice() {
        for schema in Schema::ALL {
            let table = schema.table();
            for (index, (key, name)) in table.names().enumerate() {
                let mut rest = table.names().skip(index + 1);
                assert!(rest.all(|(other, own)| other != key && own != name), "{schema:?} {name}");
                assert!(table.constants.iter().chain(table.resource).all(|(_, own)| *own != name), "{schema:?} {name}");
            }
        }
    }

    #[test]
    fn a_field_never_takes_a_name_of_the_schema() {
        for schema in Schema::ALL {
            let table = schema.table();
            for (_, name) in table.names() {
                assert_ne!(table.field(name), name, "{schema:?}");
                let prefixed = format!("{}{name}", table.prefix);
                assert_ne!(table.field(&prefixed), prefixed, "a second round collides with the first");
            }
        }
        assert_eq!(Schema::Ecs.table().field("user"), "labels.user");
        assert_eq!(Schema::Ecs.table().field("user.id"), "user.id");
        assert_eq!(Schema::Ecs.table().field("log.level.x"), "labels.log.level.x");
        assert_eq!(Schema::Logfmt.table().field("trace id"), "fields.trace_id");
    }
}

//! What should arrive, by the store of the same run: its records, through the names of OpenTelemetry's conventions.

use std::fmt::Display;

use campanile::record::{Event, Failure, Field, Kind, Record, Span as Child, Value};
use campanile::store::Stored;
use tracing::Level;

use crate::decoded::{Arrived, Attributes, Log, Origin, Span};

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

impl Arrived {
    pub(crate) fn of_store(records: &[Stored]) -> Self {
        let mut expected = Self::default();
        for stored in records {
            let record = stored.record();
            assert!(record.trace_flags().is_sampled() && !record.is_rpc(), "the shop has no such records");
            if record.kind() == Kind::Request {
                expected.add_span(record.span_id().to_string(), request(record));
            }
            if let Some(trace_id) = record.trace_id() {
                for span in record.spans() {
                    expected.add_span(span.id().to_string(), child(record, &trace_id.to_string(), &span));
                }
            }
            expected.logs.extend(record.events().map(|one| event(record, &one)));
            let counts = record.is_failed() || record.kind() != Kind::Request;
            expected.logs.extend(record.failures().filter(|_| counts).map(|one| failure(record, &one)));
        }
        expected.logs.sort();
        let first = records.first().expect("the store is not empty").resource();
        assert!(records.iter().all(|stored| stored.resource() == first), "one process is one resource");
        let value = |name: &str, text: &str| if name == "process.pid" { number(text) } else { string(text) };
        expected.origins = vec![Origin {
            resource: first.attributes().map(|(name, text)| (name.to_owned(), value(name, text))).collect(),
            scope: ("campanile".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            schema_urls: vec![SCHEMA_URL.to_owned(); 2],
        }];
        expected
    }
}

fn string(text: &str) -> String {
    format!("string:{text}")
}

fn number(number: impl Display) -> String {
    format!("int:{number}")
}

/// Attributes under way: ours first, then the application's, whose keys give way.
#[derive(Default)]
struct Pairs {
    pairs: Attributes,
    dropped: u64,
}

impl Pairs {
    fn text(&mut self, key: &str, value: Option<&str>) {
        self.pairs.extend(value.map(|value| (key.to_owned(), string(value))));
    }

    fn number(&mut self, key: &str, value: Option<impl Display>) {
        self.pairs.extend(value.map(|value| (key.to_owned(), number(value))));
    }

    fn double(&mut self, key: &str, value: Option<f64>) {
        self.pairs.extend(value.map(|value| (key.to_owned(), format!("double:{value:?}"))));
    }

    /// Where in the program it was written.
    fn place(&mut self, target: Option<&str>, file: Option<&str>, line: Option<u32>) {
        self.text("target", target.filter(|target| !target.is_empty()));
        self.text("code.file.path", file);
        self.number("code.line.number", line);
    }

    fn fields<'a>(&mut self, fields: impl Iterator<Item = Field<'a>>) {
        for field in fields {
            let value = match field.value() {
                Value::Bool(value) => format!("bool:{value}"),
                Value::I64(value) => number(value),
                Value::U64(value) if i64::try_from(value).is_ok() => number(value),
                Value::U64(value) => string(&value.to_string()),
                Value::F64(value) => format!("double:{value:?}"),
                Value::Str(value) => string(value),
            };
            if self.pairs.contains_key(field.name()) {
                self.dropped += 1;
            } else {
                self.pairs.insert(field.name().to_owned(), value);
            }
        }
    }
}

fn request(record: &Record) -> Span {
    let method = record.known_method();
    let mut own = Pairs::default();
    own.text("http.request.method", Some(method.unwrap_or("_OTHER")));
    own.text("http.request.method_original", Some(record.method()).filter(|_| method.is_none()));
    own.text("url.path", Some(record.path()));
    own.text("url.query", record.query());
    own.text("url.scheme", Some(record.scheme()));
    own.text("http.route", record.route());
    own.number("http.response.status_code", record.status());
    own.text("error.type", record.error_type());
    own.text("network.protocol.version", Some(record.protocol_version()));
    own.text("server.address", record.host());
    own.number("server.port", record.port());
    own.text("client.address", record.client_address().map(|client| client.to_string()).as_deref());
    own.text("network.peer.address", record.peer().map(|peer| peer.ip().to_string()).as_deref());
    own.number("network.peer.port", record.peer().map(|peer| peer.port()));
    own.text("user_agent.original", record.user_agent());
    own.number("http.request.body.size", record.request_body_bytes());
    own.number("http.response.body.size", record.status().map(|_| record.response_body_bytes()));
    own.text("campanile.request.id", Some(record.request_id()));
    own.text("campanile.request.id.source", Some(record.request_id_source().as_str()));
    own.text("campanile.outcome", Some(record.outcome().as_str()));
    own.text("campanile.probe", record.probe());
    own.number("campanile.time_to_first_byte_ns", record.time_to_first_byte_ns());
    load(&mut own, record);
    own.number("campanile.dropped_spans", Some(record.dropped().spans).filter(|spans| *spans > 0));
    own.fields(record.attributes());
    let parent = record.parent_span_id();
    let remote = if parent.is_some() { 0x200 } else { 0 };
    Span {
        trace_id: record.trace_id().expect("a request is in a trace").to_string(),
        parent_span_id: parent.map(|id| id.to_string()).unwrap_or_default(),
        trace_state: record.trace_state().to_owned(),
        flags: u64::from(record.trace_flags().0) | 0x100 | remote,
        name: [method.unwrap_or("HTTP")].into_iter().chain(record.route()).collect::<Vec<_>>().join(" "),
        kind: "SERVER".to_owned(),
        start: record.start_unix_ns(),
        end: record.end_unix_ns(),
        status: if record.is_failed() { "ERROR" } else { "UNSET" }.to_owned(),
        status_message: String::new(),
        attributes: own.pairs,
        dropped_attributes: own.dropped + u64::from(record.dropped().fields + record.dropped().headers),
    }
}

/// What kind of trouble it met, and what there was to do then.
fn load(own: &mut Pairs, record: &Record) {
    let Some(class) = record.error_class() else { return };
    own.text("campanile.error.class", Some(class.as_str()));
    own.number("campanile.in_flight", record.in_flight());
    own.number("campanile.route.in_flight", record.in_flight_on_route());
    let vitals = record.vitals().expect("a request that met trouble says what the process looked like");
    own.number("campanile.process.memory_bytes", vitals.memory_bytes);
    own.number("campanile.process.open_files", vitals.open_files);
    own.double("campanile.process.cpu_cores", vitals.cpu_ratio);
    own.number("campanile.runtime.lag_ns", vitals.runtime_lag_ns);
    own.double("campanile.runtime.busy_ratio", vitals.runtime_busy_ratio);
    own.number("campanile.runtime.tasks", vitals.runtime_tasks);
}

fn child(record: &Record, trace_id: &str, span: &Child<'_>) -> Span {
    let mut own = Pairs::default();
    own.place(Some(span.target()), span.file(), span.line());
    own.fields(span.fields());
    let around = Some(record.span_id()).filter(|_| record.kind() == Kind::Request);
    Span {
        trace_id: trace_id.to_owned(),
        parent_span_id: span.parent_id().or(around).map(|id| id.to_string()).unwrap_or_default(),
        trace_state: record.trace_state().to_owned(),
        flags: u64::from(record.trace_flags().0) | 0x100,
        name: span.name().to_owned(),
        kind: "INTERNAL".to_owned(),
        start: record.start_unix_ns() + span.start_ns(),
        end: record.start_unix_ns() + span.end_ns(),
        status: "UNSET".to_owned(),
        status_message: String::new(),
        attributes: own.pairs,
        dropped_attributes: own.dropped,
    }
}

/// What every log record of a record has.
fn log(record: &Record, time: u64, span: Option<String>, level: Level) -> Log {
    let (severity, severity_text) = match level {
        Level::TRACE => ("TRACE", "TRACE"),
        Level::DEBUG => ("DEBUG", "DEBUG"),
        Level::INFO => ("INFO", "INFO"),
        Level::WARN => ("WARN", "WARN"),
        Level::ERROR => ("ERROR", "ERROR"),
    };
    let trace_id = record.trace_id();
    let span = trace_id.map(|_| span.unwrap_or_else(|| record.span_id().to_string()));
    Log {
        time,
        observed: time,
        trace_id: trace_id.map(|id| id.to_string()).unwrap_or_default(),
        span_id: span.unwrap_or_default(),
        flags: trace_id.map(|_| u64::from(record.trace_flags().0)).unwrap_or_default(),
        severity: severity.to_owned(),
        severity_text: severity_text.to_owned(),
        ..Log::default()
    }
}

fn event(record: &Record, event: &Event<'_>) -> Log {
    let mut own = Pairs::default();
    own.place(Some(event.target()), event.file(), event.line());
    own.fields(event.fields());
    Log {
        body: event.message().to_owned(),
        attributes: own.pairs,
        dropped_attributes: own.dropped,
        ..log(record, event.unix_ns(), event.span_id().map(|id| id.to_string()), event.level())
    }
}

fn failure(record: &Record, failure: &Failure<'_>) -> Log {
    let line = |type_name: Option<&str>, message: &str| match type_name {
        Some(type_name) => format!("{type_name}: {message}"),
        None => message.to_owned(),
    };
    let causes = failure.causes().map(|cause| format!("caused by: {}", line(cause.type_name(), cause.message())));
    let lines: Vec<String> = [line(failure.type_name(), failure.message())]
        .into_iter()
        .chain(causes)
        .chain(failure.backtrace().map(str::to_owned))
        .collect();
    let mut own = Pairs::default();
    own.text("exception.type", failure.type_name());
    own.text("exception.message", Some(failure.message()));
    own.text("exception.stacktrace", Some(lines.join("\n").trim_end()));
    own.text("campanile.failure.kind", Some(failure.kind().as_str()));
    let is_main = record.failure().is_some_and(|main| (main.kind(), main.time_ns()) == (failure.kind(), failure.time_ns()));
    own.text("campanile.group", record.group().filter(|_| is_main).map(|group| group.to_string()).as_deref());
    own.place(None, failure.file(), failure.line());
    let time = record.start_unix_ns() + failure.time_ns();
    Log {
        event_name: "http.server.request.exception".to_owned(),
        body: failure.message().to_owned(),
        attributes: own.pairs,
        ..log(record, time, failure.span_id().map(|id| id.to_string()), Level::ERROR)
    }
}

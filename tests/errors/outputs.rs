//! What has arrived where, and whether it is what was expected.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use campanile::Builder;
use campanile::exporter::{Console, Json, StoreExporter};
use campanile::query::Query;
use campanile::store::{Find, Reader, Settings, Store};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value as JsonValue;
use tempfile::TempDir;

use crate::expected::Case;
use crate::support::{BoxError, Server, full, serve};

pub(crate) struct Outputs {
    pub(crate) sink: Sink,
    directory: TempDir,
    console: Buffer,
    json: Buffer,
}

impl Outputs {
    pub(crate) fn new() -> Self {
        let (console, json) = (Buffer::default(), Buffer::default());
        Self { sink: Sink::default(), directory: tempfile::tempdir().unwrap(), console, json }
    }

    pub(crate) fn add_to(&self, builder: Builder) -> Builder {
        builder
            .exporter(Console::new(self.console.clone()).width(200))
            .exporter(Json::new(self.json.clone()))
            .exporter(StoreExporter::new(Store::open(Settings::new(self.directory.path())).unwrap()))
    }

    /// What is wrong about one of them.
    pub(crate) fn check(&self, case: &Case, wants_backtrace: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut note = |place: &str, problem: Option<String>| {
            wrong.extend(problem.map(|problem| format!("{}: {place}: {problem}", case.name)));
        };
        note("json", self.in_json(case).err());
        note("console", self.in_console(case).err());
        note("otlp", self.in_otlp(case).err());
        note("store", self.in_store(case, wants_backtrace).err());
        wrong
    }

    /// All failures of the store.
    pub(crate) fn failures(&self) -> usize {
        self.stored().iter().map(|stored| stored.record().failures().len()).sum()
    }

    fn stored(&self) -> Vec<campanile::store::Stored> {
        let mut reader = Reader::open(self.directory.path()).unwrap();
        reader.find(&Query::default(), &Find::with_limit(1_000)).unwrap()
    }

    fn in_json(&self, case: &Case) -> Result<(), String> {
        let messages = case.messages();
        let lines: Vec<JsonValue> = self.json.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let is_it = |line: &&JsonValue| line["exception.message"] == messages[0].as_str();
        let line = only(lines.iter().filter(is_it))?;
        let causes = line["exception.causes"].as_array().cloned().unwrap_or_default();
        let causes: Vec<_> = causes.iter().map(|cause| cause.as_str().unwrap().to_owned()).collect();
        let is_whole = causes.len() == messages.len() - 1
            && causes.iter().zip(&messages[1..]).all(|(cause, message)| cause.ends_with(message));
        if is_whole { Ok(()) } else { Err(format!("{line:#}")) }
    }

    fn in_console(&self, case: &Case) -> Result<(), String> {
        let text = self.console.text();
        match text.matches(&case.messages()[0]).count() {
            1 => Ok(()),
            count => {
                let found = text.lines().filter(|line| line.contains(case.name));
                Err(format!("{count} times: {:#?}", found.collect::<Vec<_>>()))
            }
        }
    }

    fn in_otlp(&self, case: &Case) -> Result<(), String> {
        let messages = case.messages();
        let logs = self.sink.logs();
        let log = only(logs.iter().filter(|log| attribute(log, "exception.message") == messages[0]))?;
        let errors = logs.iter().filter(|log| log.severity_number == 17 && format!("{log:?}").contains(&messages[0]));
        only(errors)?;
        let stack = attribute(log, "exception.stacktrace");
        let has_chain = messages.iter().all(|message| stack.contains(message.as_str()));
        if (log.event_name.as_str(), log.severity_number, has_chain) == (case.event, 17, true) {
            return Ok(());
        }
        Err(format!("{log:#?}"))
    }

    fn in_store(&self, case: &Case, wants_backtrace: bool) -> Result<(), String> {
        let messages = case.messages();
        let stored = self.stored();
        let failures = stored.iter().flat_map(|stored| stored.record().failures());
        let failure = only(failures.filter(|failure| failure.message() == messages[0]))?;
        let causes: Vec<_> = failure.causes().map(|cause| cause.message().to_owned()).collect();
        let is_ours = |file: &str| file.ends_with("sources.rs");
        let shows = failure.frames().any(|frame| frame.is_own() && frame.file().is_some_and(is_ours));
        let is_right = [
            failure.kind().as_str() == case.kind,
            case.type_name.is_none_or(|name| failure.type_name().is_some_and(|known| known.ends_with(name))),
            causes == messages[1..],
            failure.file().is_some_and(is_ours) == case.has_place && failure.line().is_some() == case.has_place,
            shows == (case.has_trace && wants_backtrace),
        ];
        if is_right == [true; 5] {
            return Ok(());
        }
        let told = (failure.kind().as_str(), failure.type_name(), causes, failure.file(), failure.line());
        Err(format!("{is_right:?} {told:?}\n{}", failure.backtrace().unwrap_or_default()))
    }
}

fn only<T: std::fmt::Debug>(all: impl Iterator<Item = T>) -> Result<T, String> {
    let mut all: Vec<_> = all.collect();
    match all.len() {
        1 => Ok(all.remove(0)),
        count => Err(format!("{count} times: {all:#?}")),
    }
}

fn attribute<'a>(log: &'a LogRecord, key: &str) -> &'a str {
    let value = log.attributes.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_ref());
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// A collector that keeps what it gets.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<(Vec<Span>, Vec<LogRecord>)>>);

impl Sink {
    pub(crate) async fn start(&self) -> Server {
        let sink = self.clone();
        serve(tower::service_fn(move |request: Request<Incoming>| {
            let sink = sink.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                sink.take(&path, body);
                Ok::<_, BoxError>(Response::new(full("")))
            }
        }))
        .await
    }

    fn take(&self, path: &str, body: Bytes) {
        let mut arrived = self.0.lock().unwrap();
        match path {
            "/v1/traces" => {
                let of_resources = ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
                arrived.0.extend(of_resources.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans));
            }
            "/v1/logs" => {
                let of_resources = ExportLogsServiceRequest::decode(body).unwrap().resource_logs;
                arrived.1.extend(of_resources.into_iter().flat_map(|of| of.scope_logs).flat_map(|of| of.log_records));
            }
            other => panic!("no signal has the path {other}"),
        }
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.0.lock().unwrap().0.clone()
    }

    fn logs(&self) -> Vec<LogRecord> {
        self.0.lock().unwrap().1.clone()
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! OTLP JSON lines of ours are what the protocol says, to readers that no one here wrote.

use std::collections::BTreeMap;
use std::process::Command;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::Value as Json;

use crate::kit::{Place, TRACE, exported, python, records, store};

/// Export requests, as the generated types of OpenTelemetry read them.
fn requests(text: &str) -> (Vec<ExportTraceServiceRequest>, Vec<ExportLogsServiceRequest>) {
    let (mut traces, mut logs) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if line.contains("\"resourceSpans\"") {
            traces.push(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        } else {
            logs.push(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
    }
    (traces, logs)
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<&str, &Value> {
    let mut found = BTreeMap::new();
    for pair in pairs {
        let Some(AnyValue { value: Some(one) }) = &pair.value else { continue };
        assert!(found.insert(pair.key.as_str(), one).is_none(), "{} comes twice", pair.key);
    }
    found
}

fn text(value: &Value) -> &str {
    match value {
        Value::StringValue(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn the_generated_types_read_every_line() {
    let exported = String::from_utf8(exported(store(), "otlp")).unwrap();
    assert!(!exported.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "it may be looked at on a terminal");
    let (traces, logs) = requests(&exported);
    let spans: Vec<_> =
        traces.iter().flat_map(|of| &of.resource_spans).flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans).collect();
    let servers: Vec<_> = spans.iter().filter(|span| span.kind == 2).collect();
    assert_eq!(servers.len(), 4);
    for span in &servers {
        assert_eq!((span.trace_id.len(), span.span_id.len(), span.parent_span_id.len()), (16, 8, 8));
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 1_700_000_000_000_000_000);
    }
    let order = servers.iter().find(|span| span.name == "POST /orders/{id}").unwrap();
    let said = attributes(&order.attributes);
    assert_eq!(said["http.response.status_code"], &Value::IntValue(200));
    assert_eq!(said["order.total"], &Value::DoubleValue(12.5));
    assert_eq!(said["order.paid"], &Value::BoolValue(true));
    assert_eq!(text(said["url.query"]), "token=REDACTED&page=2");
    assert!(matches!(said["http.request.header.accept"], Value::ArrayValue(_)));
    assert_eq!(text(said["http.request.body.content"]), "{\"name\":\"Zoë\",\"card\":\"REDACTED\"}");
    assert_eq!(order.status, None);
    let logs: Vec<_> =
        logs.iter().flat_map(|of| &of.resource_logs).flat_map(|of| &of.scope_logs).flat_map(|of| &of.log_records).collect();
    let loaded = logs.iter().find(|log| {
        log.body.as_ref().and_then(|body| body.value.as_ref()) == Some(&Value::StringValue("loaded order".to_owned()))
    });
    let loaded = loaded.unwrap();
    assert_eq!((loaded.severity_number, loaded.severity_text.as_str()), (9, "INFO"));
    assert!(spans.iter().any(|span| span.span_id == loaded.span_id && span.name == "sql select"));
    let panic = logs
        .iter()
        .find(|log| attributes(&log.attributes).get("campanile.failure.kind").is_some_and(|kind| text(kind) == "panic"));
    assert_eq!(panic.unwrap().event_name, "http.server.request.exception");
}

#[test]
fn a_file_of_the_generated_types_is_read_back_as_requests() {
    let text = String::from_utf8(exported(store(), "otlp")).unwrap();
    let (traces, logs) = requests(&text);
    let traces = traces.iter().map(|request| serde_json::to_string(request).unwrap());
    let logs = logs.iter().map(|request| serde_json::to_string(request).unwrap());
    let place = Place::new();
    // Logs first, and in a file of their own, as collectors have them.
    place.put("logs.jsonl", logs.collect::<Vec<_>>().join("\n"));
    place.put("traces.jsonl", traces.collect::<Vec<_>>().join("\n"));
    let output = place.import(&["logs.jsonl", "traces.jsonl"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (before, after) = (records(store()), records(&place.path("logs.campanile")));
    assert_eq!(before, after);
}

#[test]
fn protobufs_own_reader_of_json_takes_every_line() {
    let Some(python) = python("python's reader of OTLP") else { return };
    let place = Place::new();
    place.put("out.jsonl", exported(store(), "otlp"));
    place.put("read.py", READ);
    let output = Command::new(python).arg(place.path("read.py")).arg(place.path("out.jsonl")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["servers"], 4);
    assert_eq!(told["traces"][TRACE], 4, "{told}");
    assert!(told["logs"].as_u64().unwrap() >= 5, "{told}");
}

/// Of OTLP's JSON only the ids differ from protobuf's: they are hexadecimal there, base64 here.
const READ: &str = r#"
import base64, collections, json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

def ids(node):
    if isinstance(node, list):
        for item in node: ids(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                node[key] = base64.b64encode(bytes.fromhex(value)).decode()
            else:
                ids(value)

servers, logs, traces = 0, 0, collections.Counter()
for line in open(sys.argv[1], encoding="utf-8"):
    node = json.loads(line)
    ids(node)
    kind = ExportTraceServiceRequest if "resourceSpans" in node else ExportLogsServiceRequest
    request = json_format.ParseDict(node, kind())
    if kind is ExportTraceServiceRequest:
        for span in request.resource_spans[0].scope_spans[0].spans:
            if span.kind == 2:
                servers += 1
                traces[span.trace_id.hex()] += 1
    else:
        logs += len(request.resource_logs[0].scope_logs[0].log_records)
print(json.dumps({"servers": servers, "logs": logs, "traces": traces}))
"#;

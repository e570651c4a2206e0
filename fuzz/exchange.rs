//! A whole exchange with heads and bodies from the fuzzer: one record, which every output can say and nobody can abuse.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use campanile::exporter::{Console, Memory, Schema, escape};
use campanile::record::{Record, Resource};
use campanile::{Bodies, Telemetry};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tower::{ServiceBuilder, ServiceExt as _};

/// Stands where secrets stand; nothing that the fuzzer finds holds it by itself.
const CANARY: &str = "canary-7f3a9c";
/// As much of it as nobody may see of one that was cut.
const PART: &str = "canary-7f";

static SEEN: LazyLock<(Telemetry, Memory)> = LazyLock::new(|| {
    let memory = Memory::new();
    let builder = campanile::builder().exporter(memory.clone()).capture_bodies(Bodies::on().max_bytes(512));
    (builder.build().expect("starts"), memory)
});

/// The first line is method and target, those up to an empty one are headers, and the rest is the body of both sides; its
/// first three bytes say of what kind it is, and where a secret stands in it.
pub(crate) fn exchange(data: &[u8]) {
    if data.windows(PART.len()).any(|window| window.eq_ignore_ascii_case(PART.as_bytes())) {
        return;
    }
    let (telemetry, memory) = &*SEEN;
    let Some(request) = request(data) else { return };
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(async |request: Request<_>| {
        let (head, body) = request.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.map(|body| body.to_bytes());
        let mut response = Response::new(Full::new(body.unwrap_or_default()));
        *response.headers_mut() = head.headers;
        response.headers_mut().insert("set-cookie", HeaderValue::from_static("session=canary-7f3a9c"));
        Ok::<_, std::convert::Infallible>(response)
    });
    let response = service.oneshot(request).now_or_never().expect("nothing waits").expect("nothing fails");
    response.into_body().collect().now_or_never().expect("nothing waits").expect("nothing fails");
    assert!(telemetry.flush(Duration::from_secs(60)));
    let records = memory.take();
    assert_eq!(records.len(), 1);
    records.iter().for_each(say);
}

fn request(data: &[u8]) -> Option<Request<Full<Bytes>>> {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = first.split_once(' ').unwrap_or(("GET", first));
    let separator = if target.contains('?') { '&' } else { '?' };
    let uri: Uri = format!("/{}{separator}token={CANARY}", target.trim_start_matches('/')).parse().ok()?;
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = uri;
    let mut rest = lines.next().unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        if line.is_empty() {
            break;
        }
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = halves.next().and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            let _ = request.headers_mut().try_append(name, value);
        }
    }
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer canary-7f3a9c"));
    request.headers_mut().insert("cookie", HeaderValue::from_static("session=canary-7f3a9c"));
    let [kind, low, high] = [0, 1, 2].map(|at| rest.get(at).copied().unwrap_or_default());
    let at = usize::from(u16::from_le_bytes([low, high])) % (rest.len() + 1);
    let (media, secret) = match kind % 4 {
        0 => ("application/json", "\"password\":\"canary-7f3a9c\","),
        1 => ("application/x-www-form-urlencoded", "&password=canary-7f3a9c&"),
        2 => ("text/plain", " password=canary-7f3a9c "),
        _ => ("", ""),
    };
    if !media.is_empty() {
        request.headers_mut().insert("content-type", HeaderValue::from_static(media));
    }
    *request.body_mut() = Full::new([&rest[..at], secret.as_bytes(), &rest[at..]].concat().into());
    Some(request)
}

/// Every output of a record is what it should be to somebody who did not write it.
fn say(record: &Record) {
    let mut everything = vec![format!("{record:?}")];
    for schema in Schema::ALL {
        let mut line = String::new();
        schema.write_line(&mut line, record, &Resource::default());
        let text = line.strip_suffix('\n').expect("a line ends");
        assert_eq!(escape(text).to_string(), text, "nothing hidden is in a line");
        if schema != Schema::Logfmt {
            let _: serde_json::Value = serde_json::from_str(text).expect("JSON is JSON");
        }
        everything.push(line);
    }
    let mut lines = String::new();
    Console::new(std::io::sink()).colour(false).write_record(&mut lines, record);
    for line in lines.lines() {
        assert_eq!(escape(line).to_string(), line, "nothing hidden is on the console");
    }
    everything.push(lines);
    let [traces, logs] = campanile::fuzzing::otlp(record);
    everything.push(format!("{:?}", ExportTraceServiceRequest::decode(&traces[..]).expect("protobuf is protobuf")));
    everything.push(format!("{:?}", ExportLogsServiceRequest::decode(&logs[..]).expect("protobuf is protobuf")));
    for text in everything {
        assert!(!text.contains(PART), "a secret came out: {text}");
    }
}

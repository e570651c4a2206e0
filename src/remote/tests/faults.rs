//! Answers of a bad receiver over HTTP, by the ids of the catalogue.

use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::kit::{Exported, Received, Server, answer, case, closed_port, export, read_request, request, traces};
use crate::exporter::Patience;
use crate::record::{Reason, Record};
use crate::remote::MAX_ANSWER_BYTES;
use crate::remote::otlp::{Compression, Otlp, Protocol};

/// Everything that can be seen of one batch.
struct Seen {
    exported: Exported,
    requests: Vec<Received>,
    connections: usize,
    waits: Vec<Duration>,
    said: Vec<String>,
}

fn records(count: u8) -> Vec<Record> {
    (0..count).map(|number| request(|parts| parts.span_id.0[0] = number + 1)).collect()
}

fn see(server: &Server, count: u8, change: impl FnOnce(Otlp) -> Otlp) -> Seen {
    let (mut exporter, clock, said) = traces(change(Otlp::new(server.url())));
    let exported = export(&mut exporter, records(count), &Patience::default());
    let said = said.lock().unwrap().clone();
    Seen { exported, requests: server.received(), connections: server.connections(), waits: clock.waits(), said }
}

/// One batch of ten against the answer of a case, which is followed by good ones.
fn see_case(id: &str, body: &[u8]) -> Seen {
    let input = case(id);
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in input["headers"].as_array().into_iter().flatten() {
        headers.push((header[0].as_str().unwrap().into(), header[1].as_str().unwrap().into()));
    }
    if let Some(content_type) = input["content_type"].as_str() {
        headers.push(("content-type".into(), content_type.into()));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let status = u16::try_from(input["status"].as_u64().unwrap()).unwrap();
    see(&Server::http(vec![answer(status, &headers, body)]), 10, |otlp| otlp)
}

#[test]
fn a_request_is_a_post_of_protobuf_with_our_name_and_headers() {
    let server = Server::http(Vec::new());
    let seen = see(&server, 2, |otlp| otlp.header("x-api-key", "key").header("content-type", "text/plain"));
    let [request] = &seen.requests[..] else { panic!("{:?}", seen.requests) };
    assert!(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("x-api-key"), Some("key"));
    let product = request.header("user-agent").unwrap();
    assert!(product.starts_with("campanile/") && product.contains(" OTel-OTLP-Exporter-Rust/"), "{product}");
    let decoded = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
    assert_eq!(decoded.resource_spans[0].scope_spans[0].spans.len(), 2);
    assert_eq!((seen.exported.delivered, seen.waits.len()), (2, 0));
}

#[test]
fn gzip_is_what_was_encoded() {
    let server = Server::http(Vec::new());
    let seen = see(&server, 2, |otlp| otlp.compression(Compression::Gzip));
    assert_eq!(seen.requests[0].header("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&seen.requests[0].body[..]).read_to_end(&mut plain).unwrap();
    assert!(ExportTraceServiceRequest::decode(&plain[..]).is_ok());
}

#[test]
fn an_endless_body_is_not_read_and_its_connection_is_closed() {
    for (id, status, is_delivered) in [("RR-01", 200, true), ("RR-02", 500, false)] {
        let announced = case(id)["body_bytes"].as_u64().unwrap();
        let (told, written) = mpsc::channel();
        let server = Server::raw(move |mut stream, _, received| {
            received.lock().unwrap().extend(read_request(&mut stream));
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {announced}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let (chunk, mut sum) = ([0; 64 * 1024], 0_u64);
            while sum < announced && stream.write_all(&chunk).is_ok() {
                sum += chunk.len() as u64;
            }
            let _ = told.send(sum);
        });
        let seen = see(&server, 10, |otlp| otlp);
        // The kernel's own buffers take a few megabytes that nobody reads.
        let sum = written.recv().unwrap();
        assert!(sum < 32 * 1024 * 1024, "{id}: {sum} bytes were taken");
        let expected = if is_delivered { (10, 0) } else { (0, 10) };
        assert_eq!((seen.exported.delivered, seen.exported.lost(Reason::RejectedByRemote)), expected, "{id}");
        assert_eq!((seen.requests.len(), seen.waits.len()), (1, 0), "{id}: not retried");
    }
}

#[test]
fn memory_does_not_grow_with_an_endless_body() {
    // In a process of its own, as other tests of this one move its memory.
    const MARK: &str = "CAMPANILE_TEST_ENDLESS";
    if std::env::var_os(MARK).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "remote::tests::faults::memory_does_not_grow_with_an_endless_body", "--test-threads=1"])
            .env(MARK, "1")
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "RR-01");
        return;
    }
    let resident_kib = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default()
    };
    let endless = || {
        Server::raw(|mut stream, _, _| {
            read_request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 10000000000\r\n\r\n");
            let chunk = [0; 64 * 1024];
            while stream.write_all(&chunk).is_ok() {}
        })
    };
    let server = endless();
    let (mut exporter, ..) = traces(Otlp::new(server.url()));
    for _ in 0..3 {
        export(&mut exporter, records(10), &Patience::default());
    }
    let before = resident_kib();
    for _ in 0..10 {
        assert_eq!(export(&mut exporter, records(10), &Patience::default()).delivered, 10, "RR-01");
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown <= 1024, "RR-01: {grown} KiB more, with {MAX_ANSWER_BYTES} bytes to be read at most");
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::http(Vec::new());
    let server = Server::http(vec![answer(302, &[("location", &elsewhere.url())], b"")]);
    let seen = see(&server, 10, |otlp| otlp);
    assert_eq!(seen.exported.lost(Reason::RejectedByRemote), 10, "RR-04");
    assert_eq!((seen.connections, elsewhere.connections()), (1, 0), "RR-04");
    let seen = see_case("RR-04", b"");
    assert_eq!((seen.exported.lost(Reason::RejectedByRemote), seen.connections), (10, 1), "RR-04");
}

#[test]
fn retry_after_is_obeyed_and_clamped() {
    for (id, wait) in [("RR-05", 3600), ("RR-06", 1), ("RR-08", 1), ("RR-09", 3600)] {
        let seen = see_case(id, b"");
        assert_eq!(seen.waits, [Duration::from_secs(wait)], "{id}");
        assert_eq!((seen.exported.delivered, seen.requests.len()), (10, 2), "{id}");
    }
}

#[test]
fn a_retry_sends_the_same_bytes_again() {
    let answers = [502, 503, 504, 429].map(|status| answer(status, &[], b"")).to_vec();
    let server = Server::http(answers);
    let seen = see(&server, 10, |otlp| otlp.compression(Compression::Gzip));
    assert_eq!((seen.exported.delivered, seen.requests.len()), (10, 5));
    assert!(seen.requests.windows(2).all(|pair| pair[0].body == pair[1].body));
}

#[test]
fn a_permanent_refusal_is_not_retried() {
    for id in ["RR-12", "RR-13"] {
        let status = u16::try_from(case(id)["status"].as_u64().unwrap()).unwrap();
        let server = Server::http(vec![answer(status, &[], b"")]);
        let seen = see(&server, 10, |otlp| otlp.header("authorization", "Bearer canary-27"));
        assert_eq!(seen.requests[0].header("authorization"), Some("Bearer canary-27"), "{id}");
        assert_eq!(seen.exported.lost(Reason::RejectedByRemote), 10, "{id}");
        assert_eq!((seen.requests.len(), seen.waits.len()), (1, 0), "{id}");
        let error = seen.exported.error.unwrap();
        assert!(error.contains(&status.to_string()) && !error.contains("canary"), "{id}: {error}");
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_down_to_one() {
    let status = u16::try_from(case("RR-14")["status"].as_u64().unwrap()).unwrap();
    let server = Server::http((0..7).map(|_| answer(status, &[], b"")).collect());
    let seen = see(&server, 4, |otlp| otlp);
    let sizes: Vec<_> = seen
        .requests
        .iter()
        .map(|request| ExportTraceServiceRequest::decode(&request.body[..]).unwrap())
        .map(|decoded| decoded.resource_spans[0].scope_spans[0].spans.len())
        .collect();
    assert_eq!(sizes, [4, 2, 1, 1, 2, 1, 1], "RR-14");
    assert_eq!(seen.exported.lost(Reason::TooLarge), 4, "RR-14");
}

#[test]
fn a_partial_success_is_counted_escaped_and_never_sent_again() {
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};

    let input = case("RR-16");
    let partial = ExportTracePartialSuccess {
        rejected_spans: input["otlp_partial_success"]["rejected"].as_i64().unwrap(),
        error_message: input["otlp_partial_success"]["message"].as_str().unwrap().into(),
    };
    let body = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let server = Server::http(vec![answer(200, &[("content-type", "application/x-protobuf")], &body)]);
    let seen = see(&server, 10, |otlp| otlp);
    assert_eq!((seen.exported.lost(Reason::RejectedByRemote), seen.exported.delivered), (7, 3), "RR-16");
    assert_eq!(seen.requests.len(), 1, "RR-16");
    assert_eq!(seen.said.len(), 1, "RR-16: {:?}", seen.said);
    assert!(seen.said[0].contains("\\u{1b}[31mbad") && !seen.said[0].contains('\u{1b}'), "RR-16: {:?}", seen.said);
}

#[test]
fn a_success_that_cannot_be_decoded_is_a_success() {
    let hex = case("RR-17")["body"]["hex"].as_str().unwrap().to_owned();
    let body: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let seen = see_case("RR-17", &body);
    assert_eq!((seen.exported.delivered, seen.requests.len(), seen.said.len()), (10, 1, 0), "RR-17");
    let server = Server::http(vec![answer(200, &[("content-type", "application/x-protobuf")], &body)]);
    assert_eq!(see(&server, 10, |otlp| otlp).exported.delivered, 10, "RR-17");
}

#[test]
fn a_success_in_a_foreign_media_type_is_flagged() {
    let body = case("RR-18")["body"].as_str().unwrap().to_owned();
    let seen = see_case("RR-18", body.as_bytes());
    assert_eq!((seen.exported.lost(Reason::RejectedByRemote), seen.requests.len()), (10, 1), "RR-18");
    assert!(seen.exported.error.unwrap().contains("text/html"), "RR-18");
    let server = Server::http(vec![answer(202, &[("content-type", "application/json; charset=utf-8")], b"{}")]);
    assert_eq!(see(&server, 10, |otlp| otlp).exported.delivered, 10, "RR-18: JSON is what some receivers answer");
}

#[test]
fn a_dripping_answer_ends_at_the_total_deadline() {
    for head in ["", "HTTP/1.1 200 x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\n"] {
        let server = Server::raw(move |mut stream, number, received| {
            let Some(request) = read_request(&mut stream) else { return };
            received.lock().unwrap().push(request);
            if number > 0 {
                let _ = stream.write_all(&answer(200, &[], b""));
                return;
            }
            let _ = stream.write_all(head.as_bytes());
            let slowly = if head.is_empty() { format!("HTTP/1.1 200 {}", "x".repeat(1000)) } else { "\0".repeat(1000) };
            for byte in slowly.bytes() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let seen = see(&server, 10, |otlp| otlp.timeout(Duration::from_millis(200)));
        assert_eq!((seen.exported.delivered, seen.requests.len()), (10, 2), "RR-20");
        assert_eq!(seen.waits, [Duration::from_secs(1)], "RR-20");
    }
}

#[test]
fn a_reset_in_the_middle_of_a_request_is_retried() {
    let server = Server::raw(|mut stream, number, received| {
        if number == 0 {
            // Closing with bytes unread is a reset.
            let mut some = [0; 64];
            let _ = stream.read(&mut some);
            return;
        }
        while let Some(request) = read_request(&mut stream) {
            received.lock().unwrap().push(request);
            let _ = stream.write_all(&answer(200, &[], b""));
        }
    });
    let seen = see(&server, 10, |otlp| otlp);
    assert_eq!((seen.exported.delivered, seen.requests.len()), (10, 1), "RR-21");
    assert_eq!(seen.connections, 2, "RR-21");
}

#[test]
fn a_refused_connection_is_retried_with_backoff_until_it_expires() {
    let (mut exporter, clock, said) = traces(Otlp::new(format!("http://{}", closed_port())));
    let exported = export(&mut exporter, records(10), &Patience::default());
    let waits: Vec<_> = clock.waits().iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30], "RR-22");
    assert_eq!(exported.lost(Reason::RetryExpired), 10, "RR-22");
    assert_eq!(said.lock().unwrap().len(), 1, "RR-22: one warning in five minutes");
}

#[test]
fn a_cookie_is_forgotten() {
    let input = case("RR-32");
    let header = &input["headers"][0];
    let cookie = answer(200, &[(header[0].as_str().unwrap(), header[1].as_str().unwrap())], b"");
    let server = Server::http(vec![cookie]);
    let (mut exporter, ..) = traces(Otlp::new(server.url()));
    for _ in 0..2 {
        assert_eq!(export(&mut exporter, records(1), &Patience::default()).delivered, 1, "RR-32");
    }
    let requests = server.received();
    assert_eq!(requests.len(), 2, "RR-32");
    assert_eq!(requests[1].header("cookie"), None, "RR-32");
    assert_eq!(server.connections(), 1, "the connection is kept");
}

#[test]
fn a_connection_that_was_closed_meanwhile_costs_no_retry() {
    let server = Server::raw(|mut stream, _, received| {
        received.lock().unwrap().extend(read_request(&mut stream));
        let _ = stream.write_all(&answer(200, &[], b""));
    });
    let (mut exporter, clock, _) = traces(Otlp::new(server.url()));
    for _ in 0..3 {
        assert_eq!(export(&mut exporter, records(1), &Patience::default()).delivered, 1);
        // Until the server's end of the connection is closed.
        while std::sync::Arc::strong_count(&server.received) > 2 {
            std::thread::yield_now();
        }
    }
    assert_eq!((clock.waits().len(), server.connections.load(Ordering::SeqCst)), (0, 3));
}

#[test]
fn shutdowns_deadline_ends_an_attempt_in_flight() {
    let patience = Patience::default();
    let ends = patience.clone();
    let server = Server::raw(move |mut stream, _, _| {
        read_request(&mut stream);
        ends.end_at(Instant::now() + Duration::from_millis(50));
        // Never answers.
        let _ = stream.read(&mut [0; 1]);
    });
    let (mut exporter, ..) = traces(Otlp::new(server.url()).timeout(Duration::ZERO));
    let exported = export(&mut exporter, records(3), &patience);
    assert_eq!(exported.lost(Reason::ShutdownDeadline), 3);
}

#[test]
fn proxy_variables_are_not_honoured() {
    let key = "HTTP_PROXY";
    assert!(case("EN-17")["env"][key].is_string(), "EN-17");
    let proxy = Server::http(Vec::new());
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remote::tests::faults::a_cookie_is_forgotten"])
        .envs([key, "http_proxy", "ALL_PROXY", "HTTPS_PROXY"].map(|key| (key, proxy.url())))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "EN-17");
    assert_eq!(proxy.connections(), 0, "EN-17");
}

#[test]
fn nothing_that_is_secret_is_logged_by_the_transport() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&written);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || Written(Arc::clone(&writer)))
        .finish();
    let server = Server::http(vec![answer(401, &[], b""), answer(503, &[], b"")]);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("is heard");
        for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
            let url = format!("http://user:canary-26@{}", server.address);
            let otlp = Otlp::new(url).header("x-key", "canary-27").protocol(protocol);
            let shown = format!("{otlp:?}");
            // Without its feature there is nothing to run.
            let Ok(mut exporter) = otlp.build_traces() else { continue };
            let patience = Patience::default();
            patience.end_at(Instant::now() + Duration::from_secs(2));
            let exported = export(&mut exporter, records(1), &patience);
            assert!(!format!("{shown}{exported:?}").contains("canary"), "EN-04, EN-05: {shown} {exported:?}");
        }
    });
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert!(text.contains("is heard") && !text.contains("canary"), "EN-04, EN-05: {text}");
    assert_eq!(server.received()[0].header("x-key"), Some("canary-27"), "EN-05");
    assert_eq!(server.received()[0].header("authorization"), Some("Basic dXNlcjpjYW5hcnktMjY="), "EN-04");
    assert!(server.received()[0].head.contains(&format!("host: {}", server.address)), "EN-04");
}

/// What a subscriber writes.
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

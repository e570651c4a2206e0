//! A gRPC receiver that misbehaves, by the ids of the catalogue.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;

use super::kit::{Exported, case, closed_port, export, request, traces};
use crate::base64;
use crate::exporter::Patience;
use crate::record::Reason;
use crate::remote::otlp::{Compression, Otlp, Protocol};

/// One answer: a message, and trailers unless they are forgotten.
#[derive(Clone, Debug, Default)]
struct Reply {
    message: Vec<u8>,
    trailers: Option<http::HeaderMap>,
}

impl Reply {
    fn status(code: u8) -> Self {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", u16::from(code).into());
        Self { message: Vec::new(), trailers: Some(trailers) }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.trailers.get_or_insert_default().insert(name, value.parse().unwrap());
        self
    }

    fn message(self, message: &impl prost::Message) -> Self {
        let encoded = message.encode_to_vec();
        let mut framed = vec![0];
        framed.extend(u32::try_from(encoded.len()).unwrap().to_be_bytes());
        framed.extend(encoded);
        Self { message: framed, ..self }
    }
}

type Calls = Arc<Mutex<Vec<(http::request::Parts, Bytes)>>>;

/// Answers the n-th call with the n-th reply, and every further one well.
fn server(replies: Vec<Reply>) -> (SocketAddr, Calls) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Calls::default();
    let keeps = Arc::clone(&calls);
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let replies = Arc::new(replies);
            while let Ok((stream, _)) = listener.accept().await {
                let (replies, keeps) = (Arc::clone(&replies), Arc::clone(&keeps));
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let (replies, keeps) = (Arc::clone(&replies), Arc::clone(&keeps));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let index = {
                            let mut calls = keeps.lock().unwrap();
                            calls.push((head, body));
                            calls.len() - 1
                        };
                        let reply = replies.get(index).cloned().unwrap_or_else(|| Reply::status(0));
                        let body = Full::new(Bytes::from(reply.message));
                        let body = body.with_trailers(std::future::ready(reply.trailers.map(Ok)));
                        let response = http::Response::builder().header("content-type", "application/grpc");
                        Ok::<_, Infallible>(response.body(body).unwrap())
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
    });
    (address, calls)
}

struct Seen {
    exported: Exported,
    calls: Vec<(http::request::Parts, Bytes)>,
    waits: Vec<Duration>,
    said: Vec<String>,
}

fn see(replies: Vec<Reply>, change: impl FnOnce(Otlp) -> Otlp) -> Seen {
    let (address, calls) = server(replies);
    let otlp = Otlp::new(format!("http://{address}")).protocol(Protocol::Grpc);
    let (mut exporter, clock, said) = traces(change(otlp));
    let exported = export(&mut exporter, (0..10).map(|_| request(|_| {})).collect(), &Patience::default());
    let calls = calls.lock().unwrap().drain(..).collect();
    let said = said.lock().unwrap().clone();
    Seen { exported, calls, waits: clock.waits(), said }
}

/// `grpc-status-details-bin` with a `RetryInfo`.
fn retry_info(seconds: i64) -> String {
    let field = |field: u8, bytes: &[u8]| {
        let mut out = vec![field << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut out);
        out.extend_from_slice(bytes);
        out
    };
    let mut duration = vec![1 << 3];
    prost::encoding::encode_varint(seconds.cast_unsigned(), &mut duration);
    let other = field(3, &field(1, b"type.googleapis.com/google.rpc.DebugInfo"));
    let mut any = field(1, b"type.googleapis.com/google.rpc.RetryInfo");
    any.extend(field(2, &field(1, &duration)));
    let mut status = vec![1 << 3, 14];
    status.extend(other);
    status.extend(field(3, &any));
    base64::encode(&status)
}

#[test]
fn a_call_is_framed_with_our_name_and_headers() {
    for (compression, flag) in [(Compression::None, 0), (Compression::Gzip, 1)] {
        let seen = see(Vec::new(), |otlp| otlp.compression(compression).header("x-api-key", "key"));
        let (head, body) = &seen.calls[0];
        assert_eq!(head.uri.path(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(
            (head.headers["content-type"].as_bytes(), head.headers["te"].as_bytes()),
            (&b"application/grpc"[..], &b"trailers"[..])
        );
        assert_eq!(head.headers["x-api-key"], "key");
        let product = head.headers["user-agent"].to_str().unwrap();
        assert!(product.contains("OTel-OTLP-Exporter-Rust/"), "{product}");
        assert_eq!(head.headers.get("grpc-encoding").is_some(), flag == 1);
        assert_eq!(body[0], flag);
        assert_eq!(u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize, body.len() - 5);
        let mut message = body[5..].to_vec();
        if flag == 1 {
            use std::io::Read as _;
            message.clear();
            flate2::read::GzDecoder::new(&body[5..]).read_to_end(&mut message).unwrap();
        }
        let decoded = ExportTraceServiceRequest::decode(&message[..]).unwrap();
        assert_eq!(decoded.resource_spans[0].scope_spans[0].spans.len(), 10);
        assert_eq!((seen.exported.delivered, seen.waits.len()), (10, 0));
    }
}

#[test]
fn a_server_supplied_delay_is_clamped() {
    let seconds = case("RR-28")["retry_info_s"].as_i64().unwrap();
    let replies = [
        Reply::status(14).with("grpc-status-details-bin", &retry_info(seconds)),
        Reply::status(14).with("grpc-status-details-bin", "*not base64*"),
    ];
    let seen = see(replies[..1].to_vec(), |otlp| otlp);
    assert_eq!(seen.waits, [Duration::from_secs(3600)], "RR-28");
    assert_eq!((seen.exported.delivered, seen.calls.len()), (10, 2), "RR-28");
    assert_eq!(seen.calls[0].1, seen.calls[1].1, "RR-28: the same bytes");
    let seen = see(replies[1..].to_vec(), |otlp| otlp);
    assert_eq!(seen.waits, [Duration::from_secs(1)], "RR-28: unreadable details leave the backoff");
}

#[test]
fn an_exhausted_receiver_is_tried_again_only_where_it_says_when() {
    let seen = see(vec![Reply::status(8).with("grpc-message", "full%1B[31m")], |otlp| otlp);
    assert_eq!((seen.exported.lost(Reason::RejectedByRemote), seen.calls.len()), (10, 1), "RR-29");
    let error = seen.exported.error.unwrap();
    assert!(error.contains("RESOURCE_EXHAUSTED: full\\u{1b}[31m"), "RR-29: {error}");
    let seen = see(vec![Reply::status(8).with("grpc-status-details-bin", &retry_info(5))], |otlp| otlp);
    assert_eq!((seen.exported.delivered, seen.waits), (10, vec![Duration::from_secs(5)]), "RR-29");
}

#[test]
fn a_missing_status_is_not_a_success() {
    assert!(case("RR-30")["grpc"].is_string());
    let message = ExportTraceServiceResponse::default();
    for reply in [Reply::default(), Reply::default().message(&message), Reply::default().with("x", "y")] {
        let seen = see(vec![reply], |otlp| otlp);
        assert_eq!((seen.exported.delivered, seen.calls.len()), (10, 2), "RR-30");
        assert_eq!(seen.waits, [Duration::from_secs(1)], "RR-30");
    }
}

#[test]
fn each_status_has_its_row_of_the_table() {
    for code in 1..=17 {
        let seen = see(vec![Reply::status(code)], |otlp| otlp);
        let is_retried = matches!(code, 1 | 4 | 10 | 11 | 14 | 15);
        assert_eq!((seen.exported.delivered, seen.calls.len()), if is_retried { (10, 2) } else { (0, 1) }, "{code}");
    }
}

#[test]
fn a_partial_success_is_counted_over_grpc_too() {
    let partial = ExportTracePartialSuccess { rejected_spans: 7, error_message: "bad".into() };
    let message = ExportTraceServiceResponse { partial_success: Some(partial) };
    let seen = see(vec![Reply::status(0).message(&message)], |otlp| otlp);
    assert_eq!((seen.exported.lost(Reason::RejectedByRemote), seen.calls.len()), (7, 1));
    assert!(seen.said[0].ends_with("rejected 7: bad"), "{:?}", seen.said);
}

#[test]
fn a_refused_connection_is_retried_over_grpc_too() {
    let otlp = Otlp::new(format!("http://{}", closed_port())).protocol(Protocol::Grpc);
    let (mut exporter, clock, _) = traces(otlp);
    let exported = export(&mut exporter, vec![request(|_| {})], &Patience::default());
    assert_eq!((exported.lost(Reason::RetryExpired), clock.waits().len()), (1, 13), "RR-22");
}

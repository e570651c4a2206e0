//! A receiver of OTLP over HTTP, and of Sentry's envelopes, that counts what it gets, for each stack apart.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, HeaderName};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde_json::Value;

/// What one stack delivered: spans and log records.
type Counts = Arc<Mutex<BTreeMap<String, (u64, u64)>>>;

/// Starts it on a thread of this process. Whoever is measured runs in another, so its work is on nobody's account.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router()).await.expect("it serves");
        });
    });
    address
}

fn router() -> Router {
    const PROTOBUF: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/x-protobuf")];
    let traces = |Path(stack): Path<String>, State(counts): State<Counts>, body: Bytes| async move {
        counts.lock().expect("counts").entry(stack).or_default().0 += leaves(&body);
        PROTOBUF
    };
    let logs = |Path(stack): Path<String>, State(counts): State<Counts>, body: Bytes| async move {
        counts.lock().expect("counts").entry(stack).or_default().1 += leaves(&body);
        PROTOBUF
    };
    let envelopes = |Path(stack): Path<String>, State(counts): State<Counts>, body: Bytes| async move {
        let (spans, logs) = envelope(&body);
        let mut counts = counts.lock().expect("counts");
        let counted = counts.entry(stack).or_default();
        *counted = (counted.0 + spans, counted.1 + logs);
    };
    let count = |Path(stack): Path<String>, State(counts): State<Counts>| async move {
        let (spans, logs) = counts.lock().expect("counts").get(&stack).copied().unwrap_or_default();
        format!("{spans} {logs}")
    };
    Router::new()
        .route("/{stack}/v1/traces", post(traces))
        .route("/{stack}/v1/logs", post(logs))
        .route("/{stack}/api/42/envelope/", post(envelopes))
        .route("/{stack}", get(count))
        .layer(DefaultBodyLimit::disable())
        .with_state(Counts::default())
}

/// Spans or log records in a payload: field 2 of field 2 of field 1, in both. They are not decoded, as the sink shares a core
/// with what is measured.
pub fn leaves(payload: &[u8]) -> u64 {
    let scopes = fields(payload, 1).flat_map(|resource| fields(resource, 2));
    scopes.map(|scope| fields(scope, 2).count() as u64).sum()
}

/// The messages that a message has under one number.
fn fields(mut message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !message.is_empty() {
            let (found, kind) = decode_key(&mut message).expect("a key");
            if kind != WireType::LengthDelimited {
                skip_field(kind, found, &mut message, DecodeContext::default()).expect("a field");
                continue;
            }
            let length = usize::try_from(decode_varint(&mut message).expect("a length")).expect("a length");
            let (inner, rest) = message.split_at(length);
            message = rest;
            if found == number {
                return Some(inner);
            }
        }
        None
    })
}

/// Spans, and log records and errors, of an envelope: its header, then for each item a header and a payload, a line each.
fn envelope(body: &[u8]) -> (u64, u64) {
    let mut lines = body.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty());
    let (mut spans, mut logs) = (0, 0);
    while let (Some(header), Some(payload)) = (lines.next(), lines.next()) {
        let header: Value = serde_json::from_slice(header).expect("an item's header");
        match header["type"].as_str() {
            Some("transaction") => {
                let transaction: Value = serde_json::from_slice(payload).expect("a transaction");
                spans += 1 + transaction["spans"].as_array().map_or(0, |spans| spans.len() as u64);
            }
            Some("log") => logs += header["item_count"].as_u64().expect("a count"),
            Some("event") => logs += 1,
            _ => {}
        }
    }
    (spans, logs)
}

/// Asks it what a stack delivered: spans and log records.
pub fn counted(sink: SocketAddr, stack: &str) -> (u64, u64) {
    let mut connection = TcpStream::connect(sink).expect("the sink");
    write!(connection, "GET /{stack} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    let numbers = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let (spans, logs) = numbers.trim().split_once(' ').expect("two numbers");
    (spans.parse().expect("spans"), logs.parse().expect("logs"))
}

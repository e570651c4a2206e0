//! Bodies, both ways.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use campanile::record::{Kind, Outcome};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt as _};

use super::headers::nowhere;
use crate::catalogue::Case;
use crate::outputs::Bench;
use crate::run::Seen;
use crate::service::Place;
use crate::support::{BoxBody, BoxError, PATIENCE, serve};
use crate::wire::Sent;

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    match sentence {
        // Compared for every case; in this process frame by frame, with the hint and the flag before each.
        "bytes, frame boundaries, trailers, size hint and end-of-stream flag equal to the run without the layer"
        | "the wrapper reports the inner hint unchanged"
        | "panic resumes to the caller" => {
            assert_eq!(seen.observed.comparable(), seen.bare.comparable(), "{id}");
        }
        "recorded status 13" => assert_eq!((record.is_rpc(), record.rpc_status()), (true, Some(13)), "{id}"),
        "exactly one completion event although the body is not polled past the last byte" => {
            assert_eq!((record.outcome(), record.response_body_bytes()), (Outcome::Answered, 5), "{id}");
        }
        "outcome=body_error" => assert_eq!(record.outcome(), Outcome::BodyError, "{id}"),
        "one event outcome=panic" => {
            assert_eq!((record.outcome(), record.response_body_bytes()), (Outcome::Panicked, 10), "{id}");
        }
        // The control was answered and recorded behind it; here another request is.
        "no poisoned lock" => assert!(record.failure().is_some(), "{id}"),
        "no body added, header kept" => {
            let head = if seen.place == Place::InProcess { Some("1000".to_owned()) } else { None };
            assert_eq!(head.or_else(|| seen.observed.headers("content-length").pop()).as_deref(), Some("1000"), "{id}");
            assert!(seen.place == Place::InProcess || seen.observed.comparable().ends_with("\\r\\n\\r\\n"), "{id}");
            assert_eq!((record.outcome(), record.status()), (Outcome::Answered, Some(200)), "{id}");
        }
        "captured bytes stay compressed; nothing is inflated for logging" => {
            // An encoded body is not captured at all.
            let body = record.request_body().expect("it says why");
            assert_eq!((body.content(), body.skipped()), ("", Some("content_encoding")), "{id}");
            assert_eq!(body.seen_bytes(), seen.setup.sent.body.len() as u64, "{id}");
            nowhere(seen, &"a".repeat(32));
        }
        "captured <= 4096 bytes" => assert!(kept(seen).len() <= 4096, "{id}"),
        "depth limit 32: stored as opaque text, masked" => {
            assert_eq!(kept(seen), format!("{}\"REDACTED\"", "[".repeat(32)), "{id}");
        }
        "no stack overflow" => assert_eq!(record.request_body_bytes(), Some(200_000), "{id}"),
        "both values masked" => {
            nowhere(seen, "canary-17");
            assert_eq!(kept(seen), r#"{"password":"REDACTED","password":"REDACTED"}"#, "{id}");
        }
        "canary-18 absent or body stored as masked" => nowhere(seen, "canary-18"),
        "invalid JSON: fail closed, body masked" => {
            nowhere(seen, "canary-20");
            assert!(kept(seen).ends_with("REDACTED") || kept(seen).ends_with("REDACTED\""), "{id}: {}", kept(seen));
        }
        "valid card number masked" => nowhere(seen, "4111 1111 1111 1111"),
        "number failing the check digit kept" => assert_eq!(kept(seen), "REDACTED and 4111111111111112", "{id}"),
        "token masked" => {
            for part in ["canary24sig", "eyJzdWIiOiIxIn0", "eyJhbGciOiJIUzI1NiJ9"] {
                nowhere(seen, part);
            }
            assert_eq!(kept(seen), "REDACTED", "{id}");
        }
        "file name logged on one line, never used as a path" => {
            // Multipart bodies are not captured; the handler logs the name, and the texts are looked at for each case.
            let name = seen.case.text("multipart_filename").unwrap();
            assert_eq!(record.request_body().and_then(|body| body.skipped()), Some("content_type"), "{id}");
            // What looks like a cookie in it is taken out as one.
            let (name, _) = name.split_once("a=b").expect("a header follows the name");
            assert!(record.events().any(|event| event.message() == format!("stored {name}REDACTED")), "{id}");
            let mut files = seen.outputs.files.clone();
            files.sort();
            assert_eq!(files, ["requests.json", "store"], "{id}: nothing else was made");
        }
        "same error value reaches the server (downcast works)" => the_error_is_the_same(),
        _ => match sentence.strip_suffix(" absent") {
            Some(canary) => {
                nowhere(seen, canary);
                assert!(kept(seen).contains("REDACTED"), "{id}: {}", kept(seen));
            }
            None => return false,
        },
    }
    true
}

/// What was kept of the request's body.
#[track_caller]
fn kept<'a>(seen: &'a Seen<'_>) -> &'a str {
    let body = seen.record().request_body().expect("bodies are captured");
    assert_eq!(body.skipped(), None, "{}", seen.case.id);
    body.content()
}

/// An error that can be told from any other.
#[derive(Debug, thiserror::Error)]
#[error("broken after {0} bytes")]
struct Broken(u64);

/// A body of these frames; it ends with an error or a panic where it is told so.
pub(crate) struct Frames {
    frames: VecDeque<Frame<Bytes>>,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Fails,
    Panics,
}

impl Frames {
    pub(crate) fn ten_bytes_then(end: End) -> Self {
        Self { frames: [Frame::data(Bytes::from_static(b"ten bytes."))].into(), end }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match (self.frames.pop_front(), self.end) {
            (Some(frame), _) => Some(Ok(frame)),
            (None, End::Fails) => Some(Err(Broken(10).into())),
            (None, End::Panics) => std::panic::panic_any(crate::invariants::SCRIPTED),
        })
    }
}

fn the_error_is_the_same() {
    let bench = Bench::start(|builder| builder);
    let service = ServiceBuilder::new()
        .layer(bench.telemetry.layer())
        .service_fn(|_: Request<_>| async { Ok::<_, BoxError>(Response::new(Frames::ten_bytes_then(End::Fails))) });
    let request = Sent::new("GET", "/").to_request().0;
    let (response, _) = crate::service::poll_until_ready(service.oneshot(request));
    let (collected, _) = crate::service::poll_until_ready(response.unwrap().into_body().collect());
    assert!(collected.unwrap_err().downcast_ref::<Broken>().is_some_and(|broken| broken.0 == 10));
}

/// A stream of events, scaled from an hour to three, over the wire: each arrives while the next is not yet made.
pub(crate) async fn events_are_not_held_back(case: &Case) -> String {
    let covered = ["no buffering: first byte latency unchanged", "one start and one end event"];
    assert_eq!(case.asserts, covered, "{}", case.id);
    let bench = Bench::start(|builder| builder);
    let next = Arc::new(Notify::new());
    let gate = Arc::clone(&next);
    let service = ServiceBuilder::new().layer(bench.telemetry.layer()).service_fn(move |_: Request<_>| {
        let gate = Arc::clone(&gate);
        async move {
            let events = futures_util::stream::unfold((0, gate), |(count, gate)| async move {
                if count == 3 {
                    return None;
                }
                gate.notified().await;
                let event = Bytes::from(format!("data: {count}\n\n"));
                Some((Ok::<_, BoxError>(Frame::data(event)), (count + 1, gate)))
            });
            let body: BoxBody = http_body_util::StreamBody::new(events).boxed_unsync();
            Ok::<_, BoxError>(Response::builder().header("content-type", "text/event-stream").body(body).unwrap())
        }
    });
    let server = serve(service).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&Sent::new("GET", "/events").to_bytes()).await.unwrap();
    let mut read = Vec::new();
    let mut read_until = async |end: &str| {
        while !String::from_utf8_lossy(&read).contains(end) {
            let mut bytes = [0; 1024];
            let count = tokio::time::timeout(PATIENCE, stream.read(&mut bytes)).await.expect("it arrives").unwrap();
            assert_ne!(count, 0, "the stream goes on");
            read.extend_from_slice(&bytes[..count]);
        }
    };
    read_until("\r\n\r\n").await;
    for count in 0..3 {
        let records = bench.read(false).records;
        assert!(records.is_empty(), "the record is made at the end: {records:?}");
        next.notify_one();
        read_until(&format!("data: {count}\n\n")).await;
    }
    read_until("0\r\n\r\n").await;
    drop(stream);
    server.stop().await;
    let records = bench.read(false).records;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((records[0].outcome(), records[0].response_body_bytes()), (Outcome::Answered, 27));
    "Hyper 200, each event at once, one record at the end".to_owned()
}

/// The client goes away in the middle of an endless body.
pub(crate) async fn the_client_goes_away(case: &Case) -> String {
    assert_eq!(case.asserts, ["one event outcome=aborted with bytes sent"], "{}", case.id);
    let bench = Bench::start(|builder| builder);
    let service = ServiceBuilder::new().layer(bench.telemetry.layer()).service_fn(|_: Request<_>| async {
        let endless = futures_util::stream::repeat_with(|| Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 1024]))));
        Ok::<_, BoxError>(Response::new(http_body_util::StreamBody::new(endless)))
    });
    let server = serve(service).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&Sent::new("GET", "/").to_bytes()).await.unwrap();
    let mut bytes = [0; 4096];
    stream.read_exact(&mut bytes).await.unwrap();
    drop(stream);
    server.stop().await;
    let records = bench.read(false).records;
    let requests: Vec<_> = records.iter().filter(|record| record.kind() == Kind::Request).collect();
    assert_eq!(requests.len(), 1, "{records:?}");
    // The catalogue's `aborted` is the project's `client_gone_mid_body`.
    assert_eq!(requests[0].outcome(), Outcome::ClientGoneMidBody);
    assert!(requests[0].response_body_bytes() >= 2048, "{}", requests[0].response_body_bytes());
    "Hyper 200, then the connection was closed, client_gone_mid_body".to_owned()
}

//! Large uploads, and many at once, while bodies are captured.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use campanile::Bodies;
use campanile::record::Kind;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower::{Service, ServiceBuilder};

use crate::catalogue::Case;
use crate::service::poll_until_ready;
use crate::support::{BoxError, Observed, PATIENCE, full, serve};

/// Scaled from a gigabyte.
const LARGE_BYTES: usize = 256 * 1024 * 1024;
/// The same over a connection.
const SENT_BYTES: usize = 32 * 1024 * 1024;
/// Scaled from a thousand, each of a hundred megabytes.
const UPLOADS: usize = 200;
const UPLOAD_BYTES: usize = 96 * 1024;

/// A body of equal chunks that costs no memory, with trailers at its end.
struct Upload {
    left: usize,
    chunk: Bytes,
    has_trailers: bool,
}

impl Upload {
    fn new(bytes: usize, chunk: usize) -> Self {
        Self { left: bytes, chunk: Bytes::from(vec![b'x'; chunk]), has_trailers: true }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left > 0 {
            let chunk = self.chunk.slice(..self.left.min(self.chunk.len()));
            self.left -= chunk.len();
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        let trailers = || HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))]);
        Poll::Ready(std::mem::take(&mut self.has_trailers).then(|| Ok(Frame::trailers(trailers()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && !self.has_trailers
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

/// What a service sees of a body, without keeping any of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Passed {
    bytes: usize,
    frames: usize,
    trailers: usize,
    /// A sum over each frame's size, hint and flag, in order.
    sum: u64,
}

async fn drain<B: Body<Data = Bytes>>(body: B) -> Passed {
    let (mut body, mut passed) = (std::pin::pin!(body), Passed::default());
    loop {
        let state = (body.size_hint().exact(), body.is_end_stream());
        let Some(Ok(frame)) = body.frame().await else { return passed };
        let size = frame.data_ref().map_or(0, Bytes::len);
        passed.bytes += size;
        passed.frames += 1;
        passed.trailers += usize::from(frame.is_trailers());
        let facts = size as u64 ^ state.0.unwrap_or(7) << 1 ^ u64::from(state.1);
        passed.sum = passed.sum.rotate_left(5).wrapping_mul(0x0100_0000_01b3) ^ facts;
    }
}

pub(crate) async fn one_large(case: &Case) -> String {
    let covered = [
        "captured <= 4096 bytes",
        "bytes, frame boundaries, trailers, size hint and end-of-stream flag equal to the run without the layer",
        "resident memory growth <= 1 MiB",
    ];
    assert_eq!(case.asserts, covered, "{}", case.id);
    let number = |value: &serde_json::Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let (limit, chunk) = (number(&case.input["capture_limit"]), number(&case.input["request_body"]["chunk"]));
    let seen = Observed::with(|builder| builder.capture_bodies(Bodies::on().max_bytes(limit)));

    // In this process: every frame, and what is allocated.
    let bare = poll_until_ready(drain(Upload::new(LARGE_BYTES, chunk))).0;
    assert_eq!((bare.bytes, bare.trailers), (LARGE_BYTES, 1));
    let mut service = ServiceBuilder::new().layer(seen.layer()).service_fn(|request: Request<_>| async {
        let passed = drain::<campanile::ObserveBody<Upload>>(request.into_body()).await;
        Ok::<_, BoxError>(Response::builder().extension(Arc::new(passed)).body(full("")).unwrap())
    });
    let upload = || Request::post("/").header("content-type", "text/plain").body(Upload::new(LARGE_BYTES, chunk)).unwrap();
    let mut request = Some(upload());
    let mut response = None;
    let grown = allocation_counter::measure(|| {
        response = Some(poll_until_ready(service.call(request.take().unwrap())).0.unwrap());
    });
    let passed = response.unwrap().extensions_mut().remove::<Arc<Passed>>().unwrap();
    assert_eq!(*passed, bare, "{}: what the service is given", case.id);
    assert!(grown.bytes_max <= 1024 * 1024, "{}: {grown:?}", case.id);

    // Over a connection.
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|request: Request<_>| async {
        let passed = drain::<campanile::ObserveBody<hyper::body::Incoming>>(request.into_body()).await;
        Ok::<_, BoxError>(Response::new(http_body_util::Full::new(Bytes::from(passed.bytes.to_string()))))
    });
    let server = serve(service).await;
    let answer = tokio::time::timeout(PATIENCE, send(server.address, SENT_BYTES, chunk)).await.expect("it is answered");
    assert!(answer.ends_with(&SENT_BYTES.to_string()), "{}: {answer}", case.id);
    server.stop().await;

    for (record, bytes) in seen.requests().iter().zip([LARGE_BYTES, SENT_BYTES]) {
        let body = record.request_body().expect("it is captured");
        assert_eq!((body.content().len(), body.kept_bytes(), body.is_truncated()), (limit, limit as u64, true), "{}", case.id);
        assert_eq!((body.seen_bytes(), record.request_body_bytes()), (bytes as u64, Some(bytes as u64)), "{}", case.id);
    }
    format!("InProcess {LARGE_BYTES} bytes with {} allocated at most, Hyper {SENT_BYTES} bytes", grown.bytes_max)
}

/// Sends a body in chunks of this size, and reads the answer.
async fn send(address: std::net::SocketAddr, bytes: usize, chunk: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: shop.invalid\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'x'; chunk];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(chunk.len());
        stream.write_all(&chunk[..size]).await.unwrap();
        left -= size;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) async fn many_at_once(case: &Case) -> String {
    let covered = ["total captured bytes <= 4 MiB at any time", "excess requests marked capture_skipped=budget"];
    assert_eq!(case.asserts, covered, "{}", case.id);
    let number = |key: &str| usize::try_from(case.input[key].as_u64().unwrap()).unwrap();
    let (limit, budget) = (number("capture_limit"), number("global_capture_budget"));
    let bodies = Bodies::on().max_bytes(limit).budget_bytes(budget);
    let seen = Observed::with(|builder| builder.capture_bodies(bodies));
    // Nobody answers before everybody has read: then all that is captured is held at once.
    let (arrived, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (counter, opener) = (Arc::clone(&arrived), Arc::clone(&gate));
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |request: Request<_>| {
        let (counter, opener) = (Arc::clone(&counter), Arc::clone(&opener));
        async move {
            let passed = drain::<campanile::ObserveBody<hyper::body::Incoming>>(request.into_body()).await;
            if counter.fetch_add(1, Ordering::AcqRel) + 1 == UPLOADS {
                opener.close();
            }
            // Closed is open for everybody.
            let _ = opener.acquire().await;
            Ok::<_, BoxError>(Response::new(http_body_util::Full::new(Bytes::from(passed.bytes.to_string()))))
        }
    });
    let server = serve(service).await;
    let chunk = usize::try_from(case.input["request_body"]["chunk"].as_u64().unwrap()).unwrap();
    let uploads = (0..UPLOADS).map(|_| tokio::spawn(send(server.address, UPLOAD_BYTES, chunk))).collect::<Vec<_>>();
    for upload in uploads {
        let answer = tokio::time::timeout(PATIENCE, upload).await.expect("it is answered").unwrap();
        assert!(answer.ends_with(&UPLOAD_BYTES.to_string()), "{}: {answer}", case.id);
    }
    server.stop().await;
    let records = seen.records();
    let requests: Vec<_> = records.iter().filter(|record| record.kind() == Kind::Request).collect();
    assert_eq!(requests.len(), UPLOADS, "{}", case.id);
    let bodies: Vec<_> = requests.iter().map(|record| record.request_body().expect("it is captured or says why")).collect();
    let kept: u64 = bodies.iter().map(campanile::record::Body::kept_bytes).sum();
    assert!(kept <= budget as u64 && kept >= budget as u64 / 2, "{}: {kept} bytes", case.id);
    // `capture_skipped` is the project's `Body::skipped`.
    let skipped = bodies.iter().filter(|body| body.skipped() == Some("budget")).count();
    let whole = bodies.iter().filter(|body| body.skipped().is_none()).count();
    assert!(skipped > 0 && whole > 0 && skipped + whole == UPLOADS, "{}: {skipped} skipped, {whole} kept", case.id);
    format!("Hyper 200, {UPLOADS} at once, {kept} bytes of {whole} bodies kept, {skipped} skipped for the budget")
}

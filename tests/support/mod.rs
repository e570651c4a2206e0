//! A telemetry into memory, a server on a free port, and clients for it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use campanile::exporter::Memory;
use campanile::record::{Kind, Record};
use campanile::{ObserveLayer, Stats, Telemetry};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::{Service, ServiceExt as _};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type BoxBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// How long a test waits for something that has to happen, before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A telemetry, and the memory that its records go to.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) telemetry: Telemetry,
    pub(crate) memory: Memory,
}

impl Observed {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(campanile::Builder) -> campanile::Builder) -> Self {
        let memory = Memory::with_max_records(200_000);
        let telemetry = change(campanile::builder().exporter(memory.clone())).build().unwrap();
        Self { telemetry, memory }
    }

    pub(crate) fn layer(&self) -> ObserveLayer {
        self.telemetry.layer()
    }

    /// All records so far, once nothing is moving any more.
    pub(crate) fn records(&self) -> Vec<Record> {
        assert!(self.telemetry.flush(PATIENCE), "a flush comes to its end");
        balance(&self.telemetry.stats());
        self.memory.records()
    }

    pub(crate) fn requests(&self) -> Vec<Record> {
        self.records().into_iter().filter(|record| record.kind() == Kind::Request).collect()
    }

    /// The only record there is.
    #[track_caller]
    pub(crate) fn only(&self) -> Record {
        let mut records = self.records();
        assert_eq!(records.len(), 1, "exactly one record: {records:?}");
        records.remove(0)
    }

    /// The only record of a request.
    #[track_caller]
    pub(crate) fn only_request(&self) -> Record {
        let mut records = self.requests();
        assert_eq!(records.len(), 1, "exactly one record of a request: {records:?}");
        records.remove(0)
    }
}

/// Nothing disappears uncounted.
#[track_caller]
pub(crate) fn balance(stats: &Stats) {
    assert_eq!(stats.offered, stats.forwarded + stats.dropped.total() + stats.queued, "{stats:?}");
    for exporter in &stats.exporters {
        assert_eq!(exporter.offered, exporter.delivered + exporter.dropped.total() + exporter.queued, "{stats:?}");
    }
}

/// An HTTP/1 and HTTP/2 server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Waits until every connection has come to its end.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.task).await.expect("all connections end").unwrap();
    }
}

pub(crate) async fn serve<S, B>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    serve_with(service, |_| ()).await
}

/// [`serve`], with the server's own settings changed.
pub(crate) async fn serve_with<S, B>(service: S, change: fn(&mut auto::Builder<TokioExecutor>)) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut connections = Vec::new();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                _ = &mut stopped => break,
            };
            let service = service.clone().map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
            let watcher = graceful.watcher();
            connections.push(tokio::spawn(async move {
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().enable_connect_protocol();
                change(&mut builder);
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
                // How a connection ends is the record's business.
                let _ = watcher.watch(connection).await;
            }));
        }
        drop(listener);
        graceful.shutdown().await;
        for connection in connections {
            // A handler's panic ends its connection.
            let _ = connection.await;
        }
    });
    Server { address, stop, task }
}

/// What a client got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// One request on a connection of its own; the connection is closed afterwards.
pub(crate) async fn send(server: &Server, protocol: Protocol, mut request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
    let stream = TokioIo::new(TcpStream::connect(server.address).await.unwrap());
    if protocol == Protocol::Http2 && request.uri().authority().is_none() && request.method() != http::Method::CONNECT {
        *request.uri_mut() = format!("http://{}{}", server.address, request.uri()).parse().unwrap();
    }
    let response = match protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        }
        Protocol::Http2 => {
            let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        }
    };
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
}

pub(crate) fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    send(server, Protocol::Http1, request("GET", path)).await.unwrap()
}

/// Sends bytes as they are and reads until the server closes.
pub(crate) async fn raw(server: &Server, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // A server may answer and close before it has read everything.
    let _ = stream.write_all(bytes.as_ref()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes");
    answer
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Not ready for a number of polls.
pub(crate) struct Yield(pub usize);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A body that does as it is told.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) steps: std::collections::VecDeque<Step>,
    pub(crate) hint: SizeHint,
    /// Whether `is_end_stream` turns true after the last step, or only `None` tells.
    pub(crate) says_end: bool,
}

pub(crate) enum Step {
    Data(&'static str),
    /// Data that is not text.
    Bytes(&'static [u8]),
    Trailers(HeaderMap),
    Pending,
    Fail(BoxError),
    Panic(&'static str),
    /// Never ends from here on.
    Forever,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    pub(crate) fn exact(mut self, bytes: u64) -> Self {
        self.hint = SizeHint::with_exact(bytes);
        self
    }

    pub(crate) fn saying_its_end(mut self) -> Self {
        self.says_end = true;
        self
    }

    pub(crate) fn boxed(self) -> BoxBody {
        BoxBody::new(self)
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(text)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))),
            Some(Step::Bytes(bytes)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(bytes))))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Fail(error)) => Poll::Ready(Some(Err(error))),
            Some(Step::Panic(message)) => panic!("{message}"),
            Some(Step::Forever) => {
                self.steps.push_front(Step::Forever);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.says_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

pub(crate) fn full(text: &'static str) -> BoxBody {
    Full::new(Bytes::from_static(text.as_bytes())).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// An error with as many sources as there are further messages.
#[derive(Debug)]
pub(crate) struct Chain(&'static str, Option<Box<Self>>);

impl Chain {
    pub(crate) fn new(messages: &[&'static str]) -> Self {
        let (first, rest) = messages.split_first().unwrap();
        Self(first, (!rest.is_empty()).then(|| Box::new(Self::new(rest))))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Chain {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

/// Runs one ignored test of this file in a process of its own, and returns its standard error.
#[track_caller]
pub(crate) fn child(test: &str, variables: &[(&str, &str)]) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "--test-threads=1", test])
        .env_remove("RUST_LOG")
        .env_remove("RUST_BACKTRACE")
        .env("CAMPANILE_STORE", "off")
        .env("CAMPANILE_CONSOLE", "off")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} succeeds in its own process:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "{test} ran:\n{out}");
    err.into_owned()
}

//! Over HTTP/2: what the client reads, and the frames that the server sent for it, with their lengths and their ends.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::pair::Pair;
use crate::play::{Case, Flavour, Planned, combinations, header_map, headers_but, is_ours, numbers};
use crate::support::Server;

/// Cases of one pair of servers, and streams that are open on a connection at the same time.
const AT_ONCE: usize = 96;
const ON_ONE_CONNECTION: usize = 16;

pub(crate) fn compare() -> u64 {
    of(Flavour::Http2, 1_500, 2)
}

pub(crate) fn compare_grpc() -> u64 {
    of(Flavour::Grpc, 1_000, 3)
}

fn of(flavour: Flavour, count: u64, part: u64) -> u64 {
    let numbers: Vec<_> = numbers(count, part).collect();
    crate::block_on(async {
        for (numbers, combination) in numbers.chunks(AT_ONCE).zip(combinations()) {
            let cases: Vec<_> = numbers.iter().map(|number| Case::new(*number, flavour)).collect();
            let pair = Pair::new(combination, &cases, |_| ()).await;
            // A panic in `call` ends the whole connection.
            for batch in cases.chunk_by(|one, next| !one.panics_in_call && !next.panics_in_call) {
                for batch in batch.chunks(ON_ONE_CONNECTION) {
                    let (bare, with) = tokio::join!(exchange(&pair.bare.server, batch), exchange(&pair.with.server, batch));
                    pair.same(with, bare, batch);
                }
            }
            pair.stop(|number, is_catching| Case::new(number, flavour).outcome(flavour, is_catching)).await;
        }
    });
    numbers.len() as u64
}

/// Sends all of a batch at once. What was read of each, and all frames of each stream.
async fn exchange(server: &Server, batch: &[Case]) -> (Vec<String>, BTreeMap<u32, Vec<String>>) {
    let mut client = Client::connect(server).await;
    let sent: Vec<_> = batch.iter().map(|case| client.send(case)).collect();
    let answers = join_all(sent.into_iter().map(async |response| match response.await {
        Ok(response) => whole(response).await,
        Err(error) => broken(&error),
    }))
    .await;
    let frames = client.close().await;
    let is_cut = batch.iter().any(|case| case.panics_in_call);
    (answers, if is_cut { BTreeMap::new() } else { frames })
}

pub(crate) fn broken(error: &hyper::Error) -> String {
    // Where a stream was reset, the reason; how a lost connection is told is a matter of time.
    let reason = std::error::Error::source(error).map(ToString::to_string).filter(|reason| reason.contains("stream"));
    format!("broken: {reason:?}")
}

pub(crate) async fn whole(response: Response<Incoming>) -> String {
    let (head, mut body) = response.into_parts();
    let may_differ = |name: &str, value: &[u8]| name == "date" || is_ours(name, value);
    let mut text = format!("{} {}", head.status, headers_but(&head.headers, may_differ));
    // Frames are compared as they were sent; here they may have been joined or cut.
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) if frame.is_data() => bytes.extend_from_slice(frame.data_ref().unwrap()),
            Ok(frame) => text += &format!("{:?}", frame.trailers_ref()),
            Err(error) => return text + &broken(&error),
        }
    }
    format!("{text} {}", String::from_utf8_lossy(&bytes))
}

pub(crate) struct Client {
    sender: SendRequest<Planned>,
    connection: JoinHandle<hyper::Result<()>>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        let received = Arc::default();
        let stream = Tap { stream: TcpStream::connect(server.address).await.unwrap(), received: Arc::clone(&received) };
        let mut builder = Builder::new(TokioExecutor::new());
        // Wide enough that no window cuts a frame.
        builder.initial_stream_window_size(1 << 24).initial_connection_window_size(1 << 26);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(connection), received }
    }

    /// Streams are numbered in the order of these calls.
    pub(crate) fn send(&mut self, case: &Case) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let mut request = Request::new(Planned::new(&case.sends));
        *request.method_mut() = case.method.parse().unwrap();
        *request.uri_mut() = format!("http://shop.example{}", case.target()).parse().unwrap();
        *request.headers_mut() = header_map(&case.headers);
        self.sender.send_request(request)
    }

    /// Says farewell, and waits until the connection has ended.
    pub(crate) async fn close(self) -> BTreeMap<u32, Vec<String>> {
        drop(self.sender);
        let _ = self.connection.await;
        frames(&self.received.lock().unwrap())
    }
}

/// Frames by stream: kind, for data its length, and whether it ends the stream.
fn frames(mut bytes: &[u8]) -> BTreeMap<u32, Vec<String>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    while let [a, b, c, kind, flags, stream @ ..] = bytes {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((stream, rest)) = stream.split_first_chunk::<4>() else { break };
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        let ends = if flags & 1 == 1 { " ends" } else { "" };
        let frame = match kind {
            0 => Some(format!("data {length}{ends}")),
            1 => Some(format!("headers{ends}")),
            3 => Some(format!("reset {payload:?}")),
            _ => None,
        };
        if let Some(frame) = frame {
            streams.entry(u32::from_be_bytes(*stream)).or_default().push(frame);
        }
        bytes = rest;
    }
    streams
}

/// A connection that keeps a copy of what it received.
struct Tap {
    stream: TcpStream,
    received: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        self.received.lock().unwrap().extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

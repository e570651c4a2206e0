//! Connections that are handed over: WebSockets and tunnels, with bytes both ways.

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use tower::ServiceBuilder;

use crate::play::{Telemetries, combinations, numbers};
use crate::support::{BoxError, Server, serve};

const AT_ONCE: usize = 20;

pub(crate) fn compare() -> u64 {
    let numbers: Vec<_> = numbers(200, 5).collect();
    crate::block_on(async {
        for (numbers, (stack, variant)) in numbers.chunks(AT_ONCE).zip(combinations()) {
            let seen = Telemetries::new(stack, variant);
            let bare = serve(ServiceBuilder::new().service_fn(hand_over)).await;
            let with = serve(ServiceBuilder::new().layer(seen.0[0].layer()).service_fn(hand_over)).await;
            for number in numbers {
                let (bare, with) = tokio::join!(exchange(&bare, *number), exchange(&with, *number));
                assert_eq!(with, bare, "{number}");
            }
            tokio::join!(bare.stop(), with.stop());
            let records = seen.0[0].requests();
            assert_eq!(records.len(), numbers.len());
            assert!(records.iter().all(|record| record.outcome().as_str() == "upgraded"), "{records:?}");
        }
    });
    numbers.len() as u64
}

/// Answers with what it is sent, as a WebSocket or byte by byte.
async fn hand_over<B>(mut request: Request<B>) -> Result<Response<Full<Bytes>>, BoxError> {
    let upgrade = hyper::upgrade::on(&mut request);
    let mut response = Response::new(Full::default());
    if request.method() == Method::CONNECT {
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            tokio::io::copy(&mut from, &mut to).await.unwrap();
            to.shutdown().await.unwrap();
        });
        return Ok(response);
    }
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                break;
            }
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
        let _ = socket.close(None).await;
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
    response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response.headers_mut().insert("sec-websocket-accept", HeaderValue::from_str(&accept)?);
    Ok(response)
}

async fn exchange(server: &Server, number: u64) -> Vec<String> {
    let rng = &mut Rng::with_seed(number);
    let stream = TcpStream::connect(server.address).await.unwrap();
    if number.is_multiple_of(2) { tunnel(stream, rng).await } else { web_socket(stream, rng).await }
}

/// Bytes of the client's may come right behind its head, before it knows the answer.
async fn tunnel(mut stream: TcpStream, rng: &mut Rng) -> Vec<String> {
    let mut sent = vec![0; rng.usize(1..5_000)];
    rng.fill(&mut sent);
    let early = rng.usize(..sent.len().min(2_000));
    let mut first = b"CONNECT shop.example:443 HTTP/1.1\r\nhost: shop.example\r\n\r\n".to_vec();
    first.extend_from_slice(&sent[..early]);
    stream.write_all(&first).await.unwrap();
    stream.write_all(&sent[early..]).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received.ends_with(&sent), "all came back");
    vec![crate::http1::shown(&received)]
}

async fn web_socket(stream: TcpStream, rng: &mut Rng) -> Vec<String> {
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request("ws://shop.example/").unwrap();
    request.headers_mut().insert("sec-websocket-key", HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
    let (mut socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let may_differ = |name: &str, value: &[u8]| name == "date" || crate::play::is_ours(name, value);
    let mut seen = vec![format!("{} {}", response.status(), crate::play::headers_but(response.headers(), may_differ))];
    for _ in 0..rng.usize(1..6) {
        let length = rng.usize(..3_000);
        let message = match rng.u8(..3) {
            0 => Message::text("t".repeat(length)),
            1 => Message::binary(vec![rng.u8(..); length]),
            _ => Message::Ping(vec![b'p'; length.min(100)].into()),
        };
        socket.send(message.clone()).await.unwrap();
        // A ping is answered by the other side's protocol.
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer.is_pong(), message.is_ping());
        seen.push(format!("{answer:?}"));
    }
    socket.close(None).await.unwrap();
    loop {
        match socket.next().await {
            Some(Ok(message)) => seen.push(format!("{message:?}")),
            Some(Err(Error::ConnectionClosed)) | None => return seen,
            Some(Err(error)) => return [seen, vec![error.to_string()]].concat(),
        }
    }
}

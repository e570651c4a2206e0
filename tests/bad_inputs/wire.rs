//! Requests as bytes, sent over a plain TCP connection and read back as they came.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body::Frame;
use http_body_util::BodyExt as _;
use http_body_util::StreamBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::catalogue::bytes;
use crate::support::{BoxBody, BoxError, PATIENCE};

/// The host of requests that do not name one.
pub(crate) const HOST: &str = "shop.invalid";

/// A request, whether or not it is one.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Where there are any, the body goes out in chunks.
    pub(crate) trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Sent {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new(), trailers: Vec::new() }
    }

    /// `{"method": …, "path": …, "headers": […]}` of the catalogue.
    pub(crate) fn of(request: &serde_json::Value) -> Self {
        let pair = |pair: &serde_json::Value| (bytes(&pair[0]), bytes(&pair[1]));
        Self {
            method: bytes(&request["method"]),
            target: bytes(&request["path"]),
            headers: request["headers"].as_array().unwrap().iter().map(pair).collect(),
            body: Vec::new(),
            trailers: Vec::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn has(&self, wanted: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    /// The bytes of it in HTTP/1.1, exactly as they were given.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = [&self.method, &b" "[..], &self.target, b" HTTP/1.1\r\n"].concat();
        let mut line = |name: &[u8], value: &[u8]| out.extend([name, b": ", value, b"\r\n"].concat());
        if !self.has("host") {
            line(b"Host", HOST.as_bytes());
        }
        line(b"Connection", b"close");
        for (name, value) in &self.headers {
            line(name, value);
        }
        let is_chunked = !self.trailers.is_empty();
        if is_chunked {
            line(b"Transfer-Encoding", b"chunked");
        } else if !self.body.is_empty() && !self.has("content-length") {
            line(b"Content-Length", self.body.len().to_string().as_bytes());
        }
        out.extend(b"\r\n");
        if is_chunked {
            if !self.body.is_empty() {
                out.extend(format!("{:x}\r\n", self.body.len()).as_bytes());
                out.extend([&self.body, &b"\r\n"[..]].concat());
            }
            out.extend(b"0\r\n");
            for (name, value) in &self.trailers {
                out.extend([name, &b": "[..], value, b"\r\n"].concat());
            }
            out.extend(b"\r\n");
        } else {
            out.extend(&self.body);
        }
        out
    }

    /// The same for a service in this process. What the types of HTTP refuse is left out, and told.
    pub(crate) fn to_request(&self) -> (Request<BoxBody>, Vec<Vec<u8>>) {
        let mut refused = Vec::new();
        let mut request = Request::new(self.to_body());
        *request.method_mut() = Method::from_bytes(&self.method).expect("a method");
        let is_connect = request.method() == Method::CONNECT;
        let uri = if is_connect {
            Uri::builder().authority(&self.target[..]).build()
        } else {
            Uri::try_from(&self.target[..]).map_err(Into::into)
        };
        *request.uri_mut() = uri.expect("a target");
        if !self.has("host") {
            request.headers_mut().insert("host", HeaderValue::from_static(HOST));
        }
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name).expect("a name");
            let value = HeaderValue::from_bytes(value.trim_ascii()).unwrap_or_else(|_| {
                refused.push(value.clone());
                let rest: Vec<_> = value.iter().copied().filter(|byte| !byte.is_ascii_control()).collect();
                HeaderValue::from_bytes(&rest).expect("what is left is no control character")
            });
            request.headers_mut().append(name, value);
        }
        (request, refused)
    }

    fn to_body(&self) -> BoxBody {
        let mut frames = Vec::new();
        if !self.body.is_empty() {
            frames.push(Ok::<_, BoxError>(Frame::data(Bytes::from(self.body.clone()))));
        }
        if !self.trailers.is_empty() {
            let parse = |(name, value): &(Vec<u8>, Vec<u8>)| {
                (HeaderName::from_bytes(name).unwrap(), HeaderValue::from_bytes(value).unwrap())
            };
            frames.push(Ok(Frame::trailers(self.trailers.iter().map(parse).collect::<HeaderMap>())));
        }
        StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
    }
}

/// What came back, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer(pub(crate) Vec<u8>);

impl Answer {
    pub(crate) fn status(&self) -> Option<u16> {
        let text = std::str::from_utf8(self.0.get(9..12)?).ok()?;
        self.0.starts_with(b"HTTP/1.1 ").then(|| text.parse().ok()).flatten()
    }

    fn head(&self) -> &[u8] {
        let end = self.0.windows(4).position(|window| window == b"\r\n\r\n").map_or(self.0.len(), |at| at + 4);
        &self.0[..end]
    }

    /// Values of a header, in order.
    pub(crate) fn headers(&self, wanted: &str) -> Vec<String> {
        let lines = String::from_utf8_lossy(self.head()).into_owned();
        let pairs = lines.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned()).collect()
    }

    /// All of it but for the headers that may differ: the time, and the request id that the layer adds.
    pub(crate) fn without_id_and_date(&self) -> Vec<u8> {
        let (head, rest) = self.0.split_at(self.head().len());
        let mut kept = Vec::new();
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let is = |name: &[u8]| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name);
            if !is(b"date:") && !is(b"x-request-id:") {
                kept.extend(line);
            }
        }
        kept.extend(rest);
        kept
    }
}

/// Sends bytes as they are on a connection of their own, and reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let write = async {
        // A server may answer and close before it has read everything.
        let _ = to.write_all(bytes).await;
        to
    };
    let mut answer = Vec::new();
    let both = async { tokio::join!(write, from.read_to_end(&mut answer)) };
    let (_to, _) = tokio::time::timeout(PATIENCE, both).await.expect("the server answers and closes");
    Answer(answer)
}

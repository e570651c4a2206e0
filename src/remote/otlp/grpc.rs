//! OTLP over gRPC.
//!
//! The channel is tonic's. The message is framed here: the payload is encoded already, every attempt must send the same
//! bytes, an answer is read up to a limit, and a missing status has to be told from a good one.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint as Connector, Identity};
use tower_service::Service as _;

use super::answer::{retry_delay, success};
use super::endpoint::Endpoint;
use super::{Signal, gzip};
use crate::BuildError;
use crate::base64;
use crate::exporter::Patience;
use crate::record::rpc_code;
use crate::remote::notice::{chain, shown};
use crate::remote::tls::Files;
use crate::remote::transport::{Reactor, Stopped};
use crate::remote::{Answer, MAX_ANSWER_BYTES, Sender};

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// A flag byte and four bytes of length stand before a message.
const FRAME_BYTES: usize = 5;

/// Sends payloads as unary calls.
pub(in crate::remote) struct Grpc {
    endpoint: Endpoint,
    call: Uri,
    connector: Connector,
    headers: HeaderMap,
    timeout: Duration,
    is_gzip: bool,
    /// Made inside the runtime, at the first attempt.
    channel: Option<Channel>,
    reactor: Reactor,
}

impl Grpc {
    pub(super) fn new(
        signal: Signal,
        endpoint: Endpoint,
        mut headers: HeaderMap,
        is_gzip: bool,
        timeout: Duration,
        files: &Files,
    ) -> Result<Self, BuildError> {
        let problem = |problem: &str| BuildError::new(&endpoint.key, problem);
        let mut connector = Connector::from(endpoint.url.clone())
            .user_agent(super::USER_AGENT)
            .map_err(|error| problem("needs a client that cannot be set up").because(error))?;
        if endpoint.is_https() {
            // Reads the same files the same way as over HTTP, for errors that name the setting.
            drop(files.client_config(&endpoint.key)?);
            let pem = files.pem()?;
            let mut tls = ClientTlsConfig::new();
            tls = match pem.trusted {
                Some(trusted) => tls.ca_certificate(Certificate::from_pem(trusted)),
                None => tls.with_native_roots(),
            };
            if let Some((chain, key)) = pem.identity {
                tls = tls.identity(Identity::from_pem(chain, key));
            }
            connector = connector.tls_config(tls).map_err(|error| problem("needs TLS, which cannot be set up").because(error))?;
        }
        let mut call = endpoint.url.clone().into_parts();
        call.path_and_query = Some(PathAndQuery::from_static(signal.call()));
        let call = Uri::from_parts(call).map_err(|error| problem("is not a URL").because(error))?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.remove(USER_AGENT);
        headers.remove(GRPC_ENCODING);
        if is_gzip {
            headers.insert(GRPC_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(Self { endpoint, call, connector, headers, timeout, is_gzip, channel: None, reactor: Reactor::default() })
    }

    fn request(&self, payload: Bytes) -> Request<Body> {
        let mut request = Request::new(Body::new(Full::new(payload)));
        *request.method_mut() = Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = self.call.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

impl Sender for Grpc {
    fn pack(&mut self, encoded: &mut Vec<u8>) -> Bytes {
        let compressed = if self.is_gzip { gzip(encoded) } else { None };
        let (flag, message) = compressed.as_deref().map_or((0, encoded.as_slice()), |message| (1, message));
        let mut frame = BytesMut::with_capacity(FRAME_BYTES + message.len());
        frame.put_u8(flag);
        // Never cut: payloads are much smaller than this can tell.
        frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        frame.put_slice(message);
        frame.freeze()
    }

    fn send(&mut self, payload: &Bytes, patience: &Patience) -> Answer {
        let request = self.request(payload.clone());
        let Self { channel, connector, reactor, .. } = self;
        let answered = reactor.run(self.timeout, patience, || {
            let mut channel = channel.get_or_insert_with(|| connector.connect_lazy()).clone();
            async move {
                std::future::poll_fn(|cx| channel.poll_ready(cx)).await.map_err(|error| chain(&error))?;
                let response = channel.call(request).await.map_err(|error| chain(&error))?;
                Ok(answer(response).await)
            }
        });
        let retry = |what: String| Answer::Retry { after: None, why: format!("{}: {what}", self.endpoint.shown()) };
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => retry(why),
            Err(Stopped::Late) => retry("no answer in time".to_owned()),
            Err(Stopped::NoRuntime(error)) => retry(chain(&error)),
        }
    }
}

/// Reads what is needed of an answer.
async fn answer(response: Response<Body>) -> Answer {
    let (head, mut body) = response.into_parts();
    // An answer without a body has its status in the head.
    if head.headers.contains_key(GRPC_STATUS) {
        return judge(&head.headers, &[]);
    }
    if head.status != StatusCode::OK {
        return without_grpc(head.status);
    }
    let mut message = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => {
                let room = MAX_ANSWER_BYTES - message.len();
                message.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
                if message.len() >= MAX_ANSWER_BYTES {
                    // The status would come after what nobody will read, and the same call would be answered the same way.
                    return Answer::Never { why: "the receiver's answer is too large".to_owned() };
                }
            }
            Ok(Err(frame)) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return judge(&trailers, &message);
                }
            }
            Err(status) => return Answer::Retry { after: None, why: chain(&status) },
        }
    }
    judge(&HeaderMap::new(), &message)
}

/// The table of OTLP over the status.
fn judge(headers: &HeaderMap, message: &[u8]) -> Answer {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(status) = text(GRPC_STATUS) else {
        return Answer::Retry { after: None, why: "the receiver's answer has no gRPC status".to_owned() };
    };
    let code: u8 = status.trim().parse().unwrap_or(2);
    if code == 0 {
        // Flag 0: not compressed, as nothing else was asked for.
        return match message.split_at_checked(FRAME_BYTES) {
            Some(([0, ..], message)) => success(message),
            _ => Answer::Delivered,
        };
    }
    let after =
        text(GRPC_DETAILS).and_then(|value| base64::decode(value, MAX_ANSWER_BYTES)).and_then(|status| retry_delay(&status));
    let said: Vec<u8> = text(GRPC_MESSAGE).map(|said| percent_encoding::percent_decode_str(said).collect()).unwrap_or_default();
    let said = shown(&String::from_utf8_lossy(&said));
    let why = format!("the receiver answered {}{}{said}", rpc_code(code), if said.is_empty() { "" } else { ": " });
    match code {
        // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
        1 | 4 | 10 | 11 | 14 | 15 => Answer::Retry { after, why },
        // Resource exhausted: for a while only where the receiver says for how long.
        8 if after.is_some() => Answer::Retry { after, why },
        _ => Answer::Never { why },
    }
}

/// An answer of something that does not speak gRPC, such as a proxy.
///
/// # Source
/// gRPC, "HTTP to gRPC status code mapping".
fn without_grpc(status: StatusCode) -> Answer {
    let why = format!("the receiver answered {} without a gRPC status", status.as_u16());
    match status.as_u16() {
        413 => Answer::Split,
        429 | 502..=504 => Answer::Retry { after: None, why },
        _ => Answer::Never { why },
    }
}

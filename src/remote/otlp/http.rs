//! OTLP over HTTP/1.1.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::answer::{is_retryable, retry_after, status_message, success};
use super::endpoint::Endpoint;
use crate::BuildError;
use crate::exporter::Patience;
use crate::remote::notice::{chain, shown};
use crate::remote::tls::Files;
use crate::remote::transport::{Reactor, Stopped};
use crate::remote::{Answer, MAX_ANSWER_BYTES, Sender};

/// A connection that was idle for longer is not used again: receivers close theirs after a minute or more.
const IDLE: Duration = Duration::from_secs(20);

/// Sends payloads as `POST`.
pub(in crate::remote) struct Http {
    endpoint: Endpoint,
    headers: HeaderMap,
    timeout: Duration,
    is_gzip: bool,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    reactor: Reactor,
}

impl Http {
    pub(super) fn new(
        endpoint: Endpoint,
        mut headers: HeaderMap,
        is_gzip: bool,
        timeout: Duration,
        files: &Files,
    ) -> Result<Self, BuildError> {
        // The connector refuses a scheme other than these two, and speaks plainly only to `http`. The system's
        // certificates are read only where they are needed.
        let config = if endpoint.is_https() { files.client_config(&endpoint.key)? } else { untrusting(&endpoint.key)? };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(1).build(connector);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.remove(CONTENT_ENCODING);
        if is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
        Ok(Self { endpoint, headers, timeout, is_gzip, client, reactor: Reactor::default() })
    }

    fn request(&self, payload: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(payload));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// A configuration that trusts nobody, for endpoints without TLS.
fn untrusting(key: &str) -> Result<rustls::ClientConfig, BuildError> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::new(key, "needs a client that cannot be set up").because(error))?;
    Ok(versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

impl Sender for Http {
    fn pack(&mut self, encoded: &mut Vec<u8>) -> Bytes {
        let compressed = if self.is_gzip { super::gzip(encoded) } else { None };
        Bytes::from(compressed.unwrap_or_else(|| std::mem::take(encoded)))
    }

    fn send(&mut self, payload: &Bytes, patience: &Patience) -> Answer {
        let (client, request) = (self.client.clone(), self.request(payload.clone()));
        let answered = self.reactor.run(self.timeout, patience, || async move {
            let response = client.request(request).await.map_err(|error| chain(&error))?;
            Ok(answer(response).await)
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
async fn answer(response: Response<Incoming>) -> Answer {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    if is_retryable(status) {
        // The body is of no use, and waiting for it would only cost the connection.
        let after = header(RETRY_AFTER).and_then(|value| retry_after(&value, SystemTime::now()));
        return Answer::Retry { after, why: format!("the receiver answered {}", status.as_u16()) };
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Answer::Split;
    }
    let media_type = header(CONTENT_TYPE);
    let (body, is_whole) = read(response.into_body()).await;
    if !status.is_success() {
        let message = is_protobuf(media_type.as_deref()).then(|| status_message(&body)).flatten();
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        return Answer::Never { why: format!("the receiver answered {}{message}", status.as_u16()) };
    }
    match media_type {
        Some(media_type) if !is_ours(&media_type) && !body.is_empty() => {
            let media_type = shown(&media_type);
            Answer::Never { why: format!("the receiver answered {} with {media_type}, which is not OTLP", status.as_u16()) }
        }
        // What came before the break is not all that the receiver had to say about parts of the payload.
        _ if is_whole.is_none() => Answer::Retry { after: None, why: "the answer broke off".to_owned() },
        Some(media_type) if !is_protobuf(Some(&media_type)) => Answer::Delivered,
        _ => success(&body),
    }
}

/// At most [`MAX_ANSWER_BYTES`], and whether that was all; `None` when the connection broke. What is left unread closes
/// the connection.
async fn read(mut body: Incoming) -> (Vec<u8>, Option<bool>) {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (kept, None) };
        let Ok(data) = frame.into_data() else { continue };
        let room = MAX_ANSWER_BYTES - kept.len();
        kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if kept.len() >= MAX_ANSWER_BYTES {
            return (kept, Some(false));
        }
    }
    (kept, Some(true))
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn is_protobuf(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|media_type| {
        let essence = essence(media_type);
        ["application/x-protobuf", "application/protobuf"].iter().any(|known| essence.eq_ignore_ascii_case(known))
    })
}

/// Protobuf, or JSON, which some receivers answer whatever was sent.
fn is_ours(media_type: &str) -> bool {
    is_protobuf(Some(media_type)) || essence(media_type).eq_ignore_ascii_case("application/json")
}

//! A request is sent, and its answer read.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::error::{Error, Kind};
use super::request::OF_CONNECTION;
use super::{Note, Request};
use crate::escape::escape;
use crate::record::{Outcome, Record};
use crate::time::{Stopwatch, unix_ns};

/// Of an answer no more than this is read.
const MAX_READ_BYTES: u64 = 64 * 1024 * 1024;

/// How a request is sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sending {
    /// How long all of it may take. What came until then is returned once the answer has begun.
    pub within: Duration,
    /// Bytes of the answer's body that are kept, at most [`MAX_KEPT_BYTES`](Self::MAX_KEPT_BYTES).
    pub kept_bytes: usize,
}

impl Sending {
    /// The default of [`within`](Self::within): 30 s.
    pub const DEFAULT_WITHIN: Duration = Duration::from_secs(30);
    /// The most that [`kept_bytes`](Self::kept_bytes) may be, and its default: 64 KiB.
    pub const MAX_KEPT_BYTES: usize = 64 * 1024;
}

impl Default for Sending {
    fn default() -> Self {
        Self { within: Self::DEFAULT_WITHIN, kept_bytes: Self::MAX_KEPT_BYTES }
    }
}

impl Request {
    /// Sends it once over HTTP/1.1 and reads the answer. Redirects are not followed, proxies of the environment are not asked,
    /// nothing is tried again.
    ///
    /// # Shape
    /// A record as the one who asked saw it: the answer's status, headers, trailers and the start of its body, with their
    /// secrets out by the [default rules](crate::Redact); durations from before the connection was made. Its
    /// [request id](Record::request_id) is that which the answer named, or empty. An answer that took too long or is larger
    /// than 64 MiB ended as [`ClientGoneMidBody`](Outcome::ClientGoneMidBody).
    ///
    /// # Errors
    /// When it cannot be sent as it is, nobody answers, or not in time.
    ///
    /// # Panics
    /// Outside a runtime of tokio with I/O and time.
    pub async fn send(&self, sending: &Sending) -> Result<Record, Error> {
        let (request, uri) = self.to_http()?;
        let client = client(&uri)?;
        let mut answer = Answer::new(self, &uri, unix_ns());
        let watch = Stopwatch::start();
        // What does not fit a clock is as good as no limit.
        let until = Instant::now().checked_add(sending.within).unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        let response = match timeout_at(until, client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Error::new(Kind::Connection, format!("no answer: {}", chain(&error)))),
            Err(_) => return Err(Error::new(Kind::Late, format!("no answer within {} s", sending.within.as_secs_f32()))),
        };
        answer.head(&response, watch.ns());
        let kept_bytes = sending.kept_bytes.min(Sending::MAX_KEPT_BYTES);
        let read = read(&mut answer, response, kept_bytes, &watch);
        let outcome = timeout_at(until, read).await.unwrap_or(Outcome::ClientGoneMidBody);
        Ok(answer.finish(outcome, watch.ns()))
    }

    /// [`send`](Self::send) where there is no runtime; blocks the thread.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    ///
    /// # Panics
    /// Inside a runtime of tokio.
    pub fn send_blocking(&self, sending: &Sending) -> Result<Record, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(Kind::Here, format!("cannot send from here: {error}")))?;
        let answered = runtime.block_on(self.send(sending));
        // The look-up of a name cannot be interrupted, and nobody waits for it.
        runtime.shutdown_background();
        answered
    }

    fn to_http(&self) -> Result<(http::Request<Full<Bytes>>, Uri), Error> {
        let wrong = |what: String| Error::new(Kind::Request, what);
        if self.is_cut() {
            return Err(wrong(format!("the URL cannot be sent: {}", Note::TargetCut)));
        }
        let uri: Uri = self.url.parse().map_err(|error| wrong(format!("the URL cannot be sent: {error}")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(wrong("the URL cannot be sent: it needs http:// or https:// and a host".to_owned()));
        }
        let method = Method::from_bytes(self.method.as_bytes()).ok().filter(|method| method != Method::CONNECT);
        let method = method.ok_or_else(|| wrong("the method cannot be sent".to_owned()))?;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let shown = || escape(name).to_string();
            if OF_CONNECTION.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                return Err(wrong(format!("the header '{}' belongs to the connection and cannot be set", shown())));
            }
            let known = HeaderName::from_bytes(name.as_bytes());
            let known = known.map_err(|_| wrong(format!("'{}' is not the name of a header", shown())))?;
            let value = HeaderValue::from_bytes(value.as_bytes());
            let value = value.map_err(|_| wrong(format!("the value of the header '{}' cannot be sent", shown())))?;
            headers.append(known, value);
        }
        let mut request = http::Request::new(Full::new(Bytes::copy_from_slice(&self.body)));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri.clone(), headers);
        Ok((request, uri))
    }
}

/// A client for one request.
fn client(uri: &Uri) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, Error> {
    let tls = tls(uri.scheme_str() == Some("https"))
        .map_err(|error| Error::new(Kind::Here, format!("TLS does not work here: {}", chain(error.as_ref()))))?;
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).retry_canceled_requests(false).build(connector))
}

/// The system's certificates are read only where they are needed.
fn tls(is_needed: bool) -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let trusting =
        if is_needed { versions.with_native_roots()? } else { versions.with_root_certificates(RootCertStore::empty()) };
    Ok(trusting.with_no_client_auth())
}

/// Reads the body to its end, or as much of it as may be read.
async fn read(answer: &mut Answer, response: Response<Incoming>, kept_bytes: usize, watch: &Stopwatch) -> Outcome {
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Outcome::BodyError };
        match frame.into_data() {
            Ok(data) => answer.data(&data, kept_bytes, watch.ns()),
            Err(frame) => answer.trailers(frame.trailers_ref()),
        }
        if answer.seen_bytes() > MAX_READ_BYTES {
            return Outcome::ClientGoneMidBody;
        }
    }
    Outcome::Answered
}

/// An error with its causes, in one harmless line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    escape(&text).to_string()
}

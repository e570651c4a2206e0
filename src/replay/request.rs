//! A recorded request as something that can be changed and sent.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

use super::{Command, Note, curl, httpie, rust_test};
use crate::record::Record;
use crate::record::parts::CUT_MARK;

/// What the one who sends says itself, or what belongs to the connection.
pub(super) const OF_CONNECTION: [&str; 8] =
    ["connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
/// What makes two requests the same one: ids and trace context.
const OF_IDENTITY: [&str; 14] = [
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "uber-trace-id",
    "sentry-trace",
];

/// A request that can be changed and sent.
///
/// `Debug` shows neither query, nor headers, nor body.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// As it is sent, such as `POST`.
    pub method: String,
    /// With scheme, host, path and query; sent as it is written.
    pub url: String,
    /// Names in lower case, in the order in which they are sent; a name may come twice. Those that belong to the connection
    /// are not among them.
    pub headers: Vec<(String, String)>,
    /// Empty where there is none.
    pub body: Vec<u8>,
    notes: Vec<Note>,
    /// The route of the record it was made of, and how that was answered.
    origin: Option<Origin>,
}

/// What a test says of where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) id: String,
    pub(super) route: Option<String>,
    pub(super) status: Option<u16>,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), ..Self::default() }
    }

    /// The request of this record; `None` where it is of no request. `base` is sent to in place of the host that was asked,
    /// such as `http://localhost:3000`.
    #[must_use]
    pub fn of(record: &Record, base: Option<&str>) -> Option<Self> {
        if record.method().is_empty() {
            return None;
        }
        let target = target(record);
        let base = base.map_or_else(|| record.origin(), |base| base.trim_end_matches('/').to_owned());
        let mut request = Self::new(record.method(), format!("{base}{target}"));
        request.origin = Some(Origin {
            id: record.span_id().to_short().to_string(),
            route: record.route().map(str::to_owned),
            status: record.status(),
        });
        if target.contains(CUT_MARK) {
            request.notes.push(Note::TargetCut);
        }
        request.take_headers(record);
        request.take_body(record);
        let mut places: Vec<_> = record.redactions().map(|it| it.place()).filter(|place| is_of_request(place)).collect();
        places.dedup();
        if !places.is_empty() {
            request.notes.push(Note::Redacted(places.into_iter().map(str::to_owned).collect()));
        }
        Some(request)
    }

    fn take_headers(&mut self, record: &Record) {
        let mut withheld = Vec::new();
        for header in record.request_headers() {
            let name = header.name().to_ascii_lowercase();
            if OF_CONNECTION.contains(&name.as_str()) || name.starts_with("proxy-") {
                continue;
            }
            // Of cookies only the names are stored; what was cut or redacted is not what was sent.
            let is_whole = |value: &&str| name != "cookie" && value.len() == header.len_bytes() as usize;
            match header.value().filter(is_whole) {
                Some(value) if name == "host" && self.url_host() == Some(value) => {}
                Some(value) => self.headers.push((name, value.to_owned())),
                None => withheld.push(name),
            }
        }
        if !withheld.is_empty() {
            self.notes.push(Note::HeadersWithheld(withheld));
        }
    }

    fn take_body(&mut self, record: &Record) {
        match record.request_body().filter(|body| body.kept_bytes() > 0) {
            Some(body) => {
                self.body = body.content().as_bytes().to_vec();
                if body.is_truncated() {
                    self.notes.push(Note::BodyCut { kept_bytes: body.kept_bytes(), seen_bytes: body.seen_bytes() });
                }
            }
            None => {
                let why = record.request_body().and_then(|body| body.skipped()).map(str::to_owned);
                let seen = record.request_body_bytes().filter(|bytes| *bytes > 0);
                self.notes.extend(seen.map(|seen_bytes| Note::BodyMissing { seen_bytes, why }));
            }
        }
    }

    /// The same request as one of its own: without ids and trace context, which would make it part of the first one's trace,
    /// and without asking for an encoded answer, which could not be compared.
    #[must_use]
    pub fn anew(mut self) -> Self {
        let (left_out, headers): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.headers).into_iter().partition(|(name, _)| OF_IDENTITY.contains(&name.as_str()));
        self.headers = headers;
        self.headers.retain(|(name, _)| name != "accept-encoding");
        if !left_out.is_empty() {
            self.notes.push(Note::Anew(left_out.into_iter().map(|(name, _)| name).collect()));
        }
        self
    }

    /// Sets a header in place of those of this name that it has.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(known, _)| *known != name);
        for note in &mut self.notes {
            if let Note::HeadersWithheld(names) = note {
                names.retain(|withheld| *withheld != name);
            }
        }
        self.notes.retain(|note| !matches!(note, Note::HeadersWithheld(names) if names.is_empty()));
        self.headers.push((name, value.into()));
    }

    /// What is not as it was recorded.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether its method promises to change nothing: `GET`, `HEAD`, `OPTIONS` and `TRACE`.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }

    /// Whether it goes to this machine, by its address or as `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let Ok(uri) = self.url.parse::<Uri>() else { return false };
        let Some(host) = uri.host() else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// Scheme, host and port that it is sent to, such as `http://127.0.0.1:3000`; `None` where its URL names none.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let uri = self.url.parse::<Uri>().ok()?;
        let (scheme, host) = (uri.scheme_str()?, uri.host()?);
        let port = uri.port_u16().or(match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })?;
        Some(format!("{scheme}://{host}:{port}"))
    }

    /// The command of curl that sends it.
    #[must_use]
    pub fn curl(&self) -> Command {
        curl::command(self)
    }

    /// The command of HTTPie that sends it.
    #[must_use]
    pub fn httpie(&self) -> Command {
        httpie::command(self)
    }

    /// A test in Rust that gives it to an axum application, see [`rust_test`](super::rust_test()).
    #[must_use]
    pub fn rust_test(&self) -> Command {
        rust_test::code(self)
    }

    /// Host and port as the URL has them.
    pub(super) fn url_host(&self) -> Option<&str> {
        let rest = self.url.split_once("://")?.1;
        rest.split(['/', '?', '#']).next()
    }

    /// Path and query as the URL has them.
    pub(super) fn target(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    pub(super) const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Whether the URL was cut when it was recorded, and is still so.
    pub(super) fn is_cut(&self) -> bool {
        self.url.contains(CUT_MARK)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.split('?').next())
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

fn target(record: &Record) -> String {
    match record.query() {
        Some(query) => format!("{}?{query}", record.path()),
        None => record.path().to_owned(),
    }
}

/// Whether what was taken out at this place is missing when the request is sent again; headers are told by their names.
fn is_of_request(place: &str) -> bool {
    place.starts_with("url.") || place.starts_with("http.request.body")
}

//! One row of the table.

use bytes::Bytes;
use campanile::Builder;
use http::{HeaderMap, Request};
use http_body_util::Full;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::laws;
use crate::sink::{Arrived, Attributes, attributes};

/// Makes a request to the server at an address.
pub(crate) type ToUpstream = Box<dyn Fn(&str) -> Request<Full<Bytes>>>;

/// What is done.
pub(crate) enum Play {
    /// Sends a head of HTTP/1, its lines apart by `\n`, to the application.
    Http1(String),
    /// Sends a request with these headers over HTTP/2.
    Http2(&'static str, String, &'static [(&'static str, &'static str)]),
    /// Sends a request to a service that has no answer but an error.
    Fails,
    /// Lets go of a request before its answer is whole.
    LetsGo(&'static str),
    /// Sends a request through the client layer.
    Outgoing(ToUpstream),
    /// Sends one that the upstream does not answer, and lets go of it.
    OutgoingDropped,
    /// Sends one to where nobody listens.
    OutgoingNobody,
}

/// What is expected of the span of the row, or of everything that arrived.
pub(crate) enum Expect {
    Name(String),
    /// An attribute with this value, its type in front.
    Is(&'static str, String),
    /// An attribute, whatever its value.
    Has(&'static str),
    Lacks(&'static str),
    Unset,
    Error,
    That(Box<dyn Fn(&Told)>),
}

/// What came of a row.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) arrived: Arrived,
    /// What the upstream was asked.
    pub(crate) asked: Vec<HeaderMap>,
    /// Where the upstream listens.
    pub(crate) upstream: String,
    /// The bytes that a client of HTTP/1 got.
    pub(crate) answer: String,
    kind: SpanKind,
}

pub(crate) struct Rule {
    /// The rule in words.
    pub(crate) says: String,
    pub(crate) play: Play,
    pub(crate) settings: fn(Builder) -> Builder,
    /// Whether the exporter is asked to send headers.
    pub(crate) sends_headers: bool,
    pub(crate) expected: Vec<Expect>,
}

pub(crate) fn rule(says: impl Into<String>, play: Play, expected: impl IntoIterator<Item = Expect>) -> Rule {
    let expected = expected.into_iter().collect();
    Rule { says: says.into(), play, settings: |builder| builder, sends_headers: false, expected }
}

pub(crate) fn http1(lines: impl Into<String>) -> Play {
    Play::Http1(lines.into())
}

/// `GET` of a path, with a host and these further lines.
pub(crate) fn get(path: &str, lines: &str) -> Play {
    let space = if lines.is_empty() { "" } else { "\n" };
    http1(format!("GET {path} HTTP/1.1\nhost: shop.example{space}{lines}"))
}

pub(crate) fn outgoing(request: impl Fn(&str) -> Request<Full<Bytes>> + 'static) -> Play {
    Play::Outgoing(Box::new(request))
}

pub(crate) fn name(name: impl Into<String>) -> Expect {
    Expect::Name(name.into())
}

/// A text.
pub(crate) fn text(key: &'static str, value: &str) -> Expect {
    Expect::Is(key, format!("string:{value}"))
}

pub(crate) fn int(key: &'static str, value: u16) -> Expect {
    Expect::Is(key, format!("int:{value}"))
}

pub(crate) fn that(check: impl Fn(&Told) + 'static) -> Expect {
    Expect::That(Box::new(check))
}

impl Rule {
    pub(crate) fn with(mut self, settings: fn(Builder) -> Builder) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn sending_headers(mut self) -> Self {
        self.sends_headers = true;
        self
    }

    /// Checks a row; panics where it does not hold.
    pub(crate) fn hold(&self, told: &Told) {
        laws::hold(told);
        for expected in &self.expected {
            expected.hold(&self.says, told);
        }
    }
}

impl Expect {
    fn hold(&self, says: &str, told: &Told) {
        let (span, attributes) = match self {
            Self::That(check) => return check(told),
            _ => (told.span(), told.attributes()),
        };
        let value = |key: &str| attributes.get(key).map(String::as_str);
        match self {
            Self::Name(name) => assert_eq!(&span.name, name, "{says}: {span:#?}"),
            Self::Is(key, expected) => assert_eq!(value(key), Some(expected.as_str()), "{says}: {key} of {attributes:#?}"),
            Self::Has(key) => assert!(value(key).is_some(), "{says}: {key} of {attributes:#?}"),
            Self::Lacks(key) => assert_eq!(value(key), None, "{says}: {key} of {attributes:#?}"),
            Self::Unset => assert_eq!(code(span), StatusCode::Unset, "{says}: {span:#?}"),
            Self::Error => assert_eq!(code(span), StatusCode::Error, "{says}: {span:#?}"),
            Self::That(_) => {}
        }
    }
}

pub(crate) fn code(span: &Span) -> StatusCode {
    span.status.as_ref().map_or(StatusCode::Unset, |status| StatusCode::try_from(status.code).unwrap())
}

impl Told {
    pub(crate) fn new(arrived: Arrived, asked: Vec<HeaderMap>, upstream: String, play: &Play) -> Self {
        let is_client = matches!(play, Play::Outgoing(_) | Play::OutgoingDropped | Play::OutgoingNobody);
        let kind = if is_client { SpanKind::Client } else { SpanKind::Server };
        Self { arrived, asked, upstream, answer: String::new(), kind }
    }

    pub(crate) fn of_kind(&self, kind: SpanKind) -> Vec<&Span> {
        self.arrived.spans.iter().filter(|span| span.kind() == kind).collect()
    }

    /// The span that the row is about.
    pub(crate) fn span(&self) -> &Span {
        let spans = self.of_kind(self.kind);
        assert_eq!(spans.len(), 1, "one span of {:?}: {:#?}", self.kind, self.arrived.spans);
        spans[0]
    }

    pub(crate) fn attributes(&self) -> Attributes {
        attributes(&self.span().attributes)
    }

    /// A header of the only request that the upstream was asked.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        assert_eq!(self.asked.len(), 1, "{:?}", self.asked);
        self.asked[0].get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

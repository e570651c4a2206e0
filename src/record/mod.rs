//! The record: what remains of a request when it is over.
//!
//! Plain data behind methods: one compact buffer inside, units in the method names, no I/O, no clock. A record is made
//! by the layer and handed to [exporters](crate::exporter); everything that reads one reads it through these methods.

mod class;
mod group;
mod id;
mod kept;
mod loss;
mod outcome;
mod own;
pub(crate) mod parts;
mod resource;
pub(crate) mod threshold;
mod view;
mod vitals;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use self::class::ErrorClass;
pub use self::group::GroupId;
pub use self::id::{Hex, RequestIdSource, SpanId, TraceFlags, TraceId};
pub(crate) use self::id::{hex_pair, parse_hex};
pub use self::kept::Kept;
pub use self::loss::{Losses, Reason};
pub use self::outcome::Outcome;
pub(crate) use self::own::{is_carrier, is_own_file};
use self::parts::{Parts, Side};
pub use self::resource::Resource;
pub use self::view::{Body, Cause, Event, Failure, FailureKind, Field, Frame, Header, Redaction, Span, SpanKind, Value};
pub(crate) use self::view::{present, severity_number, without_hash};
pub use self::vitals::Vitals;

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request, from its head to the end of its response.
    #[default]
    Request,
    /// One event outside any request, such as a message at start-up.
    Event,
    /// One span outside any request, such as a background job.
    Span,
    /// A copy of one event of a request that is still running, for those who show events at once. The same event comes
    /// again inside the request's own record.
    Live,
    /// A report about a request that is still running: what is known of it so far. It is counted nowhere, only the store and
    /// whoever shows events at once are given it, and the request's own record follows.
    Partial,
}

impl Kind {
    /// Whether it only tells ahead what a record will tell again.
    pub(crate) const fn is_ahead(self) -> bool {
        matches!(self, Self::Live | Self::Partial)
    }
}

/// A finished record.
///
/// # Shape
/// One request with everything that happened inside it, or one event or span outside any request
/// ([`kind`](Self::kind)). Of the latter two, the event or span is the first of [`events`](Self::events) or
/// [`spans`](Self::spans), and everything about a request is absent.
#[derive(Clone)]
pub struct Record {
    parts: Box<Parts>,
}

impl Record {
    pub(crate) const fn new(parts: Box<Parts>) -> Self {
        Self { parts }
    }

    #[cfg(any(feature = "store", test))]
    pub(crate) const fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn charged_bytes(&self) -> usize {
        self.parts.charged_bytes
    }

    pub(crate) const fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }

    pub(crate) fn into_parts(self) -> Box<Parts> {
        self.parts
    }

    fn text(&self, text: Option<parts::Text>) -> Option<&str> {
        text.map(|text| self.parts.str(text))
    }

    /// What the record is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.parts.kind
    }

    /// Number of the record in this process, from 1, without gaps.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.parts.sequence
    }

    /// The trace that the record belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        Some(self.parts.trace_id).filter(|id| id.is_valid())
    }

    /// The request's own server span; of a record outside any request, the span that it belongs to.
    ///
    /// Always random and made here, so it is also the record's name for people: see [`SpanId::to_short`].
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.parts.span_id
    }

    /// The caller's span.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        Some(self.parts.parent_span_id).filter(|id| id.is_valid())
    }

    /// Whether the parent span came in with the request.
    #[must_use]
    pub fn parent_is_remote(&self) -> bool {
        self.parts.parent_is_remote
    }

    /// The flags of the trace context.
    #[must_use]
    pub fn trace_flags(&self) -> TraceFlags {
        self.parts.trace_flags
    }

    /// The `tracestate` that came in, as it is passed on; empty when there was none.
    #[must_use]
    pub fn trace_state(&self) -> &str {
        self.parts.str(self.parts.trace_state)
    }

    /// The request id: the caller's or our own.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.parts.str(self.parts.request_id)
    }

    /// Where the request id came from.
    #[must_use]
    pub fn request_id_source(&self) -> RequestIdSource {
        self.parts.request_id_source
    }

    /// What the caller sent for a request id where that was not taken, cut and in a form that does no harm.
    #[must_use]
    pub fn inbound_request_id(&self) -> Option<&str> {
        self.text(self.parts.inbound_request_id)
    }

    /// The caller's trace and span, where the settings had a new trace begun.
    #[must_use]
    pub fn linked_span(&self) -> Option<(TraceId, SpanId, TraceFlags)> {
        self.parts.link.map(|link| (link.trace_id, link.span_id, link.trace_flags))
    }

    /// When it began, in nanoseconds since 1970.
    #[must_use]
    pub fn start_unix_ns(&self) -> u64 {
        self.parts.start_unix_ns
    }

    /// When it ended, in nanoseconds since 1970: start plus [`duration_ns`](Self::duration_ns).
    #[must_use]
    pub fn end_unix_ns(&self) -> u64 {
        self.parts.start_unix_ns.saturating_add(self.parts.duration_ns)
    }

    /// From the request's arrival to the end of the response's body, in nanoseconds, by the monotonic clock.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.parts.duration_ns
    }

    /// From the request's arrival to the response's head, in nanoseconds.
    #[must_use]
    pub fn head_ns(&self) -> Option<u64> {
        self.parts.head_ns
    }

    /// From the request's arrival to the first byte of the response's body, in nanoseconds; the head where there is no body.
    #[must_use]
    pub fn time_to_first_byte_ns(&self) -> Option<u64> {
        self.parts.first_byte_ns.or(self.parts.head_ns)
    }

    /// The method as it was sent.
    #[must_use]
    pub fn method(&self) -> &str {
        self.parts.str(self.parts.method)
    }

    /// The method, where it is one of those that the settings know; any other could be made up by a client.
    #[must_use]
    pub fn known_method(&self) -> Option<&str> {
        (!self.parts.has_unknown_method).then(|| self.method())
    }

    /// The matched route template, such as `/orders/{id}`.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.text(self.parts.route)
    }

    /// The path as it was sent, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.str(self.parts.path)
    }

    /// The query without `?`, values of secret keys replaced.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.text(self.parts.query)
    }

    /// `http` or `https`, where it is known.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.parts.str(self.parts.scheme)
    }

    /// The host that the request named, without its port.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.text(self.parts.host)
    }

    /// The port that the request named.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// Scheme, host and port that the request was sent to, such as `http://localhost:3000`; `localhost` where it named none.
    ///
    /// # Source
    /// RFC 6454, section 6.2.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.scheme() == "https" { "https" } else { "http" };
        let host = self.host().unwrap_or("localhost");
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// `1.0`, `1.1`, `2` or `3`.
    #[must_use]
    pub fn protocol_version(&self) -> &str {
        self.parts.str(self.parts.protocol_version)
    }

    /// The other end of the connection, where the server told it.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.parts.peer
    }

    /// Who asked: what a trusted proxy told, else the other end of the connection.
    #[must_use]
    pub fn client_address(&self) -> Option<IpAddr> {
        self.parts.client.or_else(|| self.parts.peer.map(|peer| peer.ip().to_canonical()))
    }

    /// The port that goes with [`client_address`](Self::client_address), where it is known.
    #[must_use]
    pub fn client_port(&self) -> Option<u16> {
        if self.parts.client.is_some() { self.parts.client_port } else { self.parts.peer.map(|peer| peer.port()) }
    }

    /// Which health checker or probe sent it, such as `kube-probe`.
    #[must_use]
    pub fn probe(&self) -> Option<&str> {
        self.text(self.parts.probe)
    }

    /// The `user-agent`.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.text(self.parts.user_agent)
    }

    /// The status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.parts.status
    }

    /// Whether the request is gRPC: by its content type, and by that of the answer where there is one.
    #[must_use]
    pub fn is_rpc(&self) -> bool {
        self.parts.is_rpc
    }

    /// The method of gRPC, `package.Service/Method`, where the server knew it: any other could be made up by a client.
    #[must_use]
    pub fn rpc_method(&self) -> Option<&str> {
        const UNIMPLEMENTED: u8 = 12;
        let method = self.path().strip_prefix('/').unwrap_or(self.path());
        Some(method).filter(|method| self.is_rpc() && self.rpc_status() != Some(UNIMPLEMENTED) && !method.is_empty())
    }

    /// The gRPC status code: from the trailers, or from a head without body. `UNKNOWN`, as to the caller, where an answer
    /// ended without one; `DEADLINE_EXCEEDED` where the caller's deadline was over before there was one.
    #[must_use]
    pub fn rpc_status(&self) -> Option<u8> {
        self.parts.rpc_status
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.parts.outcome
    }

    /// Bytes of the request's body that the service read; `None` where the body was not followed.
    #[must_use]
    pub fn request_body_bytes(&self) -> Option<u64> {
        self.parts.request_bytes
    }

    /// Bytes of the response's body that were handed on.
    #[must_use]
    pub fn response_body_bytes(&self) -> u64 {
        self.parts.response_bytes
    }

    /// What was kept of the request's body; `None` where bodies are not captured.
    #[must_use]
    pub fn request_body(&self) -> Option<Body<'_>> {
        let seen_bytes = self.parts.request_bytes.unwrap_or_default();
        self.parts.request_body.as_ref().map(|slot| Body::new(&self.parts, slot, seen_bytes))
    }

    /// What was kept of the response's body; `None` where bodies are not captured.
    #[must_use]
    pub fn response_body(&self) -> Option<Body<'_>> {
        self.parts.response_body.as_ref().map(|slot| Body::new(&self.parts, slot, self.parts.response_bytes))
    }

    /// Whole messages of gRPC that the service read.
    #[must_use]
    pub fn rpc_request_messages(&self) -> Option<u32> {
        self.parts.rpc_request_messages.filter(|_| self.is_rpc())
    }

    /// Whole messages of gRPC that were handed on.
    #[must_use]
    pub fn rpc_response_messages(&self) -> Option<u32> {
        self.parts.rpc_response_messages
    }

    /// What was taken out of the record, and why; at most 128.
    pub fn redactions(&self) -> impl ExactSizeIterator<Item = Redaction<'_>> + Clone {
        self.parts.redactions.iter().map(|slot| Redaction::new(&self.parts, slot))
    }

    /// Headers of the request, in order.
    pub fn request_headers(&self) -> impl Iterator<Item = Header<'_>> + Clone {
        self.headers(Side::Request)
    }

    /// Headers of the response, in order.
    pub fn response_headers(&self) -> impl Iterator<Item = Header<'_>> + Clone {
        self.headers(Side::Response)
    }

    /// Trailers of the response, in order.
    pub fn trailers(&self) -> impl Iterator<Item = Header<'_>> + Clone {
        self.headers(Side::Trailer)
    }

    fn headers(&self, side: Side) -> impl Iterator<Item = Header<'_>> + Clone {
        self.parts.headers.iter().map(|slot| Header::new(&self.parts, slot)).filter(move |header| header.is_on(side))
    }

    /// Attributes that the application set, such as `user.id`.
    pub fn attributes(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.parts.list(self.parts.attributes).map(|slot| Field::new(&self.parts, slot))
    }

    /// The value of one attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Value<'_>> {
        self.attributes().find(|field| field.name() == name).map(|field| field.value())
    }

    /// The spans inside it, in the order in which they began.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = Span<'_>> + Clone {
        self.parts.spans.iter().map(|slot| Span::new(&self.parts, slot))
    }

    /// The events inside it, in the order in which they arrived.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> + Clone {
        self.parts.events.iter().map(|slot| Event::new(&self.parts, slot))
    }

    /// What went wrong, in the order in which it was reported.
    pub fn failures(&self) -> impl ExactSizeIterator<Item = Failure<'_>> + Clone {
        self.parts.failures.iter().map(|slot| Failure::new(&self.parts, slot))
    }

    /// The failure that tells most: a panic, else the first one that more than a line of the log tells of, else the first.
    #[must_use]
    pub fn failure(&self) -> Option<Failure<'_>> {
        let first_of = |is_it: fn(FailureKind) -> bool| self.failures().find(|failure| is_it(failure.kind()));
        first_of(|kind| kind == FailureKind::Panic)
            .or_else(|| first_of(|kind| kind != FailureKind::Logged))
            .or_else(|| self.failures().next())
    }

    /// The failures that are exceptions: not those that merely stand for the status of an answer that is no failure, such as
    /// the reason of a 422.
    ///
    /// # Source
    /// OpenTelemetry semantic conventions 1.44.0, exceptions.
    pub fn exceptions(&self) -> impl Iterator<Item = Failure<'_>> + Clone {
        let is_refused = self.parts.status.is_some_and(|status| (300..500).contains(&status))
            || self.parts.rpc_status.is_some_and(|code| code != 0);
        let stand_alone = self.is_failed() || !is_refused;
        self.failures().filter(move |failure| {
            stand_alone || matches!(failure.kind(), FailureKind::Panic | FailureKind::Body | FailureKind::Logged)
        })
    }

    /// Whether something went wrong that somebody has to look at, whatever was answered.
    pub(crate) fn has_exception(&self) -> bool {
        self.is_failed() || self.exceptions().next().is_some()
    }

    /// Why the request counts as failed, as a word or type name of low cardinality; `None` when it did not fail.
    ///
    /// # Source
    /// OpenTelemetry semantic conventions 1.44.0, `error.type`: on the server's side a 4xx is not an error.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        if !self.is_failed() {
            return None;
        }
        let is_unbroken = !matches!(self.parts.outcome, Outcome::Failed | Outcome::Panicked | Outcome::BodyError);
        if let Some(code) = self.parts.rpc_status.filter(|code| is_unbroken && self.is_rpc_failure(*code)) {
            return Some(rpc_code(code));
        }
        if let Some(name) = self.failure().and_then(|failure| failure.type_name()) {
            return Some(name);
        }
        let own = match self.parts.outcome {
            Outcome::Panicked => "panic",
            Outcome::BodyError => "body_error",
            Outcome::ClientGoneBeforeHead | Outcome::ClientGoneMidBody => "cancelled",
            Outcome::Failed => "_OTHER",
            Outcome::Answered | Outcome::Upgraded => self.parts.status.and_then(error_status).unwrap_or("_OTHER"),
        };
        Some(own)
    }

    /// Whether the request failed on the server's side: no proper end, a 5xx, or a gRPC code that counts as a server error.
    /// With [`client_errors`](crate::Builder::client_errors), also by a 4xx and by every other code.
    ///
    /// A client that went away is not a failure of the server, unless its gRPC deadline had passed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        match self.parts.outcome {
            Outcome::Failed | Outcome::Panicked | Outcome::BodyError => true,
            Outcome::ClientGoneBeforeHead | Outcome::ClientGoneMidBody => {
                self.parts.rpc_status.is_some_and(|code| self.is_rpc_failure(code))
            }
            Outcome::Answered | Outcome::Upgraded => {
                let least = if self.parts.counts_client_errors { FIRST_ERROR } else { 500 };
                let is_error = self.parts.status.is_some_and(|status| status >= least);
                is_error || self.parts.rpc_status.is_some_and(|code| self.is_rpc_failure(code))
            }
        }
    }

    fn is_rpc_failure(&self, code: u8) -> bool {
        is_rpc_failure(code, self.parts.counts_client_errors)
    }

    /// Why it holds all that was captured; `None` where it is only the summary, without what was captured in detail.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        self.parts.kept
    }

    pub(crate) fn is_sampled_in_vain(&self) -> bool {
        self.parts.is_sampled_in_vain
    }

    /// Whether the application asked for its detail, with [`keep`](crate::keep).
    #[must_use]
    pub fn is_flagged(&self) -> bool {
        self.parts.is_flagged
    }

    /// How many requests this one stands for among those whose detail was kept: 20 where one in 20 is, and 1 where every
    /// request like it is.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.parts.weight.unwrap_or(1.0)
    }

    /// Requests that were in flight when it arrived, itself included.
    #[must_use]
    pub fn in_flight(&self) -> Option<u32> {
        self.parts.in_flight
    }

    /// Requests of its route that were in flight when it arrived, itself included; known where the route was.
    #[must_use]
    pub fn in_flight_on_route(&self) -> Option<u32> {
        self.parts.in_flight_on_route
    }

    /// What the process looked like when it met trouble ([`error_class`](Self::error_class)).
    #[must_use]
    pub fn vitals(&self) -> Option<Vitals> {
        self.parts.vitals
    }

    /// The group of failures with the same cause that it belongs to.
    #[must_use]
    pub fn group(&self) -> Option<GroupId> {
        self.parts.group
    }

    /// The group, where this failure is the one that made the record belong to it.
    #[cfg(any(feature = "console", feature = "otlp"))]
    pub(crate) fn group_of(&self, failure: &Failure<'_>) -> Option<GroupId> {
        let is_main = |main: Failure<'_>| (main.kind(), main.time_ns()) == (failure.kind(), failure.time_ns());
        self.group().filter(|_| self.failure().is_some_and(is_main))
    }

    /// The name that the application gave to its group of failures, in place of what they have in common.
    #[must_use]
    pub fn group_key(&self) -> Option<&str> {
        present(self.parts.str(self.parts.group_key))
    }

    /// Number of a report about a running request, from 0 for the first; `None` on a finished record.
    #[must_use]
    pub fn report(&self) -> Option<u32> {
        self.parts.report
    }

    /// Whether a report is worth a line on the console.
    #[cfg(feature = "console")]
    pub(crate) fn is_shown(&self) -> bool {
        self.parts.is_shown
    }

    /// Headers, fields, spans and events that were left out because the record was full.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        Dropped {
            headers: self.parts.dropped_headers,
            fields: self.parts.dropped_fields,
            spans: self.parts.dropped_spans,
            events: self.parts.dropped_events,
            failures: self.parts.dropped_failures,
            thinned: self.parts.thinned,
        }
    }

    /// Memory that the record takes, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.parts.size_bytes()
    }
}

/// What one record had no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Headers beyond 64 in one direction.
    pub headers: u32,
    /// Fields and attributes beyond 128 of one owner.
    pub fields: u32,
    /// Spans beyond 512 for which no earlier one could give way: those were open, or of outgoing requests.
    pub spans: u32,
    /// Events for which no earlier ones could give way: beyond the 1 MiB of a record that other things fill, or beyond the
    /// memory that all requests share.
    pub events: u32,
    /// Failures beyond 16.
    pub failures: u32,
    /// Events and spans that were captured and gave way: to later ones beyond 2,048 events, 512 spans, 1 MiB or the record's
    /// share of the memory of all; and all of them where only the summary was kept.
    pub thinned: u32,
}

/// Whether a gRPC status code counts as an error: of the server, or of anybody.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, gRPC server spans.
pub(crate) const fn is_rpc_failure(code: u8, counts_client_errors: bool) -> bool {
    matches!(code, 2 | 4 | 12..=15) || (counts_client_errors && code != 0)
}

/// The name of a gRPC status code.
#[must_use]
pub fn rpc_code(code: u8) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

/// A status from 400 on as text.
fn error_status(status: u16) -> Option<&'static str> {
    static DIGITS: [u8; 3 * ERRORS] = digits();
    let start = 3 * usize::from(status.checked_sub(FIRST_ERROR)?);
    std::str::from_utf8(DIGITS.get(start..start + 3)?).ok()
}

const FIRST_ERROR: u16 = 400;
/// Up to 999, where the codes of HTTP end.
const ERRORS: usize = 600;

/// All these codes, one behind the other.
#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const fn digits() -> [u8; 3 * ERRORS] {
    let (mut digits, mut index) = ([b'0'; 3 * ERRORS], 0);
    while index < ERRORS {
        let code = FIRST_ERROR as usize + index;
        digits[3 * index] += (code / 100) as u8;
        digits[3 * index + 1] += (code / 10 % 10) as u8;
        digits[3 * index + 2] += (code % 10) as u8;
        index += 1;
    }
    digits
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("kind", &self.kind())
            .field("id", &self.span_id().to_short())
            .field("method", &self.method())
            .field("path", &self.path())
            .field("status", &self.status())
            .field("outcome", &self.outcome())
            .field("spans", &self.spans().len())
            .field("events", &self.events().len())
            .finish_non_exhaustive()
    }
}

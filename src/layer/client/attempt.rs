//! One attempt, from its call to the end of its response: ends exactly once, and says how.

use std::fmt;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;

use super::head::{self, field, number};
use crate::capture::{OutgoingCall, rpc_status};
use crate::layer::{Shared, head as heads};
use crate::record::parts::{Parts, Slot, SpanSlot, Text};
use crate::record::rpc_code;

/// The span of an attempt in the hands of its future or body.
#[derive(Debug)]
pub(super) struct Attempt {
    /// None once it has ended.
    call: Option<OutgoingCall>,
    /// Keeps the telemetry open until the response is over.
    shared: Arc<Shared>,
    method: Method,
    authority: Option<Authority>,
    is_rpc: bool,
    status: Option<StatusCode>,
    rpc_status: Option<u8>,
    response_bytes: u64,
}

impl Attempt {
    /// Opens the span of a request, and puts its identity into the request's headers.
    pub(super) fn begin<B>(shared: &Arc<Shared>, request: &mut Request<B>) -> Self {
        let known = shared.heads.known_methods.as_deref();
        let call = OutgoingCall::begin(&shared.hub, |parts, fields| head::request(parts, fields, request, known));
        let (method, authority) = (request.method().clone(), request.uri().authority().cloned());
        let is_rpc = head::is_rpc(request.headers());
        call.inject(request.headers_mut());
        Self {
            call: Some(call),
            shared: Arc::clone(shared),
            method,
            authority,
            is_rpc,
            status: None,
            rpc_status: None,
            response_bytes: 0,
        }
    }

    /// Runs `f` inside the span.
    pub(super) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.call {
            Some(call) => call.within(f),
            None => f(),
        }
    }

    /// The head has arrived; gives the attempt back where a body follows.
    pub(super) fn answered<R: Body>(mut self, response: &Response<R>) -> Option<Self> {
        let (status, version) = (response.status(), heads::version(response.version()));
        self.status = Some(status);
        if self.is_rpc {
            self.rpc_status = rpc_status(response.headers());
        }
        let is_http = !self.is_rpc || (self.rpc_status.is_none() && status != StatusCode::OK);
        if let Some(call) = &mut self.call {
            call.note(|parts, span| {
                if is_http {
                    number(parts, &mut span.fields, "http.response.status_code", status.as_u16().into());
                }
                field(parts, &mut span.fields, "network.protocol.version", Slot::Text(Text::Static(version)));
            });
        }
        if heads::is_upgrade(self.method.as_str(), status) {
            self.end(None, false);
            return None;
        }
        if response.body().is_end_stream() {
            let has_body = !heads::is_bodiless(self.method.as_str(), status);
            self.end(None, has_body);
            return None;
        }
        Some(self)
    }

    /// Counts bytes of the response's body.
    pub(super) const fn saw_bytes(&mut self, bytes: u64) {
        self.response_bytes = self.response_bytes.saturating_add(bytes);
    }

    pub(super) fn saw_trailers(&mut self, trailers: &HeaderMap) {
        if self.is_rpc {
            self.rpc_status = rpc_status(trailers).or(self.rpc_status);
        }
    }

    /// The body has come to its end.
    pub(super) fn finished(mut self) {
        let has_body = self.status.is_some_and(|status| !heads::is_bodiless(self.method.as_str(), status));
        self.end(None, has_body);
    }

    /// There was no response, or its body broke off.
    pub(super) fn failed<E: fmt::Display + 'static>(mut self, error: &E) {
        // Without what stands before an `@`: credentials.
        let place = self.authority.as_ref().map_or("", Authority::as_str);
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let space = if place.is_empty() { "" } else { " " };
        let what = if self.status.is_some() { ": the response broke off" } else { " failed" };
        let message = format_args!("{}{space}{place}{what}", self.method);
        let error_type = self.call.as_ref().map(|call| call.exception(error, message));
        self.end(error_type, false);
    }

    /// The client panicked; the caller lets the panic go on.
    pub(super) fn panicked(mut self) {
        self.end(Some("panic"), false);
    }

    /// Ends the span. `error` is what went wrong beyond what the status says.
    fn end(&mut self, error: Option<&'static str>, is_whole: bool) {
        let Some(call) = self.call.take() else { return };
        let (status, bytes) = (self.status, self.response_bytes);
        let rpc_status = self.rpc_outcome(is_whole);
        call.end(|parts, span| {
            if is_whole && !self.is_rpc {
                number(parts, &mut span.fields, "http.response.body.size", bytes);
            }
            if let Some(code) = rpc_status {
                field(parts, &mut span.fields, "rpc.response.status_code", Slot::Text(Text::Static(rpc_code(code))));
            }
            set_error(parts, span, (error, status.filter(|_| !self.is_rpc), rpc_status));
        });
    }

    /// The code of gRPC, or what the lack of one means.
    ///
    /// # Source
    /// gRPC over HTTP/2, "HTTP to gRPC Status Code Mapping": a response without one has that of its HTTP status.
    fn rpc_outcome(&self, is_whole: bool) -> Option<u8> {
        let status = self.status.filter(|_| self.is_rpc)?;
        self.rpc_status.or_else(|| {
            is_whole.then_some(match status.as_u16() {
                400 => 13,
                401 => 16,
                403 => 7,
                404 => 12,
                429 | 502..=504 => 14,
                _ => 2,
            })
        })
    }
}

/// The status first, as an error of the body behind it says less; a cancelled attempt has no error.
fn set_error(parts: &mut Parts, span: &mut SpanSlot, why: (Option<&'static str>, Option<StatusCode>, Option<u8>)) {
    let (error, status, rpc_status) = why;
    if let Some(status) = status.filter(|status| status.as_u16() >= 400) {
        span.error = parts.push_text(status.as_str(), 3);
    } else if let Some(code) = rpc_status.filter(|code| *code != 0) {
        span.error = Text::Static(rpc_code(code));
    } else if let Some(error) = error {
        span.error = Text::Static(error);
    }
}

impl Drop for Attempt {
    /// Whoever waited for it let go of it.
    fn drop(&mut self) {
        self.end(None, false);
        Shared::request_over(&self.shared);
    }
}

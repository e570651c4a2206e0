//! What every line says of an outgoing request: whom it asked, and how that ended.

use std::fmt;

use crate::record::{Span, Value};

/// `GET http://stock.example/items 503`; of gRPC the method's full name and the code.
pub(super) struct Call<'a>(pub(super) Span<'a>);

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(span) = self;
        match (span.field("url.full"), span.field("http.request.method_original").or(span.field("http.request.method"))) {
            (Some(url), Some(method)) => write!(f, "{method} {url}")?,
            _ => f.write_str(span.name())?,
        }
        match ending(span) {
            Some(code) => write!(f, " {code}"),
            None => write!(f, " {}", without_status(span)),
        }
    }
}

/// The status that came back.
fn ending<'a>(span: &Span<'a>) -> Option<Value<'a>> {
    span.field("rpc.response.status_code").or(span.field("http.response.status_code"))
}

/// Why there is no status.
fn without_status<'a>(span: &Span<'a>) -> &'a str {
    match span.error_type() {
        Some(error) => error,
        None if span.is_finished() => "cancelled",
        None => "unfinished",
    }
}

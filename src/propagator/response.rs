//! The trace in an answer.

use http::HeaderMap;
use http::header::HeaderName;

use super::value::short;
use super::w3c;
use crate::record::{SpanId, TraceFlags, TraceId};

static TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");
static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How the trace is told in answers, for callers that did not begin it.
///
/// # Default
/// [`Off`](Self::Off).
///
/// # Source
/// W3C Trace Context, editor's draft, "Returning trace context": `traceresponse: 00-{trace}-{span}-{flags}` of earlier
/// drafts, `server-timing: trace;desc=00-{trace}-{span}-{flags}` of the newest, which scripts of a page can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TraceResponse {
    /// Not at all.
    #[default]
    Off,
    /// In `traceresponse`, unless the service has set it.
    Header,
    /// In one more `server-timing`.
    ServerTiming,
    /// In both.
    Both,
}

impl TraceResponse {
    /// Adds to the headers of an answer; what the service has set stays.
    pub(crate) fn write(self, trace_id: TraceId, span_id: SpanId, flags: TraceFlags, headers: &mut HeaderMap) {
        if self == Self::Off {
            return;
        }
        let value = w3c::traceparent(trace_id, span_id, flags);
        if matches!(self, Self::ServerTiming | Self::Both)
            && let Some(timing) = short(format_args!("trace;desc={}", value.to_str().unwrap_or_default()))
        {
            // A map that is full to its limit stays as it is.
            let _ = headers.try_append(&SERVER_TIMING, timing);
        }
        if matches!(self, Self::Header | Self::Both)
            && let Ok(entry) = headers.try_entry(&TRACERESPONSE)
        {
            let _ = entry.or_try_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagator::tests::headers;

    #[test]
    fn an_answer_tells_the_trace_where_it_is_asked_to_and_overwrites_nothing() {
        let told = |how: TraceResponse, before: &[(&str, &str)]| {
            let mut map = headers(before);
            how.write(TraceId([1; 16]), SpanId([2; 8]), TraceFlags(3), &mut map);
            map
        };
        let value = "00-01010101010101010101010101010101-0202020202020202-03";
        let (own, timing) = (("traceresponse", value), ("server-timing", format!("trace;desc={value}")));
        let timing = (timing.0, timing.1.as_str());
        assert!(told(TraceResponse::Off, &[]).is_empty());
        assert_eq!(told(TraceResponse::Header, &[]), headers(&[own]));
        assert_eq!(told(TraceResponse::ServerTiming, &[]), headers(&[timing]));
        assert_eq!(told(TraceResponse::Both, &[]), headers(&[own, timing]));
        let set = [("traceresponse", "its own"), ("server-timing", "db;dur=53")];
        assert_eq!(told(TraceResponse::Both, &set), headers(&[set[0], set[1], timing]));
    }
}

//! `X-Amzn-Trace-Id` of AWS: `Root=1-{8 digits}-{24 digits};Parent={span};Sampled={0, 1 or ?}`, in any order.
//!
//! A load balancer makes the root and names no span: then its trace is continued, and the request has no parent in it.
//! `Self` (the load balancer's own) and `Lineage` are not used.
//!
//! # Source
//! AWS X-Ray, "Tracing header"; Application Load Balancer, "Request tracing".

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{only, set, span_id, split_once, trace_id, trim};
use super::{Outgoing, Remote};
use crate::record::TraceId;

static X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Room for all fields that AWS documents, and for some that callers add to the root.
const MAX_BYTES: usize = 512;

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    let value = only(headers, &X_AMZN_TRACE_ID)?;
    if value.len() > MAX_BYTES {
        return None;
    }
    let (mut trace, mut span, mut is_sampled) = (None, None, None);
    for field in value.split(|byte| *byte == b';') {
        let Some((name, value)) = split_once(field, b'=') else { continue };
        match (trim(name), trim(value)) {
            (b"Root", value) => trace = Some(root(value)?),
            (b"Parent", value) => span = Some(span_id(value)?),
            (b"Sampled", b"1") => is_sampled = Some(true),
            (b"Sampled", b"0") => is_sampled = Some(false),
            _ => {}
        }
    }
    Some(Remote::new(trace?, span, is_sampled))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let (trace, span) = (outgoing.trace_id.to_hex(), outgoing.span_id);
    let (time, random) = trace.as_str().split_at_checked(TIME_DIGITS).unwrap_or_default();
    let sampled = u8::from(outgoing.flags.is_sampled());
    set(headers, &X_AMZN_TRACE_ID, format_args!("Root=1-{time}-{random};Parent={span};Sampled={sampled}"));
}

/// Digits of the time, in seconds, that the trace began; the rest is random.
const TIME_DIGITS: usize = 8;

/// `1-{8 digits}-{24 digits}`.
fn root(value: &[u8]) -> Option<TraceId> {
    let (time, random) = value.strip_prefix(b"1-")?.split_first_chunk::<TIME_DIGITS>()?;
    let random: &[u8; 24] = random.strip_prefix(b"-")?.try_into().ok()?;
    let mut digits = [0; 32];
    let (first, rest) = digits.split_at_mut_checked(TIME_DIGITS)?;
    first.copy_from_slice(time);
    rest.copy_from_slice(random);
    trace_id(&digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::read_as;

    fn of(value: &str) -> Option<(String, Option<String>, Option<bool>)> {
        read_as(read, &[("X-Amzn-Trace-Id", value)])
    }

    #[test]
    fn the_examples_of_the_documentation_are_read() {
        let trace = "5759e988bd862e3fe1be46a994272793";
        let parent = Some("53995c3f42cd8ad8".to_owned());
        for (value, parent, sampled) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", None, Some(true)),
            ("Root=1-5759e988-bd862e3fe1be46a994272793", None, None),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", parent.clone(), Some(true)),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", parent.clone(), Some(false)),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?", parent.clone(), None),
            ("Sampled=1; Parent=53995c3f42cd8ad8 ;Root=1-5759e988-bd862e3fe1be46a994272793", parent.clone(), Some(true)),
            ("Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793", None, None),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Lineage=a87bd80c:0|68fd508a:5", parent, None),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;CalledFrom=app;;x", None, None),
        ] {
            assert_eq!(of(value), Some((trace.into(), parent, sampled)), "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("Root=1-5759e988-bd862e3fe1be46a994272793;{}", "x".repeat(60_000));
        for value in [
            "",
            "Sampled=1",
            "Self=1-5759e988-bd862e3fe1be46a994272793",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988-bd862e3fe1be46a9942727933",
            "Root=1-5759e98-8bd862e3fe1be46a994272793",
            "Root=1-5759E988-bd862e3fe1be46a994272793",
            "Root=1-00000000-000000000000000000000000",
            "Root=5759e988bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad",
            &long,
        ] {
            assert_eq!(of(value), None, "{value:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", fields in "(Root=|1-|[0-9a-f]{8}-|;|Parent=|Sampled=){0,9}") {
            for text in [&value, &fields] {
                prop_assert!(of(text).is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

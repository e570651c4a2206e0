//! `X-Cloud-Trace-Context` of Google Cloud: `{trace}/{span in decimal};o={1 or 0}`, of which only the trace is always there.
//!
//! # Source
//! Google Cloud Trace documentation, "Legacy header"; span 0 is that of the first request, which has no parent.

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{decimal, only, set, trace_id};
use super::{Outgoing, Remote};
use crate::record::SpanId;

static X_CLOUD_TRACE_CONTEXT: HeaderName = HeaderName::from_static("x-cloud-trace-context");

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    let (trace, rest) = only(headers, &X_CLOUD_TRACE_CONTEXT)?.split_first_chunk::<32>()?;
    let (rest, is_sampled) = if let Some(before) = rest.strip_suffix(b";o=1") {
        (before, Some(true))
    } else if let Some(before) = rest.strip_suffix(b";o=0") {
        (before, Some(false))
    } else {
        (rest, None)
    };
    let span = match rest.split_first() {
        None => 0,
        Some((b'/', digits)) => decimal(digits)?,
        Some(_) => return None,
    };
    Some(Remote::new(trace_id(trace)?, Some(SpanId(span.to_be_bytes())).filter(|id| id.is_valid()), is_sampled))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let (trace, span) = (outgoing.trace_id, u64::from_be_bytes(outgoing.span_id.0));
    set(headers, &X_CLOUD_TRACE_CONTEXT, format_args!("{trace}/{span};o={}", u8::from(outgoing.flags.is_sampled())));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::read_as;

    fn of(value: &str) -> Option<(String, Option<String>, Option<bool>)> {
        read_as(read, &[("X-Cloud-Trace-Context", value)])
    }

    #[test]
    fn span_and_decision_may_be_absent() {
        let trace = "105445aa7843bc8bf206b12000100000";
        let span = Some("0000000000000001".to_owned());
        for (value, span, sampled) in [
            ("105445aa7843bc8bf206b12000100000/1;o=1", span.clone(), Some(true)),
            ("105445aa7843bc8bf206b12000100000/1;o=0", span.clone(), Some(false)),
            ("105445aa7843bc8bf206b12000100000/1", span, None),
            ("105445aa7843bc8bf206b12000100000/0;o=1", None, Some(true)),
            ("105445aa7843bc8bf206b12000100000;o=1", None, Some(true)),
            ("105445aa7843bc8bf206b12000100000", None, None),
            ("105445aa7843bc8bf206b12000100000/18446744073709551615", Some("f".repeat(16)), None),
        ] {
            assert_eq!(of(value), Some((trace.into(), span, sampled)), "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("105445aa7843bc8bf206b12000100000/{}", "1".repeat(60_000));
        for value in [
            "",
            "105445aa7843bc8b/1;o=1",
            "105445aa7843bc8bf206b12000100000/",
            "105445aa7843bc8bf206b12000100000/;o=1",
            "105445aa7843bc8bf206b12000100000/x;o=1",
            "105445aa7843bc8bf206b12000100000/1;o=2",
            "105445aa7843bc8bf206b12000100000/1;o=1;o=1",
            "105445aa7843bc8bf206b12000100000/18446744073709551616",
            "105445aa7843bc8bf206b120001000001/1",
            "105445AA7843BC8BF206B12000100000/1",
            "00000000000000000000000000000000/1;o=1",
            &long,
        ] {
            assert_eq!(of(value), None, "{value:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", hex in "[0-9a-f]{32}/?[0-9]{0,22}(;o=[01])?") {
            for text in [&value, &hex] {
                prop_assert!(of(text).is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

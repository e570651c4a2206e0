//! `sentry-trace`: `{trace}-{span}` or `{trace}-{span}-{sampled}`.
//!
//! Without the last part the caller leaves the decision to us. Sentry's dynamic sampling context travels in `baggage`.
//!
//! # Source
//! Sentry's SDK documentation, "Distributed tracing", header `sentry-trace`.

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{only, set, span_id, trace_id};
use super::{Outgoing, Remote};

static SENTRY_TRACE: HeaderName = HeaderName::from_static("sentry-trace");

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    let (trace, rest) = only(headers, &SENTRY_TRACE)?.split_first_chunk::<32>()?;
    let (span, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let is_sampled = match rest {
        b"" => None,
        b"-1" => Some(true),
        b"-0" => Some(false),
        _ => return None,
    };
    Some(Remote::new(trace_id(trace)?, Some(span_id(span)?), is_sampled))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let Outgoing { trace_id, span_id, .. } = outgoing;
    set(headers, &SENTRY_TRACE, format_args!("{trace_id}-{span_id}-{}", u8::from(outgoing.flags.is_sampled())));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::read_as;

    fn of(value: &str) -> Option<(String, Option<String>, Option<bool>)> {
        read_as(read, &[("sentry-trace", value)])
    }

    #[test]
    fn the_decision_may_be_left_to_us() {
        let (trace, span) = ("bc6d53f15eb88f4320054569b8c553d4", "b72fa28504b07285");
        for (value, sampled) in [
            ("bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285-1", Some(true)),
            ("bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285-0", Some(false)),
            (" bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285\t", None),
        ] {
            assert_eq!(of(value), Some((trace.into(), Some(span.into()), sampled)), "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "0".repeat(60_000);
        for value in [
            "",
            "bc6d53f15eb88f4320054569b8c553d4",
            "bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285-",
            "bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285-2",
            "bc6d53f15eb88f4320054569b8c553d4-b72fa28504b07285-11",
            "BC6D53F15EB88F4320054569B8C553D4-b72fa28504b07285-1",
            "00000000000000000000000000000000-b72fa28504b07285-1",
            "bc6d53f15eb88f4320054569b8c553d4-0000000000000000-1",
            "bc6d53f15eb88f43-b72fa28504b07285-1",
            &long,
        ] {
            assert_eq!(of(value), None, "{value:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", hex in "[0-9a-f]{32}-[0-9a-f-]{0,20}") {
            for text in [&value, &hex] {
                prop_assert!(of(text).is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

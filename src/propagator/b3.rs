//! B3 of Zipkin, in one header or in several.
//!
//! A decision without ids (`b3: 0`) is not followed: there is no trace that it could be about. The debug flag is a
//! decision for sampling, and goes on as that.
//!
//! # Source
//! `github.com/openzipkin/b3-propagation`, "Single Header" and "Multiple Headers"; the single header wins.

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{only, set, span_id, split_once, trace_id};
use super::{Outgoing, Remote};

static B3: HeaderName = HeaderName::from_static("b3");
static TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
static SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
static PARENT_ID: HeaderName = HeaderName::from_static("x-b3-parentspanid");
static SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
static FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");

/// `{trace}-{span}-{sampled}-{parent}`, the trace of 128 bits.
const MAX_BYTES: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    only(headers, &B3).and_then(single).or_else(|| multi(headers))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let Outgoing { trace_id, span_id, .. } = outgoing;
    set(headers, &B3, format_args!("{trace_id}-{span_id}-{}", u8::from(outgoing.flags.is_sampled())));
}

pub(super) fn write_multi(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    set(headers, &TRACE_ID, format_args!("{}", outgoing.trace_id));
    set(headers, &SPAN_ID, format_args!("{}", outgoing.span_id));
    set(headers, &SAMPLED, format_args!("{}", u8::from(outgoing.flags.is_sampled())));
    // What stood there was about somebody else's span.
    headers.remove(&PARENT_ID);
    headers.remove(&FLAGS);
}

fn single(value: &[u8]) -> Option<Remote<'static>> {
    if value.len() > MAX_BYTES {
        return None;
    }
    let (trace, rest) = split_once(value, b'-')?;
    let (span, rest) = split_once(rest, b'-').map_or((rest, None), |(span, rest)| (span, Some(rest)));
    let is_sampled = match rest {
        None => None,
        Some(rest) => {
            let (decision, parent) = split_once(rest, b'-').map_or((rest, None), |(one, other)| (one, Some(other)));
            if parent.is_some_and(|parent| span_id(parent).is_none()) {
                return None;
            }
            match decision {
                b"1" | b"d" => Some(true),
                b"0" => Some(false),
                _ => return None,
            }
        }
    };
    Some(Remote::new(trace_id(trace)?, Some(span_id(span)?), is_sampled))
}

fn multi(headers: &HeaderMap) -> Option<Remote<'static>> {
    let (trace, span) = (only(headers, &TRACE_ID).and_then(trace_id)?, only(headers, &SPAN_ID).and_then(span_id)?);
    let is_sampled = match (only(headers, &FLAGS), only(headers, &SAMPLED)) {
        // Older tracers wrote words.
        (Some(b"1"), _) | (_, Some(b"1" | b"true")) => Some(true),
        (_, Some(b"0" | b"false")) => Some(false),
        _ => None,
    };
    Some(Remote::new(trace, Some(span), is_sampled))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::{headers, outgoing, read_as};

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";
    const SHORT: &str = "000000000000000064fe8b2a57d3eff7";

    #[test]
    fn the_single_headers_of_the_specification_are_read() {
        for (value, trace, sampled) in [
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90", TRACE, Some(true)),
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d", TRACE, Some(true)),
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0", TRACE, Some(false)),
            ("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1", TRACE, None),
            ("64fe8b2a57d3eff7-e457b5a2e4d86bd1-1", SHORT, Some(true)),
        ] {
            assert_eq!(read_as(read, &[("b3", value)]), Some((trace.into(), Some(SPAN.into()), sampled)), "{value}");
        }
    }

    #[test]
    fn anything_else_in_a_single_header_is_refused() {
        let long = "0".repeat(60_000);
        for value in [
            "",
            "0",
            "1",
            "d",
            "80f198ee56343ba864fe8b2a57d3eff7",
            "80f198ee56343ba864fe8b2a57d3eff7-",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-2",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b9",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-",
            "80F198EE56343BA864FE8B2A57D3EFF7-e457b5a2e4d86bd1-1",
            "00000000000000000000000000000000-e457b5a2e4d86bd1-1",
            "0000000000000000-e457b5a2e4d86bd1-1",
            "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1",
            "80f198ee56343ba864fe8b2a57d3eff-e457b5a2e4d86bd1-1",
            &long,
        ] {
            assert_eq!(read_as(read, &[("b3", value)]), None, "{value:.80}");
        }
        let twice = [("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1"), ("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1")];
        assert_eq!(read_as(read, &twice), None);
    }

    #[test]
    fn several_headers_are_read() {
        let both = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN), ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")];
        for (more, sampled) in [
            (None, None),
            (Some(("X-B3-Sampled", "1")), Some(true)),
            (Some(("X-B3-Sampled", "true")), Some(true)),
            (Some(("X-B3-Sampled", "0")), Some(false)),
            (Some(("X-B3-Sampled", "canary")), None),
            (Some(("X-B3-Flags", "1")), Some(true)),
        ] {
            let all: Vec<_> = both.into_iter().chain(more).collect();
            assert_eq!(read_as(read, &all), Some((TRACE.into(), Some(SPAN.into()), sampled)), "{more:?}");
        }
        assert_eq!(read_as(read, &[("X-B3-Sampled", "0")]), None, "a decision alone");
        assert_eq!(read_as(read, &both[..1]), None, "no span");
        assert_eq!(read_as(read, &[("x-b3-traceid", "64fe8b2a57d3eff7"), both[1]]).unwrap().0, SHORT);
        let single = ("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-0");
        assert_eq!(read_as(read, &[both[0], both[1], single]).unwrap().0, SHORT, "the single header wins");
    }

    #[test]
    fn what_stood_there_before_is_written_over() {
        let mut map = headers(&[("x-b3-flags", "1"), ("x-b3-parentspanid", SPAN), ("x-b3-traceid", SHORT)]);
        write_multi(&outgoing([1; 16], [2; 8], true), &mut map);
        let (trace, span) = ("01".repeat(16), "02".repeat(8));
        assert_eq!(map, headers(&[("X-B3-TraceId", &trace), ("X-B3-SpanId", &span), ("X-B3-Sampled", "1")]));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", hex in "[0-9a-f-]{0,90}") {
            for text in [&value, &hex] {
                let found = read_as(read, &[("b3", text), ("x-b3-traceid", text), ("x-b3-spanid", text)]);
                prop_assert!(found.is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

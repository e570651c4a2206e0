//! Datadog's headers: ids of 64 bits in decimal; the upper half of a trace id of 128 bits is a tag, in hexadecimal.
//!
//! Of `x-datadog-tags` only `_dd.p.tid` is used, and only that is sent; `x-datadog-origin` is left as it stands.
//!
//! # Source
//! Datadog documentation, "Trace context propagation" and "128-bit trace ids".

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{decimal, only, set, split_once, trim, wide};
use super::{Outgoing, Remote};
use crate::record::{SpanId, parse_hex};

static TRACE_ID: HeaderName = HeaderName::from_static("x-datadog-trace-id");
static PARENT_ID: HeaderName = HeaderName::from_static("x-datadog-parent-id");
static PRIORITY: HeaderName = HeaderName::from_static("x-datadog-sampling-priority");
static TAGS: HeaderName = HeaderName::from_static("x-datadog-tags");

/// Longest list of tags; Datadog's own tracers drop longer ones.
const MAX_TAGS_BYTES: usize = 512;

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    let low = only(headers, &TRACE_ID).and_then(decimal).filter(|low| *low > 0)?;
    // Traces that begin in a browser or in a synthetic test have 0 for the parent, or none.
    let parent = match only(headers, &PARENT_ID) {
        Some(digits) => Some(SpanId(decimal(digits)?.to_be_bytes())).filter(|id| id.is_valid()),
        None => None,
    };
    let high = only(headers, &TAGS).and_then(high).unwrap_or_default();
    let is_sampled = match only(headers, &PRIORITY) {
        Some(b"1" | b"2") => Some(true),
        Some(b"0" | b"-1") => Some(false),
        _ => None,
    };
    Some(Remote::new(wide(high, low)?, parent, is_sampled))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let trace = u128::from_be_bytes(outgoing.trace_id.0);
    let (high, low) = (trace >> 64, trace & u128::from(u64::MAX));
    set(headers, &TRACE_ID, format_args!("{low}"));
    set(headers, &PARENT_ID, format_args!("{}", u64::from_be_bytes(outgoing.span_id.0)));
    set(headers, &PRIORITY, format_args!("{}", u8::from(outgoing.flags.is_sampled())));
    if high == 0 {
        headers.remove(&TAGS);
    } else {
        set(headers, &TAGS, format_args!("_dd.p.tid={high:016x}"));
    }
}

/// The upper half of the trace id, where the tags have it.
fn high(tags: &[u8]) -> Option<u64> {
    if tags.len() > MAX_TAGS_BYTES {
        return None;
    }
    let pairs = tags.split(|byte| *byte == b',').filter_map(|tag| split_once(tag, b'='));
    let (_, digits) = pairs.map(|(name, value)| (trim(name), trim(value))).find(|(name, _)| *name == b"_dd.p.tid")?;
    parse_hex(digits).map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::{headers, outgoing, read_as};

    const LOW: (&str, &str) = ("x-datadog-trace-id", "1234567890123456789");
    const PARENT: (&str, &str) = ("x-datadog-parent-id", "9876543210987654321");

    #[test]
    fn ids_of_64_and_of_128_bits_are_read() {
        let parent = Some("891087b8e3b70cb1".to_owned());
        let cases: [(&[_], _, _); 9] = [
            (&[], "0000000000000000112210f47de98115", None),
            (&[("x-datadog-sampling-priority", "1")], "0000000000000000112210f47de98115", Some(true)),
            (&[("x-datadog-sampling-priority", "2")], "0000000000000000112210f47de98115", Some(true)),
            (&[("x-datadog-sampling-priority", "0")], "0000000000000000112210f47de98115", Some(false)),
            (&[("x-datadog-sampling-priority", "-1")], "0000000000000000112210f47de98115", Some(false)),
            (&[("x-datadog-sampling-priority", "x")], "0000000000000000112210f47de98115", None),
            (&[("x-datadog-tags", "_dd.p.tid=640cfd8d00000000")], "640cfd8d00000000112210f47de98115", None),
            (&[("x-datadog-tags", "_dd.p.dm=-1, _dd.p.tid=640cfd8d00000000")], "640cfd8d00000000112210f47de98115", None),
            (&[("x-datadog-tags", "_dd.p.tid=640CFD8D")], "0000000000000000112210f47de98115", None),
        ];
        for (more, trace, sampled) in cases {
            let all: Vec<_> = [LOW, PARENT].into_iter().chain(more.iter().copied()).collect();
            assert_eq!(read_as(read, &all), Some((trace.into(), parent.clone(), sampled)), "{more:?}");
        }
        for more in [vec![], vec![("x-datadog-parent-id", "0")]] {
            let all: Vec<_> = [LOW].into_iter().chain(more).collect();
            assert_eq!(read_as(read, &all).unwrap().1, None, "a trace without a parent span");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "1".repeat(60_000);
        for value in ["", "0", "-1", "+1", "1.5", "0x10", "1 2", "18446744073709551616", "999999999999999999999", &long] {
            assert_eq!(read_as(read, &[("x-datadog-trace-id", value), PARENT]), None, "{value:.80}");
            let parent = read_as(read, &[LOW, ("x-datadog-parent-id", value)]);
            assert_eq!(parent.is_some(), value == "0", "{value:.80}");
        }
        assert!(read_as(read, &[("x-datadog-trace-id", "18446744073709551615")]).is_some(), "the largest number");
        assert_eq!(read_as(read, &[LOW, LOW, PARENT]), None);
        assert_eq!(read_as(read, &[PARENT]), None);
    }

    #[test]
    fn tags_of_another_trace_do_not_stay() {
        let mut map = headers(&[("x-datadog-tags", "_dd.p.tid=640cfd8d00000000")]);
        write(&outgoing([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], [0, 0, 0, 0, 0, 0, 1, 0], false), &mut map);
        assert_eq!(
            map,
            headers(&[("x-datadog-trace-id", "9"), ("x-datadog-parent-id", "256"), ("x-datadog-sampling-priority", "0"),])
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", digits in "[0-9]{0,25}") {
            for text in [&value, &digits] {
                let found = read_as(read, &[("x-datadog-trace-id", text), ("x-datadog-tags", &value)]);
                prop_assert!(found.is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

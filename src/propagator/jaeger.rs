//! `uber-trace-id` of Jaeger: `{trace}:{span}:{parent}:{flags}`.
//!
//! Ids may be shorter than their width; zeros are missing on their left. Colons may be percent-encoded.
//!
//! # Source
//! Jaeger documentation, "Propagation format". Its `uberctx-…` baggage is not read.

use http::HeaderMap;
use http::header::HeaderName;

use super::value::{only, set, span_id, trace_id};
use super::{Outgoing, Remote};

static UBER_TRACE_ID: HeaderName = HeaderName::from_static("uber-trace-id");

/// Ids of 32, 16 and 16 digits, two digits of flags, and three colons that are encoded.
const MAX_BYTES: usize = 32 + 16 + 16 + 2 + 3 * 3;

pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'static>> {
    let value = only(headers, &UBER_TRACE_ID)?;
    if value.len() > MAX_BYTES {
        return None;
    }
    let (trace, rest) = part(value)?;
    let (span, rest) = part(rest)?;
    // The parent's parent; deprecated, and often 0.
    let (_, flags) = part(rest)?;
    let trace = match trace.len() {
        1..=16 => trace_id(&padded::<16>(trace)?)?,
        _ => trace_id(&padded::<32>(trace)?)?,
    };
    let span = span_id(&padded::<16>(span)?)?;
    let [.., low] = padded::<2>(flags)?;
    let low = char::from(low).to_digit(16)?;
    // Bit 0 is sampled, bit 1 debug.
    Some(Remote::new(trace, Some(span), Some(low & 3 != 0)))
}

pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let Outgoing { trace_id, span_id, .. } = outgoing;
    set(headers, &UBER_TRACE_ID, format_args!("{trace_id}:{span_id}:0:{}", u8::from(outgoing.flags.is_sampled())));
}

/// What stands before and behind the first colon.
fn part(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|byte| matches!(byte, b':' | b'%'))?;
    let (before, rest) = value.split_at_checked(at)?;
    let behind = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"%3A")).or_else(|| rest.strip_prefix(b"%3a"))?;
    Some((before, behind))
}

/// Digits with the zeros that are missing on their left.
fn padded<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.is_empty() || digits.len() > N {
        return None;
    }
    let mut all = [b'0'; N];
    let (_, places) = all.split_at_mut_checked(N - digits.len())?;
    places.copy_from_slice(digits);
    Some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::propagator::tests::read_as;

    fn of(value: &str) -> Option<(String, Option<String>, Option<bool>)> {
        read_as(read, &[("uber-trace-id", value)])
    }

    #[test]
    fn ids_of_any_width_are_read() {
        let (wide, narrow) = ("80f198ee56343ba864fe8b2a57d3eff7", "000000000000000064fe8b2a57d3eff7");
        let (span, short) = ("e457b5a2e4d86bd1", "0000000000000abc");
        for (value, trace, span, sampled) in [
            ("80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1", wide, span, true),
            ("80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:05e3ac9a4f6e3b90:01", wide, span, true),
            ("64fe8b2a57d3eff7:abc:0:0", narrow, short, false),
            ("64fe8b2a57d3eff7:abc::0", narrow, short, false),
            ("80f198ee56343ba864fe8b2a57d3eff7%3Ae457b5a2e4d86bd1%3A0%3a3", wide, span, true),
            ("80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:2", wide, span, true),
            ("80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:8", wide, span, false),
        ] {
            assert_eq!(of(value), Some((trace.into(), Some(span.into()), Some(sampled))), "{value}");
        }
        assert_eq!(of("f198ee56343ba864fe8b2a57d3eff7:1:0:1").unwrap().0, "00f198ee56343ba864fe8b2a57d3eff7");
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "0".repeat(60_000);
        for value in [
            "",
            "64fe8b2a57d3eff7",
            "64fe8b2a57d3eff7:abc",
            "64fe8b2a57d3eff7:abc:0",
            "64fe8b2a57d3eff7:abc:0:",
            "64fe8b2a57d3eff7:abc:0:1:",
            "64fe8b2a57d3eff7:abc:0:001",
            "64fe8b2a57d3eff7:abc:0:x",
            "64fe8b2a57d3eff7%3Babc%3B0%3B1",
            "0:abc:0:1",
            "64fe8b2a57d3eff7:0:0:1",
            ":abc:0:1",
            "64FE8B2A57D3EFF7:abc:0:1",
            "080f198ee56343ba864fe8b2a57d3eff7:abc:0:1",
            "64fe8b2a57d3eff7:0e457b5a2e4d86bd1:0:1",
            &long,
        ] {
            assert_eq!(of(value), None, "{value:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in "[ -~]{0,90}", hex in "[0-9a-f:%]{0,90}") {
            for text in [&value, &hex] {
                prop_assert!(of(text).is_none_or(|(trace, ..)| trace.len() == 32));
            }
        }
    }
}

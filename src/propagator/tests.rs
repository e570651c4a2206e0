use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

type Read = fn(&HeaderMap) -> Option<Remote<'_>>;

pub(super) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in pairs.iter().map(header) {
        map.append(name, value);
    }
    map
}

/// Trace id, parent and decision that a propagator reads.
pub(super) fn read_as(read: Read, pairs: &[(&str, &str)]) -> Option<(String, Option<String>, Option<bool>)> {
    let map = headers(pairs);
    let remote = read(&map)?;
    let parent = remote.parent_id.map(|id| id.to_string());
    Some((remote.trace_id.to_string(), parent, remote.flags.map(TraceFlags::is_sampled)))
}

pub(super) fn outgoing(trace: [u8; 16], span: [u8; 8], is_sampled: bool) -> Outgoing<'static> {
    let flags = TraceFlags(u8::from(is_sampled));
    Outgoing { trace_id: TraceId(trace), span_id: SpanId(span), flags, state: "", baggage: "" }
}

/// Valid ids, among them such as are short of one half.
fn any_outgoing() -> impl Strategy<Value = Outgoing<'static>> {
    let trace =
        prop_oneof![any::<u128>(), any::<u64>().prop_map(u128::from), any::<u64>().prop_map(|high| u128::from(high) << 64)];
    (trace, any::<u64>(), any::<bool>())
        .prop_filter("zero", |(trace, span, _)| *trace > 0 && *span > 0)
        .prop_map(|(trace, span, is_sampled)| outgoing(trace.to_be_bytes(), span.to_be_bytes(), is_sampled))
}

/// What `write` writes, `read` reads, whatever stood in the headers before.
fn round_trip(read: Read, write: fn(&Outgoing<'_>, &mut HeaderMap), outgoing: Outgoing<'static>) -> Result<(), TestCaseError> {
    let mut map = HeaderMap::new();
    for sent in [self::outgoing([7; 16], [8; 8], !outgoing.flags.is_sampled()), outgoing] {
        write(&sent, &mut map);
        let expected = Remote::new(sent.trace_id, Some(sent.span_id), Some(sent.flags.is_sampled()));
        prop_assert_eq!(read(&map), Some(expected));
    }
    Ok(())
}

#[test]
fn every_propagator_finds_its_own_row() {
    for row in &ROWS {
        assert_eq!(row.propagator.row().map(|found| found.names), Some(row.names));
        for name in row.names {
            assert_eq!(Propagator::parse(&name.to_uppercase()), Some(row.propagator));
        }
    }
    assert_eq!(Propagator::parse("ottrace"), None);
}

#[test]
fn the_first_in_order_that_is_valid_wins_and_all_are_written() {
    let one = [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "a=1")];
    let other = [("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0"), ("sentry-trace", "nonsense")];
    let both = headers(&[one, other].concat());
    let trace_of = |all: &[Propagator], map: &HeaderMap| {
        let propagators: Propagators = all.iter().copied().collect();
        propagators.extract(map).map(|remote| remote.trace_id.to_string())
    };
    use Propagator::{B3, Baggage, Sentry, TraceContext};
    let (w3c, b3) = (Some("0af7651916cd43dd8448eb211c80319c".to_owned()), Some("80f198ee56343ba864fe8b2a57d3eff7".to_owned()));
    assert_eq!(trace_of(&[TraceContext, B3], &both), w3c);
    assert_eq!(trace_of(&[Sentry, Baggage, B3, TraceContext], &both), b3);
    assert_eq!(trace_of(&[Sentry, Baggage], &both), None);
    assert_eq!(trace_of(&[], &both), None);
    assert_eq!(trace_of(&[TraceContext, B3], &headers(&[("traceparent", "00"), other[0]])), b3, "an invalid one gives way");

    let mut sent = HeaderMap::new();
    let propagators: Propagators = [TraceContext, B3, TraceContext, Sentry].into_iter().collect();
    propagators.inject(&Outgoing { state: "a=1", baggage: "k=v", ..outgoing([1; 16], [2; 8], true) }, &mut sent);
    let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["b3", "sentry-trace", "traceparent", "tracestate"]);
    let mut nothing = HeaderMap::new();
    Propagators::NONE.inject(&outgoing([1; 16], [2; 8], true), &mut nothing);
    assert!(nothing.is_empty());
}

proptest! {
    #[test]
    fn what_any_of_them_writes_it_can_read(outgoing in any_outgoing()) {
        for row in &ROWS {
            let holds = match row.propagator {
                // It holds no trace.
                Propagator::Baggage => false,
                // It has no trace id whose lower half is zero.
                Propagator::Datadog => outgoing.trace_id.0[8..] != [0; 8],
                _ => true,
            };
            if holds {
                round_trip(row.read, row.write, outgoing)?;
            }
        }
    }
}

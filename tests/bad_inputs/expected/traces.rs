//! Trace context and baggage.

use std::time::Duration;

use crate::measure::cost;
use crate::run::Seen;
use crate::service::Place;
use crate::wire::Sent;

/// Values of a header as they were sent.
fn sent<'a>(seen: &'a Seen<'_>, wanted: &str) -> impl Iterator<Item = String> + 'a {
    let wanted = wanted.to_owned();
    let headers = seen.setup.sent.headers.iter();
    headers
        .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

fn injected<'a>(seen: &'a Seen<'_>, name: &str) -> Option<&'a str> {
    seen.injected.get(name).map(|value| value.to_str().unwrap())
}

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let trace_id = record.trace_id().unwrap().to_hex();
    let trace_id = trace_id.as_str();
    let traceparent = injected(seen, "traceparent").unwrap();
    // What goes out is the record's own trace, whatever came in.
    let own = format!("00-{trace_id}-{}-", record.span_id().to_hex().as_str());
    assert!(traceparent.starts_with(&own), "{id}: {traceparent}");
    match sentence {
        "new span id" => assert!(record.span_id().is_valid() && Some(record.span_id()) != record.parent_span_id(), "{id}"),
        "trace_id != inbound" => assert!(sent(seen, "traceparent").all(|value| !value.contains(trace_id)), "{id}"),
        "span is a root" => assert!(record.parent_span_id().is_none() && !record.parent_is_remote(), "{id}"),
        "request served unchanged" => assert_eq!(seen.observed.status(), Some(200), "{id}"),
        "unknown flag bits do not reject the header" | "optional whitespace trimmed once" | "trace_id kept" => {
            assert!(sent(seen, "traceparent").any(|value| value.contains(trace_id)), "{id}: {trace_id}");
            assert!(record.parent_is_remote(), "{id}");
        }
        // Level 2 of the specification knows two: sampled and random.
        "outgoing flags keep only known bits" => assert_eq!(&traceparent[traceparent.len() - 2..], "03", "{id}"),
        "tracestate empty" => {
            assert_eq!((record.trace_state(), injected(seen, "tracestate")), ("", None), "{id}");
        }
        "foo and bar both present" => {
            let members: Vec<_> = injected(seen, "tracestate").unwrap().split(',').map(str::trim).collect();
            assert_eq!(members, ["foo=1", "bar=2"], "{id}");
        }
        "not parsed" | "not re-injected downstream" => assert_eq!(injected(seen, "baggage"), None, "{id}"),
        "at most 64 members kept" => {
            let members = injected(seen, "baggage").map_or(0, |list| list.split(',').count());
            assert_eq!(members, 64, "{id}");
        }
        "decoded control characters never reach a header or a text log raw" => {
            // It goes on as it came, and is decoded only for the handler; the outputs of that are searched for each case.
            assert_eq!(injected(seen, "baggage"), Some("user=%0d%0aX-Admin:%20true"), "{id}");
            let event = record.events().next().expect("the handler logs it");
            assert_eq!(event.message(), "for \r\nX-Admin: true", "{id}");
        }
        // What is measured is measured once, in this process.
        "length check before any parsing" | "extra allocation <= 1 KiB" if seen.place == Place::InProcess => {
            let valid = Sent::new("GET", "/").header("traceparent", format!("00-{}-{}-01", "1".repeat(32), "2".repeat(16)));
            let (plain, large) = (cost(&valid).0.bytes_total, cost(&seen.setup.sent).0.bytes_total);
            assert!(large <= plain + 1024, "{id}: {large} bytes instead of {plain}");
        }
        "CPU <= 1 ms" if seen.place == Place::InProcess => {
            // The fastest of several runs is what the work needs; it cannot be less than the processor's time.
            let (_, took) = cost(&seen.setup.sent);
            assert!(took <= Duration::from_millis(1), "{id}: {took:?}");
        }
        "allocation <= 2x header size" if seen.place == Place::InProcess => {
            let size = sent(seen, "tracestate").map(|value| value.len() as u64).sum::<u64>();
            let (cost, _) = cost(&seen.setup.sent);
            assert!(cost.bytes_total <= 2 * size, "{id}: {cost:?} for {size}");
        }
        "length check before any parsing" | "extra allocation <= 1 KiB" | "CPU <= 1 ms" | "allocation <= 2x header size" => {}
        _ => match sentence.split_once(" == ") {
            Some(("trace_id", wanted)) => assert_eq!(trace_id, wanted, "{id}"),
            Some(("parent", wanted)) => {
                assert_eq!(
                    record.parent_span_id().map(|parent| parent.to_hex().as_str().to_owned()).as_deref(),
                    Some(wanted),
                    "{id}"
                );
            }
            _ => return false,
        },
    }
    true
}

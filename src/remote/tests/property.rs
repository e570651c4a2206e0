//! Laws of the encoder and of the reader, over whatever can be generated.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use proptest::prelude::*;

use super::encode::{attributes, logs, spans, text};
use super::kit::{origin, request};
use crate::record::parts::{EventSlot, List, Side, SpanSlot, Text};
use crate::record::{SpanId, SpanKind, TraceId, Value};

/// A value of any type.
#[derive(Clone, Debug)]
enum Owned {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(String),
}

impl Owned {
    fn borrow(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::U64(value) => Value::U64(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Str(value) => Value::Str(value),
        }
    }

    fn is(&self, value: &Any) -> bool {
        match (self, value) {
            (Self::Bool(mine), Any::BoolValue(theirs)) => mine == theirs,
            (Self::I64(mine), Any::IntValue(theirs)) => mine == theirs,
            (Self::U64(mine), Any::IntValue(theirs)) => i128::from(*mine) == i128::from(*theirs),
            (Self::U64(mine), Any::StringValue(theirs)) => *mine > i64::MAX as u64 && mine.to_string() == *theirs,
            (Self::F64(mine), Any::DoubleValue(theirs)) => mine.to_bits() == theirs.to_bits(),
            (Self::Str(mine), Any::StringValue(theirs)) => mine == theirs,
            _ => false,
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(Owned::Bool),
        any::<i64>().prop_map(Owned::I64),
        any::<u64>().prop_map(Owned::U64),
        any::<f64>().prop_map(Owned::F64),
        ".{0,300}".prop_map(Owned::Str),
    ]
}

fn fields() -> impl Strategy<Value = BTreeMap<String, Owned>> {
    // No generated key is one of ours: those begin with a lower-case word.
    prop::collection::btree_map("[A-Z].{0,140}", owned(), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn every_record_is_read_back_with_its_ids_and_values(
        trace in any::<[u8; 16]>(),
        ids in prop::collection::vec(any::<[u8; 8]>(), 1..6),
        texts in prop::collection::vec(".{0,2000}", 4),
        times in any::<(u64, u64)>(),
        status in prop::option::of(100..=999_u16),
        all in prop::collection::vec(fields(), 3),
    ) {
        let [set, of_span, of_event] = &all[..] else { unreachable!() };
        let record = request(|parts| {
            (parts.trace_id, parts.status) = (TraceId(trace), status);
            (parts.start_unix_ns, parts.duration_ns) = times;
            parts.span_id = SpanId(ids[0]);
            parts.path = parts.push_text(&texts[0], 10_000);
            parts.method = parts.push_text(&texts[1], 10_000);
            parts.push_header(Side::Request, "x-any", Some(texts[2].as_bytes()), texts[2].len());
            for (name, value) in set {
                let (name, value) = (parts.push_text(name, 10_000), parts.push_value(value.borrow(), 10_000));
                parts.set_attribute(name, value);
            }
            let mut list = |fields: &BTreeMap<String, Owned>| {
                let mut list = List::default();
                for (name, value) in fields {
                    let (name, value) = (parts.push_text(name, 10_000), parts.push_value(value.borrow(), 10_000));
                    parts.push_field(&mut list, name, value);
                }
                list
            };
            let (span_fields, event_fields) = (list(of_span), list(of_event));
            for id in &ids[1..] {
                let (id, parent) = (SpanId(*id), SpanId(ids[0]));
                parts.push_span(SpanSlot { id, parent, origin: origin("s"), kind: SpanKind::Internal, error: Text::EMPTY, start_ns: 0, end_ns: times.1, fields: span_fields });
            }
            let message = parts.push_text(&texts[3], 10_000);
            parts.events.push(EventSlot {
                time_ns: 0, span: SpanId::INVALID, origin: origin("e"), message, fields: event_fields, shown: false,
            });
        });
        let decoded = spans(&[&record, &record]);
        prop_assert_eq!(decoded.len(), 2 * ids.len());
        for (span, id) in decoded.iter().zip(ids.iter().cycle()) {
            prop_assert_eq!(&span.span_id[..], &id[..]);
            if TraceId(trace).is_valid() {
                prop_assert_eq!(&span.trace_id[..], &trace[..]);
            }
        }
        prop_assert_eq!(decoded[0].start_time_unix_nano, times.0);
        prop_assert_eq!(decoded[0].end_time_unix_nano, times.0.saturating_add(times.1));
        let of_request = attributes(&decoded[0].attributes);
        prop_assert_eq!(&of_request["url.path"], &text(&texts[0]));
        prop_assert_eq!(of_request.get("http.response.status_code").cloned(), status.map(|code| Any::IntValue(code.into())));
        for (name, value) in set {
            prop_assert!(value.is(&of_request[name]), "{:?}", name);
        }
        for span in decoded.iter().take(ids.len()).skip(1) {
            let of_child = attributes(&span.attributes);
            for (name, value) in of_span {
                prop_assert!(value.is(&of_child[name]), "{:?}", name);
            }
        }
        let log = logs(&[&record]).remove(0);
        let body = log.body.map(|body| body.value.unwrap());
        prop_assert_eq!(body, Some(text(&texts[3])).filter(|_| !texts[3].is_empty()));
        let of_event_decoded = attributes(&log.attributes);
        for (name, value) in of_event {
            prop_assert!(value.is(&of_event_decoded[name]), "{:?}", name);
        }
    }

    #[test]
    fn no_answer_can_make_the_reader_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = crate::remote::otlp::answer::success(&bytes);
        let _ = crate::remote::otlp::answer::status_message(&bytes);
        #[cfg(feature = "otlp-grpc")]
        let _ = crate::remote::otlp::answer::retry_delay(&bytes);
    }
}

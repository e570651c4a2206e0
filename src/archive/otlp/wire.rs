//! One line as anybody may have written it. Unknown fields are passed over; null stands for nothing.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, Visitor};

use crate::base64;
use crate::record::{SpanId, TraceId, parse_hex};

/// An export request of any signal.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::archive) struct Line {
    #[serde(deserialize_with = "or_default")]
    pub(super) resource_spans: Vec<ResourceSpans>,
    #[serde(deserialize_with = "or_default")]
    pub(super) resource_logs: Vec<ResourceLogs>,
    #[serde(deserialize_with = "or_default")]
    resource_metrics: Vec<IgnoredAny>,
}

impl Line {
    /// Metrics have no place in a store.
    pub(in crate::archive) const fn has_metrics(&self) -> bool {
        !self.resource_metrics.is_empty()
    }

    /// Whether it is of another protocol.
    pub(in crate::archive) const fn is_empty(&self) -> bool {
        self.resource_spans.is_empty() && self.resource_logs.is_empty() && !self.has_metrics()
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceSpans {
    #[serde(deserialize_with = "or_default")]
    pub(super) resource: Resource,
    #[serde(deserialize_with = "or_default")]
    pub(super) scope_spans: Vec<ScopeSpans>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceLogs {
    #[serde(deserialize_with = "or_default")]
    pub(super) resource: Resource,
    #[serde(deserialize_with = "or_default")]
    pub(super) scope_logs: Vec<ScopeLogs>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    #[serde(deserialize_with = "or_default")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ScopeSpans {
    #[serde(deserialize_with = "or_default")]
    pub(super) scope: Scope,
    #[serde(deserialize_with = "or_default")]
    pub(super) spans: Vec<Span>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ScopeLogs {
    #[serde(deserialize_with = "or_default")]
    pub(super) scope: Scope,
    #[serde(deserialize_with = "or_default")]
    pub(super) log_records: Vec<Log>,
}

/// Who made a span or a log record.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Scope {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Span {
    pub(super) trace_id: Trace,
    pub(super) span_id: Id,
    pub(super) parent_span_id: Id,
    #[serde(deserialize_with = "or_default")]
    pub(super) trace_state: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) kind: Word,
    pub(super) start_time_unix_nano: Number,
    pub(super) end_time_unix_nano: Number,
    pub(super) flags: Number,
    #[serde(deserialize_with = "or_default")]
    pub(super) attributes: Vec<KeyValue>,
    #[serde(deserialize_with = "or_default")]
    pub(super) events: Vec<SpanEvent>,
    #[serde(deserialize_with = "or_default")]
    pub(super) links: Vec<Link>,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: Status,
    pub(super) dropped_attributes_count: Number,
    pub(super) dropped_events_count: Number,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SpanEvent {
    pub(super) time_unix_nano: Number,
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Link {
    pub(super) trace_id: Trace,
    pub(super) span_id: Id,
    pub(super) flags: Number,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) code: Word,
    #[serde(deserialize_with = "or_default")]
    pub(super) message: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Log {
    pub(super) time_unix_nano: Number,
    pub(super) observed_time_unix_nano: Number,
    pub(super) severity_number: Word,
    #[serde(deserialize_with = "or_default")]
    pub(super) severity_text: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) event_name: String,
    pub(super) body: Any,
    #[serde(deserialize_with = "or_default")]
    pub(super) attributes: Vec<KeyValue>,
    pub(super) trace_id: Trace,
    pub(super) span_id: Id,
    pub(super) flags: Number,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    #[serde(deserialize_with = "or_default")]
    pub(super) key: String,
    pub(super) value: Any,
}

/// A value of an attribute or a body.
#[derive(Clone, Debug, Default)]
pub(super) enum Any {
    #[default]
    Nothing,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<KeyValue>),
}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AnyFields {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Number>,
    double_value: Option<Double>,
    array_value: Option<Values<Any>>,
    kvlist_value: Option<Values<KeyValue>>,
    bytes_value: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(default, bound = "T: Deserialize<'de>")]
struct Values<T> {
    #[serde(deserialize_with = "or_default")]
    values: Vec<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Some(fields) = Option::<AnyFields>::deserialize(from)? else { return Ok(Self::Nothing) };
        let AnyFields { string_value, bool_value, int_value, double_value, array_value, kvlist_value, bytes_value } = fields;
        let text = string_value.or(bytes_value).map(Self::Text);
        let one = text
            .or_else(|| bool_value.map(Self::Bool))
            .or_else(|| int_value.map(|number| Self::Integer(number.0)))
            .or_else(|| double_value.map(|number| Self::Float(number.0)))
            .or_else(|| array_value.map(|list| Self::List(list.values)))
            .or_else(|| kvlist_value.map(|list| Self::Map(list.values)));
        Ok(one.unwrap_or_default())
    }
}

/// A number of up to 64 bits, as a number or as text; what is above `i64` of an unsigned one is kept by its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Number(pub(super) i64);

impl Number {
    pub(super) const fn unsigned(self) -> u64 {
        self.0.cast_unsigned()
    }

    pub(super) fn count(self) -> u32 {
        u32::try_from(self.0).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.cast_signed()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number as i64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let number = text.parse().or_else(|_| text.parse().map(u64::cast_signed));
                number.map(Number).map_err(|_| E::custom("a text that is no number"))
            }
            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number(0))
            }
        }
        from.deserialize_any(Visit)
    }
}

struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Double;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Double, E> {
                Ok(Double(number as f64))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Double, E> {
                Ok(Double(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Double, E> {
                text.parse().map(Double).map_err(|_| E::custom("a text that is no number"))
            }
        }
        from.deserialize_any(Visit)
    }
}

/// An enum: by its number, or by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Number(i64),
    Name(String),
}

impl Default for Word {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Word {
    /// The number, where names of this list stand for 0, 1, 2 and so on behind `prefix`.
    pub(super) fn number(&self, prefix: &str, names: &[&str]) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Name(name) => {
                let short = name.strip_prefix(prefix).unwrap_or(name);
                let at = names.iter().position(|known| short.eq_ignore_ascii_case(known));
                at.and_then(|at| i64::try_from(at).ok()).unwrap_or_default()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number or the name of an enum")
            }
            fn visit_i64<E>(self, number: i64) -> Result<Word, E> {
                Ok(Word::Number(number))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
                Ok(Word::Number(number.cast_signed()))
            }
            fn visit_str<E>(self, name: &str) -> Result<Word, E> {
                Ok(name.parse().map_or_else(|_| Word::Name(name.to_owned()), Word::Number))
            }
            fn visit_unit<E>(self) -> Result<Word, E> {
                Ok(Word::default())
            }
        }
        from.deserialize_any(Visit)
    }
}

/// A trace id; what is none is [`TraceId::INVALID`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace(pub(super) TraceId);

/// A span id; what is none is [`SpanId::INVALID`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Id(pub(super) SpanId);

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        Ok(Self(text.and_then(|text| bytes(&text)).map(TraceId).unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        Ok(Self(text.and_then(|text| bytes(&text)).map(SpanId).unwrap_or_default()))
    }
}

/// Digits of either case; also base64, which is what a plain JSON of protobuf has for bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() == 2 * N {
        return parse_hex(text.to_ascii_lowercase().as_bytes());
    }
    base64::decode(text, N + 1)?.try_into().ok()
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(json: &str) -> Span {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_others_write_is_read() {
        let read = span(
            r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","kind":"SPAN_KIND_SERVER",
            "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,"flags":null,"new":[{}],
            "attributes":[{"key":"a","value":{"intValue":"-3"}},{"key":"b","value":{"doubleValue":"NaN"}},{"key":"c"},
            {"key":"d","value":{"arrayValue":{"values":[{"boolValue":true}]}}},{"key":"e","value":{"kvlistValue":{}}}],
            "status":{"code":"STATUS_CODE_ERROR"},"events":null,"parentSpanId":""}"#,
        );
        assert_eq!(read.trace_id.0.to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(read.span_id.0.to_string(), "eee19b7ec3c1b174");
        assert!(!read.parent_span_id.0.is_valid());
        assert_eq!(read.end_time_unix_nano.0 - read.start_time_unix_nano.0, 1_000_000_000);
        assert_eq!(read.kind.number("SPAN_KIND_", &["UNSPECIFIED", "INTERNAL", "SERVER"]), 2);
        let values: Vec<_> = read.attributes.iter().map(|pair| &pair.value).collect();
        assert!(matches!(values[..], [Any::Integer(-3), Any::Float(_), Any::Nothing, Any::List(_), Any::Map(_)]), "{values:?}");
    }

    #[test]
    fn ids_of_a_plain_json_of_protobuf_are_read() {
        let read = span(r#"{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ="}"#);
        assert_eq!(read.trace_id.0.to_string(), "5b8efff798038103d269b633813fc60c");
        assert_eq!(read.span_id.0.to_string(), "eee19b7ec3c1b174");
        assert!(!span(r#"{"traceId":"00","spanId":"zzzzzzzzzzzzzzzz"}"#).span_id.0.is_valid());
    }
}

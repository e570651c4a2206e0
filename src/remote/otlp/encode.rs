//! Records to export requests, written straight into protobuf.
//!
//! Building message structs first would cost about ten times more. The shape is one resource, one scope, and under it
//! every span or log record of the batch; what comes before the first of them is encoded once and copied from then on.

use tracing::level_filters::LevelFilter;

use super::key::{Key, mark};
use super::proto::Wire;
use super::{encode_log, encode_span, proto};
use crate::record::{Field, Kind, Record, Resource, Value};
use crate::remote::{Encoder, Verdict};

/// The conventions that the attribute names are of.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Spans, as an `ExportTraceServiceRequest`.
#[derive(Default)]
pub(in crate::remote) struct Traces {
    sends: Sends,
    head: Head,
}

/// What goes along only where somebody asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::remote) struct Sends {
    /// The values of headers.
    pub(in crate::remote) headers: bool,
    /// Captured bodies.
    pub(in crate::remote) bodies: bool,
}

/// Log records, as an `ExportLogsServiceRequest`.
pub(in crate::remote) struct Logs {
    /// Least level of the events.
    least: LevelFilter,
    head: Head,
}

impl Logs {
    pub(in crate::remote) fn with(least: LevelFilter) -> Self {
        Self { least, head: Head::default() }
    }
}

impl Traces {
    pub(in crate::remote) fn with(sends: Sends) -> Self {
        Self { sends, ..Self::default() }
    }
}

impl Encoder for Traces {
    fn verdict(&self, record: &Record) -> Verdict {
        match record.kind() {
            Kind::Request | Kind::Span if !is_sampled(record) => Verdict::Sampled,
            Kind::Request => Verdict::Send,
            Kind::Span if record.spans().len() > 0 => Verdict::Send,
            _ => Verdict::Nothing,
        }
    }

    fn encode(&mut self, records: &[&Record], resource: &Resource, out: &mut Vec<u8>) {
        let Self { sends, head } = self;
        head.around(resource, out, |out| {
            for record in records {
                encode_span::record(out, record, *sends);
            }
        });
    }
}

impl Encoder for Logs {
    fn verdict(&self, record: &Record) -> Verdict {
        match record.kind() {
            Kind::Request | Kind::Event
                if encode_log::events(record, self.least).next().is_some()
                    || encode_log::untold(record, self.least).next().is_some() =>
            {
                Verdict::Send
            }
            Kind::Request if !is_sampled(record) => Verdict::Sampled,
            _ => Verdict::Nothing,
        }
    }

    fn encode(&mut self, records: &[&Record], resource: &Resource, out: &mut Vec<u8>) {
        let Self { least, head } = self;
        head.around(resource, out, |out| {
            for record in records {
                encode_log::record(out, record, *least);
            }
        });
    }
}

/// What is in no trace has no flag to go by, and is sent.
fn is_sampled(record: &Record) -> bool {
    record.kind() == Kind::Span && record.trace_id().is_none() || record.trace_flags().is_sampled()
}

/// Resource and scope, in bytes.
#[derive(Default)]
pub(super) struct Head {
    of: Resource,
    resource: Vec<u8>,
    scope: Vec<u8>,
}

impl Head {
    /// Writes the envelope, and `items` into it. Its field numbers are the same for every signal.
    pub(super) fn around(&mut self, resource: &Resource, out: &mut Vec<u8>, items: impl FnOnce(&mut Vec<u8>)) {
        if self.scope.is_empty() || self.of != *resource {
            self.prepare(resource);
        }
        let of_resource = proto::begin(out, 1);
        out.extend_from_slice(&self.resource);
        let of_scope = proto::begin(out, 2);
        out.extend_from_slice(&self.scope);
        items(out);
        proto::bytes(out, 3, SCHEMA_URL.as_bytes());
        proto::end(out, of_scope);
        proto::bytes(out, 3, SCHEMA_URL.as_bytes());
        proto::end(out, of_resource);
    }

    fn prepare(&mut self, resource: &Resource) {
        self.of = resource.clone();
        self.resource.clear();
        let start = proto::begin(&mut self.resource, 1);
        for (key, value) in resource.attributes() {
            attribute(&mut self.resource, 1, key, resource_value(key, value));
        }
        proto::end(&mut self.resource, start);
        self.scope.clear();
        let start = proto::begin(&mut self.scope, 1);
        proto::bytes(&mut self.scope, 1, b"campanile");
        proto::bytes(&mut self.scope, 2, env!("CARGO_PKG_VERSION").as_bytes());
        proto::end(&mut self.scope, start);
    }
}

/// The values of a resource are texts, of which the conventions want one as a number.
pub(super) fn resource_value<'a>(key: &str, value: &'a str) -> Value<'a> {
    let number = (key == "process.pid").then(|| value.parse().ok()).flatten();
    number.map_or(Value::Str(value), Value::I64)
}

/// Appends a `KeyValue` as `field`. All lengths are known beforehand, so nothing has to be patched.
pub(super) fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: Value<'_>) {
    match value {
        Value::Bool(value) => {
            before_value(out, field, key, 2);
            out.extend_from_slice(&[2 << 3, u8::from(value)]);
        }
        Value::I64(value) => integer(out, field, key, value),
        Value::U64(value) => match i64::try_from(value) {
            Ok(value) => integer(out, field, key, value),
            // OTLP has no unsigned numbers; the digits survive as text.
            Err(_) => text(out, field, key, &value.to_string()),
        },
        Value::F64(value) => {
            before_value(out, field, key, 9);
            out.push(4 << 3 | 1);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Str(value) => text(out, field, key, value),
    }
}

fn text(out: &mut Vec<u8>, field: u32, key: &str, text: &str) {
    // Bytes of tags and lengths around key and text, where each takes one.
    const AROUND: usize = 6;
    if key.len() + text.len() < proto::ONE_BYTE - AROUND && field < 16 && !key.is_empty() {
        let (key_bytes, text_bytes) = (key.len() as u8, text.len() as u8);
        out.extend_from_slice(&[(field << 3 | 2) as u8, key_bytes + text_bytes + AROUND as u8, 1 << 3 | 2, key_bytes]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&[2 << 3 | 2, text_bytes + 2, 1 << 3 | 2, text_bytes]);
    } else {
        let text_bytes = text.len() as u64;
        before_value(out, field, key, 1 + proto::varint_bytes(text_bytes) + text.len());
        // Not left out when empty: an absent value would be another one.
        proto::varint(out, 1 << 3 | 2);
        proto::varint(out, text_bytes);
    }
    out.extend_from_slice(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, field: u32, key: &str, value: i64) {
    let value = value.cast_unsigned();
    before_value(out, field, key, 1 + proto::varint_bytes(value));
    out.push(3 << 3);
    proto::varint(out, value);
}

/// The key, and the tag and length of its value.
fn before_value(out: &mut Vec<u8>, field: u32, key: &str, value_bytes: usize) {
    let key_bytes = if key.is_empty() { 0 } else { 1 + proto::varint_bytes(key.len() as u64) + key.len() };
    let all = key_bytes + 1 + proto::varint_bytes(value_bytes as u64) + value_bytes;
    if all < proto::ONE_BYTE && field < 16 && !key.is_empty() {
        out.extend_from_slice(&[(field << 3 | 2) as u8, all as u8, 1 << 3 | 2, key.len() as u8]);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&[2 << 3 | 2, value_bytes as u8]);
        return;
    }
    proto::varint(out, u64::from(field << 3 | 2));
    proto::varint(out, all as u64);
    proto::bytes(out, 1, key.as_bytes());
    proto::varint(out, 2 << 3 | 2);
    proto::varint(out, value_bytes as u64);
}

/// The attributes of one span or log record: no key twice, what was left out is counted.
pub(super) struct Attributes<'a> {
    to: To<'a>,
    /// Marks of the keys that are there: whose mark is not among them is certainly not there, and no key has to be kept for
    /// that.
    seen: u128,
    dropped: u32,
}

/// Where attributes go.
enum To<'a> {
    Wire {
        out: &'a mut Vec<u8>,
        field: u32,
        /// Where the first of them begins.
        start: usize,
    },
    /// To somebody who carries them in another form.
    #[cfg(any(feature = "opentelemetry", feature = "reading"))]
    List(&'a mut Vec<(String, super::told::Told)>),
}

impl<'a> Attributes<'a> {
    #[inline]
    pub(super) fn new(out: &'a mut Vec<u8>, field: u32) -> Self {
        let start = out.len();
        Self { to: To::Wire { out, field, start }, seen: 0, dropped: 0 }
    }

    #[cfg(any(feature = "opentelemetry", feature = "reading"))]
    pub(super) fn into_list(list: &'a mut Vec<(String, super::told::Told)>) -> Self {
        Self { to: To::List(list), seen: 0, dropped: 0 }
    }

    /// One whose key is ours and therefore comes once.
    #[inline]
    pub(super) fn push<'v, const BYTES: usize>(&mut self, key: &'static Key<BYTES>, value: impl Into<Value<'v>>) {
        self.seen |= key.mark();
        let value = value.into();
        match &mut self.to {
            To::Wire { out, field, .. } => match value {
                Value::Str(value) if key.text(out, *field, value) => {}
                Value::I64(value) => key.integer(out, *field, value.cast_unsigned()),
                Value::U64(value) if value <= i64::MAX.cast_unsigned() => key.integer(out, *field, value),
                value => attribute(out, *field, key.name(), value),
            },
            #[cfg(any(feature = "opentelemetry", feature = "reading"))]
            To::List(list) => list.push((key.name().to_owned(), value.into())),
        }
    }

    /// One that may be absent.
    #[inline]
    pub(super) fn push_some<'v, const BYTES: usize>(&mut self, key: &'static Key<BYTES>, value: Option<impl Into<Value<'v>>>) {
        if let Some(value) = value {
            self.push(key, value);
        }
    }

    /// One whose key is only known here, and comes once as well.
    pub(super) fn push_named(&mut self, key: &str, value: Value<'_>) {
        self.seen |= mark(key);
        match &mut self.to {
            To::Wire { out, field, .. } => attribute(out, *field, key, value),
            #[cfg(any(feature = "opentelemetry", feature = "reading"))]
            To::List(list) => list.push((key.to_owned(), value.into())),
        }
    }

    /// What the application named; its keys give way to those that are there already.
    pub(super) fn push_fields<'f>(&mut self, fields: impl Iterator<Item = Field<'f>>) {
        for field in fields {
            let key = field.name();
            if key.is_empty() || self.has(key) {
                self.dropped = self.dropped.saturating_add(1);
            } else {
                self.push_named(key, field.value());
            }
        }
    }

    /// One that is an array of texts, its key in two parts.
    pub(super) fn push_texts<'v>(&mut self, prefix: &str, name: &str, values: impl Iterator<Item = &'v str>) {
        // Put together nowhere, so it has no mark of its own: any key may be it.
        self.seen = u128::MAX;
        match &mut self.to {
            To::Wire { out, field, .. } => push_texts(out, *field, [prefix, name], values),
            #[cfg(any(feature = "opentelemetry", feature = "reading"))]
            To::List(list) => {
                let values = values.map(str::to_owned).collect();
                list.push((format!("{prefix}{name}"), super::told::Told::Texts(values)));
            }
        }
    }

    /// Writes how many were left out, with those that the record had no room for; says how many that are.
    pub(super) fn finish(self, field: u32, dropped_before: u32) -> u32 {
        let dropped = self.dropped.saturating_add(dropped_before);
        match self.to {
            To::Wire { out, .. } => proto::number(out, field, u64::from(dropped)),
            #[cfg(any(feature = "opentelemetry", feature = "reading"))]
            To::List(_) => {}
        }
        dropped
    }

    fn has(&self, key: &str) -> bool {
        if self.seen & mark(key) == 0 {
            return false;
        }
        match &self.to {
            To::Wire { out, start, .. } => keys(out.get(*start..).unwrap_or_default()).any(|known| known == key.as_bytes()),
            #[cfg(any(feature = "opentelemetry", feature = "reading"))]
            To::List(list) => list.iter().any(|(known, _)| known == key),
        }
    }
}

/// The keys of attributes that were written one after the other; searching them there is cheaper than keeping them.
fn keys(attributes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut all = proto::Reader::new(attributes);
    std::iter::from_fn(move || {
        let (_, Wire::Bytes(pair)) = all.next()?? else { return None };
        match proto::Reader::new(pair).next()?? {
            (1, Wire::Bytes(key)) => Some(key),
            _ => Some(&[]),
        }
    })
}

fn push_texts<'v>(out: &mut Vec<u8>, field: u32, key: [&str; 2], values: impl Iterator<Item = &'v str>) {
    let key_bytes: usize = key.iter().map(|part| part.len()).sum();
    let pair = proto::begin(out, field);
    proto::varint(out, 1 << 3 | 2);
    proto::varint(out, key_bytes as u64);
    for part in key {
        out.extend_from_slice(part.as_bytes());
    }
    let value = proto::begin(out, 2);
    let array = proto::begin(out, 5);
    for text in values {
        let text_bytes = text.len() as u64;
        proto::varint(out, 1 << 3 | 2);
        proto::varint(out, 1 + proto::varint_bytes(text_bytes) as u64 + text_bytes);
        proto::varint(out, 1 << 3 | 2);
        proto::varint(out, text_bytes);
        out.extend_from_slice(text.as_bytes());
    }
    for start in [array, value, pair] {
        proto::end(out, start);
    }
}

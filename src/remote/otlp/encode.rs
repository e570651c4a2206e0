//! Records to export requests, written straight into protobuf.
//!
//! Building message structs first would cost about ten times more. The shape is one resource, one scope, and under it
//! every span or log record of the batch; what comes before the first of them is encoded once and copied from then on.

use tracing::level_filters::LevelFilter;

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
    keys: Keys,
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
    keys: Keys,
}

impl Logs {
    pub(in crate::remote) fn with(least: LevelFilter) -> Self {
        Self { least, head: Head::default(), keys: Keys::default() }
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
        let Self { sends, head, keys } = self;
        head.around(resource, out, |out| {
            for record in records {
                encode_span::record(out, keys, record, *sends);
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
        let Self { least, head, keys } = self;
        head.around(resource, out, |out| {
            for record in records {
                encode_log::record(out, keys, record, *least);
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
    use proto::{bytes, varint, varint_bytes};

    let text = |out: &mut Vec<u8>, text: &str| {
        let text_bytes = text.len() as u64;
        let value_bytes = 1 + varint_bytes(text_bytes) + text.len();
        before_value(out, field, key, value_bytes);
        // Not left out when empty: an absent value would be another one.
        varint(out, 1 << 3 | 2);
        varint(out, text_bytes);
        out.extend_from_slice(text.as_bytes());
    };
    let integer = |out: &mut Vec<u8>, value: i64| {
        let value = value.cast_unsigned();
        before_value(out, field, key, 1 + varint_bytes(value));
        varint(out, 3 << 3);
        varint(out, value);
    };
    match value {
        Value::Bool(value) => {
            before_value(out, field, key, 2);
            out.extend_from_slice(&[2 << 3, u8::from(value)]);
        }
        Value::I64(value) => integer(out, value),
        Value::U64(value) => match i64::try_from(value) {
            Ok(value) => integer(out, value),
            // OTLP has no unsigned numbers; the digits survive as text.
            Err(_) => text(out, &value.to_string()),
        },
        Value::F64(value) => {
            before_value(out, field, key, 9);
            out.push(4 << 3 | 1);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Str(value) => text(out, value),
    }

    /// The key, and the tag and length of its value.
    fn before_value(out: &mut Vec<u8>, field: u32, key: &str, value_bytes: usize) {
        let key_bytes = if key.is_empty() { 0 } else { 1 + varint_bytes(key.len() as u64) + key.len() };
        let all = key_bytes + 1 + varint_bytes(value_bytes as u64) + value_bytes;
        varint(out, u64::from(field << 3 | 2));
        varint(out, all as u64);
        bytes(out, 1, key.as_bytes());
        varint(out, 2 << 3 | 2);
        varint(out, value_bytes as u64);
    }
}

/// The attributes of one span or log record: no key twice, what was left out is counted.
pub(super) struct Attributes<'a> {
    to: To<'a>,
    dropped: u32,
}

/// Where attributes go.
enum To<'a> {
    Wire {
        out: &'a mut Vec<u8>,
        field: u32,
        keys: &'a mut Keys,
    },
    /// To somebody who carries them in another form.
    #[cfg(feature = "opentelemetry")]
    List(&'a mut Vec<(String, super::told::Told)>),
}

/// Where the keys of the current span or log record stand in the output.
#[derive(Default)]
pub(super) struct Keys(Vec<(usize, usize)>);

impl<'a> Attributes<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, field: u32, keys: &'a mut Keys) -> Self {
        keys.0.clear();
        Self { to: To::Wire { out, field, keys }, dropped: 0 }
    }

    #[cfg(feature = "opentelemetry")]
    pub(super) fn into_list(list: &'a mut Vec<(String, super::told::Told)>) -> Self {
        Self { to: To::List(list), dropped: 0 }
    }

    /// One whose key is ours and therefore comes once.
    pub(super) fn push<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        match &mut self.to {
            To::Wire { out, field, keys } => {
                let start = out.len();
                attribute(out, *field, key, value.into());
                keys.remember(out, start, key);
            }
            #[cfg(feature = "opentelemetry")]
            To::List(list) => list.push((key.to_owned(), value.into().into())),
        }
    }

    /// One that may be absent.
    pub(super) fn push_some<'v>(&mut self, key: &str, value: Option<impl Into<Value<'v>>>) {
        if let Some(value) = value {
            self.push(key, value);
        }
    }

    /// What the application named; its keys give way to those that are there already.
    pub(super) fn push_fields<'f>(&mut self, fields: impl Iterator<Item = Field<'f>>) {
        for field in fields {
            let key = field.name();
            if key.is_empty() || self.has(key) {
                self.dropped = self.dropped.saturating_add(1);
            } else {
                self.push(key, field.value());
            }
        }
    }

    /// One that is an array of texts, its key in two parts.
    pub(super) fn push_texts<'v>(&mut self, prefix: &str, name: &str, values: impl Iterator<Item = &'v str>) {
        match &mut self.to {
            To::Wire { out, field, keys } => push_texts(out, *field, keys, [prefix, name], values),
            #[cfg(feature = "opentelemetry")]
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
            #[cfg(feature = "opentelemetry")]
            To::List(_) => {}
        }
        dropped
    }

    fn has(&self, key: &str) -> bool {
        match &self.to {
            To::Wire { out, keys, .. } => keys.has(out, key),
            #[cfg(feature = "opentelemetry")]
            To::List(list) => list.iter().any(|(known, _)| known == key),
        }
    }
}

impl Keys {
    /// A key stands right behind the tags and lengths of its pair; searching it there is cheaper than keeping it.
    fn remember(&mut self, out: &[u8], start: usize, key: &str) {
        let written = out.get(start..).unwrap_or_default();
        // Tag, length of the pair, tag and length of the key: 4 to 9 bytes.
        let head = 1 + skip_varint(written.get(1..));
        let before = head + 1 + skip_varint(written.get(head + 1..));
        self.0.push((start + before, key.len()));
    }

    fn has(&self, out: &[u8], key: &str) -> bool {
        let is_same =
            |(start, length): &(usize, usize)| *length == key.len() && out.get(*start..start + length) == Some(key.as_bytes());
        self.0.iter().any(is_same)
    }
}

fn push_texts<'v>(out: &mut Vec<u8>, field: u32, keys: &mut Keys, key: [&str; 2], values: impl Iterator<Item = &'v str>) {
    let key_bytes = key.iter().map(|part| part.len()).sum();
    let pair = proto::begin(out, field);
    proto::varint(out, 1 << 3 | 2);
    proto::varint(out, key_bytes as u64);
    keys.0.push((out.len(), key_bytes));
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

/// How many bytes the varint at the start takes.
fn skip_varint(bytes: Option<&[u8]>) -> usize {
    bytes.unwrap_or_default().iter().position(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1)
}

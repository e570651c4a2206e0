//! A whole record as bytes.
//!
//! One version byte, then numbers as LEB128 and texts with their length, in a fixed order. Only texts that the record
//! still reaches are written: the buffer behind it may hold what was replaced. Names, targets and files repeat a lot and
//! are written once: `0` and the text, later the number of its first appearance. A later version of this format may add
//! to the end, which is not read.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use tracing::Level;

use super::Error;
use super::error::Kind as ErrorKind;
use crate::record::parts::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, FieldSlot, HeaderSlot, LinkSlot, List, Media, Origin, Parts, RedactionSlot,
    Side, Slot, SpanSlot, Text,
};
use crate::record::{FailureKind, Kind, Outcome, Record, RequestIdSource, SpanId, SpanKind, TraceFlags, TraceId};

const VERSION: u8 = 2;
/// The version before: without what `since_second` writes.
const FIRST: u8 = 1;

const KINDS: [Kind; 4] = [Kind::Request, Kind::Event, Kind::Span, Kind::Live];
const SOURCES: [RequestIdSource; 4] =
    [RequestIdSource::Generated, RequestIdSource::Inbound, RequestIdSource::Extension, RequestIdSource::Maker];
const SIDES: [Side; 3] = [Side::Request, Side::Response, Side::Trailer];
const MEDIA: [Media; 3] = [Media::Json, Media::Form, Media::Text];
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
const FAILURES: [FailureKind; 5] =
    [FailureKind::Attached, FailureKind::Service, FailureKind::Panic, FailureKind::Body, FailureKind::Rejection];

/// Appends a record.
pub(super) fn encode(record: &Record, out: &mut Vec<u8>) {
    let parts = record.parts();
    let mut writer = Writer { parts, out, names: HashMap::new() };
    writer.byte(VERSION);
    writer.head();
    writer.fields(parts.attributes);
    writer.number(parts.headers.len() as u64);
    for header in &parts.headers {
        writer.header(header);
    }
    writer.number(parts.spans.len() as u64);
    for span in &parts.spans {
        writer.bytes(&span.id.0);
        writer.bytes(&span.parent.0);
        writer.origin(&span.origin);
        writer.number(span.start_ns);
        writer.number(span.end_ns);
        writer.fields(span.fields);
    }
    writer.number(parts.events.len() as u64);
    for event in &parts.events {
        writer.number(event.time_ns);
        writer.bytes(&event.span.0);
        writer.origin(&event.origin);
        writer.text(event.message);
        writer.byte(u8::from(event.shown));
        writer.fields(event.fields);
    }
    writer.number(parts.failures.len() as u64);
    for failure in &parts.failures {
        writer.failure(failure);
    }
    for count in [parts.dropped_headers, parts.dropped_fields, parts.dropped_spans, parts.dropped_events, parts.dropped_failures]
    {
        writer.number(count.into());
    }
    writer.since_second();
}

/// Reads a record back.
///
/// # Errors
/// When the bytes are not a record of a known version.
pub(super) fn decode(bytes: &[u8]) -> Result<Record, Error> {
    match bytes.split_first() {
        Some((version @ &(FIRST | VERSION), rest)) => {
            let reader = Reader { rest, text: String::new(), names: Vec::new(), parts: Box::default() };
            reader.record(*version).ok_or_else(|| Error::new(ErrorKind::Damaged, "a stored record is damaged"))
        }
        Some((version, _)) => {
            let message = format!("a stored record has version {version}; the newest known one is {VERSION}");
            Err(Error::new(ErrorKind::Damaged, message))
        }
        None => Err(Error::new(ErrorKind::Damaged, "a stored record is empty")),
    }
}

/// Appends key and value pairs.
pub(super) fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in pairs.flat_map(|(key, value)| [key, value]) {
        number(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Reads key and value pairs, up to what is not one.
pub(super) fn decode_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader { rest: bytes, text: String::new(), names: Vec::new(), parts: Box::default() };
    std::iter::from_fn(|| Some((reader.str()?.to_owned(), reader.str()?.to_owned()))).collect()
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn index_of<T: PartialEq>(list: &[T], item: &T) -> u8 {
    list.iter().position(|known| known == item).and_then(|index| u8::try_from(index).ok()).unwrap_or_default()
}

struct Writer<'a> {
    parts: &'a Parts,
    out: &'a mut Vec<u8>,
    names: HashMap<&'a str, u64>,
}

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, value: u64) {
        number(self.out, value);
    }

    /// 0 for none, else one more than the number.
    fn option(&mut self, value: Option<u64>) {
        match value {
            None => self.byte(0),
            Some(value) => {
                self.byte(1);
                self.number(value);
            }
        }
    }

    fn text(&mut self, text: Text) {
        let text = self.parts.str(text);
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn option_text(&mut self, text: Option<Text>) {
        self.byte(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn name(&mut self, name: Text) {
        let text = self.parts.str(name);
        if let Some(known) = self.names.get(text).copied() {
            self.number(known);
        } else {
            self.names.insert(text, self.names.len() as u64 + 1);
            self.byte(0);
            self.text(name);
        }
    }

    fn head(&mut self) {
        let parts = self.parts;
        self.byte(index_of(&KINDS, &parts.kind));
        self.bytes(&parts.trace_id.0);
        self.bytes(&parts.span_id.0);
        self.bytes(&parts.parent_span_id.0);
        self.byte(parts.trace_flags.0);
        self.byte(u8::from(parts.parent_is_remote));
        self.text(parts.trace_state);
        self.text(parts.request_id);
        self.byte(index_of(&SOURCES, &parts.request_id_source));
        self.number(parts.sequence);
        self.number(parts.start_unix_ns);
        self.option(parts.head_ns);
        self.option(parts.first_byte_ns);
        self.number(parts.duration_ns);
        self.text(parts.method);
        self.option_text(parts.route);
        self.text(parts.path);
        self.option_text(parts.query);
        self.text(parts.scheme);
        self.option_text(parts.host);
        self.option(parts.port.map(u64::from));
        self.text(parts.protocol_version);
        self.peer(parts.peer);
        self.option_text(parts.user_agent);
        self.option(parts.status.map(u64::from));
        self.option(parts.rpc_status.map(u64::from));
        self.byte(u8::from(parts.is_rpc));
        self.byte(index_of(&Outcome::ALL, &parts.outcome));
        self.option(parts.request_bytes);
        self.number(parts.response_bytes);
    }

    /// What a record of the first version ends without.
    fn since_second(&mut self) {
        let parts = self.parts;
        for span in &parts.spans {
            self.byte(index_of(&SpanKind::ALL, &span.kind));
            self.name(span.error);
        }
        self.option_text(parts.inbound_request_id);
        self.byte(u8::from(parts.link.is_some()));
        if let Some(link) = parts.link {
            self.bytes(&link.trace_id.0);
            self.bytes(&link.span_id.0);
            self.byte(link.trace_flags.0);
        }
        self.byte(u8::from(parts.has_unknown_method));
        self.peer(parts.client.map(|client| SocketAddr::new(client, parts.client_port.unwrap_or_default())));
        self.option_text(parts.probe);
        for body in [parts.request_body, parts.response_body] {
            self.byte(u8::from(body.is_some()));
            if let Some(body) = body {
                self.byte(index_of(&MEDIA, &body.media));
                self.text(body.content);
                self.number(body.kept_bytes.into());
                self.text(body.skipped);
            }
        }
        self.option(parts.rpc_request_messages.map(u64::from));
        self.option(parts.rpc_response_messages.map(u64::from));
        self.number(parts.redactions.len() as u64);
        for redaction in &parts.redactions {
            self.name(redaction.place);
            self.name(redaction.key);
            self.name(redaction.rule);
            self.number(redaction.len.into());
            self.number(redaction.hash.into());
        }
    }

    fn peer(&mut self, peer: Option<SocketAddr>) {
        match peer.map(|peer| (peer.ip(), peer.port())) {
            None => self.byte(0),
            Some((IpAddr::V4(ip), port)) => {
                self.byte(4);
                self.bytes(&ip.octets());
                self.number(port.into());
            }
            Some((IpAddr::V6(ip), port)) => {
                self.byte(6);
                self.bytes(&ip.octets());
                self.number(port.into());
            }
        }
    }

    fn fields(&mut self, list: List) {
        let parts = self.parts;
        self.number(parts.list(list).count() as u64);
        for FieldSlot { name, value, .. } in parts.list(list) {
            self.name(*name);
            match *value {
                Slot::Bool(value) => self.byte(u8::from(value)),
                Slot::I64(value) => {
                    self.byte(2);
                    // Zigzag: small negative numbers stay short.
                    self.number(((value << 1) ^ (value >> 63)) as u64);
                }
                Slot::U64(value) => {
                    self.byte(3);
                    self.number(value);
                }
                Slot::F64(value) => {
                    self.byte(4);
                    self.bytes(&value.to_bits().to_le_bytes());
                }
                Slot::Text(text) => {
                    self.byte(5);
                    self.text(text);
                }
            }
        }
    }

    fn origin(&mut self, origin: &Origin) {
        self.name(origin.name);
        self.name(origin.target);
        self.name(origin.file);
        self.number(origin.line.into());
        self.byte(index_of(&LEVELS, &origin.level));
    }

    fn header(&mut self, header: &HeaderSlot) {
        self.byte(index_of(&SIDES, &header.side));
        self.name(header.name);
        self.option_text(header.value);
        self.number(header.len.into());
    }

    fn failure(&mut self, failure: &FailureSlot) {
        self.byte(index_of(&FAILURES, &failure.kind));
        self.number(failure.time_ns);
        self.bytes(&failure.span.0);
        self.name(failure.type_name);
        self.text(failure.message);
        self.name(failure.file);
        self.number(failure.line.into());
        self.text(failure.backtrace);
        let (first, count) = failure.causes;
        let range = first as usize..(first as usize).saturating_add(count as usize);
        let causes = self.parts.causes.get(range).unwrap_or_default();
        self.number(causes.len() as u64);
        for cause in causes {
            self.name(cause.type_name);
            self.text(cause.message);
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// The texts, put into the record last: until then its lists have all the room that they had when it was made.
    text: String,
    names: Vec<Text>,
    parts: Box<Parts>,
}

impl<'a> Reader<'a> {
    fn record(mut self, version: u8) -> Option<Record> {
        self.head()?;
        self.parts.attributes = self.fields()?;
        for _ in 0..self.number()? {
            let header = self.header()?;
            self.parts.headers.push(header);
        }
        for _ in 0..self.number()? {
            let (id, parent) = (SpanId(self.array()?), SpanId(self.array()?));
            let (origin, start_ns, end_ns) = (self.origin()?, self.number()?, self.number()?);
            let fields = self.fields()?;
            let (kind, error) = (SpanKind::Internal, Text::EMPTY);
            self.parts.spans.push(SpanSlot { id, parent, origin, kind, error, start_ns, end_ns, fields });
        }
        for _ in 0..self.number()? {
            let (time_ns, span) = (self.number()?, SpanId(self.array()?));
            let (origin, message, shown) = (self.origin()?, self.text()?, self.byte()? != 0);
            let fields = self.fields()?;
            self.parts.events.push(EventSlot { time_ns, span, origin, message, fields, shown });
        }
        for _ in 0..self.number()? {
            let failure = self.failure()?;
            self.parts.failures.push(failure);
        }
        self.parts.dropped_headers = self.u32()?;
        self.parts.dropped_fields = self.u32()?;
        self.parts.dropped_spans = self.u32()?;
        self.parts.dropped_events = self.u32()?;
        self.parts.dropped_failures = self.u32()?;
        if version > FIRST {
            self.since_second()?;
        }
        self.parts.text = self.text;
        Some(Record::new(self.parts))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn u32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn option(&mut self) -> Option<Option<u64>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(self.number()?)),
        }
    }

    fn option_small<T: TryFrom<u64>>(&mut self) -> Option<Option<T>> {
        self.option()?.map(|value| value.try_into().ok()).map_or(Some(None), |value| value.map(Some))
    }

    fn str(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        std::str::from_utf8(bytes).ok()
    }

    fn text(&mut self) -> Option<Text> {
        let text = self.str()?;
        let start = u32::try_from(self.text.len()).ok()?;
        self.text.push_str(text);
        Some(Text::Range { start, len: u32::try_from(text.len()).ok()? })
    }

    fn option_text(&mut self) -> Option<Option<Text>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(self.text()?)),
        }
    }

    fn name(&mut self) -> Option<Text> {
        match self.number()?.checked_sub(1) {
            Some(index) => self.names.get(usize::try_from(index).ok()?).copied(),
            None => {
                let text = self.text()?;
                self.names.push(text);
                Some(text)
            }
        }
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(usize::from(self.byte()?)).copied()
    }

    fn head(&mut self) -> Option<()> {
        self.parts.kind = self.one_of(&KINDS)?;
        self.parts.trace_id = TraceId(self.array()?);
        self.parts.span_id = SpanId(self.array()?);
        self.parts.parent_span_id = SpanId(self.array()?);
        self.parts.trace_flags = TraceFlags(self.byte()?);
        self.parts.parent_is_remote = self.byte()? != 0;
        self.parts.trace_state = self.text()?;
        self.parts.request_id = self.text()?;
        self.parts.request_id_source = self.one_of(&SOURCES)?;
        self.parts.sequence = self.number()?;
        self.parts.start_unix_ns = self.number()?;
        self.parts.head_ns = self.option()?;
        self.parts.first_byte_ns = self.option()?;
        self.parts.duration_ns = self.number()?;
        self.parts.method = self.text()?;
        self.parts.route = self.option_text()?;
        self.parts.path = self.text()?;
        self.parts.query = self.option_text()?;
        self.parts.scheme = self.text()?;
        self.parts.host = self.option_text()?;
        self.parts.port = self.option_small()?;
        self.parts.protocol_version = self.text()?;
        self.parts.peer = self.peer()?;
        self.parts.user_agent = self.option_text()?;
        self.parts.status = self.option_small()?;
        self.parts.rpc_status = self.option_small()?;
        self.parts.is_rpc = self.byte()? != 0;
        self.parts.outcome = self.one_of(&Outcome::ALL)?;
        self.parts.request_bytes = self.option()?;
        self.parts.response_bytes = self.number()?;
        Some(())
    }

    fn since_second(&mut self) -> Option<()> {
        for at in 0..self.parts.spans.len() {
            let (kind, error) = (self.one_of(&SpanKind::ALL)?, self.name()?);
            if let Some(span) = self.parts.spans.get_mut(at) {
                (span.kind, span.error) = (kind, error);
            }
        }
        self.parts.inbound_request_id = self.option_text()?;
        if self.byte()? != 0 {
            let (trace_id, span_id) = (TraceId(self.array()?), SpanId(self.array()?));
            self.parts.link = Some(LinkSlot { trace_id, span_id, trace_flags: TraceFlags(self.byte()?) });
        }
        self.parts.has_unknown_method = self.byte()? != 0;
        let client = self.peer()?;
        self.parts.client = client.map(|client| client.ip());
        self.parts.client_port = client.map(|client| client.port()).filter(|port| *port > 0);
        self.parts.probe = self.option_text()?;
        self.parts.request_body = self.body()?;
        self.parts.response_body = self.body()?;
        self.parts.rpc_request_messages = self.option_small()?;
        self.parts.rpc_response_messages = self.option_small()?;
        for _ in 0..self.number()? {
            let (place, key, rule) = (self.name()?, self.name()?, self.name()?);
            let (len, hash) = (self.u32()?, self.u32()?);
            self.parts.redactions.push(RedactionSlot { place, key, rule, len, hash });
        }
        Some(())
    }

    fn body(&mut self) -> Option<Option<BodySlot>> {
        if self.byte()? == 0 {
            return Some(None);
        }
        Some(Some(BodySlot {
            media: self.one_of(&MEDIA)?,
            content: self.text()?,
            kept_bytes: self.u32()?,
            skipped: self.text()?,
        }))
    }

    fn peer(&mut self) -> Option<Option<SocketAddr>> {
        let ip: IpAddr = match self.byte()? {
            0 => return Some(None),
            4 => self.array::<4>()?.into(),
            6 => self.array::<16>()?.into(),
            _ => return None,
        };
        Some(Some(SocketAddr::new(ip, self.number()?.try_into().ok()?)))
    }

    fn fields(&mut self) -> Option<List> {
        let mut list = List::default();
        for _ in 0..self.number()? {
            let name = self.name()?;
            let value = match self.byte()? {
                0 => Slot::Bool(false),
                1 => Slot::Bool(true),
                2 => {
                    let zigzag = self.number()?;
                    Slot::I64((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
                }
                3 => Slot::U64(self.number()?),
                4 => Slot::F64(f64::from_bits(u64::from_le_bytes(self.array()?))),
                5 => Slot::Text(self.text()?),
                _ => return None,
            };
            self.parts.push_field(&mut list, name, value);
        }
        Some(list)
    }

    fn origin(&mut self) -> Option<Origin> {
        let (name, target, file) = (self.name()?, self.name()?, self.name()?);
        Some(Origin { name, target, file, line: self.u32()?, level: self.one_of(&LEVELS)? })
    }

    fn header(&mut self) -> Option<HeaderSlot> {
        let (side, name, value) = (self.one_of(&SIDES)?, self.name()?, self.option_text()?);
        Some(HeaderSlot { side, name, value, len: self.u32()? })
    }

    fn failure(&mut self) -> Option<FailureSlot> {
        let (kind, time_ns, span) = (self.one_of(&FAILURES)?, self.number()?, SpanId(self.array()?));
        let (type_name, message, file) = (self.name()?, self.text()?, self.name()?);
        let (line, backtrace) = (self.u32()?, self.text()?);
        let first = u32::try_from(self.parts.causes.len()).ok()?;
        let count = self.u32()?;
        for _ in 0..count {
            let cause = CauseSlot { type_name: self.name()?, message: self.text()? };
            self.parts.causes.push(cause);
        }
        Some(FailureSlot { kind, time_ns, span, type_name, message, file, line, backtrace, causes: (first, count) })
    }
}

//! Bytes become a record.

use std::net::{IpAddr, SocketAddr};

use super::{FIRST, KINDS, LEVELS, MEDIA, SECOND, SIDES, SOURCES, THIRD, preset};
use crate::record::parts::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, HeaderSlot, LinkSlot, List, Look, Origin, Parts, RedactionSlot, Slot, SpanSlot,
    Text,
};
use crate::record::{FailureKind, GroupId, Kept, Kind, Outcome, Record, SpanId, SpanKind, TraceFlags, TraceId, Vitals};

pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// The texts, put into the record last: until then its lists have all the room that they had when it was made.
    text: String,
    names: Vec<Text>,
    /// Whether texts stand for others, and some for none that was written.
    has_presets: bool,
    parts: Box<Parts>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], version: u8) -> Self {
        let (text, names) = (String::with_capacity(bytes.len()), Vec::with_capacity(16));
        Self { rest: bytes, text, names, has_presets: version > THIRD, parts: Box::default() }
    }

    /// What comes first, up to the attributes.
    pub(super) fn start(mut self) -> Option<Record> {
        self.head()?;
        self.parts.attributes = self.fields()?;
        self.parts.text = self.text;
        Some(Record::new(self.parts))
    }

    pub(super) fn record(mut self, version: u8) -> Option<Record> {
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
        if version > SECOND {
            self.since_third()?;
        } else if self.parts.kind == Kind::Request {
            // Nothing was left out then.
            self.parts.kept = Some(Kept::All);
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

    pub(super) fn str(&mut self) -> Option<&'a str> {
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
        let number = self.number()?;
        if number == 0 {
            let text = self.text()?;
            self.names.push(text);
            return Some(text);
        }
        let known = if self.has_presets { preset::COUNT } else { 0 };
        match number.checked_sub(known + 1) {
            Some(index) => self.names.get(usize::try_from(index).ok()?).copied(),
            None => preset::text_of(number).map(Text::Static),
        }
    }

    /// A text that may stand for another.
    fn shared(&mut self) -> Option<Text> {
        if self.has_presets { self.name() } else { self.text() }
    }

    fn option_shared(&mut self) -> Option<Option<Text>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(self.shared()?)),
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
        self.parts.request_id = self.shared()?;
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
        self.parts.host = self.option_shared()?;
        self.parts.port = self.option_small()?;
        self.parts.protocol_version = self.text()?;
        self.parts.peer = self.peer()?;
        self.parts.user_agent = self.option_shared()?;
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

    fn since_third(&mut self) -> Option<()> {
        self.parts.kept = match self.option()? {
            Some(index) => Some(*Kept::ALL.get(usize::try_from(index).ok()?)?),
            None => None,
        };
        self.parts.weight = self.ratio()?;
        self.parts.is_flagged = self.byte()? != 0;
        self.parts.in_flight = self.option_small()?;
        self.parts.in_flight_on_route = self.option_small()?;
        if self.byte()? != 0 {
            self.parts.vitals = Some(Vitals {
                unix_ns: self.number()?,
                memory_bytes: self.option()?,
                open_files: self.option_small()?,
                cpu_ratio: self.ratio()?,
                runtime_lag_ns: self.option()?,
                runtime_busy_ratio: self.ratio()?,
                runtime_tasks: self.option_small()?,
            });
        }
        self.parts.group = self.option()?.map(GroupId);
        self.parts.group_key = self.text()?;
        self.parts.report = self.option_small()?;
        self.parts.thinned = self.u32()?;
        self.parts.counts_client_errors = self.byte()? != 0;
        for at in 0..self.parts.failures.len() {
            let event_ns = self.option()?;
            if let Some(failure) = self.parts.failures.get_mut(at) {
                failure.event_ns = event_ns;
            }
        }
        Some(())
    }

    fn ratio(&mut self) -> Option<Option<f64>> {
        match self.byte()? {
            0 => Some(None),
            _ => Some(Some(f64::from_bits(u64::from_le_bytes(self.array()?)))),
        }
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
        let (side, name, value) = (self.one_of(&SIDES)?, self.name()?, self.option_shared()?);
        Some(HeaderSlot { side, look: Look::Name, name, value, len: self.u32()? })
    }

    fn failure(&mut self) -> Option<FailureSlot> {
        let (kind, time_ns, span) = (self.one_of(&FailureKind::ALL)?, self.number()?, SpanId(self.array()?));
        let (type_name, message, file) = (self.name()?, self.text()?, self.name()?);
        let (line, backtrace) = (self.u32()?, self.text()?);
        let first = u32::try_from(self.parts.causes.len()).ok()?;
        let count = self.u32()?;
        for _ in 0..count {
            let cause = CauseSlot { type_name: self.name()?, message: self.text()? };
            self.parts.causes.push(cause);
        }
        let causes = (first, count);
        Some(FailureSlot { type_name, message, file, line, backtrace, causes, ..FailureSlot::new(kind, (span, time_ns)) })
    }
}

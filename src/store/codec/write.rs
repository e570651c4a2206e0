//! A record becomes bytes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use super::{KINDS, LEVELS, MEDIA, SIDES, SOURCES, preset};
use crate::record::parts::{FailureSlot, FieldSlot, HeaderSlot, List, Origin, Parts, Slot, Text};
use crate::record::{FailureKind, Kept, Outcome, SpanKind};

/// Appends everything behind the version.
pub(super) fn record(parts: &Parts, out: &mut Vec<u8>) {
    let mut writer = Writer { parts, out, names: Names::default() };
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
    writer.since_third();
}

pub(super) fn number(out: &mut Vec<u8>, mut value: u64) {
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
    names: Names<'a>,
}

/// Names that were written, in the order of their numbers.
#[derive(Default)]
struct Names<'a> {
    few: Vec<&'a str>,
    more: HashMap<&'a str, u64>,
}

impl<'a> Names<'a> {
    /// Names that are looked for one by one: of most records there are no more, and that is quicker then.
    const FEW: usize = 32;

    /// The number of a name that is known or was written; `None` for one that comes for the first time.
    fn number(&mut self, name: &'a str) -> Option<u64> {
        if let Some(at) = self.few.iter().position(|known| *known == name) {
            return Some(preset::COUNT + at as u64 + 1);
        }
        if let Some(number) = preset::number_of(name) {
            return Some(number);
        }
        if self.few.len() < Self::FEW {
            if self.few.is_empty() {
                self.few.reserve_exact(Self::FEW);
            }
            self.few.push(name);
            return None;
        }
        let next = preset::COUNT + (self.few.len() + self.more.len()) as u64 + 1;
        match self.more.entry(name) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(place) => {
                place.insert(next);
                None
            }
        }
    }
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

    fn option_name(&mut self, name: Option<Text>) {
        self.byte(u8::from(name.is_some()));
        if let Some(name) = name {
            self.name(name);
        }
    }

    fn name(&mut self, name: Text) {
        let text = self.parts.str(name);
        if let Some(known) = self.names.number(text) {
            self.number(known);
        } else {
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
        self.name(parts.request_id);
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
        self.option_name(parts.host);
        self.option(parts.port.map(u64::from));
        self.text(parts.protocol_version);
        self.peer(parts.peer);
        self.option_name(parts.user_agent);
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

    /// What a record of the second version ends without.
    fn since_third(&mut self) {
        let parts = self.parts;
        self.option(parts.kept.map(|kept| index_of(&Kept::ALL, &kept).into()));
        self.ratio(parts.weight);
        self.byte(u8::from(parts.is_flagged));
        self.option(parts.in_flight.map(u64::from));
        self.option(parts.in_flight_on_route.map(u64::from));
        self.byte(u8::from(parts.vitals.is_some()));
        if let Some(vitals) = parts.vitals {
            self.number(vitals.unix_ns);
            self.option(vitals.memory_bytes);
            self.option(vitals.open_files.map(u64::from));
            self.ratio(vitals.cpu_ratio);
            self.option(vitals.runtime_lag_ns);
            self.ratio(vitals.runtime_busy_ratio);
            self.option(vitals.runtime_tasks.map(u64::from));
        }
        self.option(parts.group.map(|group| group.0));
        self.text(parts.group_key);
        self.option(parts.report.map(u64::from));
        self.number(parts.thinned.into());
        self.byte(u8::from(parts.counts_client_errors));
        for failure in &parts.failures {
            self.option(failure.event_ns);
        }
    }

    fn ratio(&mut self, ratio: Option<f64>) {
        self.byte(u8::from(ratio.is_some()));
        if let Some(ratio) = ratio {
            self.bytes(&ratio.to_bits().to_le_bytes());
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
        self.option_name(header.value);
        self.number(header.len.into());
    }

    fn failure(&mut self, failure: &FailureSlot) {
        self.byte(index_of(&FailureKind::ALL, &failure.kind));
        self.number(failure.time_ns);
        self.bytes(&failure.span.0);
        self.name(failure.type_name);
        self.text(failure.message);
        self.name(failure.file);
        self.number(failure.line.into());
        self.text(failure.backtrace);
        let causes = self.parts.causes_of(failure);
        self.number(causes.len() as u64);
        for cause in causes {
            self.name(cause.type_name);
            self.text(cause.message);
        }
    }
}

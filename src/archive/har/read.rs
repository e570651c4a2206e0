//! Entries become requests, one after the other: the file is never held.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::net::SocketAddr;
use std::rc::Rc;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::wire::{Content, Entry, Header};
use super::write::WITHHELD;
use crate::archive::address::Address;
use crate::archive::imported::{Imported, Place, complaint};
use crate::archive::make::{MAX_BODY_BYTES, Maker, push_field_text, push_uri, push_word};
use crate::base64;
use crate::group;
use crate::propagator::request_id::RequestId;
use crate::record::parts::{FailureSlot, Parts, Side, Text};
use crate::record::{FailureKind, Kept, Outcome, Record, RequestIdSource, Resource, SpanId, TraceFlags, TraceId};

/// Bytes of one entry, at most.
const MAX_ENTRY_BYTES: usize = 64 * 1024 * 1024;
/// Ids that are remembered.
const MAX_KNOWN: usize = 2_000_000;

/// Reads every entry. What cannot be read is told in `imported`; an error is that of `made`.
pub(in crate::archive) fn read<E>(
    input: &mut dyn BufRead,
    maker: &Maker,
    imported: &mut Imported,
    mut made: impl FnMut(Resource, Record) -> Result<(), E>,
) -> Result<(), E> {
    let room = Rc::new(Cell::new(MAX_ENTRY_BYTES));
    let reader = Bounded { input, room: Rc::clone(&room) };
    let (mut entries, mut known, mut stopped) = (0, HashSet::new(), None);
    let mut take = |raw: &RawValue| {
        room.set(MAX_ENTRY_BYTES);
        entries += 1;
        match serde_json::from_str(raw.get()) {
            Ok(entry) => {
                let Some((resource, record)) = request(maker, entry, entries) else {
                    imported.unreadable(Place::Entry(entries), "it has no method and no address");
                    return true;
                };
                if known.len() < MAX_KNOWN && !known.insert(record.span_id()) {
                    imported.copies += 1;
                    return true;
                }
                stopped = made(resource, record).err();
            }
            Err(error) => imported.unreadable(Place::Entry(entries), complaint(&error)),
        }
        stopped.is_none()
    };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let whole = Whole { take: &mut take, has_log: false };
    let done = whole.deserialize(&mut json).and_then(|has_log| json.end().map(|()| has_log));
    if let Some(error) = stopped {
        return Err(error);
    }
    match done {
        Ok(true) => {}
        Ok(false) => imported.unreadable(Place::File, "it has no \"log\" with \"entries\": it is no HAR"),
        Err(error) if error.is_io() => {
            let what =
                format!("what comes next cannot be read, or is larger than {} MiB; the rest was left out", MAX_ENTRY_BYTES >> 20);
            imported.unreadable(Place::Entry(entries + 1), what);
        }
        Err(error) => {
            let after = if entries > 0 { format!(", after entry {entries}") } else { String::new() };
            imported.unreadable(Place::Line(error.line() as u64), format!("{}{after}", complaint(&error)));
        }
    }
    Ok(())
}

/// Fails where too much comes without an entry's end.
struct Bounded<'a> {
    input: &'a mut dyn BufRead,
    room: Rc<Cell<usize>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let room = self.room.get().checked_sub(read).ok_or_else(|| io::Error::other("an entry is too large"))?;
        self.room.set(room);
        Ok(read)
    }
}

/// The document: `{"log": …}`. Yields whether there were entries.
struct Whole<'t> {
    take: &'t mut dyn FnMut(&RawValue) -> bool,
    has_log: bool,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a HAR")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "log" => self.has_log |= map.next_value_seed(Log { take: self.take })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.has_log)
    }
}

/// The log: `{"entries": …}`.
struct Log<'t> {
    take: &'t mut dyn FnMut(&RawValue) -> bool,
}

impl<'de> DeserializeSeed<'de> for Log<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Log<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log of a HAR")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut has_entries = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "entries" {
                has_entries = true;
                map.next_value_seed(Entries { take: self.take })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(has_entries)
    }
}

/// The entries.
struct Entries<'t> {
    take: &'t mut dyn FnMut(&RawValue) -> bool,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element::<Box<RawValue>>()? {
            if !(self.take)(&raw) {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// The record of an entry.
fn request(maker: &Maker, entry: Entry, number: u64) -> Option<(Resource, Record)> {
    let Entry { request, response, own, .. } = &entry;
    if request.method.is_empty() && request.url.is_empty() {
        return None;
    }
    let mut parts = Box::new(Parts { kept: Some(Kept::All), ..Parts::default() });
    let url = Address::of(&request.url);
    times(&mut parts, &entry);
    ids(&mut parts, &entry, number);
    parts.method = push_word(&mut parts, &request.method);
    parts.scheme = push_word(&mut parts, url.scheme);
    parts.host = (!url.host.is_empty()).then(|| push_word(&mut parts, url.host));
    parts.port = url.port;
    parts.path = push_uri(&mut parts, url.path);
    parts.query = url.query.map(|query| push_uri(&mut parts, query));
    parts.route = own.route.as_deref().map(|route| push_uri(&mut parts, route));
    let version = if response.http_version.is_empty() { &request.http_version } else { &response.http_version };
    parts.protocol_version = Text::Static(self::version(version));
    parts.status =
        whole(response.status).and_then(|status| u16::try_from(status).ok()).filter(|status| (100..1000).contains(status));
    parts.client = own.client.as_deref().and_then(|client| client.parse().ok());
    let of_request = headers(maker, &mut parts, Side::Request, &request.headers);
    let of_response = headers(maker, &mut parts, Side::Response, &response.headers);
    let agent = parts.headers.iter().find(|it| it.side == Side::Request && parts.str(it.name) == "user-agent");
    parts.user_agent = agent.and_then(|header| header.value);
    parts.is_rpc = of_request.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    parts.request_bytes = whole(request.body_size);
    if let Some(data) = &request.post_data {
        let text = if data.text.is_empty() { form(&data.params) } else { data.text.clone() };
        let seen = parts.request_bytes.unwrap_or_default().max(text.len() as u64);
        parts.request_bytes = Some(seen);
        parts.request_body = Some(Maker::body(&mut parts, &of_request, &data.mime_type, text.as_bytes(), seen));
    }
    answer(&mut parts, &response.content, &of_response);
    parts.response_bytes = parts.response_bytes.max(whole(response.body_size).unwrap_or_default());
    // The text may have become shorter or longer when its secrets were taken out.
    let told = [own.request_body_kept_bytes, own.response_body_kept_bytes];
    for (slot, kept_bytes) in [&mut parts.request_body, &mut parts.response_body].into_iter().zip(told) {
        if let (Some(slot), Some(kept_bytes)) = (slot, kept_bytes) {
            slot.kept_bytes = kept_bytes;
        }
    }
    end(&mut parts, &entry);
    let resource = resource(maker, &entry, url.host);
    Some((resource, maker.finish(parts, &[])?))
}

fn times(parts: &mut Parts, entry: &Entry) {
    let start = entry.started_date_time.parse::<Timestamp>().ok().map(|at| at.as_nanosecond());
    parts.start_unix_ns = start.and_then(|start| u64::try_from(start).ok()).unwrap_or_default();
    parts.duration_ns = nanoseconds(entry.time);
    parts.head_ns = parts.duration_ns.checked_sub(nanoseconds(entry.timings.receive)).filter(|_| entry.response.status > 0.0);
}

/// Those of ours are kept; others are made of the entry, so that they are the same when it is read again.
fn ids(parts: &mut Parts, entry: &Entry, number: u64) {
    let own = &entry.own;
    parts.span_id = own.id.as_deref().and_then(SpanId::parse).unwrap_or_else(|| {
        let number = number.to_string();
        let made =
            group::hash([&number, &entry.started_date_time, &entry.request.method, &entry.request.url].map(|text| text.as_str()));
        SpanId(made.max(1).to_be_bytes())
    });
    let named = |headers: &[Header], name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.clone()).filter(|value| !value.is_empty())
    };
    let parent = named(&entry.request.headers, "traceparent");
    if let Some((trace_id, span_id, flags)) = parent.as_deref().and_then(traceparent) {
        (parts.trace_id, parts.parent_span_id, parts.trace_flags, parts.parent_is_remote) = (trace_id, span_id, flags, true);
    }
    if let Some(trace_id) = own.trace_id.as_deref().and_then(TraceId::parse) {
        parts.trace_id = trace_id;
        parts.parent_span_id = own.parent_span_id.as_deref().and_then(SpanId::parse).unwrap_or_default();
    }
    let given = own.request_id.clone();
    let given = given.or_else(|| named(&entry.response.headers, "x-request-id"));
    let given = given.or_else(|| named(&entry.request.headers, "x-request-id")).unwrap_or_default();
    if RequestId::parse(given.as_bytes()).is_some() {
        parts.request_id = push_word(parts, &given);
        parts.request_id_source = RequestIdSource::Inbound;
    }
}

fn traceparent(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let mut words = value.split('-').skip(1);
    let (trace_id, span_id) = (TraceId::parse(words.next()?)?, SpanId::parse(words.next()?)?);
    Some((trace_id, span_id, TraceFlags(u8::from_str_radix(words.next()?, 16).ok()?)))
}

fn headers(maker: &Maker, parts: &mut Parts, side: Side, headers: &[Header]) -> http::HeaderMap {
    let (kept, withheld): (Vec<_>, Vec<_>) = headers.iter().partition(|header| header.comment != WITHHELD);
    let map = maker.headers(parts, side, kept.into_iter().map(|header| (header.name.as_str(), header.value.as_str())));
    for header in withheld {
        maker.stored_header(parts, side, &header.name, None, 0);
    }
    map
}

/// Fields of a form, where they stand in place of its text.
fn form(params: &[Header]) -> String {
    let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = params.iter().map(|param| format!("{}={}", encode(&param.name), encode(&param.value))).collect();
    pairs.join("&")
}

fn answer(parts: &mut Parts, content: &Content, headers: &http::HeaderMap) {
    parts.response_bytes = whole(content.size).unwrap_or_default();
    let Some(text) = &content.text else { return };
    let decoded = content.encoding.eq_ignore_ascii_case("base64").then(|| base64::decode(text, MAX_BODY_BYTES));
    let bytes = match &decoded {
        None => text.as_bytes(),
        Some(Some(bytes)) => bytes,
        Some(None) => return,
    };
    let seen = parts.response_bytes.max(bytes.len() as u64);
    parts.response_bytes = seen;
    parts.response_body = Some(Maker::body(parts, headers, &content.mime_type, bytes, seen));
}

fn end(parts: &mut Parts, entry: &Entry) {
    let told = entry.own.outcome.as_deref().and_then(Outcome::parse);
    parts.outcome = match (told, parts.status) {
        (Some(outcome), _) => outcome,
        (None, Some(101)) => Outcome::Upgraded,
        (None, Some(_)) if entry.response.error.is_empty() => Outcome::Answered,
        (None, Some(_)) => Outcome::BodyError,
        // Whoever recorded it went away, or was sent away.
        (None, None) if entry.response.error.is_empty() || entry.response.error.contains("ABORTED") => {
            Outcome::ClientGoneBeforeHead
        }
        (None, None) => Outcome::Failed,
    };
    let is_failed = matches!(parts.outcome, Outcome::Failed | Outcome::Panicked | Outcome::BodyError);
    if is_failed || !entry.response.error.is_empty() {
        let type_name = push_word(parts, entry.own.error_type.as_deref().unwrap_or_default());
        let message = push_field_text(parts, &entry.response.error);
        if parts.str(type_name).is_empty() && parts.str(message).is_empty() {
            return;
        }
        let at = (parts.span_id, parts.duration_ns);
        parts.push_failure(FailureSlot { type_name, message, ..FailureSlot::new(FailureKind::Service, at) });
    }
    if let Ok(ip) = entry.server_ip_address.trim_matches(['[', ']']).parse() {
        // Whom the browser spoke to; who asked is not told.
        let address = SocketAddr::new(ip, parts.port.unwrap_or_default());
        let value = push_word(parts, &address.ip().to_string());
        parts.set_attribute(Text::Static("server.ip"), crate::record::parts::Slot::Text(value));
    }
}

/// The service of an entry of ours; of another, the host that was asked.
fn resource(maker: &Maker, entry: &Entry, host: &str) -> Resource {
    let own = &entry.own;
    let service = own.service.as_deref().filter(|service| !service.is_empty()).unwrap_or(host);
    let mut pairs = vec![("service.name".to_owned(), service.to_owned())];
    for (name, value) in [("service.version", &own.release), ("service.instance.id", &own.instance)] {
        pairs.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
    }
    maker.resource(&pairs)
}

/// `HTTP/2.0`, `h2`, `http/1.1`: as many names as there are browsers.
fn version(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "http/1.0" => "1.0",
        "http/1.1" => "1.1",
        "http/2" | "http/2.0" | "h2" => "2",
        "http/3" | "http/3.0" | "h3" => "3",
        _ => "",
    }
}

/// What is not known is -1.
fn whole(number: f64) -> Option<u64> {
    (0.0..9e15).contains(&number).then_some(number as u64)
}

fn nanoseconds(ms: f64) -> u64 {
    if ms > 0.0 && ms < 9e9 { (ms * 1e6).round() as u64 } else { 0 }
}

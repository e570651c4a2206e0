//! The buffer behind a record: one growable text, and slots that point into it.
//!
//! Written on the request's own thread, so everything here is a copy or a push: texts go into one `String`, numbers and
//! ids into slots, names that live as long as the program (of callsites) stay references. A cleared buffer keeps its
//! capacity, which is what makes the next request cheap.

mod append;
mod body;
mod failure;
mod headers;
mod named;
mod pack;
mod retain;
mod slots;
mod thin;

use std::fmt::{self, Write as _};
use std::net::{IpAddr, SocketAddr};

pub(crate) use self::headers::HeaderCopy;
use self::slots::NONE;
pub(crate) use self::slots::{
    BodySlot, CauseSlot, EventSlot, FailureSlot, FieldSlot, HeaderSlot, LinkSlot, List, Look, Media, OPEN, OpenSpan, Origin,
    RedactionSlot, Side, Slot, SpanSlot, Text,
};
use self::thin::Scarce;
use super::{GroupId, Kept, Kind, Outcome, RequestIdSource, SpanId, TraceFlags, TraceId, Value, Vitals};

/// Upper bound for the text of one field.
pub(crate) const MAX_FIELD_BYTES: usize = 16 * 1024;
/// Upper bound for the text of one backtrace; the innermost frames stand first.
pub(crate) const MAX_BACKTRACE_BYTES: usize = 32 * 1024;
/// Upper bound for the texts of one event together.
pub(crate) const MAX_EVENT_BYTES: usize = 60 * 1024;
/// Upper bound for everything in one record.
pub(crate) const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// Upper bound for the name that the application gives to a group.
pub(crate) const MAX_GROUP_KEY_BYTES: usize = 200;
/// Upper bound for one kept header value.
pub(crate) const MAX_HEADER_BYTES: usize = 1024;
/// Upper bound for kept headers in each direction.
pub(crate) const MAX_HEADERS: usize = 64;
/// Upper bound for spans in one record.
pub(crate) const MAX_SPANS: usize = 512;
/// Upper bound for events in one record.
pub(crate) const MAX_EVENTS: usize = 2048;
/// Upper bound for fields of one span or event, and for attributes of a request.
pub(crate) const MAX_FIELDS: u32 = 128;
/// Upper bound for failures of one record, and for causes of one failure.
pub(crate) const MAX_FAILURES: usize = 16;
/// Upper bound for redactions that are told one by one.
pub(crate) const MAX_REDACTIONS: usize = 128;
/// What marks a text that was cut.
pub(crate) const CUT_MARK: &str = "…[cut]";

/// What only the writing needs; it lies here because the buffer is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    /// Spans that are entered right now, innermost last.
    pub(crate) stack: Vec<SpanId>,
    pub(crate) open: Vec<OpenSpan>,
    /// A router is inside, and no layer in it told of routes yet, matched or not.
    pub(crate) misses_route_layer: bool,
    /// The bytes of the request's body are counted.
    pub(crate) counts_request_bytes: bool,
}

/// A record while it is written, and the storage of it when it is finished.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: SpanId,
    pub(crate) trace_flags: TraceFlags,
    pub(crate) parent_is_remote: bool,
    pub(crate) trace_state: Text,
    pub(crate) request_id: Text,
    pub(crate) request_id_source: RequestIdSource,
    /// What the caller sent for a request id and was not taken, in a form that does no harm.
    pub(crate) inbound_request_id: Option<Text>,
    /// The caller's trace, where a new one was begun all the same.
    pub(crate) link: Option<LinkSlot>,
    pub(crate) sequence: u64,

    pub(crate) start_unix_ns: u64,
    pub(crate) head_ns: Option<u64>,
    pub(crate) first_byte_ns: Option<u64>,
    pub(crate) duration_ns: u64,

    pub(crate) method: Text,
    /// The method is none of those that the settings know.
    pub(crate) has_unknown_method: bool,
    pub(crate) route: Option<Text>,
    pub(crate) path: Text,
    pub(crate) query: Option<Text>,
    pub(crate) scheme: Text,
    pub(crate) host: Option<Text>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol_version: Text,
    pub(crate) peer: Option<SocketAddr>,
    /// Who asked, as a trusted proxy told it.
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_port: Option<u16>,
    /// Which health checker it came from; a name that lives for ever.
    pub(crate) probe: Option<Text>,
    pub(crate) user_agent: Option<Text>,
    pub(crate) status: Option<u16>,
    pub(crate) rpc_status: Option<u8>,
    pub(crate) is_rpc: bool,
    pub(crate) outcome: Outcome,
    pub(crate) request_bytes: Option<u64>,
    pub(crate) response_bytes: u64,
    pub(crate) request_body: Option<BodySlot>,
    pub(crate) response_body: Option<BodySlot>,
    /// Messages of gRPC that were seen whole.
    pub(crate) rpc_request_messages: Option<u32>,
    pub(crate) rpc_response_messages: Option<u32>,

    /// Why its detail travels; decided at the end.
    pub(crate) kept: Option<Kept>,
    /// How many it stands for, where that is not one.
    pub(crate) weight: Option<f64>,
    /// The settings have a 4xx, and every code of gRPC but OK, count as failed.
    pub(crate) counts_client_errors: bool,
    /// The application asked for its detail.
    pub(crate) is_flagged: bool,
    /// Somebody asked for its detail while the process runs, or the request carried a token.
    pub(crate) is_asked: bool,
    /// Its trace is sampled only because of a token that turned out to be for another user.
    pub(crate) is_sampled_in_vain: bool,
    /// More was captured than the settings say; it goes again unless the record turns out to be asked for.
    pub(crate) on_trial: bool,
    /// Its bodies are only there because somebody might have asked for them.
    pub(crate) has_extra_bodies: bool,
    pub(crate) in_flight: Option<u32>,
    pub(crate) in_flight_on_route: Option<u32>,
    pub(crate) vitals: Option<Vitals>,
    pub(crate) group: Option<GroupId>,
    /// What the application named its group; empty where it did not.
    pub(crate) group_key: Text,
    /// Number of a report about a running request.
    pub(crate) report: Option<u32>,
    /// The report is worth a line on the console; not stored.
    pub(crate) is_shown: bool,

    pub(crate) attributes: List,
    pub(crate) fields: Vec<FieldSlot>,
    pub(crate) headers: Vec<HeaderSlot>,
    pub(crate) spans: Vec<SpanSlot>,
    pub(crate) events: Vec<EventSlot>,
    pub(crate) failures: Vec<FailureSlot>,
    pub(crate) causes: Vec<CauseSlot>,
    pub(crate) redactions: Vec<RedactionSlot>,
    pub(crate) dropped_headers: u32,
    pub(crate) dropped_fields: u32,
    pub(crate) dropped_spans: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_failures: u32,
    /// Events and spans that gave way to later ones.
    pub(crate) thinned: u32,
    /// Bytes that are counted against the budget of whoever holds it.
    pub(crate) charged_bytes: usize,
    /// Its capacities together when it was last counted.
    pub(crate) charged_room: usize,
    /// The budget is used up: what is new takes the place of what is old, in the room that there is.
    pub(crate) is_full: bool,
    /// It gave memory back for others.
    pub(crate) has_given: bool,
    /// It is full of what cannot give way: nothing is tried any more.
    pub(crate) is_stuck: bool,

    pub(crate) text: String,
    pub(crate) scratch: Scratch,
}

impl Parts {
    /// Empties it for the next record; the capacity stays.
    pub(crate) fn clear(&mut self) {
        fn empty<T>(list: &mut Vec<T>) -> Vec<T> {
            let mut list = std::mem::take(list);
            list.clear();
            list
        }
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let Scratch { stack, open, .. } = &mut self.scratch;
        let scratch = Scratch { stack: empty(stack), open: empty(open), ..Scratch::default() };
        *self = Self {
            fields: empty(&mut self.fields),
            headers: empty(&mut self.headers),
            spans: empty(&mut self.spans),
            events: empty(&mut self.events),
            failures: empty(&mut self.failures),
            causes: empty(&mut self.causes),
            redactions: empty(&mut self.redactions),
            text,
            scratch,
            ..Self::default()
        };
    }

    /// Bytes that it holds, capacity included.
    pub(crate) fn size_bytes(&self) -> usize {
        fn of<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        size_of::<Self>()
            + self.text.capacity()
            + of(&self.fields)
            + of(&self.headers)
            + of(&self.spans)
            + of(&self.events)
            + of(&self.failures)
            + of(&self.causes)
            + of(&self.redactions)
            + of(&self.scratch.stack)
            + of(&self.scratch.open)
    }

    /// Capacities of what grows while a request runs: changes with every growth, and costs a fraction of [`size_bytes`].
    ///
    /// [`size_bytes`]: Self::size_bytes
    pub(crate) fn room(&self) -> usize {
        self.text.capacity() + self.fields.capacity() + self.events.capacity() + self.spans.capacity()
    }

    /// What has been written so far, in bytes; capacity does not count.
    #[inline]
    fn used_bytes(&self) -> usize {
        self.text.len()
            + size_of_val(self.fields.as_slice())
            + size_of_val(self.spans.as_slice())
            + size_of_val(self.events.as_slice())
    }

    /// The text itself.
    pub(crate) fn str(&self, text: Text) -> &str {
        match text {
            Text::Static(text) => text,
            Text::Range { start, len } => {
                let start = start as usize;
                self.text.get(start..start + len as usize).unwrap_or_default()
            }
        }
    }

    /// Copies a text in, cut after `max` bytes at a character's border.
    pub(crate) fn push_text(&mut self, text: &str, max: usize) -> Text {
        let start = self.text.len();
        // Nearly always there is room for all of it.
        if text.len() <= max && !self.is_full && start.saturating_add(text.len()) <= MAX_RECORD_BYTES {
            self.text.push_str(text);
            return Text::Range { start: start as u32, len: text.len() as u32 };
        }
        self.push_start(text, max)
    }

    /// Copies in as much of a text as there is room for.
    #[cold]
    fn push_start(&mut self, text: &str, max: usize) -> Text {
        let max = max.min(self.text_room());
        if text.len() > max {
            return self.push_cut(text, max);
        }
        self.push_whole(text)
    }

    #[inline]
    fn push_whole(&mut self, text: &str) -> Text {
        let start = self.text.len();
        self.text.push_str(text);
        self.range_from(start)
    }

    #[cold]
    fn push_cut(&mut self, text: &str, max: usize) -> Text {
        if max == 0 {
            return Text::Static(CUT_MARK);
        }
        let start = self.text.len();
        let (kept, _) = cut_at(text, max);
        self.text.push_str(kept);
        self.text.push_str(CUT_MARK);
        self.range_from(start)
    }

    /// Formats a value straight into the buffer, cut after `max` bytes; a formatter that fails or panics leaves a mark.
    pub(crate) fn push_fmt(&mut self, max: usize, value: fmt::Arguments<'_>) -> Text {
        match value.as_str() {
            Some(text) => self.push_text(text, max),
            None => self.push_formatted(max, value),
        }
    }

    /// The same for a value that is never a text alone.
    pub(crate) fn push_formatted(&mut self, max: usize, value: fmt::Arguments<'_>) -> Text {
        let max = max.min(self.text_room());
        if max == 0 {
            return Text::Static(CUT_MARK);
        }
        let start = self.text.len();
        let mut writer = Bounded { text: &mut self.text, left: max, cut: false };
        // A user's `Debug` runs here: its panic must not take the request down, and what it wrote so far is kept.
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.write_fmt(value)));
        let cut = writer.cut;
        if !matches!(written, Ok(Ok(()))) {
            self.text.push_str(if cut && written.is_ok() { CUT_MARK } else { "<unprintable>" });
        }
        self.range_from(start)
    }

    #[inline]
    fn range_from(&self, start: usize) -> Text {
        // The text is never anywhere near 4 GiB: see `text_room`.
        Text::Range { start: start as u32, len: self.text.len().wrapping_sub(start) as u32 }
    }

    /// Copies bytes of a header in; what is not UTF-8 is replaced.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8], max: usize) -> Text {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push_text(text, max),
            Err(_) => {
                let kept = bytes.get(..max.min(bytes.len())).unwrap_or_default();
                let text = String::from_utf8_lossy(kept);
                self.push_text(&text, max)
            }
        }
    }

    /// Stores a value.
    #[inline]
    pub(crate) fn push_value(&mut self, value: Value<'_>, max: usize) -> Slot {
        match value {
            Value::Bool(value) => Slot::Bool(value),
            Value::I64(value) => Slot::I64(value),
            Value::U64(value) => Slot::U64(value),
            Value::F64(value) => Slot::F64(value),
            Value::Str(text) => Slot::Text(self.push_text(text, max)),
        }
    }

    /// [`push_field`](Self::push_field) of a span or event for which there is [plenty](Self::has_plenty) of room.
    #[inline]
    pub(crate) fn push_field_in_plenty(&mut self, list: &mut List, name: &'static str, value: Slot) {
        let field = FieldSlot { name: Text::Static(name), value, next: NONE, digest: named::UNKNOWN };
        self.push_fitting(list, field, true);
    }

    /// Appends a field to `list`; false when it had to be dropped, which is counted.
    pub(crate) fn push_field(&mut self, list: &mut List, name: Text, value: Slot) -> bool {
        self.push_named(list, name, value, named::UNKNOWN)
    }

    fn push_named(&mut self, list: &mut List, name: Text, value: Slot, digest: u32) -> bool {
        let fits = match self.is_full {
            true => self.fields.len() < self.fields.capacity(),
            false => self.has_room(size_of::<FieldSlot>()),
        };
        self.push_fitting(list, FieldSlot { name, value, next: NONE, digest }, fits)
    }

    #[inline]
    fn push_fitting(&mut self, list: &mut List, field: FieldSlot, fits: bool) -> bool {
        if list.count >= MAX_FIELDS || !fits {
            self.dropped_fields = self.dropped_fields.saturating_add(1);
            return false;
        }
        // Each of them takes bytes of a record that has no 4 GiB.
        let index = self.fields.len() as u32;
        self.fields.push(field);
        if let Some(last) = self.fields.get_mut(list.last as usize) {
            last.next = index;
        } else {
            list.first = index;
        }
        list.last = index;
        list.count += 1;
        true
    }

    /// Sets a field of `list`, replacing an earlier value of the same name.
    pub(crate) fn set_field(&mut self, list: &mut List, name: Text, value: Slot) {
        let digest = named::digest(self.str(name));
        match self.find_field(*list, self.str(name), digest) {
            Some(at) => self.replace_value(at, value),
            None => {
                self.push_named(list, name, value, digest);
            }
        }
    }

    /// Moves a text that was written last into the place of the one that it replaces, where it fits. What is set again and
    /// again would otherwise fill the record.
    fn in_place_of(&mut self, old: Slot, new: Slot) -> Slot {
        let (Slot::Text(Text::Range { start: to, len: room }), Slot::Text(Text::Range { start: from, len })) = (old, new) else {
            return new;
        };
        let (from, place) = (from as usize, to as usize..(to as usize).saturating_add(room as usize));
        let is_last = from.saturating_add(len as usize) == self.text.len() && from >= place.end;
        if len > room || !is_last || self.text.get(place.clone()).is_none() {
            return new;
        }
        let mut moved = self.text.split_off(from);
        moved.extend(std::iter::repeat_n(' ', room.saturating_sub(len) as usize));
        self.text.replace_range(place, &moved);
        Slot::Text(Text::Range { start: to, len })
    }

    /// Sets an attribute of the request, replacing an earlier one of the same name.
    pub(crate) fn set_attribute(&mut self, name: Text, value: Slot) {
        let mut list = self.attributes;
        self.set_field(&mut list, name, value);
        self.attributes = list;
    }

    /// The fields of a list, in order.
    pub(crate) fn list(&self, list: List) -> impl Iterator<Item = &FieldSlot> + Clone + '_ {
        let mut at = list.first;
        std::iter::from_fn(move || {
            let field = self.fields.get(at as usize)?;
            at = field.next;
            Some(field)
        })
    }

    /// Appends a span; false when there was no room, which is counted.
    pub(crate) fn push_span(&mut self, span: SpanSlot) -> bool {
        let admitted = self.admits_span();
        if admitted {
            self.spans.push(span);
        }
        admitted
    }

    /// Whether a span fits, where need be after older detail gave way; counts it as dropped when it does not.
    #[inline]
    pub(crate) fn admits_span(&mut self) -> bool {
        (self.spans.len() < MAX_SPANS && self.has_plenty()) || self.makes_room_for_span()
    }

    fn makes_room_for_span(&mut self) -> bool {
        let admitted = (self.has_span_slot() || (self.thin(Scarce::Spans) && self.has_span_slot()))
            && self.makes_room(size_of::<SpanSlot>());
        self.count_span(admitted)
    }

    /// [`admits_span`](Self::admits_span) where there are bytes for it, and texts must not move.
    pub(super) fn admits_span_in_place(&mut self) -> bool {
        let admitted = self.has_span_slot() || (self.thin_in_place(Scarce::Spans) && self.has_span_slot());
        self.count_span(admitted)
    }

    fn has_span_slot(&self) -> bool {
        let most = if self.is_full { self.spans.capacity() } else { MAX_SPANS };
        self.spans.len() < most.min(MAX_SPANS)
    }

    fn count_span(&mut self, admitted: bool) -> bool {
        self.dropped_spans = self.dropped_spans.saturating_add(u32::from(!admitted));
        admitted
    }

    /// Whether an event fits, where need be after older detail gave way; counts it as dropped when it does not.
    #[inline]
    pub(crate) fn admits_event(&mut self) -> bool {
        (self.events.len() < MAX_EVENTS && self.has_plenty()) || self.makes_room_for_event()
    }

    fn makes_room_for_event(&mut self) -> bool {
        let admitted = (self.has_event_slot() || (self.thin(Scarce::Events) && self.has_event_slot()))
            && self.makes_room(size_of::<EventSlot>() + 256);
        self.count_event(admitted)
    }

    /// [`admits_event`](Self::admits_event) where there are bytes for it, and texts must not move.
    pub(super) fn admits_event_in_place(&mut self) -> bool {
        let admitted = self.has_event_slot() || (self.thin_in_place(Scarce::Events) && self.has_event_slot());
        self.count_event(admitted)
    }

    fn has_event_slot(&self) -> bool {
        let most = if self.is_full { self.events.capacity() } else { MAX_EVENTS };
        self.events.len() < most.min(MAX_EVENTS)
    }

    fn count_event(&mut self, admitted: bool) -> bool {
        self.dropped_events = self.dropped_events.saturating_add(u32::from(!admitted));
        admitted
    }

    /// Whether another detail of `bytes` fits, where need be after older detail gave way.
    pub(super) fn makes_room(&mut self, bytes: usize) -> bool {
        self.has_room(bytes) || (self.thin(Scarce::Bytes) && self.has_room(bytes))
    }

    /// Whether an attribute fits; counts it as dropped when it does not.
    pub(crate) fn admits_attribute(&mut self, bytes: usize) -> bool {
        let admitted = self.makes_room(size_of::<FieldSlot>() + bytes.min(2 * MAX_FIELD_BYTES));
        if !admitted {
            self.dropped_fields = self.dropped_fields.saturating_add(1);
        }
        admitted
    }

    /// Makes room for what a failure has to say: detail gives way to it, and beyond that so much is allowed even where
    /// memory is short.
    pub(crate) fn make_room_for_failure(&mut self) {
        const FAILURE_BYTES: usize = 4 * 1024;
        if self.failures.len() < MAX_FAILURES && !self.makes_room(FAILURE_BYTES) && self.is_full {
            self.text.reserve(FAILURE_BYTES);
        }
    }

    /// Tells of something that was taken out; beyond the limit it is not told.
    pub(crate) fn push_redaction(&mut self, redaction: RedactionSlot) {
        if self.redactions.len() < MAX_REDACTIONS {
            self.redactions.push(redaction);
        }
    }
}

/// A text of the buffer by its place.
fn range(start: usize, len: usize) -> Text {
    Text::Range { start: u32::try_from(start).unwrap_or(NONE), len: u32::try_from(len).unwrap_or_default() }
}

/// The longest start of `text` that has at most `max` bytes, and whether something was cut.
pub(crate) fn cut_at(text: &str, max: usize) -> (&str, bool) {
    if text.len() <= max {
        return (text, false);
    }
    let border = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    (text.get(..border).unwrap_or_default(), true)
}

/// Takes what fits and then refuses, so that a formatter without end is stopped.
struct Bounded<'a> {
    text: &'a mut String,
    left: usize,
    cut: bool,
}

impl Bounded<'_> {
    #[cold]
    fn write_start(&mut self, text: &str) -> fmt::Result {
        let (kept, _) = cut_at(text, self.left);
        self.text.push_str(kept);
        self.left -= kept.len();
        self.cut = true;
        Err(fmt::Error)
    }
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.left {
            return self.write_start(text);
        }
        self.text.push_str(text);
        self.left -= text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::record::SpanKind;

    #[test]
    fn a_text_is_cut_at_a_character_and_marked() {
        let mut parts = Parts::default();
        let text = parts.push_text("aäb", 2);
        assert_eq!(parts.str(text), format!("a{CUT_MARK}"));
        let text = parts.push_fmt(4, format_args!("{}-{}", "abc", "def"));
        assert_eq!(parts.str(text), format!("abc-{CUT_MARK}"));
    }

    #[test]
    fn a_panicking_formatter_leaves_a_mark() {
        struct Bad;
        impl fmt::Debug for Bad {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("so far ")?;
                panic!("in Debug");
            }
        }
        let mut parts = Parts::default();
        let text = parts.push_fmt(100, format_args!("{:?}", Bad));
        assert_eq!(parts.str(text), "so far <unprintable>");
    }

    #[test]
    fn setting_an_attribute_twice_keeps_one() {
        let mut parts = Parts::default();
        for value in [1, 2] {
            parts.set_attribute(Text::Static("a"), Slot::I64(value));
        }
        parts.set_attribute(Text::Static("b"), Slot::Bool(true));
        let all: Vec<_> = parts.list(parts.attributes).map(|field| (parts.str(field.name), field.value)).collect();
        assert_eq!(all, [("a", Slot::I64(2)), ("b", Slot::Bool(true))]);
    }

    #[test]
    fn appending_moves_texts_and_closes_known_spans() {
        let origin = |name: Text| Origin { name, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: Level::INFO };
        let (one, two) = (SpanId([1; 8]), SpanId([2; 8]));
        let mut main = Parts::default();
        main.push_text("before", 100);
        let name = main.push_text("one", 100);
        main.push_span(SpanSlot {
            id: one,
            parent: SpanId::INVALID,
            origin: origin(name),
            kind: SpanKind::Internal,
            error: Text::EMPTY,
            start_ns: 1,
            end_ns: OPEN,
            fields: List::default(),
        });
        let mut other = Parts::default();
        let name = other.push_text("two", 100);
        let value = other.push_text("value", 100);
        let mut fields = List::default();
        other.push_field(&mut fields, Text::Static("key"), Slot::Text(value));
        other.push_span(SpanSlot {
            id: one,
            parent: SpanId::INVALID,
            origin: origin(Text::EMPTY),
            kind: SpanKind::Internal,
            error: Text::EMPTY,
            start_ns: 0,
            end_ns: 7,
            fields,
        });
        other.push_span(SpanSlot {
            id: two,
            parent: one,
            origin: origin(name),
            kind: SpanKind::Internal,
            error: Text::EMPTY,
            start_ns: 3,
            end_ns: 5,
            fields: List::default(),
        });
        main.append(&other);
        assert_eq!(main.spans.len(), 2);
        assert_eq!((main.str(main.spans[0].origin.name), main.spans[0].end_ns), ("one", 7));
        assert_eq!(main.str(main.spans[1].origin.name), "two");
        let field = main.list(main.spans[0].fields).next().unwrap();
        assert_eq!(field.value, Slot::Text(Text::Range { start: 12, len: 5 }));
        assert_eq!(main.str(Text::Range { start: 12, len: 5 }), "value");
    }
}

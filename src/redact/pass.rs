//! One pass over a finished record.

use super::REDACTED;
use super::familiar::Familiar;
use super::header::{MESSAGE, known, reason_of_header};
use super::named::is_named;
use super::note::Notes;
use super::reading::Reading;
use super::rules::Rules;
use crate::record::parts::{
    BodySlot, EventSlot, FieldSlot, HeaderSlot, Look, MAX_REDACTIONS, Parts, RedactionSlot, Side, Slot, Text,
};
use crate::record::{Record, Redaction};

/// An attribute that is a whole URL.
const URL: &str = "url.full";
/// Kept where it is the record's own; it is never taken for anything else then.
const REQUEST_ID: &str = "x-request-id";

impl Rules {
    /// Takes the secrets out of a finished record; their bytes are overwritten.
    pub(crate) fn record(&self, record: &mut Record) {
        self.record_of_many(record, &mut Familiar::nothing());
    }

    /// The same for who has many of them, each time with what is known from those before.
    pub(crate) fn record_of_many(&self, record: &mut Record, familiar: &mut Familiar) {
        let parts = record.parts_mut();
        let mut pass = Pass { rules: self, parts, moved: Vec::new() };
        pass.headers(familiar);
        if !self.is_off {
            pass.head();
            pass.fields();
            pass.said();
            pass.failures();
            pass.bodies();
        }
    }
}

impl Rules {
    /// Takes the secrets out of the name of a group that was given after everything else was redacted.
    pub(crate) fn group_key(&self, record: &mut Record) {
        if !self.is_off {
            Pass { rules: self, parts: record.parts_mut(), moved: Vec::new() }.group_key();
        }
    }
}

struct Pass<'a> {
    rules: &'a Rules,
    parts: &'a mut Parts,
    /// Texts that went elsewhere, as two slots may stand for the same one.
    moved: Vec<(Text, Text)>,
}

impl Pass<'_> {
    fn headers(&mut self, familiar: &mut Familiar) {
        for at in 0..self.parts.headers.len() {
            let Some(header) = self.parts.headers.get(at).filter(|header| !self.is_plain_header(header, familiar)).copied()
            else {
                continue;
            };
            let name = self.parts.str(header.name);
            let Some(reason) = reason_of_header(name) else {
                if let Some(value) = header.value {
                    let value = self.header(header, value);
                    if let Some(header) = self.parts.headers.get_mut(at) {
                        header.value = value;
                    }
                }
                continue;
            };
            if self.rules.hasher.is_none() {
                let place = Text::Static(Redaction::HEADER);
                let slot = RedactionSlot { place, key: header.name, rule: Text::Static(reason), len: header.len, hash: 0 };
                self.parts.push_redaction(slot);
            }
            // Withheld already, unless a setting allowed what no setting may allow.
            if let Some(value) = header.value {
                let shown = self.parts.str(value);
                let name = self.parts.str(header.name);
                if matches!(name, "cookie" | "set-cookie") && is_named(name, shown) {
                    continue;
                }
                erase(self.parts, value);
                if let Some(header) = self.parts.headers.get_mut(at) {
                    header.value = None;
                }
            }
        }
    }

    /// Whether a header, as nearly all are, is kept by its name, has no secret in its value, and needs no closer look.
    fn is_plain_header(&self, header: &HeaderSlot, familiar: &mut Familiar) -> bool {
        match (header.look, header.value) {
            (Look::Familiar, Some(value)) => familiar.is_clear(self.bytes(value), |value| !self.rules.may_hide_plainly(value)),
            (Look::Value, Some(value)) => self.is_plain(value),
            // The record's own id.
            (Look::Name, Some(value)) if value.is_same_place(self.parts.request_id) => true,
            (_, value) => self.is_kept(header.name) && value.is_none_or(|value| self.is_plain(value)),
        }
    }

    /// Whether nothing but the value of a header has to be looked at, by its name.
    fn is_kept(&self, name: Text) -> bool {
        let name = self.parts.str(name);
        known(name).is_some_and(|known| known.is_kept) && name != MESSAGE
    }

    /// What is shown of the value of a header that is no secret by its name.
    fn header(&mut self, header: HeaderSlot, value: Text) -> Option<Text> {
        let name = self.parts.str(header.name);
        let is_id = name == REQUEST_ID;
        if is_id && self.parts.str(value) == self.parts.str(self.parts.request_id) {
            return Some(value);
        }
        if is_id && header.side == Side::Request && !self.rules.shows_by_setting(name) {
            // Someone's that was not believed.
            erase(self.parts, value);
            return None;
        }
        if self.rules.is_off {
            return Some(value);
        }
        let reading = if name == MESSAGE { Reading::Percent } else { Reading::Plain };
        Some(self.text(value, Redaction::HEADER, header.name, reading))
    }

    fn head(&mut self) {
        self.parts.path = self.text(self.parts.path, "url.path", Text::EMPTY, Reading::Path);
        self.parts.query = self.option(self.parts.query, "url.query", Reading::Query);
        if !self.parts.host.is_some_and(|text| self.is_of_header(text)) {
            self.parts.host = self.option(self.parts.host, "server.address", Reading::Plain);
        }
        if !self.parts.user_agent.is_some_and(|text| self.is_of_header(text)) {
            self.parts.user_agent = self.option(self.parts.user_agent, "user_agent.original", Reading::Plain);
        }
        self.parts.inbound_request_id = self.option(self.parts.inbound_request_id, "request_id", Reading::Plain);
        self.parts.trace_state = self.text(self.parts.trace_state, "tracestate", Text::EMPTY, Reading::Plain);
        self.group_key();
    }

    /// Whether host or agent stand where their header does, which was read already, and nothing was found in any.
    fn is_of_header(&self, text: Text) -> bool {
        self.moved.is_empty()
            && self.parts.headers.iter().any(|header| header.value.is_some_and(|value| value.is_same_place(text)))
    }

    fn group_key(&mut self) {
        self.parts.group_key = self.text(self.parts.group_key, "campanile.group", Text::EMPTY, Reading::Plain);
    }

    /// All fields of spans and events and all attributes stand in one list.
    fn fields(&mut self) {
        for at in 0..self.parts.fields.len() {
            let Some(field) = self.parts.fields.get(at).filter(|field| !self.is_plain_field(field)).copied() else {
                continue;
            };
            let value = match (self.rules.keys().field(self.parts.str(field.name)), field.value) {
                // Whether there is a token is no secret.
                (_, Slot::Bool(_)) => continue,
                (Some(reason), value) => self.secret(field.name, value, reason),
                (None, Slot::Text(text)) => {
                    let reading = if self.parts.str(field.name) == URL { Reading::Url } else { Reading::Plain };
                    Slot::Text(self.text(text, "field", field.name, reading))
                }
                (None, number) => match self.number(number) {
                    Some(reason) => self.secret(field.name, number, reason),
                    None => continue,
                },
            };
            if let Some(field) = self.parts.fields.get_mut(at) {
                field.value = value;
            }
        }
    }

    /// Whether a field, as nearly all are, needs no closer look.
    fn is_plain_field(&self, field: &FieldSlot) -> bool {
        match field.value {
            Slot::Bool(_) => true,
            _ if self.rules.keys().may_name(self.bytes(field.name)) => false,
            Slot::Text(text) => self.is_plain(text) && self.bytes(field.name) != URL.as_bytes(),
            number => self.number(number).is_none(),
        }
    }

    /// Why a number is a secret.
    fn number(&self, value: Slot) -> Option<&'static str> {
        /// The smallest number with as many digits as a card has at least.
        const SHORTEST_CARD: u64 = 1_000_000_000_000;
        let is_short = match value {
            Slot::I64(number) => number.unsigned_abs() < SHORTEST_CARD,
            Slot::U64(number) => number < SHORTEST_CARD,
            Slot::F64(number) => number.abs() < SHORTEST_CARD as f64,
            Slot::Text(_) | Slot::Bool(_) => true,
        };
        if is_short && self.rules.patterns.is_none() {
            return None;
        }
        let text = match value {
            Slot::I64(number) => number.to_string(),
            Slot::U64(number) => number.to_string(),
            Slot::F64(number) => number.to_string(),
            Slot::Text(_) | Slot::Bool(_) => return None,
        };
        self.rules.number(&text)
    }

    /// A field whose name or value says that it is a secret.
    fn secret(&mut self, name: Text, value: Slot, reason: &'static str) -> Slot {
        let text = match value {
            Slot::Text(text) => self.parts.str(text).to_owned(),
            Slot::I64(number) => number.to_string(),
            Slot::U64(number) => number.to_string(),
            Slot::F64(number) => number.to_string(),
            Slot::Bool(truth) => truth.to_string(),
        };
        if text == REDACTED {
            return value;
        }
        if let Slot::Text(text) = value {
            erase(self.parts, text);
        }
        let mut notes = self.rules.notes(1);
        notes.push("", reason, &text);
        self.tell(notes, "field", name);
        Slot::Text(Text::Static(REDACTED))
    }

    /// Names and messages.
    fn said(&mut self) {
        for at in 0..self.parts.spans.len() {
            let Some((name, target)) = self.parts.spans.get(at).map(|span| (span.origin.name, span.origin.target)) else { break };
            // Of a callsite both live as long as the program.
            if let (Text::Static(_), Text::Static(_)) = (name, target) {
                continue;
            }
            let name = self.text(name, "span", Text::EMPTY, Reading::Plain);
            let target = self.text(target, "span", Text::EMPTY, Reading::Plain);
            if let Some(span) = self.parts.spans.get_mut(at) {
                (span.origin.name, span.origin.target) = (name, target);
            }
        }
        for at in 0..self.parts.events.len() {
            let is_plain = |event: &&EventSlot| self.is_plain(event.message) && self.is_plain(event.origin.target);
            let Some(event) = self.parts.events.get(at).filter(|event| !is_plain(event)) else { continue };
            let (message, target) = (event.message, event.origin.target);
            let message = self.text(message, "event", Text::EMPTY, Reading::Plain);
            // One of a record of the crate `log` is whatever its author wrote.
            let target = self.text(target, "event", Text::EMPTY, Reading::Plain);
            if let Some(event) = self.parts.events.get_mut(at) {
                (event.message, event.origin.target) = (message, target);
            }
        }
    }

    fn failures(&mut self) {
        for at in 0..self.parts.failures.len() {
            let Some(failure) = self.parts.failures.get(at).copied() else { break };
            let message = self.text(failure.message, "exception.message", Text::EMPTY, Reading::Plain);
            let backtrace = self.text(failure.backtrace, "exception.stacktrace", Text::EMPTY, Reading::Plain);
            if let Some(failure) = self.parts.failures.get_mut(at) {
                (failure.message, failure.backtrace) = (message, backtrace);
            }
        }
        for at in 0..self.parts.causes.len() {
            let Some(message) = self.parts.causes.get(at).map(|cause| cause.message) else { break };
            let message = self.text(message, "exception.message", Text::EMPTY, Reading::Plain);
            if let Some(cause) = self.parts.causes.get_mut(at) {
                cause.message = message;
            }
        }
    }

    fn bodies(&mut self) {
        if let Some(body) = self.parts.request_body {
            let seen = self.parts.request_bytes;
            let body = self.body(body, "http.request.body.content", seen.is_none_or(|seen| seen > body.kept_bytes.into()));
            self.parts.request_body = Some(body);
        }
        if let Some(body) = self.parts.response_body {
            let is_cut = self.parts.response_bytes > body.kept_bytes.into();
            self.parts.response_body = Some(self.body(body, "http.response.body.content", is_cut));
        }
    }

    fn body(&mut self, body: BodySlot, place: &'static str, is_cut: bool) -> BodySlot {
        let content = self.text(body.content, place, Text::EMPTY, Reading::Body(body.media, is_cut));
        BodySlot { content, ..body }
    }

    fn option(&mut self, text: Option<Text>, place: &'static str, reading: Reading) -> Option<Text> {
        text.map(|text| self.text(text, place, Text::EMPTY, reading))
    }

    /// A text without its secrets. One that lives as long as the program is part of the program.
    #[inline]
    fn text(&mut self, old: Text, place: &'static str, key: Text, reading: Reading) -> Text {
        if self.may_hide(old, reading) { self.read(old, place, key, reading) } else { old }
    }

    /// Whether there may be one in it.
    fn may_hide(&self, text: Text, reading: Reading) -> bool {
        matches!(text, Text::Range { len: 1.., .. }) && self.rules.may_hide(self.bytes(text), reading)
    }

    /// Whether there is none in a text that is nothing but that.
    #[inline]
    fn is_plain(&self, text: Text) -> bool {
        matches!(text, Text::Static(_)) || !self.rules.may_hide_plainly(self.bytes(text))
    }

    fn bytes(&self, text: Text) -> &[u8] {
        match text {
            Text::Static(text) => text.as_bytes(),
            Text::Range { start, len } => {
                let start = start as usize;
                self.parts.text.as_bytes().get(start..start + len as usize).unwrap_or_default()
            }
        }
    }

    /// The same for one that may have some.
    #[inline(never)]
    fn read(&mut self, old: Text, place: &'static str, key: Text, reading: Reading) -> Text {
        let Text::Range { start, len } = old else { return old };
        if let Some((_, new)) = self.moved.iter().find(|(from, _)| *from == old) {
            return *new;
        }
        let mut notes = self.rules.notes(MAX_REDACTIONS - self.parts.redactions.len().min(MAX_REDACTIONS));
        let Some(mut new) = self.rules.read(self.parts.str(old), reading, &mut notes) else { return old };
        let (from, room) = (start as usize, len as usize);
        let text = if new.len() <= room {
            let kept = u32::try_from(new.len()).unwrap_or(len);
            new.extend(std::iter::repeat_n('*', room - new.len()));
            self.parts.text.replace_range(from..from + room, &new);
            Text::Range { start, len: kept }
        } else {
            erase(self.parts, old);
            self.parts.push_text(&new, new.len())
        };
        self.moved.push((old, text));
        self.tell(notes, place, key);
        text
    }

    /// Puts notes on the record; a note without a key of its own gets `key`.
    fn tell(&mut self, notes: Notes, place: &'static str, key: Text) {
        for note in notes.all {
            let key = if note.key.is_empty() { key } else { self.parts.push_text(&note.key, note.key.len()) };
            let (place, rule) = (Text::Static(place), Text::Static(note.reason));
            self.parts.push_redaction(RedactionSlot { place, key, rule, len: note.len, hash: note.hash });
        }
    }
}

/// Overwrites a text in the buffer.
fn erase(parts: &mut Parts, text: Text) {
    let Text::Range { start, len } = text else { return };
    let range = start as usize..(start as usize).saturating_add(len as usize);
    if parts.text.get(range.clone()).is_some() {
        parts.text.replace_range(range, &"*".repeat(len as usize));
    }
}

//! One pass over a finished record.

use super::cookie::names;
use super::header::reason_of_header;
use super::json::Outcome;
use super::note::Notes;
use super::rules::Rules;
use super::text::Nature;
use super::{CUT_MARK, HEADER_PLACE, REDACTED, json, uncut};
use crate::record::Record;
use crate::record::parts::{BodySlot, HeaderSlot, MAX_REDACTIONS, Media, Parts, RedactionSlot, Side, Slot, Text};

/// Kept where it is the record's own; it is never taken for anything else then.
const REQUEST_ID: &str = "x-request-id";

impl Rules {
    /// Takes the secrets out of a finished record; their bytes are overwritten.
    pub(crate) fn record(&self, record: &mut Record) {
        let parts = record.parts_mut();
        let mut pass = Pass { rules: self, parts, moved: Vec::new() };
        pass.headers();
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
    fn headers(&mut self) {
        for at in 0..self.parts.headers.len() {
            let Some(header) = self.parts.headers.get(at).copied() else { break };
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
                let place = Text::Static(HEADER_PLACE);
                let slot = RedactionSlot { place, key: header.name, rule: Text::Static(reason), len: header.len, hash: 0 };
                self.parts.push_redaction(slot);
            }
            // Withheld already, unless a setting allowed what no setting may allow.
            if let Some(value) = header.value {
                let shown = self.parts.str(value);
                let name = self.parts.str(header.name);
                if matches!(name, "cookie" | "set-cookie") && names(name, shown) == shown {
                    continue;
                }
                erase(self.parts, value);
                if let Some(header) = self.parts.headers.get_mut(at) {
                    header.value = None;
                }
            }
        }
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
        let rule = if name == "grpc-message" { Rules::percent } else { Rules::plain };
        Some(self.text(value, HEADER_PLACE, header.name, rule))
    }

    fn head(&mut self) {
        self.parts.path = self.text(self.parts.path, "url.path", Text::EMPTY, Rules::path);
        self.parts.query = self.option(self.parts.query, "url.query", Rules::query);
        self.parts.host = self.option(self.parts.host, "server.address", Rules::plain);
        self.parts.user_agent = self.option(self.parts.user_agent, "user_agent.original", Rules::plain);
        self.parts.inbound_request_id = self.option(self.parts.inbound_request_id, "request_id", Rules::plain);
        self.parts.trace_state = self.text(self.parts.trace_state, "tracestate", Text::EMPTY, Rules::plain);
        self.group_key();
    }

    fn group_key(&mut self) {
        self.parts.group_key = self.text(self.parts.group_key, "campanile.group", Text::EMPTY, Rules::plain);
    }

    /// All fields of spans and events and all attributes stand in one list.
    fn fields(&mut self) {
        for at in 0..self.parts.fields.len() {
            let Some(field) = self.parts.fields.get(at).copied() else { break };
            let value = match (self.rules.keys().field(self.parts.str(field.name)), field.value) {
                // Whether there is a token is no secret.
                (_, Slot::Bool(_)) => continue,
                (Some(reason), value) => self.secret(field.name, value, reason),
                (None, Slot::Text(text)) => {
                    let rule = if self.parts.str(field.name) == "url.full" { Rules::url } else { Rules::plain };
                    Slot::Text(self.text(text, "field", field.name, rule))
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
            let Some(origin) = self.parts.spans.get(at).map(|span| span.origin) else { break };
            let name = self.text(origin.name, "span", Text::EMPTY, Rules::plain);
            let target = self.text(origin.target, "span", Text::EMPTY, Rules::plain);
            if let Some(span) = self.parts.spans.get_mut(at) {
                (span.origin.name, span.origin.target) = (name, target);
            }
        }
        for at in 0..self.parts.events.len() {
            let Some((message, target)) = self.parts.events.get(at).map(|event| (event.message, event.origin.target)) else {
                break;
            };
            let message = self.text(message, "event", Text::EMPTY, Rules::plain);
            // One of a record of the crate `log` is whatever its author wrote.
            let target = self.text(target, "event", Text::EMPTY, Rules::plain);
            if let Some(event) = self.parts.events.get_mut(at) {
                (event.message, event.origin.target) = (message, target);
            }
        }
    }

    fn failures(&mut self) {
        for at in 0..self.parts.failures.len() {
            let Some(failure) = self.parts.failures.get(at).copied() else { break };
            let message = self.text(failure.message, "exception.message", Text::EMPTY, Rules::plain);
            let backtrace = self.text(failure.backtrace, "exception.stacktrace", Text::EMPTY, Rules::plain);
            if let Some(failure) = self.parts.failures.get_mut(at) {
                (failure.message, failure.backtrace) = (message, backtrace);
            }
        }
        for at in 0..self.parts.causes.len() {
            let Some(message) = self.parts.causes.get(at).map(|cause| cause.message) else { break };
            let message = self.text(message, "exception.message", Text::EMPTY, Rules::plain);
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
        let content =
            self.text(body.content, place, Text::EMPTY, |rules, text, notes| rules.body(text, body.media, is_cut, notes));
        BodySlot { content, ..body }
    }

    fn option(&mut self, text: Option<Text>, place: &'static str, rule: Rule) -> Option<Text> {
        text.map(|text| self.text(text, place, Text::EMPTY, rule))
    }

    /// A text without its secrets. One that lives as long as the program is part of the program.
    fn text(
        &mut self,
        old: Text,
        place: &'static str,
        key: Text,
        rule: impl FnOnce(&Rules, &str, &mut Notes) -> Option<String>,
    ) -> Text {
        let Text::Range { start, len } = old else { return old };
        if len == 0 {
            return old;
        }
        if let Some((_, new)) = self.moved.iter().find(|(from, _)| *from == old) {
            return *new;
        }
        let mut notes = self.rules.notes(MAX_REDACTIONS - self.parts.redactions.len().min(MAX_REDACTIONS));
        let Some(mut new) = rule(self.rules, self.parts.str(old), &mut notes) else { return old };
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

/// Takes the secrets out of one text; `None` when there are none.
type Rule = fn(&Rules, &str, &mut Notes) -> Option<String>;

impl Rules {
    fn plain(&self, text: &str, notes: &mut Notes) -> Option<String> {
        let (start, is_cut) = uncut(text);
        let new = self.text(start, Nature { is_cut, ..Nature::default() }, notes)?;
        Some(if is_cut { new + CUT_MARK } else { new })
    }

    fn path(&self, path: &str, notes: &mut Notes) -> Option<String> {
        let (path, is_cut) = uncut(path);
        // An authority, as CONNECT names one.
        if !path.starts_with('/')
            && let Some((userinfo, host)) = path.rsplit_once('@').filter(|(userinfo, _)| !userinfo.starts_with(REDACTED))
        {
            notes.push("", "user and password of a URL", userinfo);
            return Some(format!("{REDACTED}@{host}"));
        }
        let nature = Nature { is_path: path.starts_with('/'), is_cut };
        let whole = self.text(path, nature, notes);
        let shown = whole.as_deref().unwrap_or(path);
        let new = if shown.contains('%') { self.segments(shown, nature, notes).or(whole) } else { whole };
        new.map(|new| if is_cut { new + CUT_MARK } else { new })
    }

    /// What is encoded is looked at segment by segment, so that only the guilty one goes.
    fn segments(&self, path: &str, nature: Nature, notes: &mut Notes) -> Option<String> {
        let mut out = super::rewrite::Rewrite::new(path);
        let mut at = 0;
        for segment in path.split('/') {
            let end = at + segment.len();
            let is_cut = nature.is_cut && end == path.len();
            if let Some(new) = self.encoded(segment, Nature { is_cut, ..nature }, notes) {
                out.replace(at..end, &new);
            }
            at = end + 1;
        }
        out.finish()
    }

    /// A whole URL: each of its parts by its own rule.
    fn url(&self, url: &str, notes: &mut Notes) -> Option<String> {
        let (start, query) = url.split_once('?').map_or((url, None), |(start, query)| (start, Some(query)));
        let clear = self.plain(start, notes);
        let start = clear.as_deref().unwrap_or(start);
        let behind = start.find("://").map_or(0, |at| at + 3);
        let at = start.get(behind..).and_then(|rest| rest.find('/')).map_or(start.len(), |at| behind + at);
        let (place, path) = start.split_at_checked(at).unwrap_or((start, ""));
        let new_path = self.path(path, notes);
        let new_query = query.and_then(|query| self.query(query, notes));
        if clear.is_none() && new_path.is_none() && new_query.is_none() {
            return None;
        }
        let mut new = format!("{place}{}", new_path.as_deref().unwrap_or(path));
        if let Some(query) = new_query.as_deref().or(query) {
            new.extend(["?", query]);
        }
        Some(new)
    }

    /// A text that may be percent-encoded.
    fn percent(&self, text: &str, notes: &mut Notes) -> Option<String> {
        let (start, is_cut) = uncut(text);
        let new = self.encoded(start, Nature { is_cut, ..Nature::default() }, notes)?;
        Some(if is_cut { new + CUT_MARK } else { new })
    }

    fn body(&self, text: &str, media: Media, is_cut: bool, notes: &mut Notes) -> Option<String> {
        let (start, is_marked) = uncut(text);
        let is_cut = is_cut || is_marked;
        let json = |notes: &mut Notes| match json::redact(self, start, notes) {
            Outcome::Read(new) => new,
            Outcome::Broken(new) => Some(new),
        };
        let new = match media {
            Media::Json => json(notes),
            // Many a client sends JSON and calls it a form; a `=` in it would stand between no key and no value.
            Media::Form => {
                let new = if json::looks_like(start) { json(notes) } else { None };
                self.form(new.as_deref().unwrap_or(start), is_cut, notes).or(new)
            }
            Media::Text => self.text(start, Nature { is_cut, ..Nature::default() }, notes),
        };
        new.map(|new| if is_marked { new + CUT_MARK } else { new })
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

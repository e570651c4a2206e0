//! JSON without its secrets: a tokenizer that goes over the text once and does not care where it was cut.
//!
//! Nothing here calls itself for what is nested, and nothing is kept but one small entry for each open bracket, up to
//! [`MAX_DEPTH`]. What cannot be read as JSON is replaced from there on: whoever cannot tell what a key says must not show
//! what stands behind it.

mod escapes;

use self::escapes::{escape, unescape};
use super::REDACTED;
use super::note::Notes;
use super::rewrite::Rewrite;
use super::rules::Rules;
use super::text::Nature;

/// Brackets within brackets that are looked into; what is deeper is replaced as a whole.
const MAX_DEPTH: usize = 32;
/// JSON in strings in JSON that is looked into.
const MAX_NESTING: u8 = 4;
/// What stands in the place of a value.
const QUOTED: &str = "\"REDACTED\"";

/// What became of a text.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All of it is JSON, as far as it goes.
    Read(Option<String>),
    /// It is not, from some place on, which was replaced.
    Broken(String),
}

/// Whether a text looks so much like JSON that its start can hardly be anything else.
pub(super) fn looks_like(text: &str) -> bool {
    let mut bytes = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    match bytes.next() {
        Some(b'{') => matches!(bytes.next(), Some(b'"') | None),
        Some(b'[') => matches!(bytes.next(), Some(b'{' | b'[' | b'"')),
        _ => false,
    }
}

/// JSON without its secrets.
pub(super) fn redact(rules: &Rules, text: &str, notes: &mut Notes) -> Outcome {
    nested(rules, text, 0, notes)
}

fn nested(rules: &Rules, text: &str, nesting: u8, notes: &mut Notes) -> Outcome {
    let levels = [Level::default(); MAX_DEPTH];
    let mut json = Json { rules, text, at: 0, out: Rewrite::new(text), notes, nesting, levels, depth: 0, key: (0, 0) };
    // A mark of the byte order is no part of it.
    json.at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    match json.run() {
        Ok(()) => Outcome::Read(json.out.finish()),
        Err(Broken { from }) => {
            json.notes.push("", "not readable as JSON", text.get(from..).unwrap_or_default());
            json.out.replace(from..text.len(), REDACTED);
            Outcome::Broken(json.out.finish().unwrap_or_default())
        }
    }
}

/// From here on it is no JSON.
struct Broken {
    from: usize,
}

/// An open bracket.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    is_object: bool,
    /// Number of the element, in an array.
    index: u32,
    /// Which paths of the settings lead here.
    paths: u64,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    /// The first of an array.
    ValueOrEnd,
    Key,
    /// The first of an object.
    KeyOrEnd,
    Separator,
}

struct Json<'a, 'n> {
    rules: &'a Rules,
    text: &'a str,
    at: usize,
    out: Rewrite<'a>,
    notes: &'n mut Notes,
    nesting: u8,
    levels: [Level; MAX_DEPTH],
    depth: usize,
    /// Where the last key is, as written.
    key: (usize, usize),
}

/// A string of the text, without its quotes.
#[derive(Clone, Copy)]
struct Str {
    start: usize,
    end: usize,
    has_escapes: bool,
    /// False where the text ends first.
    is_whole: bool,
}

impl Json<'_, '_> {
    fn run(&mut self) -> Result<(), Broken> {
        let mut expect = Expect::Value;
        let mut secret = None;
        loop {
            self.skip_blanks();
            // A text that ends too early was cut.
            let Some(byte) = self.byte() else { return Ok(()) };
            expect = match (expect, byte) {
                (Expect::ValueOrEnd, b']') | (Expect::KeyOrEnd, b'}') => self.close(),
                (Expect::Value | Expect::ValueOrEnd, _) => {
                    let paths = self.paths_of_element(&mut secret);
                    self.value(byte, secret.take(), paths)?
                }
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    secret = self.key()?;
                    Expect::Value
                }
                (Expect::Separator, b',') => {
                    self.at += 1;
                    match self.level() {
                        Some(level) if level.is_object => Expect::Key,
                        Some(level) => {
                            level.index = level.index.saturating_add(1);
                            Expect::Value
                        }
                        None => return Err(Broken { from: self.at - 1 }),
                    }
                }
                (Expect::Separator, b'}' | b']') if self.level().is_some_and(|level| level.is_object == (byte == b'}')) => {
                    self.close()
                }
                // Several values one after the other, as in lines of JSON.
                (Expect::Separator, _) if self.depth == 0 => Expect::Value,
                _ => return Err(Broken { from: self.at }),
            };
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn level(&mut self) -> Option<&mut Level> {
        self.depth.checked_sub(1).and_then(|at| self.levels.get_mut(at))
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn close(&mut self) -> Expect {
        self.at += 1;
        self.depth -= 1;
        Expect::Separator
    }

    /// Reads a key and its colon; returns why its value is a secret, and leaves the paths that lead to it on the level.
    fn key(&mut self) -> Result<Option<Why>, Broken> {
        let from = self.at;
        let key = self.string()?;
        self.skip_blanks();
        if !key.is_whole || self.byte() != Some(b':') {
            // Cut in a key, or behind it.
            return Err(Broken { from });
        }
        self.at += 1;
        // Things may be listed by their tokens. Then nobody is told the key.
        self.key = (0, 0);
        if !self.text_of(key) {
            self.key = (key.start, key.end);
        }
        let raw = self.text.get(key.start..key.end).unwrap_or_default();
        let decoded = if key.has_escapes { Some(unescape(raw)) } else { None };
        let name = decoded.as_deref().unwrap_or(raw);
        let depth = self.depth;
        let paths = self.level().map_or(0, |level| level.paths);
        let (paths, ends) = self.rules.paths().step(paths, depth, name);
        let reason = self.rules.keys().field(name).or(ends);
        Ok(Some(Why { reason, paths }))
    }

    /// The paths that lead to the next value: those of its key, of its place in an array, or all at the top.
    fn paths_of_element(&mut self, secret: &mut Option<Why>) -> u64 {
        let depth = self.depth;
        match (&*secret, self.level()) {
            (Some(why), _) => why.paths,
            (None, None) => self.rules.paths().all(),
            (None, Some(level)) => {
                let (paths, index) = (level.paths, level.index);
                let (paths, ends) = self.rules.paths().step_into(paths, depth, index);
                *secret = Some(Why { reason: ends, paths });
                paths
            }
        }
    }

    fn value(&mut self, byte: u8, why: Option<Why>, paths: u64) -> Result<Expect, Broken> {
        let reason = why.and_then(|why| why.reason);
        let from = self.at;
        match (byte, reason) {
            (b'{' | b'[', None) if self.depth < MAX_DEPTH => {
                let is_object = byte == b'{';
                if let Some(level) = self.levels.get_mut(self.depth) {
                    *level = Level { is_object, index: 0, paths };
                }
                self.depth += 1;
                self.at += 1;
                return Ok(if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd });
            }
            (b'{' | b'[', reason) => {
                self.skip_brackets();
                self.replace(from, self.at, QUOTED, reason.unwrap_or("nested too deep"));
            }
            (b'"', Some(reason)) => {
                let string = self.string().unwrap_or_else(|_| self.rest_of_text());
                let content = self.text.get(string.start..string.end).unwrap_or_default();
                if !matches!(content, "" | REDACTED) {
                    self.replace(from, self.at, QUOTED, reason);
                }
            }
            (b'"', None) => {
                let string = self.string()?;
                self.text_of(string);
            }
            (b'-' | b'0'..=b'9', reason) => self.number(reason)?,
            // Whether there is a token is no secret.
            _ => self.literal()?,
        }
        Ok(Expect::Separator)
    }

    fn replace(&mut self, from: usize, to: usize, with: &str, reason: &'static str) {
        let (start, end) = self.key;
        let key = self.text.get(start..end).unwrap_or_default();
        self.notes.push(key, reason, self.text.get(from..to).unwrap_or_default().trim_matches('"'));
        self.out.replace(from..to, with);
    }

    /// Goes behind the bracket that closes this one, or to the end.
    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => {
                    self.at += 1;
                    return;
                }
                b'}' | b']' => depth -= 1,
                b'"' => {
                    if self.string().is_err() {
                        self.rest_of_text();
                    }
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn rest_of_text(&mut self) -> Str {
        let start = self.at;
        self.at = self.text.len();
        Str { start, end: self.at, has_escapes: false, is_whole: false }
    }

    /// Reads a string and goes behind it.
    fn string(&mut self) -> Result<Str, Broken> {
        let from = self.at;
        let (start, mut has_escapes) = (from + 1, false);
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(len) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.text.len();
                return Ok(Str { start, end: self.at, has_escapes, is_whole: false });
            };
            at += len;
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'"'), _) => {
                    self.at = at + 1;
                    return Ok(Str { start, end: at, has_escapes, is_whole: true });
                }
                (Some(b'\\'), Some(b'u')) => {
                    let digits = bytes.get(at + 2..bytes.len().min(at + 6)).unwrap_or_default();
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(Broken { from });
                    }
                    has_escapes = true;
                    at += 2 + digits.len();
                }
                (Some(b'\\'), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {
                    has_escapes = true;
                    at += 2;
                }
                (Some(b'\\'), None) => at += 1,
                // A control character as it is, or an escape that does not exist.
                _ => return Err(Broken { from }),
            }
        }
    }

    /// A string that is no secret by its key: it may hold one, or JSON of its own. Says whether it does.
    fn text_of(&mut self, string: Str) -> bool {
        let raw = self.text.get(string.start..string.end).unwrap_or_default();
        let decoded = if string.has_escapes { Some(unescape(raw)) } else { None };
        let text = decoded.as_deref().unwrap_or(raw);
        let first = self.notes.all.len();
        let new = if let Some(new) = self.list(text) {
            new
        } else if looks_like(text) {
            if self.nesting >= MAX_NESTING {
                self.notes.push("", "nested too deep", text);
                Some(REDACTED.to_owned())
            } else {
                match nested(self.rules, text, self.nesting + 1, self.notes) {
                    Outcome::Read(new) => new,
                    Outcome::Broken(new) => Some(new),
                }
            }
        } else {
            self.rules.shapes(text, Nature { is_cut: !string.is_whole, ..Nature::default() }, self.notes)
        };
        let Some(new) = new else { return false };
        let (start, end) = self.key;
        self.notes.name_from(first, self.text.get(start..end).unwrap_or_default());
        self.out.replace(string.start..string.end, &escape(&new));
        true
    }

    /// A list that begins with a word or a number may be text as well: `None` where it cannot be read to its end.
    fn list(&mut self, text: &str) -> Option<Option<String>> {
        if !text.trim_start().starts_with('[') || looks_like(text) || self.nesting >= MAX_NESTING {
            return None;
        }
        let first = self.notes.all.len();
        match nested(self.rules, text, self.nesting + 1, self.notes) {
            Outcome::Read(new) => Some(new),
            Outcome::Broken(_) => {
                self.notes.all.truncate(first);
                None
            }
        }
    }

    fn number(&mut self, reason: Option<&'static str>) -> Result<(), Broken> {
        let from = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let number = self.text.get(from..self.at).unwrap_or_default();
        if !number.bytes().any(|byte| byte.is_ascii_digit()) && self.at < self.text.len() {
            return Err(Broken { from });
        }
        let nature = Nature { is_cut: self.at == self.text.len() && self.depth > 0, ..Nature::default() };
        let is_half = || nature.is_cut && self.rules.shapes(number, nature, &mut Notes::default()).is_some();
        let found = || self.rules.number(number).or_else(|| is_half().then_some("payment card"));
        if let Some(reason) = reason.or_else(found) {
            self.replace(from, self.at, QUOTED, reason);
        }
        Ok(())
    }

    fn literal(&mut self) -> Result<(), Broken> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for word in ["true", "false", "null"] {
            if rest.starts_with(word) || (word.starts_with(rest) && self.depth > 0) {
                self.at += word.len().min(rest.len());
                return Ok(());
            }
        }
        Err(Broken { from: self.at })
    }
}

/// What is known of a value before it is read.
#[derive(Clone, Copy, Debug)]
struct Why {
    /// Why it is a secret, if it is one.
    reason: Option<&'static str>,
    paths: u64,
}

#[cfg(test)]
mod tests;

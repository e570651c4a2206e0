//! `key=value` and `key: value`, quoted or not, as in logs, JSON, `Debug` output, URLs and command lines.

use super::{Finder, Found};
use crate::redact::REDACTED;

/// How far back the start of a key is looked for.
const MAX_KEY_BYTES: usize = 64;
/// Keys that are also words before a colon: `auth: session ok`. Their value counts when it has a digit or quotes.
const WORDS: [&str; 3] = ["auth", "card", "pass"];
/// Values that tell nothing, and more than `REDACTED`.
pub(super) const HARMLESS: [&str; 8] = [REDACTED, "true", "false", "null", "None", "none", "nil", "undefined"];
/// Words before credentials.
const SCHEMES: [&str; 8] = ["bearer", "basic", "digest", "token", "negotiate", "apikey", "hawk", "aws4-hmac-sha256"];

impl Finder<'_> {
    /// The value of a secret key, by the `=` or `:` between them.
    pub(super) fn pair(&mut self, at: usize) -> Option<Found> {
        if !self.keys.may_end(self.part(self.done.max(at.saturating_sub(MAX_KEY_BYTES)), at)) {
            return None;
        }
        let (key_start, key_end) = self.key(at)?;
        let key = self.text.get(key_start..key_end)?;
        let is_query = matches!(self.before(key_start), b'?' | b'&');
        let reason = if is_query { self.keys.query(key) } else { self.keys.field(key) }?;

        let is_colon = self.byte(at) == b':';
        if is_colon && WORDS.iter().any(|word| key.eq_ignore_ascii_case(word)) && !self.has_digit(at + 1) {
            return None;
        }
        let mut start = at + 1;
        if matches!(self.byte(start), b'=' | b'>') {
            start += 1;
        }
        start = self.run(start, |byte| matches!(byte, b' ' | b'\t'));
        let (start, mut end, mut after) = self.value(start, is_line(key, is_colon));
        let value = self.text.get(start..end)?;
        if value.is_empty() || HARMLESS.contains(&value) || self.is_next_key(value, after) {
            return None;
        }
        if after == end {
            end = self.last_word(start, end);
            after = end;
        }
        self.at = after;
        Some(Found { start, end, with: REDACTED, reason, key: (key_start, key_end) })
    }

    /// Whether a value is none, but the key of the next pair: `token= secret: x`.
    fn is_next_key(&self, value: &str, after: usize) -> bool {
        // `token=token=…`: what is refused must be short.
        if value.len() > MAX_KEY_BYTES {
            return false;
        }
        let is_separator = |byte: u8| matches!(byte, b':' | b'=');
        let last = value.rsplit(' ').next().unwrap_or_default();
        let key = last.strip_suffix([':', '=']).or_else(|| is_separator(self.byte(after)).then_some(value));
        // `"secret""password":` is more than a key.
        let inner = key.unwrap_or_default().trim_matches(['"', '\'', '`', '\\']);
        !inner.contains(['"', '\'', '`']) && self.keys.field(inner).is_some()
    }

    /// Where a value without quotes really ends: a private key and the number of a card have blanks in them.
    fn last_word(&mut self, start: usize, end: usize) -> usize {
        let value = self.part(start, end);
        if value.starts_with(b"-----BEGIN") {
            return self.private_key(start).map_or(end, |found| found.end.max(end));
        }
        if value.len() == 4 && value.iter().all(u8::is_ascii_digit) {
            let (ends, count) = self.groups(start);
            return ends.get(..count).and_then(<[usize]>::last).copied().unwrap_or(end);
        }
        end
    }

    /// Whether the next word has a digit, or is in quotes.
    fn has_digit(&self, at: usize) -> bool {
        let start = self.run(at, |byte| byte == b' ');
        let word = self.part(start, self.text.len().min(start + MAX_KEY_BYTES));
        let word = word.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        word.iter().any(|byte| byte.is_ascii_digit() || is_quote(*byte))
    }

    /// Where the key before a separator is: what stands in quotes, or a word.
    fn key(&self, at: usize) -> Option<(usize, usize)> {
        let least = self.done.max(at.saturating_sub(MAX_KEY_BYTES + 4));
        let head = self.part(least, at);
        let blank = head.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let mut end = at - blank;
        if is_quote(self.before(end)) {
            let quote = self.before(end);
            end -= 1;
            let backslashes = self.part(least, end).iter().rev().take_while(|byte| **byte == b'\\').count();
            let key_end = end - backslashes;
            let start = self.part(least, key_end).iter().rposition(|byte| *byte == quote).map(|start| least + start + 1);
            return start.map(|start| (start, key_end)).filter(|(start, end)| start < end);
        }
        let is_key =
            |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%');
        let len = self.part(least, end).iter().rev().take_while(|byte| is_key(**byte)).count();
        let start = (end - len..end).find(|start| self.text.is_char_boundary(*start))?;
        Some((start, end))
    }

    /// Where a value begins and ends without its quotes, and where it ends with them.
    fn value(&self, start: usize, is_line: bool) -> (usize, usize, usize) {
        let backslashes = self.run(start, |byte| byte == b'\\') - start;
        let quote = self.byte(start + backslashes);
        if is_quote(quote) {
            let inner = start + backslashes + 1;
            let end = self.closing(inner, quote, backslashes);
            let behind = (end + backslashes + 1).min(self.text.len());
            // What follows at once, as in `'a'b`, belongs to it.
            if self.ends_value(behind) {
                return (inner, end, behind);
            }
        }
        if is_line {
            let line = self.run(start, |byte| !matches!(byte, b'\n' | b'\r'));
            let opens = matches!(self.byte(start), b'(' | b'[' | b'{');
            let end = if opens { line.max(self.balanced(start)) } else { line };
            return (start, end, end);
        }
        let mut end = self.word(start);
        if SCHEMES.iter().any(|scheme| self.part(start, end).eq_ignore_ascii_case(scheme.as_bytes())) && self.byte(end) == b' ' {
            end = self.word(end + 1);
        }
        (start, end, end)
    }

    /// Whether a value in quotes is over here.
    fn ends_value(&self, at: usize) -> bool {
        !(self.byte(at).is_ascii_alphanumeric() || is_quote(self.byte(at)) || matches!(self.byte(at), b'_' | b'-' | b'+' | b'/'))
    }

    /// Where a quoted text ends: at the quote, or at the backslashes before it. Inside of one that is itself quoted, a
    /// quote has backslashes before it.
    fn closing(&self, from: usize, quote: u8, backslashes: usize) -> usize {
        let mut seen = 0;
        for (index, byte) in self.part(from, self.text.len()).iter().enumerate() {
            super::look(1);
            if *byte == quote && (if backslashes == 0 { seen % 2 == 0 } else { seen <= backslashes }) {
                return (from + index).saturating_sub(if backslashes == 0 { 0 } else { seen });
            }
            seen = if *byte == b'\\' { seen + 1 } else { 0 };
        }
        self.text.len()
    }

    /// Where a value without quotes around it ends; what it holds in quotes and brackets belongs to it.
    fn word(&self, start: usize) -> usize {
        let mut at = start;
        while at < self.text.len() {
            match self.byte(at) {
                // `Secret { … }`
                b' ' if self.byte(at + 1) == b'{' && at > start => at = self.balanced(at + 1),
                byte if byte.is_ascii_whitespace() || byte.is_ascii_control() => break,
                b'&' | b';' | b'<' | b'>' => break,
                b',' if self.begins_pair(at + 1) => break,
                b',' | b')' | b'}' | b']' if self.ends_word(at + 1) => break,
                b'(' | b'[' | b'{' => at = self.balanced(at),
                quote if is_quote(quote) => {
                    // The end of a text around it.
                    if self.ends_word(at + 1) && at > start {
                        break;
                    }
                    at = (self.closing(at + 1, quote, 0) + 1).min(self.text.len());
                }
                b'\\' if is_quote(self.byte(at + 1)) && at > start => break,
                _ => at += 1,
            }
        }
        at
    }

    fn ends_word(&self, at: usize) -> bool {
        let byte = self.byte(at);
        at >= self.text.len()
            || byte.is_ascii_whitespace()
            || is_quote(byte)
            || matches!(byte, b',' | b')' | b'}' | b']' | b';' | b'.' | b'&' | b'>' | b'\\')
    }

    /// Whether the next pair of a list begins here.
    fn begins_pair(&self, at: usize) -> bool {
        let rest = self.part(at, (at + MAX_KEY_BYTES).min(self.text.len()));
        let start = rest.iter().take_while(|byte| matches!(byte, b' ' | b'"' | b'\'')).count();
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let len = rest.iter().skip(start).take_while(|byte| is_key(byte)).count();
        len > 0 && rest.iter().skip(start + len).find(|byte| !is_quote(**byte)).is_some_and(|byte| matches!(byte, b'=' | b':'))
    }

    /// Behind the bracket that closes this one; the end of the text where none does.
    fn balanced(&self, open: usize) -> usize {
        let (mut depth, mut at) = (0_usize, open);
        while at < self.text.len() {
            match self.byte(at) {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' if depth == 1 => return at + 1,
                b')' | b']' | b'}' => depth -= 1,
                b'"' => at = self.closing(at + 1, b'"', 0),
                _ => {}
            }
            at += 1;
        }
        self.text.len()
    }
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Keys whose value is a whole line: it has blanks and separators in it.
fn is_line(key: &str, is_colon: bool) -> bool {
    let ends_with = |end: &str| {
        key.len().checked_sub(end.len()).and_then(|at| key.get(at..)).is_some_and(|key| key.eq_ignore_ascii_case(end))
    };
    (is_colon && ends_with("authorization")) || ends_with("cookie")
}

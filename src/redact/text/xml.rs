//! Elements of XML whose name says that they hold a secret.

use super::pair::HARMLESS;
use super::{Finder, Found};
use crate::redact::REDACTED;

/// Longest name of an element that is looked up, with its namespace.
pub(in crate::redact) const MAX_NAME_BYTES: usize = 96;
/// How far the end of a tag is looked for.
const MAX_TAG_BYTES: usize = 512;
/// Elements whose end may be looked for in vain; after so many, everything is replaced.
const MAX_UNCLOSED: u8 = 16;

impl Finder<'_> {
    /// What stands between `<password>` and `</password>`, by the first of these `<`; of an element without content, its
    /// attributes.
    pub(super) fn element(&mut self, at: usize) -> Option<Found> {
        let (name_end, _) = self.run_within(at + 1, MAX_NAME_BYTES, is_element_name);
        if !self.keys.may_end(self.part(at + 1, name_end)) {
            return None;
        }
        let name = self.text.get(at + 1..name_end)?;
        let reason = self.keys.field(name)?;
        let (tag_end, _) = self.run_within(name_end, MAX_TAG_BYTES, |byte| !matches!(byte, b'<' | b'>'));
        // `Vec<Token>` and `<app::Token as Debug>` are types of a program: what is said of them has no end of its own.
        let is_type = self.before(at).is_ascii_alphanumeric() || self.before(at) == b':' || name.contains("::");
        if self.byte(tag_end) != b'>' || is_type {
            return None;
        }
        let found = |start: usize, end: usize| {
            let value = self.text.get(start..end)?;
            let is_new = !value.is_empty() && !HARMLESS.contains(&value);
            is_new.then_some(Found { start, end, with: REDACTED, reason, key: (at + 1, name_end) })
        };
        let attributes = |end: usize| {
            let start = self.run(name_end, |byte| byte.is_ascii_whitespace());
            if self.part(start, end).contains(&b'=') { found(start, end) } else { None }
        };
        if self.before(tag_end) == b'/' {
            return attributes(tag_end - 1);
        }
        let start = self.run(tag_end + 1, |byte| byte.is_ascii_whitespace());
        let is_end = |at: usize| {
            self.part(at, at + 2) == b"</" && self.part(at + 2, at + 2 + name.len()).eq_ignore_ascii_case(name.as_bytes())
        };
        if is_end(start) {
            return attributes(tag_end);
        }
        if self.byte(start) != b'<' {
            let end = self.run(start, |byte| byte != b'<');
            return if is_end(end) || self.is_open(end) { found(start, end) } else { None };
        }
        // Elements within, or `<![CDATA[`.
        let ends = self.text.get(start..)?.match_indices("</").map(|(at, _)| start + at);
        let end = ends.into_iter().find(|end| is_end(*end));
        super::look(end.unwrap_or(self.text.len()) - start);
        if end.is_none() && !self.nature.is_cut && self.unclosed < MAX_UNCLOSED {
            self.unclosed += 1;
            return None;
        }
        found(start, end.unwrap_or(self.text.len()))
    }
}

pub(in crate::redact) const fn is_element_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'.' | b':')
}

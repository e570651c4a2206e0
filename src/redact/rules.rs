//! All rules of one telemetry, ready to use.

use std::hash::RandomState;

use http::{HeaderMap, HeaderName};
use regex::bytes::{Regex, RegexSet};

use super::header::{Known, reason_of_header};
use super::key::OwnKeys;
use super::note::{Notes, hash};
use super::path::Paths;
use super::rewrite::Rewrite;
use super::suspect::is_suspect;
use super::text::{Finder, Nature, is_card};
use super::{REDACTED, json};
use crate::record::Redaction;
use crate::record::parts::{MAX_HEADER_BYTES, Parts, RedactionSlot, Text, cut_at};

/// Bytes of one text that are looked at; what is behind them is replaced as a whole.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What people are told of a pattern of the settings.
const OF_PATTERN: &str = "pattern of the settings";

/// What is shown and what is not, by the table and by the settings.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(super) headers: OwnHeaders,
    pub(super) keys: OwnKeys,
    pub(super) paths: Paths,
    pub(super) patterns: Option<Patterns>,
    pub(super) hasher: Option<RandomState>,
    /// Whether the settings want secrets to stay where they are, those of headers excepted.
    pub(super) is_off: bool,
}

/// Headers of the settings, in lower case.
#[derive(Debug, Default)]
pub(super) struct OwnHeaders {
    pub(super) shown: Vec<HeaderName>,
    pub(super) hidden: Vec<HeaderName>,
}

/// Patterns of the settings.
#[derive(Debug)]
pub(super) struct Patterns {
    /// All of them at once, to see whether there is anything to do.
    pub(super) any: RegexSet,
    pub(super) each: Vec<Regex>,
}

impl Rules {
    /// Whether the value of a header is kept as it is; `known` is what is known of its name.
    pub(crate) fn shows_header(&self, name: &HeaderName, known: Option<&Known>) -> bool {
        if known.is_some_and(|known| known.is_kept) {
            !self.hides_header(name)
        } else {
            !self.headers.shown.is_empty() && self.headers.shown.contains(name)
        }
    }

    /// Whether no setting hides any header.
    pub(crate) const fn hides_no_header(&self) -> bool {
        self.headers.hidden.is_empty()
    }

    /// Whether a setting says that nothing of a header's value is kept.
    pub(crate) fn hides_header(&self, name: &HeaderName) -> bool {
        !self.headers.hidden.is_empty() && self.headers.hidden.contains(name)
    }

    pub(super) fn shows_by_setting(&self, name: &str) -> bool {
        self.headers.shown.iter().any(|shown| shown == name)
    }

    /// Whether the settings ask for hashes of what is withheld.
    #[inline]
    pub(crate) const fn hashes(&self) -> bool {
        self.hasher.is_some()
    }

    /// Tells of the headers that hold secrets, with a hash of each; only where the settings ask for hashes. Elsewhere
    /// [`record`](Self::record) tells of them, which cannot know their values.
    pub(crate) fn hash_headers(&self, parts: &mut Parts, headers: &HeaderMap) {
        let Some(hasher) = &self.hasher else { return };
        for (name, value) in headers {
            let Some(reason) = reason_of_header(name.as_str()) else { continue };
            let key = parts.push_text(name.as_str(), MAX_HEADER_BYTES);
            parts.push_redaction(RedactionSlot {
                place: Text::Static(Redaction::HEADER),
                key,
                rule: Text::Static(reason),
                len: u32::try_from(value.len()).unwrap_or(u32::MAX),
                hash: hash(hasher, value.as_bytes()),
            });
        }
    }

    pub(super) const fn keys(&self) -> &OwnKeys {
        &self.keys
    }

    pub(super) const fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(super) fn notes(&self, room: usize) -> Notes {
        Notes::new(room, self.hasher.clone())
    }

    /// Why a number is a secret, whatever it is called: it has the digits of a card, or one of the settings' patterns
    /// finds something in it.
    pub(super) fn number(&self, digits: &str) -> Option<&'static str> {
        let whole = digits.strip_suffix(".0").unwrap_or(digits);
        if is_card(whole.trim_start_matches('-').bytes()) {
            return Some("payment card");
        }
        let patterns = self.patterns.as_ref()?;
        patterns.any.is_match(digits.as_bytes()).then_some(OF_PATTERN)
    }

    /// A free text without its secrets; `None` when there are none.
    pub(super) fn text(&self, text: &str, nature: Nature, notes: &mut Notes) -> Option<String> {
        if let (start, true) = cut_at(text, MAX_TEXT_BYTES) {
            let rest = text.get(start.len()..).unwrap_or_default();
            let mut new = self.text(start, Nature { is_cut: true, ..nature }, notes).unwrap_or_else(|| start.to_owned());
            if rest != REDACTED {
                notes.push("", "longer than what is looked at", rest);
            }
            new.push_str(REDACTED);
            return Some(new);
        }
        // What was written with `Debug` or by a client of JSON is read as such: keys may be escaped there.
        if !nature.is_path && json::looks_like(text) {
            let known = notes.all.len();
            if let json::Outcome::Read(new) = json::redact(self, text, notes) {
                return new;
            }
            notes.all.truncate(known);
        }
        self.shapes(text, nature, notes)
    }

    /// A text without what is known by its shape or by a pattern of the settings.
    pub(super) fn shapes(&self, text: &str, nature: Nature, notes: &mut Notes) -> Option<String> {
        // Not of a text that was cut, the end of which may be a half of a secret.
        if self.patterns.is_none() && !nature.is_cut && !nature.is_path && !is_suspect(text.as_bytes(), &self.keys) {
            return None;
        }
        let mut out = Rewrite::new(text);
        for found in Finder::new(text, &self.keys, nature) {
            let secret = text.get(found.start..found.end).unwrap_or_default();
            notes.push(text.get(found.key.0..found.key.1).unwrap_or_default(), found.reason, secret);
            out.replace(found.start..found.end, found.with);
        }
        let new = out.finish();
        let Some(patterns) = &self.patterns else { return new };
        let more = patterns.replace(new.as_deref().unwrap_or(text), notes);
        more.or(new)
    }
}

impl Patterns {
    fn replace(&self, text: &str, notes: &mut Notes) -> Option<String> {
        let mut new = None;
        for index in self.any.matches(text.as_bytes()) {
            let now = new.as_deref().unwrap_or(text);
            let mut out = Rewrite::new(now);
            let found = self.each.get(index).into_iter().flat_map(|pattern| pattern.find_iter(now.as_bytes()));
            for part in found.filter(|part| !part.is_empty() && part.as_bytes() != REDACTED.as_bytes()) {
                notes.push("", OF_PATTERN, &String::from_utf8_lossy(part.as_bytes()));
                out.replace(part.range(), REDACTED);
            }
            new = out.finish().or(new);
        }
        new
    }
}

//! Queries and forms: `key=value` with `&` or `;` between.

use super::ending::ends_with;
use super::key::query_key_is;
use super::note::Notes;
use super::rewrite::Rewrite;
use super::rules::Rules;
use super::text::Nature;
use super::{CUT_MARK, REDACTED};
use crate::percent::Decoded;

/// Pairs of a query that are looked at; the rest is cut off.
pub(super) const MAX_QUERY_PAIRS: usize = 64;
/// Pairs of a form that are looked at; the rest is replaced.
pub(super) const MAX_FORM_PAIRS: usize = 1024;

impl Rules {
    /// The query without its secrets; `None` when there are none.
    pub(super) fn query(&self, query: &str, notes: &mut Notes) -> Option<String> {
        let (query, is_cut) = super::uncut(query);
        let new = self.pairs(query, is_cut, MAX_QUERY_PAIRS, CUT_MARK, notes)?;
        Some(if is_cut && !new.ends_with(CUT_MARK) { new + CUT_MARK } else { new })
    }

    /// A form without its secrets.
    pub(super) fn form(&self, form: &str, is_cut: bool, notes: &mut Notes) -> Option<String> {
        self.pairs(form, is_cut, MAX_FORM_PAIRS, REDACTED, notes)
    }

    /// `end` is what stands in the place of the pairs beyond `max`.
    fn pairs(&self, text: &str, is_cut: bool, max: usize, end: &str, notes: &mut Notes) -> Option<String> {
        let mut out = Rewrite::new(text);
        // `code` alone may be anything; beside `state` it is what OAuth gives a login for.
        let has = |name: &str| split(text).take(max).any(|(_, key, value)| value.is_some() && query_key_is(key, name));
        let mut is_login = None;
        for (index, (start, key, value)) in split(text).enumerate() {
            if index == max {
                if text.get(start..).is_some_and(|rest| !rest.is_empty() && rest != end) {
                    notes.push("", "more pairs than are looked at", text.get(start..).unwrap_or_default());
                    out.replace(start..text.len(), end);
                }
                break;
            }
            let (at, value) = match value {
                Some(value) => (start + key.len() + 1, value),
                // Without `=` it is only a key, or only a value.
                None => (start, key),
            };
            let range = at..at + value.len();
            let mut name = if range.start == start { "" } else { key };
            // `?https://user:password@host/?a=b`: the first part of it is no key.
            if !name.is_empty()
                && let Some(new) = self.encoded(key, Nature::default(), notes)
            {
                out.replace(start..start + key.len(), &new);
                name = "";
            }
            if value.is_empty() || value == REDACTED {
                continue;
            }
            let reason = if range.start == start { None } else { self.reason_of_pair(key) };
            let reason = reason.or_else(|| {
                let is_code = range.start != start && query_key_is(key, "code");
                (is_code && *is_login.get_or_insert_with(|| has("state"))).then_some("code of OAuth")
            });
            if let Some(reason) = reason {
                notes.push(name, reason, value);
                out.replace(range, REDACTED);
                continue;
            }
            let nature = Nature { is_cut: is_cut && range.end == text.len(), ..Nature::default() };
            let first = notes.all.len();
            if let Some(new) = self.encoded(value, nature, notes) {
                notes.name_from(first, name);
                out.replace(range, &new);
            }
        }
        out.finish()
    }

    /// A value that may be percent-encoded, without its secrets. One that shows its secret only when it is decoded is
    /// replaced as a whole.
    pub(super) fn encoded(&self, value: &str, nature: Nature, notes: &mut Notes) -> Option<String> {
        let new = self.text(value, nature, notes);
        let shown = new.as_deref().unwrap_or(value);
        if shown.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            let decoded = Decoded::new(shown).map(|byte| if byte == b'+' { b' ' } else { byte }).collect::<Vec<_>>();
            let mut hidden = Notes::default();
            if self.text(&String::from_utf8_lossy(&decoded), nature, &mut hidden).is_some() {
                notes.push("", "secret behind percent-encoding", value);
                return Some(REDACTED.to_owned());
            }
        }
        new
    }

    /// Whether a query may hold a secret that is none by its key alone.
    pub(super) fn hides_pair(&self, query: &[u8]) -> bool {
        let is_code = |at: usize| query.get(..at).is_some_and(|before| ends_with(before, "code"));
        let mut pairs = 1;
        self.paths().all() != 0
            || query.iter().enumerate().any(|(at, byte)| match byte {
                b'&' | b';' => {
                    pairs += 1;
                    pairs > MAX_QUERY_PAIRS
                }
                b'=' => is_code(at),
                _ => false,
            })
    }

    fn reason_of_pair(&self, key: &str) -> Option<&'static str> {
        self.keys().query(key).or_else(|| self.paths().of_pair(key))
    }
}

/// Pairs by where they begin, key, and value where there is a `=`.
fn split(text: &str) -> impl Iterator<Item = (usize, &str, Option<&str>)> {
    let mut at = 0;
    // Some servers take `;` for a separator too.
    text.split(['&', ';']).map(move |pair| {
        let start = at;
        at += pair.len() + 1;
        match pair.split_once('=') {
            Some((key, value)) => (start, key, Some(value)),
            None => (start, pair, None),
        }
    })
}

//! Tokens and keys that are known by how they look.

use super::{Finder, Found};
use crate::redact::REDACTED;
use crate::redact::defaults::{Part, count, names, reason};

/// What tokens of some makers begin with.
pub(in crate::redact) const PREFIXES: [&str; count(Part::TokenPrefix)] = names(Part::TokenPrefix);
/// Bytes behind such a beginning, at least.
pub(in crate::redact) const MIN_TOKEN_BYTES: usize = 12;
/// Bytes of a bearer token that is only letters, at least: what is shorter is a word.
const MIN_WORD_BYTES: usize = 20;

/// How far the digit of a token is looked for.
const MAX_TOKEN_LOOK_BYTES: usize = 128;
/// What is longer behind `Basic` is no part of a sentence, whatever it says.
const MAX_BASIC_LOOK_BYTES: usize = 512;

/// The byte before the last one of every prefix.
static LAST_BUT_ONE: [bool; 256] = {
    let mut table = [false; 256];
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < PREFIXES.len() {
        let prefix = PREFIXES[row].as_bytes();
        table[prefix[prefix.len() - 2] as usize] = true;
        row += 1;
    }
    table
};

impl Finder<'_> {
    /// `header.payload.signature` around this `J`. A token never begins with other than `eyJ`: that is `{"` in base 64.
    pub(super) fn jwt(&mut self, at: usize) -> Option<Found> {
        let start = at.checked_sub(2).filter(|start| self.part(*start, at) == b"ey")?;
        let mut end = self.run(at, |byte| is_base64url(byte) || byte == b'.');
        self.at = end;
        let is_open = self.is_open(end);
        while self.before(end) == b'.' {
            end -= 1;
        }
        let mut parts = self.part(start, end).split(|byte| *byte == b'.');
        let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        (is_open || (header.len() >= 10 && payload.len() >= 2)).then(|| Self::shape(start, end, "jwt"))
    }

    /// `Bearer …` and `Basic …` from this `b` on.
    pub(super) fn credentials(&self, at: usize) -> Option<Found> {
        if self.before(at).is_ascii_alphanumeric() {
            return None;
        }
        let is_word = |word: &str| self.part(at, at + word.len()).eq_ignore_ascii_case(word.as_bytes());
        let name = ["bearer", "basic"].into_iter().find(|word| is_word(word))?;
        let behind = at + name.len();
        let mut start = self.run(behind, |byte| matches!(byte, b' ' | b'\t' | b'+'));
        if start == behind {
            let is_encoded = self.part(behind, behind + 3) == b"%20";
            start = if is_encoded { behind + 3 } else { return None };
        }
        start = self.run(start, |byte| matches!(byte, b'"' | b'\''));
        let is_token = |byte| is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'%');
        // `basic+basic+…`: what is refused must not be gone over to its end again and again.
        let (mut end, is_long) = self.run_within(start, MAX_BASIC_LOOK_BYTES, is_token);
        if is_long {
            return Some(Self::shape(start, self.run(end, is_token), name));
        }
        let is_open = self.is_open(end);
        while matches!(self.before(end), b'.') && end > start {
            end -= 1;
        }
        let run = self.part(start, end);
        let is_secret = run != REDACTED.as_bytes()
            && !run.is_empty()
            && (is_open || if name == "basic" { is_user_and_password(run) } else { is_no_word(run) });
        is_secret.then(|| Self::shape(start, end, name))
    }

    /// A whole block of PEM from this dash on; what does not end is taken to its end.
    pub(super) fn private_key(&mut self, at: usize) -> Option<Found> {
        const BEGIN: &[u8] = b"-----BEGIN";
        /// `ENCRYPTED PRIVATE KEY` and the like.
        const MAX_LABEL_BYTES: usize = 64;
        if self.part(at, at + BEGIN.len()) != BEGIN {
            return None;
        }
        let rest = self.text.get(at + BEGIN.len()..)?;
        let label = rest.get(..rest.find("-----").unwrap_or(rest.len()))?;
        let is_open = label.len() == rest.len();
        if label.len() > MAX_LABEL_BYTES || (!label.contains("PRIVATE") && !is_open) {
            // Not the dashes one by one.
            self.at = at + BEGIN.len();
            return None;
        }
        let end = rest.find("-----END").and_then(|end| {
            let behind = end + "-----END".len();
            Some(behind + rest.get(behind..)?.find("-----")? + 5)
        });
        Some(Self::shape(at, end.map_or(self.text.len(), |end| at + BEGIN.len() + end), "private-key"))
    }

    /// A token of some maker whose beginning ends here.
    pub(super) fn token(&self, at: usize) -> Option<Found> {
        if !LAST_BUT_ONE.get(usize::from(self.before(at))).copied().unwrap_or_default() {
            return None;
        }
        let so_far = self.part(self.done, at + 1);
        let begins = |prefix: &&&str| {
            so_far.strip_suffix(prefix.as_bytes()).is_some_and(|before| !before.last().is_some_and(u8::is_ascii_alphanumeric))
        };
        let prefix = PREFIXES.iter().find(begins)?;
        // `sk-sk-…`: only of what is a secret is the end looked for.
        let (near, is_long) = self.run_within(at + 1, MAX_TOKEN_LOOK_BYTES, is_base64url);
        let run = self.part(at + 1, near);
        let is_secret = run.len() >= MIN_TOKEN_BYTES && run.iter().any(u8::is_ascii_digit);
        if !is_secret && (is_long || !self.is_open(near)) {
            return None;
        }
        let (start, end) = (at + 1 - prefix.len(), self.run(near, is_base64url));
        Some(Found { reason: reason(prefix, Part::TokenPrefix), ..Self::shape(start, end, "bearer") })
    }
}

pub(in crate::redact) const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=')
}

/// Whether what stands behind `Bearer` is a token, and not the next word of a sentence.
fn is_no_word(run: &[u8]) -> bool {
    let first_is_letter = run.first().is_some_and(u8::is_ascii_alphabetic);
    let rest_is_lower = run.iter().skip(1).all(u8::is_ascii_lowercase);
    run.len() >= MIN_WORD_BYTES || !(first_is_letter && (rest_is_lower || run.iter().all(u8::is_ascii_uppercase)))
}

/// Whether base 64 hides a colon, which stands between user and password.
fn is_user_and_password(run: &[u8]) -> bool {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let (mut bits, mut held) = (0_u32, 0);
    for digit in run.iter().map_while(|byte| value(*byte)) {
        (bits, held) = (bits << 6 | u32::from(digit), held + 6);
        if held >= 8 {
            held -= 8;
            if (bits >> held) as u8 == b':' {
                return true;
            }
        }
    }
    // Not base 64, or not only: a word of a sentence has neither digits nor signs.
    run.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'=' | b'%'))
}

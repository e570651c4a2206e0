//! A closer look at some bytes that may belong to a secret.

use super::windows::{self, BASIC, BEARER, LITERALS, NO_NUMBER, Place, SINGLE};
use super::{BLOCK, kinds};
use crate::redact::key::OwnKeys;
use crate::redact::text::{
    MAX_NAME_BYTES, MIN_CARD_DIGITS, MIN_TOKEN_BYTES, PREFIXES, ends_url, is_base64url, is_element_name, look,
};

/// How far the `@` of a URL is looked for; a longer one is suspect without.
const MAX_URL_BYTES: usize = 64;

/// Whether something in a block that begins here may belong to a secret. Runs of digits were looked at up to `counted`.
#[cold]
#[inline(never)]
pub(super) fn is_suspect(bytes: &[u8], keys: &OwnKeys, start: usize, block: &[u8; BLOCK], counted: &mut usize) -> bool {
    let closer = Closer { bytes, keys };
    let kinds = kinds(block);
    let [_, two, three, _] = kinds;
    if (two | three) & NO_NUMBER == 0 && start + 2 >= *counted && closer.is_number(start + 2, counted) {
        return true;
    }
    let mut at = start;
    for kind in kinds {
        if kind & !NO_NUMBER != 0 && closer.is_window(at, kind) {
            return true;
        }
        at += 2;
    }
    false
}

#[derive(Clone, Copy)]
struct Closer<'a> {
    bytes: &'a [u8],
    keys: &'a OwnKeys,
}

impl<'a> Closer<'a> {
    #[inline]
    fn is_window(self, at: usize, kind: u8) -> bool {
        let is_single = |at: usize| match self.bytes.get(at) {
            Some(b'=') => self.is_behind_key(at),
            Some(byte @ (b':' | b'<' | b'{' | b'[')) => self.is_single(at, *byte),
            _ => false,
        };
        (kind & SINGLE != 0 && (is_single(at) || is_single(at + 1)))
            || windows::places(kind).iter().any(|place| self.is_literal(at, *place))
    }

    /// Whether the run of digits, blanks and dashes around a place has as many digits as a card.
    fn is_number(self, at: usize, counted: &mut usize) -> bool {
        let (mut start, mut end, mut digits) = (at, at, 0);
        let part = |at: usize| self.bytes.get(at).copied().filter(|byte| windows::kind([*byte; 2]) & NO_NUMBER == 0);
        while let Some(byte) = start.checked_sub(1).and_then(part) {
            digits += usize::from(byte.is_ascii_digit());
            start -= 1;
        }
        while let Some(byte) = part(end) {
            digits += usize::from(byte.is_ascii_digit());
            end += 1;
        }
        look(end - start);
        *counted = end;
        digits >= MIN_CARD_DIGITS
    }

    /// What is behind `start`, at most `max` bytes.
    fn behind(self, start: usize, max: usize) -> &'a [u8] {
        let end = self.bytes.len().min(start.saturating_add(max));
        self.bytes.get(start..end).unwrap_or_default()
    }

    #[inline(never)]
    fn is_single(self, at: usize, byte: u8) -> bool {
        match byte {
            // `token:/` may be the end of one part and `/path` the next one.
            b':' => self.is_behind_key(at) || (self.behind(at + 1, 2) == b"//" && self.has_userinfo(at + 3)),
            b'<' => self.is_element(at + 1),
            b'{' => self.first_of(at + 1) == Some(b'"'),
            _ => matches!(self.first_of(at + 1), Some(b'"' | b'{' | b'[')),
        }
    }

    #[inline]
    fn is_behind_key(self, at: usize) -> bool {
        let before = self.bytes.get(..at).unwrap_or_default();
        self.keys.may_be(before)
    }

    /// An element is known by its name, which ends where the text goes on, or it is none.
    fn is_element(self, start: usize) -> bool {
        let near = self.behind(start, MAX_NAME_BYTES);
        let len = near.iter().position(|byte| !is_element_name(*byte)).unwrap_or(near.len());
        look(len);
        len > 0 && self.keys.may_be(near.get(..len).unwrap_or_default())
    }

    /// The first byte from here on that is no blank.
    fn first_of(self, start: usize) -> Option<u8> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.iter().position(|byte| !byte.is_ascii_whitespace());
        look(len.unwrap_or(rest.len()));
        rest.get(len?).copied()
    }

    /// Whether a URL may have a `@` behind its `://`, which ends here.
    fn has_userinfo(self, start: usize) -> bool {
        let near = self.behind(start, MAX_URL_BYTES);
        let end = near.iter().position(|byte| *byte == b'@' || ends_url(*byte));
        look(end.unwrap_or(near.len()));
        match end {
            Some(end) => near.get(end) == Some(&b'@'),
            None => near.len() == MAX_URL_BYTES,
        }
    }

    /// Whether a literal that has its window here is there, and what has to follow.
    #[inline]
    fn is_literal(self, at: usize, place: Place) -> bool {
        // Most are told apart by their first byte, and the others by the last one.
        let is = |at: usize, wanted: u8| self.bytes.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted));
        at.checked_sub(usize::from(place.offset)).is_some_and(|start| {
            let last = (start + usize::from(place.len)).saturating_sub(1);
            is(start, place.first) && is(last, place.last) && self.is_whole_literal(start, place.literal.into())
        })
    }

    #[inline(never)]
    fn is_whole_literal(self, start: usize, row: usize) -> bool {
        let Some(literal) = LITERALS.get(row) else { return false };
        let (found, behind) = (self.behind(start, literal.len()), start + literal.len());
        look(literal.len());
        if matches!(*literal, BEARER | BASIC) {
            let is_next = matches!(self.bytes.get(behind), Some(b' ' | b'\t' | b'+' | b'%'));
            return is_next && found.eq_ignore_ascii_case(literal.as_bytes());
        }
        // A prefix alone is no token.
        found == literal.as_bytes() && (row >= PREFIXES.len() || self.is_token(behind))
    }

    fn is_token(self, start: usize) -> bool {
        let run = self.behind(start, MIN_TOKEN_BYTES);
        look(run.len());
        run.len() == MIN_TOKEN_BYTES && run.iter().all(|byte| is_base64url(*byte))
    }
}

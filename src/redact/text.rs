//! Secrets in free text, found in one pass from left to right.
//!
//! The pass stops only at the few characters that one of the shapes cannot do without: a text without secrets costs
//! little more than a look at each of its bytes. Nothing is ever gone over twice but for a bounded distance, so the time
//! grows with the length alone.

mod card;
mod pair;
mod token;
mod url;
mod xml;

use super::REDACTED;
use super::defaults::{Part, reason};
use super::key::OwnKeys;

pub(super) use self::card::{MIN_CARD_DIGITS, is_card};
pub(super) use self::token::{MIN_TOKEN_BYTES, PREFIXES, is_base64url};
pub(super) use self::url::ends_url;
pub(super) use self::xml::{MAX_NAME_BYTES, is_element_name};

/// What is known of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nature {
    /// The path of a URL: mail addresses count, `key: value` does not.
    pub(super) is_path: bool,
    /// Its end was cut off: a secret may have been cut in two, so what may be the first half of one counts.
    pub(super) is_cut: bool,
}

/// A secret in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands in its place.
    pub(super) with: &'static str,
    pub(super) reason: &'static str,
    /// Where its key is; empty where it has none.
    pub(super) key: (usize, usize),
}

/// Finds them, one after the other.
pub(super) struct Finder<'a> {
    text: &'a str,
    keys: &'a OwnKeys,
    nature: Nature,
    at: usize,
    /// Up to where the last one went.
    done: usize,
    /// Elements of XML whose end was looked for in vain.
    unclosed: u8,
}

impl<'a> Finder<'a> {
    pub(super) const fn new(text: &'a str, keys: &'a OwnKeys, nature: Nature) -> Self {
        Self { text, keys, nature, at: 0, done: 0, unclosed: 0 }
    }

    fn byte(&self, at: usize) -> u8 {
        look(1);
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// The byte before; 0 at the start.
    fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    fn part(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.as_bytes().get(start..end).unwrap_or_default()
    }

    /// Where the bytes that are `wanted` end.
    fn run(&self, start: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let len = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        look(len + 1);
        start + len
    }

    /// The same, looked for no further than `max` bytes; and whether it goes on behind them.
    fn run_within(&self, start: usize, max: usize, wanted: impl Fn(u8) -> bool) -> (usize, bool) {
        let near = self.part(start, self.text.len().min(start.saturating_add(max)));
        let len = near.iter().position(|byte| !wanted(*byte));
        look(len.unwrap_or(near.len()) + 1);
        (start + len.unwrap_or(near.len()), len.is_none() && near.len() == max)
    }

    /// Whether a run that ends here may go on in what was cut off.
    const fn is_open(&self, end: usize) -> bool {
        self.nature.is_cut && end >= self.text.len()
    }

    fn shape(start: usize, end: usize, name: &str) -> Found {
        Found { start, end, with: REDACTED, reason: reason(name, Part::Shape), key: (start, start) }
    }
}

impl Iterator for Finder<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += rest.iter().position(|byte| stop(*byte) != Stop::No)?;
            let at = self.at;
            self.at += 1;
            let found = match stop(self.byte(at)) {
                Stop::Colon if self.part(at + 1, at + 3) == b"//" => {
                    self.at = at + 3;
                    self.userinfo(at + 3)
                }
                // A path of Rust or C++.
                Stop::Colon if self.byte(at + 1) == b':' => {
                    self.at = at + 2;
                    None
                }
                Stop::Colon if self.nature.is_path => None,
                Stop::Colon | Stop::Equals => self.pair(at),
                Stop::Digit => self.card(at),
                Stop::Less => self.element(at),
                Stop::At if self.nature.is_path => self.mail(at),
                Stop::J => self.jwt(at),
                Stop::B => self.credentials(at),
                Stop::Dash => self.private_key(at).or_else(|| self.token(at)),
                Stop::Token => self.token(at),
                Stop::At | Stop::No => None,
            };
            if let Some(found) = found.filter(|found| found.start >= self.done && found.end > found.start) {
                self.done = found.end;
                self.at = self.at.max(found.end);
                return Some(found);
            }
        }
    }
}

/// Why the pass stops at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    No,
    Colon,
    Equals,
    Digit,
    At,
    Less,
    /// Of `eyJ`, the rarest.
    J,
    /// Of bearer and basic.
    B,
    Dash,
    /// The last letter of what tokens begin with.
    Token,
}

fn stop(byte: u8) -> Stop {
    STOPS.get(usize::from(byte)).copied().unwrap_or(Stop::No)
}

static STOPS: [Stop; 256] = {
    let mut table = [Stop::No; 256];
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < token::PREFIXES.len() {
        let prefix = token::PREFIXES[row].as_bytes();
        table[prefix[prefix.len() - 1] as usize] = Stop::Token;
        row += 1;
    }
    let mut digit = b'0';
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while digit <= b'9' {
        table[digit as usize] = Stop::Digit;
        digit += 1;
    }
    let others = [
        (b':', Stop::Colon),
        (b'=', Stop::Equals),
        (b'@', Stop::At),
        (b'<', Stop::Less),
        (b'J', Stop::J),
        (b'b', Stop::B),
        (b'B', Stop::B),
        (b'-', Stop::Dash),
    ];
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < others.len() {
        table[others[row].0 as usize] = others[row].1;
        row += 1;
    }
    table
};

#[cfg(test)]
thread_local! {
    /// Bytes that were looked at.
    pub(super) static LOOKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts what is looked at, so that a test can say how much that is.
#[cfg(test)]
pub(super) fn look(bytes: usize) {
    LOOKED.with(|looked| looked.set(looked.get() + bytes));
}

#[cfg(not(test))]
pub(super) const fn look(_bytes: usize) {}

#[cfg(test)]
mod tests;

//! Values of trace headers: read without a copy, and put together on the stack.

use std::fmt;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::record::{SpanId, TraceId, parse_hex};

/// How often a header comes. Whoever has seen all headers knows it without looking any up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Lines<'h> {
    /// It does not.
    #[default]
    None,
    One(&'h HeaderValue),
    /// More than once: they have to be looked up.
    Many,
}

impl<'h> Lines<'h> {
    pub(super) fn of(headers: &'h HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Many,
        }
    }

    /// The value of one that comes once, without spaces and tabs around; of two, neither is believed.
    pub(super) fn only(self) -> Option<&'h [u8]> {
        match self {
            Self::One(value) => Some(trim(value.as_bytes())),
            Self::None | Self::Many => None,
        }
    }
}

/// [`Lines::only`] of a header that is looked up.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    Lines::of(headers, name).only()
}

/// Without spaces and tabs around.
pub(super) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// What stands before and behind the first `separator`.
pub(super) fn split_once(value: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|byte| *byte == separator)?;
    Some((value.get(..at)?, value.get(at + 1..)?))
}

/// A trace id of 128 bits, or one of 64 with zeros on its left.
pub(super) fn trace_id(digits: &[u8]) -> Option<TraceId> {
    match digits.len() {
        16 => parse_hex(digits).map(u64::from_be_bytes).and_then(|low| wide(0, low)),
        32 => parse_hex(digits).map(TraceId).filter(|id| id.is_valid()),
        _ => None,
    }
}

/// A trace id of two halves.
pub(super) fn wide(high: u64, low: u64) -> Option<TraceId> {
    let id = TraceId((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    id.is_valid().then_some(id)
}

pub(super) fn span_id(digits: &[u8]) -> Option<SpanId> {
    parse_hex(digits).map(SpanId).filter(|id| id.is_valid())
}

/// A number of at most 64 bits in decimal digits.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    const MAX_DIGITS: usize = 20;
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let add = |sum: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    digits.iter().try_fold(0, add)
}

/// Sets a header to a short text.
pub(super) fn set(headers: &mut HeaderMap, name: &'static HeaderName, text: fmt::Arguments<'_>) {
    if let Some(value) = short(text) {
        // A map that is full to its limit stays as it is.
        let _ = headers.try_insert(name, value);
    }
}

/// A short text as a value.
pub(super) fn short(text: fmt::Arguments<'_>) -> Option<HeaderValue> {
    let mut short = Short { bytes: [0; MAX_BYTES], len: 0 };
    fmt::write(&mut short, text).ok()?;
    HeaderValue::from_bytes(short.bytes.get(..short.len)?).ok()
}

/// The longest text that a header here has, and some.
const MAX_BYTES: usize = 96;

struct Short {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

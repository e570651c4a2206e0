//! One set of attributes: borrowed while it is looked for, owned once it is known.

use std::sync::Arc;

use crate::record::Value;
use crate::record::parts::cut_at;

/// Longest text of an attribute.
const MAX_BYTES: usize = 256;
/// Attributes of one set, at most.
const MAX: usize = 8;

/// An attribute with its own copy of the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) value: Owned,
}

/// The values that metrics have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owned {
    Bool(bool),
    I64(i64),
    Text(Box<str>),
}

impl Owned {
    pub(super) fn view(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::Text(value) => Value::Str(value),
        }
    }
}

/// A text or a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Borrowed<'a> {
    I64(i64),
    Text(&'a str),
}

impl<'a> From<&'a str> for Borrowed<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for Borrowed<'_> {
    fn from(number: u16) -> Self {
        Self::I64(number.into())
    }
}

/// Attributes of a measurement, in the order in which its metric always gives them.
#[derive(Debug)]
pub(super) struct Set<'a> {
    pairs: [(&'static str, Borrowed<'a>); MAX],
    len: usize,
}

impl<'a> Set<'a> {
    pub(super) const fn new() -> Self {
        Self { pairs: [("", Borrowed::I64(0)); MAX], len: 0 }
    }

    pub(super) fn push(&mut self, name: &'static str, value: impl Into<Borrowed<'a>>) {
        let value = match value.into() {
            Borrowed::Text(text) => Borrowed::Text(cut(text)),
            number => number,
        };
        if let Some(slot) = self.pairs.get_mut(self.len) {
            *slot = (name, value);
            self.len += 1;
        }
    }

    pub(super) fn push_some(&mut self, name: &'static str, value: Option<impl Into<Borrowed<'a>>>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    fn pairs(&self) -> &[(&'static str, Borrowed<'a>)] {
        self.pairs.get(..self.len).unwrap_or_default()
    }

    /// Writes what tells this set from every other one of the same metric.
    pub(super) fn write_key(&self, key: &mut Vec<u8>) {
        // No byte of UTF-8: whatever a text holds, it ends where it ends.
        const END: u8 = 0xff;
        key.clear();
        for (name, value) in self.pairs() {
            key.extend_from_slice(name.as_bytes());
            match value {
                Borrowed::I64(number) => {
                    key.push(0);
                    key.extend_from_slice(&number.to_le_bytes());
                }
                Borrowed::Text(text) => {
                    key.push(1);
                    key.extend_from_slice(text.as_bytes());
                    key.push(END);
                }
            }
        }
    }

    pub(super) fn to_owned(&self) -> Arc<[Attribute]> {
        let own = |(name, value): &(&'static str, Borrowed<'_>)| Attribute {
            name,
            value: match value {
                Borrowed::I64(number) => Owned::I64(*number),
                Borrowed::Text(text) => Owned::Text((*text).into()),
            },
        };
        self.pairs().iter().map(own).collect()
    }
}

/// The set of everything that found no room.
pub(super) fn overflow() -> Arc<[Attribute]> {
    Arc::new([Attribute { name: "otel.metric.overflow", value: Owned::Bool(true) }])
}

/// The start of a text, up to a character's border.
fn cut(text: &str) -> &str {
    cut_at(text, MAX_BYTES).0
}

//! Attributes that are looked up one after the other; what nobody asked for is left.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::wire::{Any, KeyValue};
use crate::archive::make::{push_field_text, push_word};
use crate::record::SpanId;
use crate::record::parts::{List, Parts, Slot};

/// Attributes of one owner.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub(super) const fn new(pairs: Vec<KeyValue>) -> Self {
        Self(pairs)
    }

    /// Takes the first of these names out that is there.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<Any> {
        names.iter().find_map(|name| {
            let at = self.0.iter().position(|pair| pair.key == *name)?;
            Some(self.0.remove(at).value)
        })
    }

    /// As a text that is not empty.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<String> {
        self.any_text(names).filter(|text| !text.is_empty())
    }

    /// As a text.
    pub(super) fn any_text(&mut self, names: &[&str]) -> Option<String> {
        self.take(names).map(text)
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, names: &[&str]) -> Option<T> {
        number(&self.take(names)?)?.try_into().ok()
    }

    pub(super) fn float(&mut self, names: &[&str]) -> Option<f64> {
        match self.take(names)? {
            Any::Float(number) => Some(number),
            Any::Integer(number) => Some(number as f64),
            _ => None,
        }
    }

    pub(super) fn flag(&mut self, names: &[&str]) -> bool {
        matches!(self.take(names), Some(Any::Bool(true)))
    }

    pub(super) fn address(&mut self, names: &[&str]) -> Option<IpAddr> {
        self.text(names)?.parse().ok()
    }

    pub(super) fn span_id(&mut self, name: &str) -> SpanId {
        self.text(&[name]).and_then(|text| SpanId::parse(&text)).unwrap_or_default()
    }

    pub(super) fn list(&mut self, name: &str) -> Vec<Any> {
        match self.take(&[name]) {
            Some(Any::List(values)) => values,
            _ => Vec::new(),
        }
    }

    pub(super) fn map(&mut self, name: &str) -> Option<Self> {
        match self.take(&[name]) {
            Some(Any::Map(pairs)) => Some(Self(pairs)),
            _ => None,
        }
    }

    /// Takes out all whose name begins so; without that beginning, values one by one.
    pub(super) fn below(&mut self, prefix: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.0.retain_mut(|pair| {
            let Some(name) = pair.key.strip_prefix(prefix).filter(|name| !name.is_empty()) else { return true };
            match std::mem::take(&mut pair.value) {
                Any::List(values) => found.extend(values.into_iter().map(|value| (name.to_owned(), text(value)))),
                value => found.push((name.to_owned(), text(value))),
            }
            false
        });
        found
    }

    /// Leaves out what begins so.
    pub(super) fn drop_below(&mut self, prefix: &str) {
        self.0.retain(|pair| !pair.key.starts_with(prefix));
    }

    pub(super) fn put(&mut self, key: &str, text: &str) {
        self.0.push(KeyValue { key: key.to_owned(), value: Any::Text(text.to_owned()) });
    }

    /// What is left becomes fields.
    pub(super) fn fields(self, parts: &mut Parts) -> List {
        let mut list = List::default();
        for KeyValue { key, value } in self.0 {
            let name = push_word(parts, &key);
            let slot = slot(parts, value);
            parts.push_field(&mut list, name, slot);
        }
        list
    }
}

/// A value as it is stored.
fn slot(parts: &mut Parts, value: Any) -> Slot {
    match value {
        Any::Bool(value) => Slot::Bool(value),
        Any::Integer(value) => Slot::I64(value),
        Any::Float(value) => Slot::F64(value),
        value => {
            let text = text(value);
            Slot::Text(push_field_text(parts, &text))
        }
    }
}

/// An unsigned number; one beyond `i64` is written as text.
pub(super) fn number(value: &Any) -> Option<u64> {
    match value {
        Any::Integer(number) => u64::try_from(*number).ok(),
        Any::Text(text) => text.parse().ok(),
        Any::Float(number) if number.fract() == 0.0 && (0.0..9e15).contains(number) => Some(*number as u64),
        _ => None,
    }
}

/// Any value as text; lists and maps as JSON.
pub(super) fn text(value: Any) -> String {
    match value {
        Any::Nothing => String::new(),
        Any::Text(text) => text,
        value => {
            let mut out = String::new();
            write(&value, &mut out);
            out
        }
    }
}

fn write(value: &Any, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = match value {
        Any::Nothing => out.write_str("null"),
        Any::Bool(value) => write!(out, "{value}"),
        Any::Integer(value) => write!(out, "{value}"),
        Any::Float(value) => write!(out, "{value}"),
        Any::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
        Any::List(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(value, out);
            }
            out.write_str("]")
        }
        Any::Map(pairs) => {
            out.push('{');
            for (at, pair) in pairs.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{}:", serde_json::Value::from(pair.key.as_str()));
                write(&pair.value, out);
            }
            out.write_str("}")
        }
    };
}
